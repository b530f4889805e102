package secrets

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// proof is a key that sealed.
type proof struct {
	number    int // 1, 2, …: two servers cannot both note the first
	id, value string
}

func list(ctx context.Context, q store.Q) ([]proof, error) {
	rows, err := q.Query(ctx, `SELECT number, id, proof FROM secret_keys ORDER BY number`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []proof
	for rows.Next() {
		var p proof
		if err := rows.Scan(&p.number, &p.id, &p.value); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// insert returns false when another server took the number.
func insert(ctx context.Context, q store.Q, p proof, now time.Time) (bool, error) {
	n, err := q.Exec(ctx, `INSERT INTO secret_keys (number, id, proof, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		p.number, p.id, p.value, store.Millis(now))
	return n == 1, err
}

func remove(ctx context.Context, db *store.DB, id string) (bool, error) {
	n, err := db.Exec(ctx, `DELETE FROM secret_keys WHERE id = $1`, id)
	return n > 0, err
}
