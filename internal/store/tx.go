package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// maxAttempts bounds how often a transaction runs again after a serialization failure.
const maxAttempts = 5

// Tx is a write transaction. It implements Q and must not be used after the function that got it
// has returned, nor by several goroutines.
type Tx struct {
	db    *DB
	tx    *sql.Tx
	after []func()
}

// Tx runs fn in a write transaction: committed when fn returns nil, undone otherwise. fn may run
// more than once (see the package doc). Errors of fn come back as they are.
func (db *DB) Tx(ctx context.Context, fn func(tx *Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := db.tx(ctx, fn)
		if err == nil || attempt == maxAttempts || !mayRetry(err) {
			return err
		}
		// Spread out those who collided: 5–10 ms, doubled each time.
		wait := time.Duration(5+rand.IntN(5)) * time.Millisecond << (attempt - 1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (db *DB) tx(ctx context.Context, fn func(tx *Tx) error) (err error) {
	if err := db.takeTurn(ctx); err != nil {
		return err
	}
	tx := &Tx{db: db}
	committed := false
	// The turn is given back before AfterCommit's functions, which may write themselves; also when fn panics.
	func() {
		defer db.giveTurn()
		if tx.tx, err = db.writer.BeginTx(ctx, nil); err != nil {
			err = db.translate(err)
			return
		}
		defer func() {
			if !committed {
				// ErrTxDone and the like say nothing new: err tells why it did not commit.
				_ = tx.tx.Rollback()
			}
		}()
		if err = fn(tx); err != nil {
			return
		}
		if err = db.translate(tx.tx.Commit()); err == nil {
			committed = true
		}
	}()
	if committed {
		for _, f := range tx.after {
			f()
		}
	}
	return err
}

// takeTurn waits for the writer on SQLite.
func (db *DB) takeTurn(ctx context.Context) error {
	if db.turn == nil {
		return nil
	}
	if db.turn.TryAcquire(1) {
		return nil
	}
	db.waiting.Add(1)
	defer db.waiting.Add(-1)
	wait, cancel := context.WithTimeout(ctx, db.opts.WriteWait)
	defer cancel()
	if err := db.turn.Acquire(wait, 1); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.New(fault.Unavailable, "The database is busy with other writes. Please try again.").
			WithCause(errors.New("store: waited " + db.opts.WriteWait.String() + " for the writer; is DB.Tx or DB.Exec called inside a transaction?"))
	}
	return nil
}

func (db *DB) giveTurn() {
	if db.turn != nil {
		db.turn.Release(1)
	}
}

// Exec runs a statement that returns no rows and tells how many it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return tx.db.exec(ctx, tx.tx, query, args)
}

// Query returns rows; close them before the next statement of the transaction.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	return tx.db.query(ctx, tx.tx, query, args)
}

// QueryRow returns the first row.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *Row {
	return tx.db.queryRow(ctx, tx.tx, query, args)
}

// AfterCommit has f called once the transaction is committed, in the order given; never when it was
// undone. For hints on the bus.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Dialect says which database this is.
func (tx *Tx) Dialect() Dialect { return tx.db.dialect }

// SQLTx returns the transaction below, for River alone.
func (tx *Tx) SQLTx() *sql.Tx { return tx.tx }
