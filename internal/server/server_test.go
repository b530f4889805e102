package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/testkit"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is the document that the web app's types are generated from.
const golden = "../../web/openapi.json"

func TestOpenAPIGolden(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	resp, text := s.CallWith(nil, http.MethodGet, "/openapi.json", nil)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /openapi.json: %s %s", resp.Status, text)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile(golden, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, pretty.Bytes()) {
		t.Error("the API is not what web/openapi.json says: look at the change, run this test with -update, then `npm run types` in web/")
	}
}

const hello = `"messages": [{"role": "user", "content": "Hello"}]`

// TestBadInput holds what the issue promises for bad input, on the whole server.
func TestBadInput(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Echo: echo.Options{ContextWindow: 200}, Config: map[string]any{"limits.max_body": "64KiB"}})
	key := map[string]string{"Authorization": "Bearer " + s.Key}
	chat := "/v1/chat/completions"
	tests := []struct {
		name    string
		headers map[string]string
		method  string
		path    string
		body    any
		status  int
		code    string // of the error; "-" is null
		param   string // "-" is null
		text    string // part of the message
	}{
		{"no key", map[string]string{}, "GET", "/v1/models", nil, 401, "-", "-", "You didn't provide an API key"},
		{"wrong key", map[string]string{"Authorization": "Bearer sk-wrong"}, "GET", "/v1/models", nil, 401, "invalid_api_key", "-", "Incorrect API key provided"},
		{"unknown model", key, "POST", chat, `{"model": "no-such-model", ` + hello + `}`, 404, "model_not_found", "model", "does not exist"},
		{"malformed JSON", key, "POST", chat, `{"model": "gpt-4", `, 400, "-", "-", "could not parse the JSON body"},
		{"wrong type", key, "POST", chat, `{"model": "gpt-4", "temperature": "hot", ` + hello + `}`, 400, "invalid_type", "temperature", "temperature"},
		{"unknown role", key, "POST", chat, `{"model": "gpt-4", "messages": [{"role": "wizard", "content": "x"}]}`, 400, "", "messages[0].role", "wizard"},
		{"temperature 3", key, "POST", chat, `{"model": "gpt-4", "temperature": 3, ` + hello + `}`, 400, "", "temperature", ""},
		{"n 0", key, "POST", chat, `{"model": "gpt-4", "n": 0, ` + hello + `}`, 400, "", "n", ""},
		{"n 129", key, "POST", chat, `{"model": "gpt-4", "n": 129, ` + hello + `}`, 400, "", "n", ""},
		{"five stop sequences", key, "POST", chat, `{"model": "gpt-4", "stop": ["a","b","c","d","e"], ` + hello + `}`, 400, "", "stop", ""},
		{"empty messages", key, "POST", chat, `{"model": "gpt-4", "messages": []}`, 400, "", "messages", ""},
		{"logit_bias 101", key, "POST", chat, `{"model": "gpt-4", "logit_bias": {"50": 101}, ` + hello + `}`, 400, "decimal_above_max_value", "logit_bias.50", "101 is greater than the maximum of 100 - 'logit_bias.50'"},
		{"prompt beyond the window", key, "POST", chat, `{"model": "gpt-4", "messages": [{"role": "user", "content": "` + strings.Repeat("x", 400) + `"}]}`,
			400, "context_length_exceeded", "messages", "maximum context length is 200 tokens"},
		{"body over the limit", key, "POST", chat, `{"model": "gpt-4", "messages": [{"role": "user", "content": "` + strings.Repeat("x", 70<<10) + `"}]}`, 413, "", "-", ""},
		{"wrong method", key, "POST", "/v1/models", nil, 405, "", "-", "POST"},
		{"unknown path", key, "GET", "/v1/nothing", nil, 404, "", "-", "/v1/nothing"},
		{"an encoded path of the old file upload", key, "GET", "/v1/files/%2Ftmp%2Fdata.jsonl", nil, 404, "", "id", "No such File object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, text := s.CallWith(tt.headers, tt.method, tt.path, tt.body)
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, tt.status, text)
			}
			var body struct {
				Error *struct {
					Message string
					Type    string
					Param   *string
					Code    *string
				}
			}
			if err := json.Unmarshal([]byte(text), &body); err != nil || body.Error == nil {
				t.Fatalf("not an error object: %s", text)
			}
			for _, member := range []string{`"message"`, `"type"`, `"param"`, `"code"`} {
				if !strings.Contains(text, member) {
					t.Errorf("the error has no %s: %s", member, text)
				}
			}
			if !strings.Contains(body.Error.Message, tt.text) {
				t.Errorf("message %q does not say %q", body.Error.Message, tt.text)
			}
			check(t, "code", body.Error.Code, tt.code)
			check(t, "param", body.Error.Param, tt.param)
		})
	}
}

