package signin

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/store"
)

// FreshFor is how long after a link began it a session may set a password without the old one: that is what links are for.
const FreshFor = 15 * time.Minute

// Types of lines in the audit log that OpenAI does not have.
const (
	PasswordUpdated     = "password.updated"
	SecondFactorCreated = "second_factor.created"
	SecondFactorDeleted = "second_factor.deleted"
	RecoveryCreated     = "recovery_codes.created"
	RecoveryUsed        = "recovery_code.used"
	OrganizationUpdated = "organization.updated" // OpenAI's
)

// Mailer sends mail in the transaction of what it is about. Without a mail server Configured is false and links are made by the operator.
type Mailer interface {
	Configured() bool
	Send(ctx context.Context, tx *store.Tx, m mail.Message) error
}

// Sealer keeps seeds out of plain sight in the database.
type Sealer interface {
	Seal(purpose string, plain []byte) string
	Open(purpose, sealed string) ([]byte, error)
}

// Options of New; all are required.
type Options struct {
	DB       *store.DB
	Identity *identity.Service
	Mail     Mailer
	Seal     Sealer
	Clock    clock.Clock
	Log      *slog.Logger
}

// Service is sign-in. Make it with New.
type Service struct {
	db    *store.DB
	ids   *identity.Service
	mail  Mailer
	seal  Sealer
	clock clock.Clock
	log   *slog.Logger
	audit *audit.Log
	hash  *hasher
	// resetTakes is how long Reset takes at least: longer than its work, so that who waits learns nothing of the work there was.
	resetTakes time.Duration
}

// New returns the service.
func New(o Options) *Service {
	return &Service{db: o.DB, ids: o.Identity, mail: o.Mail, seal: o.Seal, clock: o.Clock, log: o.Log, audit: audit.New(o.DB, o.Clock), hash: newHasher(), resetTakes: 300 * time.Millisecond}
}

// now is in whole milliseconds, as the database keeps it.
func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// Credentials are what somebody signs in with: a link's token, or address and password; and a code where there is a second factor.
type Credentials struct {
	Token           string
	Email, Password string
	Code            string // of the app, or a recovery code
	Instead         string // the browser's secret so far, which ends
}

// SignIn begins a session. Its errors have the codes code_required (all is right so far), invalid_code, invalid_credentials,
// invalid_signin_link, too_many_attempts.
func (s *Service) SignIn(ctx context.Context, c Credentials) (_ identity.Session, err error) {
	defer fault.Wrap(&err, "signin.SignIn")
	if c.Token != "" {
		return s.byLink(ctx, c)
	}
	return s.byPassword(ctx, c)
}

func (s *Service) byLink(ctx context.Context, c Credentials) (session identity.Session, err error) {
	org, user, err := s.ids.LinkOwner(ctx, c.Token)
	if err != nil {
		return session, err
	}
	who := actor.Actor{Org: org, User: user}
	code, err := s.secondFactor(ctx, who, c.Code, fault.Unauthorized)
	if err != nil {
		return session, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		b, err := s.ids.UseLink(ctx, tx, c.Token)
		if err != nil {
			return err
		}
		b.Instead = c.Instead
		session, err = s.start(ctx, tx, b, code)
		return err
	})
	return session, err
}

