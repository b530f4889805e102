package billing

import (
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var begin = time.Date(2023, 11, 6, 18, 0, 0, 0, time.UTC)

const dollar = int64(billion)

// books are a fake of usage's: what was spent, which all servers of a test share.
type books struct {
	mu   sync.Mutex
	rows []spent
	fail error
}

type spent struct {
	org, project, model string
	at                  time.Time
	Used
}

func (b *books) Settle(context.Context, bool) error { return b.fail }

func (b *books) Spent(_ context.Context, org string, from, to time.Time) (map[string]int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int64{}
	for _, r := range b.rows {
		if r.org == org && !r.at.Before(from.Truncate(time.Minute)) && r.at.Truncate(time.Minute).Before(to) {
			out[r.project] += r.Cost
		}
	}
	return out, b.fail
}

func (b *books) Lines(_ context.Context, org string, from, to time.Time) ([]Used, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sums := map[string]*Used{}
	for _, r := range b.rows {
		if r.org != org || r.at.Before(from) || !r.at.Before(to) {
			continue
		}
		u := sums[r.model]
		if u == nil {
			u = &Used{Model: r.model}
			sums[r.model] = u
		}
		u.Prompt, u.Cached, u.Output = u.Prompt+r.Prompt, u.Cached+r.Cached, u.Output+r.Output
		u.Cost, u.CachedCost, u.OutputCost = u.Cost+r.Cost, u.CachedCost+r.CachedCost, u.OutputCost+r.OutputCost
	}
	var out []Used
	for _, u := range sums {
		out = append(out, *u)
	}
	return out, b.fail
}

// owners is a fake: org-a has proj_a and proj_a2, org-b has proj_b.
type owners struct{}

func (owners) Owns(_ context.Context, org, _, id string) (bool, error) {
	return strings.HasPrefix(id, "proj_"+strings.TrimPrefix(org, "org-")), nil
}

func (owners) Founded(context.Context) (map[string]time.Time, error) {
	return map[string]time.Time{"org-a": begin.Add(-time.Hour), "org-b": begin}, nil
}

// world is what servers of a test share.
type world struct {
	t     testing.TB
	db    *store.DB
	bus   bus.Bus
	clock *clock.Fake
	books *books
	mu    sync.Mutex
	mails []Mail
	owner string // another one of every organization's; empty: none
}

func newWorld(t testing.TB, db *store.DB) *world {
	return &world{t: t, db: db, bus: bus.NewLocal(), clock: clock.NewFake(begin), books: &books{}}
}

// server starts one.
func (w *world) server() *Service {
	w.t.Helper()
	s, err := New(w.t.Context(), Options{
		DB: w.db, Bus: w.bus, Shared: true, Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Meter: NewMeter(w.clock), Books: w.books, Owners: owners{},
		Person: func(_ context.Context, org string) (string, []string, error) {
			return "The name of " + org, []string{w.owner, "owner@" + org + ".example", "Same@example.com"}, nil
		},
		Mail: func(_ context.Context, _ *store.Tx, m Mail) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if _, err := mail.ParseAddress(m.To); err != nil {
				return fault.Param("to", "Invalid 'to': that is no e-mail address.") // as package mail
			}
			w.mails = append(w.mails, m)
			return nil
		},
		Page: func() string { return "https://parley.example.com/console/billing" },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// spend is a request that a server has answered: it is in the books, and the server knows.
func (w *world) spend(s *Service, who actor.Actor, cost int64) {
	w.books.mu.Lock()
	w.books.rows = append(w.books.rows, spent{org: who.Org, project: who.Project, model: "gpt-4", at: w.clock.Now(), Used: Used{Prompt: 1, Cost: cost}})
	w.books.mu.Unlock()
	if s != nil {
		s.o.Meter.Spent(who, w.clock.Now(), cost)
	}
}

// tell returns the subjects of the mails since the last call.
func (w *world) tell() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.mails {
		out = append(out, m.To+": "+m.Subject)
	}
	w.mails = nil
	return out
}

var (
	a        = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-a"}
	a2       = actor.Actor{Org: "org-a", Project: "proj_a2", User: "user-a"}
	b        = actor.Actor{Org: "org-b", Project: "proj_b", User: "user-b"}
	operator = actor.Actor{Org: "org-a", User: "user-a", Operator: true}
)

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func p(v float64) *float64 { return &v }

// may says who may ask: "a a2 b".
func may(s *Service) string {
	var out []string
	for _, who := range []actor.Actor{a, a2, b} {
		err := s.o.Meter.Check(context.Background(), who)
		if err == nil {
			out = append(out, strings.TrimPrefix(who.Project, "proj_"))
		} else if fault.KindOf(err) != fault.Quota || !strings.HasPrefix(err.Error(), "You exceeded your current quota, please check your plan and billing details") {
			out = append(out, err.Error())
		}
	}
	return strings.Join(out, " ")
}

func expect(t testing.TB, s *Service, want, when string) {
	t.Helper()
	if got := may(s); got != want {
		t.Errorf("%s: %q may ask, want %q", when, got, want)
	}
}

func TestBudgets(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		s := w.server()
		w.spend(s, a, 3*dollar) // before there was a budget
		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", p(4), p(5)))
		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "proj_a2", nil, p(0.5)))
		expect(t, s, "a a2 b", "at first")
		w.spend(s, a2, dollar/2)
		expect(t, s, "a b", "the project's budget is used up, at once")
		w.spend(s, a, dollar+dollar/2-1)
		expect(t, s, "a b", "a billionth is left")
		w.spend(s, a, 1)
		expect(t, s, "b", "nothing is left")
		ok(t, s.look(ctx))
		expect(t, s, "b", "after a look into the books")
		expect(t, w.server(), "b", "after a restart")

		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", nil, p(6)))
		expect(t, s, "a b", "it was raised")
		ok(t, s.DeleteBudget(ctx, a, "org-a", "proj_a2"))
		expect(t, s, "a a2 b", "the project's was taken away")
		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", nil, p(0)))
		expect(t, s, "b", "nothing may be spent")
		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", p(1), nil))
		expect(t, s, "a a2 b", "there is a soft limit alone")

		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", nil, p(5)))
		expect(t, s, "b", "it is used up again")
		w.clock.Advance(25 * 24 * time.Hour)
		expect(t, s, "a a2 b", "in the next month, at once")
		ok(t, s.look(ctx))
		expect(t, s, "a a2 b", "and after a look")
		w.spend(s, a, 5*dollar)
		expect(t, s, "b", "until it is used up, too")
	})
}

