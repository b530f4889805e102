package presets

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	columns = "id, user_id, name, mode, settings, shared, created_at, updated_at"
	heads   = "id, user_id, name, mode, '', shared, created_at, updated_at"
	visible = "org_id = $1 AND (user_id = $2 OR shared)"
)

func scan(row store.Scanner) (p Preset, err error) {
	var settings string
	var created, updated int64
	if err := row.Scan(&p.ID, &p.Owner, &p.Name, &p.Mode, &settings, &p.Shared, &created, &updated); err != nil {
		return p, err
	}
	p.Settings = jsontext.Value(settings)
	p.Created, p.Updated = store.Time(created), store.Time(updated)
	return p, nil
}

func (s *Service) list(ctx context.Context, who actor.Actor, p store.Paging) ([]Preset, bool, error) {
	return store.Page(ctx, s.DB.Read(), store.List{
		Columns: heads, From: "presets", Where: visible, Args: []any{who.Org, owner(who)}, Time: "updated_at",
	}, p, scan)
}

// preset reads a preset that the actor may see.
func (s *Service) preset(ctx context.Context, q store.Q, who actor.Actor, id string) (Preset, error) {
	if !ids.Valid("preset_", id) {
		return Preset{}, notFound("preset_id", id)
	}
	p, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM presets WHERE `+visible+` AND id = $3`, who.Org, owner(who), id))
	if errors.Is(err, store.ErrNoRows) {
		return Preset{}, notFound("preset_id", id)
	}
	return p, err
}

// lock takes the turn to change a preset: PostgreSQL holds the row until the transaction ends, SQLite has one writer
// anyway.
func (s *Service) lock(ctx context.Context, tx *store.Tx, who actor.Actor, id string) error {
	if !ids.Valid("preset_", id) {
		return notFound("preset_id", id)
	}
	_, err := tx.Exec(ctx, `UPDATE presets SET name = name WHERE `+visible+` AND id = $3`, who.Org, owner(who), id)
	return err
}

func (s *Service) count(ctx context.Context, tx *store.Tx, who actor.Actor) (n int, err error) {
	return n, tx.QueryRow(ctx, `SELECT COUNT(*) FROM presets WHERE org_id = $1 AND user_id = $2`, who.Org, owner(who)).Scan(&n)
}

func (s *Service) insert(ctx context.Context, tx *store.Tx, who actor.Actor, p Preset) error {
	_, err := tx.Exec(ctx, `INSERT INTO presets (id, org_id, project_id, user_id, name, mode, settings, shared, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		p.ID, who.Org, who.Project, p.Owner, p.Name, p.Mode, string(p.Settings), p.Shared, store.Millis(p.Created), store.Millis(p.Updated))
	return err
}

func (s *Service) update(ctx context.Context, tx *store.Tx, p Preset) error {
	_, err := tx.Exec(ctx, `UPDATE presets SET name = $2, mode = $3, settings = $4, shared = $5, updated_at = $6 WHERE id = $1`,
		p.ID, p.Name, p.Mode, string(p.Settings), p.Shared, store.Millis(p.Updated))
	return err
}

func (s *Service) delete(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM presets WHERE id = $1`, id)
	return err
}
