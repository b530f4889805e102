package retrieval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	storeColumns = "id, org_id, project_id, name, description, metadata, model, state, expires_days, expires_at, last_active_at, revision, created_at"
	fileColumns  = "f.id, f.vector_store_id, f.file_id, f.org_id, f.project_id, f.user_id, f.key_id, f.filename, f.status, f.error, f.attributes, " +
		"f.chunk_tokens, f.overlap_tokens, f.usage_bytes, f.chunks, f.served_model, f.dimensions, f.created_at"
	owned = "org_id = $1 AND project_id = $2 AND state <> 'deleted'"
)

// activeEvery is how exact last_active_at is: a search writes it no more often, so that searching does not mean writing.
const activeEvery = time.Minute

func (s *Service) scanStore(row store.Scanner) (v Store, err error) {
	var expires, active, created int64
	if err := row.Scan(&v.ID, &v.org, &v.project, &v.Name, &v.Description, store.JSON(&v.Metadata), &v.Model, &v.state, &v.ExpireDays, &expires, &active,
		&v.revision, &created); err != nil {
		return v, err
	}
	v.ExpiresAt, v.LastActive, v.Created = store.Time(expires), store.Time(active), store.Time(created)
	// It ends at its time, not when somebody comes to empty it.
	if v.state == live && !v.ExpiresAt.IsZero() && !s.clock.Now().Before(v.ExpiresAt) {
		v.state = expired
	}
	return v, nil
}

func scanFile(row store.Scanner) (f File, err error) {
	var created int64
	if err := row.Scan(&f.id, &f.StoreID, &f.FileID, &f.org, &f.project, &f.user, &f.key, &f.Name, &f.Status, store.JSON(&f.Error), store.JSON(&f.Attributes),
		&f.Chunking.Tokens, &f.Chunking.Overlap, &f.Bytes, &f.Chunks, &f.served, &f.dimensions, &created); err != nil {
		return f, err
	}
	f.Created = store.Time(created)
	return f, nil
}

func insertStore(ctx context.Context, tx *store.Tx, v Store) error {
	_, err := tx.Exec(ctx, `INSERT INTO vector_stores (`+storeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		v.ID, v.org, v.project, v.Name, v.Description, metadata(v.Metadata), v.Model, v.state, v.ExpireDays, store.Millis(v.ExpiresAt), store.Millis(v.LastActive),
		v.revision, store.Millis(v.Created))
	return err
}

// metadata writes none as {} and not as NULL.
func metadata[V any](m map[string]V) store.JSONColumn {
	if m == nil {
		m = map[string]V{}
	}
	return store.JSON(m)
}

func updateStore(ctx context.Context, tx *store.Tx, v Store) error {
	_, err := tx.Exec(ctx, `UPDATE vector_stores SET name = $2, metadata = $3, expires_days = $4, expires_at = $5, last_active_at = $6 WHERE id = $1`,
		v.ID, v.Name, metadata(v.Metadata), v.ExpireDays, store.Millis(v.ExpiresAt), store.Millis(v.LastActive))
	return err
}

func setState(ctx context.Context, tx *store.Tx, id string, to state) error {
	_, err := tx.Exec(ctx, `UPDATE vector_stores SET state = $2, revision = revision + 1 WHERE id = $1`, id, to)
	return err
}

// store reads a store of the actor's project with its counts.
func (s *Service) store(ctx context.Context, q store.Q, who actor.Actor, id string) (Store, error) {
	if !ids.Valid("vs_", id) {
		return Store{}, notFound("vector_store_id", "vector store", id)
	}
	v, err := s.scanStore(q.QueryRow(ctx, `SELECT `+storeColumns+` FROM vector_stores WHERE `+owned+` AND id = $3`, who.Org, who.Project, id))
	if errors.Is(err, store.ErrNoRows) {
		return Store{}, notFound("vector_store_id", "vector store", id)
	}
	if err != nil {
		return Store{}, err
	}
	all := []Store{v}
	err = count(ctx, q, all)
	return all[0], err
}

// lock reads a store and takes the turn to change what is in it: PostgreSQL holds the row until the transaction ends, SQLite has one
// writer anyway.
func (s *Service) lock(ctx context.Context, tx *store.Tx, who actor.Actor, id string) (Store, error) {
	if _, err := tx.Exec(ctx, `UPDATE vector_stores SET revision = revision WHERE id = $1`, id); err != nil {
		return Store{}, err
	}
	return s.store(ctx, tx, who, id)
}

