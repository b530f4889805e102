package server

import (
	"context"

	"github.com/parley-ai/parley/internal/assistants/recall"
	"github.com/parley-ai/parley/internal/assistants/runs"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/presence"
)

// openRuns executes runs of assistants, and goes on with those that dead servers left.
func (s *Server) openRuns(ctx context.Context, o Options, hints bus.Bus, servers *presence.Servers, gen *generate.Service) error {
	s.threads.OnDeleteMessage(recall.Forget)
	s.runs = runs.New(runs.Options{
		DB: s.db, Threads: s.threads, Memory: recall.New(s.db, s.threads.Store, o.Clock), Assistants: s.assistants, Model: gen,
		Servers: servers, Bus: hints, Clock: o.Clock, Logger: s.log, Tools: map[string]runs.Toolmaker{},
	})
	s.onClose(s.runs.Close)
	if err := s.runs.Recover(ctx); err != nil {
		return err
	}
	servers.OnBeat(s.runs.Recover)
	s.wg.Go(func() { s.runs.Follow(s.ctx) })
	return nil
}
