package wire

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// FuzzUnions feeds anything to the members that take several types.
func FuzzUnions(f *testing.F) {
	for _, s := range []string{
		`{"stop":"x","prompt":"y","bias":{"50":-100}}`, `{"stop":["",null],"prompt":[1,2],"bias":{"+1":1,"01":2}}`, `{"prompt":[[1],[]]}`,
		`{"prompt":[[1],"a"],"bias":{"99999999999":1}}`, `{"prompt":[ -1.5e3],"bias":{"":1e999}}`, `{"stop":[[]],"prompt":{}}`,
	} {
		f.Add(s)
	}
	type unions struct {
		Stop   Stop      `json:"stop"`
		Prompt Prompts   `json:"prompt"`
		Bias   LogitBias `json:"bias"`
	}
	f.Fuzz(func(t *testing.T, body string) {
		v, err := httpapi.Decode[unions](httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(body)), httpapi.Strict)
		if err != nil {
			if fe := fault.As(err); fe == nil || fe.Kind != fault.Invalid || fe.Message == "" || len(fe.Message) > 2000 {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if slices.Contains(v.Stop, "") {
			t.Errorf("%q: an empty stop", body)
		}
		if len(v.Prompt.Texts) > 0 && len(v.Prompt.Tokens) > 0 || slices.ContainsFunc(v.Prompt.Tokens, func(ids []engine.Token) bool { return len(ids) == 0 }) {
			t.Errorf("%q: %+v", body, v.Prompt)
		}
		if !slices.IsSortedFunc(v.Bias, func(a, b engine.TokenBias) int { return int(a.Token) - int(b.Token) }) || len(v.Bias) > 0 && v.Bias[0].Token < 0 {
			t.Errorf("%q: %+v", body, v.Bias)
		}
	})
}
