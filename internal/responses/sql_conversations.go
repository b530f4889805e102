package responses

import (
	"context"
	"errors"
	"strconv"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

func limit(n int) string { return strconv.Itoa(n) }

func scanConversation(row store.Scanner) (c Conversation, err error) {
	c.Object = "conversation"
	var created int64
	err = row.Scan(&c.ID, store.JSON(&c.Metadata), &created)
	c.CreatedAt = created / 1000
	return c, err
}

// conversation reads a conversation of the actor's project.
func (s *Service) conversation(ctx context.Context, q store.Q, who actor.Actor, id string) (Conversation, error) {
	if !ids.Valid("conv_", id) {
		return Conversation{}, noConversation(id)
	}
	c, err := scanConversation(q.QueryRow(ctx, `SELECT id, metadata, created_at FROM conversations WHERE `+owned+` AND id = $3`, who.Org, who.Project, id))
	if errors.Is(err, store.ErrNoRows) {
		return c, noConversation(id)
	}
	return c, err
}

func noConversation(id string) error { return notFound("Conversation", "conversation_id", id) }

func (s *Service) insertConversation(ctx context.Context, tx *store.Tx, who actor.Actor, c *Conversation) error {
	now := store.Millis(s.now())
	c.CreatedAt = now / 1000
	_, err := tx.Exec(ctx, `INSERT INTO conversations (id, org_id, project_id, metadata, next_position, created_at, updated_at) VALUES ($1, $2, $3, $4, 0, $5, $5)`,
		c.ID, who.Org, who.Project, store.JSON(c.Metadata), now)
	return err
}

func (s *Service) setMetadata(ctx context.Context, tx *store.Tx, who actor.Actor, id string, m Metadata) error {
	_, err := tx.Exec(ctx, `UPDATE conversations SET metadata = $4, updated_at = $5 WHERE `+owned+` AND id = $3`, who.Org, who.Project, id, store.JSON(m), store.Millis(s.now()))
	return err
}

// addItems adds items to a conversation: the row is held until the transaction ends, so that two who add take turns. It reports
// whether the conversation is there.
func (s *Service) addItems(ctx context.Context, tx *store.Tx, who actor.Actor, id string, items []Item) (bool, error) {
	var next int64
	err := tx.QueryRow(ctx, `UPDATE conversations SET next_position = next_position + $4, updated_at = $5 WHERE `+owned+` AND id = $3 RETURNING next_position`,
		who.Org, who.Project, id, len(items), store.Millis(s.now())).Scan(&next)
	if errors.Is(err, store.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rows := make([][]any, len(items))
	for i := range items {
		rows[i] = []any{id, next - int64(len(items)-i), items[i].ID, who.Org, who.Project, store.JSON(items[i])}
	}
	_, err = store.InsertMany(ctx, tx, "conversation_items", "conversation_id, position, id, org_id, project_id, item", rows, "")
	if store.IsUnique(err) {
		return true, fault.Param("items", "An item with one of these ids is in the conversation already. Leave 'id' out, and each gets one of its own.").WithCode("duplicate_item")
	}
	return true, err
}

// conversationItems are all items of a conversation, the oldest first.
func (s *Service) conversationItems(ctx context.Context, q store.Q, id string) ([]Item, error) {
	return store.Collect(ctx, q, scanHistory("conversation"), `SELECT LENGTH(item), item FROM conversation_items WHERE conversation_id = $1 ORDER BY position`, id)
}

func (s *Service) conversationItem(ctx context.Context, who actor.Actor, id, item string) (Item, error) {
	t, err := scanItem(s.db.Read().QueryRow(ctx, `SELECT item FROM conversation_items WHERE `+owned+` AND conversation_id = $3 AND id = $4`, who.Org, who.Project, id, item))
	if errors.Is(err, store.ErrNoRows) {
		return t, notFound("Item", "item_id", item)
	}
	return t, err
}

func (s *Service) deleteItem(ctx context.Context, who actor.Actor, id, item string) error {
	n, err := s.db.Exec(ctx, `DELETE FROM conversation_items WHERE `+owned+` AND conversation_id = $3 AND id = $4`, who.Org, who.Project, id, item)
	if err == nil && n == 0 {
		return notFound("Item", "item_id", item)
	}
	return err
}

func (s *Service) deleteConversationRow(ctx context.Context, who actor.Actor, id string) error {
	n, err := s.db.Exec(ctx, `DELETE FROM conversations WHERE `+owned+` AND id = $3`, who.Org, who.Project, id)
	if err == nil && n == 0 {
		return noConversation(id)
	}
	return err
}
