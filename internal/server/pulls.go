package server

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/parley-ai/parley/internal/models"
)

// Pull is a model on its way into this home, as the page and `parley serve` show it.
type Pull struct {
	Name  string `json:"name" doc:"What is being pulled."`
	State string `json:"state" enum:"running,done,failed" doc:"Where it stands."`
	Stage string `json:"stage" doc:"What is being done now: downloading, preparing, …"`
	Done  int64  `json:"done" doc:"Bytes of this stage that are done."`
	Total int64  `json:"total" doc:"Bytes of this stage; 0 when unknown."`
	Error string `json:"error,omitempty" doc:"Why it failed, and what to do."`
}

// pulls keeps what is known of background pulls until the process ends.
type pulls struct {
	mu   sync.Mutex
	list map[string]*Pull
	wg   sync.WaitGroup
}

func (p *pulls) set(name string, change func(*Pull)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.list == nil {
		p.list = map[string]*Pull{}
	}
	if p.list[name] == nil {
		p.list[name] = &Pull{Name: name}
	}
	change(p.list[name])
}

// All returns the pulls, by name.
func (p *pulls) all() []Pull {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Pull, 0, len(p.list))
	for _, one := range p.list {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b Pull) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Upgrade pulls a model in the background while the present one answers, and moves the aliases of its
// kind over when it is ready. report is told of each step; it may be nil.
func (s *Server) Upgrade(ref string, o models.PullOptions, report func(Pull)) {
	tell := func(change func(*Pull)) {
		var now Pull
		s.pulls.set(ref, func(p *Pull) { change(p); now = *p })
		if report != nil {
			report(now)
		}
	}
	o.Progress = func(r models.Progress) {
		tell(func(p *Pull) { p.State, p.Stage, p.Done, p.Total = "running", r.Stage, r.Done, r.Total })
	}
	tell(func(p *Pull) { *p = Pull{Name: ref, State: "running", Stage: "starting"} })
	s.pulls.wg.Go(func() {
		in, err := s.Models.Upgrade(s.ctx, ref, o)
		if err != nil {
			if s.ctx.Err() == nil {
				s.log.Error("the model could not be pulled; the present one goes on answering", "model", ref, "error", err)
			}
			tell(func(p *Pull) { p.State, p.Error = "failed", err.Error() })
			return
		}
		s.log.Info("a new model answers", "model", in.Name)
		tell(func(p *Pull) { p.State, p.Stage = "done", "" })
	})
}

// Pulls returns the background pulls of this process.
func (s *Server) Pulls() []Pull { return s.pulls.all() }

// stopPulls waits for the background pulls, whose context has ended.
func (s *Server) stopPulls(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.pulls.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
