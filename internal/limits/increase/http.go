package increase

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/store"
)

// CreateRequest asks for an increase.
type CreateRequest struct {
	Subject   limits.Subject `json:"subject,omitempty" enum:"organization,project,user" doc:"For whom; left out, the organization."`
	SubjectID string         `json:"subject_id,omitempty" doc:"Which project or user."`
	Model     string         `json:"model,omitempty" doc:"The model's name as asked for; left out, each model."`
	Reason    string         `json:"reason" doc:"What it is for."`
	Wanted    limits.Values  `json:"wanted" doc:"The figures that are wanted, each more than what is in force."`
}

// OpenAPIName is the schema's name.
func (CreateRequest) OpenAPIName() string { return "CreateLimitRequest" }

// Object is a request for an increase.
type Object struct {
	Object    string         `json:"object" enum:"limit.request" doc:"Always limit.request."`
	ID        string         `json:"id" example:"lr_abc123"`
	Org       string         `json:"organization_id" doc:"The organization that asks."`
	Subject   limits.Subject `json:"subject" enum:"organization,project,user" doc:"For whom."`
	SubjectID string         `json:"subject_id" doc:"Which project or user; empty for the organization."`
	Model     string         `json:"model" doc:"The model's name as asked for; empty is each model."`
	Reason    string         `json:"reason" doc:"What it is for."`
	Wanted    limits.Values  `json:"wanted" doc:"What was asked for."`
	InForce   limits.Values  `json:"in_force" doc:"What was in force when it was asked; 0 is no limit."`
	Evidence  []Day          `json:"evidence" doc:"What was used on each of the 30 days before, as the server counted; days without requests are left out."`
	State     State          `json:"state" enum:"open,approved,denied,withdrawn" doc:"What became of it."`
	Granted   *limits.Values `json:"granted" doc:"What was set; null unless it was approved."`
	Note      string         `json:"note" doc:"What the operator says to it."`
	User      string         `json:"user_id" doc:"Who asked; empty for a service account."`
	Email     string         `json:"user_email" doc:"That user's address."`
	CreatedAt int64          `json:"created_at" doc:"Unix time in seconds."`
	DecidedAt *int64         `json:"decided_at" doc:"When it was decided or withdrawn; null while it is open."`
}

// OpenAPIName is the schema's name.
func (Object) OpenAPIName() string { return "LimitRequestForIncrease" }

// ListQuery are the query parameters of the lists.
type ListQuery struct {
	State  string `query:"state" doc:"Only those in this state." enum:"open,approved,denied,withdrawn"`
	Limit  *int   `query:"limit" doc:"How many objects to return." min:"1" max:"100" default:"20"`
	Order  string `query:"order" doc:"Sort order by the time of creation." enum:"asc,desc" default:"desc"`
	After  string `query:"after" doc:"Id of the last object of the page before."`
	Before string `query:"before" doc:"Id of the first object of the page after."`
}

// ApproveRequest approves a request.
type ApproveRequest struct {
	Granted *limits.Values `json:"granted,omitempty" doc:"What to set instead of what was asked for; 0 is no limit."`
	Note    string         `json:"note,omitempty" doc:"A word to who asked."`
}

// OpenAPIName is the schema's name.
func (ApproveRequest) OpenAPIName() string { return "ApproveLimitRequest" }

// DenyRequest denies a request.
type DenyRequest struct {
	Note string `json:"note" doc:"Why; who asked reads it."`
}

// OpenAPIName is the schema's name.
func (DenyRequest) OpenAPIName() string { return "DenyLimitRequest" }

const tag = "Limits"

