package retrieval

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Attach adds a file to a store and begins to take it in. One that is in it already, cut in the same way and not failed, stays as it is but
// for its attributes; any other is taken in anew.
func (s *Service) Attach(ctx context.Context, who actor.Actor, storeID string, n NewFile) (out File, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		out, err = s.AttachIn(ctx, tx, who, storeID, n)
		return err
	})
	return out, err
}

// AttachIn is Attach in the caller's transaction.
func (s *Service) AttachIn(ctx context.Context, tx *store.Tx, who actor.Actor, storeID string, n NewFile) (File, error) {
	v, err := s.lock(ctx, tx, who, storeID)
	if err == nil {
		err = usable(v)
	}
	if err != nil {
		return File{}, err
	}
	return s.attach(ctx, tx, who, v, n, "file_id")
}

// attach attaches to a store whose row the transaction holds.
func (s *Service) attach(ctx context.Context, tx *store.Tx, who actor.Actor, v Store, n NewFile, param string) (File, error) {
	upload, err := s.files.Hold(ctx, tx, who, n.FileID)
	if fault.KindOf(err) == fault.NotFound {
		return File{}, notFound(param, "file", n.FileID)
	}
	if err != nil {
		return File{}, err
	}
	f := File{
		StoreID: v.ID, FileID: n.FileID, Name: upload.Name, Status: InProgress, Attributes: n.Attributes, Chunking: n.Chunking.orDefault(),
		Created: s.now(), id: ids.New("vsf_"), org: who.Org, project: who.Project, user: who.User, key: who.Key,
	}
	old, err := s.file(ctx, tx, v.ID, n.FileID)
	switch {
	case err == nil && old.Chunking == f.Chunking && (old.Status == InProgress || old.Status == Completed):
		if n.Attributes != nil {
			old.Attributes = n.Attributes
			err = s.setAttributes(ctx, tx, old)
		}
		return old, err
	case err == nil:
		if err := s.detach(ctx, tx, old); err != nil {
			return File{}, err
		}
	case fault.KindOf(err) != fault.NotFound:
		return File{}, err
	}
	if err := s.room(ctx, tx, v.ID); err != nil {
		return File{}, err
	}
	if err := insertFile(ctx, tx, f); err != nil {
		return File{}, err
	}
	if err := s.touch(ctx, tx, v); err != nil {
		return File{}, err
	}
	return f, s.jobs.Enqueue(ctx, tx, takeIn{f.id})
}

// room refuses one file more than a store may have.
func (s *Service) room(ctx context.Context, tx *store.Tx, storeID string) error {
	n, err := countFiles(ctx, tx, storeID)
	if err == nil && n >= MaxFiles {
		return fault.New(fault.Invalid, "Vector store %s has %d files, as many as a store may have. Remove some, or use another store.", storeID, n).
			WithCode("too_many_files")
	}
	return err
}

// Detach removes a file from a store. The upload stays.
func (s *Service) Detach(ctx context.Context, who actor.Actor, storeID, fileID string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error { return s.DetachIn(ctx, tx, who, storeID, fileID) })
}

// DetachIn is Detach in the caller's transaction.
func (s *Service) DetachIn(ctx context.Context, tx *store.Tx, who actor.Actor, storeID, fileID string) error {
	if _, err := s.lock(ctx, tx, who, storeID); err != nil {
		return err
	}
	f, err := s.file(ctx, tx, storeID, fileID)
	if err != nil {
		return err
	}
	return s.detach(ctx, tx, f)
}

// FileDeleted removes an upload that is being deleted from all stores, in the transaction of its deletion.
func (s *Service) FileDeleted(ctx context.Context, tx *store.Tx, upload files.File) error {
	all, err := filesOf(ctx, tx, upload)
	if err != nil {
		return err
	}
	// Stores in one order, so that two deletions do not wait for each other.
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.StoreID, b.StoreID) })
	for _, f := range all {
		if err := s.detach(ctx, tx, f); err != nil {
			return err
		}
	}
	return nil
}

// ListFiles returns a page of a store's files, only those of a status unless it is empty, and whether there are more behind it.
func (s *Service) ListFiles(ctx context.Context, who actor.Actor, storeID string, only Status, p store.Paging) ([]File, bool, error) {
	if _, err := s.store(ctx, s.db.Read(), who, storeID); err != nil {
		return nil, false, err
	}
	return s.listFiles(ctx, storeID, "", only, p)
}

