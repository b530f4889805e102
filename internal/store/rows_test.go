package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

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
