package wire

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/fault"
)

func TestVersionOf(t *testing.T) {
	for header, want := range map[string]Version{
		"assistants=v1": V1, "assistants=v2": V2, "other=v1, assistants=v2": V2, "assistants=v1;realtime=v1": V1, "": 0, "assistants=v3": 0, "v1": 0,
	} {
		r := &http.Request{Header: http.Header{"Openai-Beta": {header}}}
		got, err := VersionOf(r)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %v, %v", header, got, err)
		}
		if want == 0 && fault.As(err).Code != "invalid_beta" {
			t.Errorf("%q: %v", header, err)
		}
	}
}

// TestRules holds what the package doc says of objects seen through v1.
func TestRules(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	run := object.Run{
		Status: object.Incomplete, Why: "max_completion_tokens", Expires: at, Updated: at.Add(time.Minute), Files: []string{}, Metadata: object.Metadata{}, Tools: []object.Tool{},
		Truncation: object.Truncation{Type: "auto"}, ToolChoice: object.ToolChoice{Type: object.FunctionTool, Name: "f"},
	}
	old, today := V1.Run(run).(RunV1), V2.Run(run).(RunV2)
	if old.Status != object.Failed || old.LastError == nil || old.LastError.Code != object.ServerError || *old.FailedAt != at.Unix()+60 || old.ExpiresAt != at.Unix() {
		t.Errorf("v1 sees an incomplete run as %+v", old)
	}
	if today.Status != object.Incomplete || today.IncompleteDetails.Reason != "max_completion_tokens" || today.ExpiresAt != nil || today.LastError != nil {
		t.Errorf("v2 sees an incomplete run as %+v", today)
	}
	run.Status, run.LastError = object.Failed, &object.RunError{Code: object.InvalidPrompt, Message: "m"}
	if got := V1.Run(run).(RunV1).LastError.Code; got != object.ServerError {
		t.Errorf("v1 sees the code %s", got)
	}
	if run.LastError.Code != object.InvalidPrompt {
		t.Error("writing a run changed it")
	}

	parts := []object.Part{
		{Type: object.ImageURLPart, Image: &object.Image{URL: "https://example.com/a.png"}},
		{Type: object.RefusalPart, Refusal: "No."},
		{Type: object.TextPart, Text: &object.Text{Value: "a", Annotations: []object.Annotation{{Type: object.FileCitation, Text: "a", FileID: "file-1", End: 1}}}},
	}
	for v, want := range map[Version]string{
		V1: `[{"type":"text","text":{"value":"https://example.com/a.png","annotations":[]}},{"type":"text","text":{"value":"No.","annotations":[]}},` +
			`{"type":"text","text":{"value":"a","annotations":[{"type":"file_citation","text":"a","file_citation":{"file_id":"file-1","quote":""},"start_index":0,"end_index":1}]}}]`,
		V2: `[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}},{"type":"refusal","refusal":"No."},` +
			`{"type":"text","text":{"value":"a","annotations":[{"type":"file_citation","text":"a","file_citation":{"file_id":"file-1"},"start_index":0,"end_index":1}]}}]`,
	} {
		if got, err := json.Marshal(v.Parts(parts)); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", v, got, err)
		}
	}
	search := object.Call{ID: "call_1", Type: object.FileSearch, Search: &object.SearchCall{Ranker: "auto", Results: []object.SearchHit{{FileID: "file-1", FileName: "a", Score: 0.5, Text: "Cats"}}}}
	for v, want := range map[Version][2]string{
		V1: {`{"id":"call_1","type":"retrieval","retrieval":{}}`, `{"id":"call_1","type":"retrieval","retrieval":{}}`},
		V2: {
			`{"id":"call_1","type":"file_search","file_search":{"ranking_options":{"ranker":"auto","score_threshold":0},"results":[{"file_id":"file-1","file_name":"a","score":0.5}]}}`,
			`{"id":"call_1","type":"file_search","file_search":{"ranking_options":{"ranker":"auto","score_threshold":0},"results":[{"file_id":"file-1","file_name":"a","score":0.5,"content":[{"type":"text","text":"Cats"}]}]}}`,
		},
	} {
		for i, content := range []bool{false, true} {
			if got, err := json.Marshal(v.Call(search, content)); err != nil || string(got) != want[i] {
				t.Errorf("%s, content %t: %s, %v", v, content, got, err)
			}
		}
	}
}
