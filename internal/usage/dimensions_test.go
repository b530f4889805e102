package usage

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var around = Filter{From: begin.Add(-Day), To: begin.Add(Day)}

func withOnly(f Filter, d Dimension, values ...string) Filter {
	f.Only = map[Dimension][]string{d: values}
	return f
}

// tell writes sums as "group requests/tokens", in their order.
func tell(buckets []Bucket) string {
	var out []string
	for _, b := range buckets {
		out = append(out, fmt.Sprintf("%s %d/%d", strings.Join(b.Group, "+"), b.Requests, b.Prompt))
	}
	return strings.Join(out, ", ")
}

func TestEndUsers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := newLog(t, db, clock.NewFake(begin))
		for i, user := range []string{"mary", "mary", "john", "", strings.Repeat("x", 300), "mary"} {
			a := who
			a.Project = fmt.Sprint("proj_", i%2)
			l.Record(t.Context(), a, Row{Op: "chat", Model: fmt.Sprint("m", i%2), Prompt: 10 + i, Status: []int{200, 200, 500, 200, 200, 429}[i], EndUser: user, Latency: 3 * time.Millisecond})
		}
		must(t, l.Flush(t.Context()))
		long := strings.Repeat("x", 256)
		for _, tt := range []struct {
			q    Query
			want string
		}{
			{Query{Filter: around, Span: Hour, By: []Dimension{ByEndUser}}, "john 1/12, mary 3/36, " + long + " 1/14"},
			{Query{Filter: around, Span: Minute, Whole: true, By: []Dimension{ByEndUser}}, "john 1/12, mary 3/36, " + long + " 1/14"},
			{Query{Filter: withOnly(around, ByEndUser, "mary"), Span: Day, By: []Dimension{ByModel, ByOutcome}}, "m0+ok 1/10, m1+limited 1/15, m1+ok 1/11"},
			{Query{Filter: withOnly(around, ByEndUser, "nobody"), Span: Day}, ""},
		} {
			got, err := l.Sums(t.Context(), who, tt.q)
			if must(t, err); tell(got) != tt.want {
				t.Errorf("%+v: %s, want %s", tt.q, tell(got), tt.want)
			}
		}
		hours, err := l.Sums(t.Context(), who, Query{Filter: withOnly(around, ByEndUser, "mary"), Span: Hour, Percentiles: true})
		if must(t, err); len(hours) != 1 || hours[0].Latency[2] != 3 || hours[0].Errors != 1 {
			t.Errorf("mary's hour: %+v", hours)
		}
		other := who
		other.Org = "org-b"
		if got, err := l.Sums(t.Context(), other, Query{Filter: around, Span: Day, By: []Dimension{ByEndUser}}); err != nil || len(got) != 0 {
			t.Errorf("another organization sees %v, %v", got, err)
		}
		for _, q := range []Query{
			{Filter: around, Span: Day, By: []Dimension{ByEndUser, ByKey}}, {Filter: withOnly(around, ByEndUser, "mary"), Span: Day, By: []Dimension{ByUser}},
			{Filter: around, Span: Minute, By: []Dimension{ByEndUser}}, {Filter: withOnly(around, ByEndUser, ""), Span: Day},
		} {
			if _, err := l.Sums(t.Context(), who, q); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%+v: %v", q, err)
			}
		}
		// Single requests can be filtered by everything.
		f := withOnly(around, ByEndUser, "mary")
		f.Only[ByOutcome], f.Only[ByKey] = []string{OK}, []string{"key_a"}
		list, _, err := l.Requests(t.Context(), who, f, 0, 10)
		if must(t, err); len(list) != 2 || list[0].EndUser != "mary" {
			t.Errorf("mary's requests: %+v", list)
		}
		none, _, err := l.Requests(t.Context(), who, withOnly(around, ByEndUser, ""), 0, 10)
		if must(t, err); len(none) != 1 || none[0].Prompt != 13 {
			t.Errorf("requests of no end user: %+v", none)
		}
		must(t, l.Close(t.Context()))
	})
}

// TestEndUserOfARefusedRequest: a limit refuses before anything is recorded.
func TestEndUserOfARefusedRequest(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin)
		l := newLog(t, db, clk)
		served(t, l, clk, t.Context(), func(_ http.ResponseWriter, r *http.Request) error {
			l.Asked(r.Context(), "gpt-4")
			l.EndUser(r.Context(), "mary\x00\xff")
			return fault.New(fault.RateLimited, "Later.")
		})
		must(t, l.Flush(t.Context()))
		got, err := l.Sums(t.Context(), who, Query{Filter: around, Span: Day, By: []Dimension{ByEndUser, ByModel, ByOutcome}})
		if must(t, err); tell(got) != "mary+gpt-4+limited 1/0" {
			t.Error(tell(got))
		}
		must(t, l.Close(t.Context()))
	})
}

