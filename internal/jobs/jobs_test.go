package jobs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

type look struct {
	ID string `json:"id"`
}

func (look) Kind() string { return "test.look" }

type other struct{}

func (other) Kind() string { return "test.other" }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newJobs(t testing.TB, db *store.DB) *jobs.Jobs {
	t.Helper()
	j, err := jobs.New(context.Background(), db, jobs.Options{})
	must(t, err)
	return j
}

func stop(t testing.TB, j *jobs.Jobs) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	must(t, j.Stop(ctx))
}

func enqueue(t testing.TB, db *store.DB, j *jobs.Jobs, args ...jobs.Args) {
	t.Helper()
	ctx := context.Background()
	must(t, db.Tx(ctx, func(tx *store.Tx) error {
		for _, a := range args {
			if err := j.Enqueue(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	}))
}

// recv waits for a value, generously: the machine may be busy.
func recv[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

func TestEnqueueAndWork(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		j := newJobs(t, db)
		got := make(chan string, 100)
		jobs.Register(j, jobs.Kind{}, func(_ context.Context, a look) error { got <- a.ID; return nil })
		jobs.Register(j, jobs.Kind{Queue: "slow", Workers: 1}, func(context.Context, other) error { got <- "other"; return nil })
		enqueue(t, db, j, look{"before start"})
		must(t, j.Start(ctx))
		defer stop(t, j)
		if id := recv(t, got, "the job from before"); id != "before start" {
			t.Errorf("got %q", id)
		}
		// With an undone transaction the job is undone, too.
		boom := errors.New("boom")
		if err := db.Tx(ctx, func(tx *store.Tx) error {
			must(t, j.Enqueue(ctx, tx, look{"never"}))
			return boom
		}); err != boom {
			t.Error(err)
		}
		var want, all []string
		for i := range 30 {
			want = append(want, fmt.Sprint(i))
			enqueue(t, db, j, look{fmt.Sprint(i)})
		}
		want = append(want, "other")
		enqueue(t, db, j, other{})
		for range want {
			all = append(all, recv(t, got, "a job"))
		}
		slices.Sort(want)
		slices.Sort(all)
		if !slices.Equal(all, want) {
			t.Errorf("ran %v", all)
		}
		err := db.Tx(ctx, func(tx *store.Tx) error { return j.Enqueue(ctx, tx, unknown{}) })
		if err == nil || !strings.Contains(err.Error(), "test.unknown") {
			t.Errorf("unknown kind: %v", err)
		}
	})
}

type unknown struct{}

func (unknown) Kind() string { return "test.unknown" }

type short struct{}

func (short) Kind() string { return "x" }

func TestRegisterRefusesBadKinds(t *testing.T) {
	j := newJobs(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	jobs.Register(j, jobs.Kind{}, func(context.Context, look) error { return nil })
	for name, register := range map[string]func(){
		"twice": func() { jobs.Register(j, jobs.Kind{}, func(context.Context, look) error { return nil }) },
		"short": func() { jobs.Register(j, jobs.Kind{}, func(context.Context, short) error { return nil }) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			register()
		}()
	}
}

func TestRetryLaterPermanentPanic(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		j := newJobs(t, db)
		var mu sync.Mutex
		runs := map[string]int{}
		done := make(chan string, 10)
		jobs.Register(j, jobs.Kind{Timeout: time.Minute}, func(_ context.Context, a look) error {
			mu.Lock()
			runs[a.ID]++
			n := runs[a.ID]
			mu.Unlock()
			if n == 2 {
				done <- a.ID
				return nil
			}
			switch a.ID {
			case "error":
				return errors.New("once")
			case "panic":
				panic("once")
			case "later":
				return fmt.Errorf("not yet: %w", jobs.Later(time.Millisecond))
			}
			done <- a.ID
			return jobs.Permanent(errors.New("hopeless"))
		})
		must(t, j.Start(ctx))
		defer stop(t, j)
		enqueue(t, db, j, look{"error"}, look{"panic"}, look{"later"}, look{"permanent"})
		var got []string
		for range 4 {
			got = append(got, recv(t, done, "a second run"))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != "error later panic permanent" {
			t.Errorf("got %v", got)
		}
		mu.Lock()
		defer mu.Unlock()
		if runs["permanent"] != 1 {
			t.Errorf("the permanent one ran %d times", runs["permanent"])
		}
	})
}

func TestEnqueueAt(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		j := newJobs(t, db)
		ran := make(chan time.Time, 1)
		jobs.Register(j, jobs.Kind{}, func(context.Context, look) error { ran <- time.Now(); return nil })
		must(t, j.Start(ctx))
		defer stop(t, j)
		due := time.Now().Add(time.Second)
		must(t, db.Tx(ctx, func(tx *store.Tx) error { return j.EnqueueAt(ctx, tx, due, look{"a"}) }))
		// SQLite keeps the time in milliseconds.
		if at := recv(t, ran, "the scheduled job"); at.Before(due.Add(-time.Millisecond)) {
			t.Errorf("ran %s too early", due.Sub(at))
		}
	})
}

