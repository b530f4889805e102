// Package usage keeps one row for each request of a model, whatever became of it: who asked, which model, how
// many tokens, how long, what it cost and how it ended; and sums of the rows by minute, hour and day, from which
// every view is read. Prompts and answers are never part of it.
//
// Tables (0060_usage.sql): usage_requests, of which no row changes, on PostgreSQL partitioned by month; usage_rollups, the sums
// with histograms of latency; usage_writers, the processes that write; usage_end_users (0141) and usage_end_user_days (0240), the sums by end user;
// usage_keeping (0142), how long what is kept: a job deletes what is older, in small transactions or by whole months.
//
// Routes: the usage and costs of an organization as OpenAI's today (/v1/organization/usage/completions, …), those that
// programs of 2023 asked (/v1/usage, /v1/dashboard/billing/…), and /api/usage for the console.
//
// Invariants:
//   - The row of a request is safe before the last bytes of the answer go out (httpapi.Books): what a client got whole
//     survives kill -9. On SQLite it is in the journal then, files from which a new start writes what is not in the
//     database; on PostgreSQL, and with db_full_sync, in the database, by a transaction shared by all who wait. While
//     the database cannot be written, an answer waits two seconds at most; the row is logged, and written when it can.
//   - Sums follow within a second. What is in them is told by usage_writers.rolled, which moves in the transaction that
//     adds to them: no row is added twice, and none is left out. What a dead process left is added by those that live.
package usage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
)

// Row is what an operation used.
type Row struct {
	Op         string // "chat", "completions", "embeddings", "chats", "tokenize", …; inside of a request the route's name is kept instead
	Model      string // as asked for
	Served     string // the model that answered
	Requests   int    // how many sequences or lists of inputs the model was given
	Prompt     int    // tokens
	Cached     int    // tokens of Prompt that came from the prefix cache
	Completion int    // tokens
	Status     int    // of HTTP; inside of a request its answer's counts, unless that is a stream that ended well and this is 5xx
	Latency    time.Duration
	FirstToken time.Duration // from the request to the first token; 0: unknown
	EndUser    string        // the request's `user`; empty: none
}

// Prices are those of today for the names that the actor's organization uses.
type Prices interface {
	Price(ctx context.Context, who actor.Actor, model string) Price
}

// Options of New. All fields but Journal, Spent and Jobs are required.
type Options struct {
	// Journal is a directory for rows on their way into the database, which this process has for itself: with it an
	// answer waits for a file instead of a transaction. Empty is none.
	Journal string

	// Spent is told what a row cost, in billionths of a US dollar, when it is on its way into the database: before the answer ends. nil: nobody.
	Spent func(who actor.Actor, at time.Time, cost int64)

	// Jobs deletes what is older than it is to be kept; nil: nothing does.
	Jobs *jobs.Jobs

	DB     *store.DB
	Clock  clock.Clock
	Logger *slog.Logger
	Prices Prices
}

// Log writes rows and sums, and answers questions about them. Make it with New, and Close it before the database.
type Log struct {
	db      *store.DB
	clock   clock.Clock
	log     *slog.Logger
	prices  Prices
	told    func(who actor.Actor, at time.Time, cost int64)
	jobs    *jobs.Jobs
	audit   *audit.Log
	batcher *store.Batcher[*event]
	next    int64              // id of the next row; with a journal guarded by it, else of the batcher's goroutine alone
	journal *journal           // nil: none
	months  map[time.Time]bool // partitions that exist; of the batcher's goroutine alone
	rollup  rollup

	minutesFrom atomic.Int64 // Keeping.MinutesFrom in milliseconds, as this process knows it
	reminded    time.Time    // when the job was last thought of; of roll alone

	stop func()
	wg   sync.WaitGroup
}

// event is a row as it is written.
type event struct {
	id        int64 // 0 until it is written for the first time
	at        time.Time
	who       actor.Actor
	requestID string
	class     string // Completions, Embeddings, Tokenize, CodeInterpreter
	row       Row
	code      string
	cost      Cost
	priced    bool
	untracked bool     // its key's usage is not counted apart
	segment   *segment // of the journal; nil when the row is not in it
}

const (
	// interval is how long a row that nobody waits for waits for others.
	interval = 50 * time.Millisecond
	// gather is how long rows that answers wait for are gathered on a busy server; an idle one writes at once.
	gather = 2 * time.Millisecond
	// patience is how long an answer waits for its row.
	patience = 2 * time.Second
	// rollEvery is how often rows are added to the sums.
	rollEvery = time.Second
)

