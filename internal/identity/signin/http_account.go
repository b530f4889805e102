package signin

import (
	"net/http"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/store"
)

// AccountObject is one's own account.
type AccountObject struct {
	Object        string   `json:"object" enum:"account"`
	ID            string   `json:"id" example:"user-abc"`
	Name          string   `json:"name"`
	Email         string   `json:"email" doc:"Empty when none is known: then one can sign in by link alone."`
	EmailShown    *int64   `json:"email_verified_at" doc:"When you showed that the address is yours, by a link that was sent there or through your organization's provider, in seconds since 1970; null: not yet."`
	PasswordSetAt *int64   `json:"password_set_at" doc:"When the password was set, in seconds since 1970; null: there is none."`
	SecondFactor  *int64   `json:"second_factor_since" doc:"When the second factor was set up, in seconds since 1970; null: it is off."`
	RecoveryCodes int      `json:"recovery_codes_left"`
	RequiredBy    []string `json:"second_factor_required_by" doc:"Names of the organizations that require a second factor of their members."`
	Fresh         bool     `json:"fresh" doc:"The session began by a link or a provider less than 15 minutes ago: what wants the password does not want it now. Who has none has to sign in anew when this is false."`
	Mail          bool     `json:"mail" doc:"A new e-mail address is confirmed by a link that is sent there."`
	MailSent      bool     `json:"mail_sent,omitempty" doc:"A link was sent to the new address; it is the account's once the link was opened."`
}

// OpenAPIName is the schema's name.
func (AccountObject) OpenAPIName() string { return "Account" }

// AccountRequest changes what is given of an account.
type AccountRequest struct {
	Name     *string `json:"name,omitempty" max:"100"`
	Email    *string `json:"email,omitempty" doc:"The new address; the present one again, to have a link sent there that confirms it."`
	Password string  `json:"current_password,omitempty" doc:"The present password, to change the e-mail address."`
}

// OpenAPIName is the schema's name.
func (AccountRequest) OpenAPIName() string { return "UpdateAccount" }

// PasswordRequest sets one's password.
type PasswordRequest struct {
	Password string `json:"password" doc:"The new password: 12 characters or more, and not easy to guess."`
	Current  string `json:"current_password,omitempty" doc:"The present password. Not needed within 15 minutes of signing in by a link or a provider: who has none signs in anew."`
}

// OpenAPIName is the schema's name.
func (PasswordRequest) OpenAPIName() string { return "SetPassword" }

// ProofRequest proves again who one is.
type ProofRequest struct {
	Password string `json:"current_password,omitempty" doc:"The present password, unless the session began by a link or a provider less than 15 minutes ago: who has none signs in anew."`
	Code     string `json:"code,omitempty" doc:"A code of the second factor that is on, or a recovery code."`
}

// OpenAPIName is the schema's name.
func (ProofRequest) OpenAPIName() string { return "Proof" }

// CodeRequest has a code of the app.
type CodeRequest struct {
	Code string `json:"code" doc:"The code that the app shows." example:"123456"`
}

// TokenRequest has the token of a link.
type TokenRequest struct {
	Token string `json:"token" doc:"The token of the link that was sent."`
}

// EnrolmentObject is a second factor that is being set up.
type EnrolmentObject struct {
	Object string `json:"object" enum:"second_factor.enrolment"`
	Secret string `json:"secret" doc:"The secret, for typing it into an app." example:"JBSW-Y3DP"`
	URI    string `json:"uri" doc:"The otpauth:// address that the picture holds."`
	QR     string `json:"qr" doc:"A QR code for the app's camera: a PNG as a data: address."`
}

// OpenAPIName is the schema's name.
func (EnrolmentObject) OpenAPIName() string { return "SecondFactorEnrolment" }

// RecoveryObject are new recovery codes.
type RecoveryObject struct {
	Object string   `json:"object" enum:"recovery_codes"`
	Codes  []string `json:"codes" doc:"Each signs in once in place of the app. They are shown only in this answer."`
}

