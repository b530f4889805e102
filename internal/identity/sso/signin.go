package sso

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/store"
)

// Result is how a flow ended.
type Result struct {
	Session identity.Session // the zero one for a link
	Next    string           // where the browser goes, also after an error
	Link    bool
}

// Finish ends a flow with the provider's answer: a sign-in begins a session, a link makes the identity a way into
// the account of visitor, who is signed in. instead is the browser's session so far.
func (s *Service) Finish(ctx context.Context, sealed string, answer url.Values, visitor actor.Actor, instead string) (out Result, err error) {
	defer fault.Wrap(&err, "sso.Finish")
	if !s.Configured() {
		return Result{Next: "/"}, notConfigured()
	}
	f, err := s.open(sealed, answer)
	out = Result{Next: local(f.Next), Link: f.User != ""}
	if err != nil {
		return out, err
	}
	if out.Link && (visitor.User != f.User || visitor.Session != f.Session) {
		return out, fault.New(fault.Unauthorized, "You were signed out, or somebody else signed in, while the identity was being linked. Begin again.").WithCode("sso_state")
	}
	p, err := s.redeem(ctx, f, answer)
	if err != nil {
		return out, err
	}
	if err := s.allowed(p); err != nil {
		return out, err
	}
	if out.Link {
		return out, s.link(ctx, visitor, p)
	}
	out.Session, err = s.signIn(ctx, p, instead)
	return out, err
}

// allowed refuses people of other domains.
func (s *Service) allowed(p person) error {
	if len(s.cfg.Domains) == 0 {
		return nil
	}
	_, domain, _ := strings.Cut(p.Email, "@")
	if p.Verified && slices.ContainsFunc(s.cfg.Domains, func(d string) bool { return strings.EqualFold(d, domain) }) {
		return nil
	}
	return fault.New(fault.Forbidden, "People with this e-mail address cannot sign in here.").WithCode("sso_domain")
}

// link makes the person another way into the account of who is signed in.
func (s *Service) link(ctx context.Context, who actor.Actor, p person) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		user, err := s.identityOf(ctx, tx, p.Subject)
		if err != nil {
			return err
		}
		if user == who.User {
			return s.seen(ctx, tx, p)
		}
		if user != "" {
			return fault.New(fault.Conflict, "This identity belongs to another account.").WithCode("sso_taken")
		}
		if err := s.insertIdentity(ctx, tx, who.User, p); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: Linked, Object: who.User, After: map[string]any{"issuer": s.cfg.Issuer, "email": p.Email}})
	})
}

// signIn finds or makes the person's account, makes its memberships what their groups say, and begins a session.
func (s *Service) signIn(ctx context.Context, p person, instead string) (session identity.Session, err error) {
	// Two first sign-ins of one person make one account: who comes second finds it made, and looks again.
	for range 3 {
		if session, err = s.signInOnce(ctx, p, instead); !store.IsUnique(err) {
			break
		}
	}
	return session, err
}

func (s *Service) signInOnce(ctx context.Context, p person, instead string) (session identity.Session, err error) {
	var denied error
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		denied = nil
		grants, err := s.grants(ctx, tx, p.Groups)
		if err != nil {
			return err
		}
		user, err := s.account(ctx, tx, p, len(grants) > 0)
		if err != nil {
			return err
		}
		// Where no groups are read nobody is in one, and what they gave stays as it is.
		if s.cfg.GroupsClaim != "" {
			if err := s.follow(ctx, tx, user, grants); err != nil {
				return err
			}
		}
		org, err := s.ids.Home(ctx, tx, user)
		if err != nil {
			return err
		}
		if org == "" && s.cfg.Create {
			if org, err = s.join(ctx, tx, user); err != nil {
				return err
			}
		}
		if org == "" {
			// What the groups took away stays taken: this is no error of the transaction.
			denied = notInvited()
			return nil
		}
		session, err = s.ids.BeginSession(ctx, tx, identity.Beginning{Org: org, User: user, Method: identity.BySSO, SecondFactor: true, Provided: p.Session, Instead: instead})
		return err
	})
	if err == nil {
		err = denied
	}
	return session, err
}

func notInvited() error {
	return fault.New(fault.Forbidden, "There is no account for you here, and no invitation. Ask whoever looks after your organization to invite you.").WithCode("sso_not_invited")
}

