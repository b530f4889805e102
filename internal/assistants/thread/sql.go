package thread

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	owned          = "org_id = $1 AND project_id = $2"
	threadColumns  = "id, code_files, vector_store_id, own_store, pending_files, metadata, message_count, created_at, updated_at"
	messageColumns = "id, thread_id, position, role, status, content, attachments, incomplete, assistant_id, run_id, metadata, created_at, completed_at, incomplete_at"
)

// Store keeps threads and what is in them. Its methods with a store.Q or store.Tx are pieces of somebody's transaction; ownership is
// checked where they take an actor.
type Store struct {
	db    *store.DB
	clock clock.Clock
}

// NewStore returns a store over the database.
func NewStore(db *store.DB, c clock.Clock) *Store { return &Store{db: db, clock: c} }

func scanThread(row store.Scanner) (t object.Thread, err error) {
	var created, updated int64
	err = row.Scan(&t.ID, store.JSON(&t.CodeFiles), &t.VectorStore, &t.OwnStore, store.JSON(&t.Pending), store.JSON(&t.Metadata), &t.Messages, &created, &updated)
	t.Created, t.Updated = store.Time(created), store.Time(updated)
	return t, err
}

func scanMessage(row store.Scanner) (m object.Message, err error) {
	var created, completed, incomplete int64
	err = row.Scan(&m.ID, &m.ThreadID, &m.Position, &m.Role, &m.Status, store.JSON(&m.Content), store.JSON(&m.Attachments), &m.Why,
		&m.AssistantID, &m.RunID, store.JSON(&m.Metadata), &created, &completed, &incomplete)
	m.Created, m.CompletedAt, m.IncompleteAt = store.Time(created), store.Time(completed), store.Time(incomplete)
	return m, err
}

// notFound is the original's answer to an id that leads nowhere, and to one that is somebody else's.
func notFound(what, id string) error {
	return fault.New(fault.NotFound, "No %s found with id '%.80s'.", what, id)
}

// Thread reads a thread of the actor's project.
func (s *Store) Thread(ctx context.Context, q store.Q, who actor.Actor, id string) (object.Thread, error) {
	if !ids.Valid(object.ThreadID, id) {
		return object.Thread{}, notFound("thread", id)
	}
	t, err := scanThread(q.QueryRow(ctx, `SELECT `+threadColumns+` FROM threads WHERE `+owned+` AND id = $3 AND deleted_at = 0`, who.Org, who.Project, id))
	if errors.Is(err, store.ErrNoRows) {
		return t, notFound("thread", id)
	}
	return t, err
}

// Lock reads a thread and takes the turn to change what is in it: PostgreSQL holds the row until the transaction ends, SQLite
// has one writer anyway.
func (s *Store) Lock(ctx context.Context, tx *store.Tx, who actor.Actor, id string) (object.Thread, error) {
	if _, err := tx.Exec(ctx, `UPDATE threads SET updated_at = updated_at WHERE `+owned+` AND id = $3`, who.Org, who.Project, id); err != nil {
		return object.Thread{}, err
	}
	return s.Thread(ctx, tx, who, id)
}

