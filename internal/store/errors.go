package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// IsUnique reports whether a statement failed because a key or unique column already has the value.
func IsUnique(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23505"
}

// IsForeignKey reports whether a statement failed because a row refers to one that does not exist,
// or is still referred to.
func IsForeignKey(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "23503"
}

// mayRetry reports whether the same transaction may succeed if run again: nothing of it was kept.
func mayRetry(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

// What users read when the database fails. The cause is in the log.
const (
	msgFull    = "The database has no space left. The operator must free disk space; what was stored before is intact."
	msgLocked  = "The database is locked by another program. Please try again."
	msgOpen    = "The database cannot be opened, read or written. The operator finds the reason in the log."
	msgDamaged = "The database file is damaged or is not a database. The operator must restore it from a backup."
	msgReach   = "The database cannot be reached. Please try again."
)

// translate gives the driver's errors that operators must act on the kind Unavailable.
func (db *DB) translate(err error) error {
	if err == nil || errors.Is(err, ErrNoRows) || errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL:
			return unavailable(msgFull, err)
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
			return unavailable(msgLocked, err)
		case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM:
			return unavailable(msgOpen, err)
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return unavailable(msgDamaged, err)
		}
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case e.Code == "53100":
			return unavailable(msgFull, err)
		case e.Code[:2] == "08", e.Code[:2] == "28", e.Code[:2] == "53", e.Code[:3] == "57P", e.Code[:2] == "58", e.Code == "3D000":
			// Connection, authorization, resources, shutdown, system, no such database.
			return unavailable(msgReach, err)
		}
		return err
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return unavailable(msgReach, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[net.Error](err); ok || db.dialect == Postgres && isClosed(err) {
		return unavailable(msgReach, err)
	}
	return err
}

// isClosed recognizes a connection that went away under a query.
func isClosed(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF)
}
