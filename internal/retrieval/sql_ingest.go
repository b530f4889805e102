package retrieval

import (
	"context"
	"errors"
	"slices"

	"github.com/parley-ai/parley/internal/retrieval/chunk"
	"github.com/parley-ai/parley/internal/store"
)

// errGone says that what a job was to look at is no longer there, or no longer waits for it.
var errGone = errors.New("retrieval: gone")

func ignoreGone(err error) error {
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// attachment reads a file by its row's id.
func (s *Service) attachment(ctx context.Context, id string) (File, error) {
	f, err := scanFile(s.db.Read().QueryRow(ctx, `SELECT `+fileColumns+` FROM vector_store_files f WHERE id = $1`, id))
	if errors.Is(err, store.ErrNoRows) {
		return File{}, errGone
	}
	return f, err
}

// modelOf returns the name of a live store's embedding model.
func (s *Service) modelOf(ctx context.Context, storeID string) (model string, err error) {
	err = s.db.Read().QueryRow(ctx, `SELECT model FROM vector_stores WHERE id = $1 AND state = 'live'`, storeID).Scan(&model)
	if errors.Is(err, store.ErrNoRows) {
		return "", errGone
	}
	return model, err
}

// resume returns how many of a file's chunks are there. Rows that are not what the file is cut into now, as after an update of the
// program, are removed.
func (s *Service) resume(ctx context.Context, f File, chunks []chunk.Chunk) (int, error) {
	texts, err := chunkTexts(ctx, s.db.Read(), f.id)
	if err != nil {
		return 0, err
	}
	if len(texts) <= len(chunks) && slices.EqualFunc(texts, chunks[:len(texts)], func(text string, c chunk.Chunk) bool { return text == c.Text }) {
		return len(texts), nil
	}
	return 0, s.dropChunks(ctx, f)
}

func (s *Service) dropChunks(ctx context.Context, f File) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM vector_store_chunks WHERE attachment_id = $1`, f.id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE vector_store_files SET served_model = '', dimensions = 0 WHERE id = $1`, f.id)
		return err
	})
}

// writeChunks writes chunks from a position on. Those that somebody else wrote meanwhile are the same.
func (s *Service) writeChunks(ctx context.Context, f File, from int, chunks []chunk.Chunk, in *embedding) error {
	rows := make([][]any, len(chunks))
	for i, c := range chunks {
		rows[i] = []any{f.id, from + i, c.First, f.org, f.project, c.Text, c.Heading, c.Page, c.Tokens, in.of(c)}
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE vector_store_files SET served_model = $2, dimensions = $3 WHERE id = $1 AND status = 'in_progress'`, f.id, in.served, in.dimensions)
		if err != nil {
			return err
		}
		if n == 0 {
			return errGone
		}
		_, err = store.InsertMany(ctx, tx, "vector_store_chunks", "attachment_id, position, passage, org_id, project_id, text, heading, page, tokens, vectors", rows,
			"ON CONFLICT (attachment_id, position) DO NOTHING")
		return err
	})
}

// complete makes a file one that searches find.
func (s *Service) complete(ctx context.Context, f File, words []byte) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		revision, err := changed(ctx, tx, f.StoreID)
		if errors.Is(err, store.ErrNoRows) {
			return errGone
		}
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE vector_store_files SET status = 'completed', words = $2, indexed_revision = $3,
				chunks = (SELECT COUNT(*) FROM vector_store_chunks c WHERE c.attachment_id = vector_store_files.id),
				usage_bytes = $4 + (SELECT CAST(SUM(OCTET_LENGTH(c.text) + OCTET_LENGTH(c.vectors)) AS BIGINT) FROM vector_store_chunks c WHERE c.attachment_id = vector_store_files.id)
			WHERE id = $1 AND status = 'in_progress'`, f.id, words, revision, len(words))
		if err == nil && n == 0 {
			return errGone
		}
		return err
	})
}

// fail ends a file that could not be read, without chunks.
func (s *Service) fail(ctx context.Context, f File, why FileError) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE vector_store_files SET status = 'failed', error = $2 WHERE id = $1 AND status = 'in_progress'`, f.id, store.JSON(&why))
		if err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM vector_store_chunks WHERE attachment_id = $1`, f.id)
		return err
	})
}

// attempt counts that the server failed to read a file, and returns how often it has.
func (s *Service) attempt(ctx context.Context, id string) (n int, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `UPDATE vector_store_files SET attempts = attempts + 1 WHERE id = $1 RETURNING attempts`, id).Scan(&n)
		if errors.Is(err, store.ErrNoRows) {
			return errGone
		}
		return err
	})
	return n, err
}

// atOnce is how many files are removed in one transaction.
const atOnce = 20

// empty removes what is in a store that is no longer live, and the store itself if it was deleted.
func (s *Service) empty(ctx context.Context, id string) error {
	for {
		left := 0
		err := s.db.Tx(ctx, func(tx *store.Tx) error {
			all, err := store.Collect(ctx, tx, scanID, `SELECT f.id FROM vector_store_files f JOIN vector_stores v ON v.id = f.vector_store_id
				WHERE v.id = $1 AND v.state <> 'live' LIMIT $2`, id, atOnce)
			if err != nil {
				return err
			}
			if left = len(all); left == 0 {
				if _, err := tx.Exec(ctx, `DELETE FROM vector_store_batches WHERE vector_store_id IN (SELECT id FROM vector_stores WHERE id = $1 AND state <> 'live')`, id); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `DELETE FROM vector_stores WHERE id = $1 AND state = 'deleted'`, id)
				return err
			}
			args := make([]any, len(all))
			for i, a := range all {
				args[i] = a
			}
			_, err = tx.Exec(ctx, `DELETE FROM vector_store_files WHERE id IN (`+store.Placeholders(1, len(args))+`)`, args...)
			return err
		})
		if err != nil || left == 0 {
			return err
		}
	}
}

func scanID(row store.Scanner) (id string, err error) { return id, row.Scan(&id) }

// Expire ends the stores whose time has come: they stay to be seen, without files.
func (s *Service) Expire(ctx context.Context) error {
	due, err := store.Collect(ctx, s.db.Read(), scanID, `SELECT id FROM vector_stores WHERE state = 'live' AND expires_at > 0 AND expires_at <= $1`, store.Millis(s.clock.Now()))
	if err != nil {
		return err
	}
	for _, id := range due {
		err := s.db.Tx(ctx, func(tx *store.Tx) error {
			// It may have been used, or its policy changed, since it was looked for.
			n, err := tx.Exec(ctx, `UPDATE vector_stores SET state = 'expired', revision = revision + 1 WHERE id = $1 AND state = 'live' AND expires_at > 0 AND expires_at <= $2`,
				id, store.Millis(s.clock.Now()))
			if err != nil || n == 0 {
				return err
			}
			tx.AfterCommit(func() { s.cache.drop(id) })
			return s.jobs.Enqueue(ctx, tx, emptyStore{id})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
