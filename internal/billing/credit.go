package billing

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Grant is credit that an organization was given. Money is billionths of a US dollar.
type Grant struct {
	ID        string
	Org       string
	Amount    int64
	Used      int64
	Reason    string
	Effective time.Time
	Expires   time.Time // zero: never
	Revoked   time.Time // zero: it was not
	Created   time.Time
}

// end is when it stops being good; zero: never.
func (g Grant) end() time.Time {
	if !g.Revoked.IsZero() && (g.Expires.IsZero() || g.Revoked.Before(g.Expires)) {
		return g.Revoked
	}
	return g.Expires
}

// good reports whether it may pay for what was spent between two moments, between which nothing changes.
func (g Grant) good(from, until time.Time) bool {
	end := g.end()
	return g.Used < g.Amount && g.Effective.Before(until) && (end.IsZero() || end.After(from))
}

// Available is what of it can be used at a moment.
func (g Grant) Available(at time.Time) int64 {
	if g.Effective.After(at) || !g.end().IsZero() && !g.end().After(at) {
		return 0
	}
	return g.Amount - g.Used
}

// Bounds of a grant.
const (
	maxGrant  = 1e6 // US dollars
	maxGrants = 1000
)

// GrantCredit gives an organization credit, which pays for what is spent from now on, or from effective on if that is later. It is the
// operator's. A zero expires is never.
func (s *Service) GrantCredit(ctx context.Context, who actor.Actor, org string, amount float64, reason string, effective, expires time.Time) (g Grant, err error) {
	defer fault.Wrap(&err, "billing.GrantCredit")
	now := s.o.Clock.Now().Truncate(time.Millisecond)
	if effective.Before(now) {
		effective = now
	}
	g = Grant{ID: ids.New("grant_"), Org: org, Amount: int64(math.Round(amount * billion)), Reason: reason, Effective: effective, Expires: expires, Created: now}
	switch {
	case !(amount > 0 && amount <= maxGrant) || g.Amount == 0:
		return Grant{}, fault.Param("amount_usd", "Invalid 'amount_usd': expected more than 0 and at most %.0f US dollars.", maxGrant).WithCode("invalid_value")
	case !expires.IsZero() && !expires.After(effective):
		return Grant{}, fault.Param("expires_at", "Invalid 'expires_at': the credit would end before it begins.").WithCode("invalid_value")
	}
	if err := line("reason", reason, maxReason); err != nil {
		return Grant{}, err
	}
	// What was spent before is not for this credit.
	if err := s.settleNow(ctx, org); err != nil {
		return Grant{}, err
	}
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		n, err := countGrants(ctx, tx, org)
		if err != nil {
			return err
		}
		if n >= maxGrants {
			return fault.New(fault.Conflict, "There are %d grants of credit already, which is the most that one organization can have.", n).WithCode("too_many_grants")
		}
		if err := insertGrant(ctx, tx, g); err != nil {
			return err
		}
		return s.record(ctx, tx, who, org, audit.Event{Type: "credit_grant.created", Object: g.ID, After: g.audited()})
	})
	if err != nil {
		return Grant{}, err
	}
	return g, s.changed(ctx, org)
}

// RevokeCredit takes back what is left of a grant. It is the operator's.
func (s *Service) RevokeCredit(ctx context.Context, who actor.Actor, org, id string) (g Grant, err error) {
	defer fault.Wrap(&err, "billing.RevokeCredit")
	if g, err = findGrant(ctx, s.o.DB.Read(), org, id); err != nil {
		return Grant{}, err
	}
	if err := s.settleNow(ctx, g.Org); err != nil {
		return Grant{}, err
	}
	err = again(ctx, func() error {
		return s.o.DB.Tx(ctx, func(tx *store.Tx) error {
			if g, err = findGrant(ctx, tx, org, id); err != nil {
				return err
			}
			if !g.Revoked.IsZero() {
				return fault.New(fault.Conflict, "The credit %s was taken back before.", g.ID).WithCode("credit_grant_revoked")
			}
			was := g
			g.Revoked = s.o.Clock.Now()
			if err := updateGrant(ctx, tx, was, g); err != nil {
				return err
			}
			return s.record(ctx, tx, who, g.Org, audit.Event{Type: "credit_grant.revoked", Object: g.ID, Before: was.audited(), After: g.audited()})
		})
	})
	if err != nil {
		return Grant{}, err
	}
	return g, s.changed(ctx, g.Org)
}

