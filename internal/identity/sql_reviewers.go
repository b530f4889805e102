package identity

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

func listReviewers(ctx context.Context, q store.Q) ([]Reviewer, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (r Reviewer, err error) {
		var added int64
		err = row.Scan(&r.User, &r.Name, &r.Email, &added)
		r.Added = store.Time(added)
		return r, err
	}, `SELECT u.id, u.name, u.email, r.created_at FROM reviewers r JOIN users u ON u.id = r.user_id ORDER BY r.created_at, u.id`)
}

// findUser returns a user by id or e-mail address, or ErrNoRows. Added is when they became a reviewer, if they are one.
func findUser(ctx context.Context, q store.Q, user string) (r Reviewer, err error) {
	var added int64
	err = q.QueryRow(ctx, `SELECT u.id, u.name, u.email, COALESCE(r.created_at, 0) FROM users u LEFT JOIN reviewers r ON r.user_id = u.id
		WHERE u.id = $1 OR u.email = LOWER($1) AND $1 <> ''`, user).Scan(&r.User, &r.Name, &r.Email, &added)
	r.Added = store.Time(added)
	return r, err
}

func insertReviewer(ctx context.Context, tx *store.Tx, user, by string, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO reviewers (user_id, added_by, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, user, by, store.Millis(now))
	return n == 1, err
}

func deleteReviewer(ctx context.Context, tx *store.Tx, user string) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM reviewers WHERE user_id = $1`, user)
	return n == 1, err
}
