package sso

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
)

// Paths of the flow. The provider has to know the callback: BASE_URL + callbackPath.
const (
	startPath    = "/signin/sso"
	callbackPath = "/signin/sso/callback"
	logoutPath   = "/signin/sso/logout"
)

// Names of the flow's cookie. Behind TLS it is the second one, which browsers take from this very host over TLS alone: a neighbour under
// the same domain cannot give a browser its own flow. Such a cookie has to be for all paths; the other one is sent to the callback alone.
const (
	cookieName       = "parley_sso"
	secureCookieName = "__Host-parley_sso"
)

// InfoObject says whether one can sign in through a provider.
type InfoObject struct {
	Object  string `json:"object" enum:"sso"`
	Enabled bool   `json:"enabled" doc:"Whether there is a provider."`
	Name    string `json:"name" doc:"Its name, for the button; empty when the operator gave none."`
	URL     string `json:"url" doc:"Where a browser begins; the query parameter next is the path that it ends at."`
}

// OpenAPIName is the schema's name.
func (InfoObject) OpenAPIName() string { return "SingleSignOn" }

// MappingObject is what a group may.
type MappingObject struct {
	Object    string                 `json:"object" enum:"sso_mapping"`
	ID        string                 `json:"id" example:"ssomap_abc"`
	Group     string                 `json:"group" doc:"The group's name, as the provider has it."`
	Role      string                 `json:"role" doc:"What its people are in the organization." enum:"owner,admin,member,reader"`
	Projects  []identity.ProjectRole `json:"projects" doc:"The projects that they are in; empty: the default project."`
	CreatedAt int64                  `json:"created_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (MappingObject) OpenAPIName() string { return "SSOMapping" }

// MappingRequest gives a group a role.
type MappingRequest struct {
	Group    string                 `json:"group" doc:"The group's name, as the provider has it." max:"256"`
	Role     string                 `json:"role" doc:"What its people are in the organization." enum:"owner,admin,member,reader"`
	Projects []identity.ProjectRole `json:"projects,omitempty" doc:"The projects that they are in; left out: the default project."`
}

// OpenAPIName is the schema's name.
func (MappingRequest) OpenAPIName() string { return "SSOMappingRequest" }

// SettingsObject is single sign-on in an organization.
type SettingsObject struct {
	Object      string          `json:"object" enum:"organization.sso"`
	Enabled     bool            `json:"enabled" doc:"Whether the operator set a provider."`
	Name        string          `json:"name" doc:"The provider's name."`
	Issuer      string          `json:"issuer" doc:"The provider's address."`
	GroupsClaim string          `json:"groups_claim" doc:"The member of the ID token that lists groups; empty: none is read, and mappings do nothing."`
	CallbackURL string          `json:"callback_url" doc:"The address that the provider has to allow."`
	Required    bool            `json:"required" doc:"Whether sessions that began with a password may nothing in the organization."`
	Mappings    []MappingObject `json:"mappings"`
}

// OpenAPIName is the schema's name.
func (SettingsObject) OpenAPIName() string { return "OrganizationSSO" }

// SettingsRequest changes single sign-on in an organization.
type SettingsRequest struct {
	Required *bool `json:"required" doc:"Whether sessions that began with a password may nothing in the organization."`
}

// OpenAPIName is the schema's name.
func (SettingsRequest) OpenAPIName() string { return "OrganizationSSORequest" }

// IdentityObject is a way into one's account.
type IdentityObject struct {
	Object     string `json:"object" enum:"sso_identity"`
	ID         string `json:"id" example:"ssoid_abc"`
	Issuer     string `json:"issuer" doc:"The provider's address."`
	Email      string `json:"email" doc:"The address that the provider last told."`
	CreatedAt  int64  `json:"created_at" doc:"Seconds since 1970."`
	LastUsedAt int64  `json:"last_used_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (IdentityObject) OpenAPIName() string { return "SSOIdentity" }

// LinkRequest begins to link an identity.
type LinkRequest struct {
	Password string `json:"current_password,omitempty" doc:"Your password; left out when your session began by a link or a provider less than 15 minutes ago: who has none signs in anew."`
	Next     string `json:"next,omitempty" doc:"The path of the web app to come back to."`
}

// OpenAPIName is the schema's name.
func (LinkRequest) OpenAPIName() string { return "SSOLinkRequest" }

// LinkObject is where the browser goes to link an identity.
type LinkObject struct {
	Object string `json:"object" enum:"sso_link"`
	URL    string `json:"url" doc:"The provider's page; go there within ten minutes."`
}

// OpenAPIName is the schema's name.
func (LinkObject) OpenAPIName() string { return "SSOLink" }

// UnlinkRequest confirms that an identity is to go.
type UnlinkRequest struct {
	Password string `json:"current_password,omitempty" doc:"Your password; left out when your session began by a link or a provider less than 15 minutes ago: who has none signs in anew."`
}

// OpenAPIName is the schema's name.
func (UnlinkRequest) OpenAPIName() string { return "SSOUnlinkRequest" }

type startQuery struct {
	Next string `query:"next" doc:"The path of the web app to end at."`
}

// Routes are single sign-on's lines of the route table.
func (s *Service) Routes() []httpapi.Route {
	const (
		account = "/api/account/sso"
		org     = "/api/organization/sso"
		one     = org + "/mappings/{mapping_id}"
	)
	return []httpapi.Route{
		{Method: http.MethodGet, Path: startPath, Op: "startSSO", Tag: "Session", Summary: "Sends a browser to the provider of single sign-on.",
			Query: startQuery{}, Produces: "text/html", Auth: httpapi.AuthNone, Handle: s.getStart},
		{Method: http.MethodGet, Path: callbackPath, Op: "finishSSO", Tag: "Session", Summary: "Where the provider of single sign-on sends browsers back to.",
			Produces: "text/html", Auth: httpapi.AuthNone, Handle: s.getCallback},
		{Method: http.MethodPost, Path: logoutPath, Op: "logoutSSO", Tag: "Session", Summary: "Where the provider of single sign-on says that somebody signed out there (back-channel logout).",
			Doc:  "A form with `logout_token`, as OpenID Connect Back-Channel Logout 1.0 has it.",
			Auth: httpapi.AuthNone, MaxBody: 64 << 10, Handle: s.postLogout},
		{Method: http.MethodGet, Path: "/api/sso", Op: "getSSO", Tag: "Session", Summary: "Says whether one can sign in through a provider.",
			Out: InfoObject{}, Auth: httpapi.AuthNone, Handle: s.getInfo},

		{Method: http.MethodGet, Path: account, Op: "listSSOIdentities", Tag: "Account", Summary: "The identities that sign in to your account.",
			Out: httpapi.List[IdentityObject]{}, Scope: actor.SessionRead, Handle: s.getIdentities},
		{Method: http.MethodPost, Path: account, Op: "linkSSO", Tag: "Account", Summary: "Begins to link an identity to your account.",
			In: LinkRequest{}, Out: LinkObject{}, Scope: actor.SessionWrite, MaxBody: 8192, Handle: s.postLink},
		{Method: http.MethodPost, Path: account + "/{identity_id}/delete", Op: "unlinkSSO", Tag: "Account", Summary: "Removes an identity from your account.",
			In: UnlinkRequest{}, Out: identity.Removed{}, Scope: actor.SessionWrite, MaxBody: 8192, Handle: s.postUnlink},

		{Method: http.MethodGet, Path: org, Op: "getOrganizationSSO", Tag: "Organization", Summary: "Single sign-on in the organization, with what groups may.",
			Out: SettingsObject{}, Scope: actor.OrganizationRead, Handle: s.getSettings},
		{Method: http.MethodPost, Path: org, Op: "updateOrganizationSSO", Tag: "Organization", Summary: "Closes the organization to sessions that began with a password, or opens it again.",
			In: SettingsRequest{}, Out: SettingsObject{}, Scope: actor.OrganizationWrite, MaxBody: 4096, Handle: s.postSettings},
		{Method: http.MethodPost, Path: org + "/mappings", Op: "createSSOMapping", Tag: "Organization", Summary: "Gives a group of the provider a role.",
			In: MappingRequest{}, Out: MappingObject{}, Scope: actor.OrganizationWrite, MaxBody: 64 << 10, Handle: s.postMapping},
		{Method: http.MethodPost, Path: one, Op: "updateSSOMapping", Tag: "Organization", Summary: "Changes what a group may.",
			In: MappingRequest{}, Out: MappingObject{}, Scope: actor.OrganizationWrite, MaxBody: 64 << 10, Handle: s.postMappingUpdate},
		{Method: http.MethodDelete, Path: one, Op: "deleteSSOMapping", Tag: "Organization", Summary: "Ends what a group may: who came by it alone loses their place at their next sign-in.",
			Out: identity.Removed{}, Scope: actor.OrganizationWrite, Handle: s.deleteMappingRoute},
	}
}

func (s *Service) getStart(w http.ResponseWriter, r *http.Request) error {
	next := r.URL.Query().Get("next")
	address, sealed, err := s.Start(r.Context(), next, actor.Actor{})
	if err != nil {
		return s.back(w, r, Result{Next: local(next)}, err)
	}
	s.setCookie(w, r, sealed)
	return redirect(w, r, address)
}

func (s *Service) getCallback(w http.ResponseWriter, r *http.Request) error {
	sealed := ""
	if c, err := r.Cookie(s.newCookie(r).Name); err == nil {
		sealed = c.Value
	}
	// Once, however it ends.
	s.setCookie(w, r, "")
	visitor, err := s.ids.Visitor(r)
	if err != nil && fault.KindOf(err) != fault.Unauthorized {
		return err
	}
	out, err := s.Finish(r.Context(), sealed, r.URL.Query(), visitor, s.ids.CookieOf(r))
	if err != nil {
		return s.back(w, r, out, err)
	}
	if !out.Link {
		s.ids.SetCookie(w, r, out.Session.Secret)
	}
	return redirect(w, r, out.Next)
}

// postLogout is called by the provider, not by a browser.
func (s *Service) postLogout(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	if err := s.Logout(r.Context(), r.PostFormValue("logout_token")); err != nil {
		e := fault.As(err)
		if e != nil && errors.Unwrap(e) != nil {
			s.log.WarnContext(r.Context(), "a logout of single sign-on was refused", "code", e.Code, "error", e.Err)
		}
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// back sends the browser to a page that says what went wrong.
func (s *Service) back(w http.ResponseWriter, r *http.Request, out Result, err error) error {
	e := fault.As(err)
	if e == nil || e.Code == "" {
		return err
	}
	if errors.Unwrap(e) != nil {
		s.log.WarnContext(r.Context(), "a single sign-on failed", "code", e.Code, "error", e.Err)
	} else {
		s.log.InfoContext(r.Context(), "a single sign-on was refused", "code", e.Code)
	}
	page := &url.URL{Path: "/signin"}
	q := url.Values{"sso_error": {e.Code}}
	if out.Link {
		if u, err := url.Parse(out.Next); err == nil {
			page, q = u, u.Query()
			q.Set("sso_error", e.Code)
		}
	} else if out.Next != "" && out.Next != "/" {
		q.Set("next", out.Next)
	}
	page.RawQuery = q.Encode()
	return redirect(w, r, page.String())
}

func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	w.Header().Set("Cache-Control", "no-store")
	// The answer's address holds a code: no page gets to see it.
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// setCookie gives the browser the flow; empty takes it away. It is sent when the provider sends the browser
// back, which is another site: hence Lax.
func (s *Service) setCookie(w http.ResponseWriter, r *http.Request, sealed string) {
	c := s.newCookie(r)
	c.Value, c.MaxAge = sealed, until()
	if sealed == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, &c)
}

// newCookie is the flow's for this connection, still empty.
func (s *Service) newCookie(r *http.Request) http.Cookie {
	c := http.Cookie{Name: cookieName, Path: startPath, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if s.ids.Secure(r) {
		c.Name, c.Path, c.Secure = secureCookieName, "/", true
	}
	return c
}

func (s *Service) getInfo(w http.ResponseWriter, r *http.Request) error {
	return httpapi.JSON(w, http.StatusOK, InfoObject{Object: "sso", Enabled: s.Configured(), Name: s.cfg.Name, URL: startPath})
}

func (s *Service) getIdentities(w http.ResponseWriter, r *http.Request) error {
	items, err := s.Identities(r.Context(), httpapi.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	out := make([]IdentityObject, len(items))
	for i, x := range items {
		out[i] = IdentityObject{Object: "sso_identity", ID: x.ID, Issuer: x.Issuer, Email: x.Email, CreatedAt: x.Created.Unix(), LastUsedAt: x.LastUsed.Unix()}
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, false, func(o IdentityObject) string { return o.ID }))
}

func (s *Service) postLink(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[LinkRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	address, sealed, err := s.StartLink(r.Context(), httpapi.ActorOf(r.Context()), in.Password, in.Next)
	if err != nil {
		return err
	}
	s.setCookie(w, r, sealed)
	w.Header().Set("Cache-Control", "no-store")
	return httpapi.JSON(w, http.StatusOK, LinkObject{Object: "sso_link", URL: address})
}

func (s *Service) postUnlink(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[UnlinkRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	id := r.PathValue("identity_id")
	if err := s.Unlink(r.Context(), httpapi.ActorOf(r.Context()), id, in.Password); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, identity.Removed{ID: id, Object: "sso_identity", Deleted: true})
}

func (s *Service) answerSettings(w http.ResponseWriter, r *http.Request) error {
	settings, err := s.Settings(r.Context(), httpapi.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	out := SettingsObject{Object: "organization.sso", Enabled: s.Configured(), Name: s.cfg.Name, Issuer: s.cfg.Issuer, GroupsClaim: s.cfg.GroupsClaim,
		CallbackURL: s.ids.Page() + callbackPath, Required: settings.Required, Mappings: make([]MappingObject, len(settings.Mappings))}
	for i, m := range settings.Mappings {
		out.Mappings[i] = mappingObject(m)
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func mappingObject(m Mapping) MappingObject {
	return MappingObject{Object: "sso_mapping", ID: m.ID, Group: m.Group, Role: m.Role, Projects: list(m.Projects), CreatedAt: m.Created.Truncate(time.Second).Unix()}
}

func (s *Service) getSettings(w http.ResponseWriter, r *http.Request) error {
	return s.answerSettings(w, r)
}

func (s *Service) postSettings(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[SettingsRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("required", in.Required != nil); err != nil {
		return err
	}
	if err := s.Require(r.Context(), httpapi.ActorOf(r.Context()), *in.Required); err != nil {
		return err
	}
	return s.answerSettings(w, r)
}

func (s *Service) postMapping(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[MappingRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	m, err := s.CreateMapping(r.Context(), httpapi.ActorOf(r.Context()), Mapping{Group: in.Group, Role: in.Role, Projects: in.Projects})
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, mappingObject(m))
}

func (s *Service) postMappingUpdate(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[MappingRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	m, err := s.UpdateMapping(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("mapping_id"), Mapping{Group: in.Group, Role: in.Role, Projects: in.Projects})
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, mappingObject(m))
}

func (s *Service) deleteMappingRoute(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("mapping_id")
	if err := s.DeleteMapping(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, identity.Removed{ID: id, Object: "sso_mapping", Deleted: true})
}
