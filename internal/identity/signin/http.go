package signin

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
)

// SignInRequest begins a session.
type SignInRequest struct {
	Token    string `json:"token,omitempty" doc:"The token of a sign-in link or of an invitation; it works once."`
	Email    string `json:"email,omitempty" doc:"The account's e-mail address, instead of a token."`
	Password string `json:"password,omitempty" doc:"The account's password."`
	Code     string `json:"code,omitempty" doc:"The code that the authenticator app shows, or a recovery code. It is asked for by the error code code_required."`
}

// OpenAPIName is the schema's name.
func (SignInRequest) OpenAPIName() string { return "SignIn" }

// ResetRequest asks for a link by mail.
type ResetRequest struct {
	Email string `json:"email" doc:"The account's e-mail address."`
}

// OpenAPIName is the schema's name.
func (ResetRequest) OpenAPIName() string { return "PasswordReset" }

// LinkRequest asks about a link.
type LinkRequest struct {
	Token string `json:"token" doc:"The token of a sign-in link or of an invitation."`
}

// OpenAPIName is the schema's name.
func (LinkRequest) OpenAPIName() string { return "DescribeSignInLink" }

// LinkObject is where a link leads.
type LinkObject struct {
	Object       string `json:"object" enum:"signin_link"`
	Kind         string `json:"kind" enum:"signin,invite" doc:"signin: into an account that exists. invite: into an organization."`
	Organization string `json:"organization" doc:"The organization's name."`
	Name         string `json:"name" doc:"The account's name; empty for an invitation."`
	Email        string `json:"email" doc:"The account's e-mail address, or the one that was invited; empty when none is known."`
	Operator     bool   `json:"operator" doc:"Whether the account looks after the installation. Nobody but its operators can have made such a link."`
}

// OpenAPIName is the schema's name.
func (LinkObject) OpenAPIName() string { return "SignInLinkInfo" }

// MethodsObject says how one can sign in.
type MethodsObject struct {
	Object string `json:"object" enum:"signin"`
	Mail   bool   `json:"mail" doc:"Whether a link to set a new password can be had by mail."`
}

// OpenAPIName is the schema's name.
func (MethodsObject) OpenAPIName() string { return "SignInMethods" }

// DoneObject says that something was done.
type DoneObject struct {
	Object string `json:"object" example:"password_reset"`
	Done   bool   `json:"done" doc:"Always true."`
}

// OpenAPIName is the schema's name.
func (DoneObject) OpenAPIName() string { return "Done" }

// Routes are sign-in's lines of the route table.
func (s *Service) Routes() []httpapi.Route {
	return append([]httpapi.Route{
		{Method: http.MethodGet, Path: "/api/signin", Op: "getSignInMethods", Tag: "Session", Summary: "How one can sign in.", Out: MethodsObject{}, Auth: httpapi.AuthNone, Handle: s.getMethods},
		{Method: http.MethodPost, Path: "/api/session", Op: "createSession", Tag: "Session", Summary: "Signs a browser in with a one-time link's token, or with address and password.",
			Doc: "Sets the session cookie, with a new secret each time; a session that the browser had ends. Where a second factor is on, the first request without a code gets 401 " +
				"`code_required`, and the same request with `code` signs in. After some failures tries are refused for a while that grows: 429 `too_many_attempts` with `Retry-After`.",
			In: SignInRequest{}, Out: identity.SessionInfo{}, Auth: httpapi.AuthNone, MaxBody: 8192, Handle: s.postSession},
		{Method: http.MethodPost, Path: "/api/session/link", Op: "describeSignInLink", Tag: "Session", Summary: "Says where a one-time link leads, without using it up.",
			Doc: "A page asks before it uses a link that it was opened with, so that a stranger's link signs nobody in to the stranger's account unnoticed.",
			In:  LinkRequest{}, Out: LinkObject{}, Auth: httpapi.AuthNone, MaxBody: 4096, Handle: s.postLink},
		{Method: http.MethodPost, Path: "/api/session/reset", Op: "resetPassword", Tag: "Session", Summary: "Mails a link to sign in with and set a new password.",
			Doc: "The answer is the same whether or not there is an account of the address.",
			In:  ResetRequest{}, Out: DoneObject{}, Auth: httpapi.AuthNone, MaxBody: 4096, Handle: s.postReset},
	}, s.accountRoutes()...)
}

