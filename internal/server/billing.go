package server

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/billing"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/usage"
)

// openBilling makes what budgets, credit and invoices are kept by, and keeps the meter to what is set while running.
func (s *Server) openBilling(ctx context.Context, o Options, hints bus.Bus, meter *billing.Meter) error {
	options := billing.Options{
		DB: s.db, Bus: hints, Shared: s.db.Pool() != nil, Clock: o.Clock, Logger: s.log, Meter: meter, Books: accounts{s.usage}, Owners: s.identity, Person: person(s.identity),
		Page: func() string { return s.baseURL() + "/console/billing" },
	}
	if s.mail.Configured() {
		options.Mail = func(ctx context.Context, tx *store.Tx, m billing.Mail) error {
			return s.mail.Send(ctx, tx, mail.Message{Org: m.Org, To: m.To, Subject: m.Subject, Text: m.Text})
		}
	}
	var err error
	if s.billing, err = billing.New(ctx, options); err != nil {
		return err
	}
	s.wg.Go(func() { s.billing.Run(s.ctx) })
	return nil
}

// accounts lets billing read what requests have cost.
type accounts struct{ usage *usage.Log }

func (a accounts) Settle(ctx context.Context, whole bool) error {
	if whole {
		return a.usage.Settle(ctx)
	}
	return a.usage.Flush(ctx)
}

func (a accounts) Spent(ctx context.Context, org string, from, to time.Time) (map[string]int64, error) {
	return a.usage.Spent(ctx, org, from, to)
}

func (a accounts) Lines(ctx context.Context, org string, from, to time.Time) ([]billing.Used, error) {
	who := actor.Actor{Org: org, Scopes: []string{actor.OrganizationRead}}
	rows, err := a.usage.Sums(ctx, who, usage.Query{Filter: usage.Filter{From: from, To: to}, Span: usage.Day, Whole: true, By: []usage.Dimension{usage.ByModel}})
	if err != nil {
		return nil, err
	}
	out := make([]billing.Used, len(rows))
	for i, b := range rows {
		out[i] = billing.Used{Model: b.Group[0], Prompt: b.Prompt, Cached: b.Cached, Output: b.Completion, Cost: b.Cost, CachedCost: b.CachedCost, OutputCost: b.OutputCost}
	}
	return out, nil
}

// person lets billing know whom it writes to.
func person(ids *identity.Service) func(context.Context, string) (string, []string, error) {
	return func(ctx context.Context, org string) (name string, owners []string, err error) {
		o, err := ids.Organization(ctx, actor.Actor{Org: org})
		if err != nil {
			return "", nil, err
		}
		name = o.Name
		p := store.Paging{Limit: store.MaxPage}
		for {
			users, more, err := ids.Users(ctx, actor.Actor{Org: org}, nil, p)
			if err != nil {
				return "", nil, err
			}
			for _, u := range users {
				if u.Role == actor.Owner && u.Email != "" {
					owners = append(owners, u.Email)
				}
			}
			if !more {
				return name, owners, nil
			}
			p.After = users[len(users)-1].ID
		}
	}
}
