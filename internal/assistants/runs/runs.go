package runs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/recall"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
)

const (
	// waitForOutputs is how long a run waits for the caller's outputs.
	waitForOutputs = 10 * time.Minute
	// maxTurns bounds the model's turns of one run, those with the caller's functions among them.
	maxTurns = 64
	// maxAttempts is how often a run is begun again without having got any further.
	maxAttempts = 10
	// endTimeout bounds the last transaction of a run whose execution was ended.
	endTimeout = 15 * time.Second
	// topic of the bus: keys are runs that somebody else has changed.
	topic = "runs"
)

// Model makes turns and knows its window; *generate.Service is one.
type Model interface {
	agent.Model
	// Known is an error when the caller may not ask for the model. It loads nothing.
	Known(ctx context.Context, who actor.Actor, model string) error
	// Window is in tokens; 0 is not known.
	Window(ctx context.Context, who actor.Actor, model string) (int, error)
}

// Servers tells which servers of the database live; *presence.Servers is one.
type Servers interface {
	ID() string
	Alive(ctx context.Context, q store.Q) (map[string]bool, error)
}

// Assistants finds assistants; *assistants.Service is one.
type Assistants interface {
	// GetIn returns an assistant of the caller's project with its files.
	GetIn(ctx context.Context, q store.Q, who actor.Actor, id string) (object.Assistant, error)
}

// Use is what a tool is made for.
type Use struct {
	Run    object.Run
	Thread object.Thread
	Tool   object.Tool // as the run has it, with its options
	Window int         // of the model, in tokens
	Calls  int         // more than there were calls of tools in the thread before
}

// Toolmaker makes the tool that runs of a type of tool use. Its error is a fault that says why the tool is off, for the user and the
// operator.
type Toolmaker func(ctx context.Context, who actor.Actor, u Use) (agent.Tool, error)

// Options of New. All fields are required but Tools.
type Options struct {
	DB         *store.DB
	Threads    *thread.Service
	Memory     *recall.Memory
	Assistants Assistants
	Model      Model
	Servers    Servers
	Bus        bus.Bus
	Clock      clock.Clock
	Logger     *slog.Logger
	Tools      map[string]Toolmaker // by type: object.CodeInterpreter, object.FileSearch
}

// Service runs the operations. Make it with New, end it with Close.
type Service struct {
	db         *store.DB
	threads    *thread.Service
	memory     *recall.Memory
	assistants Assistants
	model      Model
	servers    Servers
	bus        bus.Bus
	clock      clock.Clock
	log        *slog.Logger
	tools      map[string]Toolmaker

	ctx  context.Context // ends with Close
	stop context.CancelCauseFunc
	wg   sync.WaitGroup

	// making is held for reading from before a run is this server's in the database until it is in live, so that who takes back what is
	// in one and not in the other waits for it.
	making sync.RWMutex

	mu     sync.Mutex
	closed bool
	live   map[string]*live // by run: what this process executes
}

// live is a run that this process executes.
type live struct {
	cancel context.CancelCauseFunc
	hub    *hub
	done   chan struct{} // closed when the execution has ended
}

// Causes of an execution's end from outside.
var (
	errCancelled = errors.New("the run was cancelled")
	errShutdown  = errors.New("the server shuts down")
	errLost      = errors.New("another server has the run, or it has ended")
)

// New returns a service. Runs of dead servers are taken over by Recover.
func New(o Options) *Service {
	ctx, stop := context.WithCancelCause(context.Background())
	return &Service{
		db: o.DB, threads: o.Threads, memory: o.Memory, assistants: o.Assistants, model: o.Model, servers: o.Servers, bus: o.Bus, clock: o.Clock,
		log: o.Logger, tools: o.Tools, ctx: ctx, stop: stop, live: map[string]*live{},
	}
}

// Close ends what is executed here, at its last whole step, and leaves it to other servers or the next start.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop(errShutdown)
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Follow listens for runs that other servers change, until ctx ends.
func (s *Service) Follow(ctx context.Context) {
	bus.Follow(ctx, s.bus, topic, time.Minute, func(keys []string) {
		s.mu.Lock()
		var look []string
		for id := range s.live {
			look = append(look, id)
		}
		s.mu.Unlock()
		anything := len(keys) == 0
		changed := map[string]bool{}
		for _, k := range keys {
			changed[k] = true
			anything = anything || k == ""
		}
		for _, id := range look {
			if anything || changed[id] {
				s.look(ctx, id)
			}
			delete(changed, id)
		}
		if len(changed) > 0 {
			// A server that shuts down has given its runs back.
			if err := s.Recover(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("runs of other servers could not be looked at", "error", err)
			}
		}
	})
}

// look ends the execution of a run that was cancelled, or taken, somewhere else.
func (s *Service) look(ctx context.Context, id string) {
	run, err := s.threads.RunByID(ctx, s.db.Read(), id)
	if err != nil {
		return // gone: its execution notices when it writes
	}
	switch {
	case run.Status == object.Cancelling:
		s.end(id, errCancelled)
	case run.Server != s.servers.ID():
		s.end(id, errLost)
	}
}

// end ends an execution of this process; false when it executes no such run.
func (s *Service) end(id string, cause error) bool {
	s.mu.Lock()
	l := s.live[id]
	s.mu.Unlock()
	if l == nil {
		return false
	}
	l.cancel(cause)
	return true
}

// begin executes a run that this server holds in the database, on a goroutine of its own. An execution of it that handed it over, to
// the caller or to another server, may not have gone yet: it ends first.
func (s *Service) begin(who actor.Actor, run object.Run, hub *hub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		hub.close()
		return // a run of a closing server is taken over like a dead one's
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	l := &live{cancel: cancel, hub: hub, done: make(chan struct{})}
	before := s.live[run.ID]
	s.live[run.ID] = l
	s.wg.Go(func() {
		defer cancel(nil)
		if before != nil {
			before.cancel(errLost)
			<-before.done
		}
		e := &execution{s: s, who: who, run: run, hub: hub}
		fold := e.execute(ctx)
		s.mu.Lock()
		if s.live[run.ID] == l {
			delete(s.live, run.ID)
		}
		s.mu.Unlock()
		hub.close()
		close(l.done)
		if fold {
			e.fold(ctx)
		}
	})
}

// now is the time as columns keep it.
func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }
