package usage

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// benchDays is over how long the generated rows are spread.
const benchDays = 90

// benchMinutes is for how many days sums by minute are there, as if an operator kept them so long.
const benchMinutes = 7

// generate writes n rows, the same for the same n, and their sums: 4 projects, 24 keys of 12 users, each with two of 8 names of models,
// 200 end users of two keys. Sums are made as the server makes them, and written once a day's rows are there.
func generate(b *testing.B, db *store.DB, n int) {
	b.Helper()
	ctx := context.Background()
	r := rand.New(rand.NewPCG(1, 2))
	l := newLog(b, db, clock.NewFake(begin))
	statuses := []int{429, 400, 499, 500}
	const chunk = 20000
	step := benchDays * Day / time.Duration(n)
	var names [1000]string
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	added, day := sums{}, time.Time{}
	flush := func() {
		all := added.expand()
		for g := range all {
			if g.span == Minute && g.start < store.Millis(begin.AddDate(0, 0, -benchMinutes)) {
				delete(all, g)
			}
		}
		must(b, db.Tx(ctx, func(tx *store.Tx) error { return writeSums(ctx, tx, all) }))
		added = sums{}
	}
	events := make([]*event, 0, chunk)
	for at := 0; at < n; at += chunk {
		events = events[:0]
		for i := at; i < min(n, at+chunk); i++ {
			key := r.IntN(24)
			status := 200
			if r.IntN(20) == 0 {
				status = statuses[r.IntN(len(statuses))]
			}
			e := &event{id: int64(i) + firstID(1<<20), at: begin.AddDate(0, 0, -benchDays).Add(time.Duration(i) * step), who: who, class: Completions, priced: true,
				cost: Cost{Total: r.Int64N(1e7)}, requestID: "req_" + strconv.Itoa(i), row: Row{Op: "createChatCompletion", Model: "model-" + names[(key+r.IntN(2))%8],
					Served: "m", Requests: 1, Prompt: r.IntN(4000), Completion: r.IntN(800), Status: status,
					Latency: time.Duration(r.ExpFloat64() * float64(2*time.Second)), FirstToken: time.Duration(r.ExpFloat64() * float64(300*time.Millisecond))}}
			e.who.Key, e.who.User, e.who.Project = "key_"+names[key], "user-"+names[key/2], "proj_"+names[key%4]
			if key%12 == 0 {
				e.row.EndUser = "end-" + names[r.IntN(200)]
			}
			if d := e.at.Truncate(Day); d != day {
				flush()
				day = d
			}
			events = append(events, e)
			added.add(e)
		}
		must(b, db.Tx(ctx, func(tx *store.Tx) error {
			if tx.Dialect() == store.Postgres {
				if err := l.addMonths(ctx, tx, events); err != nil {
					return err
				}
			}
			return insert(ctx, tx, events)
		}))
	}
	flush()
	if db.Dialect() == store.Postgres {
		_, err := db.Exec(ctx, `ANALYZE`) // as autovacuum does after a while
		must(b, err)
	}
	must(b, l.Close(ctx))
}

// size is how much room the database takes, in bytes.
func size(b *testing.B, db *store.DB) (n int64) {
	query := `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	if db.Dialect() == store.Postgres {
		query = `SELECT pg_database_size(current_database())`
	}
	must(b, db.Read().QueryRow(context.Background(), query).Scan(&n))
	return n
}

// BenchmarkViews measures what the console asks for, over USAGE_BENCH_ROWS rows (a million): the 95th percentile of
// each view is printed. USAGE_BENCH_DB names a database that is filled once and kept, to ask it again.
func BenchmarkViews(b *testing.B) {
	n := 1_000_000
	if text := os.Getenv("USAGE_BENCH_ROWS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		must(b, err)
	}
	url := storetest.SQLite(b)
	if os.Getenv(storetest.Env) != "" {
		url = storetest.Postgres(b)
	}
	if kept := os.Getenv("USAGE_BENCH_DB"); kept != "" {
		url = kept
	}
	db := storetest.Open(b, url, store.Options{})
	var there bool
	must(b, db.Read().QueryRow(context.Background(), `SELECT EXISTS (SELECT 1 FROM usage_requests)`).Scan(&there))
	if started := time.Now(); !there {
		generate(b, db, n)
		b.Logf("%d rows in %s", n, time.Since(started).Round(time.Second))
	}
	b.Logf("%.2f GB", float64(size(b, db))/1e9)
	l := newLog(b, db, clock.NewFake(begin))
	defer func() { must(b, l.Close(context.Background())) }()
	last := func(d time.Duration) Filter { return Filter{From: begin.Add(-d), To: begin} }
	only := func(f Filter, d Dimension, values ...string) Filter {
		f.Only = map[Dimension][]string{d: values}
		return f
	}
	sum := func(q Query) func() error {
		q.Percentiles = true
		return func() error { _, err := l.Sums(context.Background(), who, q); return err }
	}
	list := func(f Filter) func() error {
		return func() error { _, _, err := l.Requests(context.Background(), who, f, 0, 100); return err }
	}
	for _, v := range []struct {
		name string
		ask  func() error
	}{
		{"days_by_model_90d", sum(Query{Filter: last(benchDays * Day), Span: Day, By: []Dimension{ByModel}})},
		{"days_by_key_90d", sum(Query{Filter: last(benchDays * Day), Span: Day, By: []Dimension{ByKey}})},
		{"hours_by_model_7d", sum(Query{Filter: last(7 * Day), Span: Hour, By: []Dimension{ByModel}})},
		{"hours_31d", sum(Query{Filter: last(31 * Day), Span: Hour})},
		{"minutes_1d", sum(Query{Filter: last(Day), Span: Minute})},
		{"all_by_end_user_31d", sum(Query{Filter: last(31 * Day), Span: Day, Whole: true, By: []Dimension{ByEndUser}})},
		{"days_of_an_end_user_31d", sum(Query{Filter: only(last(31*Day), ByEndUser, "end-7"), Span: Day, By: []Dimension{ByModel}})},
		{"requests_of_an_end_user", list(only(last(benchDays*Day), ByEndUser, "end-7"))},
		{"use_of_30d_for_a_request", func() error {
			_, err := l.Days(context.Background(), who, only(last(30*Day), ByModel, "model-1"))
			return err
		}},
		{"minutes_of_a_key_1d", sum(Query{Filter: only(last(Day), ByKey, "key_1"), Span: Minute})},
		{"all_by_user_90d", sum(Query{Filter: last(benchDays * Day), Span: Day, Whole: true, By: []Dimension{ByUser}})},
		{"all_by_outcome_31d", sum(Query{Filter: last(31 * Day), Span: Hour, Whole: true, By: []Dimension{ByOutcome}})},
		{"requests", list(last(benchDays * Day))},
		{"requests_of_a_key", list(only(last(benchDays*Day), ByKey, "key_1"))},
		{"requests_failed", list(only(last(benchDays*Day), ByOutcome, Failed))},
		{"requests_of_none", list(only(last(benchDays*Day), ByModel, "no-such-model"))},
	} {
		b.Run(v.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				at := time.Now()
				must(b, v.ask())
				took = append(took, time.Since(at))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
