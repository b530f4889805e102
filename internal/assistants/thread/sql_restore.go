package thread

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/store"
)

// Kinds of rows that can be restored, by their tables.
const (
	Threads  = "threads"
	Messages = "thread_messages"
	Runs     = "thread_runs"
	Steps    = "thread_run_steps"
)

// Taken reports whether an id of a kind is there, and whether it is the actor's.
func (s *Store) Taken(ctx context.Context, q store.Q, who actor.Actor, kind, id string) (taken, own bool, err error) {
	err = q.QueryRow(ctx, `SELECT `+owned+` FROM `+kind+` WHERE id = $3`, who.Org, who.Project, id).Scan(&own)
	if errors.Is(err, store.ErrNoRows) {
		return false, false, nil
	}
	return err == nil, own, err
}

// RestoreThread adds a thread as it was saved, under its id. When the id is taken, nothing is added.
func (s *Store) RestoreThread(ctx context.Context, tx *store.Tx, who actor.Actor, t object.Thread) (added bool, err error) {
	t.Updated = s.now()
	if t.Created.IsZero() {
		t.Created = t.Updated
	}
	return s.insertThread(ctx, tx, who, &t)
}
