package recall

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/store"
)

// summary is what stands for the older messages of a thread.
type summary struct {
	through int64 // position; -1 is none
	text    string
	indexed int64
}

func (m *Memory) summary(ctx context.Context, q store.Q, threadID string) (s summary, err error) {
	err = q.QueryRow(ctx, `SELECT through, summary, indexed FROM thread_summaries WHERE thread_id = $1`, threadID).Scan(&s.through, &s.text, &s.indexed)
	if errors.Is(err, store.ErrNoRows) {
		return summary{through: -1}, nil
	}
	return s, err
}

// replace writes a summary that goes on from was; done is false when another was written meanwhile.
func (m *Memory) replace(ctx context.Context, tx *store.Tx, who actor.Actor, threadID string, was, now summary) (done bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO thread_summaries (thread_id, org_id, project_id, through, summary, indexed, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (thread_id) DO UPDATE SET through = excluded.through, summary = excluded.summary, indexed = excluded.indexed, updated_at = excluded.updated_at
		WHERE thread_summaries.through = $8`,
		threadID, who.Org, who.Project, now.through, now.text, now.indexed, store.Millis(m.clock.Now()), was.through)
	return n > 0, err
}

// Forget drops the summary of a thread when it has the message at a position, which is deleted in the same transaction. A later Fold
// makes a new one of what is left.
func Forget(ctx context.Context, tx *store.Tx, threadID string, position int64) error {
	n, err := tx.Exec(ctx, `DELETE FROM thread_summaries WHERE thread_id = $1 AND through >= $2`, threadID, position)
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM thread_terms WHERE thread_id = $1`, threadID)
	return err
}

const termsAtOnce = 200

func (m *Memory) postings(ctx context.Context, q store.Q, threadID string, words []string) ([]posting, error) {
	var out []posting
	for len(words) > 0 {
		n := min(len(words), termsAtOnce)
		args := []any{threadID}
		for _, w := range words[:n] {
			args = append(args, w)
		}
		words = words[n:]
		found, err := store.Collect(ctx, q, func(row store.Scanner) (p posting, err error) {
			err = row.Scan(&p.term, store.JSON(&p.positions), &p.messages)
			return p, err
		}, `SELECT term, positions, messages FROM thread_terms WHERE thread_id = $1 AND term IN (`+store.Placeholders(2, n)+`)`, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func (m *Memory) putPostings(ctx context.Context, tx *store.Tx, who actor.Actor, threadID string, postings []posting) error {
	rows := make([][]any, len(postings))
	for i, p := range postings {
		rows[i] = []any{threadID, p.term, who.Org, who.Project, store.JSON(p.positions), p.messages}
	}
	_, err := store.InsertMany(ctx, tx, "thread_terms", "thread_id, term, org_id, project_id, positions, messages", rows,
		"ON CONFLICT (thread_id, term) DO UPDATE SET positions = excluded.positions, messages = excluded.messages")
	return err
}
