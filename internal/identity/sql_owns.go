package identity

import (
	"context"
	"fmt"
)

// owned are the tables of what an organization may own, by the word for it; "organization" is itself.
var owned = map[string]string{
	"organization": "organizations WHERE id = $1 AND id = $2",
	"project":      "projects WHERE org_id = $1 AND id = $2",
	"user":         "users WHERE org_id = $1 AND id = $2",
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
