package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/sandbox/pyenv"
)

// Kinds of sandboxes.
const (
	Auto       = "auto" // GVisor, or none
	GVisor     = "gvisor"
	Bubblewrap = "bubblewrap"
	Off        = "off"
)

// Options of Open.
type Options struct {
	Kind   string // Auto, GVisor, Bubblewrap, Off; empty is Auto
	Runsc  string // the program parley-runsc; empty: beside this program, in the cache, or on PATH
	Cache  string // where the Python environment is; required
	Limits Limits // of sessions that ask for no others; zero fields are Defaults
	Pool   int    // sandboxes kept ready once the first was asked for; 0 is none
	Most   int    // sandboxes at once, those ready included; 0 is 20
	Logger *slog.Logger
}

// Runtime starts sandboxes. Make it with Open; Close ends all of them.
type Runtime struct {
	kind   string
	env    pyenv.Env
	limits Limits
	most   int
	log    *slog.Logger
	host   *host

	mu      sync.Mutex
	open    int        // sandboxes that run or start
	ready   []*Session // the pool
	keep    int
	filling bool
	awake   bool // sandboxes are kept ready
	closed  bool
	wg      sync.WaitGroup
	all     map[*Session]bool
}

// off is the error of a machine without a sandbox.
func off(format string, args ...any) error {
	return fault.New(fault.Unavailable, "Code Interpreter is off on this server: "+format, args...).WithCode("code_interpreter_unavailable")
}

// Open looks for what sandboxes need. Its error is a fault that says why there are none and what to do; nothing is started yet.
func Open(o Options) (*Runtime, error) {
	if o.Kind == "" {
		o.Kind = Auto
	}
	if o.Kind == Off {
		return nil, off("the setting sandbox.kind is off.")
	}
	if runtime.GOOS != "linux" {
		return nil, off("it needs Linux, and this is %s.", runtime.GOOS)
	}
	env, err := pyenv.Find(o.Cache)
	if err != nil {
		return nil, off("%s.", err)
	}
	h, kind, err := openHost(o, env)
	if err != nil {
		return nil, off("%s.", strings.TrimSuffix(err.Error(), "."))
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	set(&o.Most, 20)
	return &Runtime{kind: kind, env: env, limits: o.Limits.or(Defaults()), most: o.Most, log: o.Logger, host: h, keep: o.Pool, all: map[*Session]bool{}}, nil
}

// Kind is GVisor or Bubblewrap.
func (r *Runtime) Kind() string { return r.kind }

// Limiter names what holds the limits of memory and processes around a sandbox: "cgroup v2", "cgroup v1", "watcher".
func (r *Runtime) Limiter() string { return r.host.limiter() }

// Environment is the Python environment of sessions.
func (r *Runtime) Environment() pyenv.Env { return r.env }

// Limits are those of sessions that ask for no others.
func (r *Runtime) Limits() Limits { return r.limits }

// Start returns a session of its own: one that was ready, when the limits are the usual ones and there is one, else a new one, which takes a few
// seconds. When all sandboxes are in use, that is a fault of the kind Overloaded.
func (r *Runtime) Start(ctx context.Context, limits Limits) (*Session, error) {
	limits = limits.or(r.limits)
	r.mu.Lock()
	if limits == r.limits {
		for len(r.ready) > 0 {
			s := r.ready[0]
			r.ready = r.ready[1:]
			if s.over() {
				continue
			}
			r.mu.Unlock()
			time.AfterFunc(settle, r.Warm)
			return s, nil
		}
	} else if len(r.ready) > 0 && r.open >= r.most {
		// One that is only ready makes room.
		s := r.ready[0]
		r.ready = r.ready[1:]
		go s.Close()
		r.open--
		delete(r.all, s)
	}
	r.mu.Unlock()
	s, err := r.start(ctx, limits)
	if err == nil {
		time.AfterFunc(settle, r.Warm)
	}
	return s, err
}

// settle is how long the pool waits before it fills again: starting a sandbox takes two seconds of a processor, which who just got one needs.
const settle = 3 * time.Second

// start starts one more sandbox.
func (r *Runtime) start(ctx context.Context, limits Limits) (*Session, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, off("the server is stopping.")
	}
	if r.open >= r.most {
		r.mu.Unlock()
		return nil, fault.New(fault.Overloaded, "All %d sandboxes of this server are in use. Try again later.", r.most).WithCode("code_interpreter_busy")
	}
	r.open++
	r.wg.Add(1)
	r.mu.Unlock()
	gone := func(s *Session) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.all[s] {
			r.open--
			delete(r.all, s)
		}
		r.refill()
	}
	began := time.Now()
	s, err := r.host.start(ctx, r.env, limits)
	if err != nil {
		r.mu.Lock()
		r.open--
		r.mu.Unlock()
		r.wg.Done()
		if ctx.Err() != nil && !errors.Is(err, ErrEnded) {
			return nil, ctx.Err()
		}
		r.log.ErrorContext(ctx, "sandbox: it did not start", "kind", r.kind, "error", err)
		return nil, fault.New(fault.Unavailable, "The sandbox of Code Interpreter did not start; `parley doctor` on the server says why.").WithCode("code_interpreter_unavailable").WithCause(err)
	}
	r.mu.Lock()
	r.all[s] = true
	closed := r.closed
	r.mu.Unlock()
	go func() {
		defer r.wg.Done()
		<-s.dead
		<-s.proc.exited
		gone(s)
	}()
	if closed {
		s.Close()
		return nil, off("the server is stopping.")
	}
	r.log.DebugContext(ctx, "sandbox: started", "kind", r.kind, "took", time.Since(began))
	return s, nil
}

