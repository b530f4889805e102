package billing

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// topic is that of the hints, whose keys are organizations.
const topic = "billing"

const (
	// lookEvery is how often what was spent here is looked up in the books.
	lookEvery = time.Second
	// lookAgain is after how long the books are looked at without a reason, as hints may be lost.
	lookAgain = 30 * time.Second
	// closeEvery is how often it is looked whether a month is to be closed.
	closeEvery = time.Minute
)

// billion is what money is counted in, of a US dollar.
const billion = 1e9

// Books are what requests have cost.
type Books interface {
	// Settle returns when what this server has answered before is in the sums; whole also adds what processes that died have left.
	Settle(ctx context.Context, whole bool) error
	// Spent returns what requests of an organization that ended at from ≤ t < to have cost, in billionths of a US dollar, by project. from
	// and to are rounded down and up to minutes.
	Spent(ctx context.Context, org string, from, to time.Time) (map[string]int64, error)
	// Lines returns what the requests of a time used and cost, by model.
	Lines(ctx context.Context, org string, from, to time.Time) ([]Used, error)
}

// Used is what requests of a model used and cost. Money is billionths of a US dollar.
type Used struct {
	Model                  string
	Prompt, Cached, Output int64 // tokens; Cached are of Prompt
	Cost                   int64
	CachedCost, OutputCost int64 // parts of Cost
}

// Organizations know who there is.
type Organizations interface {
	// Founded returns when each organization was made, by id.
	Founded(ctx context.Context) (map[string]time.Time, error)
	// Owns reports whether a project (kind) exists in the organization.
	Owns(ctx context.Context, org, kind, id string) (bool, error)
}

// Mail is a notice to one address.
type Mail struct{ Org, To, Subject, Text string }

// Options are what New needs. Mail and Page may be nil.
type Options struct {
	DB     *store.DB
	Bus    bus.Bus
	Shared bool // there may be other servers on the database, which are to be told
	Clock  clock.Clock
	Logger *slog.Logger
	Meter  *Meter
	Books  Books
	Owners Organizations
	// Person returns an organization's name and the e-mail addresses of its owners.
	Person func(ctx context.Context, org string) (name string, owners []string, err error)
	// Mail sends in the transaction; nil: nothing is sent.
	Mail func(ctx context.Context, tx *store.Tx, m Mail) error
	// Page returns the address of the billing page, for mails.
	Page func() string
}

// Service keeps budgets, credit and invoices, and tells the meter. Make it with New, and let Run run.
type Service struct {
	o     Options
	audit *audit.Log
	turn  sync.Mutex // one look at what is limited at a time
}

