package billing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// used tells the grants of org-a by their reasons: "first 1.00/5.00".
func used(t testing.TB, s *Service) string {
	t.Helper()
	var out []string
	for _, g := range must[[]Grant](t)(s.Credits(t.Context(), "org-a")) {
		out = append([]string{fmt.Sprintf("%s %s/%s", g.Reason, dollars(g.Used), dollars(g.Amount))}, out...)
	}
	return strings.Join(out, ", ")
}

func TestCredit(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		s := w.server()
		day := func(n int) time.Time { return begin.AddDate(0, 0, n) }
		grant := func(amount float64, reason string, from, to time.Time) Grant {
			t.Helper()
			w.clock.Advance(time.Second)
			return must[Grant](t)(s.GrantCredit(ctx, operator, "org-a", amount, reason, from, to))
		}
		check := func(want, when string) {
			t.Helper()
			if got := used(t, s); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		w.spend(s, a, 7*dollar) // before there was credit: that is for the invoice
		grant(5, "forever", time.Time{}, time.Time{})
		grant(5, "late", time.Time{}, day(10))
		grant(2, "soon", time.Time{}, day(3))
		gone := grant(4, "later", day(5), day(8))
		check("forever 0.00/5.00, late 0.00/5.00, soon 0.00/2.00, later 0.00/4.00", "what was spent before")
		w.clock.Advance(time.Hour)
		w.spend(s, a, dollar)
		check("forever 0.00/5.00, late 0.00/5.00, soon 1.00/2.00, later 0.00/4.00", "what ends first goes first")
		w.spend(s, a2, 2*dollar)
		check("forever 0.00/5.00, late 1.00/5.00, soon 2.00/2.00, later 0.00/4.00", "then the next one")
		// Nobody looks for nine days, in which one begins and one ends.
		w.clock.Advance(4 * 24 * time.Hour)
		w.spend(nil, a, dollar) // day 4: from late
		w.clock.Advance(2 * 24 * time.Hour)
		w.spend(nil, a, 3*dollar) // day 6: from later
		w.clock.Advance(3 * 24 * time.Hour)
		w.spend(nil, a, dollar) // day 9: later has ended with 1 left
		check("forever 0.00/5.00, late 3.00/5.00, soon 2.00/2.00, later 3.00/4.00", "credit pays for what was spent while it was good")
		w.clock.Advance(2 * 24 * time.Hour)
		w.spend(nil, a, dollar) // day 11: late has ended with 2 left
		check("forever 1.00/5.00, late 3.00/5.00, soon 2.00/2.00, later 3.00/4.00", "the one without an end")
		if b := must[Standing](t)(s.Standing(ctx, "org-a")); b.Credit != 4*dollar {
			t.Errorf("%d is left", b.Credit)
		}

		extra := grant(1, "taken back", time.Time{}, day(20))
		w.spend(s, a, dollar/2)
		must[Grant](t)(s.RevokeCredit(ctx, operator, "org-a", extra.ID))
		w.clock.Advance(time.Second)
		w.spend(s, a, dollar)
		check("forever 2.00/5.00, late 3.00/5.00, soon 2.00/2.00, later 3.00/4.00, taken back 0.50/1.00", "what was taken back")
		if _, err := s.RevokeCredit(ctx, operator, "org-a", extra.ID); fault.KindOf(err) != fault.Conflict {
			t.Errorf("taken back twice: %v", err)
		}
		if _, err := s.RevokeCredit(ctx, operator, "org-b", gone.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another organization's: %v", err)
		}
		// The next month goes on with what is left.
		w.clock.Advance(30 * 24 * time.Hour)
		w.spend(s, a, 10*dollar)
		check("forever 5.00/5.00, late 3.00/5.00, soon 2.00/2.00, later 3.00/4.00, taken back 0.50/1.00", "the next month")
		var audited []string
		for _, typ := range []string{"credit_grant.created", "credit_grant.revoked"} {
			n := 0
			ok(t, db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM audit_log WHERE org_id = 'org-a' AND type = $1`, typ).Scan(&n))
			audited = append(audited, fmt.Sprint(n))
		}
		if got := strings.Join(audited, " "); got != "5 1" {
			t.Errorf("lines of the audit log: %s", got)
		}
	})
}

// TestCreditOnce: several servers that reckon at once use no billionth twice.
func TestCreditOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		servers := []*Service{w.server(), w.server(), w.server()}
		must[Grant](t)(servers[0].GrantCredit(t.Context(), operator, "org-a", 1, "a", time.Time{}, time.Time{}))
		w.clock.Advance(time.Second)
		must[Grant](t)(servers[0].GrantCredit(t.Context(), operator, "org-a", 1, "b", time.Time{}, begin.Add(time.Hour)))
		var wg sync.WaitGroup
		for _, s := range servers {
			wg.Go(func() {
				for range 20 {
					w.spend(s, a, dollar/100)
					if err := s.settleNow(context.Background(), "org-a"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if got := used(t, servers[0]); got != "a 0.00/1.00, b 0.60/1.00" {
			t.Errorf("60 cents were spent: %s", got)
		}
	})
}

func TestPrepaid(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		s := w.server()
		must[Account](t)(s.SetPlan(ctx, operator, "org-a", Prepaid))
		expect(t, s, "b", "without credit")
		must[Grant](t)(s.GrantCredit(ctx, operator, "org-a", 1, "", time.Time{}, begin.Add(time.Hour)))
		expect(t, s, "a a2 b", "with a dollar")
		w.spend(s, a, dollar/2)
		w.spend(s, a2, dollar/2-1)
		expect(t, s, "a a2 b", "with a billionth")
		ok(t, s.look(ctx))
		expect(t, s, "a a2 b", "with a billionth, in the books")
		w.spend(s, a, 2)
		expect(t, s, "b", "with none")
		ok(t, s.look(ctx))
		expect(t, s, "b", "with none, in the books")
		expect(t, w.server(), "b", "after a restart")
		if got := w.tell(); len(got) != 2 || !strings.HasSuffix(got[0], "the credit is used up") {
			t.Errorf("told %q", got)
		}
		must[Grant](t)(s.GrantCredit(ctx, operator, "org-a", 3, "", time.Time{}, begin.Add(2*time.Hour)))
		expect(t, s, "a a2 b", "with more")
		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", nil, p(2)))
		w.spend(s, a, dollar)
		expect(t, s, "b", "its budget is used up before its credit")
		ok(t, s.DeleteBudget(ctx, a, "org-a", ""))
		expect(t, s, "a a2 b", "without a budget")
		w.clock.Advance(2 * time.Hour)
		ok(t, s.look(ctx))
		expect(t, s, "b", "the credit has ended, and nobody spent since")
		must[Grant](t)(s.GrantCredit(ctx, operator, "org-a", 1, "", time.Time{}, time.Time{}))
		w.clock.Advance(25 * 24 * time.Hour)
		expect(t, s, "a a2 b", "the next month, with what is left")
		w.spend(s, a, dollar)
		expect(t, s, "b", "that is gone, too")
		must[Account](t)(s.SetPlan(ctx, operator, "org-a", Postpaid))
		expect(t, s, "a a2 b", "who pays later may go on")
	})
}

// TestPay: whatever is granted and spent, credit pays at most what was spent and at most what was granted, each grant only while it is good,
// and nothing is left unpaid while a good one has something left.
func TestPay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		grants := make([]Grant, r.IntN(5))
		for i := range grants {
			grants[i] = Grant{ID: fmt.Sprint(i), Amount: int64(r.IntN(20)), Effective: begin.Add(time.Duration(r.IntN(10)) * time.Hour), Created: begin.Add(time.Duration(i))}
			if r.IntN(3) > 0 {
				grants[i].Expires = grants[i].Effective.Add(time.Duration(1+r.IntN(10)) * time.Hour)
			}
		}
		var steps []step
		var sum int64
		for h := 1; h <= 20; h++ { // a step at each hour: nothing begins or ends between two
			sum += int64(r.IntN(6))
			steps = append(steps, step{begin.Add(time.Duration(h) * time.Hour), sum})
		}
		was := make([]int64, len(grants))
		var paid, credit int64
		from := begin
		for _, st := range steps {
			n := pay(grants, from, paid, []step{st})
			var used, left int64
			for i, g := range grants {
				used += g.Used - was[i]
				good := !g.Effective.After(from) && (g.Expires.IsZero() || !g.Expires.Before(st.until))
				if g.Used != was[i] && !good || g.Used > g.Amount || g.Used < was[i] {
					t.Fatalf("%+v paid from %v to %v", g, from, st.until)
				}
				if good {
					left += g.Amount - g.Used
				}
				was[i] = g.Used
			}
			if due := st.spent - paid; n != used || n > due || n < due && left > 0 {
				t.Fatalf("%d of %d were paid, %d were used, %d are left", n, due, used, left)
			}
			from, paid, credit = st.until, st.spent, credit+n
		}
		if credit > sum {
			t.Fatalf("%d for %d", credit, sum)
		}
	}
}