func (s *Service) list(ctx context.Context, who actor.Actor, p store.Paging) ([]Store, bool, error) {
	l := store.List{Columns: storeColumns, From: "vector_stores", Where: owned, Args: []any{who.Org, who.Project}}
	all, more, err := store.Page(ctx, s.db.Read(), l, p, s.scanStore)
	if err != nil {
		return nil, false, cursor(err, "vector store")
	}
	return all, more, count(ctx, s.db.Read(), all)
}

// cursor says of a page's cursor that it names nothing.
func cursor(err error, what string) error {
	if c, ok := errors.AsType[*store.CursorError](err); ok {
		return notFound(c.Param, what, c.ID)
	}
	return err
}

// count fills in how many files the stores have, and how much they take.
func count(ctx context.Context, q store.Q, all []Store) error {
	if len(all) == 0 {
		return nil
	}
	args, at := make([]any, len(all)), map[string]*Store{}
	for i := range all {
		args[i], at[all[i].ID] = all[i].ID, &all[i]
	}
	type row struct {
		id     string
		status Status
		n      int
		bytes  int64
	}
	rows, err := store.Collect(ctx, q, func(sc store.Scanner) (r row, err error) {
		return r, sc.Scan(&r.id, &r.status, &r.n, &r.bytes)
	}, `SELECT vector_store_id, status, COUNT(*), CAST(SUM(usage_bytes) AS BIGINT) FROM vector_store_files
		WHERE vector_store_id IN (`+store.Placeholders(1, len(args))+`) GROUP BY vector_store_id, status`, args...)
	for _, r := range rows {
		v := at[r.id]
		v.Counts.add(r.status, r.n)
		v.Bytes += r.bytes
	}
	return err
}

func countFiles(ctx context.Context, q store.Q, storeID string) (n int, err error) {
	return n, q.QueryRow(ctx, `SELECT COUNT(*) FROM vector_store_files WHERE vector_store_id = $1`, storeID).Scan(&n)
}

// execer is a transaction, or the database for a statement that is one.
type execer interface {
	Exec(ctx context.Context, query string, args ...any) (int64, error)
}

// touch notes that a store is being used, when that was not noted a moment ago, and puts off its end.
func (s *Service) touch(ctx context.Context, q execer, v Store) error {
	now := s.now()
	if now.Sub(v.LastActive) < activeEvery {
		return nil
	}
	v.LastActive = now
	v.schedule()
	_, err := q.Exec(ctx, `UPDATE vector_stores SET last_active_at = $2, expires_at = $3 WHERE id = $1 AND state = 'live' AND last_active_at < $2 AND expires_days = $4`,
		v.ID, store.Millis(now), store.Millis(v.ExpiresAt), v.ExpireDays)
	return err
}

func insertFile(ctx context.Context, tx *store.Tx, f File) error {
	_, err := tx.Exec(ctx, `INSERT INTO vector_store_files (id, vector_store_id, file_id, org_id, project_id, user_id, key_id, filename, status, attributes,
			chunk_tokens, overlap_tokens, usage_bytes, chunks, served_model, dimensions, attempts, indexed_revision, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, '', 0, 0, 0, $13)`,
		f.id, f.StoreID, f.FileID, f.org, f.project, f.user, f.key, f.Name, f.Status, metadata(f.Attributes), f.Chunking.Tokens, f.Chunking.Overlap, store.Millis(f.Created))
	return err
}

// file reads a file of a store that the caller has checked to be the actor's.
func (s *Service) file(ctx context.Context, q store.Q, storeID, fileID string) (File, error) {
	f, err := scanFile(q.QueryRow(ctx, `SELECT `+fileColumns+` FROM vector_store_files f WHERE vector_store_id = $1 AND file_id = $2`, storeID, clean(fileID)))
	if errors.Is(err, store.ErrNoRows) {
		return File{}, notFound("file_id", "file", fileID)
	}
	return f, err
}

// clean is an id that the database can be asked for: PostgreSQL takes no text with a NUL.
func clean(id string) string {
	if !ids.Valid("file-", id) {
		return ""
	}
	return id
}

