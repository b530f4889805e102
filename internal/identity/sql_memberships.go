package identity

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/store"
)

func (s *Service) listMemberships(ctx context.Context, who actor.Actor) ([]Membership, error) {
	from, where, args := `memberships m`, `m.user_id = $1 AND (pm.role IS NOT NULL OR m.role IN ('owner', 'admin'))`, []any{who.User}
	if who.Session == "" { // a key, which is not told what else its owner is in
		from = `(SELECT CAST($1 AS TEXT) AS org_id, CAST($2 AS TEXT) AS user_id, CAST($3 AS TEXT) AS role) m`
		where, args = `p.id = $4`, []any{who.Org, who.User, role(who), who.Project}
	}
	type place struct {
		in      Membership
		project ProjectPlace
	}
	rows, err := store.Collect(ctx, s.db.Read(), func(row store.Scanner) (l place, err error) {
		err = row.Scan(&l.in.ID, &l.in.Name, &l.in.Role, &l.project.ID, &l.project.Name, &l.project.Role)
		return l, err
	}, `SELECT o.id, o.name, m.role, p.id, p.name, COALESCE(pm.role, '') FROM `+from+` JOIN organizations o ON o.id = m.org_id
		JOIN projects p ON p.org_id = m.org_id AND p.archived_at = 0
		LEFT JOIN project_members pm ON pm.project_id = p.id AND pm.user_id = m.user_id
		WHERE `+where+` ORDER BY o.created_at, o.id, p.is_default DESC, p.created_at, p.id`, args...)
	out := []Membership{}
	for _, l := range rows {
		if n := len(out); n == 0 || out[n-1].ID != l.in.ID {
			l.in.Object = "membership"
			out = append(out, l.in)
		}
		last := &out[len(out)-1]
		last.Projects = append(last.Projects, l.project)
	}
	return out, err
}

// role is a service account's, too, which is a member's.
func role(who actor.Actor) string {
	if who.Service != "" {
		return actor.Member
	}
	return who.Role
}