// audited is what the audit log keeps of a grant.
func (g Grant) audited() any {
	return map[string]any{"amount": float64(g.Amount) / billion, "used": float64(g.Used) / billion, "reason": g.Reason,
		"effective_at": seconds(g.Effective), "expires_at": seconds(g.Expires), "revoked_at": seconds(g.Revoked)}
}

// seconds is a time on the wire; nil for none.
func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

// Credits returns an organization's grants, the newest first, as used as they are now.
func (s *Service) Credits(ctx context.Context, org string) (_ []Grant, err error) {
	defer fault.Wrap(&err, "billing.Credits")
	if err := s.settleNow(ctx, org); err != nil {
		return nil, err
	}
	grants, err := readGrants(ctx, s.o.DB.Read(), org)
	slices.Reverse(grants)
	return grants, err
}

// settleNow lets credit pay for what was spent until now.
func (s *Service) settleNow(ctx context.Context, org string) error {
	if err := s.o.Books.Settle(ctx, false); err != nil {
		return err
	}
	month := monthOf(s.o.Clock.Now())
	books, err := s.o.Books.Spent(ctx, org, month, month.AddDate(0, 1, 0))
	if err != nil {
		return err
	}
	_, err = s.settle(ctx, org, month, total(books), true)
	return err
}

// settled is how far credit was looked for in a month.
type settled struct {
	spend  int64 // of the month, that was looked at
	credit int64 // of it, what credit paid
	at     time.Time
}

// balance is what is left of an organization's credit.
type balance struct {
	settled   int64 // what the month had cost when it was reckoned
	available int64
	changes   time.Time // when grants begin or end; zero: none does
}

// balance lets credit pay for what was spent of this month, and of the last one while that is open.
func (s *Service) balance(ctx context.Context, org string, month time.Time, spent int64) (balance, error) {
	before := month.AddDate(0, -1, 0)
	open, err := readSettled(ctx, s.o.DB.Read(), org, before)
	if err != nil {
		return balance{}, err
	}
	closed, err := isClosed(ctx, s.o.DB.Read(), before)
	if err != nil {
		return balance{}, err
	}
	if open != nil && !closed { // but this one's invoice may be made, which says what credit has paid
		_, err := invoiceOf(ctx, s.o.DB.Read(), org, before)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return balance{}, err
		}
		closed = err == nil
	}
	if open != nil && !closed {
		books, err := s.o.Books.Spent(ctx, org, before, month)
		if err != nil {
			return balance{}, err
		}
		if _, err := s.settle(ctx, org, before, total(books), false); err != nil {
			return balance{}, err
		}
	}
	return s.settle(ctx, org, month, spent, false)
}

// again repeats what reckons with credit while others are at it: each time somebody has come a step further. Transactions of PostgreSQL run
// side by side, and what one has read of a grant may be old when it writes. It waits a little longer each time, by chance: or two servers that
// take turns could keep a third one out.
func again(ctx context.Context, reckon func() error) (err error) {
	for try := range 50 {
		if err = reckon(); !errors.Is(err, errSettled) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(time.Duration(try+1) * time.Millisecond)): //nolint:gosec // chance, no secret
		}
	}
	return err
}

// settle lets credit pay for what was spent in a month since it was last asked. Without grants nothing is written, unless always.
func (s *Service) settle(ctx context.Context, org string, month time.Time, spent int64, always bool) (b balance, err error) {
	defer fault.Wrap(&err, "billing.settle(%s)", org)
	err = again(ctx, func() error {
		b, err = s.settleOnce(ctx, org, month, spent, always)
		return err
	})
	return b, err
}

