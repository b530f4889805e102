package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const memberColumns = "m.user_id, u.name, u.email, m.role, m.created_at"

func scanMember(row store.Scanner) (m User, err error) {
	var added int64
	err = row.Scan(&m.ID, &m.Name, &m.Email, &m.Role, &added)
	m.Added = store.Time(added)
	return m, err
}

func (s *Service) listUsers(ctx context.Context, who actor.Actor, emails []string, p store.Paging) ([]User, bool, error) {
	where, args := "m.org_id = $1", []any{who.Org}
	if len(emails) > 0 {
		where += " AND u.email IN (" + store.Placeholders(2, len(emails)) + ")"
		for _, e := range emails {
			args = append(args, clean(e))
		}
	}
	users, more, err := store.Page(ctx, s.db.Read(), store.List{Columns: memberColumns, From: "memberships m JOIN users u ON u.id = m.user_id",
		Where: where, Args: args, Time: "m.created_at", ID: "m.user_id"}, p, scanMember)
	return users, more, cursorFault(err, "user")
}

func user(ctx context.Context, q store.Q, who actor.Actor, id string) (User, error) {
	m, err := scanMember(q.QueryRow(ctx, `SELECT `+memberColumns+` FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2`, who.Org, clean(id)))
	if errors.Is(err, store.ErrNoRows) {
		return m, notFound("user_id", "user", id)
	}
	return m, err
}

// inTurn takes the organization's row, before its members are looked at: who changes them at the same time, as two owners who remove
// each other, does it in turn.
func inTurn(ctx context.Context, tx *store.Tx, org string) error {
	_, err := tx.Exec(ctx, `UPDATE organizations SET name = name WHERE id = $1`, org)
	return err
}

