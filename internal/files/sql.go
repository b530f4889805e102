package files

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	columns = "id, org_id, project_id, name, purpose, media_type, bytes, sha256, blob_key, status, status_details, created_at, expires_at"
	owned   = "org_id = $1 AND project_id = $2"
)

func scan(row store.Scanner) (f File, err error) {
	var created, expires int64
	err = row.Scan(&f.ID, &f.Org, &f.Project, &f.Name, &f.Purpose, &f.MediaType, &f.Bytes, &f.SHA256, &f.key, &f.Status, &f.Details, &created, &expires)
	f.Created, f.Expires = store.Time(created), store.Time(expires)
	return f, err
}

// file reads one of the actor's project; what has expired is gone.
func (s *Service) file(ctx context.Context, q store.Q, who actor.Actor, id string) (File, error) {
	if !ids.Valid("file-", id) {
		return File{}, notFound("id", id)
	}
	f, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM files WHERE `+owned+` AND id = $3 AND (expires_at = 0 OR expires_at > $4)`,
		who.Org, who.Project, id, store.Millis(s.clock.Now())))
	if errors.Is(err, store.ErrNoRows) {
		return File{}, notFound("id", id)
	}
	return f, err
}

// lock takes a file's row until the transaction ends.
func (s *Service) lock(ctx context.Context, tx *store.Tx, id string) error {
	if !ids.Valid("file-", id) {
		return notFound("id", id)
	}
	_, err := tx.Exec(ctx, `UPDATE files SET id = id WHERE id = $1`, id)
	return err
}

func (s *Service) list(ctx context.Context, who actor.Actor, q ListQuery) ([]File, bool, error) {
	l := store.List{
		Columns: columns, From: "files", Where: owned + " AND (expires_at = 0 OR expires_at > $3)",
		Args: []any{who.Org, who.Project, store.Millis(s.clock.Now())}, Max: MaxList,
	}
	if q.Purpose != "" {
		l.Args = append(l.Args, plain(q.Purpose))
		l.Where += fmt.Sprintf(" AND purpose = $%d", len(l.Args))
	}
	if q.Search != "" {
		l.Args = append(l.Args, "%"+likeEscapes.Replace(strings.ToLower(plain(q.Search)))+"%")
		l.Where += fmt.Sprintf(` AND name_folded LIKE $%d ESCAPE '\'`, len(l.Args))
	}
	return store.Page(ctx, s.db.Read(), l, q.Paging, scan)
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// plain leaves out what PostgreSQL keeps in no text.
func plain(text string) string { return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "") }

func (s *Service) insert(ctx context.Context, tx *store.Tx, f File) error {
	_, err := tx.Exec(ctx, `INSERT INTO files (id, org_id, project_id, name, name_folded, purpose, media_type, bytes, sha256, blob_key, status, status_details, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		f.ID, f.Org, f.Project, f.Name, strings.ToLower(f.Name), f.Purpose, f.MediaType, f.Bytes, f.SHA256, f.key, f.Status, f.Details, store.Millis(f.Created), store.Millis(f.Expires))
	return err
}

func (s *Service) deleteRow(ctx context.Context, tx *store.Tx, f File) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM files WHERE id = $1`, f.ID)
	return n == 1, err
}

// charge adds to what an organization has stored, and refuses what goes beyond its limit.
func (s *Service) charge(ctx context.Context, tx *store.Tx, org string, bytes, files int64) error {
	if _, err := tx.Exec(ctx, `INSERT INTO file_totals (org_id, bytes, files) VALUES ($1, $2, $3)
		ON CONFLICT (org_id) DO UPDATE SET bytes = file_totals.bytes + excluded.bytes, files = file_totals.files + excluded.files`, org, bytes, files); err != nil {
		return err
	}
	if bytes <= 0 {
		return nil
	}
	t, err := s.totals(ctx, tx, org)
	if err == nil && t.Max > 0 && t.Bytes > t.Max {
		err = overLimit(t.Bytes, t.Max)
	}
	return err
}

func (s *Service) totals(ctx context.Context, q store.Q, org string) (t Totals, err error) {
	var limit *int64
	err = q.QueryRow(ctx, `SELECT bytes, files, max_bytes FROM file_totals WHERE org_id = $1`, org).Scan(&t.Bytes, &t.Files, &limit)
	if err != nil && !errors.Is(err, store.ErrNoRows) {
		return t, err
	}
	t.Max = s.maxStored
	if limit != nil {
		t.Max, t.Own = *limit, true
	}
	return t, nil
}

