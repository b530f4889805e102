package identity

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// tidy removes links and sessions that are over, when another begins: that is rare enough.
func tidy(ctx context.Context, tx *store.Tx, now time.Time) error {
	for _, table := range []string{"signin_links", "sessions"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE expires_at <= $1`, store.Millis(now)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) insertLink(ctx context.Context, tx *store.Tx, who actor.Actor, purpose, email, token string) error {
	now := s.now()
	if err := tidy(ctx, tx, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO signin_links (id, org_id, user_id, hash, created_at, expires_at, purpose, email) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		ids.New("link_"), who.Org, who.User, sum(token).String(), store.Millis(now), store.Millis(now.Add(LinkLifetime)), purpose, email)
	return err
}

func (s *Service) linkOwner(ctx context.Context, token string) (org, user string, err error) {
	err = s.db.Read().QueryRow(ctx, `SELECT org_id, user_id FROM signin_links WHERE hash = $1 AND used_at = 0 AND expires_at > $2 AND purpose <> $3`,
		sum(token).String(), store.Millis(s.now()), forEmail).Scan(&org, &user)
	if errors.Is(err, store.ErrNoRows) {
		err = badLink()
	}
	return org, user, err
}

func (s *Service) linkInfo(ctx context.Context, link digest) (out LinkInfo, err error) {
	var org, user, purpose string
	q := s.db.Read()
	err = q.QueryRow(ctx, `SELECT l.org_id, l.user_id, l.purpose, u.name FROM signin_links l JOIN users u ON u.id = l.user_id WHERE l.hash = $1 AND l.used_at = 0 AND l.expires_at > $2 AND l.purpose <> $3`,
		link.String(), store.Millis(s.now()), forEmail).Scan(&org, &user, &purpose, &out.Name)
	if errors.Is(err, store.ErrNoRows) {
		return out, badLink()
	}
	if err != nil {
		return out, err
	}
	how := ByLink
	if purpose == forReset {
		how = ByReset
	}
	a, err := asMember(ctx, q, org, user, "", proof{strong: true, method: how})
	if errors.Is(err, store.ErrNoRows) { // not a member any more
		return out, badLink()
	}
	out.OrgName, out.Email, out.Operator = a.OrgName, a.Email, a.Operator
	return out, err
}

func (s *Service) inviteInfo(ctx context.Context, link digest) (LinkInfo, error) {
	out := LinkInfo{Invite: true}
	err := s.db.Read().QueryRow(ctx, `SELECT o.name, i.email FROM invites i JOIN organizations o ON o.id = i.org_id WHERE i.hash = $1 AND i.accepted_at = 0 AND i.deleted_at = 0 AND i.expires_at > $2`,
		link.String(), store.Millis(s.now())).Scan(&out.OrgName, &out.Email)
	if errors.Is(err, store.ErrNoRows) {
		err = badInvite()
	}
	return out, err
}

// link is a row of signin_links that was used.
type link struct{ org, user, email, purpose string }

// useLink marks a link used that is for one of the two purposes.
func (s *Service) useLink(ctx context.Context, tx *store.Tx, token, one, other string) (l link, err error) {
	err = tx.QueryRow(ctx, `UPDATE signin_links SET used_at = $2 WHERE hash = $1 AND used_at = 0 AND expires_at > $2 AND purpose IN ($3, $4) RETURNING org_id, user_id, email, purpose`,
		sum(token).String(), store.Millis(s.now()), one, other).Scan(&l.org, &l.user, &l.email, &l.purpose)
	if errors.Is(err, store.ErrNoRows) {
		err = badLink()
	}
	return l, err
}

// insertSession makes a session of a member and its line in the audit log, or returns ErrNoRows.
func (s *Service) insertSession(ctx context.Context, tx *store.Tx, b Beginning, id string, session digest, expires time.Time) (a actor.Actor, err error) {
	if a, err = asMember(ctx, tx, b.Org, b.User, "", proof{b.SecondFactor, b.Method}); err != nil {
		return a, err
	}
	if b.Instead != "" {
		// It may be the session of somebody else who used this browser before.
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE hash = $1`, sum(b.Instead).String()); err != nil {
			return a, err
		}
		tx.AfterCommit(func() { s.dropSecret(b.Instead) })
	}
	if err := tidy(ctx, tx, s.now()); err != nil {
		return a, err
	}
	a.Session = id
	from, now := httpapi.OriginOf(ctx), store.Millis(s.now())
	if _, err := tx.Exec(ctx, `INSERT INTO sessions (id, org_id, user_id, hash, created_at, expires_at, method, second_factor, ip, user_agent, last_seen_at, provider_session)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $5, $11)`,
		id, a.Org, a.User, session.String(), now, store.Millis(expires), b.Method, b.SecondFactor, from.IP, from.UserAgent, b.Provided); err != nil {
		return a, err
	}
	return a, s.audit.Record(ctx, tx, a, audit.Event{Type: audit.SignedIn, Object: a.User, After: map[string]any{"method": b.Method, "second_factor": b.SecondFactor}})
}

// moveSession makes a session one of another organization of its user, with a new secret; how and when it began stays, and with that
// what it may without the password. ErrNoRows says that it is over.
func (s *Service) moveSession(ctx context.Context, tx *store.Tx, who actor.Actor, org string, session digest) (actor.Actor, error) {
	if n, err := tx.Exec(ctx, `UPDATE sessions SET org_id = $3 WHERE id = $1 AND user_id = $2 AND expires_at > $4`, who.Session, who.User, org, store.Millis(s.now())); err != nil || n == 0 {
		return actor.Actor{}, cmp.Or(err, store.ErrNoRows)
	}
	who.Org = org
	tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return a.Session == who.Session }) })
	return s.renewSession(ctx, tx, who, session, who.Strong)
}