// lastOwner refuses to lose the organization's only owner.
func lastOwner(ctx context.Context, tx *store.Tx, org, id string) error {
	if err := inTurn(ctx, tx, org); err != nil {
		return err
	}
	var others int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM memberships WHERE org_id = $1 AND role = 'owner' AND user_id <> $2`, org, id).Scan(&others)
	if err == nil && others == 0 {
		return fault.Param("user_id", "The organization's last owner can neither leave nor have another role: make somebody else an owner first.").WithCode("last_owner")
	}
	return err
}

func (s *Service) setRole(ctx context.Context, who actor.Actor, id, role string) (m User, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := inTurn(ctx, tx, who.Org); err != nil {
			return err
		}
		if m, err = user(ctx, tx, who, id); err != nil {
			return err
		}
		before := m.Role
		if before == actor.Owner && role != actor.Owner {
			if err := mayOwn(who); err != nil {
				return err
			}
			if err := lastOwner(ctx, tx, who.Org, id); err != nil {
				return err
			}
		}
		m.Role = role
		if _, err := tx.Exec(ctx, `UPDATE memberships SET role = $3 WHERE org_id = $1 AND user_id = $2`, who.Org, id, role); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.UserUpdated, Object: id, Before: map[string]any{"role": before}, After: map[string]any{"role": role}})
	})
	return m, err
}

// removeUser ends a membership with all that depends on it: projects, sessions, links, keys.
func (s *Service) removeUser(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error { return s.endMembership(ctx, tx, who, id, nil) })
}

// endMembership is removeUser in a transaction; after is what the line of the audit log says besides.
func (s *Service) endMembership(ctx context.Context, tx *store.Tx, who actor.Actor, id string, after any) error {
	if err := inTurn(ctx, tx, who.Org); err != nil {
		return err
	}
	m, err := user(ctx, tx, who, id)
	if err != nil {
		return err
	}
	if m.Role == actor.Owner {
		if err := lastOwner(ctx, tx, who.Org, id); err != nil {
			return err
		}
		if err := mayOwn(who); err != nil && id != who.User {
			return err
		}
	}
	for _, statement := range []string{
		`DELETE FROM project_members WHERE org_id = $1 AND user_id = $2`,
		`DELETE FROM sessions WHERE org_id = $1 AND user_id = $2`,
		`DELETE FROM signin_links WHERE org_id = $1 AND user_id = $2`,
		`DELETE FROM memberships WHERE org_id = $1 AND user_id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, who.Org, id); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE api_keys SET revoked_at = $3, owner_removed = TRUE WHERE org_id = $1 AND user_id = $2 AND revoked_at = 0`,
		who.Org, id, store.Millis(s.now())); err != nil {
		return err
	}
	return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.UserDeleted, Object: id, Before: map[string]any{"email": m.Email, "name": m.Name, "role": m.Role}, After: after})
}

const projectUserTables = "project_members m JOIN users u ON u.id = m.user_id"

func (s *Service) listProjectUsers(ctx context.Context, who actor.Actor, in string, p store.Paging) ([]User, bool, error) {
	users, more, err := store.Page(ctx, s.db.Read(), store.List{Columns: memberColumns, From: projectUserTables,
		Where: "m.org_id = $1 AND m.project_id = $2", Args: []any{who.Org, in}, Time: "m.created_at", ID: "m.user_id"}, p, scanMember)
	return users, more, cursorFault(err, "user")
}

func projectUser(ctx context.Context, q store.Q, who actor.Actor, in, id string) (User, error) {
	m, err := scanMember(q.QueryRow(ctx, `SELECT `+memberColumns+` FROM `+projectUserTables+` WHERE m.org_id = $1 AND m.project_id = $2 AND m.user_id = $3`, who.Org, clean(in), clean(id)))
	if errors.Is(err, store.ErrNoRows) {
		return m, notFound("user_id", "user in this project", id)
	}
	return m, err
}

// insertProjectUser adds a member of the organization, by id or by e-mail address, to a project.
func (s *Service) insertProjectUser(ctx context.Context, who actor.Actor, in, id, email, role string) (m User, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := activeProject(ctx, tx, who, in); err != nil {
			return err
		}
		if id == "" {
			err := tx.QueryRow(ctx, `SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND u.email = $2`, who.Org, clean(email)).Scan(&id)
			if errors.Is(err, store.ErrNoRows) {
				return notFound("email", "user in the organization", email)
			}
			if err != nil {
				return err
			}
		} else if _, err := user(ctx, tx, who, id); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO project_members (org_id, project_id, user_id, role, created_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (project_id, user_id) DO NOTHING`, who.Org, in, id, role, store.Millis(s.now()))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.Param("user_id", "User %s is in this project already.", id).WithCode("user_already_in_project")
		}
		if m, err = projectUser(ctx, tx, who, in, id); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.UserAdded, Object: id, Project: in, After: map[string]any{"role": role}})
	})
	return m, err
}

func (s *Service) setProjectRole(ctx context.Context, who actor.Actor, in, id, role string) (m User, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if m, err = projectUser(ctx, tx, who, in, id); err != nil {
			return err
		}
		before := m.Role
		m.Role = role
		if _, err := tx.Exec(ctx, `UPDATE project_members SET role = $3 WHERE project_id = $1 AND user_id = $2`, in, id, role); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.UserUpdated, Object: id, Project: in, Before: map[string]any{"role": before}, After: map[string]any{"role": role}})
	})
	return m, err
}

// removeProjectUser takes a user out of a project. Everybody keeps one to be in.
func (s *Service) removeProjectUser(ctx context.Context, who actor.Actor, in, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		m, err := projectUser(ctx, tx, who, in, id)
		if err != nil {
			return err
		}
		var other string
		err = tx.QueryRow(ctx, `SELECT p.id FROM project_members m JOIN projects p ON p.id = m.project_id
			WHERE m.org_id = $1 AND m.user_id = $2 AND p.id <> $3 AND p.archived_at = 0 ORDER BY p.created_at, p.id LIMIT 1`, who.Org, id, in).Scan(&other)
		if errors.Is(err, store.ErrNoRows) {
			return fault.Param("user_id", "This is the user's only project: add them to another one first, or remove them from the organization.").WithCode("last_project")
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM project_members WHERE project_id = $1 AND user_id = $2`, in, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE memberships SET project_id = $4 WHERE org_id = $1 AND user_id = $2 AND project_id = $3`, who.Org, id, in, other); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.UserDeleted, Object: id, Project: in, Before: map[string]any{"role": m.Role}})
	})
}

