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
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
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

func TestColumns(t *testing.T) {
	ctx := context.Background()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		type data struct {
			A int      `json:"a"`
			B []string `json:"b"`
		}
		at := time.Date(2026, 11, 21, 6, 0, 0, 123e6, time.UTC)
		n, err := db.Exec(ctx, `INSERT INTO things (id, org_id, name, ok, data, bin, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			"a", "org", "náme", true, store.JSON(data{1, []string{"x"}}), []byte{0, 1, 255}, store.Millis(at))
		if err != nil || n != 1 {
			t.Fatalf("insert: %d, %v", n, err)
		}
		must(t, run(db, `INSERT INTO things (id, org_id, data) VALUES ('b', 'org', $1)`, store.JSON((*data)(nil))))

		var (
			name string
			ok   bool
			d    data
			bin  []byte
			ms   int64
		)
		must(t, db.Read().QueryRow(ctx, `SELECT name, ok, data, bin, created_at FROM things WHERE id = $1 AND ok = $2`, "a", true).
			Scan(&name, &ok, store.JSON(&d), &bin, &ms))
		if name != "náme" || !ok || d.A != 1 || len(d.B) != 1 || string(bin) != "\x00\x01\xff" || !store.Time(ms).Equal(at) {
			t.Errorf("got %q %v %+v %v %v", name, ok, d, bin, store.Time(ms))
		}
		var none *data
		var nullName *string
		must(t, db.Read().QueryRow(ctx, `SELECT name, data FROM things WHERE id = 'b'`).Scan(&nullName, store.JSON(&none)))
		if none != nil || nullName != nil {
			t.Errorf("NULL read as %v, %v", none, nullName)
		}
		var inJSON string
		must(t, db.Read().QueryRow(ctx, `SELECT name FROM things WHERE id = $1 AND data IS NOT NULL`, "a").Scan(&inJSON))
		err = db.Read().QueryRow(ctx, `SELECT name FROM things WHERE id = 'none'`).Scan(&name)
		if !errors.Is(err, store.ErrNoRows) {
			t.Errorf("no row gave %v", err)
		}
		if store.Millis(time.Time{}) != 0 || !store.Time(0).IsZero() {
			t.Error("the zero time is not 0")
		}
	})
}

func TestConstraints(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		must(t, run(db, `INSERT INTO things (id, org_id, name) VALUES ('a', 'o', 'n')`))
		for q, want := range map[string]string{
			`INSERT INTO things (id, org_id) VALUES ('a', 'o')`:              "unique",
			`INSERT INTO things (id, org_id, name) VALUES ('b', 'o', 'n')`:   "unique",
			`INSERT INTO things (id, org_id, parent) VALUES ('c', 'o', 'z')`: "foreign key",
			`INSERT INTO things (id, org_id) VALUES ('d', NULL)`:             "",
			`INSERT INTO nowhere (id) VALUES ('d')`:                          "",
		} {
			err := run(db, q)
			if err == nil || store.IsUnique(err) != (want == "unique") || store.IsForeignKey(err) != (want == "foreign key") {
				t.Errorf("%s: %v", q, err)
			}
			if fault.KindOf(err) != fault.Internal {
				t.Errorf("%s: kind %v", q, fault.KindOf(err))
			}
		}
		if store.IsUnique(nil) || store.IsUnique(store.ErrNoRows) {
			t.Error("IsUnique of something else")
		}
	})
}

func TestTx(t *testing.T) {
	ctx := context.Background()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		insert := func(tx *store.Tx, id string) error {
			_, err := tx.Exec(ctx, `INSERT INTO things (id, org_id) VALUES ($1, 'o')`, id)
			return err
		}
		var hints []string
		must(t, db.Tx(ctx, func(tx *store.Tx) error {
			tx.AfterCommit(func() { hints = append(hints, "1") })
			// What runs after the commit may write, and the row is there.
			tx.AfterCommit(func() {
				hints = append(hints, fmt.Sprint(count(t, db)))
				must(t, run(db, `UPDATE things SET ok = TRUE`))
			})
			if err := insert(tx, "a"); err != nil {
				return err
			}
			var id string
			return tx.QueryRow(ctx, `SELECT id FROM things`).Scan(&id)
		}))
		if strings.Join(hints, ",") != "1,1" {
			t.Errorf("hints %v", hints)
		}
		mine := errors.New("mine")
		err := db.Tx(ctx, func(tx *store.Tx) error {
			tx.AfterCommit(func() { t.Error("AfterCommit after a rollback") })
			must(t, insert(tx, "b"))
			return mine
		})
		if err != mine {
			t.Errorf("got %v", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = db.Tx(ctx, func(tx *store.Tx) error { must(t, insert(tx, "c")); panic("boom") })
		}()
		if n := count(t, db); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
		// RETURNING, and a reader sees only what is committed.
		must(t, db.Tx(ctx, func(tx *store.Tx) error {
			var id string
			if err := tx.QueryRow(ctx, `INSERT INTO things (id, org_id) VALUES ($1, $2) RETURNING id`, "d", "o").Scan(&id); err != nil || id != "d" {
				t.Errorf("RETURNING gave %q, %v", id, err)
			}
			if n := count(t, db); n != 1 {
				t.Errorf("a reader sees %d rows before the commit", n)
			}
			return nil
		}))
		if _, err := db.Read().Exec(ctx, `DELETE FROM things`); err == nil {
			t.Error("Exec on Read() works")
		}
	})
}

// A failed statement ends its transaction on both databases, whatever the function makes of it.
func TestFailedStatementEndsTx(t *testing.T) {
	ctx := context.Background()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		must(t, run(db, `INSERT INTO things (id, org_id) VALUES ('a', 'o')`))
		for name, statement := range map[string]func(tx *store.Tx) error{
			"exec": func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO things (id, org_id) VALUES ('a', 'o')`)
				return err
			},
			"row": func(tx *store.Tx) error {
				var id string
				return tx.QueryRow(ctx, `INSERT INTO things (id, org_id) VALUES ('a', 'o') RETURNING id`).Scan(&id)
			},
			"query": func(tx *store.Tx) error { _, err := tx.Query(ctx, `SELECT * FROM nowhere`); return err },
		} {
			var first error
			err := db.Tx(ctx, func(tx *store.Tx) error {
				if err := tx.QueryRow(ctx, `SELECT id FROM things WHERE id = 'none'`).Scan(new(string)); !errors.Is(err, store.ErrNoRows) {
					t.Errorf("%s: no row gave %v", name, err)
				}
				if _, err := tx.Exec(ctx, `INSERT INTO things (id, org_id) VALUES ('b', 'o')`); err != nil {
					t.Errorf("%s: %v after a query without rows", name, err)
				}
				first = statement(tx)
				if first == nil {
					t.Errorf("%s: no error", name)
				}
				_, e1 := tx.Exec(ctx, `DELETE FROM things`)
				_, e2 := tx.Query(ctx, `SELECT 1`)
				e3 := tx.QueryRow(ctx, `SELECT 1`).Scan(new(int))
				if e1 == nil || e2 == nil || e3 == nil {
					t.Errorf("%s: statements after a failed one: %v, %v, %v", name, e1, e2, e3)
				}
				return nil
			})
			if err == nil || err.Error() != first.Error() {
				t.Errorf("%s: committed with %v, want %v", name, err, first)
			}
			if n := count(t, db); n != 1 {
				t.Errorf("%s: %d rows", name, n)
			}
		}
	})
}

