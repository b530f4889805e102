package embeddings

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// FuzzSearch holds that whatever is sent either becomes a request or an error for the caller.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{
		`{"query":"x","documents":["a","b"]}`, `{"query":"x","documents":[]}`, `{"query":"","file":"file-1"}`, `{"query":"x","documents":[""],"max_rerank":0}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/v1/engines/ada/search", strings.NewReader(body))
		req, err := httpapi.Decode[SearchRequest](httptest.NewRecorder(), r, httpapi.Strict)
		if err == nil {
			op, cerr := req.operation("ada")
			if err = cerr; err == nil && (op.Query == "" || len(op.Documents) != len(req.Documents) || slices.Contains(op.Documents, "")) {
				t.Errorf("%q: %q", body, op.Documents)
			}
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}
