package identity

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const keyColumns = "id, name, redacted, user_id, scopes, created_at, last_used_at"

func scanKey(row store.Scanner) (k Key, err error) {
	var created, used int64
	if err := row.Scan(&k.ID, &k.Name, &k.Redacted, &k.User, store.JSON(&k.Scopes), &created, &used); err != nil {
		return k, err
	}
	k.Created, k.LastUsed = store.Time(created), store.Time(used)
	return k, nil
}

// bootstrap finds or makes the oldest organization with its oldest owner.
func (s *Service) bootstrap(ctx context.Context) (in Installation, err error) {
	now := store.Millis(s.now())
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		in = Installation{}
		owner, err := findOwner(ctx, tx)
		if !errors.Is(err, store.ErrNoRows) {
			in.Owner = owner
			return err
		}
		org, project, user := ids.New("org-"), ids.New("proj_"), ids.New("user-")
		// Another server may be doing the same: the name is unique, and who comes second waits here.
		n, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, created_at) VALUES ($1, 'personal', $2) ON CONFLICT (name) DO NOTHING`, org, now)
		if err != nil {
			return err
		}
		if n == 0 {
			in.Owner, err = findOwner(ctx, tx)
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO projects (id, org_id, name, created_at) VALUES ($1, $2, 'Default project', $3)`, project, org, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO users (id, org_id, project_id, name, role, created_at) VALUES ($1, $2, $3, 'Owner', 'owner', $4)`,
			user, org, project, now); err != nil {
			return err
		}
		in.First = true
		in.Owner, err = findOwner(ctx, tx)
		return err
	})
	return in, err
}

func findOwner(ctx context.Context, q store.Q) (actor.Actor, error) {
	a := actor.Actor{Scopes: []string{actor.All}}
	err := q.QueryRow(ctx, `SELECT u.id, u.org_id, u.project_id, o.name FROM users u JOIN organizations o ON o.id = u.org_id
		WHERE u.role = 'owner' ORDER BY u.created_at, u.id LIMIT 1`).Scan(&a.User, &a.Org, &a.Project, &a.OrgName)
	return a, err
}

func (s *Service) insertKey(ctx context.Context, who actor.Actor, k Key, d digest) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO api_keys (id, org_id, project_id, user_id, name, hash, redacted, scopes, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			k.ID, who.Org, who.Project, k.User, k.Name, d.String(), k.Redacted, store.JSON(k.Scopes), store.Millis(k.Created))
		if err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.KeyCreated, Object: k.ID, Project: who.Project, After: k.audited()})
	})
}

func (s *Service) listKeys(ctx context.Context, who actor.Actor, p store.Paging) ([]Key, bool, error) {
	keys, more, err := store.Page(ctx, s.db.Read(), store.List{Columns: keyColumns, From: "api_keys",
		Where: "org_id = $1 AND project_id = $2 AND revoked_at = 0", Args: []any{who.Org, who.Project}}, p, scanKey)
	var cursor *store.CursorError
	if errors.As(err, &cursor) {
		return nil, false, fault.Param(cursor.Param, "No such API key: %s", cursor.ID)
	}
	return keys, more, err
}

// revokeKey returns ErrNoRows when the project has no such key.
func (s *Service) revokeKey(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		k, err := scanKey(tx.QueryRow(ctx, `UPDATE api_keys SET revoked_at = $4 WHERE org_id = $1 AND project_id = $2 AND id = $3 AND revoked_at = 0
			RETURNING `+keyColumns, who.Org, who.Project, id, store.Millis(s.now())))
		if err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.KeyDeleted, Object: id, Project: who.Project, Before: k.audited()})
	})
}

// audited is what the audit log keeps of a key.
func (k Key) audited() map[string]any {
	return map[string]any{"name": k.Name, "redacted": k.Redacted, "scopes": k.Scopes}
}

func (s *Service) insertLink(ctx context.Context, who actor.Actor, id string, d digest, expires time.Time) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(s.now())
		// What has expired has no further use; the moment when a link is made is rare enough to tidy up.
		for _, table := range []string{"signin_links", "sessions"} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE expires_at <= $1`, now); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO signin_links (id, org_id, project_id, user_id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, who.Org, who.Project, who.User, d.String(), now, store.Millis(expires))
		return err
	})
}

