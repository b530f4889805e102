package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// BatchOptions of a Batcher; the zero value is good.
type BatchOptions struct {
	Interval time.Duration // longest time a row of Put waits for others; 0 is 3 ms
	Gather   time.Duration // longest time that rows somebody waits for are gathered when others came just before; 0: not at all
	MaxRows  int           // rows of one transaction; 0 is 512
	Buffer   int           // rows that may wait; 0 is 16,384
}

// Batcher appends rows of many producers in shared transactions (group commit).
//
// What Add has acknowledged is in the database and survives kill -9 (a power cut too, with
// Options.FullSync or PostgreSQL); of Keep the same is true. What Put took is written within the interval, is kept and tried
// again while the database is unavailable, and is lost only by a killed process or a full buffer,
// which Put tells.
type Batcher[T any] struct {
	db     *DB
	opts   BatchOptions
	insert func(ctx context.Context, tx *Tx, rows []T) error

	mu      sync.Mutex
	pending []batchItem[T]
	flushes []chan struct{} // closed when what is pending now is written
	hurry   bool            // somebody waits, or a transaction is full: write at once
	enough  int             // while rows gather for those who wait: how many end that; 0: they do not
	closed  bool
	taken   chan struct{} // closed and renewed when the writer takes what is pending
	wake    chan struct{} // tells the writer to look again

	done   chan struct{}
	ctx    context.Context // ends when Close's patience does
	cancel context.CancelFunc
}

type batchItem[T any] struct {
	row  T
	ack  chan error // nil for Put
	keep bool       // of Keep: tried again as those of Put are
}

