package limits

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

var who = actor.Actor{Org: "org-a"}

func TestNothingIsLimitedByDefault(t *testing.T) {
	l := New(clock.System, Settings{})
	for range 1000 {
		d, err := l.Admit(t.Context(), who, Request{Class: "chat", Model: "m", Tokens: 1 << 30})
		if err != nil || d.Headers != nil {
			t.Fatalf("%+v %v", d, err)
		}
		d.Correct(5)
	}
}

func TestRequests(t *testing.T) {
	clk := clock.NewFake(time.Unix(1_700_000_000, 0))
	l := New(clk, Settings{RequestsPerMinute: 3})
	ask := func(org, model string) (Decision, error) {
		return l.Admit(t.Context(), actor.Actor{Org: org}, Request{Class: "completions", Model: model, Tokens: 10})
	}
	for i := range 3 {
		d, err := ask("org-a", "text-davinci-002")
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("[[x-ratelimit-limit-requests 3] [x-ratelimit-remaining-requests %d] [x-ratelimit-reset-requests 1m0s]]", 2-i)
		if got := fmt.Sprint(d.Headers); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		clk.Advance(10 * time.Second)
	}
	_, err := ask("org-a", "text-davinci-002")
	if want := "Rate limit reached for default-text-davinci-002 in organization org-a on requests per min. Limit: 3.000000 / min. " +
		"Current: 4.000000 / min. Please try again in 40s."; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := ask("org-b", "text-davinci-002"); err != nil {
		t.Errorf("another organization: %v", err)
	}
	if _, err := ask("org-a", "gpt-4"); err != nil {
		t.Errorf("another model: %v", err)
	}
	clk.Advance(30*time.Second - time.Millisecond)
	if _, err := ask("org-a", "text-davinci-002"); err == nil {
		t.Error("admitted before the minute was over")
	}
	// Refused requests count: without them two would lie in the window now, and a third would fit.
	clk.Advance(2 * time.Second)
	if _, err := ask("org-a", "text-davinci-002"); err == nil {
		t.Error("repeating at once helped")
	}
	clk.Advance(time.Minute)
	if _, err := ask("org-a", "text-davinci-002"); err != nil {
		t.Errorf("after a minute of silence: %v", err)
	}
}

func TestTokens(t *testing.T) {
	clk := clock.NewFake(time.Unix(1_700_000_000, 0))
	l := New(clk, Settings{TokensPerMinute: 100})
	ask := func(tokens int) (Decision, error) {
		return l.Admit(t.Context(), who, Request{Class: "chat", Model: "gpt-4", Tokens: tokens})
	}
	first, err := ask(80)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(30); err == nil || !strings.Contains(err.Error(), "on tokens per min. Limit: 100.000000 / min. Current: 110.000000 / min. Please try again in 1m0s.") {
		t.Errorf("the second: %v", err)
	}
	clk.Advance(5 * time.Second)
	first.Correct(20) // it asked for 80 and used 20
	second, err := ask(80)
	if err != nil {
		t.Errorf("after the correction: %v", err)
	}
	if got := fmt.Sprint(second.Headers); got != "[[x-ratelimit-limit-tokens 100] [x-ratelimit-remaining-tokens 0] [x-ratelimit-reset-tokens 1m0s]]" {
		t.Error(got)
	}
	if _, err := ask(101); err == nil || !strings.Contains(err.Error(), "Request too large for gpt-4") {
		t.Errorf("more than ever fits: %v", err)
	}
	clk.Advance(2 * time.Minute)
	second.Correct(1000) // too late to matter
	if d, err := ask(100); err != nil || d.Headers[1][1] != "0" {
		t.Errorf("a new minute: %v %v", d, err)
	}
}

// TestAnswer is what a client gets to see.
func TestAnswer(t *testing.T) {
	l := New(clock.NewFake(time.Unix(1_700_000_000, 0)), Settings{RequestsPerMinute: 1, TokensPerMinute: 50})
	api, err := httpapi.New(httpapi.Options{Auth: auth{}, Logger: slog.New(slog.DiscardHandler), Routes: []httpapi.Route{{
		Method: "GET", Path: "/v1/x", Op: "x", Handle: func(w http.ResponseWriter, r *http.Request) error {
			_, err := l.Admit(r.Context(), httpapi.ActorOf(r.Context()), Request{Model: "gpt-4", Tokens: 7})
			if err != nil {
				return fmt.Errorf("generate: %w", err)
			}
			return httpapi.JSON(w, 200, true)
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	var rec *httptest.ResponseRecorder
	for range 2 {
		rec = httptest.NewRecorder()
		api.ServeHTTP(rec, httptest.NewRequest("GET", "/v1/x", nil))
	}
	if rec.Code != 429 || rec.Header().Get("Retry-After") != "60" || rec.Header().Get("X-Ratelimit-Remaining-Requests") != "0" ||
		!strings.Contains(rec.Body.String(), `"type":"requests","param":null,"code":"rate_limit_exceeded"`) {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}

type auth struct{}

func (auth) Authenticate(*http.Request) (actor.Actor, error) {
	return actor.Actor{Org: "org-a", Key: "key_1"}, nil
}

func TestConcurrentRequestsAreCountedExactly(t *testing.T) {
	l := New(clock.NewFake(time.Unix(1_700_000_000, 0)), Settings{RequestsPerMinute: 50})
	var wg sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 100 {
		wg.Go(func() {
			_, err := l.Admit(t.Context(), who, Request{Model: "m"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted++
			} else if fault.KindOf(err) != fault.RateLimited || !errors.As(err, new(httpapi.Detailer)) {
				t.Errorf("refused by %v", err)
			}
		})
	}
	wg.Wait()
	if admitted != 50 {
		t.Errorf("%d of 100 were admitted, want 50", admitted)
	}
}

func TestAccountsAreForgotten(t *testing.T) {
	clk := clock.NewFake(time.Unix(1_700_000_000, 0))
	l := New(clk, Settings{RequestsPerMinute: 5})
	for i := range 100 {
		if _, err := l.Admit(t.Context(), who, Request{Model: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	clk.Advance(time.Minute)
	if _, err := l.Admit(t.Context(), who, Request{Model: "new"}); err != nil || len(l.accounts) != 1 {
		t.Errorf("%d accounts, %v", len(l.accounts), err)
	}
}

// TestWindow compares the window with the plain definition.
func TestWindow(t *testing.T) {
	var w window
	var log [400]int64
	x := int64(7)
	for s := int64(1000); s < 1400; s++ {
		x = (x*31 + 11) % 97
		if x%3 == 0 {
			w.add(s, x)
			log[s-1000] += x
		}
		if x%5 == 0 {
			then := s - x%70
			if then >= 1000 && then > s-slots {
				log[then-1000] = max(0, log[then-1000]-4)
			}
			w.correct(s, then, -4)
		}
		var want int64
		for i := max(1000, s-slots+1); i <= s; i++ {
			want += log[i-1000]
		}
		if got := w.sum(s); got != want {
			t.Fatalf("second %d: got %d, want %d", s, got, want)
		}
		s += x % 4
	}
}
