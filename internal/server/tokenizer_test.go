package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
)

// TestTokenizerHasLimitsOfItsOwn: counting is limited by requests per minute and takes nothing from a chat's.
func TestTokenizerHasLimitsOfItsOwn(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Config: map[string]any{"limits.requests_per_minute": "2"}})
	for _, path := range []string{"/v1/tokenize", "/v1/tokenize"} {
		if resp, text := s.Call(http.MethodPost, path, `{"model": "gpt-4", "text": "a"}`); resp.StatusCode != http.StatusOK || resp.Header.Get("X-Ratelimit-Limit-Requests") != "2" {
			t.Fatalf("within the limit: %s %s", resp.Status, text)
		}
	}
	if resp, text := s.Call(http.MethodPost, "/v1/detokenize", `{"model": "gpt-4", "tokens": [72]}`); resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(text, "Rate limit reached for") {
		t.Errorf("beyond the limit: %s %s", resp.Status, text)
	}
	if resp, text := s.Call(http.MethodPost, "/v1/chat/completions", `{"model": "gpt-4", "max_tokens": 1, `+hello+`}`); resp.StatusCode != http.StatusOK {
		t.Errorf("a chat: %s %s", resp.Status, text)
	}
}

// TestPricesOfTheCalendar: a browser's session is told the calendar's prices as its organization changed them.
func TestPricesOfTheCalendar(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	browser := s.Browser()
	type price struct {
		Model, Encoding string
		Tokens          *int
		Input           *float64 `json:"input_price"`
	}
	ask := func() map[string]price {
		t.Helper()
		resp, text := s.Do(browser, http.MethodPost, "/api/tokenizer/prices", `{"text": "ChatGPT is great!"}`)
		var out struct{ Data []price }
		if err := json.Unmarshal([]byte(text), &out); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %v %s", resp.Status, err, text)
		}
		byName := map[string]price{}
		for _, p := range out.Data {
			byName[p.Model] = p
		}
		return byName
	}
	prices := ask()
	for model, encoding := range map[string]string{"gpt-4": "cl100k_base", "text-davinci-003": "p50k_base", "davinci": "r50k_base", "text-embedding-ada-002": "cl100k_base"} {
		if p := prices[model]; p.Encoding != encoding || p.Tokens == nil || *p.Tokens != 6 || p.Input == nil || *p.Input <= 0 {
			t.Errorf("%s: %+v", model, p)
		}
	}
	for path, change := range map[string]string{"gpt-4": `{"input_price": 7.5}`, "ours": `{"kind": "chat", "encoding": "native", "input_price": 1}`} {
		if resp, text := s.Call(http.MethodPut, "/api/calendar/"+path, change); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", resp.Status, text)
		}
	}
	prices = ask()
	if p := prices["gpt-4"]; *p.Input != 7.5 {
		t.Errorf("changed: %+v", p)
	}
	if p := prices["ours"]; p.Encoding != "native" || p.Tokens != nil || p.Input == nil {
		t.Errorf("a name with the served model's vocabulary: %+v", p)
	}
}
