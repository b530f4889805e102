package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// BatchOptions of a Batcher; the zero value is good.
type BatchOptions struct {
	Interval time.Duration // longest time a row of Put waits for others; 0 is 3 ms
	MaxRows  int           // rows of one transaction; 0 is 512
	Buffer   int           // rows that may wait; 0 is 16,384
}

// Batcher appends rows of many producers in shared transactions (group commit).
//
// What Add has acknowledged is in the database and survives kill -9 (a power cut too, with
// Options.FullSync or PostgreSQL). What Put took is written within the interval, is kept and tried
// again while the database is unavailable, and is lost only by a killed process or a full buffer,
// which Put tells.
type Batcher[T any] struct {
	db     *DB
	opts   BatchOptions
	insert func(ctx context.Context, tx *Tx, rows []T) error

	mu     sync.RWMutex // closed against sends on in
	closed bool
	in     chan batchItem[T]
	flush  chan chan struct{}
	done   chan struct{}
	ctx    context.Context // ends when Close's patience does
	cancel context.CancelFunc
}

type batchItem[T any] struct {
	row T
	ack chan error // nil for Put
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
		in: make(chan batchItem[T], opts.Buffer), flush: make(chan chan struct{}), done: make(chan struct{}),
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
	if err := b.send(ctx, batchItem[T]{row, ack}); err != nil {
		return err
	}
	select {
	case err := <-ack:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Batcher[T]) send(ctx context.Context, it batchItem[T]) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return errBatcherClosed
	}
	select {
	case b.in <- it:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Put takes a row to be written soon and never waits. It fails with Unavailable when the buffer is full
// because the database does not keep up, or after Close.
func (b *Batcher[T]) Put(row T) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return errBatcherClosed
	}
	select {
	case b.in <- batchItem[T]{row: row}:
		return nil
	default:
		return fault.New(fault.Unavailable, "The database does not keep up. Please try again.").
			WithCause(errors.New("store: the batcher's buffer is full"))
	}
}

// Flush returns when everything that was taken before the call was written or refused.
func (b *Batcher[T]) Flush(ctx context.Context) error {
	ack := make(chan struct{})
	select {
	case b.flush <- ack:
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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
	if !b.closed {
		b.closed = true
		close(b.in)
	}
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

// run collects rows until the interval is over, the batch is full or somebody waits, and writes them.
// Those who wait in Add are never delayed: their rows gather while the batch before is written.
func (b *Batcher[T]) run() {
	defer close(b.done)
	defer b.cancel()
	var batch []batchItem[T]
	for {
		var acks []chan struct{}
		open, waited := true, false
		select {
		case it, ok := <-b.in:
			if !ok {
				return
			}
			batch = append(batch[:0], it)
		case ack := <-b.flush:
			batch, acks = batch[:0], append(acks, ack)
		}
		timer := time.NewTimer(b.opts.Interval)
		for open && len(batch) < b.opts.MaxRows {
			if len(batch) > 0 && batch[len(batch)-1].ack != nil {
				waited = true
			}
			if (waited || len(acks) > 0) && len(b.in) == 0 {
				break
			}
			var it batchItem[T]
			select {
			case it, open = <-b.in:
				if open {
					batch = append(batch, it)
				}
				continue
			case ack := <-b.flush:
				acks = append(acks, ack)
				continue
			case <-timer.C:
			}
			break
		}
		timer.Stop()
		b.write(batch)
		// Rows that were in the buffer when Flush came may be more than one batch.
		for len(acks) > 0 && len(b.in) > 0 && open {
			batch = batch[:0]
			for len(batch) < b.opts.MaxRows && len(b.in) > 0 {
				if it, ok := <-b.in; ok {
					batch = append(batch, it)
				}
			}
			b.write(batch)
		}
		for _, ack := range acks {
			close(ack)
		}
		if !open {
			return
		}
	}
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
			} else {
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
