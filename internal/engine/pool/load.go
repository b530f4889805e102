package pool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// model finds the entry of a spec, replacing one of another spec under the same name. Under mu.
func (p *Pool) model(spec engine.Spec) *model {
	mod := p.models[spec.Name]
	if mod != nil && reflect.DeepEqual(mod.spec, spec) {
		return mod
	}
	if mod != nil {
		p.o.Log.Info("the model's settings or file changed: a new backend takes over", "model", spec.Name)
		p.retire(mod)
	}
	mod = &model{spec: spec}
	first := spec
	first.Replicas = nil
	for _, s := range append([]engine.Spec{first}, spec.Replicas...) {
		s.Name = spec.Name
		mod.members = append(mod.members, &member{spec: s, state: engine.StateCold, watch: map[*func(float64)]struct{}{}})
	}
	p.models[spec.Name] = mod
	return mod
}

// pick chooses the replica for a request: ready before loading before cold before failed, among equals
// the one with the fewest requests. One that was just found to be away comes after cold ones. Under mu.
func (p *Pool) pick(mod *model) *member {
	rank := func(m *member) int {
		recent := p.failedLately(m)
		switch {
		case m.state == engine.StateReady && !recent:
			return 0
		case m.state == engine.StateLoading:
			return 1
		case m.state != engine.StateReady && !recent:
			return 2
		case m.state == engine.StateReady:
			return 3
		}
		return 4
	}
	best := mod.members[0]
	for _, m := range mod.members[1:] {
		if r, b := rank(m), rank(best); r < b || r == b && m.leases+m.waiting < best.leases+best.waiting {
			best = m
		}
	}
	return best
}

// warm starts the load of replicas that are cold, or that failed a while ago. Under mu.
func (p *Pool) warm(mod *model) {
	if len(mod.members) == 1 {
		return
	}
	for _, m := range mod.members {
		if m.state == engine.StateCold || m.state == engine.StateFailed && !p.failedLately(m) {
			p.load(m)
		}
	}
}

// failedLately says that a member is to be left alone for now. Under mu.
func (p *Pool) failedLately(m *member) bool {
	return !m.failed.IsZero() && p.o.Clock.Now().Sub(m.failed) < p.retry(m)
}

// retryMost is the longest time that a model whose engine dies at every load is left alone.
const retryMost = 30 * time.Second

// retry is how long a member is left alone after a failure. Under mu.
func (p *Pool) retry(m *member) time.Duration {
	if m.deaths < 2 {
		return p.o.Retry
	}
	return max(p.o.Retry, min(p.o.Retry<<min(m.deaths-1, 10), retryMost))
}

// judge counts loads whose process died, and says so in the error from the second one on. Under mu.
func (p *Pool) judge(m *member, err error) error {
	if !errors.Is(err, engine.ErrDied) {
		m.deaths = 0
		return err
	}
	m.deaths++
	f := fault.As(err)
	if m.deaths < 2 || f == nil {
		return err
	}
	return fault.New(f.Kind, "%s That was attempt %d; the next one is made when the model is asked for in %s or later.", f.Message, m.deaths, p.retry(m)).WithCode(f.Code).WithCause(err)
}

// load starts loading a member. Under mu.
func (p *Pool) load(m *member) {
	m.state, m.progress, m.err, m.failed = engine.StateLoading, 0, nil, time.Time{}
	m.loaded = make(chan struct{})
	p.loads.Go(func() {
		backend, info, err := p.open(m)
		p.mu.Lock()
		if err == nil && p.closed {
			err = fault.New(fault.Unavailable, "The server is shutting down.")
		}
		err = p.judge(m, err)
		if err == nil {
			m.state, m.backend, m.info, m.progress = engine.StateReady, backend, info, 1
			m.memory = max(m.memory, info.MemoryBytes)
		} else {
			m.state, m.err, m.failed, m.memory = engine.StateFailed, err, p.o.Clock.Now(), 0
		}
		m.used = p.o.Clock.Now()
		close(m.loaded)
		unused := p.settle(m)
		p.shed()
		p.wake()
		p.mu.Unlock()
		p.finish(unused)
		if err != nil {
			if backend != nil {
				backend.Close()
			}
			// A load that the end of the program interrupts is no failure.
			if !errors.Is(err, context.Canceled) {
				p.o.Log.Error("the model could not be loaded", "model", m.spec.Name, "err", err)
			}
		}
	})
}

// open makes room for a member and opens it. The backend may be given with an error.
func (p *Pool) open(m *member) (engine.Backend, engine.Info, error) {
	opener := p.o.Openers[m.spec.Driver]
	if opener == nil {
		return nil, engine.Info{}, fault.New(fault.Unavailable, "The model %s needs the engine %q, which this program does not have.", m.spec.Name, m.spec.Driver)
	}
	if err := p.reserve(m); err != nil {
		return nil, engine.Info{}, err
	}
	backend, err := opener(p.ctx, m.spec, func(fraction float64) { p.progress(m, fraction) })
	if err != nil {
		return nil, engine.Info{}, err
	}
	info, err := backend.Info(p.ctx)
	return backend, info, err
}

func (p *Pool) progress(m *member, fraction float64) {
	p.mu.Lock()
	m.progress = fraction
	var watchers []func(float64)
	for w := range m.watch {
		watchers = append(watchers, *w)
	}
	p.mu.Unlock()
	for _, w := range watchers {
		w(fraction)
	}
}

// reserve takes a member's memory out of the budget, unloading idle models or waiting for busy ones.
func (p *Pool) reserve(m *member) error {
	need := m.spec.MemoryBytes
	if p.o.Budget > 0 && need > p.o.Budget {
		return fault.New(fault.Unavailable, "The model %s needs about %s of memory and the budget for models is %s. Raise the budget or choose a smaller model.", m.spec.Name, gigabytes(need), gigabytes(p.o.Budget))
	}
	// What an earlier load measured may be beyond the budget: then the model has it for itself.
	if need = max(need, m.info.MemoryBytes); p.o.Budget > 0 {
		need = min(need, p.o.Budget)
	}
	timeout := time.NewTimer(p.o.Wait)
	defer timeout.Stop()
	for {
		p.mu.Lock()
		victim, fits := p.room(need)
		switch {
		case fits:
			m.memory = need
			p.mu.Unlock()
			return nil
		case victim != nil:
			idle := p.take(victim)
			p.mu.Unlock()
			p.o.Log.Info("unloading an idle model to make room", "model", victim.spec.Name, "for", m.spec.Name)
			p.finish(idle)
			continue
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-timeout.C:
			return fault.New(fault.Overloaded, "The models in use leave no memory for %s, which needs about %s of %s. Please try again later.", m.spec.Name, gigabytes(need), gigabytes(p.o.Budget))
		case <-p.ctx.Done():
			return fault.New(fault.Unavailable, "The server is shutting down.")
		}
	}
}

// room says whether need fits now, or else which idle member to unload first. The victim is nil when
// unloading all idle ones would not be enough: then they may as well stay. Under mu.
func (p *Pool) room(need int64) (victim *member, fits bool) {
	if p.o.Budget == 0 {
		return nil, true
	}
	used, idle := p.closing, int64(0)
	for m := range p.members() {
		used += m.memory
		if m.idle() && m.memory > 0 {
			idle += m.memory
			if victim == nil || m.used.Before(victim.used) {
				victim = m
			}
		}
	}
	if used-idle+need > p.o.Budget {
		victim = nil
	}
	return victim, used+need <= p.o.Budget
}

// members are all that may hold memory. Under mu.
func (p *Pool) members() iter.Seq[*member] {
	return func(yield func(*member) bool) {
		for _, mod := range p.models {
			for _, m := range mod.members {
				if !yield(m) {
					return
				}
			}
		}
		for m := range p.drained {
			if !yield(m) {
				return
			}
		}
	}
}

// shed unloads idle members, longest unused first, while a model that turned out larger than estimated
// has all of them beyond the budget. The last one stays: unloading it would only load it again. Under mu.
func (p *Pool) shed() {
	for p.o.Budget > 0 && !p.closed {
		used, holding := int64(0), 0
		var victim *member
		for m := range p.members() {
			if used += m.memory; m.memory > 0 {
				holding++
			}
			if m.idle() && m.memory > 0 && (victim == nil || m.used.Before(victim.used)) {
				victim = m
			}
		}
		if used <= p.o.Budget || victim == nil || holding < 2 {
			return
		}
		p.o.Log.Info("unloading an idle model: together they take more than was estimated", "model", victim.spec.Name)
		unused := p.take(victim)
		p.loads.Go(func() { p.finish(unused) })
	}
}

func (m *member) idle() bool {
	return m.state == engine.StateReady && m.leases == 0 && m.waiting == 0
}

// taken is a backend that nobody gets any more, on its way to finish.
type taken struct {
	name    string
	backend engine.Backend
	memory  int64
}

// take makes a ready member cold. The caller gives what it returns to finish; until then the memory
// counts as used. Nil when the member has no backend. Under mu.
func (p *Pool) take(m *member) *taken {
	if _, ok := p.drained[m]; ok {
		delete(p.drained, m)
		p.wake()
	}
	if m.backend == nil {
		return nil
	}
	t := &taken{name: m.spec.Name, backend: m.backend, memory: m.memory}
	p.closing += m.memory
	m.state, m.backend, m.memory = engine.StateCold, nil, 0
	return t
}

// settle takes a drained member when nobody uses it any more. Under mu.
func (p *Pool) settle(m *member) *taken {
	if _, ok := p.drained[m]; !ok || m.leases > 0 || m.waiting > 0 || m.state == engine.StateLoading {
		return nil
	}
	return p.take(m)
}

// finish closes a backend that was taken, and then gives its memory back.
func (p *Pool) finish(t *taken) {
	if t == nil {
		return
	}
	if err := t.backend.Close(); err != nil {
		p.o.Log.Warn("closing a model", "model", t.name, "err", err)
	}
	p.mu.Lock()
	p.closing -= t.memory
	p.wake()
	p.mu.Unlock()
}

// retire drains all members of a model that is no longer in p.models. Under mu.
func (p *Pool) retire(mod *model) {
	for _, m := range mod.members {
		p.drained[m] = struct{}{}
		if unused := p.settle(m); unused != nil {
			p.loads.Go(func() { p.finish(unused) })
		}
	}
}

// wake tells those that wait for memory to look again. Under mu.
func (p *Pool) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// sweepForever unloads idle models until Close.
func (p *Pool) sweepForever() {
	defer close(p.sweeper)
	if p.o.Idle == 0 {
		return
	}
	tick := time.NewTicker(max(10*time.Millisecond, min(p.o.Idle/4, 15*time.Second)))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.sweep()
		case <-p.ctx.Done():
			return
		}
	}
}

// sweep unloads what was idle for Options.Idle.
func (p *Pool) sweep() {
	now := p.o.Clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, mod := range p.models {
		for _, m := range mod.members {
			if m.idle() && now.Sub(m.used) >= p.o.Idle {
				p.o.Log.Info("unloading an idle model", "model", m.spec.Name)
				unused := p.take(m)
				p.loads.Go(func() { p.finish(unused) })
			}
		}
	}
}

// gigabytes formats a size for messages.
func gigabytes(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%d MB", (n+999_999)/1_000_000)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