// useLink marks the link used and makes the session, or returns ErrNoRows.
func (s *Service) useLink(ctx context.Context, link digest, id string, session digest, expires time.Time) (a actor.Actor, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(s.now())
		a = actor.Actor{Session: id, Scopes: []string{actor.All}}
		err := tx.QueryRow(ctx, `UPDATE signin_links SET used_at = $2 WHERE hash = $1 AND used_at = 0 AND expires_at > $2 RETURNING org_id, project_id, user_id`,
			link.String(), now).Scan(&a.Org, &a.Project, &a.User)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT name FROM organizations WHERE id = $1`, a.Org).Scan(&a.OrgName); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO sessions (id, org_id, project_id, user_id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, a.Org, a.Project, a.User, session.String(), now, store.Millis(expires))
		if err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, a, audit.Event{Type: audit.SignedIn, Object: a.User})
	})
	return a, err
}

func (s *Service) deleteSession(ctx context.Context, who actor.Actor) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM sessions WHERE id = $1 AND org_id = $2 AND user_id = $3`, who.Session, who.Org, who.User)
		if err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.SignedOut, Object: who.User})
	})
}

// lookUp reads a key or a session by the digest of its secret, or returns ErrNoRows.
func (s *Service) lookUp(ctx context.Context, kind secretKind, d digest) (*entry, error) {
	e := &entry{}
	a := &e.actor
	if kind == sessionCookie {
		a.Scopes = []string{actor.All}
		var expires int64
		err := s.db.Read().QueryRow(ctx, `SELECT s.id, s.org_id, s.project_id, s.user_id, o.name, s.expires_at FROM sessions s
			JOIN organizations o ON o.id = s.org_id WHERE s.hash = $1 AND s.expires_at > $2`, d.String(), store.Millis(s.now())).
			Scan(&a.Session, &a.Org, &a.Project, &a.User, &a.OrgName, &expires)
		e.expires = store.Time(expires).UnixNano()
		return e, err
	}
	err := s.db.Read().QueryRow(ctx, `SELECT k.id, k.org_id, k.project_id, k.user_id, o.name, k.scopes FROM api_keys k
		JOIN organizations o ON o.id = k.org_id WHERE k.hash = $1 AND k.revoked_at = 0`, d.String()).
		Scan(&a.Key, &a.Org, &a.Project, &a.User, &a.OrgName, store.JSON(&a.Scopes))
	return e, err
}

// writeUses moves last uses, and sessions' ends with them, forward.
func (s *Service) writeUses(ctx context.Context, uses []use) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		for _, u := range uses {
			at := time.Unix(0, u.at)
			var err error
			if u.entry.actor.Session != "" {
				_, err = tx.Exec(ctx, `UPDATE sessions SET expires_at = $2 WHERE id = $1 AND expires_at < $2`,
					u.entry.actor.Session, store.Millis(at.Add(SessionLifetime)))
			} else {
				_, err = tx.Exec(ctx, `UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2`,
					u.entry.actor.Key, store.Millis(at))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// person is what GET /api/session shows.
type person struct {
	userName, role, projectName string
}

func (s *Service) person(ctx context.Context, who actor.Actor) (p person, err error) {
	err = s.db.Read().QueryRow(ctx, `SELECT u.name, u.role, p.name FROM users u JOIN projects p ON p.id = $2
		WHERE u.id = $3 AND u.org_id = $1`, who.Org, who.Project, who.User).Scan(&p.userName, &p.role, &p.projectName)
	return p, err
}