func (s *Service) getMethods(w http.ResponseWriter, _ *http.Request) error {
	return httpapi.JSON(w, http.StatusOK, MethodsObject{Object: "signin", Mail: s.mail.Configured()})
}

func (s *Service) postSession(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[SignInRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	switch {
	case in.Token == "" && in.Email == "" && in.Password == "":
		return httpapi.Required("token", false)
	case in.Token != "" && (in.Email != "" || in.Password != ""):
		return fault.Param("token", "Sign in either with a link's token or with address and password.").WithCode("invalid_value")
	case in.Token == "":
		if err := httpapi.Required("email", in.Email != ""); err != nil {
			return err
		}
		if err := httpapi.Required("password", in.Password != ""); err != nil {
			return err
		}
	}
	session, err := s.signIn(r, in)
	if err != nil {
		return err
	}
	return s.ids.AnswerSession(w, r, session.Actor, session.Secret)
}

func (s *Service) postLink(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[LinkRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("token", in.Token != ""); err != nil {
		return err
	}
	to, err := s.ids.LinkInfo(r.Context(), in.Token)
	if err != nil {
		return err
	}
	out := LinkObject{Object: "signin_link", Kind: "signin", Organization: to.OrgName, Name: to.Name, Email: to.Email, Operator: to.Operator}
	if to.Invite {
		out.Kind = "invite"
	}
	return private(w, out)
}

// signIn signs in by a link, a password, or an invitation, which somebody may accept who is signed in already.
func (s *Service) signIn(r *http.Request, in SignInRequest) (identity.Session, error) {
	if identity.IsInvite(in.Token) {
		me, err := s.ids.Visitor(r)
		if err != nil {
			return identity.Session{}, err
		}
		return s.ids.Accept(r.Context(), in.Token, me)
	}
	return s.SignIn(r.Context(), Credentials{Token: in.Token, Email: in.Email, Password: in.Password, Code: in.Code, Instead: s.ids.CookieOf(r)})
}

func (s *Service) postReset(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[ResetRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("email", in.Email != ""); err != nil {
		return err
	}
	if err := s.Reset(r.Context(), in.Email, language(r)); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, DoneObject{Object: "password_reset", Done: true})
}

// language is that of mails to who asks: the browser's first one.
func language(r *http.Request) string { return httpapi.OriginOf(r.Context()).Language }

// AdminRoutes are the operator's; they are served on the admin socket alone: whoever reaches it is on the server's machine.
func (s *Service) AdminRoutes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodPut, Path: "/admin/users/{user_id}/password", Op: "adminSetPassword", Tag: "Admin", Summary: "Gives a member of the organization another password and ends their sessions.",
			In: NewPasswordRequest{}, Out: DoneObject{}, MaxBody: 8192, Handle: s.putPasswordOf},
		{Method: http.MethodDelete, Path: "/admin/users/{user_id}/second-factor", Op: "adminResetSecondFactor", Tag: "Admin", Summary: "Turns a member's second factor off and ends their sessions.",
			Out: DoneObject{}, Handle: s.deleteFactorOf},
	}
}

// NewPasswordRequest gives somebody a password.
type NewPasswordRequest struct {
	Password string `json:"password" doc:"The new password: 12 characters or more, and not easy to guess."`
}

func (s *Service) putPasswordOf(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NewPasswordRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := s.SetPasswordOf(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("user_id"), in.Password, language(r)); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, DoneObject{Object: "password", Done: true})
}

func (s *Service) deleteFactorOf(w http.ResponseWriter, r *http.Request) error {
	if err := s.ResetSecondFactor(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("user_id"), language(r)); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, DoneObject{Object: "second_factor", Done: true})
}

// answerRenewed answers with the account after a change that gave the session a new secret.
func (s *Service) answerRenewed(w http.ResponseWriter, r *http.Request, session identity.Session) error {
	s.ids.SetCookie(w, r, session.Secret)
	return s.answerAccount(w, r, session.Actor)
}

func (s *Service) answerAccount(w http.ResponseWriter, r *http.Request, who actor.Actor) error {
	a, err := s.Account(r.Context(), who)
	if err != nil {
		return err
	}
	return private(w, accountObject(a))
}

// private answers with what no cache keeps.
func private[T any](w http.ResponseWriter, v T) error {
	w.Header().Set("Cache-Control", "no-store")
	return httpapi.JSON(w, http.StatusOK, v)
}