// Routes are the operations of an organization.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/api/limits/requests", Op: "listLimitRequests", Tag: tag, Query: ListQuery{}, Out: httpapi.List[Object]{}, Scope: actor.LimitsRead,
			Summary: "Requests for higher limits: your own, or with the scope limits.write or organization.read those of the organization.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				return page(w, r, func(state State, p store.Paging) ([]Request, bool, error) {
					return s.List(r.Context(), httpapi.ActorOf(r.Context()), state, p)
				})
			},
		},
		{
			Method: http.MethodPost, Path: "/api/limits/requests", Op: "createLimitRequest", Tag: tag, In: CreateRequest{}, Out: Object{}, Scope: actor.LimitsAsk,
			Summary: "Asks for higher limits.",
			Doc:     "The operator of the server decides. What was used on each of the last 30 days is added by the server. One request can be open for each subject and model.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				in, err := httpapi.Decode[CreateRequest](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				got, err := s.Ask(r.Context(), httpapi.ActorOf(r.Context()), Request{
					Subject: cmp.Or(in.Subject, limits.Organization), SubjectID: in.SubjectID, Model: in.Model, Reason: in.Reason, Wanted: in.Wanted,
				})
				if err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, object(got))
			},
		},
		{
			Method: http.MethodDelete, Path: "/api/limits/requests/{request}", Op: "withdrawLimitRequest", Tag: tag, Out: httpapi.Deleted{}, Scope: actor.LimitsAsk,
			Summary: "Withdraws an open request for higher limits. It stays in the list.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				id := r.PathValue("request")
				if err := s.Withdraw(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "limit.request.withdrawn", Deleted: true})
			},
		},
	}
}

// AdminRoutes are the operator's; of finds the organization that a request is about.
func (s *Service) AdminRoutes(of func(*http.Request) (string, error)) []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/admin/limits/requests", Op: "adminListLimitRequests", Tag: "Admin", Query: ListQuery{}, Out: httpapi.List[Object]{}, Scope: actor.Operate,
			Summary: "Requests for higher limits of all organizations, or of the one that ?organization= names.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				org, err := of(r)
				if err != nil {
					return err
				}
				return page(w, r, func(state State, p store.Paging) ([]Request, bool, error) {
					return s.ListAll(r.Context(), org, state, p)
				})
			},
		},
		{
			Method: http.MethodPost, Path: "/admin/limits/requests/{request}/approve", Op: "adminApproveLimitRequest", Tag: "Admin", In: ApproveRequest{}, Out: Object{}, Scope: actor.Operate,
			Summary: "Approves a request for higher limits: what was asked for is set, or what is granted instead.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				in, err := httpapi.Decode[ApproveRequest](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				got, err := s.Approve(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("request"), in.Granted, in.Note)
				if err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, object(got))
			},
		},
		{
			Method: http.MethodPost, Path: "/admin/limits/requests/{request}/deny", Op: "adminDenyLimitRequest", Tag: "Admin", In: DenyRequest{}, Out: Object{}, Scope: actor.Operate,
			Summary: "Denies a request for higher limits.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				in, err := httpapi.Decode[DenyRequest](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				got, err := s.Deny(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("request"), in.Note)
				if err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, object(got))
			},
		},
	}
}

// page answers a list.
func page(w http.ResponseWriter, r *http.Request, read func(State, store.Paging) ([]Request, bool, error)) error {
	q, err := httpapi.Query[ListQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.First(httpapi.Range("limit", q.Limit, 1, httpapi.MaxPageSize), httpapi.OneOf("order", q.Order, "asc", "desc"),
		httpapi.OneOf("state", q.State, "open", "approved", "denied", "withdrawn")); err != nil {
		return err
	}
	p := store.Paging{Order: q.Order, After: q.After, Before: q.Before}
	if q.Limit != nil {
		p.Limit = *q.Limit
	}
	requests, more, err := read(State(q.State), p)
	if c, ok := errors.AsType[*store.CursorError](err); ok {
		return fault.Param(c.Param, "No such request: %s", clip(c.ID))
	}
	if err != nil {
		return err
	}
	out := make([]Object, len(requests))
	for i, one := range requests {
		out[i] = object(one)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o Object) string { return o.ID }))
}

func object(r Request) Object {
	o := Object{
		Object: "limit.request", ID: r.ID, Org: r.Org, Subject: r.Subject, SubjectID: r.SubjectID, Model: r.Model, Reason: r.Reason, Wanted: r.Wanted,
		InForce: r.InForce, Evidence: r.Evidence, State: r.State, Granted: r.Granted, Note: r.Note, User: r.User, Email: r.Email, CreatedAt: r.Created.Unix(),
	}
	if o.Evidence == nil {
		o.Evidence = []Day{}
	}
	if !r.Decided.IsZero() {
		at := r.Decided.Unix()
		o.DecidedAt = &at
	}
	return o
}