// Stop lets jobs finish; when its patience ends they are interrupted, and the next start has them again
// at once and with no attempt lost.
func TestStop(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		j := newJobs(t, db)
		started, finish := make(chan bool, 1), make(chan bool)
		jobs.Register(j, jobs.Kind{}, func(context.Context, look) error { started <- true; <-finish; return nil })
		must(t, j.Start(ctx))
		enqueue(t, db, j, look{"patient"})
		recv(t, started, "the job")
		stopped := make(chan error)
		go func() { stopped <- j.Stop(ctx) }()
		select {
		case err := <-stopped:
			t.Fatalf("Stop did not wait: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		close(finish)
		must(t, recv(t, stopped, "Stop"))

		j = newJobs(t, db)
		jobs.Register(j, jobs.Kind{MaxAttempts: 1}, func(ctx context.Context, _ look) error {
			started <- true
			<-ctx.Done()
			return ctx.Err()
		})
		must(t, j.Start(ctx))
		enqueue(t, db, j, look{"interrupted"})
		recv(t, started, "the second job")
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		must(t, j.Stop(short))

		j = newJobs(t, db)
		again := make(chan string, 1)
		jobs.Register(j, jobs.Kind{MaxAttempts: 1}, func(_ context.Context, a look) error { again <- a.ID; return nil })
		must(t, j.Start(ctx))
		defer stop(t, j)
		if id := recv(t, again, "the interrupted job"); id != "interrupted" {
			t.Errorf("got %q", id)
		}
	})
}

// A process that is killed in the middle of a job leaves it to the next one; a job that had its last
// attempt is given up.
func TestKilled(t *testing.T) {
	if url := os.Getenv("JOBS_TEST_CHILD"); url != "" {
		db, err := store.Open(context.Background(), url, store.Options{})
		must(t, err)
		j := newJobs(t, db)
		jobs.Register(j, jobs.Kind{}, func(_ context.Context, a look) error {
			fmt.Println("child runs", a.ID)
			select {}
		})
		jobs.Register(j, jobs.Kind{MaxAttempts: 1}, func(context.Context, other) error {
			fmt.Println("child runs other")
			select {}
		})
		must(t, j.Start(context.Background()))
		enqueue(t, db, j, look{"precious"}, other{})
		time.Sleep(time.Minute)
		return
	}
	t.Parallel()
	storetest.RunURL(t, func(t *testing.T, url string) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "JOBS_TEST_CHILD="+url)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := make(chan string, 10)
		go func() {
			s := bufio.NewScanner(out)
			for s.Scan() {
				lines <- s.Text()
			}
		}()
		both := []string{recv(t, lines, "the child's job"), recv(t, lines, "the child's other job")}
		slices.Sort(both)
		if strings.Join(both, ", ") != "child runs other, child runs precious" {
			t.Fatalf("child: %v", both)
		}

		db := storetest.Open(t, url, store.Options{})
		j := newJobs(t, db)
		ran := make(chan string, 2)
		jobs.Register(j, jobs.Kind{}, func(_ context.Context, a look) error { ran <- a.ID; return nil })
		jobs.Register(j, jobs.Kind{MaxAttempts: 1}, func(context.Context, other) error { ran <- "other"; return nil })
		if db.Dialect() == store.Postgres {
			// While the child lives its job is its own.
			must(t, j.Start(context.Background()))
			select {
			case id := <-ran:
				t.Fatalf("%s was taken from a living server", id)
			case <-time.After(200 * time.Millisecond):
			}
		}
		must(t, cmd.Process.Kill())
		_ = cmd.Wait()
		if db.Dialect() == store.SQLite {
			must(t, j.Start(context.Background()))
		}
		defer stop(t, j)
		if id := recv(t, ran, "the dead server's job"); id != "precious" {
			t.Errorf("ran %q", id)
		}
		// The other one had its only attempt.
		var state string
		must(t, db.Read().QueryRow(context.Background(), `SELECT state FROM river_job WHERE kind = 'test.other'`).Scan(&state))
		if state != "discarded" {
			t.Errorf("the job without attempts is %s", state)
		}
	})
}

// Two servers on one PostgreSQL share the work, and each job runs once.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	ctx := context.Background()
	ran := make(chan string, 200)
	var dbs []*store.DB
	var all []*jobs.Jobs
	var wg sync.WaitGroup
	for range 2 {
		db := storetest.Open(t, url, store.Options{})
		dbs = append(dbs, db)
	}
	made := make([]*jobs.Jobs, 2)
	for i, db := range dbs {
		// Both make the tables at once.
		wg.Go(func() { made[i] = newJobs(t, db) })
	}
	wg.Wait()
	for _, j := range made {
		jobs.Register(j, jobs.Kind{}, func(_ context.Context, a look) error { ran <- a.ID; return nil })
		must(t, j.Start(ctx))
		defer stop(t, j)
		all = append(all, j)
	}
	seen := map[string]bool{}
	for i := range 50 {
		enqueue(t, dbs[i%2], all[i%2], look{fmt.Sprint(i)})
	}
	for range 50 {
		id := recv(t, ran, "a job")
		if seen[id] {
			t.Errorf("%s ran twice", id)
		}
		seen[id] = true
	}
}

// BenchmarkPickup measures the time from a committed Enqueue to the first line of the job's function.
func BenchmarkPickup(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := storetest.Open(b, url(b), store.Options{})
			j := newJobs(b, db)
			ran := make(chan time.Time, 1)
			jobs.Register(j, jobs.Kind{}, func(context.Context, look) error { ran <- time.Now(); return nil })
			must(b, j.Start(context.Background()))
			defer stop(b, j)
			var took []time.Duration
			for b.Loop() {
				enqueue(b, db, j, look{"x"})
				committed := time.Now()
				took = append(took, max(0, recv(b, ran, "the job").Sub(committed)))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkThroughput measures jobs enqueued one by one, from several goroutines, and done.
func BenchmarkThroughput(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := storetest.Open(b, url(b), store.Options{})
			j := newJobs(b, db)
			var wg sync.WaitGroup
			jobs.Register(j, jobs.Kind{Workers: 100}, func(context.Context, look) error { wg.Done(); return nil })
			must(b, j.Start(context.Background()))
			defer stop(b, j)
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					wg.Add(1)
					enqueue(b, db, j, look{"x"})
				}
			})
			wg.Wait()
		})
	}
}
