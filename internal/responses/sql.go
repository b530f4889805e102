package responses

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	owned                   = "org_id = $1 AND project_id = $2"
	containerOfConversation = `SELECT container_id FROM responses WHERE ` + owned + ` AND conversation_id = $3 AND conversation_id <> '' AND container_id <> '' ORDER BY created_at DESC, id DESC LIMIT 1`
	containerOwner          = `SELECT COUNT(*) FROM (SELECT 1 FROM responses WHERE ` + owned + ` AND container_id = $3 AND container_id <> '' LIMIT 1) AS found`
	responseColumns         = "id, org_id, project_id, status, body, container_id, streamed, server_id, actor, cursor, created_at"
)

func scanResponse(row store.Scanner) (r stored, err error) {
	var server *string
	var created int64
	var status string
	err = row.Scan(&r.ID, &r.org, &r.project, &status, store.JSON(&r.Object), &r.container, &r.stream, &server, store.JSON(&r.who), store.JSON(&r.cursor), &created)
	r.Status, r.created = status, store.Time(created)
	if server != nil {
		r.server = *server
	}
	return r, err
}

func scanItem(row store.Scanner) (t Item, err error) {
	err = row.Scan(store.JSON(&t))
	return t, err
}

// maxHistory is how much of what a response continues is read, in characters of its items as they are stored. No model reads as much, and
// without an end a few large requests would fill the server's memory.
const maxHistory = 32 << 20

// scanHistory reads items with their lengths, and refuses when they are too long together. param names what is continued.
func scanHistory(param string) func(row store.Scanner) (Item, error) {
	left := int64(maxHistory)
	return func(row store.Scanner) (t Item, err error) {
		var n int64
		if err = row.Scan(&n, store.JSON(&t)); err != nil {
			return t, err
		}
		if left -= n; left < 0 {
			return t, fault.Param(param, "What '%s' continues has more than %d MB of items. Begin a new one with what is needed of it.", param, maxHistory>>20).WithCode("context_length_exceeded")
		}
		return t, nil
	}
}

func notFound(what, param, id string) error {
	e := fault.New(fault.NotFound, "%s with id '%.80s' not found.", what, id)
	e.Param = param
	return e
}

// response reads a response of the actor's project, without its items.
func (s *Service) response(ctx context.Context, q store.Q, who actor.Actor, id string) (stored, error) {
	if !ids.Valid("resp_", id) {
		return stored{}, notFound("Response", "response_id", id)
	}
	r, err := scanResponse(q.QueryRow(ctx, `SELECT `+responseColumns+` FROM responses WHERE `+owned+` AND id = $3`, who.Org, who.Project, id))
	if errors.Is(err, store.ErrNoRows) {
		return r, notFound("Response", "response_id", id)
	}
	return r, err
}

// withItems adds the items.
func (s *Service) withItems(ctx context.Context, q store.Q, r *stored) (err error) {
	r.input, err = store.Collect(ctx, q, scanItem, `SELECT item FROM response_items WHERE response_id = $1 AND NOT output ORDER BY position`, r.ID)
	if err != nil {
		return err
	}
	r.Output, err = store.Collect(ctx, q, scanItem, `SELECT item FROM response_items WHERE response_id = $1 AND output ORDER BY position`, r.ID)
	return err
}

// chain are the items of a response and of those that it continues, the oldest first.
func (s *Service) chain(ctx context.Context, q store.Q, who actor.Actor, id string) ([]Item, error) {
	return store.Collect(ctx, q, scanHistory("previous_response_id"), `WITH RECURSIVE chain (id, previous_id, depth) AS (
			SELECT id, previous_id, 0 FROM responses WHERE `+owned+` AND id = $3
			UNION ALL
			SELECT r.id, r.previous_id, c.depth + 1 FROM responses r JOIN chain c ON r.id = c.previous_id AND r.org_id = $1 AND r.project_id = $2
		)
		SELECT LENGTH(i.item), i.item FROM chain c JOIN response_items i ON i.response_id = c.id ORDER BY c.depth DESC, i.position`, who.Org, who.Project, id)
}

// lastContainer is the session of Code Interpreter of the chain's newest response that had one; empty is none.
func (s *Service) lastContainer(ctx context.Context, q store.Q, who actor.Actor, id, conversation string) (container string, err error) {
	if conversation != "" {
		err = q.QueryRow(ctx, containerOfConversation,
			who.Org, who.Project, conversation).Scan(&container)
	} else {
		err = q.QueryRow(ctx, `SELECT container_id FROM responses WHERE `+owned+` AND id = $3`, who.Org, who.Project, id).Scan(&container)
	}
	if errors.Is(err, store.ErrNoRows) {
		return "", nil
	}
	return container, err
}

// ownsContainer says whether a response of the project has a session.
func (s *Service) ownsContainer(ctx context.Context, who actor.Actor, container string) (bool, error) {
	var n int
	err := s.db.Read().QueryRow(ctx, containerOwner, who.Org, who.Project, container).Scan(&n)
	return n > 0, err
}

