package usage

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	who   = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-a", Key: "key_a", Track: true, Scopes: []string{actor.All}}
	begin = time.Date(2024, 1, 4, 12, 0, 0, 0, time.UTC)
)

// list is a price list for tests: gpt-4 as it was, and what is cached at half.
type list struct{}

func (list) Price(_ context.Context, _ actor.Actor, model string) Price {
	if model != "gpt-4" {
		return Price{}
	}
	input, cached, output := 0.03, 0.015, 0.06
	return Price{Input: &input, Cached: &cached, Output: &output}
}

func newLog(t testing.TB, db *store.DB, clk clock.Clock) *Log {
	t.Helper()
	l, err := New(context.Background(), Options{DB: db, Clock: clk, Logger: slog.New(slog.DiscardHandler), Prices: list{}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// summed reads the sums of a span as one line for each group.
func summed(t *testing.T, db *store.DB, span time.Duration) string {
	t.Helper()
	lines, err := store.Collect(t.Context(), db.Read(), func(row store.Scanner) (string, error) {
		var org, op, model, outcome string
		var start, n, requests, prompt, cached, completion, cost, unpriced, quick int64
		err := row.Scan(&org, &start, &op, &model, &outcome, &n, &requests, &prompt, &cached, &completion, &cost, &unpriced, &quick)
		return fmt.Sprintf("%s %s %s/%s/%s %d/%d %d(%d)+%d %d!%d %d", org, store.Time(start).Format("15:04"), op, model, outcome, n, requests, prompt, cached, completion, cost, unpriced, quick), err
	}, `SELECT org_id, start_at, op, model, outcome, requests, model_requests, prompt_tokens, cached_tokens, completion_tokens, cost, unpriced, l0
		FROM usage_rollups WHERE kind = 'all' AND span = $1 ORDER BY org_id, start_at, op, model, outcome`, int64(span/time.Second))
	must(t, err)
	return strings.Join(lines, "\n")
}

func TestRowsAndSums(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin)
		l := newLog(t, db, clk)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 20 {
					l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Served: "m", Requests: 1, Prompt: 10, Cached: 4, Completion: 3, Status: 200})
				}
			})
		}
		wg.Wait()
		l.Record(t.Context(), who, Row{Op: "embeddings", Model: "own", Requests: 1, Prompt: 7, Status: 500})
		l.Record(t.Context(), actor.Actor{Org: "org-b", Project: "proj_a"}, Row{Op: "chat", Model: "gpt-4", Requests: 1, Prompt: 99, Status: 499})
		must(t, l.Flush(t.Context()))
		clk.Advance(61 * time.Minute)
		l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Served: "m", Requests: 2, Prompt: 1, Completion: 1, Status: 200, Latency: 2 * time.Second})
		must(t, l.Flush(t.Context()))
		// 6 × 0.03 + 4 × 0.015 + 3 × 0.06 dollars for 1,000 are 0.00042 dollars for each of 200.
		minutes := "org-a 12:00 chat/gpt-4/ok 200/200 2000(800)+600 84000000!0 200\n" +
			"org-a 12:00 embeddings/own/failed 1/1 7(0)+0 0!1 1\n" +
			"org-a 13:01 chat/gpt-4/ok 1/2 1(0)+1 90000!0 0\n" +
			"org-b 12:00 chat/gpt-4/canceled 1/1 99(0)+0 2970000!0 1"
		if got := summed(t, db, Minute); got != minutes {
			t.Errorf("minutes:\n%s", got)
		}
		if got, want := summed(t, db, Hour), strings.Replace(minutes, "13:01", "13:00", 1); got != want {
			t.Errorf("hours:\n%s", got)
		}
		days := "org-a 00:00 chat/gpt-4/ok 201/202 2001(800)+601 84090000!0 200\n" +
			"org-a 00:00 embeddings/own/failed 1/1 7(0)+0 0!1 1\n" +
			"org-b 00:00 chat/gpt-4/canceled 1/1 99(0)+0 2970000!0 1"
		if got := summed(t, db, Day); got != days {
			t.Errorf("days:\n%s", got)
		}
		l.Record(t.Context(), who, Row{Op: "last", Model: "m"})
		must(t, l.Close(t.Context()))
		if got := summed(t, db, Day); !strings.Contains(got, "last/m/ok 1") {
			t.Errorf("Close lost a row:\n%s", got)
		}
	})
}