const inviteColumns = "id, email, role, projects, created_at, expires_at, accepted_at"

func scanInvite(row store.Scanner) (i Invite, err error) {
	var created, expires, accepted int64
	err = row.Scan(&i.ID, &i.Email, &i.Role, store.JSON(&i.Projects), &created, &expires, &accepted)
	i.Created, i.Expires, i.Accepted = store.Time(created), store.Time(expires), store.Time(accepted)
	return i, err
}

func (s *Service) listInvites(ctx context.Context, who actor.Actor, p store.Paging) ([]Invite, bool, error) {
	invites, more, err := store.Page(ctx, s.db.Read(), store.List{Columns: inviteColumns, From: "invites", Where: "org_id = $1 AND deleted_at = 0", Args: []any{who.Org}}, p, scanInvite)
	return invites, more, cursorFault(err, "invite")
}

func invite(ctx context.Context, q store.Q, who actor.Actor, id string) (Invite, error) {
	i, err := scanInvite(q.QueryRow(ctx, `SELECT `+inviteColumns+` FROM invites WHERE org_id = $1 AND id = $2 AND deleted_at = 0`, who.Org, clean(id)))
	if errors.Is(err, store.ErrNoRows) {
		return i, notFound("invite_id", "invite", id)
	}
	return i, err
}

