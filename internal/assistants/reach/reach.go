package reach

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/retrieval"
	"github.com/parley-ai/parley/internal/store"
)

// Files are the uploads; *files.Service is one.
type Files interface {
	Hold(ctx context.Context, tx *store.Tx, who actor.Actor, id string) (files.File, error)
}

// Stores are the vector stores; *retrieval.Service is one.
type Stores interface {
	Get(ctx context.Context, who actor.Actor, id string) (retrieval.Store, error)
	CreateIn(ctx context.Context, tx *store.Tx, who actor.Actor, n retrieval.New) (retrieval.Store, error)
	AttachIn(ctx context.Context, tx *store.Tx, who actor.Actor, storeID string, n retrieval.NewFile) (retrieval.File, error)
	DetachIn(ctx context.Context, tx *store.Tx, who actor.Actor, storeID, fileID string) error
	DeleteIn(ctx context.Context, tx *store.Tx, who actor.Actor, id string) error
}

// Keeper runs the operations. All fields are required.
type Keeper struct {
	Files  Files
	Stores Stores
}

// purposes are those of files that tools may be given.
var purposes = []string{files.Assistants, files.AssistantsOutput, files.UserData, files.Vision}

// Hold checks that files are the project's, and keeps them from being deleted until the transaction ends.
func (k *Keeper) Hold(ctx context.Context, tx *store.Tx, who actor.Actor, param string, ids ...string) error {
	for i, id := range ids {
		f, err := k.Files.Hold(ctx, tx, who, id)
		at := param
		if len(ids) > 1 {
			at = fmt.Sprintf("%s[%d]", param, i)
		}
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return noFile(at, id)
		case err != nil:
			return err
		case !slices.Contains(purposes, f.Purpose):
			return fault.Param(at, "File '%s' has the purpose '%s'. Tools of assistants take files with the purpose 'assistants': upload it with that.", id, f.Purpose).WithCode("invalid_value")
		}
	}
	return nil
}

func noFile(param, id string) error {
	e := fault.New(fault.NotFound, "No file found with id '%.80s'.", id)
	e.Param = param
	return e
}

// Check tells, before a transaction, whether a vector store that is referred to is there.
func (k *Keeper) Check(ctx context.Context, who actor.Actor, c *object.ResourcesChange) error {
	for _, id := range c.VectorStores {
		if _, err := k.Stores.Get(ctx, who, id); err != nil {
			return err
		}
	}
	return nil
}

// Link is the vector store that something has.
type Link struct {
	Store string // id; empty is none
	Own   bool   // it was made for it alone
	Days  int    // how long one that is made for it lives after its last use; 0: until it is deleted
}

// ThreadDays is how long vector stores that are made for threads live, as in the original.
const ThreadDays = 7

// Relink gives something another vector store, if it is given one, and removes its own one if it had that.
func (k *Keeper) Relink(ctx context.Context, tx *store.Tx, who actor.Actor, l Link, c *object.ResourcesChange) (Link, error) {
	next := l
	switch {
	case len(c.NewStores) > 0:
		n := c.NewStores[0]
		if err := k.Hold(ctx, tx, who, "tool_resources.file_search.vector_stores[0].file_ids", n.Files...); err != nil {
			return l, err
		}
		made := newStore(n)
		made.ExpireDays = l.Days
		v, err := k.Stores.CreateIn(ctx, tx, who, made)
		if err != nil {
			return l, err
		}
		next = Link{Store: v.ID}
	case len(c.VectorStores) > 0:
		next = Link{Store: c.VectorStores[0], Own: l.Own && c.VectorStores[0] == l.Store}
	case c.VectorStores != nil:
		next = Link{}
	}
	if l.Own && next.Store != l.Store {
		return next, k.Remove(ctx, tx, who, l)
	}
	return next, nil
}

func newStore(n object.NewStore) retrieval.New {
	out := retrieval.New{Metadata: n.Metadata}
	for _, id := range n.Files {
		out.Files = append(out.Files, retrieval.NewFile{FileID: id, Chunking: retrieval.Chunking{Tokens: n.Tokens, Overlap: n.Overlap}})
	}
	return out
}

// Attach puts files into the vector store of something, which gets one of its own when it has none, or one that has expired or was deleted.
func (k *Keeper) Attach(ctx context.Context, tx *store.Tx, who actor.Actor, l Link, name string, ids ...string) (Link, error) {
	if len(ids) == 0 {
		return l, nil
	}
	for i, id := range ids {
		if l.Store == "" {
			break
		}
		_, err := k.Stores.AttachIn(ctx, tx, who, l.Store, retrieval.NewFile{FileID: id})
		if i == 0 && gone(err) {
			l = Link{Days: l.Days}
			break
		}
		if err != nil {
			return l, err
		}
	}
	if l.Store != "" {
		return l, nil
	}
	n := newStore(object.NewStore{Files: ids})
	n.Name, n.ExpireDays = name, l.Days
	v, err := k.Stores.CreateIn(ctx, tx, who, n)
	return Link{Store: v.ID, Own: true}, err
}

// gone says of an error that the vector store cannot be used any more.
func gone(err error) bool {
	e := fault.As(err)
	return e != nil && (e.Kind == fault.NotFound && e.Param == "vector_store_id" || e.Code == "vector_store_expired")
}

// Detach takes files out of a vector store; those that are not in it are as they should be.
func (k *Keeper) Detach(ctx context.Context, tx *store.Tx, who actor.Actor, l Link, ids ...string) error {
	for _, id := range ids {
		if err := k.Stores.DetachIn(ctx, tx, who, l.Store, id); err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	return nil
}

// Remove deletes the vector store that something had of its own.
func (k *Keeper) Remove(ctx context.Context, tx *store.Tx, who actor.Actor, l Link) error {
	if !l.Own || l.Store == "" {
		return nil
	}
	if err := k.Stores.DeleteIn(ctx, tx, who, l.Store); err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	return nil
}