// TestSumsOfTheDead: what a process wrote and did not add to the sums is added by another one, once; a process
// that was taken for dead goes on without counting anything twice.
func TestSumsOfTheDead(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin)
		first := newLog(t, db, clk)
		first.stop() // it writes rows and adds nothing up any more
		first.wg.Wait()
		row := Row{Op: "chat", Model: "gpt-4", Requests: 1, Prompt: 10, Completion: 1, Status: 200}
		for range 5 {
			first.Record(t.Context(), who, row)
		}
		must(t, first.batcher.Flush(t.Context()))
		clk.Advance(2 * deadAfter)
		second := newLog(t, db, clk)
		second.Record(t.Context(), who, row)
		must(t, second.adopt(t.Context()))
		must(t, second.adopt(t.Context()))
		must(t, second.Flush(t.Context()))
		const all = "org-a 00:00 chat/gpt-4/ok %d/%[1]d %d(0)+%[1]d "
		if got := summed(t, db, Day); !strings.HasPrefix(got, fmt.Sprintf(all, 6, 60)) {
			t.Errorf("with the dead one's rows:\n%s", got)
		}
		first.Record(t.Context(), who, row)
		must(t, first.Flush(t.Context()))
		must(t, first.Flush(t.Context()))
		if got := summed(t, db, Day); !strings.HasPrefix(got, fmt.Sprintf(all, 7, 70)) {
			t.Errorf("when it lives after all:\n%s", got)
		}
		must(t, first.Close(t.Context()))
		must(t, second.Close(t.Context()))
		if got := summed(t, db, Day); !strings.HasPrefix(got, fmt.Sprintf(all, 7, 70)) {
			t.Errorf("at the end:\n%s", got)
		}
	})
}

// TestBatchInDoubt: a transaction that was committed, whose answer was lost, and that comes again is counted once.
func TestBatchInDoubt(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := newLog(t, db, clock.NewFake(begin))
		events := []*event{{at: begin, who: who, class: Completions, priced: true, row: Row{Op: "chat", Model: "gpt-4", Status: 200}}}
		must(t, db.Tx(t.Context(), func(tx *store.Tx) error {
			events[0].id = l.next
			l.next++
			if tx.Dialect() == store.Postgres {
				if err := l.addMonths(t.Context(), tx, events); err != nil {
					return err
				}
			}
			return insert(t.Context(), tx, events)
		}))
		must(t, db.Tx(t.Context(), func(tx *store.Tx) error { return l.write(t.Context(), tx, events) }))
		must(t, l.Close(t.Context()))
		if got := summed(t, db, Day); !strings.HasPrefix(got, "org-a 00:00 chat/gpt-4/ok 1/0 ") {
			t.Errorf("%s", got)
		}
	})
}

// served sends one request to an API whose books are the log, and returns the answer.
func served(t *testing.T, l *Log, clk clock.Clock, ctx context.Context, handle httpapi.Handler) *httptest.ResponseRecorder {
	t.Helper()
	api, err := httpapi.New(httpapi.Options{Auth: auth{}, Logger: slog.New(slog.DiscardHandler), Clock: clk, Books: l, Routes: []httpapi.Route{{
		Method: "GET", Path: "/v1/x", Op: "x", LimitClass: "chat", Handle: handle}}})
	must(t, err)
	rec := httptest.NewRecorder()
	func() {
		defer func() { _ = recover() }() // what breaks a connection
		api.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", "/v1/x", nil))
	}()
	return rec
}

type auth struct{}

func (auth) Authenticate(*http.Request) (actor.Actor, error) { return who, nil }

