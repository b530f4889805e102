package retention

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

const settingColumns = "org_id, days, shared_since, sample"

func scanSetting(row store.Scanner) (t setting, err error) {
	var shared int64
	err = row.Scan(&t.org, &t.days, &shared, &t.sample)
	t.shared = store.Time(shared)
	return t, err
}

func settings(ctx context.Context, q store.Q) ([]setting, error) {
	return store.Collect(ctx, q, scanSetting, `SELECT `+settingColumns+` FROM retention_settings`)
}

func findSetting(ctx context.Context, q store.Q, org string) (setting, error) {
	return scanSetting(q.QueryRow(ctx, `SELECT `+settingColumns+` FROM retention_settings WHERE org_id = $1`, org))
}

func putSetting(ctx context.Context, tx *store.Tx, t setting, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO retention_settings (`+settingColumns+`, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (org_id) DO UPDATE SET days = excluded.days, shared_since = excluded.shared_since, sample = excluded.sample, updated_at = excluded.updated_at`,
		t.org, t.days, store.Millis(t.shared), t.sample, store.Millis(now))
	return err
}

func stored(ctx context.Context, q store.Q, org string) (out Stored, err error) {
	var oldest int64
	err = q.QueryRow(ctx, `SELECT COALESCE(SUM(requests), 0), COALESCE(SUM(size), 0), COALESCE(MIN(first_at) FILTER (WHERE first_at > 0), 0)
		FROM retention_keys WHERE destroyed_at = 0 AND ($1 = '' OR org_id = $1)`, org).Scan(&out.Requests, &out.Bytes, &oldest)
	out.Oldest = store.Time(oldest)
	return out, err
}

func warnings(ctx context.Context, q store.Q, org string) ([]Warning, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (w Warning, err error) {
		var at int64
		err = row.Scan(&at, &w.RequestID, &w.Message)
		w.At = store.Time(at)
		return w, err
	}, `SELECT decided_at, request_id, message FROM review_items WHERE org_id = $1 AND decision = $2 ORDER BY decided_at DESC, id LIMIT 20`, org, Warn)
}

// findOrMakeKey returns the live key of the place: the one given, if there is none yet.
func findOrMakeKey(ctx context.Context, db *store.DB, id string, place keyPlace, sealed string, now time.Time) (string, string, error) {
	err := db.Tx(ctx, func(tx *store.Tx) error {
		// The row is looked for first: keys are made once a day, and looked for at each start.
		find := func() error {
			return tx.QueryRow(ctx, `SELECT id, sealed FROM retention_keys WHERE org_id = $1 AND day = $2 AND destroyed_at = 0`, place.org, place.day).Scan(&id, &sealed)
		}
		if err := find(); !errors.Is(err, store.ErrNoRows) {
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO retention_keys (id, org_id, day, sealed, created_at, destroyed_at, reason, blocks, requests, size, first_at, last_at)
			VALUES ($1, $2, $3, $4, $5, 0, '', 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING`, id, place.org, place.day, sealed, store.Millis(now))
		if err == nil && n == 0 { // another server made it at the same time
			err = find()
		}
		return err
	})
	return id, sealed, err
}