func (s *Service) insertInvite(ctx context.Context, who actor.Actor, i Invite, token string) (Invite, error) {
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND u.email = $2`, who.Org, i.Email).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fault.Param("email", "%s is a member of the organization already.", i.Email).WithCode("user_already_in_organization")
		}
		for at, p := range i.Projects {
			if _, err := activeProject(ctx, tx, who, p.ID); err != nil {
				if fe := fault.As(err); fe != nil {
					fe.Param = fmt.Sprintf("projects[%d].id", at)
				}
				return err
			}
		}
		if len(i.Projects) == 0 {
			first, err := defaultProject(ctx, tx, who.Org)
			if err != nil {
				return err
			}
			i.Projects = []ProjectRole{{first, actor.Member}}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO invites (id, org_id, email, role, projects, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			i.ID, who.Org, i.Email, i.Role, store.JSON(i.Projects), sum(token).String(), store.Millis(i.Created), store.Millis(i.Expires)); err != nil {
			return err
		}
		var err error
		if i.Mailed, err = s.mailInvite(ctx, tx, who, i, token); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.InviteSent, Object: i.ID, After: map[string]any{"email": i.Email, "role": i.Role, "projects": i.Projects}})
	})
	return i, err
}

// countInvite counts the mail that an invitation is about to go out with, or refuses it: see mailsToOne. Its row is there already.
func (s *Service) countInvite(ctx context.Context, tx *store.Tx, who actor.Actor, i Invite) error {
	if err := inTurn(ctx, tx, who.Org); err != nil {
		return err
	}
	since := store.Millis(s.now().Add(-mailsWithin))
	var toOne, ofOne int
	if err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(mails), 0) FROM invites WHERE email = $1 AND mailed_at > $2`, i.Email, since).Scan(&toOne); err != nil {
		return err
	}
	if toOne >= mailsToOne {
		return tooManyInvites("%d invitations were mailed to %s within a day, and the newest link still works. Wait a day before you send another.", toOne, i.Email)
	}
	if err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(mails), 0) FROM invites WHERE org_id = $1 AND mailed_at > $2`, who.Org, since).Scan(&ofOne); err != nil {
		return err
	}
	if ofOne >= mailsOfOne && !who.Operator {
		return tooManyInvites("The organization mailed %d invitations within a day, which is all that it may. Go on tomorrow, or let your people in through single sign-on.", ofOne)
	}
	_, err := tx.Exec(ctx, `UPDATE invites SET mails = CASE WHEN mailed_at > $2 THEN mails + 1 ELSE 1 END, mailed_at = $3 WHERE id = $1`, i.ID, since, store.Millis(s.now()))
	return err
}

// renewInvite gives an invitation another link.
func (s *Service) renewInvite(ctx context.Context, who actor.Actor, id, token string) (i Invite, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if i, err = invite(ctx, tx, who, id); err != nil {
			return err
		}
		if !i.Accepted.IsZero() {
			return fault.Param("invite_id", "Invite %s was accepted: there is nothing to send again.", id).WithCode("invite_accepted")
		}
		if i.Role == actor.Owner {
			if err := mayOwn(who); err != nil {
				return err
			}
		}
		i.Expires = s.now().Add(InviteLifetime)
		if _, err := tx.Exec(ctx, `UPDATE invites SET hash = $2, expires_at = $3 WHERE id = $1`, i.ID, sum(token).String(), store.Millis(i.Expires)); err != nil {
			return err
		}
		if i.Mailed, err = s.mailInvite(ctx, tx, who, i, token); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.InviteSent, Object: i.ID, After: map[string]any{"email": i.Email, "role": i.Role, "again": true}})
	})
	return i, err
}

func (s *Service) deleteInvite(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		i, err := invite(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if !i.Accepted.IsZero() {
			return fault.Param("invite_id", "Invite %s was accepted: remove the user instead.", id).WithCode("invite_accepted")
		}
		if _, err := tx.Exec(ctx, `UPDATE invites SET deleted_at = $2 WHERE id = $1`, id, store.Millis(s.now())); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.InviteDeleted, Object: id, Before: map[string]any{"email": i.Email, "role": i.Role}})
	})
}

// acceptInvite makes the membership and a session in it. The link alone makes a new user; somebody with an
// account must be signed in as its user (me), or a link would be a way into other people's accounts.
// Their session goes on in the new organization. ErrNoRows says that the link is not good.
func (s *Service) acceptInvite(ctx context.Context, link digest, me actor.Actor, id string, session digest, expires time.Time) (a actor.Actor, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		var i Invite
		var org string
		err := tx.QueryRow(ctx, `UPDATE invites SET accepted_at = $2 WHERE hash = $1 AND accepted_at = 0 AND deleted_at = 0 AND expires_at > $2
			RETURNING id, org_id, email, role, projects`, link.String(), store.Millis(s.now())).Scan(&i.ID, &org, &i.Email, &i.Role, store.JSON(&i.Projects))
		if err != nil {
			return err
		}
		var who string
		err = tx.QueryRow(ctx, `SELECT id FROM users WHERE email = $1`, i.Email).Scan(&who)
		switch {
		case errors.Is(err, store.ErrNoRows):
			who = ids.New("user-")
			name, _, _ := strings.Cut(i.Email, "@")
			if _, err := tx.Exec(ctx, `INSERT INTO users (id, email, name, created_at) VALUES ($1, $2, $3, $4)`, who, i.Email, name, store.Millis(s.now())); err != nil {
				return err
			}
		case err != nil:
			return err
		case who != me.User:
			return fault.New(fault.Forbidden, "There is an account of %s: sign in as its user first, then open the invitation's link again.", i.Email).WithCode("account_exists")
		}
		projects, err := activeOf(ctx, tx, org, i.Projects)
		if err != nil {
			return err
		}
		if err := s.addMember(ctx, tx, org, who, i.Role, projects); err != nil {
			return err
		}
		by := actor.Actor{Org: org, User: who, Email: i.Email, Session: id}
		if err := s.audit.Record(ctx, tx, by, audit.Event{Type: audit.InviteAccepted, Object: i.ID}); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, tx, by, audit.Event{Type: audit.UserAdded, Object: who, After: map[string]any{"role": i.Role, "email": i.Email}}); err != nil {
			return err
		}
		if who == me.User && me.Session != "" {
			a, err = s.moveSession(ctx, tx, me, org, session)
			return err
		}
		if me.Session != "" { // of somebody else, who used this browser before
			if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE id = $1`, me.Session); err != nil {
				return err
			}
			tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return a.Session == me.Session }) })
		}
		a, err = s.insertSession(ctx, tx, Beginning{Org: org, User: who, Method: ByInvite, SecondFactor: me.Strong}, id, session, expires)
		return err
	})
	return a, err
}

