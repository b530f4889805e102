package manage

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/models"
)

// Where a pull stands.
const (
	PullRunning  = "running"
	PullDone     = "done"
	PullFailed   = "failed"
	PullCanceled = "canceled"
)

// Pull is a model on its way into this home.
type Pull struct {
	ID      string  `json:"id" doc:"Of the pull, pull_…."`
	Name    string  `json:"name" doc:"What is being pulled."`
	State   string  `json:"state" enum:"running,done,failed,canceled" doc:"Where it stands."`
	Stage   string  `json:"stage" doc:"What is being done now: download, verify, prepare, …"`
	Done    int64   `json:"done" doc:"Bytes of this stage that are done."`
	Total   int64   `json:"total" doc:"Bytes of this stage; 0 when unknown."`
	Speed   float64 `json:"bytes_per_second" doc:"Of this stage, lately; 0 when unknown."`
	Left    float64 `json:"seconds_left" doc:"Of this stage, at this speed; 0 when unknown."`
	Error   string  `json:"error,omitempty" doc:"Why it failed, and what to do."`
	Model   string  `json:"model,omitempty" doc:"Under which name the model is there, when it is."`
	Layout  string  `json:"layout" enum:"lossless,fast,as-is" doc:"How its weights are to lie."`
	Default bool    `json:"default" doc:"The model is to answer for the names of its kind."`
	Started int64   `json:"started_at" doc:"Seconds since 1970."`
	Ended   int64   `json:"ended_at,omitzero" doc:"Seconds since 1970; none while it runs."`
}

// NewPull says what to pull.
type NewPull struct {
	Model   string `json:"model" doc:"A name of the catalog, hf:OWNER/REPO[:FILE] or an https address of a GGUF file; on the server's own machine also a path."`
	Name    string `json:"name,omitempty" doc:"Name to serve it under; by default the catalog's, or made of the file's."`
	Layout  string `json:"layout,omitempty" enum:"lossless,fast,as-is" default:"lossless" doc:"How its weights are to lie: see docs/MODELS.md."`
	Default bool   `json:"default,omitempty" doc:"The model answers for the names of its kind when it is there."`
}

// job is a pull with what only this process knows of it.
type job struct {
	Pull
	ref    string
	cancel context.CancelFunc
	watch  []func(Pull)
	meter  meter
	parts  []string // keys of its downloads, which leave parts when they are cut
}

// pulls are those of this process, the oldest first.
type pulls struct {
	mu   sync.Mutex
	list []*job
}

// kept is how many pulls that have ended are remembered.
const kept = 20

// Pulls returns the pulls of this process, the oldest first.
func (s *Service) Pulls() []Pull {
	s.pulls.mu.Lock()
	defer s.pulls.mu.Unlock()
	out := make([]Pull, len(s.pulls.list))
	for i, j := range s.pulls.list {
		out[i] = j.Pull
	}
	return out
}

// Start pulls a model in the background; one that is being pulled already is returned as it stands. The ones that
// answer now go on answering until it is there.
func (s *Service) Start(ctx context.Context, who actor.Actor, in NewPull) (_ Pull, err error) {
	defer fault.Wrap(&err, "manage.Start")
	in.Model = strings.TrimSpace(in.Model)
	switch {
	case in.Model == "":
		return Pull{}, fault.Param("model", "Name what to pull: a name of the catalog, hf:OWNER/REPO[:FILE], or the https address of a GGUF file.")
	case len(in.Model) > 2000:
		return Pull{}, fault.Param("model", "A name or an address has at most 2,000 bytes.")
	case in.Layout != "" && !slices.Contains([]string{models.LayoutLossless, models.LayoutFast, models.LayoutAsIs}, in.Layout):
		return Pull{}, fault.Param("layout", "Invalid value: '%s'. Supported values are: 'lossless', 'fast', and 'as-is'.", clip(in.Layout)).WithCode("invalid_value")
	case strings.ContainsFunc(in.Name, func(r rune) bool { return r <= ' ' }) || len(in.Name) > 200:
		return Pull{}, fault.Param("name", "A name to serve a model under has at most 200 bytes, and no spaces.")
	case who.Session != "" && s.o.Models.Catalog().Find(in.Model) == nil && !strings.HasPrefix(in.Model, "hf:") && !strings.HasPrefix(in.Model, "https://"):
		return Pull{}, fault.Param("model", "`%s` is not in the catalog. From a browser, name a model of the catalog, hf:OWNER/REPO[:FILE] or an https address; a file of the server's own machine is installed there, with `parley pull PATH`.", clip(in.Model)).WithCode("model_not_found")
	}
	if running, ok := s.running(in.Model); ok {
		return running, nil
	}
	line := in
	line.Model = models.SafeRef(in.Model)
	var out Pull
	err = s.record(ctx, who, audit.Event{Type: "model.pull_started", Object: line.Model, After: line}, func() error {
		out = s.begin(in, who.Session != "", nil)
		return nil
	})
	return out, err
}

