package server_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/testkit"
)

// What every answer carries, what those of a key's organization do, and those of a model that was asked.
var (
	everyAnswer = []string{"X-Request-Id", "Openai-Processing-Ms", "Openai-Version"}
	knownKey    = append(slices.Clone(everyAnswer), "Openai-Organization")
	limitsTold  = append(slices.Clone(knownKey), "X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests",
		"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens")
	modelAnswers = append(slices.Clone(limitsTold), "Openai-Model", "Parley-Served-Model")
)

// TestHeaders: the original's headers come with answers, streams and errors, and pages of other origins may read them.
func TestHeaders(t *testing.T) {
	s := testkit.Start(t, testkit.Options{
		Config: map[string]any{"limits.requests_per_minute": 100, "limits.tokens_per_minute": 100000},
		Echo: echo.Options{BeforeToken: func(_ context.Context, req engine.GenerateRequest, _ int) error {
			if req.Sampling.Seed == 90 {
				return fault.New(fault.Unavailable, "not now")
			}
			return nil
		}},
	})
	key := "Bearer " + s.Key
	for _, tt := range []struct {
		name, key, request, body string
		status                   int
		want                     []string
	}{
		{"chat", key, "POST /v1/chat/completions", `{"model": "gpt-4", ` + hello + `}`, 200, modelAnswers},
		{"chat, streamed", key, "POST /v1/chat/completions", `{"model": "gpt-4", "stream": true, ` + hello + `}`, 200, modelAnswers},
		{"completion, streamed", key, "POST /v1/completions", `{"model": "gpt-4", "prompt": "Hi", "stream": true}`, 200, modelAnswers},
		{"edit", key, "POST /v1/edits", `{"model": "gpt-4", "instruction": "Fix it."}`, 200, modelAnswers},
		{"embedding", key, "POST /v1/embeddings", `{"model": "text-embedding-ada-002", "input": "Hi"}`, 200, modelAnswers},
		{"models", key, "GET /v1/models", "", 200, knownKey},
		{"the engine fails", key, "POST /v1/completions", `{"model": "gpt-4", "prompt": "Hi", "seed": 90}`, 503, modelAnswers},
		{"an unknown role", key, "POST /v1/chat/completions", `{"model": "gpt-4", "messages": [{"role": "wizard", "content": "x"}]}`, 400, limitsTold},
		{"a number out of range", key, "POST /v1/completions", `{"model": "gpt-4", "prompt": "Hi", "n": 0}`, 400, limitsTold},
		{"another type", key, "POST /v1/embeddings", `{"model": "text-embedding-ada-002", "input": "Hi", "user": 7}`, 400, limitsTold},
		{"beyond the window", key, "POST /v1/completions", `{"model": "gpt-4", "prompt": "Hi", "max_tokens": 9000}`, 400, limitsTold},
		{"unknown model", key, "POST /v1/completions", `{"model": "nothing", "prompt": "Hi"}`, 404, knownKey},
		{"unknown path", key, "GET /v1/nothing", "", 404, everyAnswer},
		{"wrong method", key, "GET /v1/completions", "", 405, everyAnswer},
		{"no key", "", "GET /v1/models", "", 401, everyAnswer},
		{"wrong key", "Bearer sk-wrong", "GET /v1/models", "", 401, everyAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, path, _ := strings.Cut(tt.request, " ")
			var body any
			if tt.body != "" {
				body = tt.body
			}
			resp, text := s.CallWith(map[string]string{"Authorization": tt.key, "Origin": "https://app.example.com"}, method, path, body)
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d: %s", resp.StatusCode, text)
			}
			h := resp.Header
			for _, name := range modelAnswers {
				if got := h.Get(name) != ""; got != slices.Contains(tt.want, name) {
					t.Errorf("%s: %q", name, h.Get(name))
				}
			}
			if ms, err := strconv.Atoi(h.Get("Openai-Processing-Ms")); err != nil || ms < 1 {
				t.Errorf("openai-processing-ms %q", h.Get("Openai-Processing-Ms"))
			}
			if h.Get("Openai-Version") != "2020-10-01" || h.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("headers %v", h)
			}
			exposed := strings.Split(h.Get("Access-Control-Expose-Headers"), ", ")
			for _, name := range tt.want {
				if !slices.Contains(exposed, strings.ToLower(name)) {
					t.Errorf("pages of other origins cannot read %s", name)
				}
			}
		})
	}
}

// TestFailedRequestsCount: wrong requests use up the limit, too.
func TestFailedRequestsCount(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Config: map[string]any{"limits.requests_per_minute": 3}})
	for i, tt := range []struct {
		body   string
		status int
		left   string
	}{
		{`{"model": "gpt-4", "prompt": "Hi", "n": 0}`, 400, "2"},
		{`{"model": "gpt-4", "prompt": 7}`, 400, "1"},
		{`{"model": "gpt-4", "prompt": "Hi"}`, 200, "0"},
		{`{"model": "gpt-4", "prompt": "Hi", "n": 0}`, 429, "0"},
	} {
		resp, text := s.Call(http.MethodPost, "/v1/completions", tt.body)
		if resp.StatusCode != tt.status || resp.Header.Get("X-Ratelimit-Remaining-Requests") != tt.left {
			t.Errorf("request %d: %d, %q left: %s", i, resp.StatusCode, resp.Header.Get("X-Ratelimit-Remaining-Requests"), text)
		}
	}
}
