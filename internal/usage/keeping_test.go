package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// left counts what there is: rows, sums by minute, by hour and day, by end user, these of days alone, of all end users.
func left(t *testing.T, db *store.DB) string {
	t.Helper()
	var out []string
	for _, q := range []string{"usage_requests", "usage_rollups WHERE span = 60", "usage_rollups WHERE span > 60 AND kind <> 'end_users'", "usage_end_users", "usage_end_user_days",
		"usage_rollups WHERE kind = 'end_users'"} {
		var n int
		must(t, db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM `+q).Scan(&n))
		out = append(out, fmt.Sprint(n))
	}
	return strings.Join(out, " ")
}

// told returns an organization's lines, sorted.
func told(t *testing.T, l *Log, org string) []string {
	t.Helper()
	lines, _, err := l.audit.List(t.Context(), actor.Actor{Org: org}, audit.Filter{}, store.Paging{Limit: 100})
	must(t, err)
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = line.Type + " " + string(line.After)
	}
	slices.Sort(out)
	return out
}

// TestKeeping: rows and sums by minute that are older than they are to be kept go, hours and days stay, lines of the audit log say what went.
func TestKeeping(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin.AddDate(0, 0, -70)) // 26 October
		l := newLog(t, db, clk)
		other := who
		other.Org = "org-b"
		for day := range 71 { // one row a day of org-a, one in ten days of org-b, the last ones today
			l.Record(t.Context(), who, Row{Op: "chat", Model: "m", Prompt: 1, Status: 200, EndUser: "mary"})
			if day%10 == 0 {
				l.Record(t.Context(), other, Row{Op: "chat", Model: "m", Prompt: 1, Status: 200})
			}
			must(t, l.Flush(t.Context()))
			if day < 70 {
				clk.Advance(Day)
			}
		}
		before := left(t, db)
		done, err := l.tidy(t.Context())
		if must(t, err); !done || left(t, db) != before {
			t.Fatalf("nothing was to go: %v, %s, before %s", done, left(t, db), before)
		}
		operator := actor.Actor{Org: "org-a", User: "user-a"}
		k, err := l.SetKeeping(t.Context(), operator, Keeping{Requests: 10, Minutes: 3})
		if must(t, err); k.Requests != 10 || k.Minutes != 3 {
			t.Errorf("%+v", k)
		}
		done, err = l.tidy(t.Context())
		must(t, err)
		// Of today and the ten days before: 11 of org-a, 2 of org-b. Minutes: 4 days of org-a and 1 of org-b, in seven kinds.
		if got, want := left(t, db), fmt.Sprint("13 ", 5*7, " ", (71+8)*7*2, " 22 11 22"); !done || got != want {
			t.Errorf("left are %s, want %s (%v)", got, want, done)
		}
		sums, err := l.Sums(t.Context(), who, Query{Filter: Filter{From: begin.AddDate(0, 0, -100), To: clk.Now()}, Span: Day, Whole: true})
		if must(t, err); len(sums) != 1 || sums[0].Requests != 71 {
			t.Errorf("sums by day: %+v", sums)
		}
		lines := told(t, l, "org-a")
		n := 0
		for _, line := range lines {
			if strings.HasPrefix(line, requestsDeleted) {
				var after struct {
					Requests int    `json:"requests"`
					Before   string `json:"ended_before"`
				}
				must(t, json.Unmarshal([]byte(strings.TrimPrefix(line, requestsDeleted+" ")), &after))
				n += after.Requests
			}
		}
		if n != 60 || !slices.Contains(lines, minutesDeleted+` {"ended_before":"2024-01-01T00:00:00Z"}`) || !slices.ContainsFunc(lines, func(s string) bool { return strings.HasPrefix(s, retentionUpdated) }) {
			t.Errorf("%d requests in the audit log: %s", n, strings.Join(lines, "\n"))
		}
		if lines := told(t, l, "org-b"); !slices.Contains(lines, minutesDeleted+` {"ended_before":"2024-01-01T00:00:00Z"}`) {
			t.Errorf("org-b: %s", lines)
		}
		// Again there is nothing to do, and nothing to tell.
		again := len(told(t, l, "org-a"))
		done, err = l.tidy(t.Context())
		if must(t, err); !done || len(told(t, l, "org-a")) != again {
			t.Errorf("a second look told more: %s", told(t, l, "org-a"))
		}
		// Views of days whose minutes are gone are of hours; lists find what is left.
		if l.finest(begin.AddDate(0, 0, -4)) != Hour || l.finest(begin.AddDate(0, 0, -3)) != Minute {
			t.Errorf("minutes from %v", store.Time(l.minutesFrom.Load()))
		}
		list, _, err := l.Requests(t.Context(), who, Filter{From: begin.AddDate(0, 0, -100), To: clk.Now().Add(time.Second), Only: map[Dimension][]string{ByModel: {"m"}}}, 0, 100)
		if must(t, err); len(list) != 11 {
			t.Errorf("a list has %d rows", len(list))
		}
		for _, k := range []Keeping{{Requests: -1}, {Minutes: maxDays + 1}} {
			if _, err := l.SetKeeping(t.Context(), operator, k); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%+v: %v", k, err)
			}
		}
		must(t, l.Close(t.Context()))
	})
}

// TestKeepingWaitsForTheSums: rows of a process that was killed before they were in the sums are not lost to them.
func TestKeepingWaitsForTheSums(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin.AddDate(0, 0, -40))
		dead := newLog(t, db, clk)
		dead.stop()
		dead.wg.Wait()
		dead.Record(t.Context(), who, Row{Op: "chat", Model: "m", Status: 200})
		must(t, dead.batcher.Flush(t.Context()))
		clk.Advance(40 * Day)
		l := newLog(t, db, clk)
		_, err := l.SetKeeping(t.Context(), who, Keeping{Requests: 1})
		must(t, err)
		_, err = l.tidy(t.Context()) // adopts first
		must(t, err)
		sums, err := l.Sums(t.Context(), who, Query{Filter: Filter{From: begin.AddDate(0, 0, -100), To: clk.Now()}, Span: Day, Whole: true})
		if must(t, err); sums[0].Requests != 1 || !strings.HasPrefix(left(t, db), "0 ") {
			t.Errorf("%d requests in the sums, left are %s", sums[0].Requests, left(t, db))
		}
		must(t, l.Close(t.Context()))
	})
}

// TestMonths: PostgreSQL has partitions of the next months, and drops whole ones that are old.
func TestMonths(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		if db.Dialect() != store.Postgres {
			t.Skip("partitions are PostgreSQL's")
		}
		clk := clock.NewFake(begin.AddDate(0, -3, 0)) // 4 October
		l := newLog(t, db, clk)
		for range 4 {
			l.Record(t.Context(), who, Row{Op: "chat", Model: "m", Status: 200})
			must(t, l.Flush(t.Context()))
			clk.Advance(clk.Now().AddDate(0, 1, 0).Sub(clk.Now()))
		}
		clk.Advance(begin.Sub(clk.Now()))
		_, err := l.SetKeeping(t.Context(), who, Keeping{Requests: 40})
		must(t, err)
		_, err = l.tidy(t.Context())
		must(t, err)
		there, err := partitions(t.Context(), db.Read())
		must(t, err)
		var names []string
		for _, name := range there {
			names = append(names, name)
		}
		slices.Sort(names)
		// 40 days before 4 January is 25 November: October goes whole, of November the row.
		if got := fmt.Sprint(names); got != "[usage_requests_202311 usage_requests_202312 usage_requests_202401 usage_requests_202402 usage_requests_202403]" {
			t.Error(got)
		}
		if got := left(t, db); !strings.HasPrefix(got, "2 ") {
			t.Errorf("left are %s", got)
		}
		if got := told(t, l, "org-a"); !slices.Contains(got, requestsDeleted+` {"ended_before":"2023-11-01T00:00:00Z","requests":1}`) || !slices.Contains(got, requestsDeleted+` {"ended_before":"2023-11-25T00:00:00Z","requests":1}`) {
			t.Error(got)
		}
		must(t, l.Close(t.Context()))
	})
}

// TestKeepingByTheJob: the operator's route sets it, and the job does it.
func TestKeepingByTheJob(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		j, err := jobs.New(t.Context(), db, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
		must(t, err)
		clk := clock.NewFake(begin.AddDate(0, 0, -40))
		l, err := New(t.Context(), Options{DB: db, Clock: clk, Logger: slog.New(slog.DiscardHandler), Prices: list{}, Jobs: j})
		must(t, err)
		l.Record(t.Context(), who, Row{Op: "chat", Model: "m", Status: 200})
		must(t, l.Flush(t.Context()))
		clk.Advance(begin.Sub(clk.Now()))
		must(t, j.Start(t.Context()))
		api, err := httpapi.New(httpapi.Options{Auth: operators{}, Logger: slog.New(slog.DiscardHandler), Routes: l.AdminRoutes()})
		must(t, err)
		ask := func(method, body string) string {
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, httptest.NewRequest(method, "/admin/usage/retention", strings.NewReader(body)))
			return fmt.Sprint(rec.Code, " ", strings.TrimSpace(rec.Body.String()))
		}
		if got := ask("GET", ""); got != `200 {"object":"usage.retention","requests_days":0,"minutes_days":0,"requests_from":null,"minutes_from":null}` {
			t.Error(got)
		}
		if got := ask("PUT", `{"requests_days": 30}`); !strings.HasPrefix(got, `200 {"object":"usage.retention","requests_days":30,"minutes_days":0,`) {
			t.Error(got)
		}
		if got := ask("PUT", `{"requests_days": -1}`); !strings.HasPrefix(got, "400 ") {
			t.Error(got)
		}
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		for !strings.HasPrefix(left(t, db), "0 ") {
			select {
			case <-ctx.Done():
				t.Fatalf("the job did not come: left are %s", left(t, db))
			case <-time.After(20 * time.Millisecond):
			}
		}
		if got := ask("GET", ""); !strings.Contains(got, fmt.Sprint(`"requests_from":`, time.Date(2023, 12, 5, 0, 0, 0, 0, time.UTC).Unix())) {
			t.Error(got)
		}
		must(t, j.Stop(t.Context()))
		must(t, l.Close(t.Context()))
	})
}

// operators is a fake: everybody is the operator.
type operators struct{}

func (operators) Authenticate(*http.Request) (actor.Actor, error) {
	return actor.Actor{Org: "org-a", User: "user-a", Scopes: []string{actor.All}, Operator: true}, nil
}

// TestKeepingTellsOnce: what takes several runs is one line of the audit log, until more is to go.
func TestKeepingTellsOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := newLog(t, db, clock.NewFake(begin))
		run := func(cut time.Time, n int64, orgs ...string) {
			must(t, markKeeping(t.Context(), db, keptRequests, cut))
			for _, org := range orgs {
				must(t, db.Tx(t.Context(), func(tx *store.Tx) error { return sweep{Log: l}.deleted(t.Context(), tx, org, keptRequests, cut, n) }))
			}
		}
		run(begin.AddDate(0, 0, -9), 5000, "org-a")
		run(begin.AddDate(0, 0, -9), 3000, "org-a", "org-b")
		run(begin.AddDate(0, 0, -8), 7, "org-a")
		if got, want := strings.Join(told(t, l, "org-a"), "\n"), `usage.requests.deleted {"ended_before":"2023-12-26T12:00:00Z","requests":5000}
usage.requests.deleted {"ended_before":"2023-12-27T12:00:00Z","requests":7}`; strings.ReplaceAll(got, ": ", ":") != want {
			t.Errorf("lines:\n%s", got)
		}
		if got := told(t, l, "org-b"); len(got) != 1 {
			t.Errorf("of the other: %q", got)
		}
		must(t, l.Close(t.Context()))
	})
}
