package deletion

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

const columns = "id, kind, subject_id, name, user_id, state, now_at, counts, users, sweeps, created_at, finished_at, checked_at"

func scan(row store.Scanner) (d Deletion, err error) {
	var created, finished, checked int64
	err = row.Scan(&d.ID, &d.Kind, &d.Subject, &d.Name, &d.By, &d.State, &d.Now, store.JSON(&d.Counts), store.JSON(&d.Users), &d.Sweeps, &created, &finished, &checked)
	d.Created, d.Finished, d.Checked = store.Time(created), store.Time(finished), store.Time(checked)
	return d, err
}

func (s *Service) get(ctx context.Context, q store.Q, id string) (Deletion, error) {
	d, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM deletions WHERE id = $1`, id))
	if errors.Is(err, store.ErrNoRows) {
		return d, notFound("deletion_id", "deletion", id)
	}
	return d, err
}

func notFound(param, what, id string) error {
	e := fault.New(fault.NotFound, "No such %s: %q", what, id[:min(len(id), 64)])
	e.Param = param
	return e
}

func (s *Service) list(ctx context.Context, p store.Paging) ([]Deletion, bool, error) {
	all, more, err := store.Page(ctx, s.db.Read(), store.List{Columns: columns, From: "deletions", Where: "1 = 1"}, p, scan)
	if c, ok := errors.AsType[*store.CursorError](err); ok {
		err = notFound(c.Param, "deletion", c.ID)
	}
	return all, more, err
}

func insert(ctx context.Context, tx *store.Tx, d Deletion) error {
	_, err := tx.Exec(ctx, `INSERT INTO deletions (id, kind, subject_id, name, user_id, state, now_at, counts, users, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		d.ID, d.Kind, d.Subject, d.Name, d.By, d.State, d.Now, store.JSON(d.Counts), store.JSON(d.Users), store.Millis(d.Created))
	return err
}

// operators returns the operator's organization.
func operators(ctx context.Context, q store.Q) (id string, err error) {
	return id, q.QueryRow(ctx, `SELECT id FROM organizations ORDER BY created_at, id LIMIT 1`).Scan(&id)
}

// start ends all access to an organization and makes the job that empties it.
func (s *Service) start(ctx context.Context, who actor.Actor, org, typed string) (d Deletion, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		d = s.newDeletion(ofOrganization, org, who)
		// Its row is taken first: of two who delete it at once one does.
		if _, err := tx.Exec(ctx, `UPDATE organizations SET name = name WHERE id = $1`, org); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT name FROM organizations WHERE id = $1`, org).Scan(&d.Name)
		if errors.Is(err, store.ErrNoRows) {
			return notFound("organization_id", "organization", org)
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(typed) != d.Name {
			return fault.Param("name", "To delete the organization, type its name: '%s'.", d.Name).WithCode("name_mismatch")
		}
		first, err := operators(ctx, tx)
		if err != nil {
			return err
		}
		if first == org {
			return fault.New(fault.Conflict, "This is the operator's organization: the server is looked after by its owners, so it cannot be deleted.").WithCode("operators_organization")
		}
		var running int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM deletions WHERE kind = 'organization' AND subject_id = $1`, org).Scan(&running); err != nil {
			return err
		}
		if running > 0 {
			return fault.New(fault.Conflict, "The organization is being deleted already.").WithCode("deletion_running")
		}
		if d.Users, err = store.Collect(ctx, tx, text, `SELECT user_id FROM memberships m WHERE org_id = $1 AND NOT EXISTS
			(SELECT 1 FROM memberships o WHERE o.user_id = m.user_id AND o.org_id <> $1) ORDER BY user_id`, org); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, tx, actor.Actor{Org: org, User: who.User, Email: who.Email, Session: who.Session}, audit.Event{Type: OrganizationDeleted, Object: org, Before: map[string]any{"name": d.Name}}); err != nil {
			return err
		}
		for _, t := range access {
			if err := tally(ctx, tx, &d, t, org); err != nil {
				return err
			}
		}
		// The name is free from now on.
		if _, err := tx.Exec(ctx, `UPDATE organizations SET name = id WHERE id = $1`, org); err != nil {
			return err
		}
		for _, other := range s.others {
			counts, err := other.Forget(ctx, tx, org)
			if err != nil {
				return err
			}
			for name, n := range counts {
				if n > 0 {
					d.Counts[name] += n
				}
			}
		}
		if err := insert(ctx, tx, d); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.ids.Forget(func(a actor.Actor) bool { return a.Org == org }) })
		return s.jobs.Enqueue(ctx, tx, look{d.ID})
	})
	return d, err
}

