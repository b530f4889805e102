package identity

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// Names of the session's cookie. Behind TLS it is the second one, which browsers take from this very host over TLS alone and never from a
// neighbour under the same domain.
const (
	Cookie       = "parley_session"
	SecureCookie = "__Host-parley_session"
)

// maxSecret bounds what is hashed and looked up.
const maxSecret = 256

// Authenticate implements httpapi.Authenticator.
func (s *Service) Authenticate(r *http.Request) (actor.Actor, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		secret, ok := secretOf(r, header)
		if !ok {
			return actor.Actor{}, noKey()
		}
		if len(secret) > maxSecret {
			return actor.Actor{}, wrongKey(secret)
		}
		who, err := s.resolve(r.Context(), apiKey, secret)
		if errors.Is(err, errUnknown) {
			return actor.Actor{}, wrongKey(secret)
		}
		if err != nil {
			return actor.Actor{}, err
		}
		return who, checkHeaders(r, who)
	}
	secret := s.CookieOf(r)
	if secret == "" {
		return actor.Actor{}, noKey()
	}
	who, err := s.resolve(r.Context(), sessionCookie, secret)
	if errors.Is(err, errUnknown) {
		return actor.Actor{}, fault.New(fault.Unauthorized, "Your session has ended. Sign in again: with your password, or with a new link, which `parley signin` makes "+
			"on the machine of the server.").WithCode("session_expired")
	}
	if err != nil {
		return actor.Actor{}, err
	}
	return s.Choose(r, who)
}

// Choose returns the signed-in user in the organization and the project that the request's headers name:
// one of those that they are a member of.
func (s *Service) Choose(r *http.Request, who actor.Actor) (actor.Actor, error) {
	org, project := clean(r.Header.Get("OpenAI-Organization")), clean(r.Header.Get("OpenAI-Project"))
	if (org == "" || org == who.Org || org == who.OrgName) && (project == "" || project == who.Project) {
		return who, nil
	}
	chosen, err := asMember(r.Context(), s.db.Read(), cmp.Or(org, who.Org), who.User, project, proof{who.Strong, who.Method})
	if errors.Is(err, store.ErrNoRows) {
		return actor.Actor{}, noOrganization(org, project)
	}
	chosen.Session = who.Session
	return chosen, err
}

// noOrganization says that one is not a member of what was asked for, whether or not it exists.
func noOrganization(org, project string) error {
	if project != "" {
		return fault.New(fault.Unauthorized, "No such project: %s. You must be a member of a project to act in it: correct or leave out the OpenAI-Project and OpenAI-Organization headers.",
			shown(project)).WithCode("mismatched_project")
	}
	return fault.New(fault.Unauthorized, "No such organization: %s. You must be a member of an organization to use the API: correct or leave out the OpenAI-Organization header.",
		shown(org)).WithCode("invalid_organization")
}

// secretOf returns the key of an Authorization header: bearer, or either half of HTTP basic.
func secretOf(r *http.Request, header string) (string, bool) {
	if scheme, rest, _ := strings.Cut(header, " "); strings.EqualFold(scheme, "Bearer") {
		secret := strings.TrimSpace(rest)
		return secret, secret != ""
	}
	user, password, ok := r.BasicAuth()
	if password == "" {
		password = user
	}
	return password, ok && password != ""
}

func noKey() error {
	return fault.New(fault.Unauthorized, "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "+
		"(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API from your browser and are "+
		"prompted for a username and password. You can obtain an API key with `parley keys create --name NAME` on the machine of the server.")
}

func wrongKey(secret string) error {
	return fault.New(fault.Unauthorized, "Incorrect API key provided: %s. You can obtain an API key with `parley keys create --name NAME` on the machine of the server.",
		mask(secret)).WithCode("invalid_api_key")
}

