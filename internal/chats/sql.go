package chats

import (
	"context"
	"errors"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	chatColumns    = "id, title, model, current_message_id, message_count, created_at, updated_at"
	messageColumns = "id, chat_id, parent_id, position, depth, role, content, state, model, served_model, error, usage, created_at, server_id"
	owned          = "org_id = $1 AND project_id = $2 AND user_id = $3"
)

func scanChat(row store.Scanner) (c Chat, err error) {
	var current *string
	var created, updated int64
	if err := row.Scan(&c.ID, &c.Title, &c.Model, &current, &c.MessageCount, &created, &updated); err != nil {
		return c, err
	}
	c.Current = value(current)
	c.Created, c.Updated = store.Time(created), store.Time(updated)
	return c, nil
}

func scanMessage(row store.Scanner) (m Message, err error) {
	var parent, model, served, server *string
	var created int64
	if err := row.Scan(&m.ID, &m.ChatID, &parent, &m.position, &m.depth, &m.Role, store.JSON(&m.Content), &m.State,
		&model, &served, store.JSON(&m.Error), store.JSON(&m.Usage), &created, &server); err != nil {
		return m, err
	}
	m.Parent, m.Model, m.Served, m.server = value(parent), value(model), value(served), value(server)
	m.Created = store.Time(created)
	return m, nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// null writes an empty text as NULL.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// list reads one page of the actor's chats.
func (s *Service) list(ctx context.Context, who actor.Actor, p Page) ([]Chat, bool, error) {
	l := store.List{Columns: chatColumns, From: "chats", Where: owned, Args: []any{who.Org, who.Project, who.User}, Time: "updated_at"}
	if q := strings.TrimSpace(p.Query); q != "" {
		l.Where += ` AND (title_folded LIKE $4 ESCAPE '\' OR EXISTS (SELECT 1 FROM chat_messages m WHERE m.chat_id = chats.id AND m.text_folded LIKE $4 ESCAPE '\'))`
		l.Args = append(l.Args, "%"+escapeLike(fold(q))+"%")
	}
	return store.Page(ctx, s.db.Read(), l, store.Paging{Limit: p.Limit, After: p.After}, scanChat)
}

// fold is how titles and texts are kept for the search: both databases compare only ASCII without case.
func fold(text string) string { return strings.ToLower(plain(text)) }

// plain leaves out the one character that PostgreSQL keeps in no text.
func plain(text string) string { return strings.ReplaceAll(text, "\x00", "") }

func escapeLike(q string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(q)
}

func (s *Service) insertChat(ctx context.Context, who actor.Actor, c Chat) error {
	_, err := s.db.Exec(ctx, `INSERT INTO chats (id, org_id, project_id, user_id, title, title_folded, model, message_count, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8)`,
		c.ID, who.Org, who.Project, who.User, c.Title, fold(c.Title), c.Model, store.Millis(c.Created))
	return err
}

// chat reads a chat of the actor's.
func (s *Service) chat(ctx context.Context, q store.Q, who actor.Actor, id string) (Chat, error) {
	if !ids.Valid("chat_", id) {
		return Chat{}, notFound("id", "chat", id)
	}
	c, err := scanChat(q.QueryRow(ctx, `SELECT `+chatColumns+` FROM chats WHERE `+owned+` AND id = $4`, who.Org, who.Project, who.User, id))
	if errors.Is(err, store.ErrNoRows) {
		return Chat{}, notFound("id", "chat", id)
	}
	return c, err
}

// lockChat takes the turn to add messages to a chat: PostgreSQL holds the row until the transaction
// ends, SQLite has one writer anyway.
func (s *Service) lockChat(ctx context.Context, tx *store.Tx, who actor.Actor, id string) (Chat, error) {
	if _, err := tx.Exec(ctx, `UPDATE chats SET message_count = message_count WHERE `+owned+` AND id = $4`, who.Org, who.Project, who.User, id); err != nil {
		return Chat{}, err
	}
	return s.chat(ctx, tx, who, id)
}

func (s *Service) updateChat(ctx context.Context, tx *store.Tx, c Chat) error {
	_, err := tx.Exec(ctx, `UPDATE chats SET title = $2, title_folded = $3, model = $4, current_message_id = $5, message_count = $6, updated_at = $7 WHERE id = $1`,
		c.ID, c.Title, fold(c.Title), c.Model, null(c.Current), c.MessageCount, store.Millis(c.Updated))
	return err
}

// deleteChat removes a chat and returns the ids of its answers in progress.
func (s *Service) deleteChat(ctx context.Context, tx *store.Tx, id string) ([]string, error) {
	open, err := store.Collect(ctx, tx, scanID, `SELECT id FROM chat_messages WHERE chat_id = $1 AND state = 'in_progress'`, id)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM chats WHERE id = $1`, id)
	return open, err
}

func scanID(row store.Scanner) (id string, err error) { return id, row.Scan(&id) }

// messages reads all messages of a chat in the order of their creation.
func (s *Service) messages(ctx context.Context, chatID string) ([]Message, error) {
	return store.Collect(ctx, s.db.Read(), scanMessage, `SELECT `+messageColumns+` FROM chat_messages WHERE chat_id = $1 ORDER BY position`, chatID)
}

// message reads a message of a chat that the caller has checked to be the actor's.
func (s *Service) message(ctx context.Context, q store.Q, chatID, id, param string) (Message, error) {
	if !ids.Valid("msg_", id) {
		return Message{}, notFound(param, "message", id)
	}
	m, err := scanMessage(q.QueryRow(ctx, `SELECT `+messageColumns+` FROM chat_messages WHERE chat_id = $1 AND id = $2`, chatID, id))
	if errors.Is(err, store.ErrNoRows) {
		return Message{}, notFound(param, "message", id)
	}
	return m, err
}

// path reads the messages from a root down to id.
func (s *Service) path(ctx context.Context, q store.Q, id string) ([]Message, error) {
	return store.Collect(ctx, q, scanMessage, `WITH RECURSIVE up (up_id, up_parent) AS (
			SELECT id, parent_id FROM chat_messages WHERE id = $1
			UNION ALL
			SELECT m.id, m.parent_id FROM chat_messages m JOIN up ON m.id = up.up_parent
		)
		SELECT `+messageColumns+` FROM chat_messages WHERE id IN (SELECT up_id FROM up) ORDER BY depth`, id)
}

func (s *Service) insertMessage(ctx context.Context, tx *store.Tx, who actor.Actor, m Message) error {
	_, err := tx.Exec(ctx, `INSERT INTO chat_messages (id, chat_id, org_id, project_id, user_id, parent_id, position, depth, role, content, text_folded, state, model, served_model, created_at, updated_at, server_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16)`,
		m.ID, m.ChatID, who.Org, who.Project, who.User, null(m.Parent), m.position, m.depth, m.Role, content(m.Content), fold(m.Text()),
		m.State, null(m.Model), null(m.Served), store.Millis(m.Created), null(m.server))
	return err
}

// content writes parts so that none is [] and not NULL.
func content(parts []Part) store.JSONColumn {
	if parts == nil {
		parts = []Part{}
	}
	return store.JSON(parts)
}

// keepText writes down the text of an answer in progress; false says that it no longer is.
func (s *Service) keepText(ctx context.Context, id string, parts []Part) (bool, error) {
	n, err := s.db.Exec(ctx, `UPDATE chat_messages SET content = $2, updated_at = $3 WHERE id = $1 AND state = 'in_progress'`,
		id, content(parts), store.Millis(s.clock.Now()))
	return n == 1, err
}

// endMessage ends an answer in progress; false says that it was ended or deleted before.
func (s *Service) endMessage(ctx context.Context, q store.Q, m Message) (bool, error) {
	n, err := q.Exec(ctx, `UPDATE chat_messages SET state = $2, content = $3, text_folded = $4, served_model = $5, error = $6, usage = $7, updated_at = $8
		WHERE id = $1 AND state = 'in_progress'`,
		m.ID, m.State, content(m.Content), fold(m.Text()), null(m.Served), store.JSON(m.Error), store.JSON(m.Usage), store.Millis(s.clock.Now()))
	return n == 1, err
}

// recover fails the answers in progress whose server is dead. Their text becomes searchable as it is.
func (s *Service) recover(ctx context.Context, why Failure) (count int, err error) {
	open, err := store.Collect(ctx, s.db.Read(), scanMessage, `SELECT `+messageColumns+` FROM chat_messages WHERE state = 'in_progress'`)
	if err != nil || len(open) == 0 {
		return 0, err
	}
	alive, err := s.servers.Alive(ctx, s.db.Read())
	if err != nil {
		return 0, err
	}
	for _, m := range open {
		if alive[m.server] {
			continue
		}
		m.State, m.Error = Failed, &why
		if err := s.db.Tx(ctx, func(tx *store.Tx) error {
			ended, err := s.endMessage(ctx, tx, m)
			if ended {
				count++
			}
			return err
		}); err != nil {
			return count, err
		}
	}
	return count, nil
}
