package limits

import (
	"context"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// Classes are the kinds of routes that count for themselves: the limit classes of the route table.
var Classes = []string{"chat", "completions", "embeddings", "tokenize"}

// ClassUse is what is used now of one class of routes.
type ClassUse struct {
	Class string
	Used  [kinds]float64
}

// ModelUse is what is in force for a model, and what is used of it now.
type ModelUse struct {
	Model string
	Values
	Classes []ClassUse // those of which something is used
}

// Standings returns, for each model that the organization can ask for or that has limits of its own, what is in force for a
// subject and what is used now: as this server counts, or all of them where they count together. One that is not the
// organization's is not found.
func (s *Service) Standings(ctx context.Context, who actor.Actor, subject Subject, id string) (_ []ModelUse, err error) {
	defer fault.Wrap(&err, "limits.Standings")
	if !slices.Contains(subjects, subject) {
		return nil, fault.Param("subject", "Invalid value: '%s'. Supported values are: 'organization', 'project', 'user', 'key', and 'end_user'.", clip(string(subject))).WithCode("invalid_value")
	}
	switch {
	case subject == Organization && id == "":
		id = who.Org
	case subject == Organization:
		return nil, fault.Param("subject_id", "Leave subject_id out: it is your own organization.").WithCode("invalid_value")
	case id == "":
		return nil, fault.Param("subject_id", "Name the %s by 'subject_id'.", subject).WithCode("invalid_value")
	case subject != EndUser:
		if err := s.owned(ctx, who.Org, subject, id, "subject_id"); err != nil {
			return nil, err
		}
	default:
		id = shorten(id)
	}
	names, err := s.o.Models(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, r := range append(s.List(who.Org), s.List("")...) {
		if r.Model != "" {
			names = append(names, r.Model)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return s.o.Limiter.use(ctx, who.Org, subject, id, names), nil
}

// use looks at buckets without taking anything of them.
func (l *Limiter) use(ctx context.Context, org string, subject Subject, id string, models []string) []ModelUse {
	t := l.table.Load()
	rules := id
	if subject == Organization {
		rules = "" // its rules name none
	}
	out := make([]ModelUse, len(models))
	look := &plan{}
	for i, model := range models {
		e := t.resolve(org, subject, rules, model)
		out[i] = ModelUse{Model: model, Values: e.values()}
		if e.none() {
			continue
		}
		for _, class := range Classes {
			look.parts = append(look.parts, part{e, &counters{account: account{org, subject, id, class, model}}})
		}
	}
	if len(look.parts) > 0 && !l.lookShared(ctx, look) {
		l.lookHere(look)
	}
	for _, p := range look.parts {
		used := ClassUse{Class: p.counters.account.class}
		for k := range kinds {
			used.Used[k] = p.counters.buckets[k].used
		}
		if i, _ := slices.BinarySearch(models, p.counters.account.model); used.Used != [kinds]float64{} {
			out[i].Classes = append(out[i].Classes, used)
		}
	}
	return out
}

// lookShared reads the buckets of a plan from the counter that servers share; false when it does not answer or there is none.
func (l *Limiter) lookShared(ctx context.Context, p *plan) bool {
	if l.shared == nil {
		return false
	}
	takings := p.takings(func(*part, kind) float64 { return 0 })
	for i := range takings {
		takings[i].Drains = false
	}
	var got Taken
	if !l.shared.try(ctx, func(ctx context.Context) (err error) {
		got, err = l.shared.Counter.Take(ctx, takings)
		return err
	}) {
		return false
	}
	n := 0
	for _, part := range p.parts {
		for k := range kinds {
			if part.limits[k] > 0 {
				part.counters.buckets[k].used = got.Used[n]
				n++
			}
		}
	}
	return true
}

// lookHere reads them from this server's own.
func (l *Limiter) lookHere(p *plan) {
	now := int64(l.clock.Now().Sub(l.began))
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, part := range p.parts {
		c := l.accounts[part.counters.account]
		if c == nil {
			continue
		}
		for k := range kinds {
			if limit := part.limits[k]; limit > 0 {
				b := c.buckets[k] // a copy: looking changes nothing
				b.refill(now, limit, k.period())
				part.counters.buckets[k] = b
			}
		}
	}
}

// decides refuses who may not set what an organization as a whole may ask for: that is the operator's, or a company could
// give itself as much as it likes.
func (s *Service) decides(ctx context.Context, who actor.Actor) error {
	if who.Operator {
		return nil
	}
	org, err := s.o.Operator(ctx)
	if err != nil || org == who.Org {
		return err
	}
	return fault.New(fault.Forbidden, "What your organization may ask for is set by the operator of this server. "+
		"Ask for an increase: POST /api/limits/requests, or on the Limits page.").WithCode("operator_only")
}
