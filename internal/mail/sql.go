package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/store"
)

// purpose, with its id, is what a mail's text is sealed for.
const purpose = "mail text "

func (s *Service) insert(ctx context.Context, tx *store.Tx, id string, m Message) error {
	now := store.Millis(s.clock.Now())
	// What is old has no further use; a mail is rare enough to tidy up with.
	if _, err := tx.Exec(ctx, `DELETE FROM mails WHERE created_at < $1 AND state <> 'queued'`, store.Millis(s.clock.Now().Add(-keepFor))); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO mails (id, org_id, recipient, subject, content, lang, state, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $7)`,
		id, m.Org, m.To, m.Subject, s.seal.Seal(purpose+id, []byte(m.Text)), m.Lang, now)
	return err
}

// claim takes a queued mail for one attempt. ErrNoRows: it is sent, given up or gone; busy is when to look
// again because another is at it.
func (s *Service) claim(ctx context.Context, id string) (m envelope, attempt int, busy time.Duration, err error) {
	now := s.clock.Now()
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		m, attempt, busy = envelope{ID: id}, 0, 0
		var until, created int64
		err := tx.QueryRow(ctx, `SELECT org_id, recipient, subject, content, lang, attempts, sending_until, created_at FROM mails WHERE id = $1 AND state = 'queued'`, id).
			Scan(&m.Org, &m.To, &m.Subject, &m.Text, &m.Lang, &attempt, &until, &created)
		if err != nil {
			return err
		}
		m.At = store.Time(created)
		n, err := tx.Exec(ctx, `UPDATE mails SET attempts = attempts + 1, sending_until = $2, updated_at = $3 WHERE id = $1 AND state = 'queued' AND sending_until <= $3`,
			id, store.Millis(now.Add(lease)), store.Millis(now))
		if n == 0 && err == nil {
			busy = max(store.Time(until).Sub(now), time.Second)
		}
		attempt++
		return err
	})
	if err != nil || busy > 0 {
		return m, attempt, busy, err
	}
	text, err := s.seal.Open(purpose+id, m.Text)
	if err != nil {
		return m, attempt, busy, fmt.Errorf("%w: its text cannot be read: %w", errRefused, err)
	}
	m.Text = string(text)
	return m, attempt, busy, nil
}

// done notes that the mail server has the mail.
func (s *Service) done(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `UPDATE mails SET state = 'sent', content = '', error = '', sending_until = 0, updated_at = $2 WHERE id = $1 AND state = 'queued'`, id, store.Millis(s.clock.Now()))
	return err
}

// again notes why an attempt failed; another follows.
func (s *Service) again(ctx context.Context, id, reason string) error {
	_, err := s.db.Exec(ctx, `UPDATE mails SET error = $2, sending_until = 0, updated_at = $3 WHERE id = $1 AND state = 'queued'`, id, reason, store.Millis(s.clock.Now()))
	return err
}

// giveUp ends a mail, with a line in the audit log of the organization that it is about.
func (s *Service) giveUp(ctx context.Context, m envelope, reason string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE mails SET state = 'failed', content = '', error = $2, sending_until = 0, updated_at = $3 WHERE id = $1 AND state = 'queued'`,
			m.ID, reason, store.Millis(s.clock.Now()))
		if err != nil || n == 0 || m.Org == "" {
			return err
		}
		return s.audit.Record(ctx, tx, actor.Actor{Org: m.Org}, audit.Event{Type: Failed, Object: m.ID, After: map[string]any{"to": m.To, "subject": m.Subject, "error": reason}})
	})
}

func (s *Service) status(ctx context.Context, out Status) (Status, error) {
	q := s.db.Read()
	err := q.QueryRow(ctx, `SELECT COUNT(*) FILTER (WHERE state = 'queued'), COUNT(*) FILTER (WHERE state = 'sent' AND created_at >= $1), COUNT(*) FILTER (WHERE state = 'failed' AND created_at >= $1) FROM mails`,
		store.Millis(s.clock.Now().Add(-keepFor))).Scan(&out.Queued, &out.Sent, &out.Failed)
	if err != nil {
		return out, err
	}
	out.Recent, err = store.Collect(ctx, q, func(row store.Scanner) (m Sent, err error) {
		var created, updated int64
		err = row.Scan(&m.ID, &m.Org, &m.To, &m.Subject, &m.State, &m.Attempts, &m.Error, &created, &updated)
		m.Created, m.Updated = store.Time(created), store.Time(updated)
		return m, err
	}, `SELECT id, org_id, recipient, subject, state, attempts, error, created_at, updated_at FROM mails ORDER BY created_at DESC, id DESC LIMIT $1`, recent)
	return out, err
}

func gone(err error) bool { return errors.Is(err, store.ErrNoRows) }