// TestRowOfARequest: the row is there before the answer's last byte, whatever became of the request.
func TestRowOfARequest(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	clk := clock.NewFake(begin)
	l := newLog(t, db, clk)
	row := Row{Op: "chat", Model: "gpt-4", Served: "m", Requests: 1, Prompt: 10, Completion: 3, Status: 200, FirstToken: 250 * time.Millisecond}
	gone, leave := context.WithCancel(context.Background())
	rows := func() []string {
		out, err := store.Collect(t.Context(), db.Read(), func(row store.Scanner) (string, error) {
			e, err := scanEvent(row)
			return fmt.Sprintf("%s %s %s %d %q %d+%d %s %s", e.who.Key, e.row.Op, e.row.Model, e.row.Status, e.code, e.row.Prompt, e.row.Completion, e.row.Latency, e.row.FirstToken), err
		}, `SELECT `+eventColumns+` FROM usage_requests ORDER BY id`)
		must(t, err)
		return out
	}
	tests := []struct {
		name   string
		ctx    context.Context
		handle func(w http.ResponseWriter, r *http.Request) error
		want   []string
	}{
		{"answer", t.Context(), func(w http.ResponseWriter, r *http.Request) error {
			clk.Advance(1500 * time.Millisecond)
			l.Record(r.Context(), who, row)
			return httpapi.JSON(w, 200, true)
		}, []string{`key_a x gpt-4 200 "" 10+3 1.5s 250ms`}},
		{"two operations", t.Context(), func(w http.ResponseWriter, r *http.Request) error {
			l.Record(r.Context(), who, row)
			l.Record(r.Context(), who, Row{Op: "search", Model: "ada", Prompt: 5})
			return httpapi.JSON(w, 200, true)
		}, []string{`key_a x gpt-4 200 "" 10+3 0s 250ms`, `key_a x ada 200 "" 5+0 0s 0s`}},
		{"refused", t.Context(), func(w http.ResponseWriter, r *http.Request) error {
			l.Asked(r.Context(), "gpt-4")
			return fault.New(fault.RateLimited, "Too many.").WithCode("rate_limit_exceeded")
		}, []string{`key_a x gpt-4 429 "rate_limit_exceeded" 0+0 0s 0s`}},
		{"wrong", t.Context(), func(w http.ResponseWriter, r *http.Request) error { return fault.New(fault.Invalid, "Wrong.") },
			[]string{`key_a x  400 "" 0+0 0s 0s`}},
		{"panic", t.Context(), func(w http.ResponseWriter, r *http.Request) error { panic("!") }, []string{`key_a x  500 "" 0+0 0s 0s`}},
		{"without a model", t.Context(), func(w http.ResponseWriter, r *http.Request) error { return httpapi.JSON(w, 200, true) }, nil},
		{"stream", t.Context(), func(w http.ResponseWriter, r *http.Request) error {
			s := httpapi.NewStream(w, r)
			if err := s.Send("piece"); err != nil {
				return err
			}
			l.Record(r.Context(), who, row)
			return s.Done()
		}, []string{`key_a x gpt-4 200 "" 10+3 0s 250ms`}},
		{"stream of names", t.Context(), func(w http.ResponseWriter, r *http.Request) error {
			s := httpapi.NewStream(w, r)
			l.Record(r.Context(), who, row)
			return s.Event("done", "all")
		}, []string{`key_a x gpt-4 200 "" 10+3 0s 250ms`}},
		{"stream that fails", t.Context(), func(w http.ResponseWriter, r *http.Request) error {
			s := httpapi.NewStream(w, r)
			if err := s.Send("piece"); err != nil {
				return err
			}
			l.Record(r.Context(), who, row)
			return fault.New(fault.Unavailable, "The model stopped.").WithCode("gone")
		}, []string{`key_a x gpt-4 503 "gone" 10+3 0s 250ms`}},
		{"stream that tells of a failure", t.Context(), func(w http.ResponseWriter, r *http.Request) error {
			s := httpapi.NewStream(w, r)
			l.Record(r.Context(), who, Row{Op: "chats", Model: "gpt-4", Status: 500})
			return s.Event("failed", "all")
		}, []string{`key_a x gpt-4 500 "" 0+0 0s 0s`}},
		{"client gone", gone, func(w http.ResponseWriter, r *http.Request) error {
			s := httpapi.NewStream(w, r)
			if err := s.Send("piece"); err != nil {
				return err
			}
			leave()
			l.Record(r.Context(), who, row)
			return s.Send("more")
		}, []string{`key_a x gpt-4 499 "" 10+3 0s 250ms`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := db.Exec(t.Context(), `DELETE FROM usage_requests`)
			must(t, err)
			rec := served(t, l, clk, tt.ctx, tt.handle)
			if tt.ctx == gone {
				must(t, l.batcher.Flush(t.Context())) // nobody waits for that one
			}
			if got := rows(); fmt.Sprint(got) != fmt.Sprint(tt.want) && (len(got) > 0 || len(tt.want) > 0) {
				t.Errorf("%q\nwant %q\n%s", got, tt.want, rec.Body)
			}
		})
	}
	_, err := db.Exec(t.Context(), `DELETE FROM usage_requests`)
	must(t, err)
	var id string
	rec := served(t, l, clk, t.Context(), func(w http.ResponseWriter, r *http.Request) error {
		l.Record(r.Context(), who, row)
		return httpapi.JSON(w, 200, true)
	})
	must(t, db.Read().QueryRow(t.Context(), `SELECT request_id FROM usage_requests`).Scan(&id))
	if id != rec.Header().Get("X-Request-Id") {
		t.Errorf("the row is of request %s, the answer of %s", id, rec.Header().Get("X-Request-Id"))
	}
	must(t, l.Close(t.Context()))
}

