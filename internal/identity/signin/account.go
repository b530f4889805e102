package signin

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/store"
)

// maxEmail is the longest e-mail address, in bytes (RFC 5321).
const maxEmail = 254

// Proof is what somebody shows again before they change what decides who can sign in.
type Proof struct {
	Password string // the present one; not needed in a session that something else began less than FreshFor ago: who has none begins one
	Code     string // where a second factor is on and is changed
	Lang     string // of the mail that tells of the change
}

// Account is what its user sees of it.
type Account struct {
	ID, Name, Email string
	Verified        time.Time // when the address was shown to be theirs; zero: it was not
	Password        time.Time // when it was set; zero: there is none
	SecondFactor    time.Time // when it was set up; zero: it is off
	Recovery        int       // recovery codes that are left
	Required        []string  // names of the organizations that require a second factor
	Fresh           bool      // a link began the session a moment ago: the password may be set without the old one
	Mail            bool      // the server sends mail: a new address is confirmed by a link
}

// Account returns the actor's.
func (s *Service) Account(ctx context.Context, who actor.Actor) (a Account, err error) {
	defer fault.Wrap(&err, "signin.Account")
	if err := identity.InBrowser(who); err != nil {
		return a, err
	}
	a, err = s.account(ctx, s.db.Read(), who)
	if err != nil {
		return a, err
	}
	a.Mail = s.mail.Configured()
	a.Fresh, err = s.fresh(ctx, who)
	return a, err
}

// fresh reports whether the actor's session began a moment ago, by something else than the password.
func (s *Service) fresh(ctx context.Context, who actor.Actor) (bool, error) {
	method, began, err := s.sessionOf(ctx, s.db.Read(), who)
	return method != identity.ByPassword && s.now().Sub(began) < FreshFor, err
}

// prove wants the present password, see Proof. Wrong ones count as tries to sign in.
func (s *Service) prove(ctx context.Context, who actor.Actor, p Proof) error {
	if err := identity.InBrowser(who); err != nil {
		return err
	}
	if fresh, err := s.fresh(ctx, who); err != nil || fresh {
		return err
	}
	stored, err := s.passwordOf(ctx, s.db.Read(), who.User)
	if err != nil {
		return err
	}
	if stored == "" {
		return fault.New(fault.Forbidden, "Your account has no password to show again, and you signed in a while ago. Sign in anew, by a new link or through your organization's provider, and do this within 15 minutes.").WithCode("fresh_signin_required")
	}
	if p.Password == "" {
		return fault.Param("current_password", "Give your present password. If you do not know it, sign in by a new link and set one within 15 minutes.").WithCode("current_password_required")
	}
	tries := []try{count(codeTries, "password", who.User)}
	if err := s.begin(ctx, tries...); err != nil {
		return err
	}
	if ok, _, err := s.hash.verify(ctx, p.Password[:min(len(p.Password), MaxPassword+1)], stored); err != nil {
		return err
	} else if !ok {
		e := fault.New(fault.Forbidden, "The present password is not right.").WithCode("invalid_credentials")
		e.Param = "current_password"
		return s.failed(ctx, who, e)
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error { return s.succeed(ctx, tx, tries...) })
}

// change does something to the actor's account in one transaction: its line in the audit log, its mail, and a new secret of the
// session. alone ends the user's other sessions.
func (s *Service) change(ctx context.Context, who actor.Actor, what, lang string, strong, alone bool, f func(tx *store.Tx) error) (session identity.Session, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		if alone {
			if err := s.ids.EndSessions(ctx, tx, who.User, who.Session); err != nil {
				return err
			}
		}
		if err := s.audit.Record(ctx, tx, who, audit.Event{Type: what, Object: who.User}); err != nil {
			return err
		}
		if _, ok := words["en"][what]; ok {
			if err := s.notify(ctx, tx, who, what, lang); err != nil {
				return err
			}
		}
		session, err = s.ids.RenewSession(ctx, tx, who, strong)
		return err
	})
	return session, err
}

