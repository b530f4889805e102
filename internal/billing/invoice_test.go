package billing

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// invoices tells an organization's: "1 2023-11 3.00-1.00".
func invoices(t testing.TB, s *Service, org string) string {
	t.Helper()
	list, _, err := s.Invoices(t.Context(), org, store.Paging{Limit: 100, Order: "asc"})
	ok(t, err)
	slices.SortFunc(list, func(a, b Invoice) int { return cmp.Compare(a.Number, b.Number) })
	var out []string
	for _, in := range list {
		out = append(out, fmt.Sprintf("%d %s %s-%s=%s", in.Number, in.Month, dollars(in.Subtotal), dollars(in.Credit), dollars(in.Total)))
		var sum int64
		for _, l := range in.Lines {
			sum += l.Amount
		}
		if sum != in.Subtotal || in.Subtotal-in.Credit != in.Total {
			t.Errorf("lines of %d come to %d, of %d", in.Number, sum, in.Subtotal)
		}
	}
	return strings.Join(out, ", ")
}

func TestInvoices(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		s := w.server()
		check := func(org, want, when string) {
			t.Helper()
			ok(t, s.CloseMonths(ctx))
			if got := invoices(t, s, org); got != want {
				t.Errorf("%s, %s: %q, want %q", when, org, got, want)
			}
		}
		set := func(to Seller) {
			t.Helper()
			if got, err := s.SetSeller(ctx, operator, SellerChange{&to.Name, &to.Address, &to.Note}); err != nil || got != to {
				t.Fatalf("the seller: %+v, %v", got, err)
			}
		}
		must[Account](t)(s.SetDetails(ctx, a, "org-a", Details{Name: "한국어 주식회사", Address: "서울특별시\n대한민국"}))
		set(Seller{"Seller", "Street 1", "IBAN"})
		w.spend(s, a, dollar)
		must[Grant](t)(s.GrantCredit(ctx, operator, "org-a", 2, "", time.Time{}, time.Time{}))
		w.spend(s, a2, dollar+1)
		w.spend(s, b, 5)
		w.clock.Advance(time.Date(2023, 12, 1, 0, 59, 59, 0, time.UTC).Sub(begin))
		check("org-a", "", "the month ended less than an hour ago")
		w.clock.Advance(time.Second)
		check("org-a", "1 2023-11 2.000000001-1.000000001=1.00", "an hour after the end")
		check("org-b", "2 2023-11 0.000000005-0.00=0.000000005", "five billionths")
		w.clock.Advance(24 * time.Hour)
		check("org-a", "1 2023-11 2.000000001-1.000000001=1.00", "once")

		// Later changes are not on it.
		set(Seller{"Other", "", ""})
		list, _, err := s.Invoices(ctx, "org-a", store.Paging{Limit: 10})
		ok(t, err)
		in := list[0]
		if in.Seller.Name != "Seller" || in.Buyer.Name != "한국어 주식회사" || in.Note != "IBAN" || in.Buyer.Address != "서울특별시\n대한민국" {
			t.Errorf("%+v", in.Document)
		}
		pdf := must[[]byte](t)(in.PDF())
		if again := must[[]byte](t)(in.PDF()); !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.Equal(pdf, again) {
			t.Errorf("%d bytes", len(pdf))
		}
		if _, err := s.Invoice(ctx, "org-b", in.ID); err == nil {
			t.Error("another organization reads it")
		}

		// A request of November whose row came when it was closed is in the next one. December is not in the way of others: nobody asks in it.
		w.books.rows = append(w.books.rows, spent{org: "org-a", project: "proj_a", model: "gpt-4", at: begin.Add(time.Minute), Used: Used{Prompt: 1, Cost: 7}})
		w.clock.Advance(100 * 24 * time.Hour)
		check("org-a", "1 2023-11 2.000000001-1.000000001=1.00, 3 2023-12 0.000000007-0.00=0.000000007", "the server did not run for months")
		check("org-b", "2 2023-11 0.000000005-0.00=0.000000005", "nothing was spent")
		w.spend(s, b, dollar)
		w.clock.Advance(35 * 24 * time.Hour)
		check("org-b", "2 2023-11 0.000000005-0.00=0.000000005, 4 2024-03 1.00-0.00=1.00", "in the month in which it was asked")
		n := 0
		ok(t, db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM audit_log WHERE type = 'invoice.created'`).Scan(&n))
		if n != 4 {
			t.Errorf("%d lines of the audit log", n)
		}
	})
}

// TestInvoicesOfTwoServers: both close the month; there is one invoice each, and no gap.
func TestInvoicesOfTwoServers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		servers := []*Service{w.server(), w.server(), w.server()}
		w.spend(nil, a, dollar)
		w.spend(nil, b, 2*dollar)
		w.clock.Advance(30 * 24 * time.Hour)
		var wg sync.WaitGroup
		for _, s := range servers {
			wg.Go(func() {
				if err := s.CloseMonths(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := invoices(t, servers[0], ""); got != "1 2023-11 1.00-0.00=1.00, 2 2023-11 2.00-0.00=2.00" {
			t.Errorf("%s", got)
		}
	})
}

// TestInvoicesAfterAFailure: what was made before stays, the rest is made by the next try.
func TestInvoicesAfterAFailure(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	s := w.server()
	w.spend(nil, a, dollar)
	w.spend(nil, b, 2*dollar)
	w.clock.Advance(30 * 24 * time.Hour)
	name := s.o.Person
	s.o.Person = func(ctx context.Context, org string) (string, []string, error) {
		if org == "org-b" {
			return "", nil, errors.New("away")
		}
		return name(ctx, org)
	}
	if err := s.CloseMonths(t.Context()); err == nil || invoices(t, s, "") != "1 2023-11 1.00-0.00=1.00" {
		t.Errorf("%v: %s", err, invoices(t, s, ""))
	}
	s.o.Person = name
	ok(t, s.CloseMonths(t.Context()))
	if got := invoices(t, s, ""); got != "1 2023-11 1.00-0.00=1.00, 2 2023-11 2.00-0.00=2.00" {
		t.Errorf("%s", got)
	}
}

// TestLines: whatever was used, lines come to what it cost, to the billionth.
func TestLines(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		var list []Used
		var want int64
		for i := range r.IntN(6) {
			u := Used{Model: fmt.Sprint("m", i), Prompt: r.Int64N(1e6), Output: r.Int64N(1e6), Cost: r.Int64N(1e12)}
			u.Cached = r.Int64N(u.Prompt + 1)
			u.CachedCost = r.Int64N(u.Cost + 1)
			u.OutputCost = r.Int64N(u.Cost - u.CachedCost + 1)
			want += u.Cost
			list = append(list, u)
		}
		lines, cost := linesOf(list)
		var sum int64
		for _, l := range lines {
			if sum += l.Amount; l.Amount <= 0 {
				t.Fatalf("%+v", l)
			}
		}
		if sum != want || cost != want {
			t.Fatalf("%d and %d, want %d", sum, cost, want)
		}
	}
}

func TestMoney(t *testing.T) {
	for n, want := range map[int64]string{0: "0.00", 1: "0.000000001", dollar: "1.00", 1_500_000_000: "1.50", 1_234_567_890: "1.23456789", -5 * dollar: "-5.00"} {
		if got := dollars(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 12345678: "12,345,678"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := decimal(Line{Quantity: 3000, Amount: 4_500_000}.Price()); got != "0.0015" {
		t.Errorf("%s", got)
	}
}

// TestForget: nothing of an organization is left but its invoices.
func TestForget(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		s := w.server()
		for _, who := range []actor.Actor{a, b} {
			must[Budget](t)(s.SetBudget(ctx, who, who.Org, "", nil, p(1)))
			must[Account](t)(s.SetPlan(ctx, operator, who.Org, Prepaid))
			must[Grant](t)(s.GrantCredit(ctx, operator, who.Org, 1, "", time.Time{}, time.Time{}))
			w.spend(s, who, dollar)
		}
		ok(t, s.look(ctx))
		w.clock.Advance(30 * 24 * time.Hour)
		ok(t, s.CloseMonths(ctx))
		ok(t, db.Tx(ctx, func(tx *store.Tx) error {
			got, err := s.Forget(ctx, tx, "org-a")
			if text := fmt.Sprint(got); text != "map[billing_accounts:1 billing_budgets:1 billing_grants:1 billing_notices:2 billing_settled:1]" {
				t.Error(text)
			}
			return err
		}))
		st := must[Standing](t)(s.Standing(ctx, "org-b"))
		if len(st.Budgets) != 1 || st.Account.Plan != Prepaid || invoices(t, s, "org-a") == "" {
			t.Errorf("%+v", st)
		}
	})
}