// New returns the service; the meter knows what the books say.
func New(ctx context.Context, o Options) (_ *Service, err error) {
	defer fault.Wrap(&err, "billing.New")
	s := &Service{o: o, audit: audit.New(o.DB, o.Clock)}
	if err := o.Books.Settle(ctx, true); err != nil {
		return nil, err
	}
	if err := s.startMonths(ctx); err != nil {
		return nil, err
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	return s, s.lookAll(ctx)
}

// Run keeps the meter to the books and closes months, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		bus.Follow(ctx, s.o.Bus, topic, lookAgain, func(orgs []string) {
			if err := s.hinted(ctx, orgs); err != nil {
				s.failed(ctx, "what organizations may spend cannot be read; it stays as it was", err)
			}
		})
	})
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for closed := (time.Time{}); ; {
		if err := s.look(ctx); err != nil {
			s.failed(ctx, "what organizations have spent cannot be read; what this server knows goes on", err)
		}
		if time.Since(closed) >= closeEvery {
			closed = time.Now()
			if err := s.CloseMonths(ctx); err != nil {
				s.failed(ctx, "a month could not be closed; it is tried again", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Service) failed(ctx context.Context, text string, err error) {
	if ctx.Err() == nil {
		s.o.Logger.Error(text, "error", err)
	}
}

// hinted takes over what other servers changed or spent.
func (s *Service) hinted(ctx context.Context, orgs []string) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	if len(orgs) == 0 || slices.Contains(orgs, "") {
		return s.lookAll(ctx)
	}
	var errs []error
	for _, org := range orgs {
		errs = append(errs, s.lookAt(ctx, org))
	}
	return errors.Join(errs...)
}

// load opens tabs for those whose spending matters.
func (s *Service) load(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	orgs, err := limited(ctx, s.o.DB.Read(), s.o.Clock.Now())
	if err != nil {
		return err
	}
	s.o.Meter.follow(orgs)
	return nil
}

// lookAll looks at everybody who is limited.
func (s *Service) lookAll(ctx context.Context) error {
	return s.lookAt(ctx, slices.Collect(maps.Keys(*s.o.Meter.tabs.Load()))...)
}

// look looks at those who have spent something here, or whose terms change by themselves now.
func (s *Service) look(ctx context.Context) error {
	return s.lookAt(ctx, s.o.Meter.wanting(s.o.Clock.Now())...)
}

// lookAt reads what organizations have spent and may spend, and tells the other servers of what was spent here. Those that are not limited are
// left out.
func (s *Service) lookAt(ctx context.Context, orgs ...string) error {
	type begun struct {
		*tab
		month  time.Time
		marked map[string]int64
		news   bool
	}
	var tabs []begun
	for _, org := range orgs {
		if t := s.o.Meter.tab(org); t != nil {
			month, marked, news := t.mark(s.o.Clock.Now())
			tabs = append(tabs, begun{t, month, marked, news})
		}
	}
	if len(tabs) == 0 {
		return nil
	}
	errs := []error{s.o.Books.Settle(ctx, false)}
	for _, t := range tabs {
		if errs[0] != nil {
			t.again()
			continue
		}
		errs = append(errs, s.read(ctx, t.tab, t.month, t.marked))
		if t.news {
			s.publish(t.org)
		}
	}
	return errors.Join(errs...)
}

// read gives a tab what the books say, and tells of what was reached.
func (s *Service) read(ctx context.Context, t *tab, month time.Time, marked map[string]int64) (err error) {
	defer fault.Wrap(&err, "billing.read(%s)", t.org)
	defer func() {
		if err != nil {
			t.again()
		}
	}()
	books, err := s.o.Books.Spent(ctx, t.org, month, month.AddDate(0, 1, 0))
	if err != nil {
		return err
	}
	b, err := s.balance(ctx, t.org, month, total(books))
	if err != nil {
		return err
	}
	budgets, err := readBudgets(ctx, s.o.DB.Read(), t.org)
	if err != nil {
		return err
	}
	account, err := readAccount(ctx, s.o.DB.Read(), t.org)
	if err != nil {
		return err
	}
	now := s.o.Clock.Now()
	terms := terms{hard: none, projects: map[string]int64{}, ceiling: none}
	for _, l := range budgets {
		switch {
		case l.Hard == none:
		case l.Project == "":
			terms.hard = l.Hard
		default:
			terms.projects[l.Project] = l.Hard
		}
	}
	if account.Plan == Prepaid {
		terms.ceiling = b.settled + b.available
	}
	due := now.Add(lookAgain)
	if !b.changes.IsZero() && b.changes.Before(due) {
		due = b.changes
	}
	t.set(month, marked, books, terms, due)
	return s.tell(ctx, t.org, month, books, budgets, account, b)
}

func total(spent map[string]int64) (sum int64) {
	for _, v := range spent {
		sum += v
	}
	return sum
}

// publish tells the other servers to look at an organization.
func (s *Service) publish(org string) {
	if s.o.Shared {
		s.o.Bus.Publish(topic, org)
	}
}

// changed takes over what was changed here, and tells the others.
func (s *Service) changed(ctx context.Context, org string) error {
	err := s.load(ctx)
	if err == nil {
		err = s.lookAt(ctx, org)
	}
	s.publish(org)
	return err
}

// Plans.
const (
	NoPlan   = "none"     // nothing is asked for: a machine of one's own
	Prepaid  = "prepaid"  // who has no credit left may not ask
	Postpaid = "postpaid" // credit first, then the invoice
)

// Account is how an organization pays.
type Account struct {
	Org      string   `json:"-"`
	Plan     string   `json:"plan"`
	Contacts []string `json:"contacts"` // e-mail addresses that are told besides the owners
	Name     string   `json:"name"`     // on invoices; empty: the organization's
	Address  string   `json:"address"`  // on invoices, of several lines
}

// Details are what an organization says about itself.
type Details struct {
	Contacts []string
	Name     string
	Address  string
}

// Bounds of texts.
const (
	maxContacts = 20
	maxName     = 200  // bytes
	maxAddress  = 1000 // bytes
	maxReason   = 500  // bytes
)

// SetDetails changes who is told and what stands on invoices.
func (s *Service) SetDetails(ctx context.Context, who actor.Actor, org string, d Details) (_ Account, err error) {
	defer fault.Wrap(&err, "billing.SetDetails")
	if d.Contacts, err = addresses(d.Contacts); err != nil {
		return Account{}, err
	}
	if err := errors.Join(line("invoice_name", d.Name, maxName), block("invoice_address", d.Address, maxAddress)); err != nil {
		return Account{}, err
	}
	return s.setAccount(ctx, who, org, "billing.updated", func(a *Account) { a.Contacts, a.Name, a.Address = d.Contacts, d.Name, d.Address })
}

// SetPlan changes how an organization pays. It is the operator's.
func (s *Service) SetPlan(ctx context.Context, who actor.Actor, org, plan string) (_ Account, err error) {
	defer fault.Wrap(&err, "billing.SetPlan")
	if plan != NoPlan && plan != Prepaid && plan != Postpaid {
		return Account{}, fault.Param("plan", "Invalid value: '%s'. Supported values are: 'none', 'prepaid', and 'postpaid'.", clip(plan)).WithCode("invalid_value")
	}
	return s.setAccount(ctx, who, org, "billing_plan.updated", func(a *Account) { a.Plan = plan })
}

func (s *Service) setAccount(ctx context.Context, who actor.Actor, org, event string, change func(*Account)) (a Account, err error) {
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		before, err := readAccount(ctx, tx, org)
		if err != nil {
			return err
		}
		a = before
		change(&a)
		if err := writeAccount(ctx, tx, a, s.o.Clock.Now()); err != nil {
			return err
		}
		return s.record(ctx, tx, who, org, audit.Event{Type: event, Object: org, Before: before, After: a})
	})
	if err != nil {
		return Account{}, err
	}
	return a, s.changed(ctx, org)
}

