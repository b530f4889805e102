//go:build unix

package resilience

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// TestBudgetSurvivesKill: the server is killed in the middle of the load, twice; what was spent before counts after, and in the end no more was
// spent than the budget and what was in flight when it was used up. A server that starts then refuses the first request.
func TestBudgetSurvivesKill(t *testing.T) {
	t.Setenv("PARLEY_REMOTES", fmt.Sprintf(`[{name: far, url: "%s/v1", models: [far]}]`, upstream(t).URL))
	t.Setenv("PARLEY_LOG_LEVEL", "warn")
	s := binary.Start(t)
	put := func(path string, body map[string]any) {
		t.Helper()
		resp, err := call(s, http.MethodPut, path, body)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, resp.Status)
		}
	}
	const (
		clients = 16
		hard    = 2.0               // US dollars
		most    = (101 + 13) * 1e-5 // of one answer: upstream's has 101 tokens of prompt and 13 of answer at most
	)
	put("/api/calendar/far", map[string]any{"served": "far/far", "input_price": 0.01, "output_price": 0.01})
	var session struct{ Organization struct{ ID string } }
	get(t, s, "/api/session", &session)
	put("/api/billing/budgets/"+session.Organization.ID, map[string]any{"hard_limit_usd": hard})

	var cost atomic.Int64 // of answers that clients got whole, in units of 10⁻⁵ dollars: a token's price
	for _, enough := range []int64{40_000, 120_000, 1 << 60} {
		var down atomic.Bool
		var ended sync.WaitGroup
		half := make(chan struct{})
		var once sync.Once
		for range clients {
			ended.Go(func() {
				for !down.Load() {
					_, used, err := far(s, false)
					if err != nil {
						if !down.Load() && !strings.Contains(err.Error(), "429") {
							t.Errorf("before the kill: %v", err)
						}
						return
					}
					if cost.Add(used.Prompt+used.Completion) >= enough {
						once.Do(func() { close(half) })
					}
				}
			})
		}
		if enough == 1<<60 {
			ended.Wait() // everybody was refused
		} else {
			select {
			case <-half:
			case <-time.After(2 * time.Minute):
				t.Fatalf("%d hundred-thousandths of a dollar in two minutes\n%s", cost.Load(), s.Log())
			}
		}
		down.Store(true)
		s.Kill()
		ended.Wait()
		s.Launch()
	}
	if _, _, err := far(s, false); err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("the first request of a server that has just started: %v", err)
	}
	var sums struct {
		Spend float64 `json:"spend_usd"`
		State string
	}
	get(t, s, "/api/billing", &sums)
	if over := sums.Spend - hard; over < 0 || over > clients*most || sums.State != "hard_limit" {
		t.Errorf("$%.5f was spent of $%.2f with %d clients, each answer at most $%.5f; %s", sums.Spend, hard, clients, most, sums.State)
	}
	// Answers that a kill cut off may have cost something, too; those that clients got are all there.
	if got := float64(cost.Load()) * 1e-5; got > sums.Spend+1e-9 {
		t.Errorf("clients got answers for $%.5f, the books have $%.5f", got, sums.Spend)
	}
	t.Logf("$%.5f of $%.2f were spent, clients got answers for $%.5f", sums.Spend, hard, float64(cost.Load())*1e-5)
}
