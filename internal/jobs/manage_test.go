package jobs

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

type stubborn struct {
	Name string `json:"name"`
}

func (stubborn) Kind() string { return "test.stubborn" }

// TestTroubleIsSeenAndMended: a job that was given up is counted and told with its error, is tried again when asked, and is
// discarded when asked.
func TestTroubleIsSeenAndMended(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		j, err := New(t.Context(), db, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var works atomic.Bool
		done := make(chan string, 4)
		Register(j, Kind{}, func(_ context.Context, a stubborn) error {
			if !works.Load() {
				return Permanent(errors.New("the disk is full"))
			}
			done <- a.Name
			return nil
		})
		if c, err := j.Count(t.Context()); err != nil || c != (Counts{}) {
			t.Errorf("%+v %v", c, err)
		}
		add := func(name string, at time.Time) {
			t.Helper()
			if err := db.Tx(t.Context(), func(tx *store.Tx) error { return j.EnqueueAt(t.Context(), tx, at, stubborn{name}) }); err != nil {
				t.Fatal(err)
			}
		}
		add("now", time.Time{})
		add("later", time.Now().Add(time.Hour))
		if c, err := j.Count(t.Context()); err != nil || c.Waiting != 1 || c.Scheduled != 1 || time.Since(c.Oldest) > time.Minute || c.Oldest.IsZero() {
			t.Errorf("before the start: %+v %v", c, err)
		}
		if err := j.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = j.Stop(context.Background()) }()
		var rows []Row
		for deadline := time.Now().Add(20 * time.Second); len(rows) == 0; time.Sleep(5 * time.Millisecond) {
			if rows, err = j.Troubled(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
			if time.Now().After(deadline) {
				t.Fatal("no job was given up")
			}
		}
		if r := rows[0]; r.State != "failed" || r.Kind != "test.stubborn" || r.Args != `{"name": "now"}` && r.Args != `{"name":"now"}` || r.Attempt != 1 || r.Ended.IsZero() || r.Error == "" {
			t.Errorf("%+v", r)
		}
		if c, err := j.Count(t.Context()); err != nil || c.Failed != 1 || c.Waiting != 0 {
			t.Errorf("%+v %v", c, err)
		}
		works.Store(true)
		change := func(do func(tx *store.Tx) error) error { return db.Tx(t.Context(), do) }
		if err := change(func(tx *store.Tx) error { _, err := j.Retry(t.Context(), tx, rows[0].ID); return err }); err != nil {
			t.Fatal(err)
		}
		select {
		case name := <-done:
			if name != "now" {
				t.Errorf("%s ran", name)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it was not tried again")
		}
		if err := change(func(tx *store.Tx) error { _, err := j.Discard(t.Context(), tx, rows[0].ID+1); return err }); err != nil {
			t.Fatal(err)
		}
		if c, err := j.Count(t.Context()); err != nil || c.Scheduled != 0 {
			t.Errorf("discarded: %+v %v", c, err)
		}
		for what, do := range map[string]func(context.Context, *store.Tx, int64) (Row, error){"retry": j.Retry, "discard": j.Discard} {
			if err := change(func(tx *store.Tx) error { _, err := do(t.Context(), tx, 4711); return err }); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s of none: %v", what, err)
			}
		}
	})
}