// insertBlock writes a block and counts it with its key; errKeyGone says that the key was destroyed.
func insertBlock(ctx context.Context, tx *store.Tx, b block) error {
	first, last := store.Millis(b.first), store.Millis(b.last)
	n, err := tx.Exec(ctx, `UPDATE retention_keys SET blocks = blocks + 1, requests = requests + $2, size = size + $3,
		first_at = CASE WHEN first_at = 0 OR first_at > $4 THEN $4 ELSE first_at END, last_at = CASE WHEN last_at < $5 THEN $5 ELSE last_at END
		WHERE id = $1 AND destroyed_at = 0`, b.key, b.requests, len(b.data), first, last)
	if err != nil {
		return err
	}
	if n == 0 {
		return errKeyGone
	}
	_, err = tx.Exec(ctx, `INSERT INTO retention_blocks (id, org_id, key_id, first_at, last_at, requests, ids, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		b.id, b.org, b.key, first, last, b.requests, b.ids, b.data)
	return err
}

// findBlock returns a block and its sealed key, or ErrNoRows when either is gone.
func findBlock(ctx context.Context, q store.Q, id string) (b block, sealed string, err error) {
	b.id = id
	err = q.QueryRow(ctx, `SELECT b.org_id, b.key_id, b.data, k.sealed FROM retention_blocks b JOIN retention_keys k ON k.id = b.key_id
		WHERE b.id = $1 AND k.destroyed_at = 0`, id).Scan(&b.org, &b.key, &b.data, &sealed)
	return b, sealed, err
}

// searchSize is how many blocks are looked at together.
const searchSize = 500

// search returns the block that may have the request, or ErrNoRows. An empty org is any.
func search(ctx context.Context, q store.Q, org, requestID string) (block, error) {
	before, beforeID := int64(1)<<62, ""
	for {
		blocks, err := store.Collect(ctx, q, func(row store.Scanner) (b block, err error) {
			var first int64
			err = row.Scan(&b.id, &b.org, &b.key, &first, &b.ids)
			b.first = store.Time(first)
			return b, err
		}, `SELECT b.id, b.org_id, b.key_id, b.first_at, b.ids FROM retention_blocks b JOIN retention_keys k ON k.id = b.key_id
			WHERE ($1 = '' OR b.org_id = $1) AND (b.first_at, b.id) < ($2, $3) AND k.destroyed_at = 0 ORDER BY b.first_at DESC, b.id DESC LIMIT $4`, org, before, beforeID, searchSize)
		if err != nil {
			return block{}, err
		}
		for _, b := range blocks {
			if b.holds(requestID) {
				return b, nil
			}
		}
		if len(blocks) < searchSize {
			return block{}, store.ErrNoRows
		}
		last := blocks[len(blocks)-1]
		before, beforeID = store.Millis(last.first), last.id
	}
}

// liveKey is a key that was not destroyed.
type liveKey struct {
	id, org, sealed string
	day             int64
}

func liveKeys(ctx context.Context, q store.Q) ([]liveKey, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (k liveKey, err error) {
		return k, row.Scan(&k.id, &k.org, &k.sealed, &k.day)
	}, `SELECT id, org_id, sealed, day FROM retention_keys WHERE destroyed_at = 0 ORDER BY day, org_id`)
}

// resealKey replaces how a key is sealed, unless somebody else changed it.
func resealKey(ctx context.Context, db *store.DB, k liveKey, sealed string) error {
	_, err := db.Exec(ctx, `UPDATE retention_keys SET sealed = $3 WHERE id = $1 AND sealed = $2 AND destroyed_at = 0`, k.id, k.sealed, sealed)
	return err
}

// destroyKey makes what a key sealed unreadable; false: another server did.
func destroyKey(ctx context.Context, db *store.DB, id, reason string, now time.Time) (bool, error) {
	n, err := db.Exec(ctx, `UPDATE retention_keys SET sealed = '', destroyed_at = $2, reason = $3 WHERE id = $1 AND destroyed_at = 0`, id, store.Millis(now), reason)
	return n == 1, err
}

// destroyedKey is a key whose blocks are being removed.
type destroyedKey struct {
	id, org, reason        string
	day, destroyed         int64
	blocks, requests, size int64
	first, last            int64
}

const destroyedColumns = "id, org_id, reason, day, destroyed_at, blocks, requests, size, first_at, last_at"

func scanDestroyed(row store.Scanner) (k destroyedKey, err error) {
	return k, row.Scan(&k.id, &k.org, &k.reason, &k.day, &k.destroyed, &k.blocks, &k.requests, &k.size, &k.first, &k.last)
}

func destroyedKeys(ctx context.Context, q store.Q) ([]destroyedKey, error) {
	return store.Collect(ctx, q, scanDestroyed, `SELECT `+destroyedColumns+` FROM retention_keys WHERE destroyed_at <> 0 ORDER BY destroyed_at, id`)
}

// removeBlocks removes some of a key's blocks and tells how many.
func removeBlocks(ctx context.Context, db *store.DB, key string, most int) (int64, error) {
	return db.Exec(ctx, `DELETE FROM retention_blocks WHERE id IN (SELECT id FROM retention_blocks WHERE key_id = $1 LIMIT $2)`, key, most)
}

// removeKey removes a destroyed key that has no block left, and returns ErrNoRows when it has or is gone.
func removeKey(ctx context.Context, tx *store.Tx, id string) (destroyedKey, error) {
	return scanDestroyed(tx.QueryRow(ctx, `DELETE FROM retention_keys WHERE id = $1 AND destroyed_at <> 0
		AND NOT EXISTS (SELECT 1 FROM retention_blocks b WHERE b.key_id = $1) RETURNING `+destroyedColumns, id))
}

// forget destroys the keys of an organization, and removes its setting and its items.
func forget(ctx context.Context, tx *store.Tx, org string, now time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE retention_keys SET sealed = '', destroyed_at = $2, reason = $3 WHERE org_id = $1 AND destroyed_at = 0`, org, store.Millis(now), byOrganization); err != nil {
		return err
	}
	for _, table := range []string{"retention_settings", "review_items"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE org_id = $1`, org); err != nil {
			return err
		}
	}
	return nil
}

// scrub has the database give up what it still holds of destroyed keys: SQLite its write-ahead log (freed space in the file is overwritten,
// see package store), PostgreSQL the old versions of rows. False: a reader is in the way.
func scrub(ctx context.Context, db *store.DB) (done bool, err error) {
	if db.Dialect() == store.Postgres {
		if done, err := db.Compact(ctx, "retention_keys"); err != nil || !done {
			return false, err
		}
	}
	return db.EmptyLog(ctx)
}

// sharedBlocks returns some of an organization's blocks with requests from a time on, the oldest first, after one of them.
func sharedBlocks(ctx context.Context, q store.Q, org string, since time.Time, after int64, afterID string, most int) ([]block, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (b block, err error) {
		var first int64
		err = row.Scan(&b.id, &first)
		b.first = store.Time(first)
		return b, err
	}, `SELECT id, first_at FROM retention_blocks WHERE org_id = $1 AND last_at >= $2 AND (first_at, id) > ($3, $4) ORDER BY first_at, id LIMIT $5`,
		org, store.Millis(since), after, afterID, most)
}
