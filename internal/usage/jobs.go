package usage

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
)

// tidyUp is the job that deletes what is older than it is to be kept.
type tidyUp struct{}

// Kind implements jobs.Args.
func (tidyUp) Kind() string { return "usage.tidy" }

// register says what the job does.
func (l *Log) register() {
	jobs.Register(l.jobs, jobs.Kind{Queue: "usage", Workers: 1, Timeout: keepLease}, func(ctx context.Context, _ tidyUp) error {
		done, err := l.tidy(ctx)
		if err == nil && !done {
			return jobs.Later(time.Second)
		}
		return err
	})
}

// remind enqueues the job, once in keepLook whatever the number of servers.
func (l *Log) remind(ctx context.Context) error {
	return l.db.Tx(ctx, func(tx *store.Tx) error {
		due, err := dueKeeping(ctx, tx, l.clock.Now(), keepLook)
		if err != nil || !due {
			return err
		}
		return l.jobs.Enqueue(ctx, tx, tidyUp{})
	})
}
