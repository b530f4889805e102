package server

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants"
	"github.com/parley-ai/parley/internal/assistants/reach"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/clock"
)

// openAssistants keeps assistants and threads, over the files and the vector stores.
func (s *Server) openAssistants(clk clock.Clock) {
	keeper := &reach.Keeper{Files: s.files, Stores: s.retrieval}
	s.assistants = &assistants.Service{
		DB: s.db, Clock: clk, Reach: keeper,
		Resolve: func(ctx context.Context, who actor.Actor, model string) error {
			_, err := s.targets().Resolve(ctx, who, model)
			return err
		},
	}
	s.threads = thread.New(thread.NewStore(s.db, clk), keeper, s.jobs)
	s.files.OnDelete(s.assistants.FileDeleted)
}
