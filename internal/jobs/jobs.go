package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Args names what to look at. Kind is the same for all values of a type, has two characters or more
// ("fine_tunes.look") and, as it lies in the database, never changes. Fields are kept as JSON.
type Args interface{ Kind() string }

// Kind says how jobs of a kind run.
type Kind struct {
	Queue       string        // jobs of one queue share its workers; empty is "default"
	Workers     int           // of the queue on this server; 0 is 16. The largest of the queue's kinds counts.
	Timeout     time.Duration // longest run; 0 is none: the function itself must end
	MaxAttempts int           // 0 is 25, which takes about three weeks
}

// Options of New; the zero value is good.
type Options struct {
	Logger *slog.Logger // nil is slog.Default()
}

const (
	defaultWorkers = 16
	// A new job wakes the workers (LISTEN on PostgreSQL, a channel on SQLite); polling only finds what
	// a lost hint or the scheduler left.
	pollEvery = time.Second
	// cooldown is the shortest time between two fetches of a queue.
	cooldown = 2 * time.Millisecond
	// cancelGrace is how long canceled jobs may take to return at Stop.
	cancelGrace = 5 * time.Second
)

// Jobs enqueues and works jobs. Safe for concurrent use; Register only before Start.
type Jobs struct {
	db      *store.DB
	log     *slog.Logger
	id      string // of this server, as River notes it at each job it runs
	kinds   map[string]Kind
	workers *river.Workers
	inserts *river.Client[*sql.Tx]
	wake    *hub // SQLite
	client  client

	stopping atomic.Bool
	presence *presence // PostgreSQL
}

// client is what both kinds of River's clients have.
type client interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
}

// New prepares the tables. Nothing runs before Start.
func New(ctx context.Context, db *store.DB, o Options) (*Jobs, error) {
	j := &Jobs{db: db, log: o.Logger, id: ids.New("srv_"), kinds: map[string]Kind{}, workers: river.NewWorkers()}
	if j.log == nil {
		j.log = slog.Default()
	}
	if err := j.migrate(ctx); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	// Without Queues a client only inserts; its driver needs no pool, as the transaction is the caller's.
	var driver riverdriver.Driver[*sql.Tx] = quietDriver{riverdatabasesql.New(nil)}
	if db.Dialect() == store.SQLite {
		j.wake = newHub()
		driver = newSQLiteDriver(nil, j.wake)
	}
	var err error
	if j.inserts, err = river.NewClient(driver, &river.Config{Logger: j.riverLog(), FetchCooldown: cooldown, FetchPollInterval: pollEvery}); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return j, nil
}

var kindName = regexp.MustCompile(`^[a-z][a-z0-9_.]{1,63}$`)

// Register says what to do with jobs of T's kind. It panics on a kind that is malformed or taken, which
// the first start of a program shows.
func Register[T Args](j *Jobs, k Kind, work func(ctx context.Context, args T) error) {
	var zero T
	name := zero.Kind()
	if !kindName.MatchString(name) {
		panic("jobs: " + name + ": a kind is two to 64 small letters, digits, dots and underscores")
	}
	if k.Queue == "" {
		k.Queue = river.QueueDefault
	}
	if k.Workers == 0 {
		k.Workers = defaultWorkers
	}
	if err := river.AddWorkerSafely(j.workers, &worker[T]{jobs: j, kind: k, work: work}); err != nil {
		panic("jobs: " + name + ": " + err.Error())
	}
	j.kinds[name] = k
}

// worker is River's view of a function.
type worker[T Args] struct {
	river.WorkerDefaults[T]
	jobs *Jobs
	kind Kind
	work func(context.Context, T) error
}

func (w *worker[T]) Timeout(*river.Job[T]) time.Duration {
	if w.kind.Timeout == 0 {
		return -1 // none; River's own default would be a minute
	}
	return w.kind.Timeout
}