func TestConcurrentTransactions(t *testing.T) {
	ctx := context.Background()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		must(t, run(db, `INSERT INTO things (id, org_id, created_at) VALUES ('counter', 'o', 0)`))
		const workers, each = 16, 20
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					if err := db.Tx(ctx, func(tx *store.Tx) error {
						_, err := tx.Exec(ctx, `UPDATE things SET created_at = created_at + 1 WHERE id = 'counter'`)
						return err
					}); err != nil {
						t.Error(err)
					}
					var n int64
					if err := db.Read().QueryRow(ctx, `SELECT created_at FROM things WHERE id = 'counter'`).Scan(&n); err != nil || n == 0 {
						t.Errorf("read %d, %v", n, err)
					}
				}
			})
		}
		wg.Wait()
		var n int
		must(t, db.Read().QueryRow(ctx, `SELECT created_at FROM things`).Scan(&n))
		if n != workers*each {
			t.Errorf("%d, want %d: an update was lost", n, workers*each)
		}
	})
}

// A deadlock on PostgreSQL is resolved by running one transaction again.
func TestDeadlockIsRetried(t *testing.T) {
	ctx := context.Background()
	db := storetest.Open(t, storetest.Postgres(t), store.Options{})
	thingsTable(t, db)
	must(t, run(db, `INSERT INTO things (id, org_id) VALUES ('a', 'o'), ('b', 'o')`))
	var barrier, wg sync.WaitGroup
	barrier.Add(2)
	runs := [2]int{}
	for i, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			if err := db.Tx(ctx, func(tx *store.Tx) error {
				for n, id := range order {
					if _, err := tx.Exec(ctx, `UPDATE things SET created_at = created_at + 1 WHERE id = $1`, id); err != nil {
						return err
					}
					if n == 0 && runs[i] == 0 {
						runs[i]++
						barrier.Done()
						barrier.Wait()
					}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var sum int
	must(t, db.Read().QueryRow(ctx, `SELECT sum(created_at) FROM things`).Scan(&sum))
	if sum != 4 {
		t.Errorf("sum %d, want 4", sum)
	}
}

// The writer goes to those who wait in the order they came, and waiting ends with the context or WriteWait.
func TestWriterTurns(t *testing.T) {
	ctx := context.Background()
	db := storetest.Open(t, storetest.SQLite(t), store.Options{WriteWait: 300 * time.Millisecond})
	thingsTable(t, db)
	var order []int
	var wg sync.WaitGroup
	err := db.Tx(ctx, func(*store.Tx) error {
		for i := range 5 {
			wg.Go(func() {
				if err := db.Tx(ctx, func(*store.Tx) error { order = append(order, i); return nil }); err != nil {
					t.Error(err)
				}
			})
			for db.Stats().WriterWaiting != int64(i+1) {
				runtime.Gosched()
			}
			time.Sleep(5 * time.Millisecond) // from the counter into the queue
		}
		short, cancel := context.WithCancel(ctx)
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := db.Exec(short, `DELETE FROM things`); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting with an ended context gave %v", err)
		}
		return nil
	})
	must(t, err)
	wg.Wait()
	if fmt.Sprint(order) != "[0 1 2 3 4]" {
		t.Errorf("order %v", order)
	}
	// A transaction inside a transaction waits for itself, but not for ever, and is told why.
	err = db.Tx(ctx, func(*store.Tx) error {
		return db.Tx(ctx, func(*store.Tx) error { t.Error("nested transaction ran"); return nil })
	})
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "inside a transaction") {
		t.Errorf("nested transaction gave %v", err)
	}
}

func TestCanceledQuery(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(30*time.Millisecond, cancel)
		var n int64
		err := db.Read().QueryRow(ctx, `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000000) SELECT count(*) FROM c`).Scan(&n)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %d, %v", n, err)
		}
		must(t, db.Ping(context.Background()))
	})
}