// SetPassword sets the actor's password and ends their other sessions.
func (s *Service) SetPassword(ctx context.Context, who actor.Actor, p Proof, password string) (_ identity.Session, err error) {
	defer fault.Wrap(&err, "signin.SetPassword")
	if err := s.prove(ctx, who, p); err != nil {
		return identity.Session{}, err
	}
	hash, err := s.newHash(ctx, who.User, password)
	if err != nil {
		return identity.Session{}, err
	}
	return s.change(ctx, who, PasswordUpdated, p.Lang, who.Strong, true, func(tx *store.Tx) error { return s.putPassword(ctx, tx, who.User, hash) })
}

// newHash checks a user's new password and hashes it.
func (s *Service) newHash(ctx context.Context, user, password string) (string, error) {
	a, err := s.account(ctx, s.db.Read(), actor.Actor{User: user})
	if err != nil {
		return "", err
	}
	if err := checkPassword("password", password, a.Email, a.Name, "parley", "openai", "chatgpt"); err != nil {
		return "", err
	}
	return s.hash.hash(ctx, password)
}

// Enrol begins to set a second factor up, in place of the one that there may be, which counts until the new one is confirmed.
func (s *Service) Enrol(ctx context.Context, who actor.Actor, p Proof) (_ Enrolment, err error) {
	defer fault.Wrap(&err, "signin.Enrol")
	if err := s.prove(ctx, who, p); err != nil {
		return Enrolment{}, err
	}
	old, err := s.secondFactor(ctx, who, p.Code, fault.Invalid)
	if err != nil {
		return Enrolment{}, err
	}
	a, err := s.account(ctx, s.db.Read(), who)
	if err != nil {
		return Enrolment{}, err
	}
	issuer := "Parley"
	if page, err := url.Parse(s.ids.Page()); err == nil && page.Host != "" {
		issuer += " (" + page.Hostname() + ")"
	}
	label := a.Email
	if label == "" {
		label = a.Name
	}
	seed := newSeed()
	out, err := enrolment(seed, issuer, strings.ReplaceAll(label, ":", " "))
	if err != nil {
		return Enrolment{}, err
	}
	return out, s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.use(ctx, tx, who, old); err != nil {
			return err
		}
		return s.putPending(ctx, tx, who.User, s.seal.Seal(purpose(who.User), []byte(seed)))
	})
}

// Confirm turns the second factor on that is being set up, by a code of it. The recovery codes are shown only here.
func (s *Service) Confirm(ctx context.Context, who actor.Actor, code, lang string) (codes []string, _ identity.Session, err error) {
	defer fault.Wrap(&err, "signin.Confirm")
	if err := identity.InBrowser(who); err != nil {
		return nil, identity.Session{}, err
	}
	f, err := s.factor(ctx, s.db.Read(), who.User)
	if err != nil {
		return nil, identity.Session{}, err
	}
	if f.pending == "" {
		return nil, identity.Session{}, fault.New(fault.Conflict, "No second factor is being set up. Begin again.").WithCode("not_enrolling")
	}
	tries := count(codeTries, who.User)
	if err := s.begin(ctx, tries); err != nil {
		return nil, identity.Session{}, err
	}
	seed, err := s.seal.Open(purpose(who.User), f.pending)
	if err != nil {
		return nil, identity.Session{}, err
	}
	step, ok := match(plainCode(code), string(seed), 0, s.clock.Now())
	if !ok {
		return nil, identity.Session{}, wrongCode(fault.Invalid)
	}
	codes, hashes, err := s.newRecoveryCodes(ctx)
	if err != nil {
		return nil, identity.Session{}, err
	}
	session, err := s.change(ctx, who, SecondFactorCreated, lang, true, true, func(tx *store.Tx) error {
		if ok, err := s.confirmPending(ctx, tx, who.User, f.pending, step); err != nil {
			return err
		} else if !ok {
			return wrongCode(fault.Invalid)
		}
		if err := s.succeed(ctx, tx, tries); err != nil {
			return err
		}
		return s.putRecovery(ctx, tx, who.User, hashes)
	})
	return codes, session, err
}