// record writes a line into the log of the organization that it is about.
func (s *Service) record(ctx context.Context, tx *store.Tx, who actor.Actor, org string, e audit.Event) error {
	who.Org = org
	return s.audit.Record(ctx, tx, who, e)
}

// Account returns how an organization pays.
func (s *Service) Account(ctx context.Context, org string) (Account, error) {
	return readAccount(ctx, s.o.DB.Read(), org)
}

// addresses checks a list of e-mail addresses and returns it without repetitions.
func addresses(list []string) ([]string, error) {
	if len(list) > maxContacts {
		return nil, fault.Param("contacts", "Invalid 'contacts': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxContacts, len(list)).WithCode("array_above_max_length")
	}
	out := []string{}
	for _, a := range list {
		a = strings.TrimSpace(a)
		parsed, err := netmail.ParseAddress(a)
		if err != nil || parsed.Address != a || len(a) > 254 || !plain(a) {
			return nil, fault.Param("contacts", "'%s' is no e-mail address like 'billing@example.com'.", clip(a)).WithCode("invalid_value")
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out, nil
}

// line checks a text of one line.
func line(param, text string, most int) error {
	if len(text) > most || !plain(text) {
		return fault.Param(param, "Invalid '%s': expected one line of at most %d bytes.", param, most).WithCode("invalid_value")
	}
	return nil
}

// block checks a text of several lines.
func block(param, text string, most int) error {
	if len(text) > most || !plain(strings.NewReplacer("\r\n", "", "\n", "").Replace(text)) || strings.Count(text, "\n") >= 12 {
		return fault.Param(param, "Invalid '%s': expected at most 12 lines and %d bytes, without tabulators and other control characters.", param, most).WithCode("invalid_value")
	}
	return nil
}

func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 })
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }

// Standing is where an organization stands this month. Money is billionths of a US dollar.
type Standing struct {
	Month    time.Time
	Spent    int64
	Projects map[string]int64 // what each has spent
	Account  Account
	Budgets  []Budget // the organization's own first
	Credit   int64    // that is left
	State    State    // of the organization as a whole
}

// Standing returns it, as of now.
func (s *Service) Standing(ctx context.Context, org string) (out Standing, err error) {
	defer fault.Wrap(&err, "billing.Standing")
	if err := s.o.Books.Settle(ctx, false); err != nil {
		return out, err
	}
	out.Month = monthOf(s.o.Clock.Now())
	if out.Projects, err = s.o.Books.Spent(ctx, org, out.Month, out.Month.AddDate(0, 1, 0)); err != nil {
		return out, err
	}
	out.Spent = total(out.Projects)
	b, err := s.balance(ctx, org, out.Month, out.Spent)
	if err != nil {
		return out, err
	}
	out.Credit = b.available
	if out.Account, err = readAccount(ctx, s.o.DB.Read(), org); err != nil {
		return out, err
	}
	if out.Budgets, err = readBudgets(ctx, s.o.DB.Read(), org); err != nil {
		return out, err
	}
	out.State, _, err = s.StateOf(ctx, actor.Actor{Org: org})
	return out, err
}

// Forget removes what is kept of an organization, but for its invoices, which the seller has to keep.
func (s *Service) Forget(ctx context.Context, tx *store.Tx, org string) (map[string]int64, error) {
	out, err := forget(ctx, tx, org)
	tx.AfterCommit(func() { s.o.Bus.Publish(topic, org) }) // also to this one
	return out, err
}
