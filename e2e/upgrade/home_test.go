// Package upgrade opens homes and backups of earlier releases with the program of today. Each file of testdata is what one
// build left behind, with what it answered then; scripts/upgrade-fixture.sh makes another.
package upgrade

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// model is the one of the fake upstream, as asked for.
const model = "fixture-chat"

// alias is a name of it in config.yaml.
const alias = "house-model"

// want is what the build that made the fixture answered.
type want struct {
	Build       string            `json:"build"` // commit
	Day         string            `json:"day"`   // when, in UTC
	Keys        []key             `json:"keys"`
	Chats       []json.RawMessage `json:"chats"`       // GET /api/chats/{id}
	Interrupted string            `json:"interrupted"` // the chat whose answer ran when the server was killed
	Models      []string          `json:"models"`      // that were pulled
}

// key is an API key with what its requests used.
type key struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Secret  string `json:"secret"`
	Revoked bool   `json:"revoked"`
	Used    used   `json:"used"`
}

// used are sums over requests. Tokens are those of the answers, by their own `usage`.
type used struct {
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"`
	Input    int64 `json:"input_tokens"`
	Output   int64 `json:"output_tokens"`
}

// upstream is a fake OpenAI-compatible server. It answers each conversation with the number of its messages; a last message
// with "refuse" gets 500, one with "hang" a word and then nothing until the client has gone.
func upstream(t *testing.T) (setting string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"object":"list","data":[{"id":%q,"object":"model","created":1,"owned_by":"fixture"}]}`, model)
	})
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Stream   bool `json:"stream"`
			Messages []struct {
				Content json.RawMessage `json:"content"`
			} `json:"messages"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) == 0 {
			http.Error(w, `{"error":{"message":"no messages"}}`, http.StatusBadRequest)
			return
		}
		last := string(in.Messages[len(in.Messages)-1].Content)
		if strings.Contains(last, "refuse") {
			http.Error(w, `{"error":{"message":"The fake refuses, as it was asked to."}}`, http.StatusInternalServerError)
			return
		}
		text := fmt.Sprintf("Heard %d messages: Grüße, 안녕.", len(in.Messages))
		prompt, completion := 5*len(in.Messages), 4
		if !in.Stream {
			fmt.Fprintf(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],`+
				`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}`, model, text, prompt, completion, prompt+completion)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		send := func(rest string) {
			fmt.Fprintf(w, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":%q,%s}`+"\n\n", model, rest)
			_ = http.NewResponseController(w).Flush()
		}
		send(fmt.Sprintf(`"choices":[{"index":0,"delta":{"role":"assistant","content":%q},"finish_reason":null}]`, text))
		if strings.Contains(last, "hang") {
			<-r.Context().Done()
			return
		}
		send(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`)
		send(fmt.Sprintf(`"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, prompt, completion, prompt+completion))
		fmt.Fprint(w, "data: [DONE]\n\n")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return fmt.Sprintf(`PARLEY_REMOTES=[{name: fixture, url: "%s/v1", models: [%s]}]`, s.URL, model)
}

// caller speaks to a server as a key or, with a cookie, as a browser.
type caller struct {
	t      *testing.T
	server *binary.Server
	key    string
	cookie *http.Cookie
}

func (c caller) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.server.URL+path, in)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", c.server.URL)
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.cookie != nil {
		req.AddCookie(c.cookie)
	}
	return http.DefaultClient.Do(req)
}

// do returns the body of an answer with the status.
func (c caller) do(status int, method, path string, body any) []byte {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode != status {
		c.t.Fatalf("%s %s: %s, want %d\n%s\n%s", method, path, resp.Status, status, data, c.server.Log())
	}
	return data
}

// get decodes an answer.
func (c caller) get(path string, out any) {
	c.t.Helper()
	decode(c.t, c.do(http.StatusOK, http.MethodGet, path, nil), out)
}

func decode(t *testing.T, data []byte, out any) {
	t.Helper()
	if err := json.Unmarshal(data, out); err != nil {
		t.Fatalf("%v:\n%s", err, data)
	}
}

// chat asks for a completion and returns what it used.
func (c caller) chat(model, text string, stream bool) used {
	c.t.Helper()
	body := map[string]any{"model": model, "messages": []map[string]string{{"role": "user", "content": text}}}
	if stream {
		body["stream"] = true
	}
	data := c.do(http.StatusOK, http.MethodPost, "/v1/chat/completions", body)
	if stream { // no `usage`: what the fake says of one message
		if !bytes.Contains(data, []byte("[DONE]")) {
			c.t.Fatalf("a stream without an end:\n%s", data)
		}
		return used{Requests: 1, Input: 5, Output: 4}
	}
	var out struct {
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
		} `json:"usage"`
	}
	decode(c.t, data, &out)
	return used{Requests: 1, Input: out.Usage.Prompt, Output: out.Usage.Completion}
}

func (u *used) add(v used) {
	u.Requests += v.Requests
	u.Errors += v.Errors
	u.Input += v.Input
	u.Output += v.Output
}

// signIn takes a new one-time link and returns a browser.
func signIn(t *testing.T, s *binary.Server) caller {
	t.Helper()
	_, token, ok := strings.Cut(strings.TrimSpace(s.Run("signin")), "token=")
	if !ok {
		t.Fatal("parley signin printed no link")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	resp, err := caller{t: t, server: s}.send(ctx, http.MethodPost, "/api/session", map[string]string{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) == 0 {
		data, _ := io.ReadAll(resp.Body)
		t.Fatalf("the sign-in link: %s\n%s", resp.Status, data)
	}
	return caller{t: t, server: s, cookie: resp.Cookies()[0]}
}
