package usage

import (
	"fmt"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestUpgrade: rows of a Parley without sums are carried over, and are in the sums after the first start.
func TestUpgrade(t *testing.T) {
	const dir = "../store/migrations"
	storetest.RunURL(t, func(t *testing.T, url string) {
		entries, err := os.ReadDir(dir)
		must(t, err)
		before := fstest.MapFS{}
		for _, e := range entries {
			if e.Name() >= "0040" {
				continue
			}
			data, err := os.ReadFile(dir + "/" + e.Name())
			must(t, err)
			before[e.Name()] = &fstest.MapFile{Data: data}
		}
		old, err := store.Open(t.Context(), url, store.Options{Migrations: before})
		must(t, err)
		for i, status := range []string{"completed", "completed", "failed", "canceled"} {
			_, err := old.Exec(t.Context(), `INSERT INTO usage_events (id, org_id, project_id, user_id, key_id, request_id, created_at, op, model, served_model,
				prompt_tokens, cached_tokens, completion_tokens, status, latency_ms, first_token_ms)
				VALUES ($1, 'org-a', 'proj_a', 'user-a', 'key_a', 'req_1', $2, 'chat', 'gpt-4', 'm', 10, 2, 5, $3, 0, 0)`,
				fmt.Sprint("use_", i), store.Millis(begin.AddDate(0, i, 0)), status)
			must(t, err)
		}
		must(t, old.Close())

		db := storetest.Open(t, url, store.Options{})
		l := newLog(t, db, clock.NewFake(begin.AddDate(0, 3, 0)))
		must(t, l.adopt(t.Context()))
		l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Served: "m", Status: 200}) // goes where the last old row is
		must(t, l.Close(t.Context()))
		got, err := store.Collect(t.Context(), db.Read(), func(row store.Scanner) (string, error) {
			var start, n, prompt, completion, unpriced int64
			var outcome string
			err := row.Scan(&start, &outcome, &n, &prompt, &completion, &unpriced)
			return fmt.Sprint(store.Time(start).Format("01-02 "), outcome, " ", n, " ", prompt, "+", completion, " ", unpriced), err
		}, `SELECT start_at, outcome, requests, prompt_tokens, completion_tokens, unpriced FROM usage_rollups WHERE kind = 'project' AND span = $1 ORDER BY start_at, outcome`, int64(Day/time.Second))
		must(t, err)
		if s := fmt.Sprintf("%q", got); s != `["01-04 ok 1 10+5 1" "02-04 ok 1 10+5 1" "03-04 failed 1 10+5 1" "04-04 canceled 1 10+5 1" "04-04 ok 1 0+0 0"]` {
			t.Error(s)
		}
	})
}
