package sso

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/store"
)

// Bounds.
const (
	flowLifetime  = 10 * time.Minute
	providerFor   = time.Hour        // how long the provider's description is believed
	patience      = 15 * time.Second // with the provider, for one step
	maxAnswer     = 1 << 20          // bytes of an answer of the provider
	maxGroups     = 1000
	maxGroup      = 256 // characters of a group's name
	maxMappings   = 500 // of an organization
	maxIdentities = 20  // of a user
)

// Types of lines in the audit log.
const (
	Linked         = "sso.linked"
	Unlinked       = "sso.unlinked"
	MappingCreated = "sso_mapping.created"
	MappingUpdated = "sso_mapping.updated"
	MappingDeleted = "sso_mapping.deleted"
	Required       = "sso.updated"
)

// algorithms are those of signatures that count: asymmetric ones.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// Config is the operator's part.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Name         string // of the provider, on the button
	Scopes       []string
	GroupsClaim  string   // a member of the ID token or of userinfo; dots go deeper
	Domains      []string // of e-mail addresses that may come; none: all
	Create       bool     // everybody of the provider becomes a member
	Organization string   // of which, by id or name; empty: the first
}

// Sealer keeps a flow from being read or made by browsers.
type Sealer interface {
	Seal(purpose string, plain []byte) string
	Open(purpose, sealed string) ([]byte, error)
}

// Options of New; all but Config are required.
type Options struct {
	Config   Config
	DB       *store.DB
	Identity *identity.Service
	Clock    clock.Clock
	Logger   *slog.Logger
	Seal     Sealer
	// Confirm refuses who cannot show, by password or by a session that just began, that the account is theirs.
	Confirm func(ctx context.Context, who actor.Actor, password string) error
}

// Service is single sign-on. Make it with New.
type Service struct {
	cfg     Config
	db      *store.DB
	ids     *identity.Service
	clock   clock.Clock
	log     *slog.Logger
	seal    Sealer
	confirm func(ctx context.Context, who actor.Actor, password string) error
	audit   *audit.Log
	http    *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
	asked    time.Time
}

// New returns the service; the provider is asked when somebody signs in.
func New(o Options) *Service {
	return &Service{cfg: o.Config, db: o.DB, ids: o.Identity, clock: o.Clock, log: o.Logger, seal: o.Seal, confirm: o.Confirm,
		audit: audit.New(o.DB, o.Clock), http: &http.Client{Transport: bounded{egress.Client(egress.Operator).Transport}}}
}

// bounded cuts answers that are too long to be an honest provider's.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// Configured reports whether there is a provider.
func (s *Service) Configured() bool { return s.cfg.Issuer != "" }

func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

func notConfigured() error {
	return fault.New(fault.Invalid, "There is no single sign-on: the operator sets sso.issuer, sso.client_id and sso.client_secret in the configuration.").WithCode("sso_not_configured")
}

// ask returns the provider as it describes itself; an hour's old description serves while it does not answer.
func (s *Service) ask(ctx context.Context) (*oidc.Provider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if s.provider != nil && now.Sub(s.asked) < providerFor {
		return s.provider, nil
	}
	p, err := oidc.NewProvider(s.client(ctx), strings.TrimSuffix(s.cfg.Issuer, "/.well-known/openid-configuration"))
	if err != nil {
		if s.provider != nil {
			s.log.WarnContext(ctx, "the provider of single sign-on did not describe itself; what it said before is used", "error", err)
			return s.provider, nil
		}
		return nil, fault.New(fault.Unavailable, "The provider of single sign-on does not answer. Try again in a moment, or sign in another way.").WithCode("sso_unavailable").WithCause(err)
	}
	s.provider, s.asked = p, now
	return p, nil
}

// client makes calls of the context go through egress.
func (s *Service) client(ctx context.Context) context.Context { return oidc.ClientContext(ctx, s.http) }

func (s *Service) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: s.cfg.ClientID, ClientSecret: s.cfg.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: s.ids.Page() + callbackPath, Scopes: s.scopes()}
}

func (s *Service) scopes() []string {
	if len(s.cfg.Scopes) > 0 {
		return s.cfg.Scopes
	}
	return []string{oidc.ScopeOpenID, "email", "profile"}
}

// Name is what the button says.
func (s *Service) Name() string { return s.cfg.Name }
