package identity

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// viaSSO marks what a provider of identities gave.
const viaSSO = "sso"

func userByEmail(ctx context.Context, q store.Q, email string) (id string, err error) {
	return id, q.QueryRow(ctx, `SELECT id FROM users WHERE email = $1 AND email <> ''`, email).Scan(&id)
}

func (s *Service) insertUser(ctx context.Context, tx *store.Tx, email, name string) (string, error) {
	id := ids.New("user-")
	_, err := tx.Exec(ctx, `INSERT INTO users (id, email, name, created_at) VALUES ($1, $2, $3, $4)`, id, email, name, store.Millis(s.now()))
	return id, err
}

func (s *Service) verifyEmail(ctx context.Context, tx *store.Tx, user string) error {
	_, err := tx.Exec(ctx, `UPDATE users SET email_verified_at = $2 WHERE id = $1 AND email <> '' AND email_verified_at = 0`, user, store.Millis(s.now()))
	return err
}

// revokeUnproven revokes the keys of a user whose address was never shown to be theirs, each with its line in its organization's log.
func (s *Service) revokeUnproven(ctx context.Context, tx *store.Tx, user string) (int64, error) {
	type revoked struct{ id, org, project, name, redacted string }
	keys, err := store.Collect(ctx, tx, func(row store.Scanner) (k revoked, err error) {
		return k, row.Scan(&k.id, &k.org, &k.project, &k.name, &k.redacted)
	}, `UPDATE api_keys SET revoked_at = $2 WHERE user_id = $1 AND revoked_at = 0 AND EXISTS (SELECT 1 FROM users u WHERE u.id = $1 AND u.email_verified_at = 0)
		RETURNING id, org_id, COALESCE(project_id, ''), name, redacted`, user, store.Millis(s.now()))
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if err := s.audit.Record(ctx, tx, actor.Actor{Org: k.org, User: user}, audit.Event{Type: audit.KeyDeleted, Object: k.id, Project: k.project,
			Before: map[string]any{"name": k.name, "redacted": k.redacted}, After: map[string]any{"via": viaSSO}}); err != nil {
			return 0, err
		}
	}
	return int64(len(keys)), nil
}

func (s *Service) pendingInvites(ctx context.Context, q store.Q, email string) (n int, err error) {
	return n, q.QueryRow(ctx, `SELECT COUNT(*) FROM invites WHERE email = $1 AND accepted_at = 0 AND deleted_at = 0 AND expires_at > $2`, email, store.Millis(s.now())).Scan(&n)
}

func (s *Service) acceptInvites(ctx context.Context, tx *store.Tx, user, email string) error {
	type found struct {
		org string
		Invite
	}
	open, err := store.Collect(ctx, tx, func(row store.Scanner) (f found, err error) {
		return f, row.Scan(&f.ID, &f.org, &f.Role, store.JSON(&f.Projects))
	}, `UPDATE invites SET accepted_at = $2 WHERE email = $1 AND accepted_at = 0 AND deleted_at = 0 AND expires_at > $2 RETURNING id, org_id, role, projects`, email, store.Millis(s.now()))
	if err != nil {
		return err
	}
	for _, f := range open {
		projects, err := activeOf(ctx, tx, f.org, f.Projects)
		if err != nil {
			return err
		}
		if err := s.addMember(ctx, tx, f.org, user, f.Role, projects); err != nil {
			return err
		}
		by := actor.Actor{Org: f.org, User: user, Email: email}
		if err := s.audit.Record(ctx, tx, by, audit.Event{Type: audit.InviteAccepted, Object: f.ID}); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, tx, by, audit.Event{Type: audit.UserAdded, Object: user, After: map[string]any{"role": f.Role, "email": email}}); err != nil {
			return err
		}
	}
	return nil
}

