package retention

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/store"
)

const itemColumns = "id, org_id, project_id, request_id, block_id, created_at, source, reason, flagged_by, state, claimed_by, claimed_email, claimed_until, " +
	"looks, decision, note, message, decided_at"

func scanItem(row store.Scanner) (i Item, err error) {
	var flagged, until, decided int64
	err = row.Scan(&i.ID, &i.Org, &i.Project, &i.RequestID, &i.block, &flagged, &i.Source, &i.Reason, &i.FlaggedBy, &i.State, &i.ClaimedBy, &i.ClaimedEmail, &until,
		&i.Looks, &i.Decision, &i.Note, &i.Message, &decided)
	i.FlaggedAt, i.ClaimedUntil, i.DecidedAt = store.Time(flagged), store.Time(until), store.Time(decided)
	return i, err
}

// insertItem puts an item into the queue, unless its request is in it.
func insertItem(ctx context.Context, tx *store.Tx, i Item) error {
	_, err := tx.Exec(ctx, `INSERT INTO review_items (`+itemColumns+`) VALUES (`+store.Placeholders(1, 18)+`) ON CONFLICT DO NOTHING`,
		i.ID, i.Org, i.Project, i.RequestID, i.block, store.Millis(i.FlaggedAt), i.Source, i.Reason, i.FlaggedBy, i.State, "", "", 0, 0, "", "", "", 0)
	return err
}

func findItem(ctx context.Context, q store.Q, where string, args ...any) (Item, error) {
	return scanItem(q.QueryRow(ctx, `SELECT `+itemColumns+` FROM review_items WHERE `+where, args...))
}

// waits is the condition that nobody has an item; $1 is now.
const waits = `(state = 'open' OR state = 'claimed' AND claimed_until <= $1)`

// holds is the condition that a reviewer, $2, has the item $3.
const holds = `id = $3 AND state = 'claimed' AND claimed_by = $2 AND claimed_until > $1`

func listItems(ctx context.Context, q store.Q, state, user string, mine bool, now time.Time, p store.Paging) ([]Item, bool, error) {
	where := map[string]string{Open: waits, Claimed: `state = 'claimed' AND claimed_until > $1`, Decided: `state = 'decided' AND CAST($1 AS BIGINT) > 0`, "": `CAST($1 AS BIGINT) > 0`}[state]
	args := []any{store.Millis(now)}
	if mine {
		where, args = where+` AND claimed_by = $2`, append(args, user)
	}
	return store.Page(ctx, q, store.List{Columns: itemColumns, From: "review_items", Where: where, Args: args}, p, scanItem)
}

func nextItem(ctx context.Context, q store.Q, now time.Time) (id string, err error) {
	err = q.QueryRow(ctx, `SELECT id FROM review_items WHERE `+waits+` ORDER BY created_at, id LIMIT 1`, store.Millis(now)).Scan(&id)
	return id, err
}

// claimItem gives an item that nobody has to a reviewer, or ErrNoRows. Their own they keep.
func claimItem(ctx context.Context, tx *store.Tx, id string, who actor.Actor, now, until time.Time) (Item, error) {
	return scanItem(tx.QueryRow(ctx, `UPDATE review_items SET state = 'claimed', claimed_by = $2, claimed_email = $4, claimed_until = $5
		WHERE id = $3 AND (`+waits+` OR `+holds+`) RETURNING `+itemColumns, store.Millis(now), who.User, id, who.Email, store.Millis(until)))
}

// holdItem counts a look at an item that the reviewer has, and lets them have it longer; or ErrNoRows.
func holdItem(ctx context.Context, tx *store.Tx, id, user string, now, until time.Time) (Item, error) {
	return scanItem(tx.QueryRow(ctx, `UPDATE review_items SET looks = looks + 1, claimed_until = $4 WHERE `+holds+` RETURNING `+itemColumns,
		store.Millis(now), user, id, store.Millis(until)))
}

func releaseItem(ctx context.Context, tx *store.Tx, id, user string, now time.Time) (Item, error) {
	return scanItem(tx.QueryRow(ctx, `UPDATE review_items SET state = 'open', claimed_by = '', claimed_email = '', claimed_until = 0 WHERE `+holds+` RETURNING `+itemColumns,
		store.Millis(now), user, id))
}

func decideItem(ctx context.Context, tx *store.Tx, id, user string, now time.Time, decision, note, message string) (Item, error) {
	return scanItem(tx.QueryRow(ctx, `UPDATE review_items SET state = 'decided', decision = $4, note = $5, message = $6, decided_at = $1, claimed_until = 0 WHERE `+holds+` RETURNING `+itemColumns,
		store.Millis(now), user, id, decision, note, message))
}

func blockExists(ctx context.Context, q store.Q, id string) (ok bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM retention_blocks b JOIN retention_keys k ON k.id = b.key_id WHERE b.id = $1 AND k.destroyed_at = 0)`, id).Scan(&ok)
	return ok, err
}