func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error {
	err := w.work(ctx, job.Args)
	switch p := (*permanentError)(nil); {
	case err == nil:
		return nil
	case w.jobs.stopping.Load() && ctx.Err() != nil:
		// Interrupted by Stop: due again at once.
		return river.JobSnooze(0)
	case errors.As(err, &p):
		return river.JobCancel(err)
	}
	if l, ok := errors.AsType[*laterError](err); ok {
		return river.JobSnooze(l.after)
	}
	return err
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent, returned by a job's function, says that trying again is of no use.
func Permanent(err error) error { return &permanentError{err} }

type laterError struct{ after time.Duration }

func (e *laterError) Error() string { return "look again after " + e.after.String() }

// Later, returned by a job's function, has it look again after d.
func Later(d time.Duration) error { return &laterError{d} }

// Enqueue makes a job part of the caller's transaction; it is due when that commits.
func (j *Jobs) Enqueue(ctx context.Context, tx *store.Tx, args Args) error {
	return j.EnqueueAt(ctx, tx, time.Time{}, args)
}

// EnqueueAt is Enqueue for a job that is due at a time, with a grain of about five seconds.
func (j *Jobs) EnqueueAt(ctx context.Context, tx *store.Tx, at time.Time, args Args) error {
	k, ok := j.kinds[args.Kind()]
	if !ok {
		return fmt.Errorf("jobs: no function is registered for %q", args.Kind())
	}
	_, err := j.inserts.InsertTx(ctx, tx.SQLTx(), args, &river.InsertOpts{Queue: k.Queue, MaxAttempts: k.MaxAttempts, ScheduledAt: at})
	if err != nil {
		return fmt.Errorf("jobs: enqueue %s: %w", args.Kind(), err)
	}
	if j.wake != nil {
		tx.AfterCommit(func() { j.wake.notify(k.Queue) })
		return nil
	}
	_, err = tx.Exec(ctx, `SELECT pg_notify(current_schema() || '.' || $1, $2)`, insertTopic, insertPayload(k.Queue))
	return err
}

// quietDriver keeps River from sending its own hints with an insert: it sends one in each cooldown at
// most, whether or not that transaction commits first or at all, so that one job in six waited for the
// next poll. Ours goes with every transaction.
type quietDriver struct{ *riverdatabasesql.Driver }

func (quietDriver) SupportsListenNotify() bool { return false }

// insertTopic is where River's workers listen for new jobs.
const insertTopic = "river_insert"

// insertPayload says on insertTopic which queue got a job.
func insertPayload(queue string) string { return fmt.Sprintf(`{"queue": %q}`, queue) }

// Start makes jobs due again that a dead process left running, and begins to work.
func (j *Jobs) Start(ctx context.Context) error {
	if len(j.kinds) == 0 {
		return nil
	}
	queues := map[string]river.QueueConfig{}
	for k := range maps.Values(j.kinds) {
		queues[k.Queue] = river.QueueConfig{MaxWorkers: max(k.Workers, queues[k.Queue].MaxWorkers)}
	}
	cfg := &river.Config{
		ID: j.id, Logger: j.riverLog(), Queues: queues, Workers: j.workers, JobTimeout: -1,
		FetchCooldown: cooldown, FetchPollInterval: pollEvery, ErrorHandler: errorLog{j.log},
		// Ours notices the dead at once; River's own rescue by age would take a long job for a dead one.
		RescueStuckJobsAfter: 365 * 24 * time.Hour,
	}
	var err error
	if j.db.Dialect() == store.SQLite {
		err = j.startSQLite(ctx, cfg)
	} else {
		err = j.startPostgres(ctx, cfg)
	}
	if err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	return nil
}

func (j *Jobs) startSQLite(ctx context.Context, cfg *river.Config) (err error) {
	driver := newSQLiteDriver(j.db.SQLDB(), j.wake)
	// One process has the home, and it is this one: whoever led or ran before is dead.
	if _, err := j.db.Exec(ctx, `DELETE FROM river_leader`); err != nil {
		return err
	}
	if err := recoverJobs(ctx, driver.GetExecutor(), j.log, func(string) bool { return true }); err != nil {
		return err
	}
	c, err := river.NewClient(driver, cfg)
	if err != nil {
		return err
	}
	j.client = c
	// The jobs outlive ctx, which is for starting: Stop ends them.
	return c.Start(context.WithoutCancel(ctx))
}

func (j *Jobs) startPostgres(ctx context.Context, cfg *river.Config) (err error) {
	driver := riverpgxv5.New(j.db.Pool())
	if j.presence, err = announce(ctx, j.db.Pool(), j.id, j.log, driver.GetExecutor()); err != nil {
		return err
	}
	var c *river.Client[pgx.Tx]
	if c, err = river.NewClient(driver, cfg); err == nil {
		j.client = c
		err = c.Start(context.WithoutCancel(ctx))
	}
	if err != nil {
		j.presence.close()
	}
	return err
}

// Stop takes no more jobs and waits for those that run; when ctx ends first, theirs is canceled. It
// returns when all have returned, or an error when some have not within five more seconds.
func (j *Jobs) Stop(ctx context.Context) error {
	if j.client == nil {
		return nil
	}
	err := j.client.Stop(ctx)
	if err != nil && ctx.Err() != nil {
		j.stopping.Store(true)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelGrace)
		defer cancel()
		if err = j.client.StopAndCancel(grace); err != nil {
			err = fmt.Errorf("jobs: some did not stop: %w", err)
		}
	}
	if j.presence != nil {
		j.presence.close()
	}
	return err
}

// riverLog lets River's warnings and errors through, but not its notes on itself nor those on failed
// jobs, which errorLog tells with the job's arguments.
func (j *Jobs) riverLog() *slog.Logger { return slog.New(warnings{j.log.Handler()}) }

type warnings struct{ slog.Handler }

func (h warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}
func (h warnings) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "jobexecutor.JobExecutor: Job ") || strings.HasPrefix(r.Message, "jobexecutor.JobExecutor: panic recovery") {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}
func (h warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{h.Handler.WithAttrs(a)} }
func (h warnings) WithGroup(n string) slog.Handler      { return warnings{h.Handler.WithGroup(n)} }

// errorLog notes failed attempts.
type errorLog struct{ log *slog.Logger }

func (e errorLog) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	level := slog.LevelWarn
	if job.Attempt >= job.MaxAttempts {
		level = slog.LevelError
	}
	e.log.Log(ctx, level, "a job failed", "kind", job.Kind, "args", string(job.EncodedArgs), "attempt", job.Attempt, "of", job.MaxAttempts, "error", err)
	return nil
}

func (e errorLog) HandlePanic(ctx context.Context, job *rivertype.JobRow, v any, trace string) *river.ErrorHandlerResult {
	e.log.ErrorContext(ctx, "a job panicked", "kind", job.Kind, "args", string(job.EncodedArgs), "attempt", job.Attempt, "panic", fmt.Sprint(v), "trace", trace)
	return nil
}
