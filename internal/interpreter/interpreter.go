package interpreter

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/sandbox"
	"github.com/parley-ai/parley/internal/store"
)

// Sandboxes starts sandboxes; *sandbox.Runtime is one.
type Sandboxes interface {
	Start(ctx context.Context, l sandbox.Limits) (*sandbox.Session, error)
	// Warm sees to it that one is ready for who comes next, without waiting; Rest ends those that are only ready.
	Warm()
	Rest()
}

// Files keeps the files of projects; *files.Service is one.
type Files interface {
	Create(ctx context.Context, who actor.Actor, n files.New) (files.File, error)
	Get(ctx context.Context, who actor.Actor, id string) (files.File, error)
	Open(ctx context.Context, who actor.Actor, id string) (io.ReadSeekCloser, files.File, error)
}

// Servers tells which servers of the database live; *presence.Servers is one.
type Servers interface {
	ID() string
	Alive(ctx context.Context, q store.Q) (map[string]bool, error)
}

// Options of New. All fields are required but Limits and Started.
type Options struct {
	DB      *store.DB
	Files   Files
	Servers Servers
	Clock   clock.Clock
	Logger  *slog.Logger

	// Sandboxes are where code runs. Its error is a fault that says why there are none.
	Sandboxes func() (Sandboxes, error)
	// Limits are those of an organization's sessions; nil: the usual ones for all. Zero fields are the usual ones.
	Limits func(who actor.Actor) sandbox.Limits
	// Idle ends a session that nobody used for so long; 0 is 30 minutes.
	Idle time.Duration
	// Started is told of each session that begins, for the books; nil: nobody.
	Started func(who actor.Actor)
}

// Service keeps the sessions. Make it with New, Run it, end it with Close.
type Service struct {
	db        *store.DB
	files     Files
	servers   Servers
	clock     clock.Clock
	log       *slog.Logger
	sandboxes func() (Sandboxes, error)
	limits    func(who actor.Actor) sandbox.Limits
	idle      time.Duration
	started   func(who actor.Actor)

	mu     sync.Mutex
	live   map[owner]*session
	closed bool
	last   time.Time // when a session was last used
}

// owner is what a session belongs to.
type owner struct{ org, project, key string }

// Idle is how long a session is kept that nobody uses.
const Idle = 30 * time.Minute

// New returns a service.
func New(o Options) *Service {
	if o.Idle <= 0 {
		o.Idle = Idle
	}
	if o.Limits == nil {
		o.Limits = func(actor.Actor) sandbox.Limits { return sandbox.Limits{} }
	}
	if o.Started == nil {
		o.Started = func(actor.Actor) {}
	}
	return &Service{
		db: o.DB, files: o.Files, servers: o.Servers, clock: o.Clock, log: o.Logger, sandboxes: o.Sandboxes, limits: o.Limits, idle: o.Idle,
		started: o.Started, live: map[owner]*session{},
	}
}

// session is an owner's sandbox. Its fields are guarded by turn.
type session struct {
	turn chan struct{}    // holds the one token of who works with it
	id   string           // of the row; empty: there is no sandbox
	box  *sandbox.Session // nil: none
	seen map[string]known // what lies in /mnt/data, as it was last looked at
	used time.Time        // guarded by Service.mu
	busy int              // who works with it or waits; guarded by Service.mu
}

// known is a file that the session's directory and the project both have.
type known struct {
	entry  sandbox.Entry
	fileID string
	given  bool
}

var errClosed = fault.New(fault.Unavailable, "The server is stopping.")

// acquire returns the owner's session, alone; release gives it back.
func (s *Service) acquire(ctx context.Context, o owner) (*session, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errClosed
	}
	one := s.live[o]
	if one == nil {
		one = &session{turn: make(chan struct{}, 1)}
		s.live[o] = one
	}
	one.busy++
	s.mu.Unlock()
	select {
	case one.turn <- struct{}{}:
		return one, nil
	case <-ctx.Done():
		s.leave(one)
		return nil, ctx.Err()
	}
}

func (s *Service) leave(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.busy--
	one.used = s.clock.Now()
	s.last = one.used
}

func (s *Service) release(one *session) {
	<-one.turn
	s.leave(one)
}