// account returns the person's account: the one that is theirs, one with their verified address, or a new one
// where an invitation, a group or the operator lets them in.
func (s *Service) account(ctx context.Context, tx *store.Tx, p person, granted bool) (string, error) {
	user, err := s.identityOf(ctx, tx, p.Subject)
	if err != nil {
		return "", err
	}
	if user != "" {
		if p.Verified {
			if err := s.ids.AcceptInvites(ctx, tx, user, p.Email); err != nil {
				return "", err
			}
		}
		return user, s.seen(ctx, tx, p)
	}
	if !p.Verified {
		return "", fault.New(fault.Forbidden, "The provider has not verified your e-mail address, so it cannot tell which account is yours. If you have one here, sign in to it and link the two in its settings.").WithCode("sso_email")
	}
	if _, err := identity.EmailOf(p.Email); err != nil {
		return "", fault.New(fault.Forbidden, "The provider tells no e-mail address of yours.").WithCode("sso_email")
	}
	if user, err = s.ids.UserByEmail(ctx, tx, p.Email); err != nil {
		return "", err
	}
	if user != "" {
		if err := s.adopt(ctx, tx, user); err != nil {
			return "", err
		}
	} else {
		invited, err := s.ids.PendingInvites(ctx, tx, p.Email)
		if err != nil {
			return "", err
		}
		if invited == 0 && !granted && !s.cfg.Create {
			return "", notInvited()
		}
		if user, err = s.ids.NewUser(ctx, tx, p.Email, p.Name); err != nil {
			return "", err
		}
	}
	if err := s.ids.VerifyEmail(ctx, tx, user); err != nil {
		return "", err
	}
	if err := s.insertIdentity(ctx, tx, user, p); err != nil {
		return "", err
	}
	return user, s.ids.AcceptInvites(ctx, tx, user, p.Email)
}

// adopt takes an account that was found by its address for the person whom the provider vouches for: whoever
// made it may not have been them.
func (s *Service) adopt(ctx context.Context, tx *store.Tx, user string) error {
	removed, err := s.removeProofs(ctx, tx, user)
	if err != nil {
		return err
	}
	if err := s.ids.EndSessions(ctx, tx, user, ""); err != nil {
		return err
	}
	keys, err := s.ids.TakeOver(ctx, tx, user)
	if err != nil {
		return err
	}
	org, err := s.ids.Home(ctx, tx, user)
	if err != nil || org == "" {
		return err
	}
	return s.audit.Record(ctx, tx, actor.Actor{Org: org, User: user}, audit.Event{Type: Linked, Object: user, After: map[string]any{"issuer": s.cfg.Issuer, "password_removed": removed, "keys_revoked": keys}})
}

// follow makes the user's memberships what their groups say.
func (s *Service) follow(ctx context.Context, tx *store.Tx, user string, grants []identity.Grant) error {
	given := map[string]bool{}
	for _, g := range grants {
		given[g.Org] = true
		if err := s.ids.Provide(ctx, tx, user, g); err != nil {
			return err
		}
	}
	provided, err := s.ids.Provided(ctx, tx, user)
	if err != nil {
		return err
	}
	for _, org := range provided {
		if given[org] {
			continue
		}
		if err := s.ids.Withdraw(ctx, tx, user, org); err != nil {
			return err
		}
	}
	return nil
}

// join makes the user a member of the organization for everybody.
func (s *Service) join(ctx context.Context, tx *store.Tx, user string) (string, error) {
	org, err := organization(ctx, tx, s.cfg.Organization)
	if err != nil {
		return "", err
	}
	return org, s.ids.Provide(ctx, tx, user, identity.Grant{Org: org, Role: actor.Member, Stays: true})
}

// ranks order roles.
var ranks = map[string]int{actor.Reader: 1, actor.Member: 2, actor.Admin: 3, actor.Owner: 4}

// grants joins the mappings of a person's groups: of several of an organization the highest role and all projects.
func (s *Service) grants(ctx context.Context, tx *store.Tx, groups []string) (out []identity.Grant, err error) {
	all, err := s.everyMapping(ctx, tx)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for _, m := range all {
		if !slices.Contains(groups, m.Group) {
			continue
		}
		i, ok := at[m.Org]
		if !ok {
			i = len(out)
			at[m.Org] = i
			out = append(out, identity.Grant{Org: m.Org, Role: m.Role})
		}
		if ranks[m.Role] > ranks[out[i].Role] {
			out[i].Role = m.Role
		}
		for _, p := range m.Projects {
			j := slices.IndexFunc(out[i].Projects, func(q identity.ProjectRole) bool { return q.ID == p.ID })
			if j < 0 {
				out[i].Projects = append(out[i].Projects, p)
			} else if p.Role == actor.Owner {
				out[i].Projects[j].Role = actor.Owner
			}
		}
	}
	return out, nil
}
