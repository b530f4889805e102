package server

import (
	"cmp"
	"context"
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/billing"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/obs"
	"github.com/parley-ai/parley/internal/tokenizer"
	"github.com/parley-ai/parley/internal/usage"
)

// admission lets generate ask the limits, and before them whether anything may be spent.
type admission struct {
	limiter *limits.Limiter
	usage   *usage.Log
	meter   *billing.Meter
}

func (a admission) Admit(ctx context.Context, who actor.Actor, d generate.Demand) (generate.Grant, error) {
	a.usage.EndUser(ctx, endUser(who, d.User))
	if err := a.meter.Check(ctx, who); err != nil {
		return generate.Grant{}, err
	}
	decision, err := a.limiter.Admit(ctx, who, limits.Request{Class: d.Class, Model: d.Model, Tokens: d.Tokens, EndUser: d.User})
	if err != nil {
		return generate.Grant{}, err
	}
	return generate.Grant{Headers: decision.Headers, Correct: decision.Correct}, nil
}

// ledger lets generate write down what was used.
type ledger struct {
	usage   *usage.Log
	metrics *obs.Metrics
}

func (l ledger) Record(ctx context.Context, who actor.Actor, r generate.Record) {
	u := r.Usage
	l.metrics.Tokens(r.Served, u.PromptTokens, u.CachedTokens, u.CompletionTokens)
	if r.FirstToken > 0 {
		l.metrics.FirstToken(r.Served, r.FirstToken)
	}
	l.usage.Record(ctx, who, usage.Row{
		Op: r.Op, Model: r.Model, Served: r.Served, Prompt: u.PromptTokens, Cached: u.CachedTokens, Completion: u.CompletionTokens,
		Requests: r.Requests, Status: statusOf(r.Outcome), FirstToken: r.FirstToken, EndUser: endUser(who, r.User),
	})
}

// endUser is the `user` of a request; the chat page's is its member, who is counted as that.
func endUser(who actor.Actor, user string) string {
	if user == who.User {
		return ""
	}
	return user
}

// statusOf is the outcome of what no request waits for, in HTTP's numbers.
func statusOf(o generate.Outcome) int {
	switch o {
	case generate.Completed:
		return http.StatusOK
	case generate.Canceled:
		return 499
	}
	return http.StatusInternalServerError
}

// prices lets usage read the calendar.
type prices struct{ reg *models.Registry }

func (p prices) Price(ctx context.Context, who actor.Actor, model string) usage.Price {
	r, err := p.reg.Resolve(ctx, who, model)
	if err != nil {
		return usage.Price{} // an encoding, or a name that was taken away while it was used
	}
	return usage.Price(r.Price)
}

// counting lets tokenizer ask the limits: requests count, tokens do not, since no model computes any.
type counting struct{ limiter *limits.Limiter }

func (c counting) Admit(ctx context.Context, who actor.Actor, class, model string) ([][2]string, error) {
	decision, err := c.limiter.Admit(ctx, who, limits.Request{Class: class, Model: model})
	return decision.Headers, err
}

// counted lets tokenizer write down what was counted: a row without tokens.
type counted struct{ usage *usage.Log }

func (c counted) Record(ctx context.Context, who actor.Actor, op, model, served string, err error) {
	outcome := generate.Completed
	switch {
	case ctx.Err() != nil:
		outcome = generate.Canceled
	case err != nil:
		outcome = generate.Failed
	}
	c.usage.Record(context.WithoutCancel(ctx), who, usage.Row{Op: op, Model: model, Served: served, Status: statusOf(outcome)})
}

// names lets tokenizer read the calendar.
type names struct{ reg *models.Registry }

func (n names) Names(who actor.Actor) []tokenizer.Name {
	entries := n.reg.Calendar(who)
	out := make([]tokenizer.Name, len(entries))
	for i, e := range entries {
		window := e.Today.Window
		if e.Kind == models.UseEmbedding {
			window = e.Window // longer inputs than the served model takes are embedded in windows
		}
		out[i] = tokenizer.Name{
			Model: e.Name, Kind: string(cmp.Or(e.Kind, models.UseChat)), Encoding: e.Today.Encoding, Window: window,
			Input: e.Today.Input, Output: e.Today.Output,
		}
	}
	return out
}