// TestInFlight: however many ask at once, what is spent beyond the limit is what was in flight when it was reached.
func TestInFlight(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	s := w.server()
	must[Budget](t)(s.SetBudget(t.Context(), a, "org-a", "", nil, p(1)))
	const workers, cost = 50, dollar / 100
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for s.o.Meter.Check(context.Background(), a) == nil {
				w.spend(s, a, cost)
			}
		})
	}
	for range 20 { // looks into the books in between change nothing
		ok(t, s.look(t.Context()))
	}
	wg.Wait()
	got := must[map[string]int64](t)(w.books.Spent(t.Context(), "org-a", begin, begin.Add(time.Hour)))["proj_a"]
	// A look may take what is spent meanwhile twice, until the next one: then it stops too early, here by what workers spend during a look.
	if got > dollar+(workers-1)*cost {
		t.Errorf("$%s was spent of $1 with %d at once, each %s", dollars(got), workers, dollars(cost))
	}
	ok(t, s.look(t.Context()))
	for s.o.Meter.Check(t.Context(), a) == nil {
		w.spend(s, a, cost)
	}
	if st := must[Standing](t)(s.Standing(t.Context(), "org-a")); st.Spent < dollar || st.State != Hard {
		t.Errorf("%d in the books, %s", st.Spent, st.State)
	}
}