func (s *Service) byPassword(ctx context.Context, c Credentials) (session identity.Session, err error) {
	email := strings.ToLower(strings.TrimSpace(c.Email))
	if len(c.Password) > MaxPassword || len(email) > maxEmail || !identity.Storable(email) {
		return session, wrongPassword() // nobody has such a one: no need to hash it
	}
	tries := passwordTries(email, httpapi.OriginOf(ctx).IP)
	if err := s.begin(ctx, tries...); err != nil {
		return session, err
	}
	a, err := s.accountOf(ctx, s.db.Read(), email)
	if err != nil && !errors.Is(err, store.ErrNoRows) {
		return session, err
	}
	ok, stale, err := s.hash.verify(ctx, c.Password, a.hash)
	if err != nil {
		return session, err
	}
	if !ok {
		return session, s.failed(ctx, a.who, wrongPassword())
	}
	if a.who.Org == "" {
		return session, fault.New(fault.Forbidden, "You must be a member of an organization to sign in. Ask for an invitation.").WithCode("no_organization")
	}
	code, err := s.secondFactor(ctx, a.who, c.Code, fault.Unauthorized)
	if err != nil {
		// The password was right: what is missing now has a count of its own.
		return session, errors.Join(err, s.db.Tx(ctx, func(tx *store.Tx) error { return s.succeed(ctx, tx, tries...) }))
	}
	better := ""
	if stale {
		if better, err = s.hash.hash(ctx, c.Password); err != nil {
			return session, err
		}
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.succeed(ctx, tx, tries...); err != nil {
			return err
		}
		if better != "" {
			if err := s.rehash(ctx, tx, a.who.User, a.hash, better); err != nil {
				return err
			}
		}
		session, err = s.start(ctx, tx, identity.Beginning{Org: a.who.Org, User: a.who.User, Method: identity.ByPassword, Instead: c.Instead}, code)
		return err
	})
	return session, err
}

// start makes the session that a code lets begin.
func (s *Service) start(ctx context.Context, tx *store.Tx, b identity.Beginning, code shown) (identity.Session, error) {
	who := actor.Actor{Org: b.Org, User: b.User}
	if err := s.use(ctx, tx, who, code); err != nil {
		return identity.Session{}, err
	}
	b.SecondFactor = code.strong()
	return s.ids.BeginSession(ctx, tx, b)
}

func wrongPassword() *fault.Error {
	return fault.New(fault.Unauthorized, "The e-mail address or the password is not right.").WithCode("invalid_credentials")
}

// failed writes the line of a sign-in that failed and returns why. Where the account is unknown it stands in the log of the
// operator's organization, without what was given as its address: that may have been a password.
func (s *Service) failed(ctx context.Context, who actor.Actor, why *fault.Error) error {
	owner, err := s.ids.Owner(ctx) // asked for those who are known, too: it would be seen in the time
	if err != nil && !errors.Is(err, store.ErrNoRows) {
		return err
	}
	if who.Org == "" {
		who.Org = owner.Org
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		return s.audit.Record(ctx, tx, who, audit.Event{Type: audit.SignInFailed, Object: who.User, After: map[string]any{"error_code": why.Code, "error_message": why.Message}})
	})
	if err != nil {
		return err
	}
	return why
}

// Reset mails a link to sign in with and set a new password, if there is an account of the address. Nothing tells whether there is.
func (s *Service) Reset(ctx context.Context, email, lang string) (err error) {
	defer fault.Wrap(&err, "signin.Reset")
	if !s.mail.Configured() {
		return fault.New(fault.Conflict, "This server sends no mail. Ask whoever runs it for a link: `parley admin users link USER` prints one.").WithCode("mail_not_configured")
	}
	if email, err = identity.EmailOf(strings.TrimSpace(email)); err != nil {
		return err
	}
	over := time.After(s.resetTakes)
	ip := httpapi.OriginOf(ctx).IP
	if err := s.begin(ctx, count(resetTries, email), count(addressTries, "reset", network(ip))); err != nil {
		return err
	}
	if err := s.mailReset(ctx, email, lang); err != nil {
		return err
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
	return nil
}

// mailReset mails the link, if there is an account of the address.
func (s *Service) mailReset(ctx context.Context, email, lang string) error {
	a, err := s.accountOf(ctx, s.db.Read(), email)
	if errors.Is(err, store.ErrNoRows) || err == nil && a.who.Org == "" {
		return nil
	}
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		token, err := s.ids.ResetLink(ctx, tx, a.who)
		if err != nil {
			return err
		}
		return s.mail.Send(ctx, tx, resetMail(a.who, lang, s.ids.Page()+"/signin?token="+token+"&next=/account"))
	})
}
