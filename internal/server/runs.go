package server

import (
	"context"
	"iter"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/recall"
	"github.com/parley-ai/parley/internal/assistants/runs"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/presence"
	"github.com/parley-ai/parley/internal/retrieval/filesearch"
)

// openRuns executes runs of assistants, and goes on with those that dead servers left.
func (s *Server) openRuns(ctx context.Context, o Options, hints bus.Bus, servers *presence.Servers, gen *generate.Service) error {
	s.threads.OnDeleteMessage(recall.Forget)
	s.runs = runs.New(runs.Options{
		DB: s.db, Threads: s.threads, Memory: recall.New(s.db, s.threads.Store, o.Clock), Assistants: s.assistants, Model: lasting{gen, s.identity},
		Servers: servers, Bus: hints, Clock: o.Clock, Logger: s.log,
		Tools: map[string]runs.Toolmaker{object.FileSearch: s.fileSearch, object.CodeInterpreter: s.runInterpreter},
	})
	s.onClose(s.runs.Close)
	if err := s.runs.Recover(ctx); err != nil {
		return err
	}
	servers.OnBeat(s.runs.Recover)
	s.wg.Go(func() { s.runs.Follow(s.ctx) })
	return nil
}

// fileSearch searches the vector stores of a run's assistant and thread.
func (s *Server) fileSearch(_ context.Context, _ actor.Actor, u runs.Use) (agent.Tool, error) {
	o := filesearch.Options{Stores: s.retrieval, IDs: u.Run.Resources.VectorStores, First: u.Calls, Tokens: min(filesearch.DefaultTokens, u.Window/4)}
	if strings.HasPrefix(u.Run.Model, "gpt-3.5-turbo") {
		o.Max = filesearch.SmallMax
	}
	if t := u.Tool.Search; t != nil {
		if t.MaxResults != nil {
			o.Max = *t.MaxResults
		}
		if o.Ranker = t.Ranker; t.Threshold != nil {
			o.Threshold = *t.Threshold
		}
	}
	return filesearch.New(o), nil
}

// lasting is the model of what goes on without its client: before each turn it looks whether its actor may still act.
type lasting struct {
	*generate.Service
	identity *identity.Service
}

// Run implements agent.Model.
func (l lasting) Run(ctx context.Context, who actor.Actor, req generate.Request, prompt generate.Prompt) iter.Seq2[generate.Event, error] {
	return func(yield func(generate.Event, error) bool) {
		if err := l.identity.Stands(ctx, who); err != nil {
			yield(nil, err)
			return
		}
		l.Service.Run(ctx, who, req, prompt)(yield)
	}
}