// RemoveSecondFactor turns it off. Where an organization of the actor's requires one, it stays.
func (s *Service) RemoveSecondFactor(ctx context.Context, who actor.Actor, p Proof) (_ identity.Session, err error) {
	defer fault.Wrap(&err, "signin.RemoveSecondFactor")
	code, err := s.bothFactors(ctx, who, p)
	if err != nil {
		return identity.Session{}, err
	}
	a, err := s.account(ctx, s.db.Read(), who)
	if err != nil {
		return identity.Session{}, err
	}
	if len(a.Required) > 0 {
		return identity.Session{}, fault.New(fault.Conflict, "The organization %s requires a second factor of its members. You can set it up anew, but not turn it off.", a.Required[0]).WithCode("second_factor_required")
	}
	return s.change(ctx, who, SecondFactorDeleted, p.Lang, false, true, func(tx *store.Tx) error {
		if err := s.use(ctx, tx, who, code); err != nil {
			return err
		}
		return s.dropFactor(ctx, tx, who.User)
	})
}

// RenewRecovery makes new recovery codes, which are shown only here; the old ones no longer count.
func (s *Service) RenewRecovery(ctx context.Context, who actor.Actor, p Proof) (codes []string, err error) {
	defer fault.Wrap(&err, "signin.RenewRecovery")
	code, err := s.bothFactors(ctx, who, p)
	if err != nil {
		return nil, err
	}
	codes, hashes, err := s.newRecoveryCodes(ctx)
	if err != nil {
		return nil, err
	}
	return codes, s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.use(ctx, tx, who, code); err != nil {
			return err
		}
		if err := s.putRecovery(ctx, tx, who.User, hashes); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: RecoveryCreated, Object: who.User})
	})
}

// bothFactors wants the password and a code of the second factor, which has to be on.
func (s *Service) bothFactors(ctx context.Context, who actor.Actor, p Proof) (shown, error) {
	if err := s.prove(ctx, who, p); err != nil {
		return shown{}, err
	}
	code, err := s.secondFactor(ctx, who, p.Code, fault.Invalid)
	if err == nil && !code.strong() {
		err = fault.New(fault.Conflict, "There is no second factor on this account.").WithCode("no_second_factor")
	}
	return code, err
}

// Profile is what a user may change of how they are known; nil stays.
type Profile struct{ Name, Email *string }

// Update changes the actor's name and address. Where there is mail a new address is the account's once the link that is sent
// there was opened; sent says so.
func (s *Service) Update(ctx context.Context, who actor.Actor, p Proof, in Profile) (sent bool, err error) {
	defer fault.Wrap(&err, "signin.Update")
	if err := identity.InBrowser(who); err != nil {
		return false, err
	}
	a, err := s.account(ctx, s.db.Read(), who)
	if err != nil {
		return false, err
	}
	name, email := a.Name, a.Email
	if in.Name != nil {
		if name, err = identity.NameOf("name", *in.Name); err != nil {
			return false, err
		}
	}
	if in.Email != nil {
		if email, err = identity.EmailOf(strings.TrimSpace(*in.Email)); err != nil {
			return false, err
		}
	}
	if email != a.Email {
		if err := s.prove(ctx, who, p); err != nil {
			return false, err
		}
	}
	// An address that was set while there was no mail is confirmed by giving it again.
	unshown := in.Email != nil && email != "" && a.Verified.IsZero()
	if sent = (email != a.Email || unshown) && s.mail.Configured(); sent || email != a.Email {
		if err := s.begin(ctx, count(resetTries, "address of", who.User)); err != nil {
			return false, err
		}
	}
	return sent, s.db.Tx(ctx, func(tx *store.Tx) error {
		if sent {
			token, err := s.ids.EmailLink(ctx, tx, who, email)
			if err != nil {
				return err
			}
			to := who
			to.Email = email
			if err := s.mail.Send(ctx, tx, letter(to, "email", p.Lang, s.ids.Page()+"/account?confirm="+token)); err != nil {
				return err
			}
			email = a.Email
		}
		return s.putProfile(ctx, tx, who, a, name, email, p.Lang)
	})
}

// ConfirmEmail makes an address the actor's to which a link was sent.
func (s *Service) ConfirmEmail(ctx context.Context, who actor.Actor, token, lang string) (err error) {
	defer fault.Wrap(&err, "signin.ConfirmEmail")
	if err := identity.InBrowser(who); err != nil {
		return err
	}
	a, err := s.account(ctx, s.db.Read(), who)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		email, err := s.ids.UseEmailLink(ctx, tx, who, token)
		if err != nil {
			return err
		}
		if err := s.putProfile(ctx, tx, who, a, a.Name, email, lang); err != nil {
			return err
		}
		if err := s.ids.VerifyEmail(ctx, tx, who.User); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.UserUpdated, Object: who.User, After: map[string]any{"email_verified": true}})
	})
}

