package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func thingsBatcher(db *store.DB, o store.BatchOptions) *store.Batcher[string] {
	return store.NewBatcher(db, o, func(ctx context.Context, tx *store.Tx, ids []string) error {
		rows := make([][]any, len(ids))
		for i, id := range ids {
			rows[i] = []any{id, "o"}
		}
		_, err := store.InsertMany(ctx, tx, "things", "id, org_id", rows, "")
		return err
	})
}

func TestBatcher(t *testing.T) {
	ctx := context.Background()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		b := thingsBatcher(db, store.BatchOptions{MaxRows: 20})
		const producers, each = 32, 25
		var wg sync.WaitGroup
		for p := range producers {
			wg.Go(func() {
				for i := range each {
					id := fmt.Sprintf("%d-%d", p, i)
					if i%2 == 0 {
						if err := b.Put(id); err != nil {
							t.Error(err)
						}
						continue
					}
					if err := b.Add(ctx, id); err != nil {
						t.Error(err)
					}
					var n int
					if err := db.Read().QueryRow(ctx, `SELECT count(*) FROM things WHERE id = $1`, id).Scan(&n); err != nil || n != 1 {
						t.Errorf("an acknowledged row is not there: %d, %v", n, err)
					}
				}
			})
		}
		wg.Wait()
		must(t, b.Flush(ctx))
		if n := count(t, db); n != producers*each {
			t.Errorf("%d rows after Flush, want %d", n, producers*each)
		}
		// One bad row (a duplicate) fails alone.
		var bad, good error
		wg.Go(func() { bad = b.Add(ctx, "0-1") })
		wg.Go(func() { good = b.Add(ctx, "new") })
		wg.Wait()
		if !store.IsUnique(bad) || good != nil {
			t.Errorf("bad: %v, good: %v", bad, good)
		}
		must(t, b.Put("last"))
		must(t, b.Close(ctx))
		must(t, b.Close(ctx))
		if n := count(t, db); n != producers*each+2 {
			t.Errorf("%d rows after Close", n)
		}
		if err := b.Put("x"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("Put after Close: %v", err)
		}
		if err := b.Add(ctx, "x"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("Add after Close: %v", err)
		}
		must(t, b.Flush(ctx))
	})
}