// NewBatcher starts a batcher. insert writes rows with tx, best by InsertMany; it may be called again
// with the same rows after a failure, whose transaction was undone. Close it before the DB.
func NewBatcher[T any](db *DB, opts BatchOptions, insert func(ctx context.Context, tx *Tx, rows []T) error) *Batcher[T] {
	if opts.Interval <= 0 {
		opts.Interval = 3 * time.Millisecond
	}
	if opts.MaxRows <= 0 {
		opts.MaxRows = 512
	}
	if opts.Buffer <= 0 {
		opts.Buffer = 16384
	}
	b := &Batcher[T]{
		db: db, opts: opts, insert: insert,
		taken: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	go b.run()
	return b
}

var errBatcherClosed = fault.New(fault.Unavailable, "The server is shutting down. Please try again.")

// Add writes a row and returns when it is durable, or why it is not. When ctx ends first the row may
// still be written.
func (b *Batcher[T]) Add(ctx context.Context, row T) error {
	ack := make(chan error, 1)
	if err := b.send(ctx, batchItem[T]{row: row, ack: ack}); err != nil {
		return err
	}
	select {
	case err := <-ack:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send makes a row of Add pending, once there is room.
func (b *Batcher[T]) send(ctx context.Context, it batchItem[T]) error {
	for {
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			return errBatcherClosed
		}
		if len(b.pending) < b.opts.Buffer {
			b.push(it)
			b.mu.Unlock()
			return nil
		}
		taken := b.taken
		b.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// push appends a row and wakes the writer when that changes what it waits for: most rows of Put
// cost no switch to another goroutine. b.mu is held.
func (b *Batcher[T]) push(it batchItem[T]) {
	b.pending = append(b.pending, it)
	n, hurried := len(b.pending), b.hurry
	if it.ack != nil || n == b.opts.MaxRows {
		b.hurry = true
	}
	if n == 1 || b.hurry != hurried || n == b.enough || n == b.opts.MaxRows {
		b.signal()
	}
}

func (b *Batcher[T]) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Put takes a row to be written soon and never waits. It fails with Unavailable when the buffer is full
// because the database does not keep up, or after Close.
func (b *Batcher[T]) Put(row T) error { return b.put(batchItem[T]{row: row}) }

func (b *Batcher[T]) put(it batchItem[T]) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errBatcherClosed
	}
	if len(b.pending) >= b.opts.Buffer {
		return fault.New(fault.Unavailable, "The database does not keep up. Please try again.").
			WithCause(errors.New("store: the batcher's buffer is full"))
	}
	b.push(it)
	return nil
}

// Keep takes a row as Put does, and returns when it is durable. With an error, taken says whether the row is
// kept and tried again, as those of Put are; ctx only ends the waiting.
func (b *Batcher[T]) Keep(ctx context.Context, row T) (taken bool, err error) {
	it := batchItem[T]{row: row, ack: make(chan error, 1), keep: true}
	if err := b.put(it); err != nil {
		return false, err
	}
	select {
	case err := <-it.ack:
		return fault.KindOf(err) == fault.Unavailable, err
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

// Flush returns when everything that was taken before the call was written or refused.
func (b *Batcher[T]) Flush(ctx context.Context) error {
	ack := make(chan struct{})
	b.mu.Lock()
	b.flushes = append(b.flushes, ack)
	b.hurry = true
	b.signal()
	b.mu.Unlock()
	select {
	case <-ack:
		return nil
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close takes no more rows, writes those it has and returns; when ctx ends first, the rest is given
// up and ctx's error returned.
func (b *Batcher[T]) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.hurry = true
	b.signal()
	b.mu.Unlock()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		b.cancel()
		<-b.done
		return ctx.Err()
	}
}

// run lets rows gather until the interval is over, a transaction is full or somebody waits, and writes
// them. Rows of those who wait gather while those before are written and, where that brought several, until there
// are as many again, for Options.Gather at most: a transaction costs more than some dozen rows.
func (b *Batcher[T]) run() {
	defer close(b.done)
	defer b.cancel()
	var rows []batchItem[T]
	before := 0 // rows of the transaction before
	for {
		<-b.wake
		if !b.hurried() {
			timer := time.NewTimer(b.opts.Interval)
			for gathering := true; gathering && !b.hurried(); {
				select {
				case <-b.wake:
				case <-timer.C:
					gathering = false
				}
			}
			timer.Stop()
		}
		if b.hurried() {
			b.gather(before)
		}
		b.mu.Lock()
		rows, b.pending = b.pending, rows[:0]
		flushes, closed := b.flushes, b.closed
		b.flushes, b.hurry, b.enough = nil, false, 0
		close(b.taken)
		b.taken = make(chan struct{})
		b.mu.Unlock()
		for part := range slices.Chunk(rows, b.opts.MaxRows) {
			b.write(part)
		}
		before = cmp.Or(len(rows), before)
		clear(rows) // the rows' strings are not to live as long as the buffer
		for _, ack := range flushes {
			close(ack)
		}
		if closed {
			return
		}
	}
}

// few is how many rows of a transaction are not worth waiting for.
const few = 4

// gather waits until there are as many rows as the transaction before had.
func (b *Batcher[T]) gather(before int) {
	if b.opts.Gather <= 0 || before < few {
		return
	}
	b.mu.Lock()
	b.enough = min(before, b.opts.MaxRows)
	b.mu.Unlock()
	timer := time.NewTimer(b.opts.Gather)
	defer timer.Stop()
	for !b.gathered() {
		select {
		case <-b.wake:
		case <-timer.C:
			return
		}
	}
}

func (b *Batcher[T]) gathered() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.pending) >= b.enough || len(b.flushes) > 0 || b.closed
}

func (b *Batcher[T]) hurried() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hurry
}

// write puts a batch into the database, again and again while the database is unavailable.
func (b *Batcher[T]) write(batch []batchItem[T]) {
	for wait := 50 * time.Millisecond; len(batch) > 0; wait = min(2*wait, 5*time.Second) {
		err := b.try(batch)
		if err == nil {
			answer(batch, nil)
			return
		}
		if fault.KindOf(err) != fault.Unavailable || b.ctx.Err() != nil {
			b.single(batch, err)
			return
		}
		// Those who wait are told; the rows of Put stay.
		kept := batch[:0]
		for _, it := range batch {
			if it.ack != nil {
				it.ack <- err
			}
			if it.ack == nil || it.keep {
				it.ack = nil
				kept = append(kept, it)
			}
		}
		if batch = kept; len(batch) == 0 {
			return
		}
		b.db.log.Warn("rows wait for the database", "rows", len(batch), "error", err)
		select {
		case <-time.After(wait):
		case <-b.ctx.Done():
		}
	}
}

func (b *Batcher[T]) try(batch []batchItem[T]) error {
	rows := make([]T, len(batch))
	for i, it := range batch {
		rows[i] = it.row
	}
	return b.db.Tx(b.ctx, func(tx *Tx) error { return b.insert(b.ctx, tx, rows) })
}

// single writes rows one by one after their batch was refused, so that one bad row takes no other with it.
func (b *Batcher[T]) single(batch []batchItem[T], err error) {
	lost, why := 0, err
	for _, it := range batch {
		if len(batch) > 1 && b.ctx.Err() == nil {
			err = b.try([]batchItem[T]{it})
		}
		if it.ack != nil {
			it.ack <- err
		} else if err != nil {
			lost, why = lost+1, err
		}
	}
	if lost > 0 {
		b.db.log.Error("rows could not be written and are lost", "rows", lost, "error", why)
	}
}

func answer[T any](batch []batchItem[T], err error) {
	for _, it := range batch {
		if it.ack != nil {
			it.ack <- err
		}
	}
}