// insertThread adds a thread without messages. Its id may be taken already: then nothing is added.
func (s *Store) insertThread(ctx context.Context, tx *store.Tx, who actor.Actor, t *object.Thread) (added bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO threads (id, org_id, project_id, code_files, vector_store_id, own_store, metadata, message_count, next_position, created_at, updated_at, deleted_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, 0) ON CONFLICT (id) DO NOTHING`,
		t.ID, who.Org, who.Project, store.JSON(t.CodeFiles), t.VectorStore, t.OwnStore, store.JSON(metadata(t.Metadata)), store.Millis(t.Created), store.Millis(t.Updated))
	return n > 0, err
}

// metadata are never NULL.
func metadata(m object.Metadata) object.Metadata {
	if m == nil {
		return object.Metadata{}
	}
	return m
}

// list is never NULL.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// UpdateThread writes what of a thread may change: what its tools reach, and metadata. Lock it first.
func (s *Store) UpdateThread(ctx context.Context, tx *store.Tx, t *object.Thread) error {
	_, err := tx.Exec(ctx, `UPDATE threads SET code_files = $2, vector_store_id = $3, own_store = $4, pending_files = $5, metadata = $6, updated_at = $7 WHERE id = $1`,
		t.ID, store.JSON(t.CodeFiles), t.VectorStore, t.OwnStore, store.JSON(t.Pending), store.JSON(metadata(t.Metadata)), store.Millis(t.Updated))
	return err
}

// Append adds messages behind those of a thread that the caller has locked, gives them their positions and, where they have none,
// their ids and times.
func (s *Store) Append(ctx context.Context, tx *store.Tx, who actor.Actor, threadID string, messages ...*object.Message) error {
	if len(messages) == 0 {
		return nil
	}
	now := s.now()
	var next int64
	if err := tx.QueryRow(ctx, `UPDATE threads SET message_count = message_count + $2, next_position = next_position + $2, updated_at = $3 WHERE id = $1 RETURNING next_position`,
		threadID, len(messages), store.Millis(now)).Scan(&next); err != nil {
		return err
	}
	rows := make([][]any, len(messages))
	for i, m := range messages {
		m.ThreadID, m.Position = threadID, next-int64(len(messages)-i)
		if m.ID == "" {
			m.ID = ids.New(object.MessageID)
		}
		if m.Created.IsZero() {
			m.Created = now
		}
		if m.Status == object.Completed && m.CompletedAt.IsZero() {
			m.CompletedAt = m.Created
		}
		rows[i] = []any{
			m.ID, m.ThreadID, who.Org, who.Project, m.Position, m.Role, m.Status, store.JSON(list(m.Content)), store.JSON(list(m.Attachments)), m.Why,
			m.AssistantID, m.RunID, store.JSON(metadata(m.Metadata)), store.Millis(m.Created), store.Millis(m.CompletedAt), store.Millis(m.IncompleteAt),
		}
	}
	_, err := store.InsertMany(ctx, tx, "thread_messages",
		"id, thread_id, org_id, project_id, position, role, status, content, attachments, incomplete, assistant_id, run_id, metadata, created_at, completed_at, incomplete_at", rows, "")
	return err
}

// UpdateMessage writes what a run changes of a message: how far it is and what it says.
func (s *Store) UpdateMessage(ctx context.Context, tx *store.Tx, m *object.Message) error {
	_, err := tx.Exec(ctx, `UPDATE thread_messages SET status = $2, content = $3, attachments = $4, incomplete = $5, completed_at = $6, incomplete_at = $7 WHERE id = $1`,
		m.ID, m.Status, store.JSON(list(m.Content)), store.JSON(list(m.Attachments)), m.Why, store.Millis(m.CompletedAt), store.Millis(m.IncompleteAt))
	return err
}

// Message reads a message of a thread that the caller has found to be the actor's.
func (s *Store) Message(ctx context.Context, q store.Q, threadID, id string) (object.Message, error) {
	if !ids.Valid(object.MessageID, id) {
		return object.Message{}, notFound("message", id)
	}
	m, err := scanMessage(q.QueryRow(ctx, `SELECT `+messageColumns+` FROM thread_messages WHERE thread_id = $1 AND id = $2`, threadID, id))
	if errors.Is(err, store.ErrNoRows) {
		return m, notFound("message", id)
	}
	return m, err
}

// Recent reads up to limit messages with positions below before, the newest first; before 0 is from the end of the thread.
func (s *Store) Recent(ctx context.Context, q store.Q, threadID string, before int64, limit int) ([]object.Message, error) {
	if before <= 0 {
		before = 1 << 62
	}
	return store.Collect(ctx, q, scanMessage, `SELECT `+messageColumns+` FROM thread_messages WHERE thread_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3`, threadID, before, limit)
}

// Range reads messages with positions from…to, both included, in order.
func (s *Store) Range(ctx context.Context, q store.Q, threadID string, from, to int64) ([]object.Message, error) {
	return store.Collect(ctx, q, scanMessage, `SELECT `+messageColumns+` FROM thread_messages WHERE thread_id = $1 AND position BETWEEN $2 AND $3 ORDER BY position`, threadID, from, to)
}

// now is the time as columns keep it.
func (s *Store) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// setMetadata writes the metadata of a row of one of the tables; who goes on with a run does not touch them.
func setMetadata(ctx context.Context, tx *store.Tx, table, id string, m object.Metadata) error {
	_, err := tx.Exec(ctx, `UPDATE `+table+` SET metadata = $2 WHERE id = $1`, id, store.JSON(metadata(m)))
	return err
}

// page reads a part of a thread's messages, or of those that a run wrote.
func (s *Store) page(ctx context.Context, threadID, runID string, p store.Paging) ([]object.Message, bool, error) {
	l := store.List{Columns: messageColumns, From: "thread_messages", Where: "thread_id = $1", Args: []any{threadID}, Time: "position"}
	if runID != "" {
		l.Where, l.Args = "thread_id = $1 AND run_id = $2 AND run_id <> ''", append(l.Args, runID)
	}
	messages, more, err := store.Page(ctx, s.db.Read(), l, p, scanMessage)
	return messages, more, cursor("message", err)
}

// cursor is the answer to a page that is to go on from what is not there.
func cursor(what string, err error) error {
	if c, ok := errors.AsType[*store.CursorError](err); ok {
		e := fault.New(fault.NotFound, "No %s found with id '%.80s'.", what, c.ID)
		e.Param = c.Param
		return e
	}
	return err
}

func (s *Store) deleteMessage(ctx context.Context, tx *store.Tx, threadID, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM thread_messages WHERE id = $1`, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE threads SET message_count = message_count - 1 WHERE id = $1`, threadID)
	return err
}

// markDeleted makes a thread that is locked one that is not found any more, and ends its run.
func (s *Store) markDeleted(ctx context.Context, tx *store.Tx, id string) error {
	now := store.Millis(s.now())
	if _, err := tx.Exec(ctx, `UPDATE threads SET deleted_at = $2 WHERE id = $1`, id, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE thread_runs SET status = 'cancelled', cancelled_at = $2, updated_at = $2 WHERE thread_id = $1 AND `+active, id, now)
	return err
}

// emptyBatch is how many rows of a deleted thread go in one transaction.
const emptyBatch = 2000

// empty removes a part of what a deleted thread held, and the thread when nothing is left; done says so.
func (s *Store) empty(ctx context.Context, id string) (done bool, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		for _, table := range []string{"thread_run_steps", "thread_runs", "thread_messages"} {
			n, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE id IN (SELECT t.id FROM `+table+` t JOIN threads h ON h.id = t.thread_id WHERE h.id = $1 AND h.deleted_at > 0 LIMIT $2)`, id, emptyBatch)
			if err != nil || n > 0 {
				return err
			}
		}
		done = true
		_, err := tx.Exec(ctx, `DELETE FROM threads WHERE id = $1 AND deleted_at > 0`, id)
		return err
	})
	return done && err == nil, err
}