// File returns a file of a store.
func (s *Service) File(ctx context.Context, who actor.Actor, storeID, fileID string) (File, error) {
	if _, err := s.store(ctx, s.db.Read(), who, storeID); err != nil {
		return File{}, err
	}
	return s.file(ctx, s.db.Read(), storeID, fileID)
}

// SetAttributes replaces the attributes of a file in a store.
func (s *Service) SetAttributes(ctx context.Context, who actor.Actor, storeID, fileID string, attributes map[string]any) (f File, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := s.lock(ctx, tx, who, storeID); err != nil {
			return err
		}
		if f, err = s.file(ctx, tx, storeID, fileID); err != nil {
			return err
		}
		f.Attributes = attributes
		return s.setAttributes(ctx, tx, f)
	})
	return f, err
}

// Content returns the texts of a file's chunks, in the order of the file.
func (s *Service) Content(ctx context.Context, who actor.Actor, storeID, fileID string) (File, []string, error) {
	f, err := s.File(ctx, who, storeID, fileID)
	if err != nil {
		return File{}, nil, err
	}
	if f.Status != Completed {
		return File{}, nil, fault.New(fault.Invalid, "File '%s' is %s: it has content once it is completed.", fileID, f.Status)
	}
	texts, err := chunkTexts(ctx, s.db.Read(), f.id)
	return f, texts, err
}

// Batch is some files attached together.
type Batch struct {
	ID      string
	StoreID string
	Counts  Counts
	Created time.Time

	cancelled bool
}

// Status is "in_progress" while a file is being read, then "completed", or "failed" when none was; "cancelled" for one that was.
func (b *Batch) Status() string {
	switch {
	case b.cancelled:
		return string(Cancelled)
	case b.Counts.InProgress > 0:
		return string(InProgress)
	case b.Counts.Failed > 0 && b.Counts.Failed == b.Counts.Total:
		return string(Failed)
	}
	return string(Completed)
}

// CreateBatch attaches files together: all of them, or none when one cannot be attached.
func (s *Service) CreateBatch(ctx context.Context, who actor.Actor, storeID string, all []NewFile) (b Batch, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		v, err := s.lock(ctx, tx, who, storeID)
		if err == nil {
			err = usable(v)
		}
		if err != nil {
			return err
		}
		b = Batch{ID: ids.New("vsfb_"), StoreID: storeID, Created: s.now()}
		if err := insertBatch(ctx, tx, who, b); err != nil {
			return err
		}
		for _, n := range all {
			f, err := s.attach(ctx, tx, who, v, n, "file_ids")
			if err != nil {
				return err
			}
			if err := insertBatchFile(ctx, tx, who, b.ID, f.id); err != nil {
				return err
			}
		}
		b, err = s.batch(ctx, tx, storeID, b.ID)
		return err
	})
	return b, err
}

// Batch returns a batch of a store.
func (s *Service) Batch(ctx context.Context, who actor.Actor, storeID, id string) (Batch, error) {
	if _, err := s.store(ctx, s.db.Read(), who, storeID); err != nil {
		return Batch{}, err
	}
	return s.batch(ctx, s.db.Read(), storeID, id)
}

// CancelBatch ends the files of a batch that are still being read.
func (s *Service) CancelBatch(ctx context.Context, who actor.Actor, storeID, id string) (b Batch, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := s.lock(ctx, tx, who, storeID); err != nil {
			return err
		}
		if b, err = s.batch(ctx, tx, storeID, id); err != nil {
			return err
		}
		if b.Counts.InProgress == 0 {
			return nil // it has ended: cancelling it changes nothing
		}
		if err := s.cancelBatch(ctx, tx, id); err != nil {
			return err
		}
		b, err = s.batch(ctx, tx, storeID, id)
		return err
	})
	return b, err
}

// BatchFiles is ListFiles for the files of a batch.
func (s *Service) BatchFiles(ctx context.Context, who actor.Actor, storeID, id string, only Status, p store.Paging) ([]File, bool, error) {
	if _, err := s.Batch(ctx, who, storeID, id); err != nil {
		return nil, false, err
	}
	return s.listFiles(ctx, storeID, id, only, p)
}
