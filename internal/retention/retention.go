package retention

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/secrets"
	"github.com/parley-ai/parley/internal/store"
)

// MaxDays is the longest time that bodies can be kept.
const MaxDays = 365

// million is what the rate of the sample counts in.
const million = 1_000_000

const (
	topic = "retention"
	// lookAgain is after how long a lost hint does no more harm, and sweepEvery how often what is due is deleted.
	lookAgain  = 10 * time.Second
	sweepEvery = 10 * time.Minute
)

// Types of lines in the audit log.
const (
	SettingUpdated = "retention.updated"
	Proof          = "deletion_proof.created"
	ItemFlagged    = "review_item.created"
	ItemClaimed    = "review_item.claimed"
	ItemLooked     = "review_item.looked"
	ItemReleased   = "review_item.released"
	ItemDecided    = "review_item.decided"
	SharedExported = "shared_data.exported"
)

// Options are what New needs. All but Budget and Interval are required.
type Options struct {
	DB     *store.DB
	Keys   *secrets.Keys
	Bus    bus.Bus
	Clock  clock.Clock
	Logger *slog.Logger
	Days   int // what is kept where nobody has said how long
	// Names are those of all organizations, by id.
	Names func(ctx context.Context) (map[string]string, error)

	Budget   int64         // bytes that may wait to be written; 0: 64 MiB
	Interval time.Duration // longest time that they gather; 0: a second
}

// Service keeps bodies. Make it with New; Run it, and Close it before the database. It implements httpapi.Keeper.
type Service struct {
	o     Options
	audit *audit.Log
	rules atomic.Pointer[rules]
	load  sync.Mutex // one at a time
	sweep sync.Mutex // one at a time
	due   chan struct{}
	// traces says that the database may still hold destroyed keys outside of their table.
	traces atomic.Bool

	keeper keeper
}

// setting is a row of retention_settings.
type setting struct {
	org    string
	days   *int
	shared time.Time // since when; zero: not
	sample int
}

// rules are all settings.
type rules struct {
	days   int // of the installation
	set    bool
	sample int
	orgs   map[string]setting
}

// of returns how many days bodies of an organization are kept.
func (r *rules) of(org string) int {
	if s := r.orgs[org]; s.days != nil {
		return *s.days
	}
	return r.days
}

// New returns the service with what the database holds, and starts its writer.
func New(ctx context.Context, o Options) (*Service, error) {
	if o.Budget <= 0 {
		o.Budget = 64 << 20
	}
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	s := &Service{o: o, audit: audit.New(o.DB, o.Clock), due: make(chan struct{}, 1)}
	// A process that died may have left some in SQLite's log, which outlives it.
	s.traces.Store(o.DB.Dialect() == store.SQLite)
	if err := s.Load(ctx); err != nil {
		return nil, err
	}
	return s, s.keeper.start(s)
}

// Load takes over what the database says.
func (s *Service) Load(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "retention.Load")
	s.load.Lock()
	defer s.load.Unlock()
	all, err := settings(ctx, s.o.DB.Read())
	if err != nil {
		return err
	}
	r := &rules{days: s.o.Days, orgs: map[string]setting{}}
	for _, one := range all {
		if one.org != "" {
			r.orgs[one.org] = one
			continue
		}
		r.sample = one.sample
		if one.days != nil {
			r.days, r.set = *one.days, true
		}
	}
	if before := s.rules.Swap(r); before == nil || !reflect.DeepEqual(before, r) {
		s.wake()
	}
	return nil
}

// wake has Run look what is due.
func (s *Service) wake() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// Run takes over what other servers change and deletes what is due, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() {
		bus.Follow(ctx, s.o.Bus, topic, lookAgain, func([]string) {
			if err := s.Load(ctx); err != nil && ctx.Err() == nil {
				s.o.Logger.Error("how long bodies are kept cannot be read; it stays as it was", "error", err)
			}
		})
	})
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.due:
			s.trySweep(ctx)
		case <-tick.C:
			s.trySweep(ctx)
		}
	}
	wg.Wait()
}

func (s *Service) trySweep(ctx context.Context) {
	if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.o.Logger.Error("what is due could not be deleted; it will be tried again", "error", err)
	}
}

// Settings are those of an organization.
type Settings struct {
	Days        int  // in force
	Own         *int // the organization's; nil: the installation's
	Default     int
	SharedSince time.Time // zero: nothing is shared for training
}

// Stored says what is kept.
type Stored struct {
	Requests, Bytes int64
	Oldest          time.Time // of the requests; zero: there is none
}

// Warning is what reviewers told an organization.
type Warning struct {
	At        time.Time
	RequestID string
	Message   string
}

// Settings returns those of an organization; an empty one is the installation.
func (s *Service) Settings(org string) Settings {
	r := s.rules.Load()
	own := r.orgs[org]
	return Settings{Days: r.of(org), Own: own.days, Default: r.days, SharedSince: own.shared}
}