// settleOnce is settle, and fails with errSettled when somebody else reckoned meanwhile.
func (s *Service) settleOnce(ctx context.Context, org string, month time.Time, spent int64, always bool) (b balance, err error) {
	grants, err := readGrants(ctx, s.o.DB.Read(), org)
	if err != nil {
		return b, err
	}
	now := s.o.Clock.Now()
	until := now
	if end := month.AddDate(0, 1, 0); until.After(end) {
		until = end
	}
	last, err := readSettled(ctx, s.o.DB.Read(), org, month)
	if err != nil {
		return b, err
	}
	if (last == nil && (always || len(grants) > 0)) || last != nil && last.spend < spent || last != nil && always {
		from := settled{at: month}
		if last != nil {
			from = *last
		}
		steps, err := s.steps(ctx, org, month, from.at, until, spent, grants)
		if err != nil {
			return b, err
		}
		var next settled
		var paying []Grant
		err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
			was, err := readGrants(ctx, tx, org)
			if err != nil {
				return err
			}
			if !slices.Equal(was, grants) {
				return errSettled
			}
			next = from
			next.at, next.spend = until, max(spent, from.spend)
			paying = slices.Clone(was)
			next.credit += pay(paying, from.at, from.spend, steps)
			if err := writeSettled(ctx, tx, org, month, last, next); err != nil {
				return err
			}
			for i, g := range paying {
				if g.Used == was[i].Used {
					continue
				}
				if err := updateGrant(ctx, tx, was[i], g); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return b, err
		}
		last, grants = &next, paying
	}
	if last != nil {
		b.settled = last.spend
	} else {
		b.settled = spent
	}
	for _, g := range grants {
		b.available += g.Available(now)
		for _, at := range []time.Time{g.Effective, g.end()} {
			if at.After(now) && (b.changes.IsZero() || at.Before(b.changes)) {
				b.changes = at
			}
		}
	}
	return b, nil
}

// step is what a month had cost at a moment.
type step struct {
	until time.Time
	spent int64
}

// steps are the moments at which grants begin or end since the last time, and now: between two of them the same ones are good. What was
// spent until a moment in the past is known to the minute.
func (s *Service) steps(ctx context.Context, org string, month, from, until time.Time, spent int64, grants []Grant) ([]step, error) {
	var out []step
	for _, g := range grants {
		for _, at := range []time.Time{g.Effective, g.end()} {
			if at.After(from) && at.Before(until) && !slices.ContainsFunc(out, func(s step) bool { return s.until.Equal(at) }) {
				books, err := s.o.Books.Spent(ctx, org, month, at.Truncate(time.Minute))
				if err != nil {
					return nil, err
				}
				out = append(out, step{at, total(books)})
			}
		}
	}
	slices.SortFunc(out, func(a, b step) int { return a.until.Compare(b.until) })
	return append(out, step{until, spent}), nil
}

// pay uses grants for what was spent between the steps, those that end first before the others, and returns how much they paid.
func pay(grants []Grant, from time.Time, paid int64, steps []step) (credit int64) {
	for _, s := range steps {
		due := s.spent - paid
		paid = max(paid, s.spent)
		begin, until := from, s.until
		from = until
		if !begin.Before(until) { // spent in the moment of the last look; or late in the books, after the end of its month: as if at its end
			begin, until = until.Add(-time.Nanosecond), until.Add(time.Nanosecond)
		}
		var good []*Grant
		for i := range grants {
			if due > 0 && grants[i].good(begin, until) {
				good = append(good, &grants[i])
			}
		}
		slices.SortStableFunc(good, func(a, b *Grant) int { return cmp.Or(sooner(a.end(), b.end()), a.Created.Compare(b.Created)) })
		for _, g := range good {
			n := min(due, g.Amount-g.Used)
			g.Used += n
			credit += n
			due -= n
		}
	}
	return credit
}

// sooner compares ends, of which zero is never.
func sooner(a, b time.Time) int {
	switch {
	case a.IsZero() || b.IsZero():
		return cmp.Compare(boolInt(a.IsZero()), boolInt(b.IsZero()))
	}
	return a.Compare(b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
