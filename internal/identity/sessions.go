package identity

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// How sessions begin.
const (
	ByLink     = "link"     // a one-time link, which the server's machine printed
	ByReset    = "reset"    // a one-time link that was mailed to who asked for a new password
	ByInvite   = "invite"   // an invitation that was accepted
	ByPassword = "password" // e-mail address and password
	BySSO      = "sso"      // a provider vouches for the user
)

// Beginning is how a session begins.
type Beginning struct {
	Org, User    string
	Method       string // one of the constants
	SecondFactor bool   // a second factor was shown, or the provider looks after that
	Provided     string // what the provider calls its session; empty: it did not say, or there is none
	Instead      string // the browser's secret so far, which ends; empty: none
}

// Session is a browser's.
type Session struct {
	Secret  string // the cookie's value; shown only here
	Expires time.Time
	Actor   actor.Actor
}

// SessionLine is a session as its user sees it in a list.
type SessionLine struct {
	ID           string
	Method       string
	SecondFactor bool
	IP           string // where it began
	UserAgent    string
	Created      time.Time
	Seen         time.Time
	Expires      time.Time
}

// fresh makes a session's secret. It is always a new one: what a browser came with is never taken.
func (s *Service) fresh(now time.Time) (Session, string) {
	return Session{Secret: ids.Secret("ps-"), Expires: s.end(now, now)}, ids.New("sess_")
}

// end is when a session that began at one time and was used at another ends unless it is used again.
func (s *Service) end(began, used time.Time) time.Time {
	end := used.Add(s.Idle)
	if s.Lifetime > 0 && end.After(began.Add(s.Lifetime)) {
		end = began.Add(s.Lifetime)
	}
	return end
}

// BeginSession makes a session of a member in the transaction, with its line in the audit log, and ends the browser's one so far.
// store.ErrNoRows says that the user is no member. The session's second factor is the caller's to have seen.
func (s *Service) BeginSession(ctx context.Context, tx *store.Tx, b Beginning) (_ Session, err error) {
	defer fault.Wrap(&err, "identity.BeginSession")
	session, id := s.fresh(s.now())
	session.Actor, err = s.insertSession(ctx, tx, b, id, sum(session.Secret), session.Expires)
	return session, err
}

// RenewSession gives the actor's session a new secret, because it may more from now on: what the browser had no longer counts.
// strong says that its second factor was shown.
func (s *Service) RenewSession(ctx context.Context, tx *store.Tx, who actor.Actor, strong bool) (_ Session, err error) {
	defer fault.Wrap(&err, "identity.RenewSession")
	session, _ := s.fresh(s.now())
	session.Actor, err = s.renewSession(ctx, tx, who, sum(session.Secret), strong)
	tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return a.Session == who.Session }) })
	return session, err
}

// EndSessions ends the user's sessions in the transaction, in all organizations, but the one with the id except; with them the
// links that would make new ones.
func (s *Service) EndSessions(ctx context.Context, tx *store.Tx, user, except string) (err error) {
	defer fault.Wrap(&err, "identity.EndSessions(%s)", user)
	if err := endSessions(ctx, tx, user, except); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.drop(func(a actor.Actor) bool { return a.User == user && a.Session != "" && a.Session != except })
	})
	return nil
}

// EndProvided ends sessions that began through a provider, in all organizations: those of a user, and of them, or of everybody's where no
// user is given, the one that the provider calls by a name. At least one of the two is given.
func (s *Service) EndProvided(ctx context.Context, tx *store.Tx, user, provided string) (err error) {
	defer fault.Wrap(&err, "identity.EndProvided")
	ended, err := s.endProvided(ctx, tx, user, provided)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return slices.Contains(ended, a.Session) }) })
	return nil
}

// Sessions lists the actor's sessions in all organizations, the newest first.
func (s *Service) Sessions(ctx context.Context, who actor.Actor, p store.Paging) (_ []SessionLine, more bool, err error) {
	defer fault.Wrap(&err, "identity.Sessions")
	if err := s.Flush(ctx); err != nil { // so that Seen is today's truth
		return nil, false, err
	}
	return s.listSessions(ctx, who, p)
}

// EndSession ends one of the actor's sessions: here at once, on other servers within a second.
func (s *Service) EndSession(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "identity.EndSession(%s)", id)
	if err := s.deleteSession(ctx, who, id); err != nil {
		return err
	}
	s.drop(func(a actor.Actor) bool { return a.Session == id })
	return nil
}

// SignOut ends the actor's session.
func (s *Service) SignOut(ctx context.Context, who actor.Actor) (err error) {
	defer fault.Wrap(&err, "identity.SignOut")
	if who.Session == "" {
		return fault.New(fault.Invalid, "There is no session to end: this request was made with an API key.")
	}
	return s.EndSession(ctx, who, who.Session)
}