// SetLimit sets what an organization may store, in bytes; 0: no limit; nil: as the installation's setting says.
func (s *Service) SetLimit(ctx context.Context, who actor.Actor, org string, most *int64) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		before, err := s.totals(ctx, tx, org)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO file_totals (org_id, bytes, files, max_bytes) VALUES ($1, 0, 0, $2)
			ON CONFLICT (org_id) DO UPDATE SET max_bytes = excluded.max_bytes`, org, most); err != nil {
			return err
		}
		after, err := s.totals(ctx, tx, org)
		if err != nil {
			return err
		}
		who.Org = org // the line stands in the log of the organization that it is about
		return s.audit.Record(ctx, tx, who, audit.Event{Type: LimitUpdated, Object: org, Before: map[string]any{"max_bytes": before.Max}, After: map[string]any{"max_bytes": after.Max}})
	})
}

// organization checks an id that the operator gave.
func (s *Service) organization(ctx context.Context, id string) (string, error) {
	var n int
	if ids.Valid("org-", id) {
		if err := s.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM organizations WHERE id = $1`, id).Scan(&n); err != nil {
			return "", err
		}
	}
	if n == 0 {
		e := fault.New(fault.NotFound, "No such organization: %.80s", id)
		e.Param = "organization_id"
		return "", e
	}
	return id, nil
}

// announce notes that this server begins to write a content.
func (s *Service) announce(ctx context.Context, org, key string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO file_blobs (blob_key, state, server_id, created_at, org_id) VALUES ($1, 'writing', $2, $3, $4)`,
		key, s.servers.ID(), store.Millis(s.clock.Now()), org)
	return err
}

// own makes a content that this server has written one that is kept.
func (s *Service) own(ctx context.Context, tx *store.Tx, key string) error {
	n, err := tx.Exec(ctx, `UPDATE file_blobs SET state = 'kept', server_id = '' WHERE blob_key = $1 AND state = 'writing' AND server_id = $2`, key, s.servers.ID())
	if err == nil && n != 1 {
		err = fault.New(fault.Unavailable, "The server was cut off from its database while it stored the file. Please upload it again.")
	}
	return err
}

// doom marks a content as one to remove.
func (s *Service) doom(ctx context.Context, tx *store.Tx, key string) error {
	_, err := tx.Exec(ctx, `UPDATE file_blobs SET state = 'doomed', server_id = '' WHERE blob_key = $1 AND NOT EXISTS (SELECT 1 FROM files WHERE files.blob_key = $1)
		AND NOT EXISTS (SELECT 1 FROM upload_parts WHERE upload_parts.blob_key = $1)`, key)
	return err
}

// doomAll marks all contents of an organization.
func (s *Service) doomAll(ctx context.Context, tx *store.Tx, org string) error {
	_, err := tx.Exec(ctx, `UPDATE file_blobs SET state = 'doomed', server_id = '' WHERE org_id = $1`, org)
	return err
}

// forget ends what is known of a content that was removed.
func (s *Service) forget(ctx context.Context, key string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM file_blobs WHERE blob_key = $1 AND state = 'doomed'`, key)
	return err
}

// What every look of Tidy asks, with the condition of the index file_blobs_open in its own words: SQLite looks into it for no others.
const (
	writersQuery = `SELECT DISTINCT server_id FROM file_blobs WHERE state = 'writing' AND state <> 'kept'`
	doomedQuery  = `SELECT blob_key FROM file_blobs WHERE state = 'doomed' AND state <> 'kept' LIMIT $1`
)

// doomAbandoned dooms contents that a server which no longer lives was writing.
func (s *Service) doomAbandoned(ctx context.Context) error {
	writers, err := store.Collect(ctx, s.db.Read(), func(row store.Scanner) (id string, err error) { return id, row.Scan(&id) },
		writersQuery)
	if err != nil || len(writers) == 0 {
		return err
	}
	alive, err := s.servers.Alive(ctx, s.db.Read())
	if err != nil {
		return err
	}
	for _, id := range writers {
		if alive[id] {
			continue
		}
		if _, err := s.db.Exec(ctx, `UPDATE file_blobs SET state = 'doomed', server_id = '' WHERE state = 'writing' AND server_id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

// doomed returns the contents to remove.
func (s *Service) doomed(ctx context.Context) ([]string, error) {
	return store.Collect(ctx, s.db.Read(), func(row store.Scanner) (key string, err error) { return key, row.Scan(&key) },
		doomedQuery, batch)
}
