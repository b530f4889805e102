package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

// TestLimits: what an organization sets is in force at once, for its key and its end users, and on another
// server of the database.
func TestLimits(t *testing.T) {
	db := storetest.SQLite(t)
	if os.Getenv(storetest.Env) != "" {
		db = storetest.Postgres(t)
	}
	s := testkit.Start(t, testkit.Options{DB: db})
	ask := func(s *testkit.Server, key, user string) (int, string, http.Header) {
		resp, text := s.CallWith(map[string]string{"Authorization": "Bearer " + key}, http.MethodPost, "/v1/chat/completions",
			map[string]any{"model": "gpt-4", "max_tokens": 4, "user": user, "messages": []any{map[string]string{"role": "user", "content": "Hi"}}})
		return resp.StatusCode, text, resp.Header
	}
	set := func(body map[string]any) string {
		t.Helper()
		resp, text := s.Call(http.MethodPut, "/api/limits", body)
		var l struct{ ID string }
		if err := json.Unmarshal([]byte(text), &l); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", resp.Status, text)
		}
		return l.ID
	}
	var session struct {
		Project struct{ ID string }
		User    struct{ ID string }
		Key     string `json:"api_key_id"`
	}
	_, text := s.Call(http.MethodGet, "/api/session", nil)
	if err := json.Unmarshal([]byte(text), &session); err != nil {
		t.Fatal(err)
	}
	for subject, id := range map[string]string{"project": session.Project.ID, "user": session.User.ID, "key": session.Key} {
		set(map[string]any{"subject": subject, "subject_id": id, "max_requests_per_1_minute": 100})
		resp, text := s.Call(http.MethodPut, "/api/limits", map[string]any{"subject": subject, "subject_id": id + "x", "max_requests_per_1_minute": 100})
		if resp.StatusCode != http.StatusNotFound || !strings.Contains(text, subject+"_not_found") {
			t.Errorf("a %s that is not there: %s %s", subject, resp.Status, text)
		}
	}
	id := set(map[string]any{"subject": "end_user", "model": "gpt-4", "max_requests_per_1_minute": 1})
	if status, body, h := ask(s, s.Key, "mary"); status != http.StatusOK || h.Get("X-Ratelimit-Remaining-Requests") != "0" {
		t.Errorf("%d %v %s", status, h, body)
	}
	if status, body, h := ask(s, s.Key, "mary"); status != http.StatusTooManyRequests || h.Get("Retry-After") != "60" || !strings.Contains(body, `for end user \"mary\" on requests per min.`) {
		t.Errorf("%d %v %s", status, h, body)
	}
	if status, body, _ := ask(s, s.Key, "john"); status != http.StatusOK {
		t.Errorf("another end user: %d %s", status, body)
	}
	s.Clock.Advance(time.Minute)
	if status, body, _ := ask(s, s.Key, "mary"); status != http.StatusOK {
		t.Errorf("a minute later: %d %s", status, body)
	}

	second := testkit.Start(t, testkit.Options{DB: db})
	if ask(second, s.Key, "mary"); t.Failed() {
		return
	}
	if status, body, _ := ask(second, s.Key, "mary"); status != http.StatusTooManyRequests {
		t.Errorf("the second server: %d %s", status, body)
	}
	if resp, text := s.Call(http.MethodDelete, "/api/limits/"+id, nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, text)
	}
	// By the bus, which two servers on one SQLite file do not share: those would look again in ten seconds.
	begun := time.Now()
	for os.Getenv(storetest.Env) != "" {
		status, body, _ := ask(second, s.Key, "mary")
		if status == http.StatusOK {
			t.Logf("the second server let the next request through after %v", time.Since(begun))
			break
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("the second server did not see it: %d %s", status, body)
		}
		time.Sleep(5 * time.Millisecond)
	}
	// A key without the scope sees and sets nothing.
	_, text = s.Call(http.MethodPost, "/api/keys", map[string]any{"name": "chat", "scopes": []string{"chat.write"}})
	var key struct{ Secret string }
	if err := json.Unmarshal([]byte(text), &key); err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{"GET /api/limits", "PUT /api/limits", "DELETE /api/limits/" + id, fmt.Sprintf("GET /v1/organization/projects/%s/rate_limits", session.Project.ID)} {
		method, path, _ := strings.Cut(request, " ")
		if resp, text := s.CallWith(map[string]string{"Authorization": "Bearer " + key.Secret}, method, path, nil); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s %s", request, resp.Status, text)
		}
	}
}
