package sso

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// identityOf returns whose account a subject of the provider is; empty: nobody's.
func (s *Service) identityOf(ctx context.Context, tx *store.Tx, subject string) (user string, err error) {
	err = tx.QueryRow(ctx, `SELECT user_id FROM sso_identities WHERE issuer = $1 AND subject = $2`, s.cfg.Issuer, subject).Scan(&user)
	if errors.Is(err, store.ErrNoRows) {
		err = nil
	}
	return user, err
}

func (s *Service) insertIdentity(ctx context.Context, tx *store.Tx, user string, p person) error {
	var n int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM sso_identities WHERE user_id = $1`, user).Scan(&n); err != nil {
		return err
	}
	if n >= maxIdentities {
		return fault.New(fault.Conflict, "The account has %d identities already: remove one first.", maxIdentities).WithCode("sso_too_many")
	}
	_, err := tx.Exec(ctx, `INSERT INTO sso_identities (id, issuer, subject, user_id, email, created_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $6)`,
		ids.New("ssoid_"), s.cfg.Issuer, p.Subject, user, emailText(p.Email), store.Millis(s.now()))
	return err
}

// emailText is an address as a column takes it.
func emailText(email string) string {
	if !identity.Storable(email) || len(email) > 254 {
		return ""
	}
	return email
}

func (s *Service) seen(ctx context.Context, tx *store.Tx, p person) error {
	_, err := tx.Exec(ctx, `UPDATE sso_identities SET email = $3, last_used_at = $4 WHERE issuer = $1 AND subject = $2`, s.cfg.Issuer, p.Subject, emailText(p.Email), store.Millis(s.now()))
	return err
}

// removeProofs removes the account's password, second factor and identities, and tells whether it had a password.
func (s *Service) removeProofs(ctx context.Context, tx *store.Tx, user string) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM passwords WHERE user_id = $1`, user)
	if err != nil {
		return false, err
	}
	for _, statement := range []string{`DELETE FROM recovery_codes WHERE user_id = $1`, `DELETE FROM second_factors WHERE user_id = $1`, `DELETE FROM sso_identities WHERE user_id = $1`} {
		if _, err := tx.Exec(ctx, statement, user); err != nil {
			return false, err
		}
	}
	return n > 0, nil
}

func (s *Service) identities(ctx context.Context, user string) ([]Identity, error) {
	return store.Collect(ctx, s.db.Read(), func(row store.Scanner) (i Identity, err error) {
		var created, used int64
		err = row.Scan(&i.ID, &i.Issuer, &i.Email, &created, &used)
		i.Created, i.LastUsed = store.Time(created), store.Time(used)
		return i, err
	}, `SELECT id, issuer, email, created_at, last_used_at FROM sso_identities WHERE user_id = $1 ORDER BY created_at, id`, user)
}

func (s *Service) deleteIdentity(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		var issuer, email string
		err := tx.QueryRow(ctx, `DELETE FROM sso_identities WHERE id = $1 AND user_id = $2 RETURNING issuer, email`, id, who.User).Scan(&issuer, &email)
		if errors.Is(err, store.ErrNoRows) {
			return notFound("identity_id", "identity", id)
		}
		if err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: Unlinked, Object: who.User, Before: map[string]any{"issuer": issuer, "email": email}})
	})
}

func notFound(param, what, id string) error {
	e := fault.New(fault.NotFound, "No such %s: %q", what, id[:min(len(id), 64)])
	e.Param = param
	return e
}

// organization returns the id of one, by id or name; empty: the first.
func organization(ctx context.Context, q store.Q, name string) (id string, err error) {
	err = q.QueryRow(ctx, `SELECT id FROM organizations WHERE $1 = '' OR id = $1 OR name = $1 ORDER BY created_at, id LIMIT 1`, name).Scan(&id)
	if errors.Is(err, store.ErrNoRows) {
		return "", fault.New(fault.Unavailable, "The organization that new people are to join does not exist: the operator corrects sso.organization.").WithCode("sso_unavailable")
	}
	return id, err
}

const mappingColumns = "id, org_id, group_name, role, projects, created_at"

func scanMapping(row store.Scanner) (m Mapping, err error) {
	var created int64
	err = row.Scan(&m.ID, &m.Org, &m.Group, &m.Role, store.JSON(&m.Projects), &created)
	m.Created = store.Time(created)
	return m, err
}

// everyMapping returns those of all organizations that a provider may give a place in.
func (s *Service) everyMapping(ctx context.Context, q store.Q) ([]Mapping, error) {
	return store.Collect(ctx, q, scanMapping, `SELECT `+mappingColumns+` FROM sso_mappings ORDER BY org_id, created_at, id`)
}

