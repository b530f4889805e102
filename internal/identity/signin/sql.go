package signin

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/store"
)

// holder is an account by its address: who it is in their oldest organization, and the password's hash.
type holder struct {
	who  actor.Actor // without an organization: a member of none
	hash string
}

// accountOf returns ErrNoRows when nobody has the address.
func (s *Service) accountOf(ctx context.Context, q store.Q, email string) (h holder, err error) {
	err = q.QueryRow(ctx, `SELECT u.id, u.email, COALESCE(p.hash, ''), COALESCE((SELECT m.org_id FROM memberships m WHERE m.user_id = u.id ORDER BY m.created_at, m.org_id LIMIT 1), '')
		FROM users u LEFT JOIN passwords p ON p.user_id = u.id WHERE u.email = $1 AND u.email <> ''`, email).Scan(&h.who.User, &h.who.Email, &h.hash, &h.who.Org)
	return h, err
}

func (s *Service) account(ctx context.Context, q store.Q, who actor.Actor) (a Account, err error) {
	var verified, password, factor int64
	err = q.QueryRow(ctx, `SELECT u.id, u.name, u.email, u.email_verified_at, COALESCE(p.changed_at, 0), COALESCE(f.changed_at, 0),
		(SELECT COUNT(*) FROM recovery_codes r WHERE r.user_id = u.id AND r.used_at = 0)
		FROM users u LEFT JOIN passwords p ON p.user_id = u.id LEFT JOIN second_factors f ON f.user_id = u.id AND f.seed <> '' WHERE u.id = $1`, who.User).
		Scan(&a.ID, &a.Name, &a.Email, &verified, &password, &factor, &a.Recovery)
	if err != nil {
		return a, err
	}
	a.Verified, a.Password, a.SecondFactor = store.Time(verified), store.Time(password), store.Time(factor)
	a.Required, err = store.Collect(ctx, q, func(row store.Scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}, `SELECT o.name FROM memberships m JOIN organizations o ON o.id = m.org_id WHERE m.user_id = $1 AND o.require_second_factor ORDER BY o.created_at, o.id`, who.User)
	return a, err
}

// sessionOf returns how and when the actor's session began.
func (s *Service) sessionOf(ctx context.Context, q store.Q, who actor.Actor) (method string, began time.Time, err error) {
	var created int64
	err = q.QueryRow(ctx, `SELECT method, created_at FROM sessions WHERE id = $1`, who.Session).Scan(&method, &created)
	return method, store.Time(created), err
}

func (s *Service) passwordOf(ctx context.Context, q store.Q, user string) (hash string, err error) {
	err = q.QueryRow(ctx, `SELECT hash FROM passwords WHERE user_id = $1`, user).Scan(&hash)
	if errors.Is(err, store.ErrNoRows) {
		err = nil
	}
	return hash, err
}

func (s *Service) putPassword(ctx context.Context, tx *store.Tx, user, hash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO passwords (user_id, hash, changed_at) VALUES ($1, $2, $3)
		ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at`, user, hash, store.Millis(s.now()))
	return err
}

// rehash puts a hash that costs more in place of the one that was read, unless the password was changed meanwhile.
func (s *Service) rehash(ctx context.Context, tx *store.Tx, user, old, better string) error {
	_, err := tx.Exec(ctx, `UPDATE passwords SET hash = $3 WHERE user_id = $1 AND hash = $2`, user, old, better)
	return err
}

// factor is a user's second factor as it is stored.
type factor struct {
	seed, pending string // sealed
	lastStep      int64
}

// factor returns the zero factor when there is none.
func (s *Service) factor(ctx context.Context, q store.Q, user string) (f factor, err error) {
	err = q.QueryRow(ctx, `SELECT seed, pending, last_step FROM second_factors WHERE user_id = $1`, user).Scan(&f.seed, &f.pending, &f.lastStep)
	if errors.Is(err, store.ErrNoRows) {
		err = nil
	}
	return f, err
}

func (s *Service) putPending(ctx context.Context, tx *store.Tx, user, sealed string) error {
	_, err := tx.Exec(ctx, `INSERT INTO second_factors (user_id, pending, changed_at) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO UPDATE SET pending = excluded.pending`,
		user, sealed, store.Millis(s.now()))
	return err
}

// confirmPending turns the pending seed on, by the code of a step; false when another one is pending by now.
func (s *Service) confirmPending(ctx context.Context, tx *store.Tx, user, pending string, step int64) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE second_factors SET seed = pending, pending = '', last_step = $3, changed_at = $4 WHERE user_id = $1 AND pending = $2`,
		user, pending, step, store.Millis(s.now()))
	return n == 1, err
}

func (s *Service) dropFactor(ctx context.Context, tx *store.Tx, user string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1`, user); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM second_factors WHERE user_id = $1`, user)
	return err
}

func (s *Service) recoveryHashes(ctx context.Context, q store.Q, user string) ([]string, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (hash string, err error) {
		err = row.Scan(&hash)
		return hash, err
	}, `SELECT hash FROM recovery_codes WHERE user_id = $1 AND used_at = 0 ORDER BY hash`, user)
}

func (s *Service) putRecovery(ctx context.Context, tx *store.Tx, user string, hashes []string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1`, user); err != nil {
		return err
	}
	for _, hash := range hashes {
		if _, err := tx.Exec(ctx, `INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)`, user, hash); err != nil {
			return err
		}
	}
	return nil
}

// useCode reports whether a code that was right can still be used: nobody else did meanwhile, and the second factor is the same.
func (s *Service) useCode(ctx context.Context, tx *store.Tx, who actor.Actor, f shown) (bool, error) {
	if f.recovery == "" {
		n, err := tx.Exec(ctx, `UPDATE second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2 AND seed = $3`, f.user, f.step, f.seed)
		return n == 1, err
	}
	n, err := tx.Exec(ctx, `UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at = 0`, f.user, f.recovery, store.Millis(s.now()))
	if err != nil || n != 1 {
		return false, err
	}
	if err := s.audit.Record(ctx, tx, who, audit.Event{Type: RecoveryUsed, Object: f.user}); err != nil {
		return false, err
	}
	return true, s.notifyUser(ctx, tx, who, RecoveryUsed)
}

// notifyUser is notify for who is not signed in yet, and whose address and language are not known therefore.
func (s *Service) notifyUser(ctx context.Context, tx *store.Tx, who actor.Actor, what string) error {
	if err := tx.QueryRow(ctx, `SELECT email FROM users WHERE id = $1`, who.User).Scan(&who.Email); err != nil {
		return err
	}
	return s.notify(ctx, tx, who, what, "")
}

func (s *Service) requires(ctx context.Context, q store.Q, org string) (on bool, err error) {
	err = q.QueryRow(ctx, `SELECT require_second_factor FROM organizations WHERE id = $1`, org).Scan(&on)
	return on, err
}

func (s *Service) putRequires(ctx context.Context, tx *store.Tx, org string, on bool) error {
	_, err := tx.Exec(ctx, `UPDATE organizations SET require_second_factor = $2 WHERE id = $1`, org, on)
	return err
}
