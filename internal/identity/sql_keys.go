package identity

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

const (
	keyAccess  = "CASE WHEN sa.deleted_at = 0 OR pm.role IS NOT NULL OR m.role IN ('owner', 'admin') THEN 1 ELSE 0 END"
	keyColumns = "k.id, k.name, k.redacted, COALESCE(k.project_id, ''), COALESCE(k.user_id, ''), COALESCE(k.service_account_id, ''), k.scopes, k.models, k.track_usage, " +
		"k.created_at, k.expires_at, k.last_used_at, COALESCE(u.name, sa.name, ''), COALESCE(u.email, ''), COALESCE(m.role, sa.role, ''), COALESCE(u.created_at, sa.created_at, 0), " + keyAccess
	keyTables = `api_keys k LEFT JOIN users u ON u.id = k.user_id LEFT JOIN service_accounts sa ON sa.id = k.service_account_id
		LEFT JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.user_id
		LEFT JOIN project_members pm ON pm.project_id = k.project_id AND pm.user_id = k.user_id`
)

func scanKey(row store.Scanner) (k Key, err error) {
	var created, expires, used, owner int64
	var access int
	if err := row.Scan(&k.ID, &k.Name, &k.Redacted, &k.Project, &k.User, &k.Service, store.JSON(&k.Scopes), store.JSON(&k.Models), &k.Track,
		&created, &expires, &used, &k.Owner.Name, &k.Owner.Email, &k.Owner.Role, &owner, &access); err != nil {
		return k, err
	}
	k.Created, k.Expires, k.LastUsed, k.Owner.Created, k.Access = store.Time(created), store.Time(expires), store.Time(used), store.Time(owner), access == 1
	return k, nil
}

// keyFilter says which keys are meant: of the actor's organization, of one project or (empty) of the
// organization itself, and all or the actor's own.
type keyFilter struct {
	project string
	own     bool
	access  string // "active": keys whose owner is in the project; "inactive": the others
}

func (f keyFilter) where(who actor.Actor) (string, []any) {
	where, args := "k.org_id = $1 AND k.revoked_at = 0 AND COALESCE(k.project_id, '') = $2", []any{who.Org, f.project}
	if f.own {
		where += " AND COALESCE(k.user_id, '') = $3 AND COALESCE(k.service_account_id, '') = $4"
		args = append(args, who.User, who.Service)
	}
	switch f.access {
	case "active":
		where += " AND " + keyAccess + " = 1"
	case "inactive":
		where += " AND " + keyAccess + " = 0"
	}
	return where, args
}

func (s *Service) insertKey(ctx context.Context, tx *store.Tx, who actor.Actor, k Key, d digest) error {
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	_, err := tx.Exec(ctx, `INSERT INTO api_keys (id, org_id, project_id, user_id, service_account_id, name, hash, redacted, scopes, models, track_usage, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, k.ID, who.Org, null(k.Project), null(k.User), null(k.Service), k.Name, d.String(), k.Redacted,
		store.JSON(k.Scopes), store.JSON(k.Models), k.Track, store.Millis(k.Created), store.Millis(k.Expires))
	if err != nil {
		return err
	}
	return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.KeyCreated, Object: k.ID, Project: k.Project, After: k.audited()})
}

func (s *Service) listKeys(ctx context.Context, who actor.Actor, f keyFilter, p store.Paging) ([]Key, bool, error) {
	where, args := f.where(who)
	keys, more, err := store.Page(ctx, s.db.Read(), store.List{Columns: keyColumns, From: keyTables, Where: where, Args: args, Time: "k.created_at", ID: "k.id"}, p, scanKey)
	return keys, more, cursorFault(err, "API key")
}

// key returns one of the keys, or ErrNoRows.
func (s *Service) key(ctx context.Context, q store.Q, who actor.Actor, f keyFilter, id string) (Key, error) {
	where, args := f.where(who)
	args = append(args, clean(id))
	return scanKey(q.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s AND k.id = $%d", keyColumns, keyTables, where, len(args)), args...))
}

// revokeKey returns ErrNoRows when there is no such key.
func (s *Service) revokeKey(ctx context.Context, who actor.Actor, f keyFilter, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		k, err := s.key(ctx, tx, who, f, id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE api_keys SET revoked_at = $2 WHERE id = $1`, id, store.Millis(s.now())); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.KeyDeleted, Object: id, Project: k.Project, Before: k.audited()})
	})
}

// updateKey lets apply change one of the keys and writes what came of it; nothing where nothing changed. It returns ErrNoRows when there
// is no such key.
func (s *Service) updateKey(ctx context.Context, who actor.Actor, f keyFilter, id string, apply func(*Key) error) (k Key, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		// The row is taken first, so that two who change it do so in turn.
		if _, err := tx.Exec(ctx, `UPDATE api_keys SET name = name WHERE id = $1 AND org_id = $2`, clean(id), who.Org); err != nil {
			return err
		}
		if k, err = s.key(ctx, tx, who, f, id); err != nil {
			return err
		}
		before := k.audited()
		if err := apply(&k); err != nil {
			return err
		}
		after := k.audited()
		if reflect.DeepEqual(before, after) {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE api_keys SET name = $2, scopes = $3, models = $4, track_usage = $5, expires_at = $6 WHERE id = $1`,
			k.ID, k.Name, store.JSON(k.Scopes), store.JSON(k.Models), k.Track, store.Millis(k.Expires)); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.KeyUpdated, Object: k.ID, Project: k.Project, Before: before, After: after})
	})
	return k, err
}

// cursorFault says in the API's words that a list cannot go on from what was named.
func cursorFault(err error, what string) error {
	var cursor *store.CursorError
	if errors.As(err, &cursor) {
		return fault.Param(cursor.Param, "No such %s: %s", what, cursor.ID)
	}
	return err
}
