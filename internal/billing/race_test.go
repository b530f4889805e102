package billing

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestCreditOfTwoMonths: while a month is open that has ended, one server reckons it and another the month that runs. What pays for the one
// cannot pay for the other, too.
func TestCreditOfTwoMonths(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		s := []*Service{w.server(), w.server()}
		must[Grant](t)(s[0].GrantCredit(ctx, operator, "org-a", 100, "a", time.Time{}, time.Time{}))
		november := monthOf(begin)
		w.clock.Advance(25*24*time.Hour + time.Minute)
		for i := range 40 {
			var wg sync.WaitGroup
			for j, month := range []time.Time{november, november.AddDate(0, 1, 0)} {
				wg.Go(func() {
					if _, err := s[j].settle(ctx, "org-a", month, int64(i+1)*dollar/10, false); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		var paid, used int64
		ok(t, db.Read().QueryRow(ctx, `SELECT CAST(SUM(credit) AS BIGINT) FROM billing_settled WHERE org_id = 'org-a'`).Scan(&paid))
		ok(t, db.Read().QueryRow(ctx, `SELECT used FROM billing_grants WHERE org_id = 'org-a'`).Scan(&used))
		if paid != 8*dollar || used != paid {
			t.Errorf("two months that cost 8.00 were paid with %s, of the credit %s is used", dollars(paid), dollars(used))
		}
	})
}

// TestRevokedWhileReckoned: what is taken back stays taken back, and what was used of it used, while another server reckons.
func TestRevokedWhileReckoned(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := context.Background()
		s := []*Service{w.server(), w.server()}
		for range 40 {
			g := must[Grant](t)(s[0].GrantCredit(ctx, operator, "org-a", 100, "a", time.Time{}, time.Time{}))
			w.clock.Advance(time.Second)
			var wg sync.WaitGroup
			wg.Go(func() {
				for range 4 {
					w.spend(nil, a, dollar)
					if err := s[1].settleNow(ctx, "org-a"); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				if _, err := s[0].RevokeCredit(ctx, operator, "org-a", g.ID); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
		}
		var paid, used, open int64
		ok(t, db.Read().QueryRow(ctx, `SELECT CAST(SUM(credit) AS BIGINT) FROM billing_settled WHERE org_id = 'org-a'`).Scan(&paid))
		ok(t, db.Read().QueryRow(ctx, `SELECT CAST(SUM(used) AS BIGINT) FROM billing_grants WHERE org_id = 'org-a'`).Scan(&used))
		ok(t, db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM billing_grants WHERE org_id = 'org-a' AND revoked_at = 0`).Scan(&open))
		if open != 0 || used != paid {
			t.Errorf("%d grants that were taken back are good again; %s was paid, of the credit %s is used", open, dollars(paid), dollars(used))
		}
	})
}

// TestLateWhileOthersAreInvoiced: credit pays nothing for a month whose invoice is made, also while those of others are not.
func TestLateWhileOthersAreInvoiced(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := w.server()
		must[Grant](t)(s.GrantCredit(t.Context(), operator, "org-a", 10, "a", time.Time{}, time.Time{}))
		w.clock.Advance(time.Second)
		w.spend(s, a, dollar)
		at := w.clock.Now()
		w.clock.Advance(25*24*time.Hour + time.Hour)
		ok(t, s.invoice(t.Context(), "org-a", monthOf(at)))
		w.books.mu.Lock()
		w.books.rows = append(w.books.rows, spent{org: "org-a", project: "proj_a", model: "gpt-4", at: at, Used: Used{Prompt: 1, Cost: 2 * dollar}})
		w.books.mu.Unlock()
		ok(t, s.lookAll(t.Context()))
		if got := used(t, s); got != "a 1.00/10.00" {
			t.Errorf("the invoice says that credit has paid 1.00: %s", got)
		}
	})
}

// TestMonthEndsDuringALook: a prepaid organization without credit gets none by a look into the books that began in the month before.
func TestMonthEndsDuringALook(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	m := NewMeter(w.clock)
	m.follow([]string{"org-a"})
	tab := m.tab("org-a")
	month, marked, _ := tab.mark(w.clock.Now())
	w.clock.Advance(25 * 24 * time.Hour)
	if err := m.Check(t.Context(), a); err != nil {
		t.Fatal(err) // nothing is known yet
	}
	books := map[string]int64{"proj_a": 3 * dollar, "proj_a2": 2 * dollar}
	tab.set(month, marked, books, terms{hard: none, ceiling: 5 * dollar}, w.clock.Now().Add(lookAgain))
	if err := m.Check(t.Context(), a); err == nil {
		t.Error("$5 of $5 were spent last month, and more may be asked for")
	}
	tab.set(month, marked, books, terms{hard: none, ceiling: 6 * dollar}, w.clock.Now().Add(lookAgain))
	if err := m.Check(t.Context(), a); err != nil {
		t.Errorf("$1 is left: %v", err)
	}
	m.Spent(a, w.clock.Now(), dollar)
	if err := m.Check(t.Context(), a); err == nil {
		t.Error("nothing is left")
	}
	if got := m.wanting(w.clock.Now()); len(got) != 1 {
		t.Error("the books of the new month are not looked at soon")
	}
}

// TestNoticeToNoAddress: one whose address takes no mail keeps the others from nothing.
func TestNoticeToNoAddress(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.owner = "a..b@example.com"
	s := w.server()
	w.spend(s, a, dollar)
	must[Budget](t)(s.SetBudget(t.Context(), a, "org-a", "", p(1), nil))
	if got := fmt.Sprint(w.tell()); got != "[owner@org-a.example: The name of org-a: the soft limit of $1.00 was reached Same@example.com: The name of org-a: the soft limit of $1.00 was reached]" {
		t.Errorf("%s", got)
	}
}

// TestNoticesEnd: who changes limits all day sends the contacts no mails without end.
func TestNoticesEnd(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	s := w.server()
	w.spend(s, a, 1000*dollar)
	for i := range maxNotices + 20 {
		must[Budget](t)(s.SetBudget(t.Context(), a, "org-a", "", p(1+float64(i)/100), nil))
	}
	if n := len(w.tell()); n != 2*maxNotices {
		t.Errorf("%d mails to two addresses", n)
	}
	w.clock.Advance(25 * 24 * time.Hour)
	w.spend(s, a, 1000*dollar)
	ok(t, s.look(t.Context()))
	if n := len(w.tell()); n != 2 {
		t.Errorf("%d mails in the next month", n)
	}
}
