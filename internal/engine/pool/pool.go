// Package pool holds the loaded models: it loads one when it is first asked for, lends it to requests,
// unloads it when nobody used it for a while, keeps all of them within a memory budget, and spreads
// requests over replicas.
//
// Invariants:
//   - A model is loaded once, however many callers wait for it; all of them hear the progress. A
//     caller that leaves does not stop the load.
//   - A backend is closed only when no lease on it is left, except by Close.
//   - A spec that changed under the same name (a new file after a pull) gets a new backend for new
//     requests; the old one is closed when its last lease is released.
//   - The memory of loaded and loading models stays within Options.Budget: before a first load it is the
//     spec's estimate, from then on what the backend measured, when that is more. The least recently used
//     idle ones make room; if none is idle, the caller waits for Options.Wait and then gets
//     fault.Overloaded. When a first load turns out larger than estimated, idle others are unloaded then,
//     or as soon as they are idle.
//   - A model that is unloaded by hand while requests run is gone when the last of them has ended; new ones
//     wait for that, at most Options.Wait, and then load it again.
package pool

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// Options of a pool.
type Options struct {
	Openers map[string]engine.Opener // by Spec.Driver
	Budget  int64                    // bytes that all models may take together; 0 is no limit
	Idle    time.Duration            // unload after this long without a request; 0 is never
	Wait    time.Duration            // longest wait for memory that others use; 0 is 30 s
	// Retry is how long a failed load answers with its error before it is tried again; 0 is 2 s. When the
	// engine's process dies at every load it doubles each time, up to half a minute.
	Retry time.Duration
	Clock clock.Clock  // nil is the system's
	Log   *slog.Logger // nil is slog.Default()
}

// Pool is the set of loaded models. Safe for concurrent use.
type Pool struct {
	o   Options
	ctx context.Context // of loads; ends with Close
	end context.CancelFunc

	mu      sync.Mutex
	models  map[string]*model
	drained map[*member]struct{} // replaced or unloaded while in use
	changed chan struct{}        // closed and renewed whenever memory may have become free
	closing int64                // memory of backends that are being closed
	closed  bool
	loads   sync.WaitGroup // loads, and closings in the background
	sweeper chan struct{}  // closed when the sweeper has ended
}

// model is what is served under one name.
type model struct {
	spec    engine.Spec
	members []*member
}

// member is one replica of a model. Fields are guarded by Pool.mu.
type member struct {
	spec    engine.Spec
	state   engine.State
	backend engine.Backend
	info    engine.Info
	leases  int
	waiting int  // callers that wait for the load
	leaving bool // taken out by Unload: new requests wait until it is gone
	used    time.Time
	memory  int64 // counted against the budget while loading or ready

	loaded   chan struct{} // closed when the load ended, either way
	progress float64
	watch    map[*func(float64)]struct{}
	err      error
	failed   time.Time // when err happened, or when the backend was last found to be away
	deaths   int       // loads in a row whose process died
}

// New returns an empty pool. Close ends it.
func New(o Options) *Pool {
	if o.Wait == 0 {
		o.Wait = 30 * time.Second
	}
	if o.Retry == 0 {
		o.Retry = 2 * time.Second
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	p := &Pool{
		o: o, models: map[string]*model{}, drained: map[*member]struct{}{},
		changed: make(chan struct{}), sweeper: make(chan struct{}),
	}
	p.ctx, p.end = context.WithCancel(context.Background())
	go p.sweepForever()
	return p
}

// Lease is the right to use a backend until Release.
type Lease struct {
	pool    *Pool
	member  *member
	backend engine.Backend
	once    *sync.Once
}

// Backend is the lent backend; not to be closed or used after Release.
func (l Lease) Backend() engine.Backend { return l.backend }

// Release gives the backend back. Further calls do nothing.
func (l Lease) Release() {
	l.once.Do(func() { l.pool.release(l.member) })
}

// Use lends the backend of a spec, loading it first where needed. onProgress may be nil; it hears the
// load's progress, 0–1, also from another goroutine, and not at all when the model is ready.
//
// Errors: Unavailable when it cannot be loaded or never fits the budget, Overloaded when running
// models leave no memory for Options.Wait, what the opener said, or ctx's own.
func (p *Pool) Use(ctx context.Context, spec engine.Spec, onProgress func(float64)) (Lease, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return Lease{}, fault.New(fault.Unavailable, "The server is shutting down.")
		}
		if _, leaving := p.leavingNow()[spec.Name]; leaving {
			p.mu.Unlock()
			if err := p.unloaded(ctx, spec.Name); err != nil {
				return Lease{}, err
			}
			continue
		}
		m := p.pick(p.model(spec))
		switch {
		case m.state == engine.StateReady:
			l := p.lend(m, len(spec.Replicas) > 0)
			p.warm(p.models[spec.Name])
			p.mu.Unlock()
			return l, nil
		case m.state == engine.StateFailed && p.failedLately(m):
			err := m.err
			p.mu.Unlock()
			return Lease{}, err
		case m.state != engine.StateLoading:
			p.load(m)
		}
		loaded := m.loaded
		m.waiting++
		progress := m.progress
		if onProgress != nil {
			m.watch[&onProgress] = struct{}{}
		}
		p.mu.Unlock()
		if onProgress != nil {
			onProgress(progress)
		}

		select {
		case <-loaded:
		case <-ctx.Done():
		}
		p.mu.Lock()
		m.waiting--
		delete(m.watch, &onProgress)
		if ctx.Err() == nil && m.state == engine.StateReady {
			// Lent right here: in a further round an eviction could have come first.
			l := p.lend(m, len(spec.Replicas) > 0)
			p.mu.Unlock()
			return l, nil
		}
		state, err, unused := m.state, m.err, p.settle(m)
		p.mu.Unlock()
		p.finish(unused)
		if err := ctx.Err(); err != nil {
			return Lease{}, err
		}
		if state == engine.StateFailed {
			return Lease{}, err
		}
	}
}