func (s *Service) settings(ctx context.Context, org string) (out Settings, err error) {
	q := s.db.Read()
	if err := q.QueryRow(ctx, `SELECT sso_required FROM organizations WHERE id = $1`, org).Scan(&out.Required); err != nil {
		return out, err
	}
	out.Mappings, err = store.Collect(ctx, q, scanMapping, `SELECT `+mappingColumns+` FROM sso_mappings WHERE org_id = $1 ORDER BY created_at, id`, org)
	return out, err
}

func (s *Service) setRequired(ctx context.Context, who actor.Actor, required bool) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		var before bool
		if err := tx.QueryRow(ctx, `SELECT sso_required FROM organizations WHERE id = $1`, who.Org).Scan(&before); err != nil {
			return err
		}
		if required && who.Session != "" {
			var method string
			if err := tx.QueryRow(ctx, `SELECT method FROM sessions WHERE id = $1`, who.Session).Scan(&method); err != nil {
				return err
			}
			if method != identity.BySSO {
				return fault.New(fault.Conflict, "Sign in through the provider first: you would lock yourself out if that did not work.").WithCode("sso_not_proven")
			}
		}
		if before == required {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE organizations SET sso_required = $2 WHERE id = $1`, who.Org, required); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: Required, Object: who.Org, Before: map[string]any{"required": before}, After: map[string]any{"required": required}})
	})
}

func mapping(ctx context.Context, q store.Q, who actor.Actor, id string) (Mapping, error) {
	m, err := scanMapping(q.QueryRow(ctx, `SELECT `+mappingColumns+` FROM sso_mappings WHERE org_id = $1 AND id = $2`, who.Org, id))
	if errors.Is(err, store.ErrNoRows) {
		return m, notFound("mapping_id", "mapping", id)
	}
	return m, err
}

// free refuses a group that is mapped already.
func free(ctx context.Context, tx *store.Tx, who actor.Actor, group, except string) error {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM sso_mappings WHERE org_id = $1 AND group_name = $2 AND id <> $3`, who.Org, group, except).Scan(&n)
	if err == nil && n > 0 {
		e := fault.New(fault.Conflict, "The group '%s' has a role already: change that one.", group)
		e.Param = "group"
		return e
	}
	return err
}

func (s *Service) insertMapping(ctx context.Context, who actor.Actor, m Mapping) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.ids.CheckGrant(ctx, tx, who, m.Role, m.Projects); err != nil {
			return err
		}
		if err := free(ctx, tx, who, m.Group, ""); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM sso_mappings WHERE org_id = $1`, who.Org).Scan(&n); err != nil {
			return err
		}
		if n >= maxMappings {
			return fault.New(fault.Conflict, "An organization has at most %d mappings.", maxMappings).WithCode("too_many_mappings")
		}
		if _, err := tx.Exec(ctx, `INSERT INTO sso_mappings (id, org_id, group_name, role, projects, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			m.ID, m.Org, m.Group, m.Role, store.JSON(list(m.Projects)), store.Millis(m.Created)); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: MappingCreated, Object: m.ID, After: m.audited()})
	})
}

// list is never null in JSON.
func list(projects []identity.ProjectRole) []identity.ProjectRole {
	if projects == nil {
		return []identity.ProjectRole{}
	}
	return projects
}

func (s *Service) updateMapping(ctx context.Context, who actor.Actor, id string, in Mapping) (m Mapping, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if m, err = mapping(ctx, tx, who, id); err != nil {
			return err
		}
		before := m.audited()
		if m.Role == actor.Owner && in.Role != actor.Owner {
			// Who may not make owners may not unmake them by their group either.
			if err := s.ids.CheckGrant(ctx, tx, who, actor.Owner, nil); err != nil {
				return err
			}
		}
		if err := s.ids.CheckGrant(ctx, tx, who, in.Role, in.Projects); err != nil {
			return err
		}
		if err := free(ctx, tx, who, in.Group, id); err != nil {
			return err
		}
		m.Group, m.Role, m.Projects = in.Group, in.Role, in.Projects
		if _, err := tx.Exec(ctx, `UPDATE sso_mappings SET group_name = $2, role = $3, projects = $4 WHERE id = $1`, id, m.Group, m.Role, store.JSON(list(m.Projects))); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: MappingUpdated, Object: id, Before: before, After: m.audited()})
	})
	return m, err
}

func (s *Service) deleteMapping(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		m, err := mapping(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if m.Role == actor.Owner {
			if err := s.ids.CheckGrant(ctx, tx, who, actor.Owner, nil); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sso_mappings WHERE id = $1`, id); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: MappingDeleted, Object: id, Before: m.audited()})
	})
}