// TestNotKeptIsLogged: a row that cannot be kept leaves a trace, and the answer goes out.
func TestNotKeptIsLogged(t *testing.T) {
	var out bytes.Buffer
	clk := clock.NewFake(begin)
	l := newLog(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clk)
	l.log = slog.New(slog.NewTextHandler(&out, nil))
	must(t, l.Close(t.Context()))
	rec := served(t, l, clk, t.Context(), func(w http.ResponseWriter, r *http.Request) error {
		l.Record(r.Context(), who, Row{Op: "chat", Model: "gpt-4", Prompt: 12})
		return httpapi.JSON(w, 200, true)
	})
	if s := out.String(); !strings.Contains(s, "prompt_tokens=12") || !strings.Contains(s, "org-a") || !strings.Contains(s, rec.Header().Get("X-Request-Id")) {
		t.Errorf("log: %q", s)
	}
	if rec.Code != 200 || rec.Body.String() != "true\n" {
		t.Errorf("answer: %d %q", rec.Code, rec.Body)
	}
}

// TestKinds: every kind of sums says the same of what it tells apart.
func TestKinds(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := newLog(t, db, clock.NewFake(begin))
		for i := range 60 {
			a := who
			a.Key, a.User, a.Project = fmt.Sprint("key_", i%5), fmt.Sprint("user-", i%3), fmt.Sprint("proj_", i%2)
			l.Record(t.Context(), a, Row{Op: []string{"chat", "embeddings"}[i%2], Model: fmt.Sprint("m", i%4), Served: fmt.Sprint("s", i%2), Requests: 1, Prompt: i, Status: []int{200, 500}[i%7/6]})
		}
		must(t, l.Flush(t.Context()))
		dims := []Dimension{ByProject, ByUser, ByKey, ByModel, ByServed, ByClass, ByEndpoint, ByOutcome}
		for _, d := range dims {
			one, err := l.Sums(t.Context(), who, Query{Filter: Filter{From: begin.Add(-Day), To: begin.Add(Day)}, Span: Hour, By: []Dimension{d}})
			must(t, err)
			all, err := l.Sums(t.Context(), who, Query{Filter: Filter{From: begin.Add(-Day), To: begin.Add(Day)}, Span: Hour, By: append([]Dimension{d}, dims...)})
			must(t, err)
			type figures struct{ n, prompt, errors int64 }
			want, got := map[string]figures{}, map[string]figures{}
			for _, b := range all {
				f := want[b.Group[0]]
				want[b.Group[0]] = figures{f.n + b.Requests, f.prompt + b.Prompt, f.errors + b.Errors}
			}
			var n int64
			for _, b := range one {
				got[b.Group[0]] = figures{b.Requests, b.Prompt, b.Errors}
				n += b.Requests
			}
			if n != 60 || !maps.Equal(got, want) {
				t.Errorf("by %s: %v, by all %v", d, got, want)
			}
		}
		must(t, l.Close(t.Context()))
	})
	if k := kindFor([]Dimension{ByProject, ByModel, ByOutcome, ByModel}, false); k != "model" {
		t.Errorf("by project, model and outcome: %s", k)
	}
	if k := kindFor([]Dimension{ByKey, ByModel}, false); k != byAll {
		t.Errorf("by key and model: %s", k)
	}
}

