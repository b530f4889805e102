package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sync/semaphore"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/parley-ai/parley/internal/fault"
)

// openSQLite opens the file for one writer and several readers.
func (db *DB) openSQLite(ctx context.Context, path string) error {
	db.dialect, db.safeURL = SQLite, "sqlite://"+path
	if path == "" || path == ":memory:" {
		return fmt.Errorf("sqlite:// needs the path of a file")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return unavailable("The database's directory cannot be created.", err)
	}
	// Created here and not by SQLite, whose mode would let others on the machine read it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return unavailable("The database file cannot be opened for writing.", err)
	}
	if err := f.Close(); err != nil {
		return err
	}

	sync := "NORMAL"
	if db.opts.FullSync {
		sync = "FULL"
	}
	// secure_delete: what is deleted is overwritten, so that keys of kept bodies are gone for good.
	// The order matters: busy_timeout first, as switching to WAL takes a lock.
	common := url.Values{"_pragma": {"busy_timeout(" + patience + ")", "journal_mode(WAL)", "synchronous(" + sync + ")", "foreign_keys(1)", "temp_store(MEMORY)"}}
	writer := url.Values{"_pragma": append(append([]string{}, common["_pragma"]...), "cache_size(-8000)", "secure_delete(1)"), "_txlock": {"immediate"}}
	reader := url.Values{"_pragma": append(append([]string{}, common["_pragma"]...), "cache_size(-4000)", "query_only(1)")}

	if db.writer, err = sql.Open("sqlite", dsn(path, writer)); err != nil {
		return err
	}
	db.writer.SetMaxOpenConns(1)
	db.turn = semaphore.NewWeighted(1)
	// The writer comes first: it makes the file a database in WAL mode, which readers cannot.
	if err := db.writer.PingContext(ctx); err != nil {
		return db.translate(err)
	}
	if db.reader, err = sql.Open("sqlite", dsn(path, reader)); err != nil {
		return err
	}
	db.reader.SetMaxOpenConns(db.opts.Readers)
	db.reader.SetMaxIdleConns(db.opts.Readers)
	return db.translate(db.reader.PingContext(ctx))
}

// patience is how long a statement of SQLite waits for a lock, in milliseconds.
const patience = "5000"

// EmptyLog writes SQLite's write-ahead log into the database and empties it, so that what was deleted is not in it any more. It
// reports false when a reader is in the way: that one is waited for a moment only, and it is for the caller to come again. Other
// databases have none.
func (db *DB) EmptyLog(ctx context.Context) (done bool, err error) {
	if db.dialect != SQLite {
		return true, nil
	}
	if err := db.takeTurn(ctx); err != nil {
		return false, err
	}
	defer db.giveTurn()
	// The writer has one connection.
	if _, err := db.writer.ExecContext(ctx, `PRAGMA busy_timeout = 200`); err != nil {
		return false, db.translate(err)
	}
	var busy, frames, moved int
	err = db.writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved)
	_, again := db.writer.ExecContext(context.WithoutCancel(ctx), `PRAGMA busy_timeout = `+patience)
	return err == nil && busy == 0, db.translate(errors.Join(err, again))
}

// dsn writes the driver's address; a path may hold any character.
func dsn(path string, q url.Values) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	return "file:" + u.EscapedPath() + "?" + q.Encode()
}

func unavailable(msg string, err error) error {
	return fault.New(fault.Unavailable, "%s", msg).WithCause(err)
}
