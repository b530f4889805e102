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

func scanProject(row store.Scanner) (p Project, err error) {
	var created, archived int64
	err = row.Scan(&p.ID, &p.Name, &created, &archived)
	p.Created, p.Archived = store.Time(created), store.Time(archived)
	return p, err
}

func (s *Service) listProjects(ctx context.Context, who actor.Actor, archived bool, p store.Paging) ([]Project, bool, error) {
	where := "org_id = $1"
	if !archived {
		where += " AND archived_at = 0"
	}
	projects, more, err := store.Page(ctx, s.db.Read(), store.List{Columns: "id, name, created_at, archived_at", From: "projects", Where: where, Args: []any{who.Org}}, p, scanProject)
	return projects, more, cursorFault(err, "project")
}

func project(ctx context.Context, q store.Q, who actor.Actor, id string) (Project, error) {
	p, err := scanProject(q.QueryRow(ctx, `SELECT id, name, created_at, archived_at FROM projects WHERE org_id = $1 AND id = $2`, who.Org, clean(id)))
	if errors.Is(err, store.ErrNoRows) {
		return p, notFound("project_id", "project", id)
	}
	return p, err
}

// activeProject is project for what is done in one.
func activeProject(ctx context.Context, q store.Q, who actor.Actor, id string) (Project, error) {
	p, err := project(ctx, q, who, id)
	if err == nil && !p.Archived.IsZero() {
		return p, fault.Param("project_id", "The project %s has been archived.", id).WithCode("project_archived")
	}
	return p, err
}

// defaultProject is the one that the organization began with.
func defaultProject(ctx context.Context, q store.Q, org string) (id string, err error) {
	err = q.QueryRow(ctx, `SELECT id FROM projects WHERE org_id = $1 ORDER BY is_default DESC, created_at, id LIMIT 1`, org).Scan(&id)
	return id, err
}

func (s *Service) insertProject(ctx context.Context, who actor.Actor, name string) (p Project, err error) {
	p = Project{ID: ids.New("proj_"), Name: name, Created: s.now()}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO projects (id, org_id, name, created_at) VALUES ($1, $2, $3, $4)`, p.ID, who.Org, name, store.Millis(p.Created)); err != nil {
			return err
		}
		if who.User != "" {
			if _, err := tx.Exec(ctx, `INSERT INTO project_members (org_id, project_id, user_id, role, created_at) VALUES ($1, $2, $3, 'owner', $4)`,
				who.Org, p.ID, who.User, store.Millis(p.Created)); err != nil {
				return err
			}
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.ProjectCreated, Object: p.ID, Project: p.ID, After: map[string]any{"name": name}})
	})
	return p, err
}

func (s *Service) renameProject(ctx context.Context, who actor.Actor, id, name string) (p Project, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if p, err = activeProject(ctx, tx, who, id); err != nil {
			return err
		}
		before := p.Name
		p.Name = name
		if _, err := tx.Exec(ctx, `UPDATE projects SET name = $2 WHERE id = $1`, id, name); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.ProjectUpdated, Object: id, Project: id, Before: map[string]any{"title": before}, After: map[string]any{"title": name}})
	})
	return p, err
}

func (s *Service) archiveProject(ctx context.Context, who actor.Actor, id string) (p Project, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if p, err = activeProject(ctx, tx, who, id); err != nil {
			return err
		}
		first, err := defaultProject(ctx, tx, who.Org)
		if err != nil {
			return err
		}
		if id == first {
			return fault.Param("project_id", "The default project cannot be archived.").WithCode("default_project")
		}
		p.Archived = s.now()
		if _, err := tx.Exec(ctx, `UPDATE projects SET archived_at = $2 WHERE id = $1`, id, store.Millis(p.Archived)); err != nil {
			return err
		}
		// Whose own project it was finds themselves in the default one.
		if _, err := tx.Exec(ctx, `INSERT INTO project_members (org_id, project_id, user_id, role, created_at)
			SELECT org_id, $3, user_id, 'member', $4 FROM memberships WHERE org_id = $1 AND project_id = $2
			ON CONFLICT (project_id, user_id) DO NOTHING`, who.Org, id, first, store.Millis(p.Archived)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE memberships SET project_id = $3 WHERE org_id = $1 AND project_id = $2`, who.Org, id, first); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.ProjectArchived, Object: id, Project: id, Before: map[string]any{"name": p.Name}})
	})
	return p, err
}

