package usage

import (
	"context"
	"fmt"
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

// generate writes n rows, the same for the same n, and their sums: 4 projects, 24 keys, 8 names of models, with
// more of everything by day than by night.
func generate(b *testing.B, db *store.DB, n int) {
	b.Helper()
	ctx := context.Background()
	r := rand.New(rand.NewPCG(1, 2))
	l := newLog(b, db, clock.NewFake(begin))
	statuses := []int{200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 429, 400, 499, 500}
	const chunk = 20000
	step := benchDays * Day / time.Duration(n)
	for at := 0; at < n; at += chunk {
		events, added := make([]*event, 0, chunk), sums{}
		for i := at; i < min(n, at+chunk); i++ {
			key := r.IntN(24)
			e := &event{id: int64(i) + firstID(1<<20), at: begin.AddDate(0, 0, -benchDays).Add(time.Duration(i) * step), who: who, class: Completions, priced: true,
				cost: Cost{Total: r.Int64N(1e7)}, requestID: "req_" + strconv.Itoa(i), row: Row{Op: "createChatCompletion", Model: "model-" + strconv.Itoa(r.IntN(8)),
					Served: "m", Requests: 1, Prompt: r.IntN(4000), Completion: r.IntN(800), Status: statuses[r.IntN(len(statuses))],
					Latency: time.Duration(r.ExpFloat64() * float64(2*time.Second)), FirstToken: time.Duration(r.ExpFloat64() * float64(300*time.Millisecond))}}
			e.who.Key, e.who.User, e.who.Project = fmt.Sprint("key_", key), fmt.Sprint("user-", key/2), fmt.Sprint("proj_", key%4)
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
		rolled, err := rolledOf(ctx, db, l.rollup.writer)
		must(b, err)
		must(b, addSums(ctx, db, l.rollup.writer, rolled, rolled, added))
	}
	must(b, l.Close(ctx))
}

// BenchmarkViews measures what the console asks for, over USAGE_BENCH_ROWS rows (a million): the 95th percentile of
// each view is printed.
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
	db := storetest.Open(b, url, store.Options{})
	started := time.Now()
	generate(b, db, n)
	b.Logf("%d rows in %s", n, time.Since(started).Round(time.Second))
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