const organizationColumns = "o.id, o.name, o.created_at, (SELECT COUNT(*) FROM memberships m WHERE m.org_id = o.id)"

func scanOrganization(row store.Scanner) (o Organization, err error) {
	var created int64
	err = row.Scan(&o.ID, &o.Name, &created, &o.Members)
	o.Created = store.Time(created)
	return o, err
}

func organizationOf(ctx context.Context, q store.Q, id string) (Organization, error) {
	return scanOrganization(q.QueryRow(ctx, `SELECT `+organizationColumns+` FROM organizations o WHERE o.id = $1`, id))
}

func (s *Service) renameOrganization(ctx context.Context, who actor.Actor, name string) (o Organization, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if o, err = organizationOf(ctx, tx, who.Org); err != nil || o.Name == name {
			return err
		}
		var taken int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM organizations WHERE name = $1 AND id <> $2`, name, who.Org).Scan(&taken); err != nil {
			return err
		}
		if taken == 0 {
			if _, err := tx.Exec(ctx, `UPDATE organizations SET name = $2 WHERE id = $1`, who.Org, name); err == nil {
				before := o.Name
				o.Name = name
				return s.audit.Record(ctx, tx, who, audit.Event{Type: "organization.updated", Object: who.Org, Before: map[string]any{"name": before}, After: map[string]any{"name": name}})
			} else if !store.IsUnique(err) { // another one got it in between
				return err
			}
		}
		return nameTaken(name)
	})
	return o, err
}

func nameTaken(name string) error {
	e := fault.New(fault.Conflict, "There is an organization called '%s' already.", name)
	e.Param = "name"
	return e
}

func (s *Service) listOrganizations(ctx context.Context) ([]Organization, error) {
	return store.Collect(ctx, s.db.Read(), scanOrganization, `SELECT `+organizationColumns+` FROM organizations o ORDER BY o.created_at, o.id`)
}

// operator returns who acts for an organization without being a member of it, in one of its projects.
func operator(ctx context.Context, q store.Q, org, in string) (actor.Actor, error) {
	a := actor.Actor{Role: actor.Owner, Scopes: actor.ScopesOf(actor.Owner), Operator: true}
	err := q.QueryRow(ctx, `SELECT o.id, o.name, p.id FROM organizations o JOIN projects p ON p.org_id = o.id AND p.archived_at = 0 AND ($2 = '' OR p.id = $2)
		WHERE o.id = $1 OR o.name = $1 ORDER BY p.is_default DESC, p.created_at, p.id LIMIT 1`, clean(org), clean(in)).Scan(&a.Org, &a.OrgName, &a.Project)
	return a, err
}

// insertEmpty makes an organization with a project and nobody in it, and returns when: after all others, also on a machine whose clock
// was set back, as the first organization's owners are the operator.
func (s *Service) insertEmpty(ctx context.Context, o Organization) (_ Organization, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		var last int64
		if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(created_at), 0) FROM organizations`).Scan(&last); err != nil {
			return err
		}
		if store.Millis(o.Created) <= last {
			o.Created = store.Time(last + 1)
		}
		n, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`, o.ID, o.Name, store.Millis(o.Created))
		if err != nil {
			return err
		}
		if n == 0 {
			return nameTaken(o.Name)
		}
		_, err = tx.Exec(ctx, `INSERT INTO projects (id, org_id, name, created_at, is_default) VALUES ($1, $2, 'Default project', $3, TRUE)`, ids.New("proj_"), o.ID, store.Millis(o.Created))
		return err
	})
	return o, err
}
