package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

// madeKey is a key of the server's owner; body is that of the request that makes it.
func madeKey(t *testing.T, s *testkit.Server, body string) (id string, headers map[string]string) {
	t.Helper()
	var k struct{ ID, Secret string }
	resp, text := s.Call(http.MethodPost, "/api/keys", body)
	if err := json.Unmarshal([]byte(text), &k); err != nil || k.Secret == "" {
		t.Fatalf("%s %s", resp.Status, text)
	}
	return k.ID, map[string]string{"Authorization": "Bearer " + k.Secret, "Content-Type": "application/json"}
}

// TestBackgroundOfARevokedKey: what a key has begun in the background does not go on when the key was revoked meanwhile, on the next
// server neither.
func TestBackgroundOfARevokedKey(t *testing.T) {
	db := storetest.SQLite(t)
	a := testkit.Start(t, testkit.Options{DB: db, Echo: echo.Options{BeforeToken: func(ctx context.Context, _ engine.GenerateRequest, _ int) error {
		<-ctx.Done()
		return ctx.Err()
	}}})
	var r struct {
		ID, Status string
		Error      struct{ Message string }
	}
	read := func(s *testkit.Server) string {
		t.Helper()
		resp, text := s.Call(http.MethodGet, "/v1/responses/"+r.ID, nil)
		if err := json.Unmarshal([]byte(text), &r); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", resp.Status, text)
		}
		return r.Status
	}
	until := func(s *testkit.Server, status string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); read(s) != status; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it is %s, want %s", r.Status, status)
			}
		}
	}
	id, headers := madeKey(t, a, `{}`)
	resp, text := a.CallWith(headers, http.MethodPost, "/v1/responses", `{"model": "echo", "input": "Hi", "background": true}`)
	if err := json.Unmarshal([]byte(text), &r); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, text)
	}
	until(a, "in_progress")
	if resp, text := a.Call(http.MethodDelete, "/api/keys/"+id, nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, text)
	}
	if err := a.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	b := testkit.Start(t, testkit.Options{DB: db})
	b.Key = a.Key
	until(b, "failed")
	if !strings.Contains(r.Error.Message, "revoked") {
		t.Errorf("%+v", r)
	}
}

// TestToolsOfRestrictedKeys: a key for chat reads no file and no vector store by way of a response's tools either.
func TestToolsOfRestrictedKeys(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	have := kept(t, s)
	for _, tt := range []struct{ scopes, body, lacks string }{
		{`"chat.*"`, `"input": [{"role": "user", "content": [{"type": "input_file", "file_id": %q}]}]`, "files.read"},
		{`"chat.*", "files.read"`, `"input": [{"role": "user", "content": [{"type": "input_file", "file_id": %q}]}]`, ""},
		{`"chat.*", "files.*"`, `"input": "x", "tools": [{"type": "file_search", "vector_store_ids": [%q]}]`, "assistants.read"},
		{`"chat.*", "assistants.read"`, `"input": "x", "tools": [{"type": "file_search", "vector_store_ids": [%q]}]`, ""},
		{`"chat.*"`, `"input": "x", "tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [%q]}}]`, "files.read"},
	} {
		_, headers := madeKey(t, s, `{"scopes": [`+tt.scopes+`]}`)
		id := have["{file_id}"]
		if strings.Contains(tt.body, "vector_store") {
			id = have["{vector_store_id}"]
		}
		resp, text := s.CallWith(headers, http.MethodPost, "/v1/responses", `{"model": "echo", `+fmt.Sprintf(tt.body, id)+`}`)
		switch {
		case tt.lacks == "" && resp.StatusCode != http.StatusOK:
			t.Errorf("%s: %s %s", tt.scopes, resp.Status, text)
		case tt.lacks != "" && (resp.StatusCode != http.StatusForbidden || !strings.Contains(text, tt.lacks)):
			t.Errorf("%s: %s %s, want one of %s", tt.scopes, resp.Status, text, tt.lacks)
		}
	}
}
