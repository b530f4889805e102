package usage

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// benchDays is over how long the generated rows are spread.
const benchDays = 90

// benchMinutes is for how many days sums by minute are there, as if an operator kept them so long.
const benchMinutes = 7

// generated is the i-th row of step milliseconds apart: 4 projects, 24 keys of 12 users, each with two of 8 names of models, 1,000 end
// users of two keys. What is by chance is taken from the number itself, so that generatedSQL makes the same.
func generated(i, step int64) *event {
	h := (i*2654435761 + 12345) % 4294967296
	pick := func(shift, n int64) int64 { return h / shift % n }
	key, chance := pick(1<<20, 24), pick(1<<8, 80)
	e := &event{id: i + firstID(1<<20), at: begin.AddDate(0, 0, -benchDays).Add(time.Duration(i*step) * time.Microsecond).Truncate(time.Millisecond), who: who, class: Completions, priced: true,
		cost: Cost{Total: pick(1, 10_000_000)}, row: Row{Op: "createChatCompletion", Model: numbered("model-", (key+pick(1<<4, 2))%8), Served: "m", Requests: 1, Prompt: int(pick(1<<6, 4000)),
			Completion: int(pick(1<<12, 800)), Status: 200, Latency: time.Duration(pick(1<<3, 9000)) * time.Millisecond, FirstToken: time.Duration(pick(1<<5, 900)) * time.Millisecond}}
	if chance < 4 {
		e.row.Status = []int{429, 400, 499, 500}[chance]
	}
	e.who.Key, e.who.User, e.who.Project = numbered("key_", key), numbered("user-", key/2), numbered("proj_", key%4)
	if key%12 == 0 {
		e.row.EndUser = numbered("end-", pick(1<<9, 1000))
	}
	return e
}

// generatedSQL inserts the rows $1 ≤ i < $2 with $3 microseconds between them.
const generatedSQL = `INSERT INTO usage_requests (id, created_at, org_id, project_id, user_id, key_id, request_id, class, op, model, served_model, model_requests,
	prompt_tokens, cached_tokens, completion_tokens, status, code, latency_ms, first_token_ms, cost, cached_cost, output_cost, priced, end_user, untracked)
	SELECT i + 1152921504606846977, CAST($4 AS BIGINT) + i * CAST($3 AS BIGINT) / 1000, 'org-a', 'proj_' || (k % 4), 'user-' || (k / 2), 'key_' || k, 'req_' || i, 'completions', 'createChatCompletion',
	'model-' || ((k + h / 16 % 2) % 8), 'm', 1, h / 64 % 4000, 0, h / 4096 % 800, CASE h / 256 % 80 WHEN 0 THEN 429 WHEN 1 THEN 400 WHEN 2 THEN 499 WHEN 3 THEN 500 ELSE 200 END, '',
	h / 8 % 9000, h / 32 % 900, h % 10000000, 0, 0, TRUE, CASE WHEN k % 12 = 0 THEN 'end-' || (h / 512 % 1000) ELSE '' END, FALSE
	FROM (SELECT i, h, h / 1048576 % 24 AS k FROM (SELECT i, (i * 2654435761 + 12345) % 4294967296 AS h FROM s) AS hashed) AS picked`

var numbers sync.Map

// numbered is a name with a number, made once.
func numbered(prefix string, n int64) string {
	type name struct {
		prefix string
		n      int64
	}
	if v, ok := numbers.Load(name{prefix, n}); ok {
		return v.(string)
	}
	v := prefix + strconv.FormatInt(n, 10)
	numbers.Store(name{prefix, n}, v)
	return v
}

// generate writes n rows, the same for the same n, and their sums, which are written once a day's rows are there.
func generate(b testing.TB, db *store.DB, n int) {
	b.Helper()
	ctx := context.Background()
	l := newLog(b, db, clock.NewFake(begin))
	step := (benchDays * Day / time.Duration(n)).Microseconds()
	series := `WITH RECURSIVE s(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM s WHERE i + 1 < CAST($2 AS BIGINT)) `
	if db.Dialect() == store.Postgres {
		series = `WITH s AS (SELECT i FROM generate_series(CAST($1 AS BIGINT), CAST($2 AS BIGINT) - 1) AS i) `
		for i := range benchDays + 1 {
			must(b, db.Tx(ctx, func(tx *store.Tx) error {
				return l.addMonths(ctx, tx, []*event{{at: begin.AddDate(0, 0, -i)}})
			}))
		}
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
	const chunk = 100_000
	for at := 0; at < n; at += chunk {
		to := min(n, at+chunk)
		_, err := db.Exec(ctx, series+generatedSQL, at, to, step, store.Millis(begin.AddDate(0, 0, -benchDays)))
		must(b, err)
		for i := at; i < to; i++ {
			e := generated(int64(i), step)
			if d := e.at.Truncate(Day); d != day {
				flush()
				day = d
			}
			added.add(e)
		}
	}
	flush()
	if db.Dialect() == store.Postgres {
		_, err := db.Exec(ctx, `ANALYZE`) // as autovacuum does after a while
		must(b, err)
	}
	must(b, l.Close(ctx))
}

// TestGenerated: the rows that the database makes are those that the sums are of.
func TestGenerated(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const n = 3000
		generate(t, db, n)
		l := newLog(t, db, clock.NewFake(begin))
		step := (benchDays * Day / n).Microseconds()
		i := int64(n)
		for r, err := range l.Export(t.Context(), who, Filter{From: begin.AddDate(0, 0, -benchDays), To: begin.Add(Day)}) {
			must(t, err)
			i--
			want := generated(i, step)
			want.requestID = "req_" + strconv.FormatInt(i, 10)
			want.who = actor.Actor{Org: "org-a", Project: want.who.Project, User: want.who.User, Key: want.who.Key}
			if w := want.request(Filter{keys: true}); !reflect.DeepEqual(r, w) {
				t.Fatalf("row %d is\n%+v, want\n%+v", i, r, w)
			}
		}
		sums, err := l.Sums(t.Context(), who, Query{Filter: Filter{From: begin.AddDate(0, 0, -benchDays), To: begin.Add(Day)}, Span: Day, Whole: true})
		if must(t, err); i != 0 || sums[0].Requests != n {
			t.Errorf("%d rows, %d in the sums", n-i, sums[0].Requests)
		}
		must(t, l.Close(t.Context()))
	})
}

