package server_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

// TestCalendar: what an organization changes is in force at once, says so in headers, and is in force on
// another server of the database.
func TestCalendar(t *testing.T) {
	db := storetest.SQLite(t)
	if os.Getenv(storetest.Env) != "" {
		db = storetest.Postgres(t)
	}
	s := testkit.Start(t, testkit.Options{DB: db}) // the clock shows 6 November 2023
	ask := func(s *testkit.Server, key string) (*http.Response, string) {
		return s.CallWith(map[string]string{"Authorization": "Bearer " + key}, http.MethodPost, "/v1/completions", map[string]any{"model": "text-davinci-003", "prompt": "Hi", "max_tokens": 4})
	}
	resp, body := ask(s, s.Key)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Deprecation") != "@1688601600" || resp.Header.Get("Sunset") != "Thu, 04 Jan 2024 00:00:00 GMT" {
		t.Errorf("deprecated: %s, %q, %q: %s", resp.Status, resp.Header.Get("Deprecation"), resp.Header.Get("Sunset"), body)
	}
	resp, body = s.Call(http.MethodPost, "/v1/chat/completions", map[string]any{"model": "gpt-3.5-turbo", "messages": []any{map[string]string{"role": "user", "content": "Hi"}}, "max_tokens": 4})
	if resp.Header.Get("Deprecation") != "" || !strings.Contains(body, `"model":"gpt-3.5-turbo-0613"`) {
		t.Errorf("a name of today: %q, %s", resp.Header.Get("Deprecation"), body)
	}

	resp, body = s.Call(http.MethodPut, "/api/calendar/text-davinci-003", map[string]any{"shutdown": "2023-11-01", "after": "fail"})
	var entry struct {
		Object, Name, Layer string
		Today               struct{ State string }
		Changes             struct{ Shutdown string }
	}
	if err := json.Unmarshal([]byte(body), &entry); err != nil || resp.StatusCode != http.StatusOK || entry.Object != "calendar_entry" ||
		entry.Layer != "organization" || entry.Today.State != "failing" || entry.Changes.Shutdown != "2023-11-01" {
		t.Fatalf("%s %v %s", resp.Status, err, body)
	}
	want := `{"error":{"message":"The model ` + "`text-davinci-003`" + ` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations (it was shut down on 2023-11-01; use ` +
		"`gpt-3.5-turbo-instruct`" + ` instead)","type":"invalid_request_error","param":null,"code":"model_not_found"}}`
	if resp, body = ask(s, s.Key); resp.StatusCode != http.StatusNotFound || strings.Join(strings.Fields(body), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("failing: %s %s", resp.Status, body)
	}
	if resp, _ := s.Call(http.MethodGet, "/v1/models/text-davinci-003", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET /v1/models of a failing name: %s", resp.Status)
	}

	second := testkit.Start(t, testkit.Options{DB: db})
	if resp, body := ask(second, s.Key); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the second server: %s %s", resp.Status, body)
	}
	if resp, body := s.Call(http.MethodDelete, "/api/calendar/text-davinci-003", nil); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"deleted":true`) {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if resp, body = ask(s, s.Key); resp.StatusCode != http.StatusOK {
		t.Errorf("taken back: %s %s", resp.Status, body)
	}
	// By the bus, which two servers on one SQLite file do not share: those would look again in ten seconds.
	for deadline := time.Now().Add(time.Minute); os.Getenv(storetest.Env) != ""; time.Sleep(20 * time.Millisecond) {
		if resp, body = ask(second, s.Key); resp.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the second server did not see it: %s %s", resp.Status, body)
		}
	}
	if resp, body := s.Call(http.MethodPut, "/api/calendar/gpt-4", map[string]any{"name": "gpt-5"}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("two names: %s %s", resp.Status, body)
	}
	if resp, body := s.Call(http.MethodPut, "/api/calendar/gpt-4", map[string]any{"shut_down": "2024-01-01"}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown member: %s %s", resp.Status, body)
	}
}
