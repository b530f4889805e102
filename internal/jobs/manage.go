package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Counts says how many jobs there are, on all servers of the database.
type Counts struct {
	Waiting   int       // due, and not begun
	Running   int       //
	Scheduled int       // due later, also those that look again later
	Retrying  int       // failed, and due again later
	Failed    int       // given up; River forgets them after a week
	Oldest    time.Time // since when the one that waits longest is due; zero when none waits
}

// Row is a job as the operator sees it.
type Row struct {
	ID          int64
	Kind        string
	State       string // waiting, running, scheduled, retrying, failed
	Args        string // JSON: ids of what to look at
	Attempt     int
	MaxAttempts int
	Error       string // of the last attempt that failed
	Created     time.Time
	Due         time.Time
	Ended       time.Time // when it was given up; zero otherwise
}

// states are River's in the operator's words. What Permanent gives up River calls canceled.
var states = map[rivertype.JobState]string{
	rivertype.JobStateAvailable: "waiting", rivertype.JobStatePending: "waiting", rivertype.JobStateRunning: "running", rivertype.JobStateScheduled: "scheduled",
	rivertype.JobStateRetryable: "retrying", rivertype.JobStateDiscarded: "failed", rivertype.JobStateCancelled: "failed",
}

// Count counts the jobs.
func (j *Jobs) Count(ctx context.Context) (c Counts, err error) {
	defer fault.Wrap(&err, "jobs.Count")
	type group struct {
		state string
		n     int
	}
	rows, err := store.Collect(ctx, j.db.Read(), func(s store.Scanner) (g group, err error) { return g, s.Scan(&g.state, &g.n) },
		`SELECT CAST(state AS TEXT), count(*) FROM river_job WHERE state <> 'completed' GROUP BY state`)
	if err != nil {
		return c, err
	}
	for _, g := range rows {
		switch states[rivertype.JobState(g.state)] {
		case "waiting":
			c.Waiting += g.n
		case "running":
			c.Running += g.n
		case "scheduled":
			c.Scheduled += g.n
		case "retrying":
			c.Retrying += g.n
		case "failed":
			c.Failed += g.n
		}
	}
	if c.Waiting > 0 {
		first, err := j.list(ctx, river.NewJobListParams().States(rivertype.JobStateAvailable).OrderBy(river.JobListOrderByScheduledAt, river.SortOrderAsc).First(1))
		if err != nil {
			return c, err
		}
		if len(first) > 0 {
			c.Oldest = first[0].Due
		}
	}
	return c, nil
}

// Troubled returns the jobs that failed and were given up or are to be tried again, the newest first, at most limit.
func (j *Jobs) Troubled(ctx context.Context, limit int) (_ []Row, err error) {
	defer fault.Wrap(&err, "jobs.Troubled")
	return j.list(ctx, river.NewJobListParams().States(rivertype.JobStateDiscarded, rivertype.JobStateCancelled, rivertype.JobStateRetryable).
		OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(limit))
}

func (j *Jobs) list(ctx context.Context, p *river.JobListParams) (out []Row, err error) {
	out = []Row{}
	err = j.db.Tx(ctx, func(tx *store.Tx) error {
		found, err := j.inserts.JobListTx(ctx, tx.SQLTx(), p)
		if err != nil {
			return err
		}
		for _, job := range found.Jobs {
			out = append(out, rowOf(job))
		}
		return nil
	})
	return out, err
}

func rowOf(job *rivertype.JobRow) Row {
	r := Row{
		ID: job.ID, Kind: job.Kind, State: states[job.State], Args: string(job.EncodedArgs), Attempt: job.Attempt, MaxAttempts: job.MaxAttempts,
		Created: job.CreatedAt, Due: job.ScheduledAt,
	}
	if n := len(job.Errors); n > 0 {
		r.Error = job.Errors[n-1].Error
	}
	if job.FinalizedAt != nil {
		r.Ended = *job.FinalizedAt
	}
	return r
}

// Retry makes a job due at once that failed or waits, as part of the caller's transaction. One that runs is left alone.
func (j *Jobs) Retry(ctx context.Context, tx *store.Tx, id int64) (Row, error) {
	job, err := j.inserts.JobRetryTx(ctx, tx.SQLTx(), id)
	if err != nil {
		return Row{}, notThere(err, id)
	}
	if j.wake != nil {
		tx.AfterCommit(func() { j.wake.notify(job.Queue) })
		return rowOf(job), nil
	}
	_, err = tx.Exec(ctx, `SELECT pg_notify(current_schema() || '.' || $1, $2)`, insertTopic, insertPayload(job.Queue))
	return rowOf(job), err
}

// Discard removes a job for good, as part of the caller's transaction. One that runs cannot be.
func (j *Jobs) Discard(ctx context.Context, tx *store.Tx, id int64) (Row, error) {
	job, err := j.inserts.JobDeleteTx(ctx, tx.SQLTx(), id)
	if errors.Is(err, rivertype.ErrJobRunning) {
		return Row{}, fault.New(fault.Conflict, "The job %d is running; it can be discarded when it has ended.", id).WithCode("job_running")
	}
	if err != nil {
		return Row{}, notThere(err, id)
	}
	return rowOf(job), nil
}

func notThere(err error, id int64) error {
	if errors.Is(err, rivertype.ErrNotFound) {
		return fault.New(fault.NotFound, "No job `%d` is known; what has ended is forgotten after a while.", id).WithCode("job_not_found")
	}
	return fmt.Errorf("job %d: %w", id, err)
}