func scanAccount(row store.Scanner) (a ServiceAccount, err error) {
	var created int64
	err = row.Scan(&a.ID, &a.Name, &a.Role, &created)
	a.Created = store.Time(created)
	return a, err
}

func (s *Service) listAccounts(ctx context.Context, who actor.Actor, in string, p store.Paging) ([]ServiceAccount, bool, error) {
	accounts, more, err := store.Page(ctx, s.db.Read(), store.List{Columns: "id, name, role, created_at", From: "service_accounts",
		Where: "org_id = $1 AND project_id = $2 AND deleted_at = 0", Args: []any{who.Org, in}}, p, scanAccount)
	return accounts, more, cursorFault(err, "service account")
}

func account(ctx context.Context, q store.Q, who actor.Actor, in, id string) (ServiceAccount, error) {
	a, err := scanAccount(q.QueryRow(ctx, `SELECT id, name, role, created_at FROM service_accounts WHERE org_id = $1 AND project_id = $2 AND id = $3 AND deleted_at = 0`, who.Org, clean(in), clean(id)))
	if errors.Is(err, store.ErrNoRows) {
		return a, notFound("service_account_id", "service account", id)
	}
	return a, err
}

// insertAccount makes a service account, with a key unless d is nil.
func (s *Service) insertAccount(ctx context.Context, who actor.Actor, in string, a ServiceAccount, k Key, d *digest) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := activeProject(ctx, tx, who, in); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO service_accounts (id, org_id, project_id, name, role, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			a.ID, who.Org, in, a.Name, a.Role, store.Millis(a.Created)); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, tx, who, audit.Event{Type: audit.ServiceAccountCreated, Object: a.ID, Project: in, After: a.audited()}); err != nil || d == nil {
			return err
		}
		return s.insertKey(ctx, tx, who, k, *d)
	})
}

func (s *Service) insertAccountKey(ctx context.Context, who actor.Actor, in, id string, k Key, d digest) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := account(ctx, tx, who, in, id); err != nil {
			return err
		}
		if _, err := activeProject(ctx, tx, who, in); err != nil {
			return err
		}
		return s.insertKey(ctx, tx, who, k, d)
	})
}

func (s *Service) updateAccount(ctx context.Context, who actor.Actor, in, id string, name, role *string) (a ServiceAccount, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if a, err = account(ctx, tx, who, in, id); err != nil {
			return err
		}
		before := a.audited()
		if name != nil {
			a.Name = *name
		}
		if role != nil {
			a.Role = *role
		}
		if _, err := tx.Exec(ctx, `UPDATE service_accounts SET name = $2, role = $3 WHERE id = $1`, id, a.Name, a.Role); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.ServiceAccountUpdated, Object: id, Project: in, Before: before, After: a.audited()})
	})
	return a, err
}

func (s *Service) deleteAccount(ctx context.Context, who actor.Actor, in, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := account(ctx, tx, who, in, id)
		if err != nil {
			return err
		}
		now := store.Millis(s.now())
		if _, err := tx.Exec(ctx, `UPDATE service_accounts SET deleted_at = $2 WHERE id = $1`, id, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE api_keys SET revoked_at = $2 WHERE service_account_id = $1 AND revoked_at = 0`, id, now); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.ServiceAccountDeleted, Object: id, Project: in, Before: a.audited()})
	})
}
