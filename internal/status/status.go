package status

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// State is how a component is.
type State string

// The states, from good to bad.
const (
	Operational State = "operational"
	Degraded    State = "degraded"
	Down        State = "down"
)

func (s State) rank() int { return slices.Index([]State{Operational, Degraded, Down}, s) }

// worse returns the worse of two.
func worse(a, b State) State {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

// The components, in the order of the page.
const (
	API      = "api"
	Chat     = "chat"
	Models   = "models"
	Database = "database"
	Jobs     = "jobs"
)

// Components are all of them.
var Components = []string{API, Chat, Models, Database, Jobs}

// Finding is what a probe found.
type Finding struct {
	State State
	Text  string // why it is not operational, for the operator; never public
}

// Probe looks at a component. It ends with its context at the latest.
type Probe func(ctx context.Context) Finding

// Options are what New needs. All fields are required.
type Options struct {
	DB     *store.DB
	Clock  clock.Clock
	Logger *slog.Logger
	Meter  *Meter
	Probes map[string]Probe // by component; one without a probe is not shown
	Title  string           // of the page and the feed
	URL    func() string    // of the server, without a slash at the end, for links
}

const (
	// probeEvery is how often components are looked at.
	probeEvery = 15 * time.Second
	// probeTime is how long all probes together may take; what is not done then is down.
	probeTime = 10 * time.Second
	// writeTime is how long the writing of what waits may keep the next look waiting, readTime how long reading may keep a page.
	writeTime, readTime = 5 * time.Second, 2 * time.Second
	// downFor is after how many minutes in a row an incident is opened.
	downFor = 3
	// keepDays is how long days are kept, and incidents that the server opened itself.
	keepDays = 400
	// shownDays is how many days the page shows.
	shownDays = 90
	// readAgain is for how long what was read from the database is shown.
	readAgain = 5 * time.Second
	// mostWaiting is how many minutes wait in memory for a database that cannot be written: a day.
	mostWaiting = 24 * 60
)

// Service watches the components and tells of them.
type Service struct {
	o     Options
	audit *audit.Log
	first chan struct{} // closed when components were probed for the first time

	running atomic.Bool // Run has begun

	mu      sync.Mutex
	live    map[string]Finding // what the last probes found, with the share of failed requests
	probed  time.Time          // when; zero: not yet
	waiting []minute           // not in the database yet, the oldest first
	written minute             // the last that is
	read    view               // what was read last
	readAt  time.Time
}

// minute is what was found in one.
type minute struct {
	at     int64 // minutes since 1970
	states map[string]State
}

// New returns the service. Run makes it look.
func New(o Options) *Service {
	return &Service{o: o, audit: audit.New(o.DB, o.Clock), first: make(chan struct{}), live: map[string]Finding{}}
}

// shown are the components that have a probe.
func (s *Service) shown() []string {
	return slices.DeleteFunc(slices.Clone(Components), func(c string) bool { return s.o.Probes[c] == nil })
}

// Run probes and counts until ctx ends.
func (s *Service) Run(ctx context.Context) {
	s.running.Store(true)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		s.look(ctx)
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if now.Sub(last) >= time.Minute {
				s.o.Meter.turn()
				last = now
			}
		}
	}
}

// look probes all components once and counts the minute.
func (s *Service) look(ctx context.Context) {
	found := s.probe(ctx)
	if ctx.Err() != nil {
		return // what an end interrupts says nothing
	}
	s.mu.Lock()
	if s.probed.IsZero() {
		close(s.first)
	}
	s.live, s.probed = found, s.o.Clock.Now()
	s.note(s.probed.Unix()/60, found)
	s.mu.Unlock()
	write, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if err := s.flush(write); err != nil && ctx.Err() == nil {
		s.o.Logger.WarnContext(ctx, "the minutes of the status page wait for the database", "error", err)
	}
}

// probe runs all probes at once.
func (s *Service) probe(ctx context.Context) map[string]Finding {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	type result struct {
		component string
		Finding
	}
	results := make(chan result, len(s.o.Probes))
	for component, probe := range s.o.Probes {
		go func() { results <- result{component, probe(ctx)} }()
	}
	out := map[string]Finding{}
	for range s.o.Probes {
		select {
		case r := <-results:
			out[r.component] = r.Finding
		case <-ctx.Done():
		}
	}
	for component := range s.o.Probes {
		f, ok := out[component]
		if !ok {
			f = Finding{Down, fmt.Sprintf("It did not answer within %s.", probeTime)}
		}
		if state, failed, all := s.o.Meter.judge(component); state.rank() > f.State.rank() {
			f = Finding{state, fmt.Sprintf("%d of %d requests of the last minutes failed.", failed, all)}
		}
		out[component] = f
	}
	return out
}

// note adds a finding to those that wait to be written. Under mu.
func (s *Service) note(at int64, found map[string]Finding) {
	states := map[string]State{}
	for c, f := range found {
		states[c] = f.State
	}
	if n := len(s.waiting); n > 0 && s.waiting[n-1].at == at {
		for c, state := range s.waiting[n-1].states {
			states[c] = worse(states[c], state)
		}
		s.waiting[n-1].states = states
		return
	}
	if s.written.at == at && !worsens(s.written.states, states) {
		return
	}
	s.waiting = append(s.waiting, minute{at, states})
	if len(s.waiting) > mostWaiting {
		s.waiting = s.waiting[1:]
	}
}

// worsens reports whether a state is worse than the one that was counted.
func worsens(counted, found map[string]State) bool {
	for c, state := range found {
		if worse(counted[c], state) != counted[c] {
			return true
		}
	}
	return false
}

// flush writes the minutes that wait, each in a transaction of its own.
func (s *Service) flush(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "status.flush")
	for {
		s.mu.Lock()
		if len(s.waiting) == 0 {
			s.mu.Unlock()
			return nil
		}
		next := s.waiting[0]
		s.mu.Unlock()
		if err := s.count(ctx, next); err != nil {
			return err
		}
		s.mu.Lock()
		// While it was written the same minute may have become worse, or the first have been dropped.
		if len(s.waiting) > 0 && s.waiting[0].at == next.at && !worsens(next.states, s.waiting[0].states) {
			s.waiting = s.waiting[1:]
		}
		if s.written.at != next.at {
			s.written = next
		} else {
			for c, state := range next.states {
				s.written.states[c] = worse(s.written.states[c], state)
			}
		}
		s.mu.Unlock()
	}
}
