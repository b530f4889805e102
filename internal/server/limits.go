package server

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/models"
)

// openLimits makes what admits requests, and keeps it to what is set while running.
func (s *Server) openLimits(ctx context.Context, o Options, hints bus.Bus) (*limits.Limiter, error) {
	limiter := limits.New(o.Clock, limits.Settings{
		RequestsPerMinute: o.Config.Limits.Requests, TokensPerMinute: o.Config.Limits.Tokens, KeepRefused: !o.Config.Limits.CountRefused,
	})
	var err error
	s.limits, err = limits.NewService(ctx, limits.Options{
		DB: s.db, Bus: hints, Clock: o.Clock, Logger: s.log, Limiter: limiter, Owners: s.identity, Models: modelNames(s.Models),
	})
	if err != nil {
		return nil, err
	}
	s.wg.Go(func() { s.limits.Run(s.ctx) })
	return limiter, nil
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
