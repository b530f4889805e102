package limits

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// FuzzSetLimit holds that a limit that is taken is one that can be counted by: requests are admitted or refused
// as rate limited, with what the headers say finite; all else is refused as bad or not found.
func FuzzSetLimit(f *testing.F) {
	s := open(f, storetest.Open(f, storetest.SQLite(f), store.Options{}), bus.NewLocal())
	for _, body := range []string{
		`{"max_requests_per_1_minute": 1}`, `{"subject": "end_user", "max_tokens_per_1_day": 0, "token_weight": 1e-300}`, `{"token_weight": 1e999}`,
		`{"subject": "key", "subject_id": "key_a", "model": "m", "max_requests_per_1_day": 9007199254740993}`, `{"max_tokens_per_1_minute": -1}`, `[]`, `{"model": "\u0000"}`,
	} {
		f.Add(body, 10)
	}
	f.Fuzz(func(t *testing.T, body string, tokens int) {
		for _, method := range []string{http.MethodPut, http.MethodPost} {
			path := map[string]string{http.MethodPut: "/api/limits", http.MethodPost: "/v1/organization/projects/proj_a/rate_limits/rl-gpt-4"}[method]
			if status, answer := call(t, s, method, path, body); status != 200 && status != 400 && status != 404 {
				t.Fatalf("%s %q: %d %s", method, body, status, answer)
			}
		}
		for _, model := range []string{"gpt-4", "m"} {
			d, err := s.o.Limiter.Admit(t.Context(), who, Request{Model: model, Tokens: max(0, tokens), EndUser: body})
			if err != nil && fault.KindOf(err) != fault.RateLimited {
				t.Fatalf("%q: %v", body, err)
			}
			for _, h := range d.Headers {
				if strings.Contains(h[1], "-") {
					t.Fatalf("%q: %v", body, d.Headers)
				}
			}
			d.Correct(tokens)
		}
		for a, c := range s.o.Limiter.accounts {
			for _, b := range c.buckets {
				if b.used < 0 || math.IsNaN(b.used) || math.IsInf(b.used, 0) {
					t.Fatalf("%q: %v has used %v", body, a, b.used)
				}
			}
		}
		for _, r := range s.List("org-a") {
			if err := s.Delete(t.Context(), who, "org-a", r.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}