// referred reads an item by its id.
func (s *Service) referred(ctx context.Context, q store.Q, who actor.Actor, id string) (Item, bool, error) {
	for _, table := range []string{"response_items", "conversation_items"} {
		t, err := scanItem(q.QueryRow(ctx, `SELECT item FROM `+table+` WHERE `+owned+` AND id = $3 LIMIT 1`, who.Org, who.Project, id))
		if !errors.Is(err, store.ErrNoRows) {
			return t, err == nil, err
		}
	}
	return Item{}, false, nil
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// insert adds a response with its input.
func (s *Service) insert(ctx context.Context, tx *store.Tx, r *stored) error {
	body := r.Object
	body.Output = nil
	previous, conversation := "", ""
	if r.PreviousResponseID != nil {
		previous = *r.PreviousResponseID
	}
	if r.Conversation != nil {
		conversation = r.Conversation.ID
	}
	var who any
	if r.who != nil {
		asked := *r.who
		asked.Session = "" // which may end before the response does
		text, err := json.Marshal(asked)
		if err != nil {
			return err
		}
		who = string(text)
	}
	_, err := tx.Exec(ctx, `INSERT INTO responses (id, org_id, project_id, status, body, previous_id, conversation_id, container_id, background, streamed, server_id, actor, cursor, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)`,
		r.ID, r.org, r.project, r.Status, store.JSON(body), previous, conversation, r.container, r.Background, r.stream, null(r.server), who, store.JSON(r.cursor), store.Millis(r.created))
	if err != nil {
		return err
	}
	return insertItems(ctx, tx, r, r.input, 0, false)
}

func insertItems(ctx context.Context, tx *store.Tx, r *stored, items []Item, from int, output bool) error {
	rows := make([][]any, len(items))
	for i := range items {
		rows[i] = []any{r.ID, from + i, items[i].ID, r.org, r.project, output, store.JSON(items[i])}
	}
	_, err := store.InsertMany(ctx, tx, "response_items", "response_id, position, id, org_id, project_id, output, item", rows, "")
	return err
}

// update writes how far a response got, if this server still holds it, and adds the items of its output that are not stored yet.
func (s *Service) update(ctx context.Context, tx *store.Tx, r *stored, have int, items []Item) (bool, error) {
	body := r.Object
	body.Output = nil
	server := any(s.servers.ID())
	if ended(r.Status) {
		server = nil
	}
	n, err := tx.Exec(ctx, `UPDATE responses SET status = $3, body = $4, cursor = $5, server_id = $6, updated_at = $7
		WHERE id = $1 AND server_id = $2 AND status IN ('queued', 'in_progress')`,
		r.ID, s.servers.ID(), r.Status, store.JSON(body), store.JSON(r.cursor), server, store.Millis(s.now()))
	if err != nil || n == 0 {
		return false, err
	}
	return true, insertItems(ctx, tx, r, items, len(r.input)+have, true)
}

func ended(status string) bool { return status != Queued && status != InProgress }

// cancelRow marks a response as cancelled, unless it has ended, and says whether it did.
func (s *Service) cancelRow(ctx context.Context, tx *store.Tx, r *stored) (bool, error) {
	body := r.Object
	body.Output, body.Status = nil, Cancelled
	n, err := tx.Exec(ctx, `UPDATE responses SET status = 'cancelled', body = $2, server_id = NULL, updated_at = $3 WHERE id = $1 AND status IN ('queued', 'in_progress')`,
		r.ID, store.JSON(body), store.Millis(s.now()))
	return n > 0, err
}

// executing are the responses that servers execute.
func (s *Service) executing(ctx context.Context) ([]stored, error) {
	return store.Collect(ctx, s.db.Read(), scanResponse, `SELECT `+responseColumns+` FROM responses WHERE status IN ('queued', 'in_progress') ORDER BY created_at, id`)
}

// take makes a response this server's, unless another one was quicker.
func (s *Service) take(ctx context.Context, r *stored) (bool, error) {
	n, err := s.db.Exec(ctx, `UPDATE responses SET server_id = $2, updated_at = $4 WHERE id = $1 AND status IN ('queued', 'in_progress') AND server_id IS NOT DISTINCT FROM $3`,
		r.ID, s.servers.ID(), null(r.server), store.Millis(s.now()))
	return n > 0, err
}

// release gives a response back, so that another server goes on with it.
func (s *Service) release(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `UPDATE responses SET server_id = NULL WHERE id = $1 AND server_id = $2 AND status IN ('queued', 'in_progress')`, id, s.servers.ID())
	return err
}

func (s *Service) deleteRow(ctx context.Context, tx *store.Tx, who actor.Actor, id string) error {
	n, err := tx.Exec(ctx, `DELETE FROM responses WHERE `+owned+` AND id = $3`, who.Org, who.Project, id)
	if err == nil && n == 0 {
		err = notFound("Response", "response_id", id)
	}
	return err
}

// inputPage is a page of a response's input.
func (s *Service) inputPage(ctx context.Context, r *stored, p pageOf) ([]Item, bool, error) {
	return p.items(ctx, s.db.Read(), "response_items", "response_id", r.ID, " AND NOT output")
}

// pageOf is which part of a list of items is wanted.
type pageOf struct {
	limit int
	order string
	after string // id of an item
}

// items reads a page of the items of a response or a conversation.
func (p pageOf) items(ctx context.Context, q store.Q, table, column, id, where string) ([]Item, bool, error) {
	args := []any{id}
	op, order := "<", "DESC"
	if p.order == "asc" {
		op, order = ">", "ASC"
	}
	if p.after != "" {
		var position int64
		err := q.QueryRow(ctx, `SELECT position FROM `+table+` WHERE `+column+` = $1 AND id = $2`+where, id, p.after).Scan(&position)
		if errors.Is(err, store.ErrNoRows) {
			return nil, false, fault.Param("after", "No item with id '%.80s' found.", p.after).WithCode("invalid_value")
		}
		if err != nil {
			return nil, false, err
		}
		where += ` AND position ` + op + ` $2`
		args = append(args, position)
	}
	items, err := store.Collect(ctx, q, scanItem, `SELECT item FROM `+table+` WHERE `+column+` = $1`+where+` ORDER BY position `+order+` LIMIT `+limit(p.limit+1), args...)
	if err != nil {
		return nil, false, err
	}
	if len(items) > p.limit {
		return slices.Clip(items[:p.limit]), true, nil
	}
	return items, false, nil
}