// OpenAPIName is the schema's name.
func (RecoveryObject) OpenAPIName() string { return "RecoveryCodes" }

// SessionObject is one of one's browser sessions.
type SessionObject struct {
	Object       string `json:"object" enum:"account.session"`
	ID           string `json:"id" example:"sess_abc"`
	Current      bool   `json:"current" doc:"Whether it is the one that asks."`
	Method       string `json:"method" enum:"link,invite,password,sso" doc:"How it began."`
	SecondFactor bool   `json:"second_factor" doc:"Whether a second factor was shown."`
	IP           string `json:"ip_address" doc:"Where it began."`
	UserAgent    string `json:"user_agent"`
	CreatedAt    int64  `json:"created_at" doc:"Seconds since 1970."`
	LastSeenAt   int64  `json:"last_seen_at" doc:"Seconds since 1970."`
	ExpiresAt    int64  `json:"expires_at" doc:"When it ends unless it is used, in seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (SessionObject) OpenAPIName() string { return "AccountSession" }

// PolicyObject is what an organization asks of its members' sign-in.
type PolicyObject struct {
	Object  string `json:"object" enum:"organization.signin"`
	Require bool   `json:"require_second_factor" doc:"Whether members need a second factor in their browsers. API keys go on, and so does single sign-on, whose provider looks after that."`
}

// OpenAPIName is the schema's name.
func (PolicyObject) OpenAPIName() string { return "OrganizationSignIn" }

// PolicyRequest sets it.
type PolicyRequest struct {
	Require *bool `json:"require_second_factor"`
}

// OpenAPIName is the schema's name.
func (PolicyRequest) OpenAPIName() string { return "UpdateOrganizationSignIn" }

func (s *Service) accountRoutes() []httpapi.Route {
	const tag = "Account"
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/api/account", Op: "getAccount", Tag: tag, Summary: "Your account.", Doc: "Operations on an account are for browser sessions, not for API keys.",
			Out: AccountObject{}, Scope: actor.SessionRead, Handle: s.getAccount},
		{Method: http.MethodPost, Path: "/api/account", Op: "updateAccount", Tag: tag, Summary: "Changes your name or e-mail address.",
			In: AccountRequest{}, Out: AccountObject{}, Scope: actor.SessionWrite, MaxBody: 8192, Handle: s.postAccount},
		{Method: http.MethodPost, Path: "/api/account/email", Op: "confirmEmail", Tag: tag, Summary: "Confirms your e-mail address by the link that was sent to it.",
			In: TokenRequest{}, Out: AccountObject{}, Scope: actor.SessionWrite, MaxBody: 4096, Handle: s.postEmail},
		{Method: http.MethodPut, Path: "/api/account/password", Op: "setPassword", Tag: tag, Summary: "Sets your password; your other sessions end.",
			In: PasswordRequest{}, Out: AccountObject{}, Scope: actor.SessionWrite, MaxBody: 8192, Handle: s.putAccountPassword},
		{Method: http.MethodPost, Path: "/api/account/second-factor", Op: "enrolSecondFactor", Tag: tag, Summary: "Begins to set up a second factor: an authenticator app with time-based codes.",
			In: ProofRequest{}, Out: EnrolmentObject{}, Scope: actor.SessionWrite, MaxBody: 8192, Handle: s.postFactor},
		{Method: http.MethodPost, Path: "/api/account/second-factor/confirm", Op: "confirmSecondFactor", Tag: tag, Summary: "Turns the second factor on by a code of the app; answers the recovery codes.",
			In: CodeRequest{}, Out: RecoveryObject{}, Scope: actor.SessionWrite, MaxBody: 4096, Handle: s.postConfirm},
		{Method: http.MethodPost, Path: "/api/account/second-factor/remove", Op: "removeSecondFactor", Tag: tag, Summary: "Turns the second factor off.",
			In: ProofRequest{}, Out: AccountObject{}, Scope: actor.SessionWrite, MaxBody: 8192, Handle: s.postRemove},
		{Method: http.MethodPost, Path: "/api/account/recovery-codes", Op: "createRecoveryCodes", Tag: tag, Summary: "Makes new recovery codes; the old ones no longer count.",
			In: ProofRequest{}, Out: RecoveryObject{}, Scope: actor.SessionWrite, MaxBody: 8192, Handle: s.postRecovery},
		{Method: http.MethodGet, Path: "/api/account/sessions", Op: "listSessions", Tag: tag, Summary: "Lists your browser sessions.",
			Out: httpapi.List[SessionObject]{}, Query: httpapi.PageQuery{}, Scope: actor.SessionRead, Handle: s.getSessions},
		{Method: http.MethodDelete, Path: "/api/account/sessions/{session_id}", Op: "endSession", Tag: tag, Summary: "Ends one of your browser sessions.",
			Out: identity.Removed{}, Scope: actor.SessionWrite, Handle: s.deleteSession},
		{Method: http.MethodDelete, Path: "/api/account/sessions", Op: "endOtherSessions", Tag: tag, Summary: "Ends your browser sessions but this one.",
			Out: DoneObject{}, Scope: actor.SessionWrite, Handle: s.deleteSessions},
		{Method: http.MethodGet, Path: "/api/organization/signin", Op: "getOrganizationSignIn", Tag: "Organization", Summary: "What the organization asks of its members' sign-in.",
			Out: PolicyObject{}, Scope: actor.OrganizationRead, Handle: s.getPolicy},
		{Method: http.MethodPost, Path: "/api/organization/signin", Op: "updateOrganizationSignIn", Tag: "Organization", Summary: "Sets whether members need a second factor.",
			In: PolicyRequest{}, Out: PolicyObject{}, Scope: actor.OrganizationWrite, MaxBody: 4096, Handle: s.postPolicy},
	}
}

func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	at := t.Unix()
	return &at
}

func accountObject(a Account) AccountObject {
	return AccountObject{Object: "account", ID: a.ID, Name: a.Name, Email: a.Email, EmailShown: seconds(a.Verified), PasswordSetAt: seconds(a.Password), SecondFactor: seconds(a.SecondFactor),
		RecoveryCodes: a.Recovery, RequiredBy: append([]string{}, a.Required...), Fresh: a.Fresh, Mail: a.Mail}
}

func (s *Service) getAccount(w http.ResponseWriter, r *http.Request) error {
	return s.answerAccount(w, r, httpapi.ActorOf(r.Context()))
}

func (s *Service) postAccount(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[AccountRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	who := httpapi.ActorOf(r.Context())
	sent, err := s.Update(r.Context(), who, Proof{Password: in.Password, Lang: language(r)}, Profile{Name: in.Name, Email: in.Email})
	if err != nil {
		return err
	}
	a, err := s.Account(r.Context(), who)
	if err != nil {
		return err
	}
	out := accountObject(a)
	out.MailSent = sent
	return private(w, out)
}

func (s *Service) postEmail(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[TokenRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := s.ConfirmEmail(r.Context(), httpapi.ActorOf(r.Context()), in.Token, language(r)); err != nil {
		return err
	}
	return s.answerAccount(w, r, httpapi.ActorOf(r.Context()))
}

func (s *Service) putAccountPassword(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[PasswordRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	session, err := s.SetPassword(r.Context(), httpapi.ActorOf(r.Context()), Proof{Password: in.Current, Lang: language(r)}, in.Password)
	if err != nil {
		return err
	}
	return s.answerRenewed(w, r, session)
}

// proof reads what one proves oneself with.
func proof(w http.ResponseWriter, r *http.Request) (Proof, error) {
	in, err := httpapi.Decode[ProofRequest](w, r, httpapi.Strict)
	return Proof{Password: in.Password, Code: in.Code, Lang: language(r)}, err
}

func (s *Service) postFactor(w http.ResponseWriter, r *http.Request) error {
	p, err := proof(w, r)
	if err != nil {
		return err
	}
	e, err := s.Enrol(r.Context(), httpapi.ActorOf(r.Context()), p)
	if err != nil {
		return err
	}
	return private(w, EnrolmentObject{Object: "second_factor.enrolment", Secret: e.Secret, URI: e.URI, QR: picture(e.QR)})
}

func (s *Service) postConfirm(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[CodeRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	codes, session, err := s.Confirm(r.Context(), httpapi.ActorOf(r.Context()), in.Code, language(r))
	if err != nil {
		return err
	}
	s.ids.SetCookie(w, r, session.Secret)
	return private(w, RecoveryObject{Object: "recovery_codes", Codes: codes})
}

func (s *Service) postRemove(w http.ResponseWriter, r *http.Request) error {
	p, err := proof(w, r)
	if err != nil {
		return err
	}
	session, err := s.RemoveSecondFactor(r.Context(), httpapi.ActorOf(r.Context()), p)
	if err != nil {
		return err
	}
	return s.answerRenewed(w, r, session)
}

func (s *Service) postRecovery(w http.ResponseWriter, r *http.Request) error {
	p, err := proof(w, r)
	if err != nil {
		return err
	}
	codes, err := s.RenewRecovery(r.Context(), httpapi.ActorOf(r.Context()), p)
	if err != nil {
		return err
	}
	return private(w, RecoveryObject{Object: "recovery_codes", Codes: codes})
}

func (s *Service) getSessions(w http.ResponseWriter, r *http.Request) error {
	p, err := httpapi.PageOf(r)
	if err != nil {
		return err
	}
	who := httpapi.ActorOf(r.Context())
	if err := identity.InBrowser(who); err != nil {
		return err
	}
	lines, more, err := s.ids.Sessions(r.Context(), who, store.Paging(p))
	if err != nil {
		return err
	}
	out := make([]SessionObject, len(lines))
	for i, l := range lines {
		if l.Method == identity.ByReset {
			l.Method = identity.ByLink // to its user it is one
		}
		out[i] = SessionObject{Object: "account.session", ID: l.ID, Current: l.ID == who.Session, Method: l.Method, SecondFactor: l.SecondFactor, IP: l.IP, UserAgent: l.UserAgent,
			CreatedAt: l.Created.Unix(), LastSeenAt: l.Seen.Unix(), ExpiresAt: l.Expires.Unix()}
	}
	return private(w, httpapi.NewList(out, more, func(o SessionObject) string { return o.ID }))
}

func (s *Service) deleteSession(w http.ResponseWriter, r *http.Request) error {
	who, id := httpapi.ActorOf(r.Context()), r.PathValue("session_id")
	if err := identity.InBrowser(who); err != nil {
		return err
	}
	if err := s.ids.EndSession(r.Context(), who, id); err != nil {
		return err
	}
	if id == who.Session {
		s.ids.SetCookie(w, r, "")
	}
	return httpapi.JSON(w, http.StatusOK, identity.Removed{ID: id, Object: "account.session", Deleted: true})
}

func (s *Service) deleteSessions(w http.ResponseWriter, r *http.Request) error {
	if err := s.EndOthers(r.Context(), httpapi.ActorOf(r.Context())); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, DoneObject{Object: "account.session", Done: true})
}

func (s *Service) getPolicy(w http.ResponseWriter, r *http.Request) error {
	on, err := s.Requires(r.Context(), httpapi.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, PolicyObject{Object: "organization.signin", Require: on})
}

func (s *Service) postPolicy(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[PolicyRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("require_second_factor", in.Require != nil); err != nil {
		return err
	}
	if err := s.Require(r.Context(), httpapi.ActorOf(r.Context()), *in.Require); err != nil {
		return err
	}
	return s.getPolicy(w, r)
}
