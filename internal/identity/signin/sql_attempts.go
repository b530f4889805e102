package signin

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// begin counts a failure and closes the door after it; while it is closed it returns for how long.
func (t try) begin(ctx context.Context, tx *store.Tx, now time.Time) (wait time.Duration, err error) {
	var failures int
	err = tx.QueryRow(ctx, `INSERT INTO signin_attempts (id, failures, until_at, last_at) VALUES ($1, 1, 0, $2)
		ON CONFLICT (id) DO UPDATE SET last_at = $2, failures = CASE WHEN signin_attempts.last_at <= $3 THEN 1 ELSE signin_attempts.failures + 1 END
		WHERE signin_attempts.until_at <= $2 RETURNING failures`,
		t.id, store.Millis(now), store.Millis(now.Add(-forgetAfter))).Scan(&failures)
	if errors.Is(err, store.ErrNoRows) {
		var until int64
		err := tx.QueryRow(ctx, `SELECT until_at FROM signin_attempts WHERE id = $1`, t.id).Scan(&until)
		return max(store.Time(until).Sub(now), time.Millisecond), err
	}
	if err != nil {
		return 0, err
	}
	if d := t.delay(failures); d > 0 {
		_, err = tx.Exec(ctx, `UPDATE signin_attempts SET until_at = $2 WHERE id = $1`, t.id, store.Millis(now.Add(d)))
	}
	return 0, err
}

// succeed takes a try back.
func (t try) succeed(ctx context.Context, tx *store.Tx) error {
	query := `UPDATE signin_attempts SET failures = failures - 1, until_at = 0 WHERE id = $1 AND failures > 0`
	if t.clear {
		query = `DELETE FROM signin_attempts WHERE id = $1`
	}
	_, err := tx.Exec(ctx, query, t.id)
	return err
}

func forgetTries(ctx context.Context, tx *store.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `DELETE FROM signin_attempts WHERE last_at <= $1`, store.Millis(before))
	return err
}
