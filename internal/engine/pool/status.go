package pool

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// Statuses tells of every model that was asked for and not replaced since, by name. A model with
// replicas is one entry: ready when one of them is, with the requests of all.
func (p *Pool) Statuses() []engine.Status {
	type asked struct {
		at       int
		reporter engine.StatsReporter
	}
	var ask []asked
	p.mu.Lock()
	out := make([]engine.Status, 0, len(p.models))
	for _, mod := range p.models {
		out = append(out, mod.status())
	}
	slices.SortFunc(out, func(a, b engine.Status) int { return cmp.Compare(a.Name, b.Name) })
	for i, s := range out {
		for _, m := range p.models[s.Name].members {
			if r, ok := m.backend.(engine.StatsReporter); ok && m.state == engine.StateReady && m.leases > 0 {
				ask = append(ask, asked{i, r})
			}
		}
	}
	p.mu.Unlock()
	// Leases of requests that wait in the engine's own queue are queued, not active.
	for _, a := range ask {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		if stats, err := a.reporter.Stats(ctx); err == nil {
			n := min(stats.Queued, out[a.at].Active)
			out[a.at].Active -= n
			out[a.at].Queued += n
		}
		cancel()
	}
	return out
}

// Processes tells of the processes of loaded models, by model; replicas that run elsewhere have none.
func (p *Pool) Processes() map[string][]engine.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string][]engine.Process{}
	for m := range p.members() {
		if r, ok := m.backend.(engine.ProcessReporter); ok {
			out[m.spec.Name] = append(out[m.spec.Name], r.Process())
		}
	}
	return out
}

// Probe asks every loaded model whether it answers and returns what is wrong, by model. Backends that do not
// tell their load are not asked. A model that is being started again does not answer.
func (p *Pool) Probe(ctx context.Context) map[string]error {
	type asked struct {
		name     string
		reporter engine.StatsReporter
	}
	var ask []asked
	p.mu.Lock()
	for name, mod := range p.models {
		for _, m := range mod.members {
			if r, ok := m.backend.(engine.StatsReporter); ok && m.state == engine.StateReady {
				ask = append(ask, asked{name, r})
			}
		}
	}
	p.mu.Unlock()
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[string]error{}
	for _, a := range ask {
		wg.Go(func() {
			if _, err := a.reporter.Stats(ctx); err != nil {
				mu.Lock()
				out[a.name] = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return out
}

// status sums up the members. Under the pool's mu.
func (mod *model) status() engine.Status {
	members := make([]member, len(mod.members))
	for i, m := range mod.members {
		members[i] = member{state: m.state, info: m.info, progress: m.progress, leases: m.leases, waiting: m.waiting, memory: m.memory, err: m.err}
		members[i].restarting(m.backend)
	}
	order := map[engine.State]int{engine.StateReady: 0, engine.StateLoading: 1, engine.StateFailed: 2, engine.StateCold: 3}
	best := slices.MinFunc(members, func(a, b member) int { return order[a.state] - order[b.state] })
	s := engine.Status{Name: mod.spec.Name, State: best.state, Info: best.info}
	if best.state == engine.StateLoading {
		s.Progress = best.progress
	}
	for _, m := range members {
		s.Active += m.leases
		s.Queued += m.waiting
		s.Memory += m.memory
		if m.err != nil {
			s.Error = m.err.Error()
		}
	}
	return s
}

// restarting corrects the state that is shown of a loaded model whose process is down: it is loading
// again, or failed.
func (m *member) restarting(b engine.Backend) {
	r, ok := b.(engine.Restarter)
	if !ok || m.state != engine.StateReady {
		return
	}
	switch down, err := r.Down(); {
	case down && err != nil:
		m.state, m.err = engine.StateFailed, err
	case down:
		m.state, m.progress = engine.StateLoading, 0
	}
}

// observed is a replica's backend as requests get it: it tells the pool when the replica is away.
type observed struct {
	engine.Backend
	away func()
}

func (o *observed) Generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		for e, err := range o.Backend.Generate(ctx, req) {
			if err != nil && fault.KindOf(err) == fault.Unavailable {
				o.away()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (o *observed) Embed(ctx context.Context, req engine.EmbedRequest) (engine.EmbedResponse, error) {
	resp, err := o.Backend.Embed(ctx, req)
	if err != nil && fault.KindOf(err) == fault.Unavailable {
		o.away()
	}
	return resp, err
}
