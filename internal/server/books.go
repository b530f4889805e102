package server

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/obs"
	"github.com/parley-ai/parley/internal/usage"
)

// admission lets generate ask the limits.
type admission struct{ limiter *limits.Limiter }

func (a admission) Admit(ctx context.Context, who actor.Actor, d generate.Demand) (generate.Grant, error) {
	decision, err := a.limiter.Admit(ctx, who, limits.Request{Class: d.Class, Model: d.Model, Tokens: d.Tokens})
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
		Status: string(r.Outcome), FirstToken: r.FirstToken,
	})
}