// SignInLink makes a token that signs the actor's user in once, within LinkLifetime.
func (s *Service) SignInLink(ctx context.Context, who actor.Actor) (token string, err error) {
	defer fault.Wrap(&err, "identity.SignInLink")
	if who.User == "" {
		return "", fault.New(fault.Forbidden, "Only a user can sign in, not a service.")
	}
	token = ids.Random(32)
	return token, s.db.Tx(ctx, func(tx *store.Tx) error { return s.insertLink(ctx, tx, who, forSignIn, "", token) })
}

// ResetLink makes such a token for a mail to who asked for a new password: anybody may ask, so its session opens no organization that
// wants single sign-on.
func (s *Service) ResetLink(ctx context.Context, tx *store.Tx, who actor.Actor) (token string, err error) {
	defer fault.Wrap(&err, "identity.ResetLink")
	token = ids.Random(32)
	return token, s.insertLink(ctx, tx, who, forReset, "", token)
}

// EmailLink makes a token that confirms, once within LinkLifetime, that an address is the actor's.
func (s *Service) EmailLink(ctx context.Context, tx *store.Tx, who actor.Actor, email string) (token string, err error) {
	defer fault.Wrap(&err, "identity.EmailLink")
	token = ids.Random(32)
	return token, s.insertLink(ctx, tx, who, forEmail, email, token)
}

// What links are for.
const (
	forSignIn = "signin"
	forReset  = "reset"
	forEmail  = "email"
)

// LinkOwner returns whose sign-in link a token is, without using it up.
func (s *Service) LinkOwner(ctx context.Context, token string) (org, user string, err error) {
	defer fault.Wrap(&err, "identity.LinkOwner")
	return s.linkOwner(ctx, token)
}

// LinkInfo is where a link leads, for a page that asks before it is used.
type LinkInfo struct {
	Invite      bool   // it is an invitation's
	OrgName     string // of the organization that one acts in then
	Name, Email string // of the account; of an invitation's the address alone
	Operator    bool   // the account looks after this installation: whoever made the link can do so, too
}

// LinkInfo says where a sign-in link or an invitation leads, without using it up.
func (s *Service) LinkInfo(ctx context.Context, token string) (_ LinkInfo, err error) {
	defer fault.Wrap(&err, "identity.LinkInfo")
	if len(token) > maxSecret {
		return LinkInfo{}, badLink()
	}
	if IsInvite(token) {
		return s.inviteInfo(ctx, sum(token))
	}
	return s.linkInfo(ctx, sum(token))
}

// UseLink uses a sign-in link up in the transaction and returns whose session it begins, and how.
func (s *Service) UseLink(ctx context.Context, tx *store.Tx, token string) (b Beginning, err error) {
	defer fault.Wrap(&err, "identity.UseLink")
	l, err := s.useLink(ctx, tx, token, forSignIn, forReset)
	b = Beginning{Org: l.org, User: l.user, Method: ByLink}
	if l.purpose == forReset {
		b.Method = ByReset
	}
	return b, err
}

// UseEmailLink uses a link up in the transaction that confirms an address of the actor, and returns the address.
func (s *Service) UseEmailLink(ctx context.Context, tx *store.Tx, who actor.Actor, token string) (email string, err error) {
	defer fault.Wrap(&err, "identity.UseEmailLink")
	l, err := s.useLink(ctx, tx, token, forEmail, forEmail)
	if err == nil && l.user != who.User {
		err = badLink()
	}
	return l.email, err
}

func badLink() error {
	return fault.New(fault.Unauthorized, "This sign-in link was used or has expired. Make a new one with `parley signin` "+
		"on the machine of the server, or restart it: it prints one.").WithCode("invalid_signin_link")
}

// heldScopes are what a session may whose organization requires a second factor, until one is set up.
var heldScopes = []string{"session.*"}

// hold takes from an actor what needs a second factor.
func hold(a *actor.Actor, required bool) {
	if required && !a.Strong {
		a.Held, a.Operator, a.Reviewer, a.Scopes = true, false, false, heldScopes
	}
}

// Forget makes the next request of those actors look again what they may, on this server; others look within a second anyway.
func (s *Service) Forget(which func(actor.Actor) bool) { s.drop(which) }

// SetProfile changes a user's name and e-mail address in the transaction; they are as NameOf and EmailOf return them. Links that wait
// in the mailbox of another address no longer count.
func (s *Service) SetProfile(ctx context.Context, tx *store.Tx, who actor.Actor, name, email string) (err error) {
	defer fault.Wrap(&err, "identity.SetProfile(%s)", who.User)
	if err := setProfile(ctx, tx, who, name, email); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.drop(func(a actor.Actor) bool { return a.User == who.User }) })
	return nil
}

// IsInvite tells tokens of invitations from those of sign-in links.
func IsInvite(token string) bool { return strings.HasPrefix(token, invitePrefix) }
