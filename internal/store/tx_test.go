package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

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
