package identity

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Grant is what a provider of identities says that a user may in an organization.
type Grant struct {
	Org      string
	Role     string
	Projects []ProjectRole // none: the default project, as a member
	Stays    bool          // it is given once, as by hand, and no later sign-in takes it
}

// UserByEmail returns the id of the account with an address; empty: there is none.
func (s *Service) UserByEmail(ctx context.Context, tx *store.Tx, email string) (_ string, err error) {
	defer fault.Wrap(&err, "identity.UserByEmail")
	id, err := userByEmail(ctx, tx, email)
	if errors.Is(err, store.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// NewUser makes an account that belongs to no organization yet.
func (s *Service) NewUser(ctx context.Context, tx *store.Tx, email, name string) (_ string, err error) {
	defer fault.Wrap(&err, "identity.NewUser")
	if name, err = nameOf("name", name); err != nil { // the provider's: better a short name than no sign-in
		name = email
	}
	return s.insertUser(ctx, tx, email, name)
}

// VerifyEmail notes that the account's address was shown to be its user's.
func (s *Service) VerifyEmail(ctx context.Context, tx *store.Tx, user string) (err error) {
	defer fault.Wrap(&err, "identity.VerifyEmail(%s)", user)
	return s.verifyEmail(ctx, tx, user)
}

// TakeOver revokes the API keys of an account whose address nobody had shown to be theirs, now that its owner came: somebody else may
// have made them. It tells how many there were. Where the address had been shown the keys are its owner's, and stay.
func (s *Service) TakeOver(ctx context.Context, tx *store.Tx, user string) (keys int64, err error) {
	defer fault.Wrap(&err, "identity.TakeOver(%s)", user)
	if keys, err = s.revokeUnproven(ctx, tx, user); err != nil {
		return 0, err
	}
	tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return a.User == user }) })
	return keys, nil
}

// PendingInvites tells how many invitations wait for an address.
func (s *Service) PendingInvites(ctx context.Context, tx *store.Tx, email string) (n int, err error) {
	defer fault.Wrap(&err, "identity.PendingInvites")
	return s.pendingInvites(ctx, tx, email)
}

// AcceptInvites accepts all invitations of an address for the user who was shown to own it.
func (s *Service) AcceptInvites(ctx context.Context, tx *store.Tx, user, email string) (err error) {
	defer fault.Wrap(&err, "identity.AcceptInvites")
	return s.acceptInvites(ctx, tx, user, email)
}

// Provide makes a user's membership what a grant says, and marks it as the provider's. Projects that an
// earlier grant gave and this one does not are taken away; those of others stay. An only owner stays owner.
func (s *Service) Provide(ctx context.Context, tx *store.Tx, user string, g Grant) (err error) {
	defer fault.Wrap(&err, "identity.Provide(%s, %s)", user, g.Org)
	if err := s.provide(ctx, tx, user, g); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return a.User == user }) })
	return nil
}

// Withdraw ends a membership that Provide made and no grant gives any more. An only owner stays.
func (s *Service) Withdraw(ctx context.Context, tx *store.Tx, user, org string) (err error) {
	defer fault.Wrap(&err, "identity.Withdraw(%s, %s)", user, org)
	if err := s.withdraw(ctx, tx, user, org); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return a.User == user }) })
	return nil
}

// Provided lists the organizations whose membership a provider gave to the user.
func (s *Service) Provided(ctx context.Context, tx *store.Tx, user string) (_ []string, err error) {
	defer fault.Wrap(&err, "identity.Provided(%s)", user)
	return provided(ctx, tx, user)
}

// Home returns the organization in which a user's session begins: the oldest membership; empty: they have none.
func (s *Service) Home(ctx context.Context, tx *store.Tx, user string) (_ string, err error) {
	defer fault.Wrap(&err, "identity.Home(%s)", user)
	org, err := home(ctx, tx, user)
	if errors.Is(err, store.ErrNoRows) {
		return "", nil
	}
	return org, err
}

// CheckGrant refuses a role that the actor may not give, and projects that are not the organization's.
func (s *Service) CheckGrant(ctx context.Context, q store.Q, who actor.Actor, role string, projects []ProjectRole) (err error) {
	defer fault.Wrap(&err, "identity.CheckGrant")
	if err := roleOf(who, role); err != nil {
		return err
	}
	if len(projects) > maxName {
		return fault.Param("projects", "Invalid 'projects': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxName, len(projects)).WithCode("array_above_max_length")
	}
	for _, p := range projects {
		if err := projectRoleOf("projects", p.Role); err != nil {
			return err
		}
		if _, err := activeProject(ctx, q, who, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// EndMembership is RemoveUser in the caller's transaction: keys and sessions stop with it.
func (s *Service) EndMembership(ctx context.Context, tx *store.Tx, who actor.Actor, user string) (err error) {
	defer fault.Wrap(&err, "identity.EndMembership(%s)", user)
	if err := s.endMembership(ctx, tx, who, user, nil); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return a.User == user }) })
	return nil
}