func TestPage(t *testing.T) {
	ctx := context.Background()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		// Two rows of the same time each: the id decides. "x" belongs to somebody else.
		for i := range 10 {
			must(t, run(db, `INSERT INTO things (id, org_id, created_at) VALUES ($1, 'o', $2)`, fmt.Sprintf("t%d", i), int64(i/2)))
		}
		must(t, run(db, `INSERT INTO things (id, org_id, created_at) VALUES ('x', 'other', 3)`))
		list := store.List{Columns: "id", From: "things", Where: "org_id = $1", Args: []any{"o"}}
		scan := func(s store.Scanner) (id string, err error) { return id, s.Scan(&id) }
		for _, c := range []struct {
			p    store.Paging
			want string
			more bool
		}{
			{store.Paging{}, "t9 t8 t7 t6 t5 t4 t3 t2 t1 t0", false},
			{store.Paging{Limit: 3}, "t9 t8 t7", true},
			{store.Paging{Limit: 3, After: "t7"}, "t6 t5 t4", true},
			{store.Paging{Limit: 4, After: "t4"}, "t3 t2 t1 t0", false},
			{store.Paging{Limit: 4, After: "t0"}, "", false},
			{store.Paging{Limit: 3, Order: "asc"}, "t0 t1 t2", true},
			{store.Paging{Limit: 3, Order: "asc", After: "t2"}, "t3 t4 t5", true},
			{store.Paging{Limit: 3, Before: "t4"}, "t7 t6 t5", true},
			{store.Paging{Limit: 10, Before: "t7"}, "t9 t8", false},
			{store.Paging{Limit: 3, Order: "asc", Before: "t4"}, "t1 t2 t3", true},
			{store.Paging{Limit: 10, After: "t8", Before: "t5"}, "t7 t6", false},
		} {
			got, more, err := store.Page(ctx, db.Read(), list, c.p, scan)
			if err != nil || strings.Join(got, " ") != c.want || more != c.more {
				t.Errorf("%+v: got %v, %v, %v; want %s, %v", c.p, got, more, err, c.want, c.more)
			}
		}
		for _, id := range []string{"none", "x", "t1\x00"} {
			_, _, err := store.Page(ctx, db.Read(), list, store.Paging{After: id}, scan)
			if e, ok := errors.AsType[*store.CursorError](err); !ok || e.ID != id || e.Param != "after" {
				t.Errorf("after=%q gave %v", id, err)
			}
		}
		for _, p := range []store.Paging{{Limit: -1}, {Limit: 101}, {Order: "up"}} {
			if _, _, err := store.Page(ctx, db.Read(), list, p, scan); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%+v gave %v", p, err)
			}
		}
	})
}

func TestInsertMany(t *testing.T) {
	ctx := context.Background()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		var rows [][]any
		for i := range 1500 {
			rows = append(rows, []any{fmt.Sprint("id", i), "o", int64(i)})
		}
		must(t, db.Tx(ctx, func(tx *store.Tx) error {
			n, err := store.InsertMany(ctx, tx, "things", "id, org_id, created_at", rows, "")
			if n != 1500 {
				t.Errorf("inserted %d", n)
			}
			return err
		}))
		must(t, db.Tx(ctx, func(tx *store.Tx) error {
			n, err := store.InsertMany(ctx, tx, "things", "id, org_id, created_at", rows[:3], "ON CONFLICT (id) DO NOTHING")
			if n != 0 {
				t.Errorf("inserted %d duplicates", n)
			}
			return err
		}))
		err := db.Tx(ctx, func(tx *store.Tx) error {
			_, err := store.InsertMany(ctx, tx, "things", "id, org_id", [][]any{{"z"}}, "")
			return err
		})
		if err == nil {
			t.Error("a short row was taken")
		}
		if n := count(t, db); n != 1500 {
			t.Errorf("%d rows", n)
		}
	})
}

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