// TestUntracked: keys that are not counted apart are one in the sums; in the list of requests their owner and who manages the project see which it was.
func TestUntracked(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := newLog(t, db, clock.NewFake(begin))
		for i, k := range []struct {
			key, user string
			track     bool
		}{{"key_1", "user-1", true}, {"key_2", "user-2", false}, {"key_3", "user-3", false}, {"", "user-4", false}, {"key_2", "user-2", false}, {"key_5", "", false}} {
			l.Record(t.Context(), actor.Actor{Org: "org-a", Project: "proj_a", Key: k.key, User: k.user, Track: k.track}, Row{Op: "chat", Model: "m", Prompt: i, Status: 200})
		}
		must(t, l.Flush(t.Context()))
		sums, err := l.Sums(t.Context(), who, Query{Filter: around, Span: Day, By: []Dimension{ByKey}})
		if must(t, err); tell(sums) != " 1/3, key_1 1/0, untracked 4/12" {
			t.Errorf("sums: %s", tell(sums))
		}
		list := func(a actor.Actor, keys ...string) string {
			t.Helper()
			a.Org, a.Project = "org-a", "proj_a"
			f := around
			if len(keys) > 0 {
				f = withOnly(f, ByKey, keys...)
			}
			found, _, err := l.Requests(t.Context(), a, f, 0, 10)
			must(t, err)
			var out []string
			for _, r := range found {
				out = append(out, fmt.Sprint(r.Prompt, r.Actor.Key))
			}
			exported := []string{}
			for r, err := range l.Export(t.Context(), a, f) {
				must(t, err)
				exported = append(exported, fmt.Sprint(r.Prompt, r.Actor.Key))
			}
			if strings.Join(out, " ") != strings.Join(exported, " ") {
				t.Errorf("the export has %v, the list %v", exported, out)
			}
			return strings.Join(out, " ")
		}
		owner := actor.Actor{User: "user-9", Role: actor.Owner, Scopes: []string{actor.All}}
		member := actor.Actor{User: "user-2", Role: actor.Member, Scopes: []string{actor.UsageRead}}
		service := actor.Actor{Service: "svc_1", Scopes: []string{actor.UsageRead}}
		for _, tt := range []struct {
			who  actor.Actor
			keys []string
			want string
		}{
			{owner, nil, "5key_5 4key_2 3 2key_3 1key_2 0key_1"},
			{member, nil, "5untracked 4key_2 3 2untracked 1key_2 0key_1"},
			{service, nil, "5untracked 4untracked 3 2untracked 1untracked 0key_1"},
			{owner, []string{"key_3"}, "2key_3"},
			{member, []string{"key_3"}, ""},
			{member, []string{"key_1", "key_2"}, "4key_2 1key_2 0key_1"},
			{service, []string{"key_5"}, ""},
			{owner, []string{Untracked}, "5key_5 4key_2 2key_3 1key_2"},
			{member, []string{Untracked}, "5untracked 4key_2 2untracked 1key_2"},
		} {
			if got := list(tt.who, tt.keys...); got != tt.want {
				t.Errorf("%s %s of %v sees %q, want %q", tt.who.Role, tt.who.User, tt.keys, got, tt.want)
			}
		}
		must(t, l.Close(t.Context()))
	})
}

// TestJournalKeepsEverything: what a killed server left has its end user, and its key stays out of the sums.
func TestJournalKeepsEverything(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	dir := t.TempDir()
	first := journaled(t, db, dir, slog.New(slog.DiscardHandler))
	silent := who
	silent.Track = false
	first.Record(t.Context(), silent, Row{Op: "chat", Model: "m", EndUser: "mary", Status: 200})
	first.stop()
	first.wg.Wait()
	must(t, first.settled(t.Context()))
	for _, table := range []string{"usage_requests", "usage_rollups", "usage_end_users"} {
		_, err := db.Exec(t.Context(), `DELETE FROM `+table)
		must(t, err)
	}
	_, err := db.Exec(t.Context(), `UPDATE usage_writers SET rolled = $1 WHERE id = 1`, firstID(1)-1)
	must(t, err)
	second := journaled(t, db, dir, slog.New(slog.DiscardHandler))
	must(t, second.adopt(t.Context()))
	for d, want := range map[Dimension]string{ByKey: "untracked 1/0", ByEndUser: "mary 1/0"} {
		got, err := second.Sums(t.Context(), who, Query{Filter: around, Span: Day, By: []Dimension{d}})
		if must(t, err); tell(got) != want {
			t.Errorf("by %s: %s, want %s", d, tell(got), want)
		}
	}
	must(t, second.Close(t.Context()))
}

func TestDays(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin)
		l := newLog(t, db, clk)
		for i := range 12 { // three in the first minute, then one a minute, the last ones tomorrow
			l.Record(t.Context(), who, Row{Op: "chat", Model: []string{"a", "b"}[i%2], Prompt: 100, Completion: i, Status: []int{200, 429}[i/10]})
			if i >= 2 {
				clk.Advance(time.Minute)
			}
			if i == 7 {
				clk.Advance(Day)
			}
		}
		must(t, l.Flush(t.Context()))
		f := Filter{From: begin.Add(-Day), To: begin.Add(3 * Day)}
		read := func(f Filter) string {
			t.Helper()
			days, err := l.Days(t.Context(), who, f)
			must(t, err)
			var out []string
			for _, d := range days {
				out = append(out, fmt.Sprint(d.Start.Format("01-02 "), d.Requests, " ", d.Limited, " ", d.Tokens, " ", d.PeakRequests, " ", d.PeakTokens))
			}
			return strings.Join(out, ", ")
		}
		if got, want := read(f), "01-04 8 0 828 3 303, 01-05 4 2 438 1 111"; got != want {
			t.Errorf("all: %s, want %s", got, want)
		}
		if got, want := read(withOnly(f, ByModel, "b")), "01-04 4 0 416 1 107, 01-05 2 1 220 1 111"; got != want {
			t.Errorf("of b: %s, want %s", got, want)
		}
		// With the minutes of a day gone its sums stay.
		_, err := db.Exec(t.Context(), `DELETE FROM usage_rollups WHERE span = 60 AND start_at < $1`, store.Millis(begin.Add(2*time.Minute)))
		must(t, err)
		if got, want := read(f), "01-04 8 0 828 0 0, 01-05 4 2 438 1 111"; got != want {
			t.Errorf("with minutes gone: %s, want %s", got, want)
		}
		must(t, l.Close(t.Context()))
	})
}
