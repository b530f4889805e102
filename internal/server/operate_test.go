package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/testkit"
)

// TestStatusPageIsForEverybodyOrNobody: on one's own machine it is there, elsewhere when the operator says so.
func TestStatusPageIsForEverybodyOrNobody(t *testing.T) {
	for _, tt := range []struct {
		config map[string]any
		shown  bool
	}{
		{nil, true},
		{map[string]any{"base_url": "https://parley.example.com"}, false},
		{map[string]any{"base_url": "https://parley.example.com", "status_page": "true"}, true},
		{map[string]any{"base_url": "http://localhost:8080"}, true},
		{map[string]any{"status_page": "false"}, false},
	} {
		s := testkit.Start(t, testkit.Options{Config: tt.config})
		for _, path := range []string{"/status.json", "/status.atom", "/api/v2/summary.json"} {
			resp, body := s.CallWith(nil, http.MethodGet, path, nil)
			if (resp.StatusCode == http.StatusOK) != tt.shown || strings.Contains(body, "org-") {
				t.Errorf("%v: GET %s: %s %.80s", tt.config, path, resp.Status, body)
			}
		}
		resp, body := s.CallWith(nil, http.MethodGet, "/status", nil)
		if strings.Contains(body, "All systems operational") != tt.shown {
			t.Errorf("%v: GET /status: %s %.200s", tt.config, resp.Status, body)
		}
	}
}

// TestModelsAreLookedAfterInABrowser: the operator loads, unloads while a request runs, and sees it; new requests wait.
func TestModelsAreLookedAfterInABrowser(t *testing.T) {
	gate, began := make(chan struct{}), make(chan struct{}, 8)
	s := testkit.Start(t, testkit.Options{Echo: echo.Options{BeforeToken: func(ctx context.Context, _ engine.GenerateRequest, n int) error {
		if n == 0 {
			began <- struct{}{}
			select {
			case <-gate:
			case <-ctx.Done():
			}
		}
		return ctx.Err()
	}}})
	browser := s.Browser()
	type model struct {
		Name, State    string
		Active, Queued int
		Defaults       []string `json:"default_for"`
	}
	find := func() model {
		t.Helper()
		_, body := s.Do(browser, http.MethodGet, "/api/operator/models", nil)
		var list struct{ Data []model }
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		for _, m := range list.Data {
			if m.Name == "fake/echo" {
				return m
			}
		}
		t.Fatalf("%s", body)
		return model{}
	}
	until := func(what string, is func(model) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !is(find()); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it is not %s: %+v", what, find())
			}
		}
	}
	if m := find(); len(m.Defaults) == 0 {
		t.Errorf("it answers by default: %+v", m)
	}
	if resp, body := s.Do(browser, http.MethodPut, "/api/operator/loaded/fake/echo", nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, body)
	}
	until("ready", func(m model) bool { return m.State == "ready" })
	var wg sync.WaitGroup
	ask := func() {
		wg.Go(func() {
			resp, body := s.Call(http.MethodPost, "/v1/chat/completions", map[string]any{"model": "gpt-3.5-turbo", "max_tokens": 4, "messages": []any{map[string]string{"role": "user", "content": "Hi"}}})
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s %s", resp.Status, body)
			}
		})
	}
	ask()
	<-began
	if resp, body := s.Do(browser, http.MethodDelete, "/api/operator/loaded/fake/echo", nil); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"state":"unloading"`) {
		t.Fatalf("%s %s", resp.Status, body)
	}
	ask() // waits for the first
	select {
	case <-began:
		t.Error("a second copy was loaded beside the one that finishes")
	case <-time.After(50 * time.Millisecond):
	}
	if m := find(); m.State != "unloading" || m.Active != 1 {
		t.Errorf("%+v", m)
	}
	_, report := s.Do(browser, http.MethodGet, "/api/operator/health", nil)
	if !strings.Contains(report, `"state":"unloading"`) {
		t.Errorf("%s", report)
	}
	close(gate)
	wg.Wait()
	until("loaded anew", func(m model) bool { return m.State == "ready" && m.Active == 0 })
	if resp, _ := s.Do(browser, http.MethodDelete, "/api/operator/loaded/fake/echo", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("idle: %s", resp.Status)
	}
	until("cold", func(m model) bool { return m.State == "cold" })
	_, log := s.Do(browser, http.MethodGet, "/api/audit/export", nil)
	for _, want := range []string{`"type":"model.loaded"`, `"type":"model.unloaded"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the audit log lacks %s: %s", want, log)
		}
	}
}

// TestIncidentsOnThePage: what an operator writes in a browser everybody reads at once, and health tells the same.
func TestIncidentsOnThePage(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	browser := s.Browser()
	resp, body := s.Do(browser, http.MethodPost, "/api/operator/incidents", map[string]any{"name": "Slow answers", "body": "We look into it.", "impact": "critical", "components": []string{"api"}})
	var in struct{ ID string }
	if err := json.Unmarshal([]byte(body), &in); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, body)
	}
	read := func(path string) string {
		t.Helper()
		resp, body := s.CallWith(nil, http.MethodGet, path, nil)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
		return body
	}
	if page := read("/status"); !strings.Contains(page, "Slow answers") || !strings.Contains(page, "Major outage") {
		t.Error(page)
	}
	if !strings.Contains(read("/status.atom"), "We look into it.") || !strings.Contains(read("/api/v2/incidents/unresolved.json"), in.ID) {
		t.Error("the feed and the data say it, too")
	}
	if resp, body := s.Do(browser, http.MethodPost, "/api/operator/incidents/"+in.ID+"/updates", map[string]any{"body": "Mended.", "status": "resolved"}); resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s", resp.Status, body)
	}
	if strings.Contains(read("/api/v2/incidents/unresolved.json"), in.ID) || !strings.Contains(read("/api/v2/summary.json"), "All Systems Operational") {
		t.Error("it is resolved")
	}
	if resp, body := s.Do(browser, http.MethodGet, "/api/operator/components", nil); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"id":"database"`) {
		t.Errorf("%s %s", resp.Status, body)
	}
	if resp, _ := s.Call(http.MethodGet, "/api/operator/health", nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("with a key: %s", resp.Status)
	}
}
