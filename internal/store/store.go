package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/parley-ai/parley/internal/ids"
)

// Dialect names a kind of database.
type Dialect string

// The two databases.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Options of Open; the zero value is good.
type Options struct {
	FullSync   bool          // SQLite: synchronous=FULL: a power cut loses nothing (a killed process never does)
	Readers    int           // SQLite: most connections that read; 0 is 8
	MaxConns   int           // PostgreSQL: most connections; 0 is 20
	WriteWait  time.Duration // SQLite: longest wait for the writer; 0 is 30 s
	Logger     *slog.Logger  // migrations and lost rows; nil is slog.Default()
	Migrations fs.FS         // for tests of migrations, and for older tables; nil is the embedded directory
	Unfinished bool          // also a database into which rows are still being restored
}

// DB is an open database. Safe for concurrent use.
type DB struct {
	dialect  Dialect
	reader   *sql.DB
	writer   *sql.DB             // the same as reader on PostgreSQL
	turn     *semaphore.Weighted // SQLite: the writer, first come first served; nil on PostgreSQL
	pool     *pgxpool.Pool       // PostgreSQL only: what reader and writer sit on
	opts     Options
	log      *slog.Logger
	instance string
	rewrites rewriteCache
	kept     kept
	waiting  atomic.Int64
	safeURL  string
}

// Open opens the database at url, brings its tables up to date and returns it. url is
// sqlite://PATH (the file and its directory are created; sqlite:///abs and sqlite://rel both work)
// or postgres://… as libpq writes it. A database written by a newer Parley is refused.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	if opts.Readers <= 0 {
		opts.Readers = 8
	}
	if opts.MaxConns <= 0 {
		opts.MaxConns = 20
	}
	if opts.WriteWait <= 0 {
		opts.WriteWait = 30 * time.Second
	}
	db := &DB{opts: opts, log: opts.Logger}
	if db.log == nil {
		db.log = slog.Default()
	}
	var err error
	switch scheme, rest, _ := strings.Cut(url, "://"); scheme {
	case "sqlite":
		err = db.openSQLite(ctx, rest)
	case "postgres", "postgresql":
		err = db.openPostgres(ctx, url)
	default:
		return nil, fmt.Errorf("the database %q is not known: write sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME", Redact(url))
	}
	if err == nil && !opts.Unfinished {
		err = db.finished(ctx)
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err == nil {
		err = db.identify(ctx)
	}
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open database %s: %w", Redact(url), err)
	}
	return db, nil
}

// Close waits for running queries and closes all connections. Close Batchers first.
func (db *DB) Close() error {
	var errs []error
	if db.reader != nil {
		errs = append(errs, db.reader.Close())
	}
	if db.writer != nil && db.writer != db.reader {
		errs = append(errs, db.writer.Close())
	}
	if db.pool != nil {
		db.pool.Close()
	}
	return errors.Join(errs...)
}

// Dialect says which database this is, for the few statements that differ.
func (db *DB) Dialect() Dialect { return db.dialect }

// URL returns the address without its password.
func (db *DB) URL() string { return db.safeURL }

// InstanceID names this installation, "inst_…": made at the first start, the same for all servers
// that share the database.
func (db *DB) InstanceID() string { return db.instance }

// Ping reports whether the database answers, as fault.Unavailable if not.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.Read().QueryRow(ctx, `SELECT 1`).Scan(&one)
}

// SQLDB returns the pool that writes, for River alone: on SQLite it has one connection, which
// whoever holds it must give back soon.
func (db *DB) SQLDB() *sql.DB { return db.writer }

// Pool returns the PostgreSQL pool below, for River and the bus, which listen; nil on SQLite.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Stats says how busy the database is.
type Stats struct {
	Open, InUse   int   // connections
	WriterWaiting int64 // SQLite: transactions waiting for their turn
	WaitCount     int64 // times a query waited for a connection, since the start
	WaitDuration  time.Duration
}

// Stats returns the current figures.
func (db *DB) Stats() Stats {
	s := db.reader.Stats()
	out := Stats{Open: s.OpenConnections, InUse: s.InUse, WriterWaiting: db.waiting.Load(), WaitCount: s.WaitCount, WaitDuration: s.WaitDuration}
	if db.pool != nil {
		p := db.pool.Stat()
		out.Open, out.InUse = int(p.TotalConns()), int(p.AcquiredConns())
		out.WaitCount, out.WaitDuration = p.EmptyAcquireCount(), p.EmptyAcquireWaitTime()
	} else {
		w := db.writer.Stats()
		out.Open, out.InUse = out.Open+w.OpenConnections, out.InUse+w.InUse
	}
	return out
}

// identify reads the installation's id, or makes it at the first start.
func (db *DB) identify(ctx context.Context) error {
	return db.Tx(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO meta (key, value, updated_at) VALUES ('instance_id', $1, $2)
			ON CONFLICT (key) DO NOTHING`, ids.New("inst_"), Millis(time.Now())); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT value FROM meta WHERE key = 'instance_id'`).Scan(&db.instance)
	})
}

// finished refuses a database that holds only a part of what was to be restored into it.
func (db *DB) finished(ctx context.Context) error {
	exists := `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'meta'`
	if db.dialect == Postgres {
		exists = `SELECT COUNT(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = 'meta'`
	}
	var n int
	if err := db.Read().QueryRow(ctx, exists).Scan(&n); err != nil || n == 0 {
		return err
	}
	since, err := db.Setting(ctx, UnfinishedKey)
	if errors.Is(err, ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("the restore into it that began at %s did not finish: run `parley restore` (or `parley migrate-db`) again, which begins anew", since)
}

// Setting returns a value of the installation, or ErrNoRows.
func (db *DB) Setting(ctx context.Context, key string) (value string, err error) {
	err = db.Read().QueryRow(ctx, `SELECT value FROM meta WHERE key = $1`, key).Scan(&value)
	return value, err
}

// SetSetting keeps a value of the installation.
func (db *DB) SetSetting(ctx context.Context, key, value string) error {
	_, err := db.Exec(ctx, `INSERT INTO meta (key, value, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, key, value, Millis(time.Now()))
	return err
}