// begin sees to it that a session has a sandbox with its owner's files in it. lost reports that the owner had one before, whose variables are gone.
func (s *Service) begin(ctx context.Context, who actor.Actor, o owner, one *session) (lost bool, err error) {
	newest, any, err := s.newest(ctx, o)
	if err != nil {
		return false, err
	}
	if one.box != nil {
		select {
		case <-one.box.Ended():
			s.finish(one, "failed")
		default:
			if newest == one.id {
				return false, nil
			}
			s.finish(one, "moved") // another server has run code for the owner since
		}
	}
	boxes, err := s.sandboxes()
	if err != nil {
		return false, err
	}
	box, err := boxes.Start(ctx, s.limits(who))
	if fault.KindOf(err) == fault.Overloaded && s.evict() {
		box, err = boxes.Start(ctx, s.limits(who))
	}
	if err != nil {
		return false, err
	}
	one.box, one.seen, one.id = box, map[string]known{}, ids.New("cisess_")
	if err := s.insertSession(ctx, one.id, o); err != nil {
		box.Close()
		one.box, one.id = nil, ""
		return false, err
	}
	s.started(who)
	return any, nil
}

// finish ends a session's sandbox and notes why; the session itself stays for its owner's next code.
func (s *Service) finish(one *session, why string) {
	if one.box == nil {
		return
	}
	one.box.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.endSession(ctx, one.id, why); err != nil {
		s.log.Error("interpreter: the end of a session was not noted", "session", one.id, "error", err)
	}
	one.box, one.id, one.seen = nil, "", nil
}

// evict ends the session that nobody has used for longest, to make room. It reports whether there was one.
func (s *Service) evict() bool {
	var oldest *session
	s.mu.Lock()
	for _, one := range s.live {
		// Held while it is chosen: nobody else begins with it.
		if one.busy == 0 && (oldest == nil || one.used.Before(oldest.used)) && one.box != nil {
			oldest = one
		}
	}
	if oldest == nil {
		s.mu.Unlock()
		return false
	}
	oldest.busy++
	s.mu.Unlock()
	oldest.turn <- struct{}{}
	s.finish(oldest, "room")
	<-oldest.turn
	s.mu.Lock()
	oldest.busy--
	s.mu.Unlock()
	return true
}

// Run ends sessions that nobody uses, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(min(30*time.Second, s.idle/2))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.Tidy()
		}
	}
}

// Tidy ends the sessions that nobody has used for Options.Idle.
func (s *Service) Tidy() {
	now := s.clock.Now()
	var idle []*session
	s.mu.Lock()
	for o, one := range s.live {
		if one.busy == 0 && now.Sub(one.used) >= s.idle {
			one.busy++
			idle = append(idle, one)
			delete(s.live, o)
		}
	}
	rest := !s.last.IsZero() && len(s.live) == 0 && now.Sub(s.last) >= s.idle
	if rest {
		s.last = time.Time{}
	}
	s.mu.Unlock()
	for _, one := range idle {
		one.turn <- struct{}{}
		s.finish(one, "idle")
		<-one.turn
	}
	if boxes, err := s.sandboxes(); rest && err == nil {
		boxes.Rest()
	}
}

// Recover notes the end of sessions whose servers were killed.
func (s *Service) Recover(ctx context.Context) error {
	alive, err := s.servers.Alive(ctx, s.db.Read())
	if err != nil {
		return err
	}
	return s.endKilled(ctx, alive)
}

// Close ends all sessions; calls that run end with an error.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	all := make([]*session, 0, len(s.live))
	for _, one := range s.live {
		all = append(all, one)
	}
	s.mu.Unlock()
	var errs []error
	for _, one := range all {
		select {
		case one.turn <- struct{}{}:
			s.finish(one, "closed")
			<-one.turn
		case <-ctx.Done():
			errs = append(errs, ctx.Err())
		}
	}
	return errors.Join(errs...)
}

// End ends an owner's session, whose files stay with the project: the owner was deleted.
func (s *Service) End(ctx context.Context, who actor.Actor, key string) error {
	o := owner{who.Org, who.Project, key}
	s.mu.Lock()
	one := s.live[o]
	if one != nil {
		one.busy++
		delete(s.live, o)
	}
	s.mu.Unlock()
	if one == nil {
		return nil
	}
	defer s.leave(one)
	select {
	case one.turn <- struct{}{}:
		s.finish(one, "closed")
		<-one.turn
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