// Warm sees to it that sandboxes are ready for those who come next; it does not wait.
func (r *Runtime) Warm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awake = true
	r.refill()
}

// refill starts what the pool lacks; r.mu is held.
func (r *Runtime) refill() {
	if r.filling || r.closed || !r.awake {
		return
	}
	r.filling = true
	r.wg.Go(r.fill)
}

func (r *Runtime) fill() {
	for {
		r.mu.Lock()
		// The pool never takes the last places: they are for who needs one.
		r.ready = slices.DeleteFunc(r.ready, func(s *Session) bool { return s.over() })
		if r.closed || !r.awake || len(r.ready) >= r.keep || r.open >= r.most {
			r.filling = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		s, err := r.start(context.Background(), r.limits)
		r.mu.Lock()
		if err != nil || r.closed {
			r.filling = false
			r.mu.Unlock()
			if s != nil {
				s.Close()
			}
			return
		}
		r.ready = append(r.ready, s)
		r.mu.Unlock()
	}
}

// Rest ends the sandboxes that are only ready: nobody has asked for one for long.
func (r *Runtime) Rest() {
	r.mu.Lock()
	ready := r.ready
	r.ready, r.awake = nil, false
	r.mu.Unlock()
	for _, s := range ready {
		s.Close()
	}
}

// Counts are how many sandboxes there are, and how many of them are only ready.
func (r *Runtime) Counts() (open, ready int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open, len(r.ready)
}

// Check starts a sandbox, runs a line in it and ends it.
func (r *Runtime) Check(ctx context.Context) error {
	s, err := r.host.start(ctx, r.env, r.limits)
	if err != nil {
		return err
	}
	defer s.Close()
	text := ""
	o, err := s.Run(ctx, "print(6 * 7)", func(c Chunk) { text += c.Text })
	switch {
	case err != nil:
		return err
	case !o.OK || text != "42\n":
		return errors.New("it does not calculate: " + text)
	}
	return nil
}

// Close ends all sandboxes and removes what they left.
func (r *Runtime) Close() error {
	r.mu.Lock()
	r.closed = true
	var all []*Session
	for s := range r.all {
		all = append(all, s)
	}
	r.ready = nil
	r.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(s.Close)
	}
	wg.Wait()
	r.wg.Wait()
	return r.host.close()
}
