package limits

import (
	"cmp"
	"math"
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// UseQuery are the query parameters of GET /api/limits/models.
type UseQuery struct {
	Subject   string `query:"subject" doc:"For whom." enum:"organization,project,user,key,end_user" default:"organization"`
	SubjectID string `query:"subject_id" doc:"Which project, user, key or end user; left out for the organization."`
}

// ModelLimit is what is in force for a model.
type ModelLimit struct {
	Object            string       `json:"object" enum:"limit.model" doc:"Always limit.model."`
	Model             string       `json:"model" doc:"The model's name as asked for."`
	RequestsPerMinute int64        `json:"max_requests_per_1_minute" doc:"Requests per minute; 0 is no limit."`
	TokensPerMinute   int64        `json:"max_tokens_per_1_minute" doc:"Tokens per minute, of prompt and answer; 0 is no limit."`
	RequestsPerDay    int64        `json:"max_requests_per_1_day" doc:"Requests per day; 0 is no limit."`
	TokensPerDay      int64        `json:"max_tokens_per_1_day" doc:"Tokens per day, of prompt and answer; 0 is no limit."`
	TokenWeight       float64      `json:"token_weight" doc:"What a token of the model counts."`
	Used              []ClassUsage `json:"used" doc:"What is used of it now: each kind of route counts for itself; those of which nothing is used are left out."`
}

// OpenAPIName is the schema's name.
func (ModelLimit) OpenAPIName() string { return "ModelLimit" }

// ClassUsage is what is used now.
type ClassUsage struct {
	Class          string `json:"class" enum:"chat,completions,embeddings,tokenize" doc:"The kind of route."`
	RequestsMinute int64  `json:"requests_1_minute" doc:"Of the requests per minute."`
	TokensMinute   int64  `json:"tokens_1_minute" doc:"Of the tokens per minute."`
	RequestsDay    int64  `json:"requests_1_day" doc:"Of the requests per day."`
	TokensDay      int64  `json:"tokens_1_day" doc:"Of the tokens per day."`
}

// OpenAPIName is the schema's name.
func (ClassUsage) OpenAPIName() string { return "LimitUse" }

func (s *Service) useRoute() httpapi.Route {
	return httpapi.Route{
		Method: http.MethodGet, Path: "/api/limits/models", Op: "listModelLimits", Tag: tag, Query: UseQuery{}, Out: httpapi.List[ModelLimit]{}, Scope: actor.LimitsRead,
		Summary: "What is in force for each model, and how much of it is used now.",
		Doc:     "A bucket is refilled all the time: what is used now is what has not been refilled yet. Of several servers that do not count together each tells its own.",
		Handle: func(w http.ResponseWriter, r *http.Request) error {
			in, err := httpapi.Query[UseQuery](r)
			if err != nil {
				return err
			}
			rows, err := s.Standings(r.Context(), httpapi.ActorOf(r.Context()), Subject(cmp.Or(in.Subject, string(Organization))), in.SubjectID)
			if err != nil {
				return err
			}
			out := make([]ModelLimit, len(rows))
			for i, row := range rows {
				o := ModelLimit{Object: "limit.model", Model: row.Model, RequestsPerMinute: *row.RequestsPerMinute, TokensPerMinute: *row.TokensPerMinute,
					RequestsPerDay: *row.RequestsPerDay, TokensPerDay: *row.TokensPerDay, TokenWeight: *row.TokenWeight, Used: []ClassUsage{}}
				for _, c := range row.Classes {
					n := func(k kind) int64 { return int64(math.Ceil(c.Used[k] - rounding)) }
					o.Used = append(o.Used, ClassUsage{Class: c.Class, RequestsMinute: n(requestsMinute), TokensMinute: n(tokensMinute), RequestsDay: n(requestsDay), TokensDay: n(tokensDay)})
				}
				out[i] = o
			}
			return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, false, func(l ModelLimit) string { return l.Model }))
		},
	}
}