func (s *Service) renewSession(ctx context.Context, tx *store.Tx, who actor.Actor, session digest, strong bool) (a actor.Actor, err error) {
	n, err := tx.Exec(ctx, `UPDATE sessions SET hash = $3, second_factor = $4 WHERE id = $1 AND user_id = $2`, who.Session, who.User, session.String(), strong)
	if err == nil && n == 0 {
		err = store.ErrNoRows
	}
	if err != nil {
		return a, err
	}
	a, err = asMember(ctx, tx, who.Org, who.User, "", proof{strong, who.Method})
	a.Session = who.Session
	return a, err
}

func endSessions(ctx context.Context, tx *store.Tx, user, except string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND id <> $2`, user, except); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM signin_links WHERE user_id = $1 AND used_at = 0`, user)
	return err
}

// endProvided returns the ids of the sessions that it ended, each with its line in its organization's log.
func (s *Service) endProvided(ctx context.Context, tx *store.Tx, user, provided string) (ids []string, err error) {
	type ended struct{ id, org, user string }
	sessions, err := store.Collect(ctx, tx, func(row store.Scanner) (e ended, err error) {
		return e, row.Scan(&e.id, &e.org, &e.user)
	}, `DELETE FROM sessions WHERE method = $1 AND ($2 = '' OR user_id = $2) AND ($3 = '' OR provider_session = $3) AND ($2 <> '' OR $3 <> '') RETURNING id, org_id, user_id`, BySSO, user, provided)
	if err != nil {
		return nil, err
	}
	for _, e := range sessions {
		ids = append(ids, e.id)
		if err := s.audit.Record(ctx, tx, actor.Actor{Org: e.org, User: e.user}, audit.Event{Type: audit.SignedOut, Object: e.user, After: map[string]any{"session": e.id, "via": viaSSO}}); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (s *Service) listSessions(ctx context.Context, who actor.Actor, p store.Paging) ([]SessionLine, bool, error) {
	lines, more, err := store.Page(ctx, s.db.Read(), store.List{
		Columns: "id, method, second_factor, ip, user_agent, created_at, last_seen_at, expires_at", From: "sessions",
		Where: "user_id = $1 AND expires_at > $2", Args: []any{who.User, store.Millis(s.now())},
	}, p, func(row store.Scanner) (l SessionLine, err error) {
		var created, seen, expires int64
		err = row.Scan(&l.ID, &l.Method, &l.SecondFactor, &l.IP, &l.UserAgent, &created, &seen, &expires)
		l.Created, l.Seen, l.Expires = store.Time(created), store.Time(max(created, seen)), store.Time(expires)
		return l, err
	})
	return lines, more, cursorFault(err, "session")
}

// deleteSession ends one of the actor's sessions, with its line in the audit log.
func (s *Service) deleteSession(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM sessions WHERE id = $1 AND user_id = $2`, clean(id), who.User)
		if err != nil {
			return err
		}
		if n == 0 && id != who.Session {
			return notFound("session_id", "session", id)
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.SignedOut, Object: who.User, After: map[string]any{"session": id}})
	})
}

func (s *Service) lookUpSession(ctx context.Context, d digest) (*entry, error) {
	var (
		id, org, user    string
		expires, created int64
		shown            proof
	)
	q := s.db.Read()
	err := q.QueryRow(ctx, `SELECT id, org_id, user_id, expires_at, created_at, second_factor, method FROM sessions WHERE hash = $1 AND expires_at > $2`, d.String(), store.Millis(s.now())).
		Scan(&id, &org, &user, &expires, &created, &shown.strong, &shown.method)
	if err != nil {
		return nil, err
	}
	a, err := asMember(ctx, q, org, user, "", shown)
	a.Session = id
	return &entry{actor: a, expires: store.Time(expires).UnixNano(), began: store.Time(created)}, err
}

// writeUses moves last uses, and sessions' ends with them, forward.
func (s *Service) writeUses(ctx context.Context, uses []use) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		for _, u := range uses {
			at := time.Unix(0, u.at)
			var err error
			if u.entry.actor.Session != "" {
				_, err = tx.Exec(ctx, `UPDATE sessions SET last_seen_at = CASE WHEN last_seen_at < $2 THEN $2 ELSE last_seen_at END,
					expires_at = CASE WHEN expires_at < $3 THEN $3 ELSE expires_at END WHERE id = $1`,
					u.entry.actor.Session, store.Millis(at), store.Millis(s.end(u.entry.began, at)))
			} else {
				_, err = tx.Exec(ctx, `UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2`,
					u.entry.actor.Key, store.Millis(at))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func setProfile(ctx context.Context, tx *store.Tx, who actor.Actor, name, email string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM signin_links WHERE user_id = $1 AND used_at = 0 AND (SELECT email FROM users WHERE id = $1) <> $2`, who.User, email); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE users SET name = $2, email = $3, email_verified_at = CASE WHEN email = $3 THEN email_verified_at ELSE 0 END WHERE id = $1`,
		who.User, name, email)
	if store.IsUnique(err) {
		e := fault.New(fault.Conflict, "There is an account of %s already.", email)
		e.Param = "email"
		return e
	}
	return err
}
