package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/parley-ai/parley/internal/store"
)

// recoverEvery is how often servers on PostgreSQL look for jobs of dead ones.
const recoverEvery = 5 * time.Second

// recoverBatch is the most running jobs that are looked at together.
const recoverBatch = 1000

// migrateLock keeps servers that start together from making River's tables at the same time.
const migrateLock = 0x7061726c6579 // "parley"

// migrate makes River's tables or brings them up to date.
func (j *Jobs) migrate(ctx context.Context) error {
	cfg := &rivermigrate.Config{Logger: j.riverLog()}
	if j.db.Dialect() == store.SQLite {
		m, err := rivermigrate.New(riversqlite.New(j.db.SQLDB()), cfg)
		if err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	}
	return j.db.Pool().AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if _, err := c.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrateLock)); err != nil {
			return err
		}
		defer func() {
			// The connection goes back to the pool; if this fails it is broken, and its lock gone.
			_, _ = c.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(migrateLock))
		}()
		m, err := rivermigrate.New(riverpgxv5.New(j.db.Pool()), cfg)
		if err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
}

// recoverJobs makes running jobs due again whose server is dead, or discards them when they had their
// last attempt.
func recoverJobs(ctx context.Context, exec riverdriver.Executor, log *slog.Logger, dead func(server string) bool) error {
	running, err := exec.JobGetStuck(ctx, &riverdriver.JobGetStuckParams{Max: recoverBatch, StuckHorizon: time.Now().Add(time.Hour)})
	if err != nil {
		return fmt.Errorf("look for jobs of dead servers: %w", err)
	}
	var p riverdriver.JobRescueManyParams
	now := time.Now().UTC()
	again := 0
	for _, job := range running {
		if !dead(owner(job)) {
			continue
		}
		note, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: job.Attempt, Error: "the server that ran it ended"})
		if err != nil {
			return err
		}
		state, finalized := rivertype.JobStateAvailable, (*time.Time)(nil)
		again++
		if job.Attempt >= job.MaxAttempts {
			state, finalized = rivertype.JobStateDiscarded, &now
			again--
			log.ErrorContext(ctx, "a job is given up: the server ended in each of its attempts", "kind", job.Kind, "args", string(job.EncodedArgs), "attempts", job.Attempt)
		}
		p.ID, p.Error, p.FinalizedAt = append(p.ID, job.ID), append(p.Error, note), append(p.FinalizedAt, finalized)
		p.ScheduledAt, p.State = append(p.ScheduledAt, job.ScheduledAt), append(p.State, string(state))
	}
	if len(p.ID) == 0 {
		return nil
	}
	if _, err := exec.JobRescueMany(ctx, &p); err != nil {
		return fmt.Errorf("recover jobs of dead servers: %w", err)
	}
	log.InfoContext(ctx, "jobs of a server that ended are due again", "jobs", again)
	return nil
}

// owner is the server that runs the job: River appends it at each attempt.
func owner(job *rivertype.JobRow) string {
	if len(job.AttemptedBy) == 0 {
		return ""
	}
	return job.AttemptedBy[len(job.AttemptedBy)-1]
}

// presence tells other servers on PostgreSQL that this one lives, by an advisory lock that the
// database frees when the connection ends, and looks for those that do not.
type presence struct {
	pool *pgxpool.Pool
	id   string
	log  *slog.Logger
	exec riverdriver.Executor
	conn *pgx.Conn
	stop context.CancelFunc
	wg   sync.WaitGroup
}

func announce(ctx context.Context, pool *pgxpool.Pool, id string, log *slog.Logger, exec riverdriver.Executor) (*presence, error) {
	p := &presence{pool: pool, id: id, log: log, exec: exec}
	if err := p.lock(ctx); err != nil {
		return nil, err
	}
	if err := p.recover(ctx); err != nil {
		p.disconnect()
		return nil, err
	}
	ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.wg.Go(func() { p.watch(ctx) })
	return p, nil
}

// lock takes this server's lock on a connection of its own.
func (p *presence) lock(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	// A machine that vanishes closes nothing: the database must notice within a minute, not in two hours.
	_, err = conn.Exec(ctx, `SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4`)
	if err == nil {
		_, err = conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, lockKey(p.id))
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return err
	}
	p.conn = conn
	return nil
}

func (p *presence) watch(ctx context.Context) {
	tick := time.NewTicker(recoverEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		round, cancel := context.WithTimeout(ctx, recoverEvery)
		err := p.conn.Ping(round)
		if err != nil {
			// Until the new lock is there, others may run our jobs too: they are idempotent.
			p.disconnect()
			err = p.lock(round)
		}
		if err == nil {
			err = p.recover(round)
		}
		cancel()
		if err != nil && ctx.Err() == nil {
			p.log.Warn("jobs of dead servers cannot be looked for", "error", err)
		}
	}
}

// recover takes over the jobs of servers whose lock is free.
func (p *presence) recover(ctx context.Context) error {
	running, err := p.exec.JobGetStuck(ctx, &riverdriver.JobGetStuckParams{Max: recoverBatch, StuckHorizon: time.Now().Add(time.Hour)})
	if err != nil {
		return err
	}
	seen := map[string]bool{p.id: true}
	for _, job := range running {
		server := owner(job)
		if seen[server] {
			continue
		}
		seen[server] = true
		if err := p.takeOver(ctx, server); err != nil {
			return err
		}
	}
	return nil
}

func (p *presence) takeOver(ctx context.Context, server string) error {
	var free bool
	if err := p.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, lockKey(server)).Scan(&free); err != nil || !free {
		return err
	}
	// Holding the dead one's lock keeps other servers from doing the same; jobs are read again under it.
	err := recoverJobs(ctx, p.exec, p.log, func(s string) bool { return s == server })
	if _, uerr := p.conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, lockKey(server)); err == nil {
		err = uerr
	}
	return err
}

func (p *presence) disconnect() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.conn.Close(ctx)
}

func (p *presence) close() {
	p.stop()
	p.wg.Wait()
	p.disconnect()
}

// lockKey is a server's number among the database's advisory locks.
func lockKey(server string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("parley jobs " + server))
	return int64(h.Sum64())
}