// access are the tables whose rows let somebody in.
var access = []string{"sessions", "signin_links", "invites", "sso_mappings", "api_keys", "service_accounts", "project_members", "memberships"}

func text(row store.Scanner) (s string, err error) { return s, row.Scan(&s) }

// tally deletes an organization's rows of a table and counts them.
func tally(ctx context.Context, tx *store.Tx, d *Deletion, name, org string) error {
	n, err := tx.Exec(ctx, `DELETE FROM `+name+` WHERE org_id = $1`, org)
	if n > 0 {
		d.Counts[name] += n
	}
	return err
}

// startAccount ends all access of a user and makes the job that removes what is theirs. typed is what they typed to confirm it.
func (s *Service) startAccount(ctx context.Context, who actor.Actor, user string, typed *string) (d Deletion, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		d = s.newDeletion(ofAccount, user, who)
		var email, name string
		err := tx.QueryRow(ctx, `SELECT email, name FROM users WHERE id = $1`, user).Scan(&email, &name)
		if errors.Is(err, store.ErrNoRows) {
			return notFound("user_id", "user", user)
		}
		if err != nil {
			return err
		}
		if want := confirmation(email, name); typed != nil && !strings.EqualFold(strings.TrimSpace(*typed), want) {
			return fault.Param("confirm", "To delete your account, type '%s'.", want).WithCode("name_mismatch")
		}
		in, err := store.Collect(ctx, tx, text, `SELECT org_id FROM memberships WHERE user_id = $1 ORDER BY org_id`, user)
		if err != nil {
			return err
		}
		for _, org := range in {
			by := who
			by.Org, by.Project = org, ""
			if by.User == user {
				by.Email = email
			}
			err := s.ids.EndMembership(ctx, tx, by, user)
			if e := fault.As(err); e != nil && e.Code == "last_owner" {
				return s.onlyOwner(ctx, tx, org)
			}
			if err != nil {
				return err
			}
			if err := s.audit.Record(ctx, tx, by, audit.Event{Type: AccountDeleted, Object: user}); err != nil {
				return err
			}
		}
		if err := s.ids.EndSessions(ctx, tx, user, ""); err != nil {
			return err
		}
		if err := s.unname(ctx, tx, &d, user, email); err != nil {
			return err
		}
		if err := insert(ctx, tx, d); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.ids.Forget(func(a actor.Actor) bool { return a.User == user }) })
		return s.jobs.Enqueue(ctx, tx, look{d.ID})
	})
	return d, err
}

// confirmation is what somebody types who deletes their account.
func confirmation(email, name string) string {
	if email != "" {
		return email
	}
	return name
}

func (s *Service) onlyOwner(ctx context.Context, q store.Q, org string) error {
	var name string
	if err := q.QueryRow(ctx, `SELECT name FROM organizations WHERE id = $1`, org).Scan(&name); err != nil {
		return err
	}
	return fault.New(fault.Conflict, "The account is the only owner of the organization '%s': make somebody else an owner, or delete the organization first.", name).WithCode("last_owner")
}