// Stored returns what is kept of an organization; of all when it is empty.
func (s *Service) Stored(ctx context.Context, org string) (_ Stored, err error) {
	defer fault.Wrap(&err, "retention.Stored")
	return stored(ctx, s.o.DB.Read(), org)
}

// Warnings returns the newest that an organization was given, 20 at most.
func (s *Service) Warnings(ctx context.Context, org string) (_ []Warning, err error) {
	defer fault.Wrap(&err, "retention.Warnings")
	return warnings(ctx, s.o.DB.Read(), org)
}

// checkDays refuses what is no time to keep something.
func checkDays(days *int) error {
	if days != nil && (*days < 0 || *days > MaxDays) {
		return fault.Param("days", "Invalid 'days': %d. Bodies are kept for 0 (not at all) to %d days.", *days, MaxDays).WithCode("invalid_value")
	}
	return nil
}

// Set says how long bodies of an organization are kept (nil: as long as the installation says) and whether they are shared for
// training. What is stored follows: what is older than the new time is deleted at once. Sharing begins with what is sent from now on.
func (s *Service) Set(ctx context.Context, who actor.Actor, org string, days *int, share bool) (err error) {
	defer fault.Wrap(&err, "retention.Set")
	if err := checkDays(days); err != nil {
		return err
	}
	kept := s.rules.Load().days
	if days != nil {
		kept = *days
	}
	if share && kept == 0 {
		return fault.Param("share_for_training", "Nothing is kept, so there is nothing to share. Keep bodies for a day or longer, or do not share them.").WithCode("nothing_to_share")
	}
	who.Org = org
	return s.change(ctx, who, org, func(before setting) setting {
		after := before
		after.days = days
		if !share {
			after.shared = time.Time{}
		} else if before.shared.IsZero() {
			after.shared = s.o.Clock.Now()
		}
		return after
	})
}

// Installation is what the operator sets for all organizations that say nothing.
type Installation struct {
	Days    int
	Set     bool    // by the operator; false: it is the configuration's
	Sample  float64 // the part of requests that is put into the queue, 0 to 1
	Waiting int64   // bytes in memory that are not written yet
	Kept    int64   // requests since the start of this server
	Dropped int64   // of them, those for which there was no room, or that could not be written
}

// Installation returns what is in force, and how this server does.
func (s *Service) Installation() Installation {
	r := s.rules.Load()
	return Installation{Days: r.days, Set: r.set, Sample: float64(r.sample) / million,
		Waiting: s.keeper.waiting.Load(), Kept: s.keeper.kept.Load(), Dropped: s.keeper.dropped.Load()}
}

// SetInstallation says how long bodies are kept where the organization says nothing (nil: as the configuration has it), and which
// part of requests is put into the reviewers' queue.
func (s *Service) SetInstallation(ctx context.Context, who actor.Actor, days *int, sample float64) (err error) {
	defer fault.Wrap(&err, "retention.SetInstallation")
	if err := checkDays(days); err != nil {
		return err
	}
	if !(sample >= 0 && sample <= 1) {
		return fault.Param("sample_rate", "Invalid 'sample_rate': write a part of the requests, 0 (none) to 1 (all), such as 0.001.").WithCode("invalid_value")
	}
	return s.change(ctx, who, "", func(before setting) setting {
		before.days, before.sample = days, int(math.Round(sample*million))
		return before
	})
}

// change writes what f makes of a setting, with its line of the audit log, and puts it into force.
func (s *Service) change(ctx context.Context, who actor.Actor, org string, f func(setting) setting) error {
	object := org
	if org == "" {
		object = "installation"
	}
	err := s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		before, err := findSetting(ctx, tx, org)
		if err != nil && !errors.Is(err, store.ErrNoRows) {
			return err
		}
		before.org = org
		after := f(before)
		if err := putSetting(ctx, tx, after, s.o.Clock.Now()); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: SettingUpdated, Object: object, Before: before.audited(), After: after.audited()})
	})
	if err != nil {
		return err
	}
	s.o.Bus.Publish(topic, org)
	return s.Load(ctx)
}

// audited is what the audit log keeps of a setting.
func (t setting) audited() any {
	if t.org == "" {
		return struct {
			Days   *int    `json:"default_days"`
			Sample float64 `json:"sample_rate"`
		}{t.days, float64(t.sample) / million}
	}
	return struct {
		Days  *int `json:"days"`
		Share bool `json:"share_for_training"`
	}{t.days, !t.shared.IsZero()}
}

// Forget deletes all that is kept of an organization which is itself being deleted, in the transaction that does that: its keys are
// destroyed with it, and what they sealed is removed soon.
func (s *Service) Forget(ctx context.Context, tx *store.Tx, org string) (err error) {
	defer fault.Wrap(&err, "retention.Forget")
	if err := forget(ctx, tx, org, s.o.Clock.Now()); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.keeper.forget(org)
		s.traces.Store(true)
		s.o.Bus.Publish(topic, org)
		s.wake()
	})
	return nil
}