// mask keeps what helps to find the key again and hides what would let somebody use it.
func mask(secret string) string {
	secret = printable(secret)
	head, tail := 8, 4
	if len(secret) < 24 {
		head, tail = 3, 0
	}
	head = min(head, len(secret)/2)
	return secret[:head] + strings.Repeat("*", min(len(secret)-head-tail, 40)) + secret[len(secret)-tail:]
}

// printable writes a question mark for what is not ASCII that can be seen.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '!' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// shown is the name of an organization as it was sent, unless it is a key in the wrong place.
func shown(org string) string {
	if strings.HasPrefix(org, "sk-") {
		return mask(org)
	}
	return printable(org[:min(len(org), 64)])
}

// checkHeaders refuses a request that was meant for another organization or project.
func checkHeaders(r *http.Request, who actor.Actor) error {
	if org := r.Header.Get("OpenAI-Organization"); org != "" && org != who.Org && org != who.OrgName {
		return fault.New(fault.Unauthorized, "No such organization: %s. You must be a member of an organization to use the API: your key belongs to %s. "+
			"Leave out the OpenAI-Organization header (openai.organization, OPENAI_ORG_ID) or set it to that.", shown(org), who.Org).WithCode("invalid_organization")
	}
	if project := r.Header.Get("OpenAI-Project"); project != "" && project != who.Project {
		return fault.New(fault.Unauthorized, "OpenAI-Project header should match project for API key: your key belongs to %s. "+
			"Leave out the header (OPENAI_PROJECT_ID) or set it to that.", who.Project).WithCode("mismatched_project")
	}
	return nil
}

// SessionInfo says who is signed in.
type SessionInfo struct {
	Object       string   `json:"object" enum:"session" doc:"Always session."`
	User         Named    `json:"user" doc:"The one who acts."`
	Email        string   `json:"email" doc:"The user's e-mail address; empty when none is known."`
	Held         string   `json:"held,omitempty" enum:"second_factor" doc:"What is missing before more than one's own account can be used: second_factor, because the organization requires one."`
	Role         string   `json:"role" doc:"The user's role in the organization." example:"owner"`
	Scopes       []string `json:"scopes" doc:"What the user or the key may do: patterns such as *, chat.write, *.read."`
	Operator     bool     `json:"operator" doc:"Whether the user looks after the installation, and may use the operations below /api/operator."`
	Reviewer     bool     `json:"reviewer" doc:"Whether the user may read kept bodies of requests, by the queue below /api/review."`
	Organization Named    `json:"organization" doc:"The organization that the user belongs to."`
	Project      Named    `json:"project" doc:"The project that new objects go to."`
	ExpiresAt    *int64   `json:"expires_at" doc:"When the session ends unless it is used, in seconds since 1970; null for an API key."`
	APIKeyID     *string  `json:"api_key_id" doc:"The key that was used; null for a browser session."`
}

// OpenAPIName is the schema's name.
func (SessionInfo) OpenAPIName() string { return "Session" }

// Named is something with a name.
type Named struct {
	ID   string `json:"id" doc:"Its id."`
	Name string `json:"name" doc:"Its name, for people."`
}

// Removed says that something is gone.
type Removed struct {
	ID      string `json:"id" doc:"What was deleted."`
	Object  string `json:"object" doc:"Its type." example:"api_key"`
	Deleted bool   `json:"deleted" doc:"Always true."`
}

// OpenAPIName is the schema's name.
func (Removed) OpenAPIName() string { return "Deleted" }

// APIKey is an API key.
type APIKey struct {
	Object     string      `json:"object" enum:"api_key" doc:"Always api_key."`
	ID         string      `json:"id" doc:"The key's id." example:"key_abc123"`
	Name       string      `json:"name" doc:"What the key is for, in your words."`
	Secret     string      `json:"secret,omitempty" doc:"The key itself. It is shown only in the answer that made it."`
	Redacted   string      `json:"redacted" doc:"The key's beginning and end." example:"sk-ab…wxyz"`
	Permission string      `json:"permission" enum:"all,read_only,restricted" doc:"What the key may do, in short."`
	Scopes     []string    `json:"scopes" doc:"What the key may do, as far as its user's role allows; * is everything."`
	Models     *[]string   `json:"models" doc:"The models that the key may ask for; null: all."`
	TrackUsage bool        `json:"track_usage" doc:"Whether its usage is counted apart: only then it is shown by key."`
	Owner      OwnerObject `json:"owner" doc:"Whose it is."`
	CreatedAt  int64       `json:"created_at" doc:"When it was made, in seconds since 1970."`
	ExpiresAt  *int64      `json:"expires_at" doc:"When it stops, in seconds since 1970; null: never."`
	LastUsedAt *int64      `json:"last_used_at" doc:"When it was last used, in seconds since 1970; null: never."`
}