// putProfile changes what differs, with its line in the audit log; the old address is told of a new one.
func (s *Service) putProfile(ctx context.Context, tx *store.Tx, who actor.Actor, a Account, name, email, lang string) error {
	before, after := map[string]any{}, map[string]any{}
	if name != a.Name {
		before["name"], after["name"] = a.Name, name
	}
	if email != a.Email {
		before["email"], after["email"] = a.Email, email
		if err := s.notify(ctx, tx, who, "moved", lang); err != nil {
			return err
		}
	}
	if len(after) == 0 {
		return nil
	}
	if err := s.ids.SetProfile(ctx, tx, who, name, email); err != nil {
		return err
	}
	return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.UserUpdated, Object: who.User, Before: before, After: after})
}

// EndOthers ends the actor's sessions but the one that asks.
func (s *Service) EndOthers(ctx context.Context, who actor.Actor) (err error) {
	defer fault.Wrap(&err, "signin.EndOthers")
	if err := identity.InBrowser(who); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.ids.EndSessions(ctx, tx, who.User, who.Session); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.SignedOut, Object: who.User, After: map[string]any{"session": "all others"}})
	})
}

// Requires reports whether the actor's organization requires a second factor of its members.
func (s *Service) Requires(ctx context.Context, who actor.Actor) (_ bool, err error) {
	defer fault.Wrap(&err, "signin.Requires")
	return s.requires(ctx, s.db.Read(), who.Org)
}

// Require sets whether the actor's organization requires a second factor. Sessions without one may then look after their own account
// alone, within a second on every server; API keys go on, and so do sessions of single sign-on, whose provider looks after that.
func (s *Service) Require(ctx context.Context, who actor.Actor, on bool) (err error) {
	defer fault.Wrap(&err, "signin.Require")
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		before, err := s.requires(ctx, tx, who.Org)
		if err != nil || before == on {
			return err
		}
		if err := s.putRequires(ctx, tx, who.Org, on); err != nil {
			return err
		}
		tx.AfterCommit(func() { s.ids.Forget(func(a actor.Actor) bool { return a.Org == who.Org && a.Session != "" }) })
		key := "require_second_factor"
		return s.audit.Record(ctx, tx, who, audit.Event{Type: OrganizationUpdated, Object: who.Org, Before: map[string]any{key: before}, After: map[string]any{key: on}})
	})
}

// SetPasswordOf gives a member of the operator's chosen organization another password, and ends their sessions everywhere.
func (s *Service) SetPasswordOf(ctx context.Context, who actor.Actor, user, password, lang string) (err error) {
	defer fault.Wrap(&err, "signin.SetPasswordOf(%s)", user)
	m, err := s.ids.User(ctx, who, user)
	if err != nil {
		return err
	}
	hash, err := s.newHash(ctx, m.ID, password)
	if err != nil {
		return err
	}
	return s.changeOf(ctx, who, m, PasswordUpdated, lang, func(tx *store.Tx) error { return s.putPassword(ctx, tx, m.ID, hash) })
}

// ResetSecondFactor turns a member's second factor off, who lost it with the recovery codes, and ends their sessions everywhere.
func (s *Service) ResetSecondFactor(ctx context.Context, who actor.Actor, user, lang string) (err error) {
	defer fault.Wrap(&err, "signin.ResetSecondFactor(%s)", user)
	m, err := s.ids.User(ctx, who, user)
	if err != nil {
		return err
	}
	return s.changeOf(ctx, who, m, SecondFactorDeleted, lang, func(tx *store.Tx) error { return s.dropFactor(ctx, tx, m.ID) })
}

func (s *Service) changeOf(ctx context.Context, who actor.Actor, m identity.User, what, lang string, f func(tx *store.Tx) error) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		if err := s.ids.EndSessions(ctx, tx, m.ID, ""); err != nil {
			return err
		}
		if err := s.notify(ctx, tx, actor.Actor{Org: who.Org, Email: m.Email}, what, lang); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: what, Object: m.ID})
	})
}
