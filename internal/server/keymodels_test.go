package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
)

// TestModelsOfAKey: a key asks for the models that it was made for, by their own or by what stands for them.
func TestModelsOfAKey(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	var k struct{ Secret string }
	resp, text := s.Call(http.MethodPost, "/api/keys", map[string]any{"models": []string{"gpt-4-0613", "text-embedding-ada-002"}})
	if err := json.Unmarshal([]byte(text), &k); err != nil || k.Secret == "" {
		t.Fatalf("%s %s", resp.Status, text)
	}
	key := map[string]string{"Authorization": "Bearer " + k.Secret, "Content-Type": "application/json"}
	for _, tt := range []struct {
		path, model, rest string
		status            int
	}{
		{"/v1/chat/completions", "gpt-4-0613", `"messages":[{"role":"user","content":"Hi"}]`, 200},
		{"/v1/chat/completions", "gpt-4", `"messages":[{"role":"user","content":"Hi"}]`, 200}, // stands for it
		{"/v1/chat/completions", "gpt-3.5-turbo", `"messages":[{"role":"user","content":"Hi"}]`, 403},
		{"/v1/completions", "echo", `"prompt":"Hi"`, 403}, // the same model by its own name
		{"/v1/edits", "text-davinci-edit-001", `"instruction":"x"`, 403},
		{"/v1/embeddings", "text-embedding-ada-002", `"input":"Hi"`, 200},
		{"/v1/embeddings", "echo", `"input":"Hi"`, 403},
		{"/v1/engines/davinci/completions", "", `"prompt":"Hi"`, 403},
	} {
		body := "{" + tt.rest + "}"
		if tt.model != "" {
			body = `{"model":"` + tt.model + `",` + tt.rest + "}"
		}
		resp, text := s.CallWith(key, http.MethodPost, tt.path, body)
		if resp.StatusCode != tt.status || tt.status == 403 && (!strings.Contains(text, "does not have access to model") || !strings.Contains(text, `"model_not_found"`) || !strings.Contains(text, "Project `proj_")) {
			t.Errorf("%s %s: %s %s", tt.path, tt.model, resp.Status, text)
		}
	}
	_, text = s.CallWith(key, http.MethodGet, "/v1/models", nil)
	var list struct {
		Data []struct{ ID, Snapshot string }
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Data) != 3 {
		t.Errorf("%v %s", err, text)
	}
	for path, status := range map[string]int{"/v1/models/gpt-4": 200, "/v1/models/gpt-3.5-turbo": 404, "/v1/engines/davinci": 404} {
		if resp, text := s.CallWith(key, http.MethodGet, path, nil); resp.StatusCode != status {
			t.Errorf("%s: %s %s", path, resp.Status, text)
		}
	}
}
