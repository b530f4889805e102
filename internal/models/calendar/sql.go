package calendar

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/store"
)

// read returns all changes by organization, in the order of names.
func read(ctx context.Context, q store.Q) (map[string][]models.Alias, error) {
	type row struct {
		org   string
		entry models.Alias
	}
	scan := func(s store.Scanner) (r row, err error) {
		var name string
		err = s.Scan(&r.org, &name, store.JSON(&r.entry))
		r.entry.Name = name
		return r, err
	}
	rows, err := store.Collect(ctx, q, scan, `SELECT org_id, name, entry FROM calendar_entries ORDER BY org_id, name`)
	if err != nil {
		return nil, err
	}
	out := map[string][]models.Alias{}
	for _, r := range rows {
		out[r.org] = append(out[r.org], r.entry)
	}
	return out, nil
}

func write(ctx context.Context, tx *store.Tx, org string, entry models.Alias, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO calendar_entries (org_id, name, entry, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (org_id, name) DO UPDATE SET entry = excluded.entry, updated_at = excluded.updated_at`, org, entry.Name, store.JSON(entry), store.Millis(now))
	return err
}

// remove returns what there was, and whether there was something.
func remove(ctx context.Context, tx *store.Tx, org, name string) (*models.Alias, bool, error) {
	var entry models.Alias
	err := tx.QueryRow(ctx, `DELETE FROM calendar_entries WHERE org_id = $1 AND name = $2 RETURNING entry`, org, name).Scan(store.JSON(&entry))
	if errors.Is(err, store.ErrNoRows) {
		return nil, false, nil
	}
	return &entry, err == nil, err
}