// size is how much room the database takes, in bytes.
func size(b testing.TB, db *store.DB) (n int64) {
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
	api, err := httpapi.New(httpapi.Options{Auth: auth{}, Logger: slog.New(slog.DiscardHandler), Clock: l.clock, Routes: l.Routes()})
	must(b, err)
	get := func(path string) func() error {
		return func() error {
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
			if rec.Code != http.StatusOK {
				return fmt.Errorf("%s: %d %s", path, rec.Code, rec.Body)
			}
			return nil
		}
	}
	// sums and lists of a piece of time, as the console asks for them.
	sums := func(from time.Time, width string, d time.Duration, more string) func() error {
		return get(fmt.Sprintf("/api/usage?start_time=%d&end_time=%d&bucket_width=%s%s", from.Unix(), from.Add(d).Unix(), width, more))
	}
	list := func(more string) func() error {
		return get(fmt.Sprintf("/api/usage/requests?start_time=%d&end_time=%d&limit=100%s", begin.Add(-benchDays*Day).Unix(), begin.Unix(), more))
	}
	month, monthLong := time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC), 31*Day
	day := time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC)
	hour := day.Add(13 * Hour)
	rolling := begin.Add(-30*Day - 30*time.Minute) // neither whole days nor hours
	by := func(d Dimension) string { return "&group_by=" + string(d) }
	type view struct {
		name string
		ask  func() error
	}
	views := []view{
		{"month", sums(month, "1d", monthLong, "")}, {"month_whole", sums(month, "all", monthLong, "")},
		{"day", sums(day, "1h", Day, "")}, {"day_whole", sums(day, "all", Day, "")},
		{"hour", sums(hour, "1m", Hour, "")}, {"hour_whole", sums(hour, "all", Hour, "")},
		{"month_of_a_key", sums(month, "1d", monthLong, "&api_key_ids=key_1&group_by=model")},
		{"month_of_an_end_user", sums(month, "1d", monthLong, "&end_user=end-7&group_by=model")},
		{"minutes_of_a_day", sums(day, "1m", Day, "")},
		{"hours_of_a_month", sums(month, "1h", monthLong, "")},
		{"hours_of_a_week_by_model", sums(begin.Add(-7*Day), "1h", 7*Day, by(ByModel))},
		{"days_of_90_by_key", sums(begin.Add(-benchDays*Day), "1d", benchDays*Day, by(ByKey))},
		{"use_of_30d_for_a_request", func() error {
			_, err := l.Days(context.Background(), who, Filter{From: begin.Add(-30 * Day), To: begin, Only: map[Dimension][]string{ByModel: {"model-1"}}})
			return err
		}},
		{"requests", list("")}, {"requests_of_a_key", list("&api_key_ids=key_1")}, {"requests_failed", list("&outcomes=failed")},
		{"requests_of_an_end_user", list("&end_user=end-7")}, {"requests_of_none", list("&models=no-such-model")},
	}
	for _, d := range []Dimension{ByEndUser, ByModel, ByKey, ByProject, ByUser, ByEndpoint, ByServed, ByOutcome} {
		chart, table := by(d), by(d)
		if d == ByEndUser {
			chart, table = chart+"&top=20", table+"&top=200"
		}
		views = append(views,
			view{"month_by_" + string(d), sums(month, "1d", monthLong, chart)}, view{"month_whole_by_" + string(d), sums(month, "all", monthLong, table)},
			view{"last_30d_by_" + string(d), sums(rolling, "all", 30*Day, table)},
			view{"day_by_" + string(d), sums(day, "1h", Day, chart)}, view{"day_whole_by_" + string(d), sums(day, "all", Day, table)},
			view{"hour_whole_by_" + string(d), sums(hour, "all", Hour, table)})
		if d != ByEndUser {
			views = append(views, view{"hour_by_" + string(d), sums(hour, "1m", Hour, chart)})
		}
	}
	// A new row: until it is in the list, and in the sums.
	total := func() int64 {
		got, err := l.Sums(context.Background(), who, Query{Filter: Filter{From: begin.Add(-time.Minute), To: begin.Add(time.Minute)}, Span: Minute, Whole: true})
		must(b, err)
		return got[0].Requests
	}
	newest := func() int64 {
		got, _, err := l.Requests(context.Background(), who, Filter{From: begin.Add(-Day), To: begin.Add(Day)}, 0, 1)
		must(b, err)
		return got[0].ID
	}
	for name, seen := range map[string]func() int64{"new_row_in_list": newest, "new_row_in_sums": total} {
		views = append(views, view{name, func() error {
			before := seen()
			l.Record(context.Background(), who, Row{Op: "chat", Model: "m", Prompt: 1, Status: 200, EndUser: "end-7"})
			for seen() == before {
				time.Sleep(time.Millisecond)
			}
			return nil
		}})
	}
	for _, v := range views {
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