// unname takes from an account what tells who it is, and what lets somebody in.
func (s *Service) unname(ctx context.Context, tx *store.Tx, d *Deletion, user, email string) error {
	for _, t := range []string{"passwords", "recovery_codes", "second_factors", "sso_identities", "reviewers"} {
		n, err := tx.Exec(ctx, `DELETE FROM `+t+` WHERE user_id = $1`, user)
		if err != nil {
			return err
		}
		if n > 0 {
			d.Counts[t] += n
		}
	}
	if email != "" {
		for t, statement := range map[string]string{"mails": `DELETE FROM mails WHERE recipient = $1`, "invites": `DELETE FROM invites WHERE email = $1`} {
			n, err := tx.Exec(ctx, statement, email)
			if err != nil {
				return err
			}
			if n > 0 {
				d.Counts[t] += n
			}
		}
	}
	for statement, of := range map[string]string{
		`UPDATE limit_requests SET user_email = '' WHERE user_id = $1`:                 user,
		`UPDATE limit_requests SET decided_by = '' WHERE decided_by = $1 AND $1 <> ''`: email,
		`UPDATE review_items SET claimed_email = '' WHERE claimed_by = $1`:             user,
	} {
		if _, err := tx.Exec(ctx, statement, of); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE users SET email = '', name = '' WHERE id = $1`, user)
	return err
}

// empty deletes up to batch rows of a table and notes it, and tells how many they were.
func (s *Service) empty(ctx context.Context, id string, t table, subject string) (n int64, err error) {
	where := t.column + " = $1"
	if t.where != "" {
		where += " AND " + t.where
	}
	order := ""
	if t.order != "" {
		order = " ORDER BY " + t.order
	}
	// A look first: most tables of most organizations are empty, and reading waits for nobody.
	var some int
	if err := s.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM `+t.name+` WHERE `+where+` LIMIT 1) found`, subject).Scan(&some); err != nil || some == 0 {
		return 0, err
	}
	which := fmt.Sprintf(`%s AND (%s) IN (SELECT %s FROM %s WHERE %s%s LIMIT %d)`, where, t.key, t.key, t.name, where, order, batch)
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if t.detach != "" { // rows come in such an order that those which refer to one of the batch are in it, or gone
			if _, err := tx.Exec(ctx, `UPDATE `+t.name+` SET `+t.detach+` = NULL WHERE `+which, subject); err != nil {
				return err
			}
		}
		if n, err = tx.Exec(ctx, `DELETE FROM `+t.name+` WHERE `+which, subject); err != nil {
			return err
		}
		return s.note(ctx, tx, id, t.name, n)
	})
	return n, err
}

// note adds to a deletion's counts.
func (s *Service) note(ctx context.Context, tx *store.Tx, id, name string, n int64) error {
	d, err := s.get(ctx, tx, id)
	if err != nil {
		return err
	}
	d.Counts[name] += n
	_, err = tx.Exec(ctx, `UPDATE deletions SET counts = $2, now_at = $3 WHERE id = $1`, id, store.JSON(d.Counts), name)
	return err
}

// finish ends a deletion whose tables are empty: accounts that went with it are deleted in their turn, and the proof is
// written. When it was finished before, what a sweep found is noted.
func (s *Service) finish(ctx context.Context, id string) (d Deletion, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if d, err = s.get(ctx, tx, id); err != nil {
			return err
		}
		now := s.now()
		d.Sweeps++
		if d.State == "done" {
			d.Checked = now
			_, err := tx.Exec(ctx, `UPDATE deletions SET sweeps = $2, checked_at = $3, now_at = '' WHERE id = $1`, id, d.Sweeps, store.Millis(now))
			return err
		}
		for _, user := range d.Users {
			if err := s.orphan(ctx, tx, d, user); err != nil {
				return err
			}
		}
		d.State, d.Finished = "done", now
		if _, err := tx.Exec(ctx, `UPDATE deletions SET state = 'done', finished_at = $2, sweeps = $3, now_at = '' WHERE id = $1`, id, store.Millis(now), d.Sweeps); err != nil {
			return err
		}
		return s.prove(ctx, tx, d)
	})
	return d, err
}

// orphan deletes the account of somebody who belongs to no organization any more, unless they joined one since.
func (s *Service) orphan(ctx context.Context, tx *store.Tx, by Deletion, user string) error {
	var email string
	err := tx.QueryRow(ctx, `SELECT email FROM users WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM memberships WHERE user_id = $1)`, user).Scan(&email)
	if errors.Is(err, store.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	d := s.newDeletion(ofAccount, user, actor.Actor{User: by.By})
	if err := s.ids.EndSessions(ctx, tx, user, ""); err != nil {
		return err
	}
	if err := s.unname(ctx, tx, &d, user, email); err != nil {
		return err
	}
	if err := insert(ctx, tx, d); err != nil {
		return err
	}
	return s.jobs.Enqueue(ctx, tx, look{d.ID})
}

// prove writes the proof into the audit log of the organization, which is kept, and of the operator's.
func (s *Service) prove(ctx context.Context, tx *store.Tx, d Deletion) error {
	first, err := operators(ctx, tx)
	if err != nil {
		return err
	}
	in := []string{first}
	if d.Kind == ofOrganization {
		in = append(in, d.Subject)
	}
	for _, org := range in {
		e := audit.Event{Type: Proof, Object: d.Subject, After: map[string]any{"deletion": d.ID, "kind": d.Kind, "rows": d.Counts, "accounts": len(d.Users)}}
		if err := s.audit.Record(ctx, tx, actor.Actor{Org: org, User: d.By}, e); err != nil {
			return err
		}
	}
	return nil
}
