//go:build unix

// Package resilience kills the built binary's processes under load, as a crash or an operator would.
package resilience

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// call sends a JSON request with the server's key.
func call(s *binary.Server, method, path string, body any) (*http.Response, error) {
	return callContext(context.Background(), s, method, path, body)
}

func callContext(ctx context.Context, s *binary.Server, method, path string, body any) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.Key)
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

// get decodes a JSON answer.
func get(t *testing.T, s *binary.Server, path string, out any) {
	t.Helper()
	resp, err := call(s, http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s\n%s", path, resp.Status, data)
	}
	if err := json.Unmarshal(data, out); err != nil {
		t.Fatalf("GET %s: %v\n%s", path, err, data)
	}
}

var longChat = map[string]any{
	"model":      "gpt-3.5-turbo",
	"messages":   []map[string]string{{"role": "user", "content": "Write a very long story about the sea."}},
	"max_tokens": 1500,
	"logit_bias": map[string]int{"0": -100, "2": -100},
	"stream":     true,
}

func TestKillEngineUnderLoad(t *testing.T) {
	s := binary.Start(t)
	const streams = 4
	var (
		started sync.WaitGroup
		ended   sync.WaitGroup
		last    [streams]string
	)
	started.Add(streams)
	for i := range streams {
		ended.Go(func() {
			first := sync.OnceFunc(started.Done)
			defer first()
			resp, err := call(s, http.MethodPost, "/v1/chat/completions", longChat)
			if err != nil {
				last[i] = err.Error()
				return
			}
			defer resp.Body.Close()
			scan := bufio.NewScanner(resp.Body)
			scan.Buffer(nil, 1<<20)
			tokens := 0
			for scan.Scan() {
				if data, ok := strings.CutPrefix(scan.Text(), "data: "); ok {
					last[i] = data
					if tokens++; tokens == 5 {
						first()
					}
				}
			}
		})
	}
	started.Wait()
	children := s.Children()
	if len(children) == 0 {
		t.Fatal("the server has no engine process to kill")
	}
	for _, pid := range children {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	killed := time.Now()
	ended.Wait()
	for i, data := range last {
		if !strings.Contains(data, `"error"`) {
			t.Errorf("stream %d ended with %q, not with an error event that says what happened", i, data)
		}
	}
	resp, err := call(s, http.MethodPost, "/v1/chat/completions", map[string]any{
		"model": "gpt-3.5-turbo", "messages": longChat["messages"], "max_tokens": 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("the next request after the engine was killed: %s\n%s\n%s", resp.Status, text, s.Log())
	}
	t.Logf("the next request was answered %s after the kill", time.Since(killed).Round(time.Millisecond))
	var health map[string]any
	get(t, s, "/healthz", &health)
}

// chat and message are the parts of the chat page's API that the test looks at.
type chat struct {
	ID       string    `json:"id"`
	Messages []message `json:"messages"`
}

type message struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	State   string `json:"state"`
	Content []struct {
		Text string `json:"text"`
	} `json:"content"`
}

func (m message) text() string {
	var b strings.Builder
	for _, p := range m.Content {
		b.WriteString(p.Text)
	}
	return b.String()
}

func TestKillServerUnderLoad(t *testing.T) {
	s := binary.Start(t)
	const chats = 3
	ids := make([]string, chats)
	seen := make([]strings.Builder, chats)
	whole := make([]bool, chats) // the client saw the answer's end: a small model may be quick
	var started, ended sync.WaitGroup
	started.Add(chats)
	for i := range chats {
		resp, err := call(s, http.MethodPost, "/api/chats", map[string]any{"title": fmt.Sprintf("chat %d", i), "model": "gpt-3.5-turbo"})
		if err != nil {
			t.Fatal(err)
		}
		var c chat
		err = json.NewDecoder(resp.Body).Decode(&c)
		resp.Body.Close()
		if err != nil || c.ID == "" {
			t.Fatalf("POST /api/chats: %s %v", resp.Status, err)
		}
		ids[i] = c.ID
		ended.Go(func() {
			first := sync.OnceFunc(started.Done)
			defer first()
			resp, err := call(s, http.MethodPost, "/api/chats/"+c.ID+"/messages", map[string]any{
				"parent_id": nil, "model": "gpt-3.5-turbo",
				"content": []map[string]string{{"type": "text", "text": "Count from one to ten thousand, one number in each line."}},
			})
			if err != nil {
				return
			}
			defer resp.Body.Close()
			scan := bufio.NewScanner(resp.Body)
			scan.Buffer(nil, 1<<20)
			for tokens := 0; scan.Scan(); {
				whole[i] = whole[i] || scan.Text() == "event: message.completed"
				data, ok := strings.CutPrefix(scan.Text(), "data: ")
				var delta struct {
					MessageID string `json:"message_id"`
					Text      string `json:"text"`
				}
				if ok && json.Unmarshal([]byte(data), &delta) == nil && delta.MessageID != "" {
					seen[i].WriteString(delta.Text)
					if tokens++; tokens == 5 {
						first()
					}
				}
			}
		})
	}
	started.Wait()
	s.Kill()
	ended.Wait()
	s.Launch()
	for i, id := range ids {
		var c chat
		get(t, s, "/api/chats/"+id, &c)
		if len(c.Messages) != 2 {
			t.Fatalf("chat %d has %d messages after the kill, want the question and what was written of the answer", i, len(c.Messages))
		}
		for _, m := range c.Messages {
			switch m.Role {
			case "user":
				if m.State != "completed" || m.text() == "" {
					t.Errorf("chat %d: the question is %s %q", i, m.State, m.text())
				}
			case "assistant":
				if m.State == "in_progress" || m.State == "completed" && !whole[i] {
					t.Errorf("chat %d: the answer that the kill cut off is shown as %s", i, m.State)
				}
				if sent := seen[i].String(); !strings.HasPrefix(sent, m.text()) && !strings.HasPrefix(m.text(), sent) {
					t.Errorf("chat %d: the kept text %q is not the beginning of what was streamed %q", i, m.text(), seen[i].String())
				}
			}
		}
	}
}
