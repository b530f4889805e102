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
	db     *DB
	tx     *sql.Tx
	after  []func()
	failed error // of the first statement that failed
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
		if err = db.kept.compile(ctx, db.writer); err != nil {
			err = db.translate(err)
			return
		}
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
		if err = tx.failed; err != nil {
			return // fn went on after a failed statement
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

// A statement that fails ends the transaction, as PostgreSQL does it: what follows gets the same error
// on SQLite too, so that no code comes to rely on the difference. To insert unless it is there, write
// ON CONFLICT.
func (tx *Tx) fail(err error) error {
	if err != nil && tx.failed == nil && !errors.Is(err, ErrNoRows) {
		tx.failed = err
	}
	return err
}

// Exec runs a statement that returns no rows and tells how many it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if tx.failed != nil {
		return 0, tx.failed
	}
	n, err := tx.db.exec(ctx, tx.tx, query, args)
	return n, tx.fail(err)
}

// execKept is Exec for a statement that comes again and again.
func (tx *Tx) execKept(ctx context.Context, query string, args []any) (int64, error) {
	if tx.failed != nil {
		return 0, tx.failed
	}
	q := sqlQ(tx.tx)
	if tx.db.dialect == SQLite { // pgx keeps statements by itself
		if stmt := tx.db.kept.get(tx.db.sql(query)); stmt != nil {
			q = keptQ{tx.tx, stmt}
		}
	}
	n, err := tx.db.exec(ctx, q, query, args)
	return n, tx.fail(err)
}

// Query returns rows; close them before the next statement of the transaction.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	if tx.failed != nil {
		return nil, tx.failed
	}
	rows, err := tx.db.query(ctx, tx.tx, query, args)
	return rows, tx.fail(err)
}

// QueryRow returns the first row.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *Row {
	if tx.failed != nil {
		return &Row{db: tx.db, err: tx.failed}
	}
	row := tx.db.queryRow(ctx, tx.tx, query, args)
	_ = tx.fail(tx.db.translate(row.row.Err()))
	return row
}

// AfterCommit has f called once the transaction is committed, in the order given; never when it was
// undone. For hints on the bus.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Dialect says which database this is.
func (tx *Tx) Dialect() Dialect { return tx.db.dialect }

// SQLTx returns the transaction below, for River alone.
func (tx *Tx) SQLTx() *sql.Tx { return tx.tx }
