package sso

import (
	"context"
	"encoding/json"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/store"
)

// Of back-channel logout (OpenID Connect Back-Channel Logout 1.0).
const (
	logoutEvent  = "http://schemas.openid.net/event/backchannel-logout"
	logoutWithin = 5 * time.Minute // so old a logout token may be: one that was caught somewhere ends nobody's sessions later
	maxSession   = 255             // bytes of what a provider calls a session
)

// Logout ends sessions that began through the provider, because it says that the person signed out there: one of them where the logout
// token names it, else all of the person's. Who is signed in by password or link stays. Sessions that are over already are no error.
func (s *Service) Logout(ctx context.Context, token string) (err error) {
	defer fault.Wrap(&err, "sso.Logout")
	if !s.Configured() {
		return notConfigured()
	}
	bad := func(why error) error {
		return fault.New(fault.Invalid, "The logout token cannot be trusted.").WithCode("invalid_request").WithCause(why)
	}
	ctx, cancel := context.WithTimeout(s.client(ctx), patience)
	defer cancel()
	p, err := s.ask(ctx)
	if err != nil {
		return err
	}
	verified, err := p.Verifier(&oidc.Config{ClientID: s.cfg.ClientID, SupportedSigningAlgs: algorithms, Now: s.clock.Now}).Verify(ctx, token)
	if err != nil {
		return bad(err)
	}
	claims := map[string]json.RawMessage{}
	if err := verified.Claims(&claims); err != nil {
		return bad(err)
	}
	events := map[string]json.RawMessage{}
	sid := text(claims["sid"])
	switch age := s.now().Sub(verified.IssuedAt); {
	case json.Unmarshal(claims["events"], &events) != nil || events[logoutEvent] == nil:
		return bad(causeText("the token is no logout token"))
	case claims["nonce"] != nil:
		return bad(causeText("the token is an ID token"))
	case age > logoutWithin || age < -logoutWithin:
		return bad(causeText("the token was issued at another time"))
	case verified.Subject == "" && sid == "":
		return bad(causeText("the token names neither a person nor a session"))
	}
	if !identity.Storable(verified.Subject) || !identity.Storable(sid) || len(verified.Subject) > maxSession || len(sid) > maxSession {
		return nil // nobody has such a one
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		user := ""
		if verified.Subject != "" {
			if user, err = s.identityOf(ctx, tx, verified.Subject); err != nil || user == "" {
				return err
			}
		}
		return s.ids.EndProvided(ctx, tx, user, sid)
	})
}
