// Package presence says which server processes live, for servers that share one database.
//
// A process that works on a row for longer than a transaction (an answer that is being written, a run,
// a batch) writes its ID beside the row's state. When it dies, kill -9 or the machine's power, the row
// stays as it was; somebody must notice, and must not mistake a living server's work for a dead one's.
// So each process holds a lease, a row with an end that it moves on every renewEvery:
//
//	open, err := …                       // rows in progress, with their owners
//	alive, err := servers.Alive(ctx, tx) // read after them: an owner joins before it owns
//	for _, row := range open { if !alive[row.Owner] { … } }
//
// A capability that owns rows runs such a function before serving, and gives it to OnBeat, which has it run
// with every renewal. It must bear that two servers do it at once, and must only change rows that
// are still in progress, as their owner may end them in the same moment.
//
// # Table (migration 0002)
//
//	servers  one per living process: id, home, when its lease ends
//
// # Invariants
//
//   - A process owns nothing before Join has written its lease, and nothing after Leave.
//   - A home directory is locked by one process (store.LockHome). So Join ends the leases that earlier
//     processes of the same home left: after kill -9 and a new start nothing waits, on either database.
//     Another machine's work is taken for dead when its lease has ended, at most ttl after its death.
//   - A server that could not renew in time (a suspended machine, a database out of reach) joins again
//     with its next renewal; what it worked on may have been given up by others meanwhile.
//   - Leases are written by the clocks of the servers: these must agree within ttl - renewEvery.
package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	// ttl is how long a server counts as alive after its last sign of life.
	ttl = 30 * time.Second
	// renewEvery leaves room for two renewals that fail.
	renewEvery = 10 * time.Second
)

// Options of Join. All fields but Host and Version are required.
type Options struct {
	DB      *store.DB
	Clock   clock.Clock
	Logger  *slog.Logger
	Home    string // names the home directory whose lock this process holds: store.HomeLock.ID
	Host    string // the machine's name, for whoever looks after several servers
	Version string // of the program
}

// Server is a process that lives.
type Server struct {
	ID      string
	Host    string
	Version string
	Started time.Time
	Renewed time.Time // its last sign of life
	Self    bool      // it is this one
}

// Servers is this process among the servers of a database. Safe for concurrent use.
type Servers struct {
	db    *store.DB
	clock clock.Clock
	log   *slog.Logger
	id    string
	home  string
	host  string
	ver   string
	every time.Duration // renewEvery, but in tests

	mu   sync.Mutex
	beat []func(context.Context) error
}

// Join begins this process's lease, and ends those of its home's earlier processes.
func Join(ctx context.Context, o Options) (*Servers, error) {
	s := &Servers{db: o.DB, clock: o.Clock, log: o.Logger, id: ids.New("srv_"), home: o.Home, host: o.Host, ver: o.Version, every: renewEvery}
	if err := s.join(ctx); err != nil {
		return nil, fmt.Errorf("join the servers of the database: %w", err)
	}
	return s, nil
}

// ID names this process: "srv_…", another one at each start.
func (s *Servers) ID() string { return s.id }

// OnBeat has f run with every renewal, after those that were given before. Its errors are logged.
func (s *Servers) OnBeat(f func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beat = append(s.beat, f)
}

// Run renews the lease until ctx ends.
func (s *Servers) Run(ctx context.Context) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.renewAndTell(ctx)
		}
	}
}

// renewAndTell is one beat. Others' work is only looked at by a server that is known to live itself: one
// that cannot reach the database, or has just come back, knows nothing about the others.
func (s *Servers) renewAndTell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	lost, err := s.renew(ctx)
	if lost {
		// On a laptop each sleep is one, and there are no others.
		s.log.InfoContext(ctx, "this server gave no sign of life for too long; other servers of its database may have given up what it was working on", "longest", ttl)
	}
	s.mu.Lock()
	beat := s.beat
	s.mu.Unlock()
	if err == nil {
		for _, f := range beat {
			err = errors.Join(err, f(ctx))
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "the servers of the database could not be looked at", "error", err)
	}
}

// Leave ends the lease. What this process still owns is given up by the others.
func (s *Servers) Leave(ctx context.Context) error {
	if err := s.leave(ctx); err != nil {
		return fmt.Errorf("leave the servers of the database: %w", err)
	}
	return nil
}
