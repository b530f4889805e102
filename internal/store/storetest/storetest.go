// Package storetest runs a test on every database that Parley supports.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-ai/parley/internal/store"
)

// Env names the variable that holds the address of a PostgreSQL server for tests; `e2e/postgres.sh`
// starts one and prints it.
const Env = "TEST_POSTGRES"

// Run runs f on SQLite in a temporary file and, when TEST_POSTGRES is set, on PostgreSQL in a schema
// of its own, as subtests "sqlite" and "postgres". The database is closed and removed afterwards.
func Run(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	RunURL(t, func(t *testing.T, url string) { f(t, Open(t, url, store.Options{})) })
}

// RunURL is Run for tests that open the database themselves, perhaps several times.
func RunURL(t *testing.T, f func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// Open opens a database and closes it at the end of the test.
func Open(t testing.TB, url string, opts store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// SQLite returns the address of a new SQLite file that the end of the test removes.
func SQLite(t testing.TB) string {
	return "sqlite://" + filepath.ToSlash(filepath.Join(t.TempDir(), "test.db"))
}

// Postgres returns the address of a new schema that the end of the test drops; without TEST_POSTGRES
// it skips the test.
func Postgres(t testing.TB) string {
	t.Helper()
	base := os.Getenv(Env)
	if base == "" {
		t.Skipf("%s is not set: `make test` starts a PostgreSQL with e2e/postgres.sh", Env)
	}
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	schema := "t_" + hex.EncodeToString(b)
	exec := func(sql string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, base)
		if err != nil {
			t.Fatalf("%s: %v", Env, err)
		}
		defer func() { _ = conn.Close(ctx) }()
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("CREATE SCHEMA " + schema)
	t.Cleanup(func() { exec("DROP SCHEMA " + schema + " CASCADE") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}