// CreateKeyRequest makes an API key.
type CreateKeyRequest struct {
	Name string `json:"name,omitempty" doc:"What the key is for, in your words." max:"100"`
	// Three ways to say the same.
	Permission  string            `json:"permission,omitempty" enum:"all,read_only,restricted" doc:"What the key may do; restricted: what permissions or scopes say. Left out, all that you may."`
	Permissions map[string]string `json:"permissions,omitempty" doc:"none, read or write (which includes read) by group: models, chat, completions, embeddings, files, fine_tuning, assistants, images, audio, moderations."`
	Scopes      []string          `json:"scopes,omitempty" doc:"What the key may do, such as chat.write."`
	Models      []string          `json:"models,omitempty" doc:"The models that the key may ask for; left out, all that you may."`
	TrackUsage  *bool             `json:"track_usage,omitempty" doc:"Whether its usage is counted apart; true when left out. False sums it up with that of all other such keys, as untracked."`
	ExpiresAt   *int64            `json:"expires_at,omitempty" doc:"When it stops, in seconds since 1970; left out, never."`
}

// Routes are identity's lines of the route table.
func (s *Service) Routes() []httpapi.Route {
	return slices.Concat(s.organizationRoutes(), s.settingsRoutes(), []httpapi.Route{
		{Method: http.MethodGet, Path: "/api/session", Op: "getSession", Tag: "Session", Summary: "Says who you are.",
			Out: SessionInfo{}, Scope: actor.SessionRead, Handle: s.getSession},
		{Method: http.MethodDelete, Path: "/api/session", Op: "deleteSession", Tag: "Session", Summary: "Signs the browser out.",
			Out: Removed{}, Handle: s.removeSession},
		{Method: http.MethodGet, Path: "/api/keys", Op: "listKeys", Tag: "API keys", Summary: "Lists the project's API keys.",
			Out: httpapi.List[APIKey]{}, Query: httpapi.PageQuery{}, Scope: actor.KeysRead, Handle: s.getKeys},
		{Method: http.MethodPost, Path: "/api/keys", Op: "createKey", Tag: "API keys", Summary: "Makes an API key; its secret is shown once.",
			In: CreateKeyRequest{}, Out: APIKey{}, Scope: actor.KeysWrite, MaxBody: 64 << 10, Handle: s.postKey},
		{Method: http.MethodDelete, Path: "/api/keys/{key}", Op: "deleteKey", Tag: "API keys", Summary: "Revokes an API key.",
			Out: Removed{}, Scope: actor.KeysWrite, Handle: s.deleteKey},
	}, s.keyRoutes(), s.membershipRoutes())
}

// Visitor is who is signed in with the request's cookie: the zero Actor when nobody is.
func (s *Service) Visitor(r *http.Request) (actor.Actor, error) {
	secret := s.CookieOf(r)
	if secret == "" {
		return actor.Actor{}, nil
	}
	who, err := s.resolve(r.Context(), sessionCookie, secret)
	if errors.Is(err, errUnknown) {
		err = nil
	}
	return who, err
}

func (s *Service) getSession(w http.ResponseWriter, r *http.Request) error {
	who, secret := httpapi.ActorOf(r.Context()), ""
	if who.Session != "" {
		secret = s.CookieOf(r) // sent again, so that the browser's copy slides with ours
	}
	return s.AnswerSession(w, r, who, secret)
}

