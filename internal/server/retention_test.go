package server_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

// TestBodiesAreKeptForReviewers: what a client asks and gets, streamed or not, is what a reviewer reads, after a restart too; nobody else
// reads it, and nothing is kept of vectors, of refused requests, and where the organization says so.
func TestBodiesAreKeptForReviewers(t *testing.T) {
	db := storetest.SQLite(t)
	if os.Getenv(storetest.Env) != "" {
		db = storetest.Postgres(t)
	}
	s := testkit.Start(t, testkit.Options{DB: db})
	asked := map[string][3]string{} // by request id: what was sent, what came back, what kind it is
	for _, call := range [][3]string{
		{"/v1/chat/completions", `{"model":"echo","messages":[{"role":"user","content":"one"}]}`, "answer"},
		{"/v1/chat/completions", `{"model":"echo","stream":true,"messages":[{"role":"user","content":"two"}]}`, "answer"},
		{"/v1/completions", `{"model":"echo","prompt":"three"}`, "answer"},
		{"/v1/embeddings", `{"model":"echo","input":"four"}`, "vectors"},
		{"/v1/chat/completions", `{"model":"none such","messages":[{"role":"user","content":"five"}]}`, "refused"},
	} {
		resp, text := s.Call(http.MethodPost, call[0], call[1])
		if (resp.StatusCode == http.StatusOK) != (call[2] != "refused") {
			t.Fatalf("%s: %s %s", call[1], resp.Status, text)
		}
		asked[resp.Header.Get("X-Request-Id")] = [3]string{call[1], text, call[2]}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	key := map[string]string{"Authorization": "Bearer " + s.Key, "Content-Type": "application/json"}
	s = testkit.Start(t, testkit.Options{DB: db})
	owner := s.Browser()
	decode := func(text string, v any) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	if resp, text := s.Do(owner, http.MethodGet, "/api/review/items", nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an owner who is no reviewer: %s %s", resp.Status, text)
	}
	var me struct{ User struct{ ID string } }
	_, session := s.Do(owner, http.MethodGet, "/api/session", nil)
	decode(session, &me)
	if resp, text := s.Do(owner, http.MethodPost, "/api/operator/reviewers", map[string]string{"user": me.User.ID}); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, text)
	}
	if resp, text := s.CallWith(key, http.MethodGet, "/api/review/items", nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a reviewer's key: %s %s", resp.Status, text)
	}
	for id, call := range asked {
		resp, text := s.Do(owner, http.MethodPost, "/api/operator/review/items", map[string]string{"request_id": id, "reason": "test"})
		if call[2] == "refused" {
			if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, "request_not_found") {
				t.Errorf("a refused request is kept: %s %s", resp.Status, text)
			}
			continue
		}
		var item struct{ ID string }
		decode(text, &item)
		path := "/api/review/items/" + item.ID
		if resp, text := s.Do(owner, http.MethodPost, path+"/claim", nil); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", resp.Status, text)
		}
		var bodies struct{ Request, Response string }
		_, looked := s.Do(owner, http.MethodPost, path+"/look", nil)
		decode(looked, &bodies)
		want := call[1]
		if call[2] == "vectors" {
			want = ""
		}
		if bodies.Request != call[0] || bodies.Response != want {
			t.Errorf("%s:\nkept %q\n     %q\nwant %q", call[0], bodies.Request, bodies.Response, want)
		}
	}
	if resp, text := s.Do(owner, http.MethodPut, "/api/retention", `{"days":0,"share_for_training":false}`); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, text)
	}
	resp, text := s.CallWith(key, http.MethodPost, "/v1/completions", `{"model":"echo","prompt":"six"}`)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, text)
	}
	if resp, text := s.Do(owner, http.MethodPost, "/api/operator/review/items", map[string]string{"request_id": resp.Header.Get("X-Request-Id"), "reason": "test"}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s %s", resp.Status, text)
	}
	_, text = s.Call(http.MethodGet, "/metrics", nil)
	for _, want := range []string{"parley_retention_dropped_total 0", "parley_retention_waiting_bytes 0"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s among the figures", want)
		}
	}
}
