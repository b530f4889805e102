package embeddings

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/generate/generatetest"
)

func TestEnginesNameTheModelInThePath(t *testing.T) {
	_, srv := serve(t)
	_, want := post(t, srv, `{"model":"gpt-4","input":"The food was delicious."}`)
	if resp, got := generatetest.Do(t, srv, http.MethodPost, "/v1/engines/gpt-4/embeddings", `{"input":"The food was delicious."}`); resp.StatusCode != 200 || got != want {
		t.Errorf("%d: %s\nwant %s", resp.StatusCode, got, want)
	}
	if resp, got := generatetest.Do(t, srv, http.MethodPost, "/v1/engines/gpt-4/embeddings", `{"model":"gpt-4","input":"x"}`); resp.StatusCode != 400 || !strings.Contains(got, "Cannot specify both model and engine") {
		t.Errorf("%d: %s", resp.StatusCode, got)
	}
}

func TestSearchScoresEachDocument(t *testing.T) {
	w, srv := serve(t)
	resp, body := generatetest.Do(t, srv, http.MethodPost, "/v1/engines/echo/search", `{"query":"the president","documents":["a school","the president","the presidents"],"max_rerank":200,"return_metadata":false}`)
	var got SearchResponse
	if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d: %s, %v", resp.StatusCode, body, err)
	}
	if got.Object != "list" || got.Model != "echo" || len(got.Data) != 3 {
		t.Fatalf("%s", body)
	}
	for i, d := range got.Data {
		if d.Object != "search_result" || d.Document != i || d.Score < 0 || d.Score > 300 {
			t.Errorf("%+v", d)
		}
	}
	if same, near, far := got.Data[1].Score, got.Data[2].Score, got.Data[0].Score; same < 299.999 || near <= far {
		t.Errorf("the same text %v, nearly the same %v, another %v", same, near, far)
	}
	if r := w.Records(); len(r) != 1 || r[0].Op != "search" || r[0].Usage.PromptTokens != len("the presidenta schoolthe presidentthe presidents") {
		t.Errorf("records %+v", r)
	}
}

func TestBadSearches(t *testing.T) {
	_, srv := serve(t)
	for _, tt := range []struct{ name, body, param, code, text string }{
		{"no query", `{"documents":["a"]}`, "query", "missing_required_parameter", ""},
		{"no documents", `{"query":"a"}`, "documents", "", "1 to 200 texts"},
		{"an empty document", `{"query":"a","documents":["a",""]}`, "documents", "", "Document 1 is an empty string"},
		{"201 documents", `{"query":"a","documents":["a"` + strings.Repeat(`,"a"`, 200) + `]}`, "documents", "array_above_max_length", ""},
		{"a file", `{"query":"a","file":"file-1"}`, "file", "unsupported_parameter", "Searching an uploaded 'file'"},
		{"max_rerank", `{"query":"a","documents":["a"],"max_rerank":0}`, "max_rerank", "integer_below_min_value", ""},
		{"a model", `{"query":"a","documents":["a"],"model":"ada"}`, "", "", "Cannot specify both model and engine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, got := generatetest.Do(t, srv, http.MethodPost, "/v1/engines/echo/search", tt.body)
			var e struct {
				Error struct{ Message, Param, Code string }
			}
			if err := json.Unmarshal([]byte(got), &e); err != nil || resp.StatusCode != http.StatusBadRequest {
				t.Fatalf("%d: %s, %v", resp.StatusCode, got, err)
			}
			if e.Error.Param != tt.param || e.Error.Code != tt.code || !strings.Contains(e.Error.Message, tt.text) {
				t.Errorf("error %+v", e.Error)
			}
		})
	}
}