// check compares a nullable member: "" asks nothing, "-" is null.
func check(t *testing.T, name string, got *string, want string) {
	t.Helper()
	switch {
	case want == "":
	case want == "-" && got != nil:
		t.Errorf("%s is %q, want null", name, *got)
	case want != "-" && (got == nil || *got != want):
		t.Errorf("%s is %v, want %q", name, got, want)
	}
}

func TestSignInIsOnceAndChatsBelongToTheirOwner(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	browser := s.Browser()
	resp, text := s.Do(browser, http.MethodPost, "/api/chats", map[string]any{"title": "mine"})
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		t.Fatalf("POST /api/chats: %s %s", resp.Status, text)
	}
	var chat struct{ ID string }
	if err := json.Unmarshal([]byte(text), &chat); err != nil {
		t.Fatal(err)
	}
	resp, stream := s.Do(browser, http.MethodPost, "/api/chats/"+chat.ID+"/messages", map[string]any{
		"parent_id": nil, "content": []map[string]string{{"type": "text", "text": "Hello"}}, "model": "gpt-3.5-turbo",
	})
	if resp.StatusCode != http.StatusOK || !strings.Contains(stream, "event: message.completed") || !strings.HasSuffix(stream, "data: [DONE]\n\n") {
		t.Fatalf("POST messages: %s %s", resp.Status, stream)
	}
	if resp, text := s.Call(http.MethodGet, "/api/chats/"+ids(chat.ID), nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a chat that does not exist: %s %s", resp.Status, text)
	}
	if resp, text := s.CallWith(nil, http.MethodGet, "/api/chats/"+chat.ID, nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a chat without a key: %s %s", resp.Status, text)
	}
}

// ids returns another id of the same form.
func ids(id string) string { return id[:len(id)-4] + "zzzz" }

func TestAnotherSiteCannotUseTheCookie(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	browser := s.Browser()
	req, err := http.NewRequest(http.MethodPost, s.URL()+"/api/chats", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Origin", "https://evil.example")
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a request from another site with our cookie: %s, want 403", resp.Status)
	}
}

func TestSystemRoutesNeedNoKey(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"} {
		if resp, text := s.CallWith(nil, http.MethodGet, path, nil); resp.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %s %.200s", path, resp.Status, text)
		}
	}
}

func TestRequestsPerMinute(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Config: map[string]any{"limits.requests_per_minute": "2"}})
	body := `{"model": "gpt-4", "max_tokens": 3, ` + hello + `}`
	for range 2 {
		if resp, text := s.Call(http.MethodPost, "/v1/chat/completions", body); resp.StatusCode != http.StatusOK {
			t.Fatalf("within the limit: %s %s", resp.Status, text)
		}
	}
	resp, text := s.Call(http.MethodPost, "/v1/chat/completions", body)
	if resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(text, "Rate limit reached for") {
		t.Errorf("beyond the limit: %s %s", resp.Status, text)
	}
	s.Clock.Advance(time.Minute + time.Second)
	if resp, text := s.Call(http.MethodPost, "/v1/chat/completions", body); resp.StatusCode != http.StatusOK {
		t.Errorf("a minute later: %s %s", resp.Status, text)
	}
}

func TestShutdownLetsStreamsFinish(t *testing.T) {
	started := make(chan struct{})
	first := sync.OnceFunc(func() { close(started) })
	s := testkit.Start(t, testkit.Options{Echo: echo.Options{
		TokenDelay:  5 * time.Millisecond,
		BeforeToken: func(context.Context, engine.GenerateRequest, int) error { first(); return nil },
	}})
	type answer struct {
		status int
		text   string
	}
	got := make(chan answer, 1)
	go func() {
		resp, text := s.Call(http.MethodPost, "/v1/chat/completions", `{"model": "gpt-4", "stream": true, `+hello+`}`)
		got <- answer{resp.StatusCode, text}
	}()
	select {
	case <-started:
	case a := <-got:
		t.Fatalf("the stream ended before it began: %d %s", a.status, a.text)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := <-got
	if a.status != http.StatusOK || !strings.Contains(a.text, `"finish_reason":"stop"`) || !strings.HasSuffix(a.text, "data: [DONE]\n\n") {
		t.Errorf("the stream that ran at shutdown: %d %s", a.status, a.text)
	}
}
