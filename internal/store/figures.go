package store

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// Figures say how the database is.
type Figures struct {
	Size      int64         // bytes; of SQLite's file, of PostgreSQL's whole database
	WAL       int64         // bytes of SQLite's write-ahead log; 0 on PostgreSQL
	Read      time.Duration // how long a read of one row took
	Write     time.Duration // how long a transaction that writes one row took, with the wait for its turn
	Migration int64         // the newest that was applied
	Version   string        // of the database program
}

// Measure reads, writes and measures. The write changes nothing.
func (db *DB) Measure(ctx context.Context) (f Figures, err error) {
	defer fault.Wrap(&err, "store.Measure")
	begin := time.Now()
	if err := db.Read().QueryRow(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&f.Migration); err != nil {
		return f, err
	}
	f.Read = time.Since(begin)
	begin = time.Now()
	if _, err := db.Exec(ctx, `UPDATE meta SET updated_at = updated_at WHERE key = 'instance_id'`); err != nil {
		return f, err
	}
	f.Write = time.Since(begin)
	if db.dialect == Postgres {
		if err := db.Read().QueryRow(ctx, `SELECT pg_database_size(current_database()), current_setting('server_version')`).Scan(&f.Size, &f.Version); err != nil {
			return f, err
		}
		return f, nil
	}
	if err := db.Read().QueryRow(ctx, `SELECT sqlite_version()`).Scan(&f.Version); err != nil {
		return f, err
	}
	path := strings.TrimPrefix(db.safeURL, "sqlite://")
	f.Size, f.WAL = sizeOf(path), sizeOf(path+"-wal")
	return f, nil
}

// sizeOf is a file's size; 0 for one that is not there.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// LargeWAL is a size of SQLite's write-ahead log at which something keeps it from being written back to the file.
const LargeWAL = 256 << 20
