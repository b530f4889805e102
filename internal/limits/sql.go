package limits

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/store"
)

const columns = "id, org_id, subject, subject_id, model, figures, updated_at"

func scan(row store.Scanner) (r Rule, err error) {
	var updated int64
	err = row.Scan(&r.ID, &r.Org, &r.Subject, &r.SubjectID, &r.Model, store.JSON(&r.Values), &updated)
	r.Updated = store.Time(updated)
	return r, err
}

// read returns all rules, in the order in which they are shown.
func read(ctx context.Context, q store.Q) ([]Rule, error) {
	return store.Collect(ctx, q, scan, `SELECT `+columns+` FROM rate_limits ORDER BY org_id, subject, subject_id, model`)
}

// find reads the rule at a place; nil when there is none.
func find(ctx context.Context, q store.Q, p place) (*Rule, error) {
	r, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM rate_limits WHERE org_id = $1 AND subject = $2 AND subject_id = $3 AND model = $4`,
		p.org, string(p.subject), p.id, p.model))
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

func count(ctx context.Context, q store.Q, org string) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*) FROM rate_limits WHERE org_id = $1`, org).Scan(&n)
	return n, err
}

// write puts a rule into its place. One that was there keeps its id, which is returned.
func write(ctx context.Context, q store.Q, r Rule) (id string, err error) {
	err = q.QueryRow(ctx, `INSERT INTO rate_limits (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (org_id, subject, subject_id, model) DO UPDATE SET figures = excluded.figures, updated_at = excluded.updated_at RETURNING id`,
		r.ID, r.Org, string(r.Subject), r.SubjectID, r.Model, store.JSON(r.Values), store.Millis(r.Updated)).Scan(&id)
	return id, err
}

// remove takes a rule away and returns it, or ErrNoRows.
func remove(ctx context.Context, q store.Q, org, id string) (Rule, error) {
	return scan(q.QueryRow(ctx, `DELETE FROM rate_limits WHERE org_id = $1 AND id = $2 RETURNING `+columns, org, id))
}