// activeOf leaves out projects that were archived; when none is left it is the default one.
func activeOf(ctx context.Context, q store.Q, org string, projects []ProjectRole) ([]ProjectRole, error) {
	var out []ProjectRole
	for _, p := range projects {
		if _, err := activeProject(ctx, q, actor.Actor{Org: org}, p.ID); err == nil {
			out = append(out, p)
		} else if fault.As(err) == nil {
			return nil, err
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	first, err := defaultProject(ctx, q, org)
	return []ProjectRole{{first, actor.Member}}, err
}

func provided(ctx context.Context, q store.Q, user string) ([]string, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (org string, err error) { return org, row.Scan(&org) },
		`SELECT org_id FROM memberships WHERE user_id = $1 AND via = $2 ORDER BY org_id`, user, viaSSO)
}

func home(ctx context.Context, q store.Q, user string) (org string, err error) {
	return org, q.QueryRow(ctx, `SELECT m.org_id FROM memberships m JOIN organizations o ON o.id = m.org_id WHERE m.user_id = $1 ORDER BY m.created_at, o.created_at, o.id LIMIT 1`, user).Scan(&org)
}

func (s *Service) provide(ctx context.Context, tx *store.Tx, user string, g Grant) error {
	projects, err := activeOf(ctx, tx, g.Org, g.Projects)
	if err != nil {
		return err
	}
	by := actor.Actor{Org: g.Org, User: user}
	m, err := scanMember(tx.QueryRow(ctx, `SELECT `+memberColumns+` FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2`, g.Org, user))
	switch {
	case errors.Is(err, store.ErrNoRows):
		if err := s.addMember(ctx, tx, g.Org, user, g.Role, projects); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, tx, by, audit.Event{Type: audit.UserAdded, Object: user, After: map[string]any{"role": g.Role, "via": viaSSO}}); err != nil {
			return err
		}
	case err != nil:
		return err
	case m.Role != g.Role:
		if m.Role == actor.Owner {
			if err := lastOwner(ctx, tx, g.Org, user); fault.As(err) != nil {
				g.Role = actor.Owner // somebody has to be
				break
			} else if err != nil {
				return err
			}
		}
		if err := s.audit.Record(ctx, tx, by, audit.Event{Type: audit.UserUpdated, Object: user, Before: map[string]any{"role": m.Role}, After: map[string]any{"role": g.Role, "via": viaSSO}}); err != nil {
			return err
		}
	}
	if g.Stays {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE memberships SET role = $3, via = $4 WHERE org_id = $1 AND user_id = $2`, g.Org, user, g.Role, viaSSO); err != nil {
		return err
	}
	return s.provideProjects(ctx, tx, user, g.Org, projects)
}

// provideProjects makes the provider's part of a user's projects what the list says.
func (s *Service) provideProjects(ctx context.Context, tx *store.Tx, user, org string, projects []ProjectRole) error {
	keep := []any{org, user, viaSSO}
	for _, p := range projects {
		// A place that was given by hand keeps its role.
		if _, err := tx.Exec(ctx, `INSERT INTO project_members (org_id, project_id, user_id, role, created_at, via) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (project_id, user_id) DO UPDATE SET role = CASE WHEN project_members.via = $6 THEN excluded.role ELSE project_members.role END`,
			org, p.ID, user, p.Role, store.Millis(s.now()), viaSSO); err != nil {
			return err
		}
		keep = append(keep, p.ID)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM project_members WHERE org_id = $1 AND user_id = $2 AND via = $3 AND project_id NOT IN (`+store.Placeholders(4, len(projects))+`)`, keep...); err != nil {
		return err
	}
	// The member's own project is one that they are in.
	_, err := tx.Exec(ctx, `UPDATE memberships SET project_id = $3 WHERE org_id = $1 AND user_id = $2 AND NOT EXISTS
		(SELECT 1 FROM project_members p WHERE p.project_id = memberships.project_id AND p.user_id = $2)`, org, user, projects[0].ID)
	return err
}

func (s *Service) withdraw(ctx context.Context, tx *store.Tx, user, org string) error {
	err := s.endMembership(ctx, tx, actor.Actor{Org: org, User: user}, user, map[string]any{"via": viaSSO})
	if e := fault.As(err); e != nil && e.Code == "last_owner" {
		return nil
	}
	return err
}
