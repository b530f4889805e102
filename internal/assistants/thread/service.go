package thread

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/reach"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
)

// Service runs the operations of threads and what is in them, but for the execution of runs. Make it with New.
type Service struct {
	*Store
	reach    *reach.Keeper
	jobs     *jobs.Jobs
	onDelete []Hook
	onGone   []MessageHook
}

// Hook is called in the transaction that deletes a thread.
type Hook func(ctx context.Context, tx *store.Tx, who actor.Actor, threadID string) error

// MessageHook is called in the transaction that deletes the message at a position of a thread.
type MessageHook func(ctx context.Context, tx *store.Tx, threadID string, position int64) error

// New returns the service and registers its jobs: call it before jobs start.
func New(s *Store, r *reach.Keeper, j *jobs.Jobs) *Service {
	out := &Service{Store: s, reach: r, jobs: j}
	out.register()
	return out
}

// OnDelete has hook called with each thread that is deleted. Call it before serving.
func (s *Service) OnDelete(hook Hook) { s.onDelete = append(s.onDelete, hook) }

// OnDeleteMessage has hook called with each message that is deleted. Call it before serving.
func (s *Service) OnDeleteMessage(hook MessageHook) { s.onGone = append(s.onGone, hook) }

// Create makes a thread with its first messages.
func (s *Service) Create(ctx context.Context, who actor.Actor, n object.NewThread) (t object.Thread, err error) {
	defer fault.Wrap(&err, "thread.Create")
	if err := s.CheckNew(ctx, who, &n); err != nil {
		return t, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		t, err = s.CreateIn(ctx, tx, who, n)
		return err
	})
	return t, err
}

// CheckNew refuses a thread that CreateIn would not make, as far as can be told before a transaction.
func (s *Service) CheckNew(ctx context.Context, who actor.Actor, n *object.NewThread) error {
	if err := object.CheckMetadata(n.Metadata); err != nil {
		return err
	}
	if err := n.Resources.Check(); err != nil {
		return err
	}
	if err := object.TooMany("messages", len(n.Messages), object.MaxMessages); err != nil {
		return err
	}
	if err := CheckMessages("messages", n.Messages); err != nil {
		return err
	}
	return s.reach.Check(ctx, who, &n.Resources)
}

// CheckMessages refuses messages, at param of a request, that no thread takes.
func CheckMessages(param string, messages []*object.Message) error {
	for i, m := range messages {
		if err := m.Check(); err != nil {
			return object.Within(fmt.Sprintf("%s[%d]", param, i), err)
		}
	}
	return nil
}

// CreateIn is Create in the caller's transaction, after CheckNew.
func (s *Service) CreateIn(ctx context.Context, tx *store.Tx, who actor.Actor, n object.NewThread) (object.Thread, error) {
	now := s.now()
	t := object.Thread{ID: ids.New(object.ThreadID), Metadata: n.Metadata, Created: now, Updated: now}
	if _, err := s.insertThread(ctx, tx, who, &t); err != nil {
		return t, err
	}
	if err := s.change(ctx, tx, who, &t, object.ThreadChange{Resources: n.Resources}); err != nil {
		return t, err
	}
	return t, s.addTo(ctx, tx, who, &t, n.Messages)
}

// change gives a thread that is locked other resources or metadata.
func (s *Service) change(ctx context.Context, tx *store.Tx, who actor.Actor, t *object.Thread, c object.ThreadChange) error {
	if c.Metadata != nil {
		t.Metadata = c.Metadata
	}
	if c.Resources.CodeFiles != nil {
		if err := s.reach.Hold(ctx, tx, who, "tool_resources.code_interpreter.file_ids", c.Resources.CodeFiles...); err != nil {
			return err
		}
		t.CodeFiles = c.Resources.CodeFiles
	}
	link, err := s.reach.Relink(ctx, tx, who, reach.Link{Store: t.VectorStore, Own: t.OwnStore, Days: reach.ThreadDays}, &c.Resources)
	if err != nil {
		return err
	}
	t.VectorStore, t.OwnStore, t.Updated = link.Store, link.Own, s.now()
	return s.UpdateThread(ctx, tx, t)
}

// Get returns a thread.
func (s *Service) Get(ctx context.Context, who actor.Actor, id string) (object.Thread, error) {
	return s.Thread(ctx, s.db.Read(), who, id)
}

// Update changes what a thread's tools reach, and its metadata.
func (s *Service) Update(ctx context.Context, who actor.Actor, id string, c object.ThreadChange) (t object.Thread, err error) {
	defer fault.Wrap(&err, "thread.Update(%s)", id)
	if err := object.CheckMetadata(c.Metadata); err != nil {
		return t, err
	}
	if err := c.Resources.Check(); err != nil {
		return t, err
	}
	if err := s.reach.Check(ctx, who, &c.Resources); err != nil {
		return t, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if t, err = s.Lock(ctx, tx, who, id); err != nil {
			return err
		}
		return s.change(ctx, tx, who, &t, c)
	})
	return t, err
}

