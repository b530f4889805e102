package assistants

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/store"
)

// Restore adds an assistant as it was saved, under its id, with the files that the project has. When the id is taken, nothing is added.
func (s *Service) Restore(ctx context.Context, tx *store.Tx, who actor.Actor, a object.Assistant, files []string) (added bool, err error) {
	clean := func(text *string) *string {
		var out *string
		set(&out, object.Maybe{Given: true, Text: text})
		return out
	}
	a.Name, a.Description, a.Instructions, a.Updated = clean(a.Name), clean(a.Description), clean(a.Instructions), s.now()
	if a.Created.IsZero() {
		a.Created = a.Updated
	}
	if added, err := s.insert(ctx, tx, who, &a); err != nil || !added {
		return false, err
	}
	if err := s.files(ctx, tx, who, &a, object.AssistantChange{Files: files}); err != nil {
		return false, err
	}
	return true, s.update(ctx, tx, who, &a)
}

// Taken reports whether an id is an assistant's, and whether it is one of the actor's.
func (s *Service) Taken(ctx context.Context, q store.Q, who actor.Actor, id string) (taken, own bool, err error) {
	err = q.QueryRow(ctx, `SELECT `+owned+` FROM assistants WHERE id = $3`, who.Org, who.Project, id).Scan(&own)
	if errors.Is(err, store.ErrNoRows) {
		return false, false, nil
	}
	return err == nil, own, err
}
