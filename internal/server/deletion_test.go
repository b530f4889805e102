package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/testkit"
)

// TestOrganizationEnds: an organization that was used, by a browser and a program, is deleted by its owner: both are
// refused at once, the job of the running server empties it, and the rest of the server goes on.
func TestOrganizationEnds(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Log: slog.New(slog.DiscardHandler)})
	ids, ctx := s.Identity(), t.Context()
	s.Clock.Advance(time.Second) // the operator's organization is the oldest
	token, o, err := ids.CreateOrganization(ctx, "second", "boss@example.com")
	if err != nil {
		t.Fatal(err)
	}
	boss, err := ids.Accept(ctx, token, actor.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	browser := map[string]string{"Cookie": identity.Cookie + "=" + boss.Secret, "Content-Type": "application/json"}
	key := keyFor(t, ids, boss.Actor)
	program := map[string]string{key[0]: key[1], "Content-Type": "application/json"}
	call := func(headers map[string]string, method, path, body string, want int) map[string]any {
		t.Helper()
		resp, text := s.CallWith(headers, method, path, body)
		if resp.StatusCode != want {
			t.Fatalf("%s %s: %s %s", method, path, resp.Status, text)
		}
		var out map[string]any
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return out
	}
	call(program, http.MethodPost, "/v1/chat/completions", `{"model":"echo","messages":[{"role":"user","content":"hello"}]}`, 200)
	chat := call(browser, http.MethodPost, "/api/chats", `{}`, 200)
	call(browser, http.MethodPost, "/api/presets", `{"name":"mine","mode":"chat","settings":{},"shared":false}`, 200)
	call(browser, http.MethodPost, "/api/organization/delete", `{"name":"wrong"}`, 400)
	d := call(browser, http.MethodPost, "/api/organization/delete", `{"name":"second"}`, 200)

	call(browser, http.MethodGet, "/api/session", "", 401)
	call(program, http.MethodPost, "/v1/chat/completions", `{"model":"echo","messages":[{"role":"user","content":"hello"}]}`, 401)
	path := "/api/deletions/" + d["id"].(string)
	for deadline := time.Now().Add(time.Minute); d["state"] != "done"; {
		if time.Now().After(deadline) {
			t.Fatalf("the deletion does not end: %v", d)
		}
		time.Sleep(20 * time.Millisecond)
		d = call(nil, http.MethodGet, path, "", 200)
	}
	rows := d["rows"].(map[string]any)
	for _, table := range []string{"organizations", "projects", "memberships", "api_keys", "chats", "presets", "usage_requests"} {
		if n, _ := rows[table].(float64); n < 1 {
			t.Errorf("no row of %s was deleted: %v", table, rows)
		}
	}
	all, err := ids.AllOrganizations(ctx)
	if err != nil || len(all) != 1 || all[0].ID == o.ID {
		t.Errorf("%v %v", all, err)
	}
	if resp, text := s.Call(http.MethodGet, "/api/chats/"+chat["id"].(string), nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("%s %s", resp.Status, text)
	}
	if resp, text := s.Call(http.MethodPost, "/v1/chat/completions", map[string]any{"model": "echo", "messages": []map[string]string{{"role": "user", "content": "hello"}}}); resp.StatusCode != 200 {
		t.Errorf("the other organization: %s %s", resp.Status, text)
	}
}