// Delete removes a thread with its messages, runs and steps: at once for whoever asks, row by row by a job. A run that is under way is cancelled.
func (s *Service) Delete(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "thread.Delete(%s)", id)
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := s.Lock(ctx, tx, who, id)
		if err != nil {
			return err
		}
		for _, hook := range s.onDelete {
			if err := hook(ctx, tx, who, id); err != nil {
				return err
			}
		}
		if err := s.reach.Remove(ctx, tx, who, reach.Link{Store: t.VectorStore, Own: t.OwnStore}); err != nil {
			return err
		}
		if err := s.markDeleted(ctx, tx, id); err != nil {
			return err
		}
		return s.jobs.Enqueue(ctx, tx, emptyThread{id})
	})
}

// Add adds a message to a thread on which no run is active.
func (s *Service) Add(ctx context.Context, who actor.Actor, threadID string, m *object.Message) (err error) {
	defer fault.Wrap(&err, "thread.Add(%s)", threadID)
	if err := m.Check(); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := s.Lock(ctx, tx, who, threadID)
		if err != nil {
			return err
		}
		return s.AddIn(ctx, tx, who, &t, []*object.Message{m})
	})
}

// AddIn is Add in the caller's transaction, for a thread that it has locked and messages that were checked (CheckMessages). Files of
// attachments become what the thread's tools reach.
func (s *Service) AddIn(ctx context.Context, tx *store.Tx, who actor.Actor, t *object.Thread, messages []*object.Message) error {
	if len(messages) == 0 {
		return nil
	}
	switch run, err := s.Active(ctx, tx, t.ID); {
	case err != nil:
		return err
	case run != "":
		return fault.New(fault.Invalid, "Can't add messages to %s while a run %s is active.", t.ID, run)
	}
	return s.addTo(ctx, tx, who, t, messages)
}

func (s *Service) addTo(ctx context.Context, tx *store.Tx, who actor.Actor, t *object.Thread, messages []*object.Message) error {
	if len(messages) == 0 {
		return nil
	}
	if n := t.Messages + int64(len(messages)); n > object.MaxMessages {
		return fault.New(fault.Invalid, "Thread %s has %d messages, and may have %d. Make a new thread.", t.ID, t.Messages, object.MaxMessages).WithCode("too_many_messages")
	}
	var attached []object.Attachment
	for i, m := range messages {
		param := func(name string) string {
			if len(messages) == 1 {
				return name
			}
			return fmt.Sprintf("messages[%d].%s", i, name)
		}
		for j, p := range m.Content {
			if p.Type == object.ImageFilePart {
				if err := s.reach.Hold(ctx, tx, who, param(fmt.Sprintf("content[%d].image_file.file_id", j)), p.Image.FileID); err != nil {
					return err
				}
			}
		}
		for j, a := range m.Attachments {
			if err := s.reach.Hold(ctx, tx, who, param(fmt.Sprintf("attachments[%d].file_id", j)), a.FileID); err != nil {
				return err
			}
		}
		attached = append(attached, m.Attachments...)
	}
	if err := s.AttachIn(ctx, tx, who, t, attached); err != nil {
		return err
	}
	t.Messages += int64(len(messages))
	return s.Append(ctx, tx, who, t.ID, messages...)
}

// AttachIn makes files of attachments, which the transaction holds, what the tools of a thread that it has locked reach.
func (s *Service) AttachIn(ctx context.Context, tx *store.Tx, who actor.Actor, t *object.Thread, attachments []object.Attachment) error {
	var search []string
	changed := false
	for _, a := range attachments {
		code, find := slices.Contains(a.Tools, object.CodeInterpreter), slices.Contains(a.Tools, object.FileSearch)
		if code && !slices.Contains(t.CodeFiles, a.FileID) {
			t.CodeFiles, changed = append(t.CodeFiles, a.FileID), true
		}
		switch {
		case code && find:
			// As v1 attaches: most of these are never searched, so the store is filled when a run is to search.
			if !slices.Contains(t.Pending, a.FileID) {
				t.Pending, changed = append(t.Pending, a.FileID), true
			}
		case find && !slices.Contains(search, a.FileID):
			search = append(search, a.FileID)
		}
	}
	link, err := s.reach.Attach(ctx, tx, who, reach.Link{Store: t.VectorStore, Own: t.OwnStore, Days: reach.ThreadDays}, t.ID, search...)
	if err != nil || !changed && link.Store == t.VectorStore {
		return err
	}
	t.VectorStore, t.OwnStore, t.Updated = link.Store, link.Own, s.now()
	return s.UpdateThread(ctx, tx, t)
}

