package identity

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// bootstrap finds or makes the oldest organization with its oldest owner.
func (s *Service) bootstrap(ctx context.Context) (in Installation, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		in = Installation{}
		owner, err := findOwner(ctx, tx)
		if !errors.Is(err, store.ErrNoRows) {
			in.Owner = owner
			return err
		}
		// Another server may be doing the same: the name is unique, and who comes second waits here.
		made, err := s.insertFirst(ctx, tx)
		if err != nil {
			return err
		}
		in.First = made
		in.Owner, err = findOwner(ctx, tx)
		return err
	})
	return in, err
}

// insertFirst makes the first organization with a project and an owner, unless it is there.
func (s *Service) insertFirst(ctx context.Context, tx *store.Tx) (made bool, err error) {
	now := store.Millis(s.now())
	org, project, user := ids.New("org-"), ids.New("proj_"), ids.New("user-")
	n, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, created_at) VALUES ($1, 'personal', $2) ON CONFLICT (name) DO NOTHING`, org, now)
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO projects (id, org_id, name, created_at, is_default) VALUES ($1, $2, 'Default project', $3, TRUE)`, project, org, now); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO users (id, email, name, created_at) VALUES ($1, '', 'Owner', $2)`, user, now); err != nil {
		return false, err
	}
	return true, s.addMember(ctx, tx, org, user, actor.Owner, []ProjectRole{{project, actor.Owner}})
}

// addMember makes the membership and those of the projects, of which the first becomes the user's own.
func (s *Service) addMember(ctx context.Context, tx *store.Tx, org, user, role string, projects []ProjectRole) error {
	now := store.Millis(s.now())
	if _, err := tx.Exec(ctx, `INSERT INTO memberships (org_id, user_id, project_id, role, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (org_id, user_id) DO NOTHING`, org, user, projects[0].ID, role, now); err != nil {
		return err
	}
	for _, p := range projects {
		if _, err := tx.Exec(ctx, `INSERT INTO project_members (org_id, project_id, user_id, role, created_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (project_id, user_id) DO NOTHING`, org, p.ID, user, p.Role, now); err != nil {
			return err
		}
	}
	return nil
}

func findOwner(ctx context.Context, q store.Q) (actor.Actor, error) {
	a := actor.Actor{Role: actor.Owner, Scopes: actor.ScopesOf(actor.Owner), Operator: true}
	err := q.QueryRow(ctx, `SELECT m.user_id, m.org_id, m.project_id, o.name, u.email FROM memberships m JOIN organizations o ON o.id = m.org_id
		JOIN users u ON u.id = m.user_id WHERE m.role = 'owner' ORDER BY o.created_at, o.id, m.created_at, m.user_id LIMIT 1`).
		Scan(&a.User, &a.Org, &a.Project, &a.OrgName, &a.Email)
	return a, err
}

// asMember returns a user as a member of an organization, by its id or name, in one of its projects: their
// own when project is empty. An owner of the first organization is the operator in every other one, too. ErrNoRows says that the user is no member, or of no such project.
// shown is how the session proves who they are: where the organization requires a second factor, little is allowed without one, and
// where it requires single sign-on, a session that began with a password is refused. What the first organization requires is required of
// the operator and of reviewers wherever they act: another organization is no way round it.
func asMember(ctx context.Context, q store.Q, org, user, project string, shown proof) (actor.Actor, error) {
	var required, sso, firstRequired, firstSSO bool
	a := actor.Actor{Strong: shown.strong, Method: shown.method}
	err := q.QueryRow(ctx, `SELECT o.id, o.name, p.id, u.id, u.email, m.role, COALESCE(pm.role, ''), o.require_second_factor, o.sso_required,
		EXISTS (SELECT 1 FROM memberships f WHERE f.user_id = u.id AND f.role = 'owner' AND f.org_id = first.id),
		EXISTS (SELECT 1 FROM reviewers v WHERE v.user_id = u.id), first.require_second_factor, first.sso_required
		FROM memberships m JOIN organizations o ON o.id = m.org_id JOIN users u ON u.id = m.user_id
		JOIN organizations first ON first.id = (SELECT id FROM organizations ORDER BY created_at, id LIMIT 1)
		JOIN projects p ON p.org_id = m.org_id AND p.archived_at = 0 AND p.id = CASE WHEN $3 = '' THEN m.project_id ELSE $3 END
		LEFT JOIN project_members pm ON pm.project_id = p.id AND pm.user_id = m.user_id
		WHERE (o.id = $1 OR o.name = $1) AND m.user_id = $2 AND (pm.role IS NOT NULL OR m.role IN ('owner', 'admin'))`, org, user, project).
		Scan(&a.Org, &a.OrgName, &a.Project, &a.User, &a.Email, &a.Role, &a.ProjectRole, &required, &sso, &a.Operator, &a.Reviewer, &firstRequired, &firstSSO)
	a.Scopes = actor.ScopesIn(a.Role, a.ProjectRole)
	hold(&a, required)
	outside := shown.method == ByPassword || shown.method == ByInvite || shown.method == ByReset
	if firstRequired && !a.Strong || firstSSO && outside {
		a.Operator, a.Reviewer = false, false
	}
	if err == nil && sso && outside {
		return actor.Actor{}, fault.New(fault.Unauthorized, "The organization %s wants single sign-on: sign in through your identity provider.", a.OrgName).WithCode("sso_required")
	}
	return a, err
}

// proof is how somebody showed who they are.
type proof struct {
	strong bool   // with a second factor
	method string // how the session began
}

// lookUp reads a key or a session by the digest of its secret, or returns ErrNoRows, or why it may do nothing.
func (s *Service) lookUp(ctx context.Context, kind secretKind, d digest) (*entry, error) {
	if kind == sessionCookie {
		return s.lookUpSession(ctx, d)
	}
	return s.lookUpKey(ctx, "hash", d.String())
}

// Stands says whether the key, or the person without one, on whose behalf something goes on may still act in their project: nil, or why
// not. It is for what lasts longer than a request, whose actor was read when it began.
func (s *Service) Stands(ctx context.Context, who actor.Actor) error {
	var err error
	switch {
	case who.Key != "":
		_, err = s.lookUpKey(ctx, "id", who.Key)
	case who.User != "":
		_, err = asMember(ctx, s.db.Read(), who.Org, who.User, who.Project, proof{who.Strong, who.Method})
	}
	switch {
	case errors.Is(err, store.ErrNoRows) && who.Key != "":
		return fault.New(fault.Unauthorized, "The API key that asked for this was revoked or has expired: nothing more is done on its behalf.").WithCode("invalid_api_key")
	case errors.Is(err, store.ErrNoRows):
		return fault.New(fault.Unauthorized, "Who asked for this is no longer a member of the project %s: nothing more is done on their behalf.", who.Project).WithCode("not_authorized_invalid_project")
	}
	return err
}

// lookUpKey reads a key by a column, "hash" or "id".
func (s *Service) lookUpKey(ctx context.Context, column, value string) (*entry, error) {
	var (
		e                 = &entry{}
		a                 = &e.actor
		scopes            []string
		account           string
		expires, archived int64
		removed, admin    bool
	)
	err := s.db.Read().QueryRow(ctx, `SELECT k.id, k.org_id, COALESCE(k.project_id, m.project_id, ''), k.project_id IS NULL, COALESCE(k.user_id, ''), COALESCE(u.email, ''), COALESCE(k.service_account_id, ''),
		o.name, k.scopes, k.models, k.track_usage, k.expires_at, k.owner_removed, COALESCE(m.role, ''), COALESCE(pm.role, ''), COALESCE(sa.role, ''), COALESCE(p.archived_at, 0)
		FROM api_keys k JOIN organizations o ON o.id = k.org_id LEFT JOIN projects p ON p.id = k.project_id LEFT JOIN users u ON u.id = k.user_id
		LEFT JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.user_id
		LEFT JOIN project_members pm ON pm.project_id = k.project_id AND pm.user_id = k.user_id
		LEFT JOIN service_accounts sa ON sa.id = k.service_account_id AND sa.deleted_at = 0
		WHERE k.`+column+` = $1 AND (k.revoked_at = 0 OR k.owner_removed) AND (k.expires_at = 0 OR k.expires_at > $2)`, value, store.Millis(s.now())).
		Scan(&a.Key, &a.Org, &a.Project, &admin, &a.User, &a.Email, &a.Service, &a.OrgName, store.JSON(&scopes), store.JSON(&a.Models), &a.Track,
			&expires, &removed, &a.Role, &a.ProjectRole, &account, &archived)
	if err != nil {
		return nil, err
	}
	role := a.Role
	if a.Service != "" {
		role, a.ProjectRole = actor.Member, account
		removed = removed || account == ""
	}
	switch {
	case removed || role == "":
		return nil, notMember()
	case archived != 0:
		return nil, fault.New(fault.Unauthorized, "The project %s, which this API key belongs to, has been archived and is no longer accessible. Use a key of another project.", a.Project).WithCode("not_authorized_invalid_project")
	case !admin && a.Service == "" && a.ProjectRole == "" && role != actor.Owner && role != actor.Admin:
		return nil, fault.New(fault.Unauthorized, "The owner of this API key is no longer a member of the project %s.", a.Project).WithCode("not_authorized_invalid_project")
	}
	a.Scopes = actor.Both(scopes, actor.ScopesIn(role, a.ProjectRole))
	if expires != 0 {
		e.expires = store.Time(expires).UnixNano()
	}
	return e, nil
}

func notMember() error {
	return fault.New(fault.Unauthorized, "You must be a member of an organization to use the API. The owner of this API key left the organization or was removed from it.")
}

// person is what GET /api/session shows.
type person struct {
	name, projectName string
}

func (s *Service) person(ctx context.Context, who actor.Actor) (p person, err error) {
	err = s.db.Read().QueryRow(ctx, `SELECT COALESCE(u.name, sa.name, ''), p.name FROM projects p LEFT JOIN users u ON u.id = $3
		LEFT JOIN service_accounts sa ON sa.id = $4 WHERE p.org_id = $1 AND p.id = $2`, who.Org, who.Project, who.User, who.Service).Scan(&p.name, &p.projectName)
	return p, err
}
