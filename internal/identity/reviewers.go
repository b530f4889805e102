package identity

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Reviewer is an account that may read kept bodies of requests, through the queue.
type Reviewer struct {
	User, Name, Email string
	Added             time.Time
}

// Reviewers lists them, the first first.
func (s *Service) Reviewers(ctx context.Context) (_ []Reviewer, err error) {
	defer fault.Wrap(&err, "identity.Reviewers")
	return listReviewers(ctx, s.db.Read())
}

// AddReviewer lets an account review, by its user id or e-mail address; their sessions may from now on, here at once and on others of the
// same database within a second. The line stands in the log of the operator's organization.
func (s *Service) AddReviewer(ctx context.Context, who actor.Actor, user string) (r Reviewer, err error) {
	defer fault.Wrap(&err, "identity.AddReviewer")
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if r, err = findUser(ctx, tx, clean(user)); errors.Is(err, store.ErrNoRows) {
			return fault.Param("user", "No such user: %s. Write the e-mail address or the id of somebody with an account.", shown(user)).WithCode("user_not_found")
		}
		if err != nil {
			return err
		}
		added, err := insertReviewer(ctx, tx, r.User, who.User, s.now())
		if err != nil || !added {
			return err
		}
		r.Added = s.now()
		return s.audit.Record(ctx, tx, who, audit.Event{Type: "reviewer.added", Object: r.User, After: map[string]any{"email": r.Email}})
	})
	s.drop(func(a actor.Actor) bool { return a.User == r.User })
	return r, err
}

// RemoveReviewer takes that back.
func (s *Service) RemoveReviewer(ctx context.Context, who actor.Actor, user string) (r Reviewer, err error) {
	defer fault.Wrap(&err, "identity.RemoveReviewer")
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		if r, err = findUser(ctx, tx, clean(user)); err != nil && !errors.Is(err, store.ErrNoRows) {
			return err
		}
		removed, err := deleteReviewer(ctx, tx, r.User)
		if err != nil {
			return err
		}
		if !removed {
			return fault.New(fault.NotFound, "No such reviewer: %s", shown(user)).WithCode("reviewer_not_found")
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: "reviewer.deleted", Object: r.User, Before: map[string]any{"email": r.Email}})
	})
	s.drop(func(a actor.Actor) bool { return a.User == r.User })
	return r, err
}