// AnswerSession says who is signed in, and sets the cookie when secret is not empty.
func (s *Service) AnswerSession(w http.ResponseWriter, r *http.Request, who actor.Actor, secret string) error {
	p, err := s.person(r.Context(), who)
	if err != nil {
		return err
	}
	out := SessionInfo{Object: "session", User: Named{cmp.Or(who.User, who.Service), p.name}, Role: cmp.Or(who.Role, actor.Member),
		Organization: Named{who.Org, who.OrgName}, Project: Named{who.Project, p.projectName}, Scopes: who.Scopes, Operator: who.Operator, Reviewer: who.Reviewer, Email: who.Email}
	if who.Held {
		out.Held = "second_factor"
	}
	if secret != "" {
		s.SetCookie(w, r, secret)
		end := s.now().Add(s.Idle).Unix()
		out.ExpiresAt = &end
	}
	if who.Key != "" {
		out.APIKeyID = &who.Key
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpapi.JSON(w, http.StatusOK, out)
}

func (s *Service) removeSession(w http.ResponseWriter, r *http.Request) error {
	who := httpapi.ActorOf(r.Context())
	if err := s.SignOut(r.Context(), who); err != nil {
		return err
	}
	s.SetCookie(w, r, "")
	return httpapi.JSON(w, http.StatusOK, Removed{ID: who.Session, Object: "session", Deleted: true})
}

// Secure reports whether the browser speaks TLS, to us or to a proxy. A proxy's claim, whoever makes it, only makes the cookie stricter.
func (s *Service) Secure(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return true
	}
	page, err := url.Parse(s.Page())
	return err == nil && page.Scheme == "https" && page.Host == r.Host
}

// CookieOf is the session's secret that the request came with; empty: none.
func (s *Service) CookieOf(r *http.Request) string {
	name := Cookie
	if s.Secure(r) {
		name = SecureCookie
	}
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > maxSecret {
		return ""
	}
	return c.Value
}

// SetCookie gives the browser the session's secret; an empty one takes it away.
func (s *Service) SetCookie(w http.ResponseWriter, r *http.Request, secret string) {
	c := http.Cookie{Name: Cookie, Value: secret, Path: "/", MaxAge: int(s.Idle / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if secret == "" {
		c.MaxAge = -1
	}
	if s.Secure(r) {
		c.Name, c.Secure = SecureCookie, true
	}
	http.SetCookie(w, &c)
}

func (s *Service) getKeys(w http.ResponseWriter, r *http.Request) error {
	p, err := httpapi.PageOf(r)
	if err != nil {
		return err
	}
	keys, more, err := s.ListKeys(r.Context(), httpapi.ActorOf(r.Context()), store.Paging(p))
	if err != nil {
		return err
	}
	out := make([]APIKey, len(keys))
	for i, k := range keys {
		out[i] = apiKeyObject(k, "")
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(k APIKey) string { return k.ID }))
}

func (s *Service) postKey(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[CreateKeyRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	wanted, err := in.key()
	if err != nil {
		return err
	}
	secret, k, err := s.CreateKey(r.Context(), httpapi.ActorOf(r.Context()), wanted)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpapi.JSON(w, http.StatusOK, apiKeyObject(k, secret))
}

func (s *Service) deleteKey(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("key")
	if err := s.RevokeKey(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, Removed{ID: id, Object: "api_key", Deleted: true})
}

func apiKeyObject(k Key, secret string) APIKey {
	var models *[]string
	if k.Models != nil {
		models = &k.Models
	}
	return APIKey{Object: "api_key", ID: k.ID, Name: k.Name, Secret: secret, Redacted: k.Redacted, Permission: permissionOf(k.Scopes), Scopes: k.Scopes, Models: models,
		TrackUsage: k.Track, Owner: ownerObject(k), CreatedAt: k.Created.Unix(), ExpiresAt: orNil(k.Expires), LastUsedAt: orNil(k.LastUsed)}
}