// Upgrade is Start for the program itself, with nobody to note: the model becomes the default of its kind. watch is
// told of each step.
func (s *Service) Upgrade(ref string, watch func(Pull)) Pull {
	return s.begin(NewPull{Model: ref, Default: true}, false, watch)
}

func (s *Service) running(ref string) (Pull, bool) {
	s.pulls.mu.Lock()
	defer s.pulls.mu.Unlock()
	for _, j := range s.pulls.list {
		if j.ref == ref && j.State == PullRunning {
			return j.Pull, true
		}
	}
	return Pull{}, false
}

// begin starts a pull, unless the same runs; public is of PullOptions.
func (s *Service) begin(in NewPull, public bool, watch func(Pull)) Pull {
	p := &s.pulls
	p.mu.Lock()
	for _, j := range p.list {
		if j.ref == in.Model && j.State == PullRunning {
			if watch != nil {
				j.watch = append(j.watch, watch)
			}
			defer p.mu.Unlock()
			return j.Pull
		}
	}
	// A new one takes the place of those of the same that have ended, and of the oldest that have.
	p.list = slices.DeleteFunc(p.list, func(j *job) bool { return j.ref == in.Model })
	for len(p.list) >= kept {
		i := slices.IndexFunc(p.list, func(j *job) bool { return j.State != PullRunning })
		if i < 0 {
			break
		}
		p.list = slices.Delete(p.list, i, i+1)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	j := &job{ref: in.Model, cancel: cancel, Pull: Pull{
		ID: ids.New("pull_"), Name: models.SafeRef(in.Model), State: PullRunning, Stage: "starting", Started: s.o.Clock.Now().Unix(),
		Layout: cmp.Or(in.Layout, models.LayoutLossless), Default: in.Default,
	}}
	if watch != nil {
		j.watch = append(j.watch, watch)
	}
	p.list = append(p.list, j)
	now := j.Pull
	p.mu.Unlock()
	s.wg.Go(func() {
		defer cancel()
		s.pull(ctx, j, in, public)
	})
	return now
}

// tell changes a pull and tells those who watch it.
func (s *Service) tell(j *job, change func()) {
	s.pulls.mu.Lock()
	change()
	now, watch := j.Pull, slices.Clone(j.watch)
	s.pulls.mu.Unlock()
	for _, w := range watch {
		w(now)
	}
}

func (s *Service) pull(ctx context.Context, j *job, in NewPull, public bool) {
	began := func(key string) { s.tell(j, func() { j.parts = append(j.parts, key) }) }
	o := models.PullOptions{Name: in.Name, Layout: in.Layout, Preparer: s.o.Preparer, Public: public, Began: began, Progress: func(r models.Progress) {
		s.tell(j, func() {
			j.Stage, j.Done, j.Total = r.Stage, r.Done, r.Total
			j.Speed, j.Left = j.meter.at(time.Now(), r)
		})
	}}
	bring := s.o.Models.PullReady
	if in.Default {
		bring = s.o.Models.Upgrade
	}
	got, err := bring(ctx, in.Model, o)
	s.tell(j, func() {
		j.Ended, j.Speed, j.Left = s.o.Clock.Now().Unix(), 0, 0
		switch {
		case err == nil:
			j.State, j.Stage, j.Model = PullDone, "", got.Name
		case ctx.Err() != nil:
			j.State = PullCanceled
		default:
			j.State, j.Error = PullFailed, fault.Words(err)
		}
	})
	switch {
	case err == nil:
		s.o.Logger.Info("a model was pulled", "model", got.Name, "answers_now", in.Default)
	case ctx.Err() == nil:
		s.o.Logger.Error("a model could not be pulled; those that answer go on answering", "model", models.SafeRef(in.Model), "error", err)
	}
}

// End cancels a pull that runs, and forgets one that has ended. What was fetched by one that was canceled stays in the cache, so that the
// same pull goes on from there, until it is forgotten.
func (s *Service) End(ctx context.Context, who actor.Actor, id string) (out Pull, err error) {
	defer fault.Wrap(&err, "manage.End(%s)", id)
	find := func() *job {
		if i := slices.IndexFunc(s.pulls.list, func(j *job) bool { return j.ID == id }); i >= 0 {
			return s.pulls.list[i]
		}
		return nil
	}
	s.pulls.mu.Lock()
	j := find()
	if j != nil && j.State != PullRunning {
		s.pulls.list = slices.DeleteFunc(s.pulls.list, func(x *job) bool { return x == j })
	}
	var parts []string
	if j != nil {
		out, parts = j.Pull, j.parts
	}
	s.pulls.mu.Unlock()
	if j == nil {
		return Pull{}, fault.New(fault.NotFound, "No pull `%s` is known; pulls are forgotten when the server ends.", clip(id)).WithCode("pull_not_found")
	}
	if out.State != PullRunning {
		for _, key := range parts {
			err = errors.Join(err, s.o.Models.Store().Discard(ctx, key))
		}
		return out, err
	}
	err = s.record(ctx, who, audit.Event{Type: "model.pull_canceled", Object: out.Name}, func() error { j.cancel(); return nil })
	if err != nil {
		return Pull{}, err
	}
	// A download ends within moments; preparing weights may take a little longer, and is shown as it stands then.
	for range 200 {
		s.pulls.mu.Lock()
		out = j.Pull
		s.pulls.mu.Unlock()
		if out.State != PullRunning {
			break
		}
		select {
		case <-ctx.Done():
			return out, nil
		case <-time.After(10 * time.Millisecond):
		}
	}
	return out, nil
}

// meter measures how fast a stage goes, over the last seconds.
type meter struct {
	stage string
	total int64
	marks []mark
}

type mark struct {
	at   time.Time
	done int64
}

// window is how far back a speed is measured.
const window = 10 * time.Second

// at notes progress and returns bytes per second and the seconds that are left, 0 when they are not known yet.
func (m *meter) at(now time.Time, r models.Progress) (speed, left float64) {
	if m.stage != r.Stage || m.total != r.Total || len(m.marks) > 0 && r.Done < m.marks[len(m.marks)-1].done {
		*m = meter{stage: r.Stage, total: r.Total}
	}
	// One mark for each quarter of a second is enough, and the first of the window stays.
	if n := len(m.marks); n == 0 || now.Sub(m.marks[n-1].at) >= window/40 {
		m.marks = append(m.marks, mark{now, r.Done})
	}
	for len(m.marks) > 2 && now.Sub(m.marks[1].at) >= window {
		m.marks = m.marks[1:]
	}
	took := now.Sub(m.marks[0].at).Seconds()
	if took < 0.5 || r.Done <= m.marks[0].done {
		return 0, 0
	}
	speed = float64(r.Done-m.marks[0].done) / took
	if r.Total > r.Done {
		left = float64(r.Total-r.Done) / speed
	}
	return speed, left
}
