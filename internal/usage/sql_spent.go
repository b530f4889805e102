package usage

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Spent returns what an organization's requests that ended at from ≤ t < to have cost, in billionths of a US dollar, by project: what is in the
// sums, and what other processes have written and not added to them yet, which may be dead. Call Flush before for what this one has written. from
// and to are rounded down and up to minutes.
func (l *Log) Spent(ctx context.Context, org string, from, to time.Time) (_ map[string]int64, err error) {
	defer fault.Wrap(&err, "usage.Spent")
	span := Day
	if !from.Equal(from.Truncate(Day)) || !to.Equal(to.Truncate(Day)) {
		span = Minute
	}
	behind, err := leftBehind(ctx, l.db, l.rollup.writer, l.clock.Now().Add(Day))
	if err != nil {
		return nil, err
	}
	// One statement, so that what moves into the sums meanwhile is counted once.
	args := []any{org, byProject, int64(span / time.Second), store.Millis(from.Truncate(span)), store.Millis(to)}
	text := `SELECT project_id, cost FROM usage_rollups WHERE org_id = $1 AND kind = $2 AND span = $3 AND start_at >= $4 AND start_at < $5`
	for _, writer := range behind {
		n := len(args)
		args = append(args, writer, firstID(writer+1))
		text += fmt.Sprintf(` UNION ALL SELECT project_id, cost FROM usage_requests WHERE id > (SELECT rolled FROM usage_writers WHERE id = $%d) AND id < $%d
			AND org_id || '' = $1 AND created_at >= $4 AND created_at < $5`, n+1, n+2) // the id's index leads to them, not the organization's
	}
	type row struct {
		project string
		cost    int64
	}
	rows, err := store.Collect(ctx, l.db.Read(), func(s store.Scanner) (r row, err error) { return r, s.Scan(&r.project, &r.cost) },
		`SELECT project_id, CAST(SUM(cost) AS BIGINT) FROM (`+text+`) AS parts GROUP BY project_id`, args...)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, r := range rows {
		if r.cost > 0 {
			out[r.project] = r.cost
		}
	}
	return out, nil
}
