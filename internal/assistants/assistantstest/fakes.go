// Package assistantstest has fakes for tests of assistants: uploads and vector stores that exist in memory only. They do what their
// names say and nothing besides: no file has a content, and nothing is ever found.
package assistantstest

import (
	"context"
	"slices"
	"sync"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/retrieval"
	"github.com/parley-ai/parley/internal/store"
)

// Files are uploads: purposes by id, for each organization.
type Files map[string]map[string]string

// Hold implements reach.Files.
func (f Files) Hold(_ context.Context, _ *store.Tx, who actor.Actor, id string) (files.File, error) {
	purpose, ok := f[who.Org][id]
	if !ok {
		return files.File{}, fault.New(fault.NotFound, "No such File object: %s", id)
	}
	return files.File{ID: id, Purpose: purpose}, nil
}

// Stores are vector stores.
type Stores struct {
	mu     sync.Mutex
	stores map[string]*fakeStore
}

type fakeStore struct {
	org     string
	files   []string
	expired bool
}

// Expire makes a store one that has expired.
func (s *Stores) Expire(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stores[id].expired = true
}

// Add makes a store of an organization, as its user would, and returns its id.
func (s *Stores) Add(org string, files ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stores == nil {
		s.stores = map[string]*fakeStore{}
	}
	id := ids.New("vs_")
	s.stores[id] = &fakeStore{org: org, files: files}
	return id
}

// In returns the files of a store, or nil when there is no such store.
func (s *Stores) In(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.stores[id]; v != nil {
		return append([]string{}, v.files...)
	}
	return nil
}

func (s *Stores) find(who actor.Actor, id string) (*fakeStore, error) {
	v := s.stores[id]
	if v == nil || v.org != who.Org {
		e := fault.New(fault.NotFound, "No vector store found with id '%s'.", id)
		e.Param = "vector_store_id"
		return nil, e
	}
	return v, nil
}

// Get implements reach.Stores.
func (s *Stores) Get(_ context.Context, who actor.Actor, id string) (retrieval.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.find(who, id)
	return retrieval.Store{ID: id}, err
}

// CreateIn implements reach.Stores.
func (s *Stores) CreateIn(_ context.Context, _ *store.Tx, who actor.Actor, n retrieval.New) (retrieval.Store, error) {
	var in []string
	for _, f := range n.Files {
		in = append(in, f.FileID)
	}
	return retrieval.Store{ID: s.Add(who.Org, in...)}, nil
}

// AttachIn implements reach.Stores.
func (s *Stores) AttachIn(_ context.Context, _ *store.Tx, who actor.Actor, id string, n retrieval.NewFile) (retrieval.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.find(who, id)
	if err != nil {
		return retrieval.File{}, err
	}
	if v.expired {
		return retrieval.File{}, fault.New(fault.Invalid, "Vector store %s has expired.", id).WithCode("vector_store_expired")
	}
	if !slices.Contains(v.files, n.FileID) {
		v.files = append(v.files, n.FileID)
	}
	return retrieval.File{StoreID: id, FileID: n.FileID}, nil
}

// DetachIn implements reach.Stores.
func (s *Stores) DetachIn(_ context.Context, _ *store.Tx, who actor.Actor, id, fileID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.find(who, id)
	if err != nil {
		return err
	}
	v.files = slices.DeleteFunc(v.files, func(f string) bool { return f == fileID })
	return nil
}

// DeleteIn implements reach.Stores.
func (s *Stores) DeleteIn(_ context.Context, _ *store.Tx, who actor.Actor, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.find(who, id); err != nil {
		return err
	}
	delete(s.stores, id)
	return nil
}
