package usage

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/store"
)

func insert(ctx context.Context, tx *store.Tx, events []event) error {
	rows := make([][]any, len(events))
	for i, e := range events {
		r := e.row
		rows[i] = []any{e.id, e.who.Org, e.who.Project, e.who.User, e.who.Key, r.RequestID, store.Millis(r.Time), r.Op, r.Model, r.Served,
			r.Prompt, r.Cached, r.Completion, r.Status, r.Latency.Milliseconds(), r.FirstToken.Milliseconds()}
	}
	// A batch whose commit was in doubt may come again.
	_, err := store.InsertMany(ctx, tx, "usage_events", "id, org_id, project_id, user_id, key_id, request_id, created_at, op, model, served_model, "+
		"prompt_tokens, cached_tokens, completion_tokens, status, latency_ms, first_token_ms", rows, "ON CONFLICT (org_id, created_at, id) DO NOTHING")
	return err
}

func totals(ctx context.Context, q store.Q, who actor.Actor, from, to time.Time) ([]Total, error) {
	scan := func(row store.Scanner) (t Total, err error) {
		return t, row.Scan(&t.Op, &t.Model, &t.Requests, &t.Prompt, &t.Cached, &t.Completion)
	}
	return store.Collect(ctx, q, scan, `SELECT op, model, COUNT(*), CAST(SUM(prompt_tokens) AS BIGINT), CAST(SUM(cached_tokens) AS BIGINT), CAST(SUM(completion_tokens) AS BIGINT)
		FROM usage_events WHERE org_id = $1 AND project_id = $2 AND created_at >= $3 AND created_at < $4 GROUP BY op, model ORDER BY op, model`,
		who.Org, who.Project, store.Millis(from), store.Millis(to))
}