// New returns a log and starts its writers.
func New(ctx context.Context, o Options) (_ *Log, err error) {
	defer fault.Wrap(&err, "usage.New")
	l := &Log{db: o.DB, clock: o.Clock, log: o.Logger, prices: o.Prices, told: o.Spent, jobs: o.Jobs, audit: audit.New(o.DB, o.Clock), months: map[time.Time]bool{}}
	if l.jobs != nil {
		l.register()
	}
	if err := l.lookAtKeeping(ctx); err != nil {
		return nil, err
	}
	writer, err := addWriter(ctx, l.db, l.clock.Now())
	if err != nil {
		return nil, err
	}
	l.next = firstID(writer)
	l.rollup = rollup{writer: writer, rolled: l.next - 1, upTo: l.next - 1, sums: sums{}}
	if o.Journal != "" {
		var left []*event
		var files []string
		if l.journal, left, files, err = openJournal(o.Journal); err != nil {
			return nil, err
		}
		if err := l.replay(ctx, left, files); err != nil {
			return nil, err
		}
	}
	l.batcher = store.NewBatcher(l.db, store.BatchOptions{Interval: interval, Gather: gather}, l.write)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	l.wg.Go(func() { l.roll(running) })
	return l, nil
}

// Record takes what an operation used. Inside of a request with a line in the books it becomes a part of that
// line; otherwise it is written soon, without waiting.
func (l *Log) Record(ctx context.Context, who actor.Actor, row Row) {
	row.Model, row.Served, row.EndUser = clean(row.Model, maxName), clean(row.Served, maxName), clean(row.EndUser, maxName)
	e := &event{who: who, untracked: untracked(who), row: row, class: class(row.Op), requestID: httpapi.RequestID(ctx)}
	e.cost, e.priced = l.prices.Price(ctx, who, row.Model).Cost(Counts{Prompt: row.Prompt, Cached: row.Cached, Completion: row.Completion})
	if httpapi.Note(ctx, e) {
		return
	}
	e.at = l.clock.Now()
	if started := httpapi.Started(ctx); row.Latency == 0 && !started.IsZero() {
		e.row.Latency = e.at.Sub(started)
	}
	if err := l.put(e); err != nil {
		l.tell(ctx, e, err)
	}
	l.spent(e)
}

// spent passes on what rows cost.
func (l *Log) spent(events ...*event) {
	if l.told == nil {
		return
	}
	for _, e := range events {
		if e.cost.Total > 0 {
			l.told(e.who, e.at, e.cost.Total)
		}
	}
}

// put queues rows that nobody waits for. With a journal every row goes through it, since it numbers them.
func (l *Log) put(events ...*event) error {
	if l.journal != nil {
		return l.journal.put(events, l.id, l.batcher.Put)
	}
	var errs []error
	for _, e := range events {
		errs = append(errs, l.batcher.Put(e))
	}
	return errors.Join(errs...)
}

// id returns the id of the next row.
func (l *Log) id() int64 {
	l.next++
	return l.next - 1
}

// Classes of requests.
const (
	Completions     = "completions"
	Embeddings      = "embeddings"
	Tokenize        = "tokenize"
	CodeInterpreter = "code_interpreter" // its sessions
)

// class is that of an operation, or of a route by its limit class.
func class(op string) string {
	switch op {
	case "embeddings", "search":
		return Embeddings
	case "tokenize", "detokenize":
		return Tokenize
	case CodeInterpreter:
		return CodeInterpreter
	}
	return Completions
}

// Most bytes of what others choose and the table keeps.
const (
	maxCode = 64  // an error's, which another server may have written
	maxName = 256 // a model's or an end user's, which a client may have written
)

// clean makes a text that others have chosen fit for the table: one row that the database refuses would take those of its group with it.
func clean(text string, most int) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text[:min(len(text), most)], ""), "\x00", "")
}

// asked is the note of a model's name, for requests that are refused before a model answers.
type asked string

// endUser is the note of a request's `user`.
type endUser string

// EndUser notes for which end user the request is, so that it is counted for them when a limit refuses it.
func (l *Log) EndUser(ctx context.Context, name string) {
	if name != "" {
		httpapi.Note(ctx, endUser(name))
	}
}

// untracked reports whether the actor's key is in no sum. What a browser asks for has no key.
func untracked(who actor.Actor) bool { return who.Key != "" && !who.Track }