// lend makes a lease. Replicas are watched, so that one that went away is left alone for a while.
func (p *Pool) lend(m *member, watched bool) Lease {
	m.leases++
	m.used = p.o.Clock.Now()
	l := Lease{pool: p, member: m, backend: m.backend, once: new(sync.Once)}
	if watched {
		l.backend = &observed{Backend: m.backend, away: func() { p.away(m) }}
	}
	return l
}

func (p *Pool) release(m *member) {
	p.mu.Lock()
	m.leases--
	m.used = p.o.Clock.Now()
	unused := p.settle(m)
	p.shed()
	if m.leases == 0 {
		p.wake()
	}
	p.mu.Unlock()
	p.finish(unused)
}

// away notes that a replica was found unavailable: for Options.Retry others are preferred.
func (p *Pool) away(m *member) {
	p.mu.Lock()
	m.failed = p.o.Clock.Now()
	p.mu.Unlock()
}

// Preload loads all replicas of a spec and waits for them.
func (p *Pool) Preload(ctx context.Context, spec engine.Spec) error {
	l, err := p.Use(ctx, spec, nil)
	if err != nil {
		return err
	}
	l.Release()
	for {
		p.mu.Lock()
		var wait chan struct{}
		if mod := p.models[spec.Name]; mod != nil {
			p.warm(mod)
			for _, m := range mod.members {
				if m.state == engine.StateLoading {
					wait = m.loaded
				}
			}
		}
		p.mu.Unlock()
		if wait == nil {
			return nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Unload takes a model out: at once when it is idle, else when its last lease is released. Requests that
// come before that wait for it, and then load the model again. It returns false when the model is not loaded.
func (p *Pool) Unload(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	mod := p.models[name]
	if mod == nil || p.closed {
		return false
	}
	delete(p.models, name)
	for _, m := range mod.members {
		m.leaving = true
	}
	p.retire(mod)
	return true
}

// unloaded waits while a model is on its way out by Unload: a second copy beside the one that finishes
// would take the memory that was to become free.
func (p *Pool) unloaded(ctx context.Context, name string) error {
	var timeout <-chan time.Time
	for {
		p.mu.Lock()
		requests, leaving := p.leavingNow()[name]
		changed, closed := p.changed, p.closed
		p.mu.Unlock()
		if !leaving || closed {
			return nil
		}
		if timeout == nil {
			timer := time.NewTimer(p.o.Wait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			return fault.New(fault.Overloaded, "The model %s is being unloaded and still has %d requests to finish. Please try again later.", name, requests)
		}
	}
}

// leavingNow is Leaving, under mu.
func (p *Pool) leavingNow() map[string]int {
	if len(p.drained) == 0 { // nearly always, at each request
		return nil
	}
	out := map[string]int{}
	for m := range p.drained {
		if m.leaving {
			out[m.spec.Name] += m.leases + m.waiting
		}
	}
	return out
}

// Leaving tells how many requests are still to end before a model that was unloaded is gone, by name.
func (p *Pool) Leaving() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leavingNow()
}

// Close ends loads, closes all backends (running sequences end with Unavailable) and refuses new
// requests. It waits for loads that do not stop until ctx ends.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.end()
	p.mu.Unlock()
	<-p.sweeper
	ended := make(chan struct{})
	go func() { p.loads.Wait(); close(ended) }()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	var all []*member
	for _, mod := range p.models {
		all = append(all, mod.members...)
	}
	for m := range p.drained {
		all = append(all, m)
	}
	p.models, p.drained = map[string]*model{}, map[*member]struct{}{}
	var wg sync.WaitGroup
	for _, m := range all {
		t := p.take(m)
		wg.Go(func() { p.finish(t) })
	}
	p.mu.Unlock()
	wg.Wait()
	return err
}
