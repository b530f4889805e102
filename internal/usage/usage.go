// Package usage keeps one row for each admitted operation: who, which model, how many tokens, how long
// and how it ended. Prompts and answers are never part of it.
//
// Table: usage_events (0020_usage.sql, 0021_usage_key.sql), append-only. No routes yet: the console's charts come from Totals.
//
// Invariant: recording never waits for the database. Rows are queued and written in shared transactions
// within 50 ms; Close writes the rest. Rows that cannot be queued, because the database has not
// kept up for thousands of rows, are logged instead, so that they can be counted by hand.
package usage

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Row is one operation. Time, RequestID and Latency may be left out inside of an HTTP request:
// they are taken from it.
type Row struct {
	Time       time.Time
	RequestID  string
	Op         string // "chat", "completions", "embeddings", "chats", "tokenize", …
	Model      string // as asked for
	Served     string // the model that answered
	Prompt     int    // tokens
	Cached     int    // tokens of Prompt that came from the prefix cache
	Completion int    // tokens
	Status     string // "completed", "failed", "canceled"
	Latency    time.Duration
	FirstToken time.Duration // from the request to the first token; 0: unknown
}

// Log records. Make it with New, and Close it before the database.
type Log struct {
	db      *store.DB
	batcher *store.Batcher[event]
	clock   clock.Clock
	log     *slog.Logger
	prefix  string // of row ids: this log's own
	count   atomic.Uint64
}

// event is a row with its owner.
type event struct {
	id  string
	who actor.Actor
	row Row
}

// gather is how long a row waits for others: a transaction costs as much as some hundred rows, and
// with a short wait it was a fifth of what a busy server did. kill -9 loses no more than this.
const gather = 50 * time.Millisecond

// New returns a log and starts its writer.
func New(db *store.DB, clk clock.Clock, log *slog.Logger) *Log {
	return &Log{db: db, clock: clk, log: log, prefix: "use_" + ids.Random(12) + "_", batcher: store.NewBatcher(db, store.BatchOptions{Interval: gather}, insert)}
}

// Record queues a row of the actor's. It does not wait.
func (l *Log) Record(ctx context.Context, who actor.Actor, row Row) {
	now := l.clock.Now()
	if row.Time.IsZero() {
		row.Time = now
	}
	if row.RequestID == "" {
		row.RequestID = httpapi.RequestID(ctx)
	}
	if row.Latency == 0 {
		if started := httpapi.Started(ctx); !started.IsZero() {
			row.Latency = now.Sub(started)
		}
	}
	id := l.prefix + strconv.FormatUint(l.count.Add(1), 36)
	e := event{id: id, who: who, row: row}
	if err := l.batcher.Put(e); err != nil {
		l.log.ErrorContext(ctx, "a row of usage is only here, not in the database", "error", err, "org", who.Org, "project", who.Project, "key", who.Key,
			"op", row.Op, "model", row.Model, "prompt_tokens", row.Prompt, "cached_tokens", row.Cached, "completion_tokens", row.Completion, "status", row.Status)
	}
}

// Flush returns when everything recorded before is written.
func (l *Log) Flush(ctx context.Context) error { return l.batcher.Flush(ctx) }

// Close writes what is queued and ends the writer.
func (l *Log) Close(ctx context.Context) error { return l.batcher.Close(ctx) }

// Total sums up the operations of one model.
type Total struct {
	Op         string
	Model      string
	Requests   int64
	Prompt     int64
	Cached     int64
	Completion int64
}

// Totals sums up the actor's project by operation and model, from ≤ time < to, in the order of both names.
func (l *Log) Totals(ctx context.Context, who actor.Actor, from, to time.Time) (_ []Total, err error) {
	defer fault.Wrap(&err, "usage.Totals")
	return totals(ctx, l.db.Read(), who, from, to)
}