func (s *Service) listFiles(ctx context.Context, storeID, batchID string, only Status, p store.Paging) ([]File, bool, error) {
	l := store.List{
		Columns: fileColumns, From: "vector_store_files f", Where: "f.vector_store_id = $1", Args: []any{storeID}, Time: "f.created_at", ID: "f.file_id",
	}
	if batchID != "" {
		l.Args = append(l.Args, batchID)
		l.Where += fmt.Sprintf(" AND EXISTS (SELECT 1 FROM vector_store_batch_files b WHERE b.batch_id = $%d AND b.attachment_id = f.id)", len(l.Args))
	}
	if only != "" {
		l.Args = append(l.Args, only)
		l.Where += fmt.Sprintf(" AND f.status = $%d", len(l.Args))
	}
	files, more, err := store.Page(ctx, s.db.Read(), l, p, scanFile)
	return files, more, cursor(err, "file")
}

// filesOf reads the attachments of an upload to all stores.
func filesOf(ctx context.Context, tx *store.Tx, upload files.File) ([]File, error) {
	return store.Collect(ctx, tx, scanFile, `SELECT `+fileColumns+` FROM vector_store_files f WHERE file_id = $1 AND org_id = $2 AND project_id = $3`,
		upload.ID, upload.Org, upload.Project)
}

// changed makes searches look at a store's files anew.
func changed(ctx context.Context, tx *store.Tx, storeID string) (revision int64, err error) {
	err = tx.QueryRow(ctx, `UPDATE vector_stores SET revision = revision + 1 WHERE id = $1 RETURNING revision`, storeID).Scan(&revision)
	return revision, err
}

func (s *Service) setAttributes(ctx context.Context, tx *store.Tx, f File) error {
	if _, err := changed(ctx, tx, f.StoreID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE vector_store_files SET attributes = $2 WHERE id = $1`, f.id, metadata(f.Attributes))
	return err
}

// detach removes a file with its chunks.
func (s *Service) detach(ctx context.Context, tx *store.Tx, f File) error {
	if _, err := changed(ctx, tx, f.StoreID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM vector_store_files WHERE id = $1`, f.id)
	return err
}

func insertBatch(ctx context.Context, tx *store.Tx, who actor.Actor, b Batch) error {
	_, err := tx.Exec(ctx, `INSERT INTO vector_store_batches (id, vector_store_id, org_id, project_id, cancelled_at, created_at) VALUES ($1, $2, $3, $4, 0, $5)`,
		b.ID, b.StoreID, who.Org, who.Project, store.Millis(b.Created))
	return err
}

func insertBatchFile(ctx context.Context, tx *store.Tx, who actor.Actor, batch, attachment string) error {
	_, err := tx.Exec(ctx, `INSERT INTO vector_store_batch_files (batch_id, attachment_id, org_id, project_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		batch, attachment, who.Org, who.Project)
	return err
}

// batch reads a batch of a store that the caller has checked to be the actor's.
func (s *Service) batch(ctx context.Context, q store.Q, storeID, id string) (b Batch, err error) {
	if !ids.Valid("vsfb_", id) {
		return b, notFound("batch_id", "vector store file batch", id)
	}
	var cancelled, created int64
	err = q.QueryRow(ctx, `SELECT id, vector_store_id, cancelled_at, created_at FROM vector_store_batches WHERE vector_store_id = $1 AND id = $2`, storeID, id).
		Scan(&b.ID, &b.StoreID, &cancelled, &created)
	if errors.Is(err, store.ErrNoRows) {
		return b, notFound("batch_id", "vector store file batch", id)
	}
	if err != nil {
		return b, err
	}
	b.cancelled, b.Created = cancelled != 0, store.Time(created)
	_, err = store.Collect(ctx, q, func(row store.Scanner) (struct{}, error) {
		var status Status
		var n int
		err := row.Scan(&status, &n)
		b.Counts.add(status, n)
		return struct{}{}, err
	}, `SELECT f.status, COUNT(*) FROM vector_store_batch_files b JOIN vector_store_files f ON f.id = b.attachment_id WHERE b.batch_id = $1 GROUP BY f.status`, id)
	return b, err
}

func (s *Service) cancelBatch(ctx context.Context, tx *store.Tx, id string) error {
	if _, err := tx.Exec(ctx, `UPDATE vector_store_batches SET cancelled_at = $2 WHERE id = $1`, id, store.Millis(s.clock.Now())); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE vector_store_files SET status = 'cancelled' WHERE status = 'in_progress'
		AND id IN (SELECT attachment_id FROM vector_store_batch_files WHERE batch_id = $1)`, id)
	return err
}

func chunkTexts(ctx context.Context, q store.Q, attachment string) ([]string, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (text string, err error) { return text, row.Scan(&text) },
		`SELECT text FROM vector_store_chunks WHERE attachment_id = $1 ORDER BY position`, attachment)
}
