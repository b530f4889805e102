package limits

import (
	"context"

	"github.com/parley-ai/parley/internal/store"
)

// readTiers returns the tiers in the order of what they ask for.
func readTiers(ctx context.Context, q store.Q) ([]UsageTier, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (t UsageTier, err error) {
		var updated int64
		err = row.Scan(&t.Name, &t.Spend, &t.Age, &updated)
		t.Set = store.Time(updated)
		return t, err
	}, `SELECT name, min_spend, min_age_days, updated_at FROM rate_tiers ORDER BY min_spend, min_age_days, name`)
}

func writeTier(ctx context.Context, q store.Q, t UsageTier) error {
	_, err := q.Exec(ctx, `INSERT INTO rate_tiers (name, min_spend, min_age_days, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET min_spend = excluded.min_spend, min_age_days = excluded.min_age_days, updated_at = excluded.updated_at`,
		t.Name, t.Spend, t.Age, store.Millis(t.Set))
	return err
}

// removeTier takes a tier away, and its rules.
func removeTier(ctx context.Context, q store.Q, name string) (bool, error) {
	if _, err := q.Exec(ctx, `DELETE FROM rate_limits WHERE subject = $1 AND subject_id = $2`, string(Tier), name); err != nil {
		return false, err
	}
	n, err := q.Exec(ctx, `DELETE FROM rate_tiers WHERE name = $1`, name)
	return n > 0, err
}
