package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func TestReopenAndSettings(t *testing.T) {
	ctx := context.Background()
	storetest.RunURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url, store.Options{})
		id := db.InstanceID()
		if !strings.HasPrefix(id, "inst_") {
			t.Errorf("instance %q", id)
		}
		if _, err := db.Setting(ctx, "k"); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("absent setting gave %v", err)
		}
		must(t, db.SetSetting(ctx, "k", "v1"))
		must(t, db.SetSetting(ctx, "k", "v2"))
		again := storetest.Open(t, url, store.Options{FullSync: true})
		if v, err := again.Setting(ctx, "k"); err != nil || v != "v2" {
			t.Errorf("setting %q, %v", v, err)
		}
		if again.InstanceID() != id {
			t.Error("the instance id changed")
		}
		if s := again.Stats(); s.Open == 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestMigrations(t *testing.T) {
	ctx := context.Background()
	first := fstest.MapFS{
		"0001_meta.sql": {Data: []byte("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at BIGINT NOT NULL);")},
		"0005_b.sql":    {Data: []byte("CREATE TABLE b (id TEXT);\nINSERT INTO b VALUES ('a;b'); -- only: sqlite\nINSERT INTO b VALUES ('pg'); -- only: postgres\n")},
	}
	storetest.RunURL(t, func(t *testing.T, url string) {
		open := func(fs fstest.MapFS) (*store.DB, error) {
			return store.Open(ctx, url, store.Options{Migrations: fs})
		}
		// Several servers start at once: each table is made once.
		starts := 3
		if strings.HasPrefix(url, "sqlite") {
			starts = 1
		}
		var wg sync.WaitGroup
		for range starts {
			wg.Go(func() {
				db, err := open(first)
				if err != nil {
					t.Error(err)
					return
				}
				_ = db.Close()
			})
		}
		wg.Wait()
		// A number between those that ran is run later.
		second := fstest.MapFS{"0003_c.sql": {Data: []byte("CREATE TABLE c (id TEXT);")}}
		for k, v := range first {
			second[k] = v
		}
		db, err := open(second)
		must(t, err)
		var n int
		must(t, db.Read().QueryRow(ctx, `SELECT (SELECT count(*) FROM b) * 10 + (SELECT count(*) FROM c)`).Scan(&n))
		if n != 10 {
			t.Errorf("got %d, want 10: one row in b, none in c", n)
		}
		must(t, db.Close())

		// A migration that fails leaves nothing behind.
		bad := fstest.MapFS{"0006_bad.sql": {Data: []byte("CREATE TABLE d (id TEXT);\nCREATE TABLE d (id TEXT);")}}
		for k, v := range second {
			bad[k] = v
		}
		if _, err := open(bad); err == nil || !strings.Contains(err.Error(), "migration 6") {
			t.Errorf("bad migration gave %v", err)
		}
		bad["0006_bad.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE d (id TEXT);")}
		db, err = open(bad)
		must(t, err)
		must(t, db.Close())

		if _, err := open(second); err == nil || !strings.Contains(err.Error(), "newer Parley") {
			t.Errorf("a newer database gave %v", err)
		}
	})
	for name, fs := range map[string]fstest.MapFS{
		"name": {"1_x.sql": {}}, "zero": {"0000_x.sql": {}}, "twice": {"0001_x.sql": {}, "0001_y.sql": {}}, "mark": {"0001_x.sql": {Data: []byte("-- end only")}},
	} {
		if _, err := store.Open(ctx, storetest.SQLite(t), store.Options{Migrations: fs}); err == nil {
			t.Errorf("%s: bad directory was taken", name)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	file := filepath.Join(dir, "notes.txt")
	must(t, os.WriteFile(file, []byte(strings.Repeat("this is not a database\n", 100)), 0o600))
	for url, want := range map[string]string{
		"mysql://x":                         "write sqlite://",
		"nothing":                           "write sqlite://",
		"sqlite://":                         "path of a file",
		"sqlite://:memory:":                 "path of a file",
		"sqlite://" + file:                  "not a database",
		"sqlite://" + file + "/sub/x.db":    "directory cannot be created",
		"sqlite://" + dir:                   "cannot be opened",
		"postgres://u:pw@127.0.0.1:1/db":    "cannot be reached",
		"postgres://u:pw@h:notaport/db":     "address",
		"postgres:///x?host=" + dir + "/no": "cannot be reached",
	} {
		db, err := store.Open(ctx, url, store.Options{})
		if err == nil {
			_ = db.Close()
			t.Errorf("%s was opened", url)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pw@") {
			t.Errorf("%s: %v; want %q and no password", url, err, want)
		}
	}
	if _, err := store.Open(ctx, "postgres://u:pw@127.0.0.1:1/db", store.Options{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("unreachable is %v", fault.KindOf(err))
	}
	odd := filepath.Join(dir, "a b%20?#c&_pragma=x.db")
	db, err := store.Open(ctx, "sqlite://"+odd, store.Options{})
	must(t, err)
	must(t, db.Close())
	st, err := os.Stat(odd)
	must(t, err)
	if runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
}

// A full disk is told as such, and what was stored before stays readable.
func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	thingsTable(t, db)
	var pages int
	must(t, db.Read().QueryRow(ctx, `PRAGMA page_count`).Scan(&pages))
	must(t, run(db, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+10)))
	big := strings.Repeat("x", 4000)
	var err error
	rows := 0
	for ; err == nil && rows < 100; rows++ {
		err = run(db, `INSERT INTO things (id, org_id, data) VALUES ($1, 'o', $2)`, fmt.Sprint(rows), big)
	}
	if e := fault.As(err); e == nil || e.Kind != fault.Unavailable || !strings.Contains(e.Message, "no space left") {
		t.Fatalf("after %d rows: %v", rows, err)
	}
	if n := count(t, db); n != rows-1 {
		t.Errorf("%d rows, want %d", n, rows-1)
	}
	must(t, run(db, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+1000)))
	must(t, run(db, `INSERT INTO things (id, org_id, data) VALUES ('after', 'o', $1)`, big))
}

// A server that ends our connections is Unavailable once, and then works again.
func TestPostgresConnectionLost(t *testing.T) {
	ctx := context.Background()
	url := storetest.Postgres(t)
	db := storetest.Open(t, url, store.Options{})
	other := storetest.Open(t, url, store.Options{})
	err := db.Tx(ctx, func(tx *store.Tx) error {
		var pid int
		must(t, tx.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid))
		var killed bool
		must(t, other.Read().QueryRow(ctx, `SELECT pg_terminate_backend($1)`, pid).Scan(&killed))
		_, err := tx.Exec(ctx, `SELECT pg_sleep(1)`)
		return err
	})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("lost connection gave %v", err)
	}
	must(t, db.Ping(ctx))
}
