package shared_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/limits/shared"
	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
	"github.com/parley-ai/parley/internal/testkit/redistest"
)

// server is the Redis that several servers share.
type server struct {
	*redistest.Server
	t testing.TB
}

func start(t testing.TB) *server {
	t.Helper()
	return &server{redistest.Start(t), t}
}

// limiter is one server's.
func (s *server) limiter(settings limits.Settings, closed bool) (*limits.Limiter, *bytes.Buffer) {
	s.t.Helper()
	counter, err := shared.Open(s.URL())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = counter.Close() })
	var log bytes.Buffer
	l := limits.New(clock.System, settings)
	l.Share(limits.Sharing{Counter: counter, Closed: closed, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return l, &log
}

var who = actor.Actor{Org: "org-a", Key: "key_a"}

// TestServersShareALimit: what several servers let through together is what the limit says, to the request.
func TestServersShareALimit(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	var admitted atomic.Int64
	begun := time.Now()
	for range 3 {
		l, log := s.limiter(limits.Settings{RequestsPerMinute: 600, TokensPerMinute: 1e6, KeepRefused: true}, true)
		for range 8 {
			wg.Go(func() {
				for range 200 {
					d, err := l.Admit(t.Context(), who, limits.Request{Class: "chat", Model: "m", Tokens: 1000})
					if err == nil {
						admitted.Add(1)
						d.Correct(10)
					} else if fault.KindOf(err) != fault.RateLimited {
						t.Errorf("%v; %s", err, log)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	passed := time.Since(begun)
	// A minute's requests at once, and what was refilled since, ten a second.
	most := 600 + int64(passed.Seconds()*10) + 1
	t.Logf("%d of 4800 requests were admitted in %v, at most %d", admitted.Load(), passed, most)
	if n := admitted.Load(); n < 600 || n > most {
		t.Errorf("%d were admitted, want 600 to %d", n, most)
	}
	l, _ := s.limiter(limits.Settings{RequestsPerMinute: 600, TokensPerMinute: 1e6}, true)
	_, err := l.Admit(t.Context(), who, limits.Request{Class: "chat", Model: "m", Tokens: 1e6 + 1})
	if err == nil || !strings.Contains(err.Error(), "Request too large for m in organization org-a") {
		t.Errorf("%v", err)
	}
}

// TestAnswersAreTheSame: headers, texts and corrections are those of a server that counts for itself.
func TestAnswersAreTheSame(t *testing.T) {
	s := start(t)
	settings := limits.Settings{RequestsPerMinute: 3, TokensPerMinute: 50000}
	one, _ := s.limiter(settings, true)
	two, _ := s.limiter(settings, true)
	alone := limits.New(clock.NewFake(time.Unix(1_700_000_000, 0)), settings)
	for i, ask := range []struct {
		l      *limits.Limiter
		tokens int
		actual int
	}{{one, 47000, 100}, {two, 30000, 45000}, {one, 6000, 0}, {two, 1000, 1000}, {one, 60000, 0}} {
		req := limits.Request{Class: "chat", Model: "m", Tokens: ask.tokens}
		got, gotErr := ask.l.Admit(t.Context(), who, req)
		want, wantErr := alone.Admit(t.Context(), who, req)
		if (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("request %d: %v, alone %v", i, gotErr, wantErr)
		}
		if gotErr == nil {
			if got.Headers[0] != want.Headers[0] || got.Headers[1] != want.Headers[1] || len(got.Headers) != len(want.Headers) {
				t.Errorf("request %d: %v, alone %v", i, got.Headers, want.Headers)
			}
			got.Correct(ask.actual)
			want.Correct(ask.actual)
			continue
		}
		// Time runs between requests: only the waits differ.
		a, _, _ := strings.Cut(gotErr.Error(), "Current")
		b, _, _ := strings.Cut(wantErr.Error(), "Current")
		d, ok := errors.AsType[httpapi.Detailer](gotErr)
		if a != b || !ok || d.ErrorHeaders()["Retry-After"] == "" && d.ErrorHeaders()["X-Should-Retry"] == "" {
			t.Errorf("request %d: %v, alone %v", i, gotErr, wantErr)
		}
	}
}

// TestRedisIsAway: open, each server counts for itself from where they were; closed, nothing is let through;
// and when it is back, it counts again.
func TestRedisIsAway(t *testing.T) {
	s := start(t)
	settings := limits.Settings{RequestsPerMinute: 4, KeepRefused: true}
	open, log := s.limiter(settings, false)
	closed, _ := s.limiter(settings, true)
	ask := func(l *limits.Limiter) string {
		d, err := l.Admit(t.Context(), who, limits.Request{Class: "chat", Model: "m", Tokens: 1})
		d.Correct(2)
		switch {
		case err == nil:
			return d.Headers[1][1] + " left"
		case fault.KindOf(err) == fault.RateLimited:
			return "limited"
		}
		return fmt.Sprint(fault.KindOf(err) == fault.Unavailable)
	}
	if a, b := ask(open), ask(closed); a != "3 left" || b != "2 left" {
		t.Fatalf("%s, %s", a, b)
	}
	if a := ask(open); a != "1 left" {
		t.Fatal(a)
	}
	s.Kill()
	if a, b := ask(open), ask(closed); a != "0 left" || b != "true" {
		t.Errorf("away: %s, %s", a, b)
	}
	if a := ask(open); a != "limited" {
		t.Errorf("away, open: %s", a)
	}
	s.Run()
	for deadline := time.Now().Add(20 * time.Second); ask(closed) == "true"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come back")
		}
	}
	time.Sleep(1100 * time.Millisecond) // after which open asks again
	ask(open)
	if n := strings.Count(log.String(), "does not answer"); n != 1 || strings.Count(log.String(), "answers again") != 1 {
		t.Errorf("%s", log)
	}
}

// TestTwoServers: a limit of five lets five requests through, whichever of two servers they go to.
func TestTwoServers(t *testing.T) {
	s := start(t)
	o := testkit.Options{DB: storetest.SQLite(t), Config: map[string]any{"redis.url": s.URL(), "limits.requests_per_minute": 5, "limits.count_refused": false}}
	servers := []*testkit.Server{testkit.Start(t, o), testkit.Start(t, o)}
	key := map[string]string{"Authorization": "Bearer " + servers[0].Key}
	passed := 0
	for i := range 10 {
		resp, text := servers[i%2].CallWith(key, http.MethodPost, "/v1/completions", map[string]any{"model": "gpt-4", "prompt": "Hi", "max_tokens": 1})
		switch resp.StatusCode {
		case http.StatusOK:
			passed++
			if left := resp.Header.Get("X-Ratelimit-Remaining-Requests"); left != strconv.Itoa(5-passed) {
				t.Errorf("request %d: %s left", i, left)
			}
		case http.StatusTooManyRequests:
		default:
			t.Fatalf("%s %s", resp.Status, text)
		}
	}
	if passed != 5 {
		t.Errorf("%d of 10 requests passed, want 5", passed)
	}
}

func TestBadURLs(t *testing.T) {
	for _, url := range []string{"", "http://127.0.0.1", "redis://127.0.0.1/x"} {
		if _, err := shared.Open(url); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
}

// BenchmarkAdmit is what asking Redis adds to a request, on one machine.
func BenchmarkAdmit(b *testing.B) {
	s := start(b)
	l, _ := s.limiter(limits.Settings{RequestsPerMinute: 1e9, TokensPerMinute: 1e9}, true)
	for b.Loop() {
		if _, err := l.Admit(b.Context(), who, limits.Request{Class: "chat", Model: "m", Tokens: 100}); err != nil {
			b.Fatal(err)
		}
	}
}
