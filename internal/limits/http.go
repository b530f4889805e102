package limits

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// ProjectRateLimit is OpenAI's object.
type ProjectRateLimit struct {
	Object            string `json:"object" enum:"project.rate_limit" doc:"Always project.rate_limit."`
	ID                string `json:"id" example:"rl-ada"`
	Model             string `json:"model" doc:"The model this rate limit applies to."`
	RequestsPerMinute int64  `json:"max_requests_per_1_minute" doc:"Requests per minute; 0 is no limit."`
	TokensPerMinute   int64  `json:"max_tokens_per_1_minute" doc:"Tokens per minute; 0 is no limit."`
	RequestsPerDay    int64  `json:"max_requests_per_1_day,omitzero" doc:"Requests per day; left out when there is no limit."`
}

// ProjectRateLimitUpdateRequest is OpenAI's, of which what is left out stays as it was.
type ProjectRateLimitUpdateRequest struct {
	RequestsPerMinute *int64 `json:"max_requests_per_1_minute,omitempty" min:"0" doc:"Requests per minute; 0 is no limit."`
	TokensPerMinute   *int64 `json:"max_tokens_per_1_minute,omitempty" min:"0" doc:"Tokens per minute; 0 is no limit."`
	RequestsPerDay    *int64 `json:"max_requests_per_1_day,omitempty" min:"0" doc:"Requests per day; 0 is no limit."`
	ImagesPerMinute   *int64 `json:"max_images_per_1_minute,omitempty" doc:"Refused: nothing here makes images."`
	AudioPerMinute    *int64 `json:"max_audio_megabytes_per_1_minute,omitempty" doc:"Refused: nothing here takes audio."`
	BatchTokens       *int64 `json:"batch_1_day_max_input_tokens,omitempty" doc:"Refused: there are no batches here."`
}

// RateLimitQuery are the query parameters of a project's list.
type RateLimitQuery struct {
	Limit  *int   `query:"limit" doc:"How many objects to return." min:"1" max:"100" default:"100"`
	After  string `query:"after" doc:"Id of the last object of the page before."`
	Before string `query:"before" doc:"Id of the first object of the page after."`
}

// Limit is a rule that was set.
type Limit struct {
	Object    string  `json:"object" enum:"limit" doc:"Always limit."`
	ID        string  `json:"id" example:"rl_abc123"`
	Subject   Subject `json:"subject" enum:"organization,project,user,key,end_user,tier" doc:"What it counts for; tier, of the operator alone, is each organization of a usage tier."`
	SubjectID string  `json:"subject_id" doc:"Which one; empty is each of them for itself."`
	Model     string  `json:"model" doc:"The model's name as asked for; empty is each model for itself."`
	Values
	UpdatedAt int64 `json:"updated_at" doc:"Unix time in seconds."`
}

// OpenAPIName is the schema's name.
func (Limit) OpenAPIName() string { return "Limit" }

// LimitRequest sets a rule.
type LimitRequest struct {
	Subject   Subject `json:"subject,omitempty" enum:"organization,project,user,key,end_user,tier" doc:"What it counts for; left out, the organization; tier, for the operator alone, is each organization of a usage tier."`
	SubjectID string  `json:"subject_id,omitempty" doc:"Which project, user, key or end user (the user of requests); left out, each of them for itself."`
	Model     string  `json:"model,omitempty" doc:"The model's name as asked for; left out, each model for itself."`
	Values
}

// OpenAPIName is the schema's name.
func (LimitRequest) OpenAPIName() string { return "LimitRequest" }

const tag = "Limits"

// Routes returns the operations of an organization on its own limits.
func (s *Service) Routes() []httpapi.Route {
	own := func(r *http.Request) (string, error) { return httpapi.ActorOf(r.Context()).Org, nil }
	return append(s.routes("/api/limits", "", tag, actor.LimitsRead, actor.LimitsWrite, own),
		s.standingRoute(),
		s.useRoute(),
		httpapi.Route{
			Method: http.MethodGet, Path: "/v1/organization/projects/{project_id}/rate_limits", Op: "listProjectRateLimits", Tag: tag,
			Summary: "The rate limits of a project, one for each model.",
			Out:     httpapi.List[ProjectRateLimit]{}, Query: RateLimitQuery{}, Scope: actor.LimitsRead, Handle: s.getProject,
		},
		httpapi.Route{
			Method: http.MethodPost, Path: "/v1/organization/projects/{project_id}/rate_limits/{rate_limit_id}", Op: "updateProjectRateLimit", Tag: tag,
			Summary: "Changes a project's rate limit for a model; what is left out stays as it was.",
			In:      ProjectRateLimitUpdateRequest{}, Out: ProjectRateLimit{}, Scope: actor.LimitsWrite, Handle: s.postProject,
		},
	)
}

// AdminRoutes returns the operator's operations, for every organization or for the one that of finds in a request.
func (s *Service) AdminRoutes(of func(*http.Request) (string, error)) []httpapi.Route {
	return append(s.routes("/admin/limits", "admin", "Admin", actor.Operate, actor.Operate, of), s.tierRoutes()...)
}

