package server

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/limits/increase"
	"github.com/parley-ai/parley/internal/limits/shared"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/usage"
)

// openLimits makes what admits requests, and keeps it to what is set while running.
func (s *Server) openLimits(ctx context.Context, o Options, hints bus.Bus) (*limits.Limiter, error) {
	limiter := limits.New(o.Clock, limits.Settings{
		RequestsPerMinute: o.Config.Limits.Requests, TokensPerMinute: o.Config.Limits.Tokens, KeepRefused: !o.Config.Limits.CountRefused,
	})
	if url := o.Config.Redis.URL; url != "" {
		counter, err := shared.Open(url)
		if err != nil {
			return nil, err
		}
		s.onClose(func(context.Context) error { return counter.Close() })
		s.ops.redis = counter
		limiter.Share(limits.Sharing{Counter: counter, Closed: o.Config.Redis.Away == "closed", Logger: s.log})
	}
	var err error
	s.limits, err = limits.NewService(ctx, limits.Options{
		DB: s.db, Bus: hints, Clock: o.Clock, Logger: s.log, Limiter: limiter, Owners: s.identity, Spending: spending{s.usage, o.Clock}, Models: modelNames(s.Models),
		Operator: func(ctx context.Context) (string, error) {
			owner, err := s.identity.Owner(ctx)
			return owner.Org, err
		},
	})
	if err != nil {
		return nil, err
	}
	s.increase = increase.New(increase.Options{
		DB: s.db, Clock: o.Clock, Limits: s.limits, Owners: s.identity, Usage: used{s.usage}, Mail: s.mail, Page: s.baseURL,
	})
	s.wg.Go(func() { s.limits.Run(s.ctx) })
	return limiter, nil
}

// used lets requests for an increase show what was used.
type used struct{ usage *usage.Log }

func (u used) Days(ctx context.Context, org string, subject limits.Subject, id, model string, from, to time.Time) ([]increase.Day, error) {
	f := usage.Filter{From: from, To: to, Only: map[usage.Dimension][]string{}}
	if d, ok := map[limits.Subject]usage.Dimension{limits.Project: usage.ByProject, limits.User: usage.ByUser}[subject]; ok {
		f.Only[d] = []string{id}
	}
	if model != "" {
		f.Only[usage.ByModel] = []string{model}
	}
	days, err := u.usage.Days(ctx, actor.Actor{Org: org, Scopes: []string{actor.OrganizationRead}}, f)
	out := make([]increase.Day, len(days))
	for i, d := range days {
		out[i] = increase.Day{Start: d.Start.Unix(), Requests: d.Requests, Limited: d.Limited, Tokens: d.Tokens, PeakRequests: d.PeakRequests, PeakTokens: d.PeakTokens}
	}
	return out, err
}

// modelNames lets limits list what an organization can ask for.
func modelNames(reg *models.Registry) func(context.Context, actor.Actor) ([]string, error) {
	return func(ctx context.Context, who actor.Actor) ([]string, error) {
		list, err := reg.List(ctx, who)
		out := make([]string, len(list))
		for i, m := range list {
			out[i] = m.ID
		}
		return out, err
	}
}

// spending lets limits know what organizations have spent.
type spending struct {
	usage *usage.Log
	clock clock.Clock
}

func (s spending) Spend(ctx context.Context, org string, since time.Time) (int64, error) {
	who := actor.Actor{Org: org, Scopes: []string{actor.OrganizationRead}}
	sums, err := s.usage.Sums(ctx, who, usage.Query{Filter: usage.Filter{From: since, To: s.clock.Now()}, Span: usage.Day, Whole: true})
	if err != nil || len(sums) == 0 {
		return 0, err
	}
	return sums[0].Cost, nil
}