// TestServers: what one server has answered stops the others, and what is set on one is in force on the others.
func TestServers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		one, two := w.server(), w.server()
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, s := range []*Service{one, two} {
			wg.Go(func() { s.Run(ctx) })
		}
		wait := func(s *Service, want, when string) {
			t.Helper()
			for end := time.Now().Add(lookAgain / 2); may(s) != want; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: %q may ask, want %q", when, may(s), want)
				}
			}
		}
		wait(two, "a a2 b", "at first")
		must[Budget](t)(one.SetBudget(ctx, a, "org-a", "", nil, p(1)))
		for two.o.Meter.tab("org-a") == nil { // its hint may have come before the other one listened
			must[Budget](t)(one.SetBudget(ctx, a, "org-a", "", nil, p(1)))
			time.Sleep(5 * time.Millisecond)
		}
		w.spend(one, a, dollar)
		wait(one, "b", "the one that has answered")
		wait(two, "b", "the other one")
		must[Budget](t)(two.SetBudget(ctx, a, "org-a", "", nil, p(2)))
		wait(one, "a a2 b", "raised elsewhere")
		stop()
		wg.Wait()
	})
}

func TestNotices(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := t.Context()
		s, other := w.server(), w.server()
		must[Account](t)(s.SetDetails(ctx, a, "org-a", Details{Contacts: []string{"books@example.com", "same@example.com"}}))
		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", p(1), p(2)))
		look := func(want ...string) {
			t.Helper()
			for _, s := range []*Service{s, other} {
				ok(t, s.load(ctx))
				ok(t, s.lookAll(ctx))
			}
			if got := w.tell(); !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		to := func(subject string) []string {
			return []string{"owner@org-a.example: " + subject, "Same@example.com: " + subject, "books@example.com: " + subject}
		}
		look()
		w.spend(s, a, dollar-1)
		look()
		w.spend(s, a, 1)
		look(to("The name of org-a: the soft limit of $1.00 was reached")...)
		w.spend(s, a, dollar)
		look(to("The name of org-a: the hard limit of $2.00 was reached")...)
		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", p(1), p(3)))
		look()
		w.spend(s, a, dollar)
		look(to("The name of org-a: the hard limit of $3.00 was reached")...)
		ok(t, s.DeleteBudget(ctx, a, "org-a", ""))
		must[Budget](t)(s.SetBudget(ctx, a, "org-a", "proj_a", p(0.25), nil))
		w.mu.Lock()
		text := w.mails[0].Text
		w.mu.Unlock()
		if text != "The project proj_a of The name of org-a has spent $3.00 in November 2023 (UTC), which reaches its soft limit of $0.25. Requests go on as before.\n\nhttps://parley.example.com/console/billing\n" {
			t.Errorf("%q", text)
		}
		look(to("The name of org-a: the soft limit of $0.25 was reached")...)
		w.clock.Advance(25 * 24 * time.Hour)
		look()
		w.spend(s, a, dollar)
		look(to("The name of org-a: the soft limit of $0.25 was reached")...)
		look()
	})
}

func TestStates(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	ctx := t.Context()
	s := w.server()
	state := func(want string) {
		t.Helper()
		var got []string
		for _, who := range []actor.Actor{a, a2, b} {
			st, ofProject, err := s.StateOf(ctx, who)
			ok(t, err)
			got = append(got, fmt.Sprint(st, ofProject))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s, want %s", text, want)
		}
	}
	state("okfalse okfalse okfalse")
	must[Budget](t)(s.SetBudget(ctx, a, "org-a", "", p(1), p(3)))
	must[Budget](t)(s.SetBudget(ctx, a, "org-a", "proj_a", nil, p(2)))
	w.spend(s, a, dollar)
	state("soft_limitfalse soft_limitfalse okfalse")
	w.spend(s, a, dollar)
	state("hard_limittrue soft_limitfalse okfalse")
	w.spend(s, a2, dollar)
	state("hard_limitfalse hard_limitfalse okfalse")
	must[Account](t)(s.SetPlan(ctx, operator, "org-b", Prepaid))
	state("hard_limitfalse hard_limitfalse no_creditfalse")
}