// TestRareRequests: a list of what is rare has the same rows as one that reads everything, page by page.
func TestRareRequests(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin)
		l := newLog(t, db, clk)
		var want []string
		for i := range 400 {
			model, status := "often", 200
			switch {
			case i%37 == 0:
				model = "rare"
			case i%41 == 0:
				status = 500
			}
			if model == "rare" {
				want = append([]string{fmt.Sprint(i)}, want...)
			}
			l.Record(t.Context(), who, Row{Op: "chat", Model: model, Prompt: i, Status: status})
			clk.Advance(time.Duration(i%7) * 10 * time.Minute)
		}
		must(t, l.Flush(t.Context()))
		for _, limit := range []int{1, 3, 100} {
			var got []string
			for after := int64(0); ; {
				page, more, err := l.Requests(t.Context(), who, Filter{From: begin, To: clk.Now().Add(time.Second), Only: map[Dimension][]string{ByModel: {"rare"}}}, after, limit)
				must(t, err)
				for _, r := range page {
					got, after = append(got, fmt.Sprint(r.Prompt)), r.ID
				}
				if !more {
					break
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("pages of %d: %v, want %v", limit, got, want)
			}
		}
		half, _, err := l.Requests(t.Context(), who, Filter{From: begin.Add(19*time.Hour + time.Minute), To: begin.Add(40*time.Hour + time.Second), Only: map[Dimension][]string{ByOutcome: {Failed}}}, 0, 100)
		must(t, err)
		for _, r := range half {
			if r.Status != 500 || r.Time.Before(begin.Add(19*time.Hour+time.Minute)) || r.Time.After(begin.Add(40*time.Hour)) {
				t.Errorf("%+v", r)
			}
		}
		if len(half) != 1 {
			t.Errorf("%d failed ones", len(half))
		}
		must(t, l.Close(t.Context()))
	})
}

func TestPercentile(t *testing.T) {
	var h Histogram
	if got := h.Percentile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for ms := range int64(1000) {
		h.add(ms + 1)
	}
	for p, want := range map[float64]float64{0.5: 500, 0.95: 950, 0.99: 990} {
		if got := h.Percentile(p); got < want*0.95 || got > want*1.05 {
			t.Errorf("percentile %v of 1…1000 ms is %v", p, got)
		}
	}
	var long Histogram
	long.add(1e9)
	if got := long.Percentile(0.5); got != 300_000 {
		t.Errorf("what is longer than all bounds: %v", got)
	}
}

func BenchmarkEnter(b *testing.B) {
	l := newLog(b, storetest.Open(b, storetest.SQLite(b), store.Options{}), clock.System)
	defer func() { _ = l.Close(context.Background()) }() // the benchmark is over
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e := &event{who: who, row: Row{Op: "chat", Model: "gpt-4", Prompt: 12}}
			l.Enter(b.Context(), httpapi.Line{Actor: who, Op: "chat", Status: 200, Notes: []any{e}})
		}
	})
}
