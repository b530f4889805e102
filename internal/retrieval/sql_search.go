package retrieval

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/parley-ai/parley/internal/retrieval/lexical"
	"github.com/parley-ai/parley/internal/store"
)

// completed lists the files of a store that searches may find.
func (s *Service) completed(ctx context.Context, storeID string) ([]File, error) {
	return store.Collect(ctx, s.db.Read(), scanFile, `SELECT `+fileColumns+` FROM vector_store_files f WHERE vector_store_id = $1 AND status = 'completed' ORDER BY created_at, file_id`, storeID)
}

// load reads the words and vectors of a completed file. One that was removed meanwhile stays without words.
func (s *Service) load(ctx context.Context, f File, into *fileIndex) error {
	*into = fileIndex{attachment: f.id, storeID: f.StoreID, fileID: f.FileID, name: f.Name, attributes: f.Attributes, served: f.served}
	var words []byte
	err := s.db.Read().QueryRow(ctx, `SELECT words FROM vector_store_files WHERE id = $1`, f.id).Scan(&words)
	if errors.Is(err, store.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	segment, err := lexical.Open(words)
	if err != nil {
		return fmt.Errorf("retrieval: words of %s: %w", f.id, err)
	}
	_, err = store.Collect(ctx, s.db.Read(), func(row store.Scanner) (none struct{}, err error) {
		var first int
		var packed []byte
		if err := row.Scan(&first, &packed); err != nil {
			return none, err
		}
		vectors, err := unpackVectors(packed, f.dimensions)
		if err != nil {
			return none, err
		}
		if first > len(into.vectors) || len(vectors) == 0 {
			return none, fmt.Errorf("retrieval: %s lacks passages before %d", f.id, first)
		}
		into.chunks = append(into.chunks, span{first, first + len(vectors) - 1})
		if news := first + len(vectors) - len(into.vectors); news > 0 {
			// Those that it shares with the chunk before are kept once.
			for _, v := range vectors[len(vectors)-news:] {
				into.vectors = append(into.vectors, slices.Clone(v))
			}
		}
		return none, nil
	}, `SELECT passage, vectors FROM vector_store_chunks WHERE attachment_id = $1 ORDER BY position`, f.id)
	if err != nil {
		return err
	}
	if len(into.chunks) != segment.Len() {
		// Its rows went between the two statements, or it would be broken: then the next search says so again.
		return nil
	}
	into.words = segment
	return nil
}

// texts fills in what hits say. Those whose file was removed meanwhile are left out.
func (s *Service) texts(ctx context.Context, hits []Hit) ([]Hit, error) {
	out := make([]Hit, 0, len(hits))
	for _, h := range hits {
		err := s.db.Read().QueryRow(ctx, `SELECT text, heading, page FROM vector_store_chunks WHERE attachment_id = $1 AND position = $2`, h.file.attachment, h.Position).
			Scan(&h.Text, &h.Heading, &h.Page)
		if errors.Is(err, store.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}