// Rows of Put outlive a database that cannot write for a while; those who wait in Add are told at once.
func TestBatcherUnavailable(t *testing.T) {
	ctx := context.Background()
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	thingsTable(t, db)
	var mu sync.Mutex
	down := true
	b := store.NewBatcher(db, store.BatchOptions{Buffer: 4}, func(ctx context.Context, tx *store.Tx, ids []string) error {
		mu.Lock()
		defer mu.Unlock()
		if down {
			return fault.New(fault.Unavailable, "down")
		}
		for _, id := range ids {
			if _, err := tx.Exec(ctx, `INSERT INTO things (id, org_id) VALUES ($1, 'o')`, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err := b.Add(ctx, "waits"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Add: %v", err)
	}
	var err error
	taken := 0
	for err == nil && taken < 100 {
		if err = b.Put(fmt.Sprint("p", taken)); err == nil {
			taken++
		}
	}
	if fault.KindOf(err) != fault.Unavailable || taken < 4 {
		t.Errorf("took %d rows, then %v", taken, err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	if err := b.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush while down: %v", err)
	}
	cancel()
	mu.Lock()
	down = false
	mu.Unlock()
	must(t, b.Close(ctx))
	if n := count(t, db); n != taken {
		t.Errorf("%d rows, want %d", n, taken)
	}

	down = true
	b = store.NewBatcher(db, store.BatchOptions{}, func(context.Context, *store.Tx, []string) error {
		return fault.New(fault.Unavailable, "down")
	})
	must(t, b.Put("given up"))
	short, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := b.Close(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close while down: %v", err)
	}
}

// What Add acknowledged survives kill -9: a child process appends and prints each acknowledged id
// until it is killed, then the rows are counted.
func TestBatcherKilled(t *testing.T) {
	if url := os.Getenv("STORE_TEST_CHILD"); url != "" {
		appendForever(t, url)
		return
	}
	storetest.RunURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url, store.Options{})
		thingsTable(t, db)
		cmd := exec.Command(os.Args[0], "-test.run=^TestBatcherKilled$")
		cmd.Env = append(os.Environ(), "STORE_TEST_CHILD="+url)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		var acked []string
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			id, ok := strings.CutPrefix(lines.Text(), "acked ")
			if !ok {
				t.Fatalf("child: %s", lines.Text())
			}
			if acked = append(acked, id); len(acked) == 300 {
				must(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait()
		if len(acked) < 300 {
			t.Fatalf("the child acknowledged %d rows and ended", len(acked))
		}
		for _, id := range acked {
			var n int
			must(t, db.Read().QueryRow(context.Background(), `SELECT count(*) FROM things WHERE id = $1`, id).Scan(&n))
			if n != 1 {
				t.Errorf("%s was acknowledged and is lost", id)
			}
		}
	})
}

func appendForever(t *testing.T, url string) {
	db, err := store.Open(context.Background(), url, store.Options{})
	must(t, err)
	b := thingsBatcher(db, store.BatchOptions{})
	for p := range 8 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", p, i)
				if err := b.Add(context.Background(), id); err != nil {
					fmt.Println(err)
					return
				}
				fmt.Printf("acked %s\n", id)
			}
		}()
	}
	time.Sleep(time.Minute)
}

func BenchmarkAppend(b *testing.B) {
	db, err := store.Open(context.Background(), storetest.SQLite(b), store.Options{})
	must(b, err)
	defer func() { _ = db.Close() }()
	_, err = db.Exec(context.Background(), `CREATE TABLE things (id TEXT PRIMARY KEY, org_id TEXT, data TEXT)`)
	must(b, err)
	bt := store.NewBatcher(db, store.BatchOptions{}, func(ctx context.Context, tx *store.Tx, ids []string) error {
		rows := make([][]any, len(ids))
		for i, id := range ids {
			rows[i] = []any{id, "o", "some three hundred bytes would be a row of usage, this is fewer"}
		}
		_, err := store.InsertMany(ctx, tx, "things", "id, org_id, data", rows, "")
		return err
	})
	b.SetParallelism(32)
	var n sync.Mutex
	next := 0
	b.RunParallel(func(pb *testing.PB) {
		n.Lock()
		next++
		p := next
		n.Unlock()
		for i := 0; pb.Next(); i++ {
			must(b, bt.Add(context.Background(), fmt.Sprint(p, "-", i)))
		}
	})
	must(b, bt.Close(context.Background()))
}

func BenchmarkReadPoint(b *testing.B) {
	db, err := store.Open(context.Background(), storetest.SQLite(b), store.Options{})
	must(b, err)
	defer func() { _ = db.Close() }()
	must(b, db.SetSetting(context.Background(), "k", "v"))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := db.Setting(context.Background(), "k"); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkTx(b *testing.B) {
	db, err := store.Open(context.Background(), storetest.SQLite(b), store.Options{})
	must(b, err)
	defer func() { _ = db.Close() }()
	for b.Loop() {
		must(b, db.SetSetting(context.Background(), "k", "v"))
	}
}

// TestBatcherKeep: a row of Keep is durable when it returns, and while the database is down it is kept and
// written afterwards.
func TestBatcherKeep(t *testing.T) {
	ctx := context.Background()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		thingsTable(t, db)
		b := thingsBatcher(db, store.BatchOptions{Gather: time.Millisecond})
		var wg sync.WaitGroup
		for p := range 16 {
			wg.Go(func() {
				for i := range 20 {
					id := fmt.Sprintf("%d-%d", p, i)
					if taken, err := b.Keep(ctx, id); err != nil || taken {
						t.Error(taken, err)
					}
					var n int
					if err := db.Read().QueryRow(ctx, `SELECT count(*) FROM things WHERE id = $1`, id).Scan(&n); err != nil || n != 1 {
						t.Errorf("a kept row is not there: %d, %v", n, err)
					}
				}
			})
		}
		wg.Wait()
		if taken, err := b.Keep(ctx, "0-0"); taken || !store.IsUnique(err) {
			t.Errorf("a bad row: %v, %v", taken, err)
		}
		must(t, b.Close(ctx))
		if taken, err := b.Keep(ctx, "x"); taken || fault.KindOf(err) != fault.Unavailable {
			t.Errorf("Keep after Close: %v, %v", taken, err)
		}
	})
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	thingsTable(t, db)
	var down sync.Mutex // held: the database is down
	b := store.NewBatcher(db, store.BatchOptions{}, func(ctx context.Context, tx *store.Tx, ids []string) error {
		if !down.TryLock() {
			return fault.New(fault.Unavailable, "down")
		}
		defer down.Unlock()
		for _, id := range ids {
			if _, err := tx.Exec(ctx, `INSERT INTO things (id, org_id) VALUES ($1, 'o')`, id); err != nil {
				return err
			}
		}
		return nil
	})
	down.Lock()
	if taken, err := b.Keep(ctx, "later"); !taken || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Keep while down: %v, %v", taken, err)
	}
	down.Unlock()
	must(t, b.Close(ctx))
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want the one that was kept", n)
	}
}