// Ready is called in the transaction that makes a run with file search on a thread that is locked: files of its messages that wait for
// being searched go into its vector store.
func (s *Service) Ready(ctx context.Context, tx *store.Tx, who actor.Actor, t *object.Thread) error {
	if len(t.Pending) == 0 {
		return nil
	}
	link := reach.Link{Store: t.VectorStore, Own: t.OwnStore}
	var there []string
	for _, id := range t.Pending {
		// A file may have been deleted since.
		if err := s.reach.Hold(ctx, tx, who, "file_ids", id); err == nil {
			there = append(there, id)
		} else if fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	link, err := s.reach.Attach(ctx, tx, who, link, t.ID, there...)
	if err != nil {
		return err
	}
	t.VectorStore, t.OwnStore, t.Pending, t.Updated = link.Store, link.Own, nil, s.now()
	return s.UpdateThread(ctx, tx, t)
}

// Messages returns a page of a thread's messages, only those of a run when one is named, and whether there are more behind it.
func (s *Service) Messages(ctx context.Context, who actor.Actor, threadID, runID string, p store.Paging) ([]object.Message, bool, error) {
	if _, err := s.Thread(ctx, s.db.Read(), who, threadID); err != nil {
		return nil, false, err
	}
	return s.page(ctx, threadID, runID, p)
}

// GetMessage returns a message of a thread.
func (s *Service) GetMessage(ctx context.Context, who actor.Actor, threadID, id string) (m object.Message, err error) {
	if _, err := s.Thread(ctx, s.db.Read(), who, threadID); err != nil {
		return m, err
	}
	return s.Message(ctx, s.db.Read(), threadID, id)
}

// SetMessageMetadata changes the metadata of a message; nil leaves them.
func (s *Service) SetMessageMetadata(ctx context.Context, who actor.Actor, threadID, id string, metadata object.Metadata) (m object.Message, err error) {
	if err := object.CheckMetadata(metadata); err != nil {
		return m, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := s.Thread(ctx, tx, who, threadID); err != nil {
			return err
		}
		if m, err = s.Message(ctx, tx, threadID, id); err != nil || metadata == nil {
			return err
		}
		m.Metadata = metadata
		return setMetadata(ctx, tx, "thread_messages", id, metadata)
	})
	return m, err
}

// DeleteMessage removes a message that no run is writing.
func (s *Service) DeleteMessage(ctx context.Context, who actor.Actor, threadID, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := s.Lock(ctx, tx, who, threadID); err != nil {
			return err
		}
		m, err := s.Message(ctx, tx, threadID, id)
		if err != nil {
			return err
		}
		if m.Status == object.InProgress {
			return fault.New(fault.Invalid, "Can't delete message %s while run %s is writing it.", id, m.RunID)
		}
		for _, hook := range s.onGone {
			if err := hook(ctx, tx, threadID, m.Position); err != nil {
				return err
			}
		}
		return s.deleteMessage(ctx, tx, threadID, id)
	})
}

// Runs returns a page of a thread's runs, and whether there are more behind it.
func (s *Service) Runs(ctx context.Context, who actor.Actor, threadID string, p store.Paging) ([]object.Run, bool, error) {
	if _, err := s.Thread(ctx, s.db.Read(), who, threadID); err != nil {
		return nil, false, err
	}
	return s.runs(ctx, threadID, p)
}

// GetRun returns a run of a thread.
func (s *Service) GetRun(ctx context.Context, who actor.Actor, threadID, id string) (r object.Run, err error) {
	if _, err := s.Thread(ctx, s.db.Read(), who, threadID); err != nil {
		return r, err
	}
	return s.Run(ctx, s.db.Read(), threadID, id)
}

// SetRunMetadata changes the metadata of a run; nil leaves them.
func (s *Service) SetRunMetadata(ctx context.Context, who actor.Actor, threadID, id string, metadata object.Metadata) (r object.Run, err error) {
	if err := object.CheckMetadata(metadata); err != nil {
		return r, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := s.Thread(ctx, tx, who, threadID); err != nil {
			return err
		}
		if r, err = s.Run(ctx, tx, threadID, id); err != nil || metadata == nil {
			return err
		}
		r.Metadata = metadata
		return setMetadata(ctx, tx, "thread_runs", id, metadata)
	})
	return r, err
}

// RunSteps returns a page of a run's steps, and whether there are more behind it.
func (s *Service) RunSteps(ctx context.Context, who actor.Actor, threadID, runID string, p store.Paging) ([]object.Step, bool, error) {
	if _, err := s.GetRun(ctx, who, threadID, runID); err != nil {
		return nil, false, err
	}
	return s.steps(ctx, runID, p)
}

// GetStep returns a step of a run.
func (s *Service) GetStep(ctx context.Context, who actor.Actor, threadID, runID, id string) (t object.Step, err error) {
	if _, err := s.GetRun(ctx, who, threadID, runID); err != nil {
		return t, err
	}
	return s.Step(ctx, s.db.Read(), runID, id)
}
