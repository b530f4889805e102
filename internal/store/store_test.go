package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/parley-ai/parley/internal/store"
)

const things = `CREATE TABLE things (
	id TEXT PRIMARY KEY, org_id TEXT NOT NULL, name TEXT UNIQUE, ok BOOLEAN NOT NULL DEFAULT FALSE,
	data TEXT, bin %s, parent TEXT REFERENCES things (id), created_at BIGINT NOT NULL DEFAULT 0)`

// make a table of the test's own.
func thingsTable(t *testing.T, db *store.DB) {
	t.Helper()
	bin := "BLOB"
	if db.Dialect() == store.Postgres {
		bin = "BYTEA"
	}
	must(t, run(db, fmt.Sprintf(things, bin)))
}

func run(db *store.DB, q string, args ...any) error {
	_, err := db.Exec(context.Background(), q, args...)
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	must(t, db.Read().QueryRow(context.Background(), `SELECT count(*) FROM things`).Scan(&n))
	return n
}