// TestBooksAway: while the books cannot be read, what the server knows goes on.
func TestBooksAway(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	s := w.server()
	must[Budget](t)(s.SetBudget(t.Context(), a, "org-a", "", nil, p(1)))
	w.books.fail = fault.New(fault.Unavailable, "away")
	w.spend(s, a, dollar/2)
	if err := s.look(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
	expect(t, s, "a a2 b", "half is spent")
	w.spend(s, a, dollar/2)
	expect(t, s, "b", "all is spent")
	w.books.fail = nil
	ok(t, s.look(t.Context()))
	expect(t, s, "b", "the books are back")
}

func TestBadInput(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	ctx := t.Context()
	s := w.server()
	long := strings.Repeat("x", 300)
	for name, tt := range map[string]struct {
		err   error
		param string
		kind  fault.Kind
	}{
		"no limit":                {second(s.SetBudget(ctx, a, "org-a", "", nil, nil)), "", fault.Invalid},
		"negative":                {second(s.SetBudget(ctx, a, "org-a", "", p(-1), nil)), "soft_limit_usd", fault.Invalid},
		"too much":                {second(s.SetBudget(ctx, a, "org-a", "", nil, p(1e10))), "hard_limit_usd", fault.Invalid},
		"soft above hard":         {second(s.SetBudget(ctx, a, "org-a", "", p(2), p(1))), "soft_limit_usd", fault.Invalid},
		"another's project":       {second(s.SetBudget(ctx, a, "org-a", "proj_b", nil, p(1))), "", fault.NotFound},
		"another's, taken away":   {s.DeleteBudget(ctx, a, "org-a", "proj_b"), "", fault.NotFound},
		"none to take away":       {s.DeleteBudget(ctx, a, "org-a", "proj_a"), "", fault.NotFound},
		"plan":                    {second(s.SetPlan(ctx, operator, "org-a", "gold")), "plan", fault.Invalid},
		"contact":                 {second(s.SetDetails(ctx, a, "org-a", Details{Contacts: []string{"nobody"}})), "contacts", fault.Invalid},
		"contact, two lines":      {second(s.SetDetails(ctx, a, "org-a", Details{Contacts: []string{"a@b\nBcc: c@d"}})), "contacts", fault.Invalid},
		"contact, two dots":       {second(s.SetDetails(ctx, a, "org-a", Details{Contacts: []string{"a..b@example.com"}})), "contacts", fault.Invalid},
		"contact, brackets":       {second(s.SetDetails(ctx, a, "org-a", Details{Contacts: []string{"a(b)@example.com"}})), "contacts", fault.Invalid},
		"contacts":                {second(s.SetDetails(ctx, a, "org-a", Details{Contacts: make([]string, 21)})), "contacts", fault.Invalid},
		"name":                    {second(s.SetDetails(ctx, a, "org-a", Details{Name: long})), "invoice_name", fault.Invalid},
		"address":                 {second(s.SetDetails(ctx, a, "org-a", Details{Address: strings.Repeat("\n", 20)})), "invoice_address", fault.Invalid},
		"no credit":               {second(s.GrantCredit(ctx, operator, "org-a", 0, "", begin, time.Time{})), "amount_usd", fault.Invalid},
		"too little credit":       {second(s.GrantCredit(ctx, operator, "org-a", 1e-12, "", begin, time.Time{})), "amount_usd", fault.Invalid},
		"too much credit":         {second(s.GrantCredit(ctx, operator, "org-a", 1e7, "", begin, time.Time{})), "amount_usd", fault.Invalid},
		"credit that has ended":   {second(s.GrantCredit(ctx, operator, "org-a", 1, "", time.Time{}, begin)), "expires_at", fault.Invalid},
		"reason":                  {second(s.GrantCredit(ctx, operator, "org-a", 1, "a\nb", begin, time.Time{})), "reason", fault.Invalid},
		"credit that there isn't": {second(s.RevokeCredit(ctx, operator, "", "grant_x")), "", fault.NotFound},
		"seller":                  {second(s.SetSeller(ctx, operator, SellerChange{Note: new(strings.Repeat("x", 2000))})), "note", fault.Invalid},
		"invoice":                 {second(s.Invoice(ctx, "org-a", "inv_x")), "", fault.NotFound},
	} {
		if fe := fault.As(tt.err); fe == nil || fe.Kind != tt.kind || fe.Param != tt.param {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func BenchmarkCheck(b *testing.B) {
	w := newWorld(b, storetest.Open(b, storetest.SQLite(b), store.Options{}))
	s := w.server()
	must[Budget](b)(s.SetBudget(b.Context(), a, "org-a", "", nil, p(1)))
	for name, who := range map[string]actor.Actor{"limited": a, "others": {Org: "org-b"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.o.Meter.Check(context.Background(), who); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
