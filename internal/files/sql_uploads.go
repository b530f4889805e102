package files

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const uploadColumns = "id, org_id, project_id, name, purpose, media_type, bytes, status, file_id, keep_seconds, created_at, expires_at"

func scanUpload(row store.Scanner) (u Upload, err error) {
	var file *string
	var keep, created, expires int64
	err = row.Scan(&u.ID, &u.Org, &u.Project, &u.Name, &u.Purpose, &u.MediaType, &u.Bytes, &u.Status, &file, &keep, &created, &expires)
	if file != nil {
		u.file = *file
	}
	u.Keep, u.Created, u.Expires = time.Duration(keep)*time.Second, store.Time(created), store.Time(expires)
	return u, err
}

// upload reads one of the actor's project, with its file when there is one.
func (s *Service) upload(ctx context.Context, q store.Q, who actor.Actor, id string) (Upload, error) {
	if !ids.Valid("upload_", id) {
		return Upload{}, noUpload(id)
	}
	u, err := scanUpload(q.QueryRow(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE `+owned+` AND id = $3`, who.Org, who.Project, id))
	if errors.Is(err, store.ErrNoRows) {
		return Upload{}, noUpload(id)
	}
	if err != nil || u.file == "" {
		return u, err
	}
	f, err := s.file(ctx, q, who, u.file)
	switch {
	case err == nil:
		u.File = &f
	case fault.KindOf(err) != fault.NotFound:
		return Upload{}, err
	}
	return u, nil
}

func noUpload(id string) error {
	e := fault.New(fault.NotFound, "No such Upload object: %.80s", id)
	e.Param = "upload_id"
	return e
}

// lockUpload is upload with the row held until the transaction ends.
func (s *Service) lockUpload(ctx context.Context, tx *store.Tx, who actor.Actor, id string) (Upload, error) {
	if ids.Valid("upload_", id) {
		if _, err := tx.Exec(ctx, `UPDATE uploads SET id = id WHERE id = $1`, id); err != nil {
			return Upload{}, err
		}
	}
	return s.upload(ctx, tx, who, id)
}

func (s *Service) insertUpload(ctx context.Context, tx *store.Tx, u Upload) error {
	_, err := tx.Exec(ctx, `INSERT INTO uploads (id, org_id, project_id, name, purpose, media_type, bytes, status, keep_seconds, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		u.ID, u.Org, u.Project, u.Name, u.Purpose, u.MediaType, u.Bytes, u.Status, int64(u.Keep/time.Second), store.Millis(u.Created), store.Millis(u.Expires))
	return err
}

// endUpload writes how an upload has ended; its parts are rows no more and their contents doomed.
func (s *Service) endUpload(ctx context.Context, tx *store.Tx, u Upload) error {
	var file any
	if u.file != "" {
		file = u.file
	}
	if _, err := tx.Exec(ctx, `UPDATE uploads SET status = $2, file_id = $3 WHERE id = $1`, u.ID, u.Status, file); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE file_blobs SET state = 'doomed', server_id = '' WHERE blob_key IN (SELECT blob_key FROM upload_parts WHERE upload_id = $1)`, u.ID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM upload_parts WHERE upload_id = $1`, u.ID)
	return err
}

func (s *Service) insertPart(ctx context.Context, tx *store.Tx, u Upload, p Part) error {
	_, err := tx.Exec(ctx, `INSERT INTO upload_parts (id, upload_id, org_id, project_id, bytes, blob_key, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		p.ID, u.ID, u.Org, u.Project, p.Bytes, p.key, store.Millis(p.Created))
	return err
}

func (s *Service) parts(ctx context.Context, q store.Q, upload string) ([]Part, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (p Part, err error) {
		var created int64
		err = row.Scan(&p.ID, &p.Upload, &p.Bytes, &p.key, &created)
		p.Created = store.Time(created)
		return p, err
	}, `SELECT id, upload_id, bytes, blob_key, created_at FROM upload_parts WHERE upload_id = $1 ORDER BY created_at, id`, upload)
}

// measureParts counts an upload's parts and their bytes.
func (s *Service) measureParts(ctx context.Context, tx *store.Tx, upload string) (n int, sum int64, err error) {
	return n, sum, tx.QueryRow(ctx, `SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM upload_parts WHERE upload_id = $1`, upload).Scan(&n, &sum)
}

// overdue returns uploads whose time is over.
func (s *Service) overdue(ctx context.Context) ([]Upload, error) {
	return store.Collect(ctx, s.db.Read(), scanUpload, `SELECT `+uploadColumns+` FROM uploads WHERE status = 'pending' AND expires_at <= $1 ORDER BY expires_at LIMIT $2`,
		store.Millis(s.clock.Now()), batch)
}

// outdated returns files whose time is over.
func (s *Service) outdated(ctx context.Context) ([]File, error) {
	return store.Collect(ctx, s.db.Read(), scan, `SELECT `+columns+` FROM files WHERE expires_at > 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2`,
		store.Millis(s.clock.Now()), batch)
}
