package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// owned are the tables of what an organization may own, by the word for it; "organization" is itself.
var owned = map[string]string{
	"organization": "organizations WHERE id = $1 AND id = $2",
	"project":      "projects WHERE org_id = $1 AND id = $2",
	"user":         "memberships WHERE org_id = $1 AND user_id = $2",
	"key":          "api_keys WHERE org_id = $1 AND id = $2 AND revoked_at = 0",
}

// Owns reports whether a "project", "user" or "key" with the id exists in the organization; whether an
// "organization" exists when the id is its own.
func (s *Service) Owns(ctx context.Context, org, kind, id string) (bool, error) {
	from, ok := owned[kind]
	if !ok {
		return false, fmt.Errorf("identity: no table of %s", kind)
	}
	var n int
	err := s.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM `+from, org, id).Scan(&n)
	return n > 0, err
}

// Founded returns when each organization was made, by id.
func (s *Service) Founded(ctx context.Context) (map[string]time.Time, error) {
	type made struct {
		id string
		at int64
	}
	rows, err := store.Collect(ctx, s.db.Read(), func(row store.Scanner) (m made, err error) {
		err = row.Scan(&m.id, &m.at)
		return m, err
	}, `SELECT id, created_at FROM organizations`)
	if err != nil {
		return nil, err
	}
	out := make(map[string]time.Time, len(rows))
	for _, m := range rows {
		out[m.id] = store.Time(m.at)
	}
	return out, nil
}
