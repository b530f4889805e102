package deletion

import (
	"net/http"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// Object is a deletion, and how far it is.
type Object struct {
	Object     string           `json:"object" enum:"deletion"`
	ID         string           `json:"id" example:"del_abc"`
	Kind       string           `json:"kind" enum:"organization,account"`
	Subject    string           `json:"subject_id" doc:"The id of what is deleted."`
	Name       string           `json:"name" doc:"The organization's name; empty for an account."`
	State      string           `json:"state" enum:"running,done"`
	Table      string           `json:"table" doc:"The table that is being emptied; empty when none is."`
	Rows       map[string]int64 `json:"rows" doc:"How many rows are gone, by table."`
	CreatedAt  int64            `json:"created_at" doc:"Seconds since 1970."`
	FinishedAt *int64           `json:"finished_at" doc:"Seconds since 1970; null: not yet."`
	CheckedAt  *int64           `json:"checked_at" doc:"When it was last looked for what came late, in seconds since 1970; null: not yet."`
}

// OpenAPIName is the schema's name.
func (Object) OpenAPIName() string { return "Deletion" }

// OrganizationRequest deletes one's organization.
type OrganizationRequest struct {
	Name     string `json:"name" doc:"The organization's name, typed."`
	Password string `json:"current_password,omitempty" doc:"Your password; left out when you have none, or your session began by a link or a provider just now."`
}

// OpenAPIName is the schema's name.
func (OrganizationRequest) OpenAPIName() string { return "DeleteOrganizationRequest" }

// AccountRequest deletes one's account.
type AccountRequest struct {
	Confirm  string `json:"confirm" doc:"Your e-mail address, typed; your name when no address is known."`
	Password string `json:"current_password,omitempty" doc:"Your password; left out when you have none, or your session began by a link or a provider just now."`
}

// OpenAPIName is the schema's name.
func (AccountRequest) OpenAPIName() string { return "DeleteAccountRequest" }

// NameRequest deletes an organization of the installation.
type NameRequest struct {
	Name string `json:"name" doc:"The organization's name, typed."`
}

// OpenAPIName is the schema's name.
func (NameRequest) OpenAPIName() string { return "OperatorDeleteOrganizationRequest" }

// Routes are the lines of the route table.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodPost, Path: "/api/organization/delete", Op: "deleteOrganization", Tag: "Organization", Summary: "Deletes the organization with all that belongs to it, for good.",
			In: OrganizationRequest{}, Out: Object{}, Scope: actor.OrganizationOwn, MaxBody: 8192, Handle: s.postOrganization},
		{Method: http.MethodPost, Path: "/api/account/delete", Op: "deleteAccount", Tag: "Account", Summary: "Deletes your account with all that is yours, for good.",
			In: AccountRequest{}, Out: Object{}, Scope: actor.SessionWrite, MaxBody: 8192, Handle: s.postAccount},
		{Method: http.MethodGet, Path: "/api/deletions/{deletion_id}", Op: "getDeletion", Tag: "Organization", Summary: "How far a deletion is, for whoever has its id.",
			Out: Object{}, Auth: httpapi.AuthNone, Handle: s.getDeletion},
	}
}

// AdminRoutes are the operator's.
func (s *Service) AdminRoutes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodPost, Path: "/admin/organizations/{organization_id}/delete", Op: "adminDeleteOrganization", Tag: "Admin", Scope: actor.Operate, Summary: "Deletes an organization with all that belongs to it, for good.",
			In: NameRequest{}, Out: Object{}, MaxBody: 8192, Handle: s.postOrganizationOf},
		{Method: http.MethodPost, Path: "/admin/users/{user_id}/delete", Op: "adminDeleteAccount", Tag: "Admin", Scope: actor.Operate, Summary: "Deletes an account of the installation, for good.",
			Out: Object{}, Handle: s.postAccountOf},
		{Method: http.MethodGet, Path: "/admin/deletions", Op: "adminListDeletions", Tag: "Admin", Scope: actor.Operate, Summary: "Deletions of organizations and accounts, the newest first.",
			Query: httpapi.PageQuery{}, Out: httpapi.List[Object]{}, Handle: s.getDeletions},
	}
}

func object(d Deletion) Object {
	return Object{Object: "deletion", ID: d.ID, Kind: d.Kind, Subject: d.Subject, Name: d.Name, State: d.State, Table: d.Now, Rows: d.Counts,
		CreatedAt: d.Created.Unix(), FinishedAt: seconds(d.Finished), CheckedAt: seconds(d.Checked)}
}

func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	at := t.Unix()
	return &at
}

func answer(w http.ResponseWriter, d Deletion, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpapi.JSON(w, http.StatusOK, object(d))
}

func (s *Service) postOrganization(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[OrganizationRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	d, err := s.Organization(r.Context(), httpapi.ActorOf(r.Context()), in.Name, in.Password)
	return answer(w, d, err)
}

func (s *Service) postAccount(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[AccountRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	d, err := s.Account(r.Context(), httpapi.ActorOf(r.Context()), in.Confirm, in.Password)
	if err == nil {
		s.ids.SetCookie(w, r, "")
	}
	return answer(w, d, err)
}

func (s *Service) getDeletion(w http.ResponseWriter, r *http.Request) error {
	d, err := s.Get(r.Context(), r.PathValue("deletion_id"))
	return answer(w, d, err)
}

func (s *Service) postOrganizationOf(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NameRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	d, err := s.OrganizationOf(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("organization_id"), in.Name)
	return answer(w, d, err)
}

func (s *Service) postAccountOf(w http.ResponseWriter, r *http.Request) error {
	d, err := s.AccountOf(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("user_id"))
	return answer(w, d, err)
}

func (s *Service) getDeletions(w http.ResponseWriter, r *http.Request) error {
	p, err := httpapi.PageOf(r)
	if err != nil {
		return err
	}
	all, more, err := s.List(r.Context(), store.Paging(p))
	if err != nil {
		return err
	}
	out := make([]Object, len(all))
	for i, d := range all {
		out[i] = object(d)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o Object) string { return o.ID }))
}