// routes are the three operations below a path; of says which organization a request is about.
func (s *Service) routes(path, op, tag, read, write string, of func(*http.Request) (string, error)) []httpapi.Route {
	name := func(verb, noun string) string {
		if op == "" {
			return verb + noun
		}
		return op + strings.ToUpper(verb[:1]) + verb[1:] + noun
	}
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: path, Op: name("list", "Limits"), Tag: tag, Out: httpapi.List[Limit]{}, Scope: read,
			Summary: "The limits that were set, of the organization, its projects, users, keys and end users.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				org, err := of(r)
				if err != nil {
					return err
				}
				rules := s.List(org)
				out := make([]Limit, len(rules))
				for i, rule := range rules {
					out[i] = limitObject(rule)
				}
				return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, false, func(l Limit) string { return l.ID }))
			},
		},
		{
			Method: http.MethodPut, Path: path, Op: name("set", "Limit"), Tag: tag, In: LimitRequest{}, Out: Limit{}, Scope: write,
			Summary: "Sets a limit, instead of the one that the same subject and model had.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				org, err := of(r)
				if err != nil {
					return err
				}
				in, err := httpapi.Decode[LimitRequest](w, r, httpapi.Strict)
				if err != nil {
					return err
				}
				if in.Subject == "" {
					in.Subject = Organization
				}
				if op == "" && in.Subject == Organization {
					if err := s.decides(r.Context(), httpapi.ActorOf(r.Context())); err != nil {
						return err
					}
				}
				rule, err := s.Set(r.Context(), httpapi.ActorOf(r.Context()), Rule{Org: org, Subject: in.Subject, SubjectID: in.SubjectID, Model: in.Model, Values: in.Values})
				if err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, limitObject(rule))
			},
		},
		{
			Method: http.MethodDelete, Path: path + "/{limit}", Op: name("delete", "Limit"), Tag: tag, Out: httpapi.Deleted{}, Scope: write,
			Summary: "Takes a limit back: what is more general is in force again.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				org, err := of(r)
				if err != nil {
					return err
				}
				id, remove := r.PathValue("limit"), s.Delete
				if op == "" {
					remove = s.deleteOwn
				}
				if err := remove(r.Context(), httpapi.ActorOf(r.Context()), org, id); err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "limit.deleted", Deleted: true})
			},
		},
	}
}

func limitObject(r Rule) Limit {
	return Limit{Object: "limit", ID: r.ID, Subject: r.Subject, SubjectID: r.SubjectID, Model: r.Model, Values: r.Values, UpdatedAt: r.Updated.Unix()}
}

func (s *Service) getProject(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[RateLimitQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.Range("limit", q.Limit, 1, httpapi.MaxPageSize); err != nil {
		return err
	}
	rows, err := s.ProjectLimits(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"))
	if err != nil {
		return err
	}
	rows, more, err := q.page(rows)
	if err != nil {
		return err
	}
	out := make([]ProjectRateLimit, len(rows))
	for i, row := range rows {
		out[i] = projectObject(row)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(l ProjectRateLimit) string { return l.ID }))
}

// page cuts what is wanted out of all rows; more says whether there are others in the direction of paging.
func (q RateLimitQuery) page(rows []ProjectLimit) (_ []ProjectLimit, more bool, err error) {
	limit := httpapi.MaxPageSize
	if q.Limit != nil {
		limit = *q.Limit
	}
	from, to := 0, len(rows)
	for _, c := range []struct {
		param, id string
		edge      *int
		behind    int
	}{{"after", q.After, &from, 1}, {"before", q.Before, &to, 0}} {
		if c.id == "" {
			continue
		}
		i := slices.IndexFunc(rows, func(l ProjectLimit) bool { return limitID(l.Model) == c.id })
		if i < 0 {
			return nil, false, fault.Param(c.param, "No such rate limit: %s", clip(c.id))
		}
		*c.edge = i + c.behind
	}
	rows = rows[from:max(from, to)]
	more = len(rows) > limit
	switch {
	case more && q.Before != "" && q.After == "":
		rows = rows[len(rows)-limit:]
	case more:
		rows = rows[:limit]
	}
	return rows, more, nil
}

func (s *Service) postProject(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[ProjectRateLimitUpdateRequest](w, r)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		param string
		n     *int64
	}{{"max_images_per_1_minute", in.ImagesPerMinute}, {"max_audio_megabytes_per_1_minute", in.AudioPerMinute}, {"batch_1_day_max_input_tokens", in.BatchTokens}} {
		if f.n != nil {
			return fault.Param(f.param, "'%s' cannot be set: this server has nothing that it would limit. Leave it out.", f.param).WithCode("unsupported_parameter")
		}
	}
	id := r.PathValue("rate_limit_id")
	model, ok := strings.CutPrefix(id, limitID(""))
	if !ok {
		return fault.New(fault.NotFound, "The rate limit %s was not found", clip(id)).WithCode("rate_limit_not_found")
	}
	row, err := s.SetProjectLimit(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), model,
		Values{RequestsPerMinute: in.RequestsPerMinute, TokensPerMinute: in.TokensPerMinute, RequestsPerDay: in.RequestsPerDay})
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, projectObject(row))
}

func projectObject(l ProjectLimit) ProjectRateLimit {
	return ProjectRateLimit{
		Object: "project.rate_limit", ID: limitID(l.Model), Model: l.Model,
		RequestsPerMinute: l.RequestsPerMinute, TokensPerMinute: l.TokensPerMinute, RequestsPerDay: l.RequestsPerDay,
	}
}