// Asked notes which model the request is about.
func (l *Log) Asked(ctx context.Context, model string) { httpapi.Note(ctx, asked(model)) }

// Enter implements httpapi.Books: it writes the rows of a request and returns when they are durable.
func (l *Log) Enter(ctx context.Context, line httpapi.Line) {
	var events []*event
	model, user := "", ""
	for _, note := range line.Notes {
		switch n := note.(type) {
		case *event:
			events = append(events, n)
		case asked:
			model = clean(string(n), maxName)
		case endUser:
			user = clean(string(n), maxName)
		}
	}
	if len(events) == 0 {
		if line.Status < http.StatusBadRequest {
			return // no model was asked, or what it does is recorded by itself when it has ended
		}
		events = []*event{{who: line.Actor, untracked: untracked(line.Actor), requestID: line.RequestID, class: class(line.Class), priced: true,
			row: Row{Model: model, EndUser: user}}}
	}
	now := l.clock.Now()
	for _, e := range events {
		e.at, e.code = now, clean(line.Code, maxCode)
		// A chat's answer that failed is told within a stream that ends well.
		if line.Status >= http.StatusBadRequest || e.row.Status < http.StatusInternalServerError {
			e.row.Status = line.Status
		}
		e.row.Op, e.row.Latency = line.Op, line.Took
	}
	defer l.spent(events...)
	if l.journal != nil {
		if err := l.put(events...); err != nil {
			for _, e := range events {
				l.tell(ctx, e, err)
			}
		}
		return
	}
	for i, e := range events {
		var err error
		if last := i == len(events)-1; last && ctx.Err() == nil {
			err = l.keep(ctx, e)
		} else {
			err = l.batcher.Put(e)
		}
		if err != nil {
			l.tell(ctx, e, err)
		}
	}
}

// keep writes a row, and those before it, and waits until that is done, or for as long as an answer may wait.
func (l *Log) keep(ctx context.Context, e *event) error {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	taken, err := l.batcher.Keep(wait, e)
	if taken && ctx.Err() != nil {
		return nil // the client has gone, and the row is on its way
	}
	if taken {
		err = fmt.Errorf("%w: %w", errWaits, err)
	}
	return err
}

var errWaits = errors.New("the row waits for the database")

// tell logs a row that is not in the database.
func (l *Log) tell(ctx context.Context, e *event, err error) {
	text := "a row of usage is only here, not in the database"
	if errors.Is(err, errWaits) {
		text = "a row of usage is not in the database yet"
	}
	l.log.ErrorContext(ctx, text, "error", err, "org", e.who.Org, "project", e.who.Project, "user", e.who.User, "key", e.who.Key,
		"request", e.requestID, "op", e.row.Op, "model", e.row.Model, "prompt_tokens", e.row.Prompt, "cached_tokens", e.row.Cached,
		"completion_tokens", e.row.Completion, "status", e.row.Status, "cost_nano_usd", e.cost.Total)
}

// write is the batcher's: it gives new rows their ids and appends them.
func (l *Log) write(ctx context.Context, tx *store.Tx, events []*event) error {
	for _, e := range events {
		if e.id == 0 {
			e.id = l.id()
		}
	}
	if tx.Dialect() == store.Postgres {
		if err := l.addMonths(ctx, tx, events); err != nil {
			return err
		}
	}
	if err := insert(ctx, tx, events); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		l.rollup.add(events)
		if l.journal != nil {
			l.journal.done(events)
		}
	})
	return nil
}

// settled returns when rows of this process that were answered are in the database, for those who read them.
func (l *Log) settled(ctx context.Context) error {
	if l.journal == nil {
		return nil
	}
	return l.batcher.Flush(ctx)
}

// Flush returns when everything recorded before is written and in the sums.
func (l *Log) Flush(ctx context.Context) error {
	return errors.Join(l.batcher.Flush(ctx), l.catchUp(ctx))
}

// Settle is Flush, and adds what dead processes left. On PostgreSQL one counts as dead when it was silent for half a minute.
func (l *Log) Settle(ctx context.Context) error {
	return errors.Join(l.Flush(ctx), l.adopt(ctx))
}

// Close writes what is queued, adds it to the sums and ends the writers.
func (l *Log) Close(ctx context.Context) error {
	err := l.batcher.Close(ctx)
	if l.journal != nil {
		l.journal.end()
	}
	l.stop()
	l.wg.Wait()
	return errors.Join(err, l.catchUp(ctx))
}
