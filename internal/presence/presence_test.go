package presence

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// world is a database and the clock of its servers.
type world struct {
	t     *testing.T
	db    *store.DB
	clock *clock.Fake
}

func each(t *testing.T, f func(w *world)) {
	t.Helper()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		f(&world{t: t, db: db, clock: clock.NewFake(time.Date(2023, 11, 6, 18, 0, 0, 0, time.UTC))})
	})
}

func (w *world) join(home string) *Servers {
	w.t.Helper()
	s, err := Join(w.t.Context(), Options{DB: w.db, Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Home: home})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// sees checks who lives in the eyes of s.
func (w *world) sees(when string, s *Servers, living ...*Servers) {
	w.t.Helper()
	alive, err := s.Alive(w.t.Context(), w.db.Read())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range living {
		if !alive[l.ID()] {
			w.t.Errorf("%s: the server of %s counts as dead", when, l.home)
		}
	}
	if len(alive) != len(living) {
		w.t.Errorf("%s: %d servers live, want %d", when, len(alive), len(living))
	}
}

func TestAServerLivesAsLongAsItRenews(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.join("a"), w.join("b")
		w.sees("joined", a, a, b)
		for range 5 {
			w.clock.Advance(renewEvery)
			a.renewAndTell(w.t.Context())
			b.renewAndTell(w.t.Context())
		}
		w.sees("renewed", a, a, b)
		w.clock.Advance(ttl - time.Second)
		a.renewAndTell(w.t.Context())
		w.sees("b is late", a, a, b)
		w.clock.Advance(time.Second)
		w.sees("b is dead", a, a)
		// It was only asleep.
		b.renewAndTell(w.t.Context())
		w.sees("b is back", a, a, b)
		if err := b.Leave(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		w.sees("b has left", a, a)
	})
}

func TestListOfServers(t *testing.T) {
	each(t, func(w *world) {
		a := w.join("a")
		w.clock.Advance(time.Second)
		b, err := Join(w.t.Context(), Options{DB: w.db, Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Home: "b", Host: "desk", Version: "1.2"})
		if err != nil {
			w.t.Fatal(err)
		}
		got, err := b.List(w.t.Context())
		if err != nil || len(got) != 2 || got[0].ID != a.ID() || got[0].Self || !got[1].Self || got[1].Host != "desk" || got[1].Version != "1.2" || !got[1].Renewed.Equal(w.clock.Now()) {
			w.t.Errorf("%+v %v", got, err)
		}
	})
}

func TestAHomesNextStartEndsItsEarlierLives(t *testing.T) {
	each(t, func(w *world) {
		a, b := w.join("a"), w.join("b")
		next := w.join("a")
		if next.ID() == a.ID() {
			t.Fatal("two processes have one id")
		}
		w.sees("started again", next, next, b)
	})
}

func TestLeasesOfTheDeadAreRemoved(t *testing.T) {
	each(t, func(w *world) {
		a := w.join("a")
		w.join("b")
		w.clock.Advance(ttl)
		a.renewAndTell(w.t.Context())
		var n int
		if err := w.db.Read().QueryRow(w.t.Context(), `SELECT count(*) FROM servers`).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d leases are kept, %v", n, err)
		}
	})
}

func TestOnBeatRunsWithEveryRenewalButNotWithoutTheDatabase(t *testing.T) {
	each(t, func(w *world) {
		a := w.join("a")
		told := ""
		a.OnBeat(func(context.Context) error { told += "1"; return nil })
		a.OnBeat(func(context.Context) error { told += "2"; return errors.New("broken") })
		a.OnBeat(func(context.Context) error { told += "3"; return nil })
		a.renewAndTell(w.t.Context())
		a.renewAndTell(w.t.Context())
		if told != "123123" {
			t.Errorf("ran %q", told)
		}
		gone, cancel := context.WithCancel(w.t.Context())
		cancel()
		a.renewAndTell(gone)
		if told != "123123" {
			t.Errorf("ran %q when the lease could not be renewed", told)
		}
	})
}

func TestRunRenewsUntilItsContextEnds(t *testing.T) {
	each(t, func(w *world) {
		a := w.join("a")
		a.every = time.Millisecond
		beats := make(chan struct{})
		a.OnBeat(func(context.Context) error { beats <- struct{}{}; return nil })
		ctx, stop := context.WithCancel(w.t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); a.Run(ctx) }()
		<-beats
		w.clock.Advance(ttl)
		<-beats
		<-beats // a renewal lies between the two
		b := w.join("b")
		w.sees("renewed by Run", b, a, b)
		go func() {
			for range beats { //nolint:revive // draining
			}
		}()
		stop()
		<-ended
	})
}
