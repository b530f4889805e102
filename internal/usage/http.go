package usage

import (
	"cmp"
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// SumsQuery are the query parameters of GET /api/usage.
type SumsQuery struct {
	StartTime   *int64   `query:"start_time" doc:"The first second, since 1970; left out, seven days ago."`
	EndTime     *int64   `query:"end_time" doc:"The second after the last one; left out, now."`
	BucketWidth string   `query:"bucket_width" doc:"Length of the times that are summed up: minutes (a day of them at most), hours (a month), days (three years), or all of the time, exact to the minute up to a day and to the hour up to a month." enum:"1m,1h,1d,all" default:"1d"`
	GroupBy     []string `query:"group_by" doc:"What sums are kept apart by: project_id, user_id, api_key_id, model, served_model, class, endpoint, outcome, end_user. End users go together with project_id, model, class and outcome; requests without a user are in none of their sums. An api_key_id of untracked is all keys whose usage is not counted apart."`
	ProjectIDs  []string `query:"project_ids" doc:"Only these projects."`
	UserIDs     []string `query:"user_ids" doc:"Only these users."`
	APIKeyIDs   []string `query:"api_key_ids" doc:"Only these API keys."`
	Models      []string `query:"models" doc:"Only these names of models, as asked for."`
	Endpoints   []string `query:"endpoints" doc:"Only these operations, as this document names them."`
	Outcomes    []string `query:"outcomes" doc:"Only these ends: ok, limited (429), refused (other 4xx), canceled, failed (5xx)."`
	EndUser     *string  `query:"end_user" doc:"Only requests of this end user: their user. Empty is those without one."`
	Top         *int     `query:"top" doc:"With one name in group_by: only so many groups, those that cost most, or of equal cost have most requests, over all of the time. The others are one sum. Left out, all groups." min:"1" max:"1000"`
}

// RequestsQuery are the query parameters of GET /api/usage/requests.
type RequestsQuery struct {
	StartTime  *int64   `query:"start_time" doc:"The first second, since 1970; left out, seven days ago."`
	EndTime    *int64   `query:"end_time" doc:"The second after the last one; left out, now."`
	ProjectIDs []string `query:"project_ids" doc:"Only these projects."`
	UserIDs    []string `query:"user_ids" doc:"Only these users."`
	APIKeyIDs  []string `query:"api_key_ids" doc:"Only these API keys."`
	Models     []string `query:"models" doc:"Only these names of models, as asked for."`
	Endpoints  []string `query:"endpoints" doc:"Only these operations, as this document names them."`
	Outcomes   []string `query:"outcomes" doc:"Only these ends: ok, limited (429), refused (other 4xx), canceled, failed (5xx)."`
	EndUser    *string  `query:"end_user" doc:"Only requests of this end user: their user. Empty is those without one."`
	Limit      *int     `query:"limit" doc:"How many requests to return; an export has all." min:"1" max:"1000" default:"100"`
	After      string   `query:"after" doc:"Id of the last request of the page before."`
	Format     string   `query:"format" doc:"Of an export." enum:"csv,json" default:"csv"`
}

// SumsPage is the answer of GET /api/usage.
type SumsPage struct {
	Object string      `json:"object" enum:"list" doc:"Always list."`
	Data   []SumObject `json:"data" doc:"Sums in the order of time; times without requests have none."`
}

// SumObject is what requests come to.
type SumObject struct {
	Object       string            `json:"object" enum:"usage.sum" doc:"Always usage.sum."`
	StartTime    int64             `json:"start_time" doc:"The first second of the time, since 1970."`
	EndTime      int64             `json:"end_time" doc:"The second after its last one."`
	Group        map[string]string `json:"group" doc:"What the requests have in common, by what was asked for in group_by; empty with others."`
	Others       bool              `json:"others,omitzero" doc:"With top: these are the groups that are not among them, together."`
	Requests     int64             `json:"requests" doc:"How many requests there were, refused ones too."`
	Errors       int64             `json:"errors" doc:"Those of them that were limited, refused or failed."`
	ModelRequest int64             `json:"model_requests" doc:"How many sequences or lists of inputs models were given."`
	Input        int64             `json:"input_tokens" doc:"Tokens of prompts."`
	Cached       int64             `json:"input_cached_tokens" doc:"Those of them that came from the prefix cache."`
	Output       int64             `json:"output_tokens" doc:"Tokens of answers."`
	Cost         float64           `json:"cost_usd" doc:"What they cost, in US dollars."`
	Unpriced     int64             `json:"unpriced_requests" doc:"Requests whose price was not known: they add nothing to the cost."`
	Latency      Percentiles       `json:"latency_ms" doc:"How long requests took, in milliseconds."`
	FirstToken   Percentiles       `json:"first_token_ms" doc:"How long the first token took, in milliseconds, where there was one."`
}

// OpenAPIName is the schema's name.
func (SumObject) OpenAPIName() string { return "UsageSum" }

// Percentiles are estimated from a histogram of fixed buckets.
type Percentiles struct {
	P50 float64 `json:"p50" doc:"Half of the requests took no longer."`
	P95 float64 `json:"p95" doc:"95 of 100 took no longer."`
	P99 float64 `json:"p99" doc:"99 of 100 took no longer."`
}

// OpenAPIName is the schema's name.
func (Percentiles) OpenAPIName() string { return "UsagePercentiles" }

// RequestObject is one request.
type RequestObject struct {
	Object     string  `json:"object" enum:"usage.request" doc:"Always usage.request."`
	ID         string  `json:"id" doc:"The row's id."`
	CreatedAt  float64 `json:"created_at" doc:"When the request ended, in seconds since 1970."`
	Project    string  `json:"project_id" doc:"The project that asked."`
	User       string  `json:"user_id" doc:"The user who asked; empty for a service account."`
	Key        string  `json:"api_key_id" doc:"The key that was used; empty for a browser session; untracked for another's key that is not counted apart, unless you manage the project."`
	RequestID  string  `json:"request_id" doc:"The x-request-id of the answer."`
	Class      string  `json:"class" doc:"What kind of work it was." enum:"completions,embeddings,tokenize,code_interpreter"`
	Endpoint   string  `json:"endpoint" doc:"The operation, as this document names it." example:"createChatCompletion"`
	Model      string  `json:"model" doc:"The name that was asked for; empty when it is none that is known."`
	Served     string  `json:"served_model" doc:"The model that answered; empty when none did."`
	Requests   int     `json:"model_requests" doc:"How many sequences or lists of inputs the model was given."`
	Input      int     `json:"input_tokens" doc:"Tokens of the prompt."`
	Cached     int     `json:"input_cached_tokens" doc:"Those of them that came from the prefix cache."`
	Output     int     `json:"output_tokens" doc:"Tokens of the answer."`
	Status     int     `json:"status" doc:"HTTP status; of a stream that an error ended, the error's; 499 when the client had gone."`
	Code       string  `json:"error_code" doc:"The error's code; empty without one."`
	Latency    int64   `json:"latency_ms" doc:"How long it took, in milliseconds."`
	FirstToken int64   `json:"first_token_ms" doc:"How long the first token took; 0 when there was none."`
	Cost       float64 `json:"cost_usd" doc:"What it cost, in US dollars."`
	Priced     bool    `json:"priced" doc:"Whether the price was known; if not, the cost is 0."`
	EndUser    string  `json:"end_user" doc:"The request's user, at most 256 bytes of it; empty without one."`
}

// OpenAPIName is the schema's name.
func (RequestObject) OpenAPIName() string { return "UsageRequest" }

// Routes are usage's lines of the route table.
func (l *Log) Routes() []httpapi.Route {
	return append([]httpapi.Route{
		{Method: http.MethodGet, Path: "/api/usage", Op: "getUsage", Tag: "Usage", Summary: "Requests, tokens, cost and latency by time and by what you choose.",
			Doc:   "Of your project; of the whole organization with the scope organization.read.",
			Query: SumsQuery{}, Out: SumsPage{}, Scope: actor.UsageRead, Handle: l.getSums},
		{Method: http.MethodGet, Path: "/api/usage/requests", Op: "listUsageRequests", Tag: "Usage", Summary: "Single requests, the newest first.",
			Query: RequestsQuery{}, Out: httpapi.List[RequestObject]{}, Scope: actor.UsageRead, Handle: l.getRequests},
		{Method: http.MethodGet, Path: "/api/usage/export", Op: "exportUsage", Tag: "Usage", Summary: "All requests of a time as a file: CSV, or JSON.",
			Query: RequestsQuery{}, Produces: "text/csv", Scope: actor.UsageRead, Handle: l.export},
	}, l.organizationRoutes()...)
}

// week is how much is shown when nobody says how much.
const week = 7 * Day

// period reads a time from … to; to is now when it is left out.
func (l *Log) period(start, end *int64, before time.Duration) (from, to time.Time, err error) {
	now := l.clock.Now()
	to = now.Add(time.Second).Truncate(time.Second)
	if end != nil {
		to = time.Unix(*end, 0).UTC()
	}
	from = to.Add(-before)
	if start != nil {
		from = time.Unix(*start, 0).UTC()
	}
	switch {
	case start != nil && (*start < 0 || *start > maxTime):
		return from, to, fault.Param("start_time", "'start_time' should be seconds since 1970.")
	case end != nil && (*end < 0 || *end > maxTime):
		return from, to, fault.Param("end_time", "'end_time' should be seconds since 1970.")
	case end != nil && !to.After(from):
		return from, to, fault.Param("end_time", "'end_time' should be after 'start_time'.")
	}
	return from, to, nil
}

// maxTime is the last second that a query may name: the end of the year 9999.
const maxTime = 253402300799

// only collects the values of dimensions. PostgreSQL takes no text with a zero byte, and no row has one.
func only(values map[Dimension][]string) (map[Dimension][]string, error) {
	for d, list := range values {
		if len(list) > 100 {
			return nil, fault.Param(string(d)+"s", "Too many values: %d, of at most 100.", len(list))
		}
		for _, v := range list {
			if strings.ContainsRune(v, 0) {
				return nil, fault.Param(string(d)+"s", "A value has a character that no name has.")
			}
		}
	}
	return values, nil
}

// one is a value as a list; none is all.
func one(value *string) []string {
	if value == nil {
		return nil
	}
	return []string{*value}
}

// dimensions reads group_by.
func dimensions(names []string, allowed ...Dimension) ([]Dimension, error) {
	var out []Dimension
	for _, n := range names {
		d := Dimension(n)
		if !slices.Contains(allowed, d) {
			list := make([]string, len(allowed))
			for i, a := range allowed {
				list[i] = string(a)
			}
			return nil, fault.Param("group_by", "Invalid value: '%s'. Supported values are: '%s'.", n, strings.Join(list, "', '")).WithCode("invalid_value")
		}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out, nil
}

// widths are bucket widths, with the most buckets of an answer.
var widths = map[string]struct {
	span time.Duration
	most int
}{"1m": {Minute, 24 * 60}, "1h": {Hour, 31 * 24}, "1d": {Day, 3 * 366}, "all": {Day, 3 * 366}}

func (l *Log) getSums(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Query[SumsQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.OneOf("bucket_width", in.BucketWidth, "1m", "1h", "1d", "all"); err != nil {
		return err
	}
	q := Query{Percentiles: true, Whole: in.BucketWidth == "all"}
	width := widths["1d"]
	if in.BucketWidth != "" {
		width = widths[in.BucketWidth]
	}
	q.Span = width.span
	if q.From, q.To, err = l.period(in.StartTime, in.EndTime, min(week, time.Duration(width.most)*width.span)); err != nil {
		return err
	}
	length := q.To.Sub(q.From)
	switch {
	case q.Whole && length <= Day:
		q.Span = l.finest(q.From)
	case q.Whole && length <= 31*Day:
		q.Span = Hour
	case q.Whole:
	case length > time.Duration(width.most)*q.Span:
		return fault.Param("start_time", "The time is too long for 'bucket_width' %s: at most %d of them.", cmp.Or(in.BucketWidth, "1d"), width.most)
	}
	if q.By, err = dimensions(in.GroupBy, ByProject, ByUser, ByKey, ByModel, ByServed, ByClass, ByEndpoint, ByOutcome, ByEndUser); err != nil {
		return err
	}
	if q.Only, err = only(map[Dimension][]string{ByProject: in.ProjectIDs, ByUser: in.UserIDs, ByKey: in.APIKeyIDs, ByModel: in.Models,
		ByEndpoint: in.Endpoints, ByOutcome: in.Outcomes, ByEndUser: one(in.EndUser)}); err != nil {
		return err
	}
	if err := httpapi.Range("top", in.Top, 1, 1000); err != nil {
		return err
	}
	if in.Top != nil {
		if q.Top = *in.Top; len(q.By) != 1 {
			return fault.Param("top", "'top' needs one name in 'group_by', not %d.", len(q.By))
		}
	}
	buckets, err := l.Sums(r.Context(), httpapi.ActorOf(r.Context()), q)
	if err != nil {
		return err
	}
	out := SumsPage{Object: "list", Data: make([]SumObject, len(buckets))}
	for i, b := range buckets {
		out.Data[i] = sumObject(q, b)
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func sumObject(q Query, b Bucket) SumObject {
	o := SumObject{
		Object: "usage.sum", StartTime: b.Start.Unix(), EndTime: b.Start.Add(q.Span).Unix(), Group: map[string]string{},
		Requests: b.Requests, Errors: b.Errors, ModelRequest: b.ModelRequests, Input: b.Prompt, Cached: b.Cached, Output: b.Completion,
		Cost: dollars(b.Cost), Unpriced: b.Unpriced, Latency: percentiles(&b.Latency), FirstToken: percentiles(&b.FirstToken),
	}
	if q.Whole {
		o.StartTime, o.EndTime = q.From.Truncate(q.Span).Unix(), q.To.Unix()
	}
	if o.Others = b.Others; o.Others {
		return o
	}
	for i, d := range q.By {
		o.Group[string(d)] = b.Group[i]
	}
	return o
}

func dollars(nano int64) float64 { return float64(nano) / 1e9 }

func percentiles(h *Histogram) Percentiles {
	return Percentiles{P50: h.Percentile(0.5), P95: h.Percentile(0.95), P99: h.Percentile(0.99)}
}

func (l *Log) filter(in RequestsQuery) (f Filter, err error) {
	if f.From, f.To, err = l.period(in.StartTime, in.EndTime, week); err != nil {
		return f, err
	}
	f.Only, err = only(map[Dimension][]string{ByProject: in.ProjectIDs, ByUser: in.UserIDs, ByKey: in.APIKeyIDs, ByModel: in.Models,
		ByEndpoint: in.Endpoints, ByOutcome: in.Outcomes, ByEndUser: one(in.EndUser)})
	return f, err
}

func (l *Log) getRequests(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Query[RequestsQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.Range("limit", in.Limit, 1, MaxPage); err != nil {
		return err
	}
	limit := 100
	if in.Limit != nil {
		limit = *in.Limit
	}
	f, err := l.filter(in)
	if err != nil {
		return err
	}
	after := int64(0)
	if in.After != "" {
		if after, err = strconv.ParseInt(strings.TrimPrefix(in.After, "usage_"), 16, 64); err != nil || after <= 0 {
			return notFound("after", "No request found with id '%s'.", in.After)
		}
	}
	requests, more, err := l.Requests(r.Context(), httpapi.ActorOf(r.Context()), f, after, limit)
	if err != nil {
		return err
	}
	out := make([]RequestObject, len(requests))
	for i, q := range requests {
		out[i] = requestObject(q)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o RequestObject) string { return o.ID }))
}

func requestObject(q Request) RequestObject {
	return RequestObject{
		Object: "usage.request", ID: requestName(q.ID), CreatedAt: float64(store.Millis(q.Time)) / 1000, Project: q.Actor.Project, User: q.Actor.User,
		Key: q.Actor.Key, RequestID: q.RequestID, Class: q.Class, Endpoint: q.Op, Model: q.Model, Served: q.Served, Requests: q.Requests,
		Input: q.Prompt, Cached: q.Cached, Output: q.Completion, Status: q.Status, Code: q.Code, Latency: q.Latency.Milliseconds(),
		FirstToken: q.FirstToken.Milliseconds(), Cost: dollars(q.Cost), Priced: q.Priced, EndUser: q.EndUser,
	}
}

// export writes rows as they are read: a file of any size takes the memory of a page.
func (l *Log) export(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Query[RequestsQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.OneOf("format", in.Format, "csv", "json"); err != nil {
		return err
	}
	f, err := l.filter(in)
	if err != nil {
		return err
	}
	who := httpapi.ActorOf(r.Context())
	if f, err = f.narrow(who); err != nil { // before the header goes out
		return err
	}
	name := "usage-" + f.From.Format(time.DateOnly) + "." + map[bool]string{true: "json", false: "csv"}[in.Format == "json"]
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	rows := l.Export(r.Context(), who, f)
	if in.Format == "json" {
		w.Header().Set("Content-Type", "application/json")
		begin := "[\n"
		for q, err := range rows {
			if err != nil {
				return err
			}
			data, err := json.Marshal(requestObject(q))
			if err == nil {
				_, err = w.Write(append([]byte(begin), data...))
			}
			if err != nil {
				return err
			}
			begin = ",\n"
		}
		if begin == "[\n" {
			begin = "["
		} else {
			begin = "\n"
		}
		_, err = w.Write([]byte(begin + "]\n"))
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	out := csv.NewWriter(w)
	if err := out.Write([]string{"time", "id", "project_id", "user_id", "api_key_id", "request_id", "class", "endpoint", "model", "served_model", "model_requests",
		"input_tokens", "input_cached_tokens", "output_tokens", "status", "error_code", "latency_ms", "first_token_ms", "cost_usd", "priced", "end_user"}); err != nil {
		return err
	}
	for q, err := range rows {
		if err != nil {
			return err
		}
		o := requestObject(q)
		if err := out.Write([]string{q.Time.Format(time.RFC3339Nano), o.ID, o.Project, o.User, o.Key, o.RequestID, o.Class, o.Endpoint, o.Model, o.Served,
			strconv.Itoa(o.Requests), strconv.Itoa(o.Input), strconv.Itoa(o.Cached), strconv.Itoa(o.Output), strconv.Itoa(o.Status), o.Code,
			strconv.FormatInt(o.Latency, 10), strconv.FormatInt(o.FirstToken, 10), strconv.FormatFloat(o.Cost, 'f', -1, 64), strconv.FormatBool(o.Priced), o.EndUser}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
