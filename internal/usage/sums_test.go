package usage

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestWholeTimes: a sum of all of a time is what its minutes or hours come to, wherever it begins and ends.
func TestWholeTimes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		chance := rand.New(rand.NewPCG(1, 2))
		clk := clock.NewFake(begin)
		l := newLog(t, db, clk)
		for i := range 400 {
			clk.Advance(time.Duration(chance.IntN(20*60)) * time.Minute / 20)
			l.Record(t.Context(), who, Row{Op: "chat", Model: fmt.Sprint("m", i%3), Prompt: i, Status: []int{200, 429, 500, 200}[i%4], EndUser: []string{"", "mary", "john"}[i%3], Latency: time.Second})
			if i%20 == 0 {
				must(t, l.Flush(t.Context()))
			}
		}
		must(t, l.Flush(t.Context()))
		end := clk.Now()
		for range 60 {
			from := begin.Add(time.Duration(chance.Int64N(int64(end.Sub(begin)))))
			to := from.Add(time.Duration(chance.Int64N(int64(end.Sub(begin)))))
			span, by := Minute, ByModel
			if chance.IntN(2) == 0 {
				span, by = Hour, ByEndUser
			}
			parts, err := l.Sums(t.Context(), who, Query{Filter: Filter{From: from, To: to}, Span: span, By: []Dimension{by}, Percentiles: true})
			must(t, err)
			want := map[string]Bucket{}
			for _, b := range parts {
				sum := want[b.Group[0]]
				sum.merge(&b.Sum)
				sum.Errors += b.Errors
				want[b.Group[0]] = sum
			}
			got, err := l.Sums(t.Context(), who, Query{Filter: Filter{From: from, To: to}, Span: span, Whole: true, By: []Dimension{by}, Percentiles: true})
			must(t, err)
			if len(got) != len(want) {
				t.Errorf("%s to %s: %d groups, want %d", from, to, len(got), len(want))
			}
			for _, b := range got {
				if w := want[b.Group[0]]; b.Sum != w.Sum || b.Errors != w.Errors {
					t.Errorf("%s to %s by %s, %s: %+v, want %+v", from, to, by, b.Group[0], b, w)
				}
			}
		}
		must(t, l.Close(t.Context()))
	})
}

// TestTop: the groups that cost most, and all others as one, of which nothing is missing.
func TestTop(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin)
		l := newLog(t, db, clk)
		for day := range 3 {
			for i := range 10 { // end-i costs i times as much; end-9 and end-8 are of different days
				if i == 8 && day != 1 || i == 9 && day != 2 {
					continue
				}
				for range i + 1 {
					l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Requests: 1, Prompt: 10, Completion: i, Status: []int{200, 500}[i%2], EndUser: fmt.Sprint("end-", i), Latency: time.Second})
				}
			}
			l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Requests: 1, Prompt: 10, Status: 200}) // of none
			must(t, l.Flush(t.Context()))
			clk.Advance(Day)
		}
		f := Filter{From: begin.Truncate(Day), To: begin.Add(3 * Day)}
		show := func(q Query) string {
			got, err := l.Sums(t.Context(), who, q)
			must(t, err)
			var out []string
			for _, b := range got {
				name, seconds := b.Group[0], int64(0)
				if b.Others {
					name = "others" + name
				}
				for _, n := range b.Latency {
					seconds += n
				}
				day := ""
				if !q.Whole {
					day = b.Start.Format("2 ")
				}
				out = append(out, fmt.Sprintf("%s%s %d/%d/%d", day, name, b.Requests, b.Errors, seconds))
			}
			return strings.Join(out, ", ")
		}
		for _, tt := range []struct {
			q    Query
			want string
		}{
			{Query{Filter: f, Span: Day, Whole: true, By: []Dimension{ByEndUser}, Percentiles: true, Top: 2}, "end-6 21/0/21, end-7 24/24/24, others 82/46/82"},
			{Query{Filter: f, Span: Day, By: []Dimension{ByEndUser}, Percentiles: true, Top: 2},
				"4 end-6 7/0/7, 4 end-7 8/8/8, 4 others 21/12/21, 5 end-6 7/0/7, 5 end-7 8/8/8, 5 others 30/12/30, 6 end-6 7/0/7, 6 end-7 8/8/8, 6 others 31/22/31"},
			{Query{Filter: withOnly(f, ByModel, "gpt-4"), Span: Hour, Whole: true, By: []Dimension{ByEndUser}, Percentiles: true, Top: 1}, "end-7 24/24/24, others 103/46/103"},
			{Query{Filter: withOnly(f, ByOutcome, OK), Span: Day, Whole: true, By: []Dimension{ByEndUser}, Percentiles: true, Top: 1}, "end-6 21/0/21, others 36/0/36"},
			{Query{Filter: withOnly(f, ByEndUser, "end-1", "end-2"), Span: Day, Whole: true, By: []Dimension{ByEndUser}, Percentiles: true, Top: 1}, "end-2 9/0/9, others 6/6/6"},
			{Query{Filter: f, Span: Day, Whole: true, By: []Dimension{ByOutcome}, Percentiles: true, Top: 1}, "failed 70/70/70, others 60/0/60"},
			{Query{Filter: f, Span: Day, Whole: true, By: []Dimension{ByOutcome}, Percentiles: true, Top: 2}, "failed 70/70/70, ok 60/0/60"},
		} {
			if got := show(tt.q); got != tt.want {
				t.Errorf("%+v:\n%s, want\n%s", tt.q, got, tt.want)
			}
		}
		must(t, l.Close(t.Context()))
	})
}
