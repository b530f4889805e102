//go:build unix

package resilience

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// TestKeptBodiesSurviveKill: what was written of requests is there after kill -9 of the server, and its deletion leaves a proof.
func TestKeptBodiesSurviveKill(t *testing.T) {
	s := binary.Start(t)
	stored := func() (out struct {
		Stored struct{ Requests int }
	}) {
		t.Helper()
		if err := json.Unmarshal([]byte(s.Run("admin", "retention", "show", "--json")), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	until := func(what string, n int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); stored().Stored.Requests != n; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %d requests are stored, want %d", what, stored().Stored.Requests, n)
			}
		}
	}
	var ids []string
	for range 5 {
		resp, err := call(s, http.MethodPost, "/v1/completions", map[string]any{"model": "gpt-3.5-turbo-instruct", "prompt": "once upon", "max_tokens": 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status, err)
		}
		ids = append(ids, resp.Header.Get("X-Request-Id"))
	}
	until("before", len(ids))
	s.Kill()
	s.Launch()
	until("after kill -9", len(ids))
	for _, id := range ids {
		if out := s.Run("admin", "review", "flag", id, "--reason", "test"); !strings.HasPrefix(out, "review_") {
			t.Errorf("%s: %s", id, out)
		}
	}
	s.Run("admin", "retention", "set", "--days", "0")
	until("after deletion", 0)
	var log struct {
		Data []map[string]any
	}
	for end := time.Now().Add(time.Minute); len(log.Data) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no proof")
		}
		get(t, s, "/v1/organization/audit_logs?event_types[]=deletion_proof.created", &log)
	}
	if text, err := json.Marshal(log.Data); err != nil || len(log.Data) != 1 || !strings.Contains(string(text), `"requests":5`) {
		t.Errorf("%s %v", text, err)
	}
}
