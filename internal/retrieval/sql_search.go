package retrieval

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-ai/parley/internal/retrieval/lexical"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/vector"
)

// completed lists the files of a store that searches may find.
func (s *Service) completed(ctx context.Context, storeID string) ([]File, error) {
	return store.Collect(ctx, s.db.Read(), scanFile, `SELECT `+fileColumns+` FROM vector_store_files f WHERE vector_store_id = $1 AND status = 'completed' ORDER BY created_at, file_id`, storeID)
}

// load reads the words and vectors of a completed file and puts the vectors into the index of their model. It returns nil for one that
// was removed meanwhile.
func (s *Service) load(ctx context.Context, f File, x *index, vectors map[string]*vector.Index) (*fileIndex, error) {
	x.serial++ // also when it fails: vectors that were added then have ids of their own
	into := &fileIndex{attachment: f.id, storeID: f.StoreID, fileID: f.FileID, name: f.Name, served: f.served, serial: x.serial, sum: make([]float32, f.dimensions)}
	var words []byte
	err := s.db.Read().QueryRow(ctx, `SELECT words FROM vector_store_files WHERE id = $1`, f.id).Scan(&words)
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if into.words, err = lexical.Open(words); err != nil {
		return nil, fmt.Errorf("retrieval: words of %s: %w", f.id, err)
	}
	nearby := vectors[f.served]
	if nearby == nil || nearby.Dims() != f.dimensions {
		if nearby, err = vector.New(f.dimensions); err != nil {
			return nil, err
		}
		vectors[f.served] = nearby
	}
	_, err = store.Collect(ctx, s.db.Read(), func(row store.Scanner) (none struct{}, err error) {
		var first int
		var packed []byte
		if err := row.Scan(&first, &packed); err != nil {
			return none, err
		}
		all, err := unpackVectors(packed, f.dimensions)
		if err != nil {
			return none, err
		}
		if first > into.passages || len(all) == 0 {
			return none, fmt.Errorf("retrieval: %s lacks passages before %d", f.id, first)
		}
		into.chunks = append(into.chunks, span{first, first + len(all) - 1})
		// Those that it shares with the chunk before are there already.
		for ; into.passages < first+len(all); into.passages++ {
			v := all[into.passages-first]
			for i, n := range v {
				into.sum[i] += n
			}
			if dot(v, v) == 0 {
				continue // it says nothing: nothing is near it
			}
			if err := nearby.Add(vectorID(into.serial, into.passages), v); err != nil {
				return none, err
			}
		}
		return none, nil
	}, `SELECT passage, vectors FROM vector_store_chunks WHERE attachment_id = $1 ORDER BY position`, f.id)
	if err == nil && len(into.chunks) == into.words.Len() {
		return into, nil
	}
	// It failed, or its rows went between the two statements.
	for p := range into.passages {
		nearby.Remove(vectorID(into.serial, p))
	}
	return nil, err
}

// vectorsOf reads the vectors of a chunk; none when it was removed meanwhile.
func (s *Service) vectorsOf(ctx context.Context, f *fileIndex, position int) ([][]float32, error) {
	var packed []byte
	err := s.db.Read().QueryRow(ctx, `SELECT vectors FROM vector_store_chunks WHERE attachment_id = $1 AND position = $2`, f.attachment, position).Scan(&packed)
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return unpackVectors(packed, len(f.sum))
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
