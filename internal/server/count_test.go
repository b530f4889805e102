package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// TestNamesThatCountInTheirEncoding: usage of a name that was set so is tiktoken's, of a chat as the original
// counted it, and max_tokens are its tokens; another organization's stays the served model's.
func TestNamesThatCountInTheirEncoding(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	e, err := bpe.Get("cl100k_base")
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		Choices []struct {
			Text         string
			FinishReason string `json:"finish_reason"`
			Message      struct{ Content string }
		}
		Usage struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
			Total      int `json:"total_tokens"`
		}
	}
	ask := func(path string, body map[string]any) (out answer) {
		t.Helper()
		resp, got := s.Call(http.MethodPost, path, body)
		if err := json.Unmarshal([]byte(got), &out); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %s", path, resp.Status, err, got)
		}
		return out
	}
	chat := map[string]any{"model": "gpt-4", "max_tokens": 6, "messages": []any{
		map[string]string{"role": "system", "content": "Hello"}, map[string]string{"role": "user", "content": "Hi there, unbelievable world of stories"}}}

	if native := ask("/v1/chat/completions", chat); native.Usage.Completion != 6 || native.Choices[0].Message.Content != "Echo: " {
		t.Fatalf("before: %+v", native)
	}
	for _, name := range []string{"gpt-4", "gpt-3.5-turbo-instruct", "text-embedding-ada-002"} {
		if resp, body := s.Call(http.MethodPut, "/api/calendar/"+name, map[string]any{"count": "encoding"}); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"count":"encoding"`) {
			t.Fatalf("%s %s", resp.Status, body)
		}
	}

	// By OpenAI's cookbook: three tokens for each message, one for each role, three for the answer.
	want := 3 + 2*(3+1) + e.Count("Hello") + e.Count("Hi there, unbelievable world of stories")
	got := ask("/v1/chat/completions", chat)
	if text := got.Choices[0].Message.Content; text != "Echo: Hi there, unbelievable" || e.Count(text) != 6 || got.Usage.Completion != 6 || got.Usage.Prompt != want || got.Usage.Total != want+6 || got.Choices[0].FinishReason != "length" {
		t.Errorf("%+v, want a prompt of %d", got, want)
	}
	// Of this one the API itself once answered 31 (see package tokenizer).
	got = ask("/v1/chat/completions", map[string]any{"model": "gpt-4", "max_tokens": 6, "messages": []any{map[string]string{"role": "user", "content": "hello"}},
		"functions": []any{map[string]any{"name": "foo", "parameters": map[string]any{"type": "object", "properties": map[string]any{}}}}})
	if got.Usage.Prompt != 31 {
		t.Errorf("with a function: %+v", got)
	}
	got = ask("/v1/completions", map[string]any{"model": "gpt-3.5-turbo-instruct", "prompt": "unbelievable stories", "max_tokens": 4})
	if text := got.Choices[0].Text; got.Usage.Completion != 4 || e.Count(text) != 4 || got.Usage.Prompt != e.Count("unbelievable stories") {
		t.Errorf("%+v", got)
	}
	got = ask("/v1/embeddings", map[string]any{"model": "text-embedding-ada-002", "input": []string{"unbelievable stories", "of the sea"}})
	if want := e.Count("unbelievable stories") + e.Count("of the sea"); got.Usage.Prompt != want || got.Usage.Total != want {
		t.Errorf("%+v, want %d", got.Usage, want)
	}

	// gpt-3.5-turbo takes ids of cl100k_base; a name that says so, the served model's own.
	ban := map[string]any{"model": "gpt-3.5-turbo", "max_tokens": 4, "logit_bias": map[string]int{"9891": 100}, "messages": chat["messages"]}
	if got := ask("/v1/chat/completions", ban); got.Choices[0].Message.Content != "yesy" {
		t.Errorf("led to yes, which is four bytes and tokens of the fake: %+v", got)
	}
	if resp, body := s.Call(http.MethodPut, "/api/calendar/gpt-3.5-turbo", map[string]any{"encoding": "native"}); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, body)
	}
	ban["logit_bias"] = map[string]int{"122": 100}
	if got := ask("/v1/chat/completions", ban); got.Choices[0].Message.Content != "zzzz" {
		t.Errorf("led to the model's own token z: %+v", got)
	}
	got = ask("/v1/completions", map[string]any{"model": "gpt-3.5-turbo", "prompt": []int{97, 98}, "max_tokens": 8})
	if got.Choices[0].Text != "Echo: ab" || got.Usage.Prompt != 2 {
		t.Errorf("ids of the model's own: %+v", got)
	}
}
