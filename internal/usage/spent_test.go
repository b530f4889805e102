package usage

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestSpent: rows that another process has written and not added to the sums are counted, once, before and after somebody adds them.
func TestSpent(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin)
		l := newLog(t, db, clk)
		l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Prompt: 1000, Status: 200})
		must(t, l.Flush(t.Context()))
		own, err := l.Spent(t.Context(), "org-a", begin.Truncate(Day), begin.Truncate(Day).Add(Day))
		must(t, err)
		unit := own["proj_a"]
		if unit <= 0 {
			t.Fatalf("%v", own)
		}
		// Another process, which has died with rows of its own.
		writer, err := addWriter(t.Context(), db, begin)
		must(t, err)
		for i, e := range []event{
			{at: begin, who: who}, {at: begin.Add(time.Second), who: who}, {at: begin, who: actor.Actor{Org: "org-a", Project: "proj_2"}},
			{at: begin, who: actor.Actor{Org: "org-b", Project: "proj_b"}}, {at: begin.AddDate(0, -1, 0), who: who},
		} {
			e.id, e.cost, e.class, e.row.Status = firstID(writer)+int64(i), Cost{Total: 7}, Completions, 200
			if db.Dialect() == store.Postgres {
				must(t, db.Tx(t.Context(), func(tx *store.Tx) error { return l.addMonths(t.Context(), tx, []*event{&e}) }))
			}
			must(t, writeAgain(t.Context(), db, []*event{&e}))
		}
		check := func(when string) {
			t.Helper()
			for _, q := range []struct {
				from, to time.Time
				want     string
			}{
				{begin.Truncate(Day), begin.Truncate(Day).Add(Day), fmt.Sprint(map[string]int64{"proj_2": 7, "proj_a": unit + 14})},
				{begin.Truncate(time.Minute), begin.Add(time.Hour), fmt.Sprint(map[string]int64{"proj_2": 7, "proj_a": unit + 14})},
				{begin.AddDate(0, -2, 0).Truncate(Day), begin.Truncate(Day), fmt.Sprint(map[string]int64{"proj_a": 7})},
				{begin.Add(time.Hour), begin.Add(2 * time.Hour), "map[]"},
			} {
				got, err := l.Spent(t.Context(), "org-a", q.from, q.to)
				must(t, err)
				if fmt.Sprint(got) != q.want {
					t.Errorf("%s, from %v to %v: %v, want %s", when, q.from, q.to, got, q.want)
				}
			}
		}
		check("before")
		clk.Advance(time.Minute)
		must(t, l.Settle(t.Context()))
		check("after")
		must(t, l.Close(t.Context()))
	})
}
