package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrNoRows says that a query that wants a row found none.
var ErrNoRows = sql.ErrNoRows

// Q runs statements: a transaction, or DB.Read. Arguments are $1, $2, … of the statement.
type Q interface {
	// Exec runs a statement that returns no rows and tells how many it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query returns rows, which the caller must close; Collect does.
	Query(ctx context.Context, query string, args ...any) (*Rows, error)
	// QueryRow returns the first row; errors come from its Scan.
	QueryRow(ctx context.Context, query string, args ...any) *Row
}

// Scanner is a row to read columns from: a Row or the current one of Rows.
type Scanner interface {
	Scan(dest ...any) error
}

// sqlQ is what *sql.DB and *sql.Tx have in common.
type sqlQ interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Read returns a Q that reads outside of any transaction and refuses Exec.
func (db *DB) Read() Q { return reader{db} }

type reader struct{ db *DB }

func (r reader) Exec(context.Context, string, ...any) (int64, error) {
	return 0, errors.New("store: Exec on DB.Read(): write with DB.Exec or DB.Tx")
}

func (r reader) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	return r.db.query(ctx, r.db.reader, query, args)
}

func (r reader) QueryRow(ctx context.Context, query string, args ...any) *Row {
	return r.db.queryRow(ctx, r.db.reader, query, args)
}

// Exec runs one writing statement as a transaction of its own and tells how many rows it changed.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	if err := db.takeTurn(ctx); err != nil {
		return 0, err
	}
	defer db.giveTurn()
	return db.exec(ctx, db.writer, query, args)
}

func (db *DB) exec(ctx context.Context, q sqlQ, query string, args []any) (int64, error) {
	res, err := q.ExecContext(ctx, db.sql(query), args...)
	if err != nil {
		return 0, db.translate(err)
	}
	n, err := res.RowsAffected()
	return n, db.translate(err)
}

func (db *DB) query(ctx context.Context, q sqlQ, query string, args []any) (*Rows, error) {
	rows, err := q.QueryContext(ctx, db.sql(query), args...)
	if err != nil {
		return nil, db.translate(err)
	}
	return &Rows{rows: rows, db: db}, nil
}

func (db *DB) queryRow(ctx context.Context, q sqlQ, query string, args []any) *Row {
	return &Row{row: q.QueryRowContext(ctx, db.sql(query), args...), db: db}
}

// sql returns the statement in the database's own form of arguments.
func (db *DB) sql(query string) string {
	if db.dialect == SQLite {
		return db.rewrites.get(query)
	}
	return query
}

// Row is one row.
type Row struct {
	row *sql.Row
	db  *DB
	err error // set when there was no query
}

// Scan reads the columns, or returns ErrNoRows.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	return r.db.translate(r.row.Scan(dest...))
}

// Rows are the rows of a query, used as database/sql's.
type Rows struct {
	rows *sql.Rows
	db   *DB
}

// Next moves to the next row; false at the end or on an error, which Err tells.
func (r *Rows) Next() bool { return r.rows.Next() }

// Scan reads the columns of the current row.
func (r *Rows) Scan(dest ...any) error { return r.db.translate(r.rows.Scan(dest...)) }

// Err returns what ended Next early, or nil.
func (r *Rows) Err() error { return r.db.translate(r.rows.Err()) }

// Close ends the query; it may be called more than once.
func (r *Rows) Close() error { return r.db.translate(r.rows.Close()) }

// Collect runs a query and returns what scan makes of each row; no rows give an empty, non-nil slice.
func Collect[T any](ctx context.Context, q Q, scan func(Scanner) (T, error), query string, args ...any) (_ []T, err error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
