package limits

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Tier is the subject of rules for the organizations of a usage tier. They lie above the installation's rules
// for every organization and below an organization's own.
const Tier Subject = "tier"

// reviewEvery is how often organizations are given the tier that they have earned.
const reviewEvery = time.Minute

// Bounds of a tier.
const (
	maxTiers = 100
	maxSpend = 1e9    // US dollars
	maxAge   = 36_500 // days
	billion  = 1e9    // what the usage's money is counted in, of a US dollar
)

// UsageTier is who is in a tier: organizations that have spent so much and are so old. Of several the one that
// asks for most spending, then for most age.
type UsageTier struct {
	Name  string
	Spend int64 // billionths of a US dollar, since the organization was made
	Age   int   // days since the organization was made
	Set   time.Time
}

// Standing is what an organization has earned.
type Standing struct {
	Tier  string // empty: none
	Spend int64  // billionths of a US dollar
	Age   int    // whole days
}

// Spending knows what organizations have spent.
type Spending interface {
	// Spend returns what requests since a time have cost, in billionths of a US dollar.
	Spend(ctx context.Context, org string, since time.Time) (int64, error)
}

// earned picks the tier; tiers are in the order of what they ask for.
func earned(tiers []UsageTier, spend int64, age int) (name string) {
	for _, t := range tiers {
		if spend >= t.Spend && age >= t.Age {
			name = t.Name
		}
	}
	return name
}

// Review gives every organization the tier that it has earned.
func (s *Service) Review(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "limits.Review")
	tiers, err := readTiers(ctx, s.o.DB.Read())
	if err != nil {
		return err
	}
	standing := map[string]Standing{}
	if len(tiers) > 0 {
		made, err := s.o.Owners.Founded(ctx)
		if err != nil {
			return err
		}
		for org, since := range made {
			spend, err := s.o.Spending.Spend(ctx, org, since)
			if err != nil {
				return err
			}
			age := int(s.o.Clock.Now().Sub(since) / (24 * time.Hour))
			standing[org] = Standing{earned(tiers, spend, age), spend, age}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !maps.EqualFunc(standing, s.standing, func(a, b Standing) bool { return a.Tier == b.Tier }) {
		s.o.Limiter.set(s.in, standing)
	}
	s.tiers, s.standing = tiers, standing
	return nil
}

// Standing returns the tier of an organization, as of the last review.
func (s *Service) Standing(org string) Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.standing[org]
}

// Next returns the tier above an organization's own, as of the last review: the first that asks for more spending or age than
// it has; nil when there is none.
func (s *Service) Next(org string) *UsageTier {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.standing[org]
	for i := slices.IndexFunc(s.tiers, func(t UsageTier) bool { return t.Name == got.Tier }) + 1; i < len(s.tiers); i++ {
		if t := s.tiers[i]; got.Spend < t.Spend || got.Age < t.Age {
			return &t
		}
	}
	return nil
}

// Tiers returns the tiers in the order of what they ask for.
func (s *Service) Tiers() []UsageTier {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tiers)
}

// SetTier makes a tier or changes what it asks for. Its limits are rules of the subject Tier.
func (s *Service) SetTier(ctx context.Context, who actor.Actor, name string, spend float64, age int) (t UsageTier, err error) {
	defer fault.Wrap(&err, "limits.SetTier")
	switch {
	case name == "" || len(name) > 64 || strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == '/' }):
		return t, fault.Param("tier", "Invalid 'tier': a name has 1 to 64 bytes, no control characters, no slash and no spaces around it.").WithCode("invalid_value")
	case !(spend >= 0 && spend <= maxSpend):
		return t, fault.Param("min_spend", "Invalid 'min_spend': expected 0 to %.0f US dollars.", maxSpend).WithCode("invalid_value")
	case age < 0 || age > maxAge:
		return t, fault.Param("min_age_days", "Invalid 'min_age_days': expected 0 to %d.", maxAge).WithCode("invalid_value")
	}
	t = UsageTier{Name: name, Spend: int64(math.Round(spend * billion)), Age: age, Set: s.o.Clock.Now()}
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		tiers, err := readTiers(ctx, tx)
		if err != nil {
			return err
		}
		e := audit.Event{Type: audit.RateLimitUpdated, Object: "tier-" + name, After: t.audited()}
		if i := slices.IndexFunc(tiers, func(t UsageTier) bool { return t.Name == name }); i >= 0 {
			e.Before = tiers[i].audited()
		} else if len(tiers) >= maxTiers {
			return fault.New(fault.Conflict, "There are %d tiers already, which is the most there can be. Delete some first.", len(tiers)).WithCode("too_many_tiers")
		}
		if err := writeTier(ctx, tx, t); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, e)
	})
	if err != nil {
		return UsageTier{}, err
	}
	return t, s.changed(ctx, tierKey)
}

// DeleteTier takes a tier and its limits away.
func (s *Service) DeleteTier(ctx context.Context, who actor.Actor, name string) (err error) {
	defer fault.Wrap(&err, "limits.DeleteTier")
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		found, err := removeTier(ctx, tx, name)
		if err != nil {
			return err
		}
		if !found {
			return noTier(name)
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.RateLimitDeleted, Object: "tier-" + name})
	})
	if err != nil {
		return err
	}
	return s.changed(ctx, tierKey)
}

func noTier(name string) error {
	return &fault.Error{Kind: fault.NotFound, Code: "tier_not_found", Message: "There is no usage tier " + clip(name) + ". `parley limits tiers list` shows those that there are."}
}

// audited is what the audit log keeps of a tier.
func (t UsageTier) audited() any {
	return map[string]any{"tier": t.Name, "min_spend": float64(t.Spend) / billion, "min_age_days": t.Age}
}
