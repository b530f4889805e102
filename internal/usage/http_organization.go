package usage

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// OrganizationQuery are the query parameters of usage and costs, as OpenAI's document of today has them.
type OrganizationQuery struct {
	StartTime   *int64   `query:"start_time" doc:"The first second, since 1970."`
	EndTime     *int64   `query:"end_time" doc:"The second after the last one; left out, now."`
	BucketWidth string   `query:"bucket_width" doc:"Length of the buckets; of costs days only." enum:"1m,1h,1d" default:"1d"`
	ProjectIDs  []string `query:"project_ids" doc:"Only these projects."`
	UserIDs     []string `query:"user_ids" doc:"Only these users."`
	APIKeyIDs   []string `query:"api_key_ids" doc:"Only these API keys."`
	Models      []string `query:"models" doc:"Only these names of models, as asked for."`
	Batch       *bool    `query:"batch" doc:"Only batches, or none of them: there are none yet."`
	GroupBy     []string `query:"group_by" doc:"What results are kept apart by: project_id, user_id, api_key_id, model, and for completions batch and service_tier; for costs project_id, api_key_id and line_item."`
	Limit       *int     `query:"limit" doc:"How many buckets: of days 7, at most 31 (costs 180); of hours 24, at most 168; of minutes 60, at most 1440." min:"1" max:"1440"`
	Page        string   `query:"page" doc:"next_page of the page before."`
}

// UsagePage is a page of buckets.
type UsagePage[T named] struct {
	Object   string           `json:"object" enum:"page" doc:"Always page."`
	Data     []UsageBucket[T] `json:"data" doc:"Buckets in the order of time."`
	HasMore  bool             `json:"has_more" doc:"Whether there are buckets behind this page."`
	NextPage *string          `json:"next_page" doc:"For the parameter page; null at the end."`
}

// UsageBucket is a time.
type UsageBucket[T named] struct {
	Object    string `json:"object" enum:"bucket" doc:"Always bucket."`
	StartTime int64  `json:"start_time" doc:"Its first second, since 1970."`
	EndTime   int64  `json:"end_time" doc:"The second after its last one."`
	Results   []T    `json:"results" doc:"One for each group; none when nothing was asked."`
}

// CompletionsUsage is the usage of chats, completions and edits.
type CompletionsUsage struct {
	Object      string  `json:"object" enum:"organization.usage.completions.result" doc:"Always organization.usage.completions.result."`
	Input       int64   `json:"input_tokens" doc:"Tokens of prompts."`
	Cached      int64   `json:"input_cached_tokens" doc:"Those of them that came from the prefix cache."`
	Uncached    int64   `json:"input_uncached_tokens" doc:"The others."`
	Output      int64   `json:"output_tokens" doc:"Tokens of answers."`
	Requests    int64   `json:"num_model_requests" doc:"How many sequences models were given."`
	Project     *string `json:"project_id" doc:"With group_by project_id."`
	User        *string `json:"user_id" doc:"With group_by user_id."`
	Key         *string `json:"api_key_id" doc:"With group_by api_key_id; null for all keys whose usage is not counted apart."`
	Model       *string `json:"model" doc:"With group_by model: the name that was asked for."`
	Batch       *bool   `json:"batch" doc:"With group_by batch: whether it was a batch."`
	ServiceTier *string `json:"service_tier" doc:"With group_by service_tier." example:"default"`
}

// EmbeddingsUsage is the usage of embeddings and search.
type EmbeddingsUsage struct {
	Object   string  `json:"object" enum:"organization.usage.embeddings.result" doc:"Always organization.usage.embeddings.result."`
	Input    int64   `json:"input_tokens" doc:"Tokens of inputs."`
	Requests int64   `json:"num_model_requests" doc:"How many lists of inputs models were given."`
	Project  *string `json:"project_id" doc:"With group_by project_id."`
	User     *string `json:"user_id" doc:"With group_by user_id."`
	Key      *string `json:"api_key_id" doc:"With group_by api_key_id; null for all keys whose usage is not counted apart."`
	Model    *string `json:"model" doc:"With group_by model: the name that was asked for."`
}

// Costs are what a group of requests cost.
type Costs struct {
	Object   string   `json:"object" enum:"organization.costs.result" doc:"Always organization.costs.result."`
	Amount   Amount   `json:"amount" doc:"What it comes to."`
	LineItem *string  `json:"line_item" doc:"With group_by line_item: the name of the model that was asked for."`
	Project  *string  `json:"project_id" doc:"With group_by project_id."`
	Key      *string  `json:"api_key_id" doc:"With group_by api_key_id; null for all keys whose usage is not counted apart."`
	Quantity *float64 `json:"quantity" doc:"With group_by line_item: how many tokens."`
	Unit     *string  `json:"quantity_unit" doc:"With group_by line_item: tokens." enum:"tokens"`
}

// Amount is money.
type Amount struct {
	Value    float64 `json:"value" doc:"How much."`
	Currency string  `json:"currency" doc:"Of which money." example:"usd"`
}

func (l *Log) organizationRoutes() []httpapi.Route {
	const doc = "Of your project; of the whole organization with the scope organization.read. Refused requests are part of no count here."
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/v1/organization/usage/completions", Op: "getCompletionsUsage", Tag: "Usage", Summary: "Usage of chats, completions and edits by time.", Doc: doc,
			Query: OrganizationQuery{}, Out: UsagePage[CompletionsUsage]{}, Scope: actor.UsageRead, Handle: l.getCompletionsUsage},
		{Method: http.MethodGet, Path: "/v1/organization/usage/embeddings", Op: "getEmbeddingsUsage", Tag: "Usage", Summary: "Usage of embeddings and search by time.", Doc: doc,
			Query: OrganizationQuery{}, Out: UsagePage[EmbeddingsUsage]{}, Scope: actor.UsageRead, Handle: l.getEmbeddingsUsage},
		{Method: http.MethodGet, Path: "/v1/organization/costs", Op: "getCosts", Tag: "Usage", Summary: "What was spent by day.", Doc: "Of your project; of the whole organization with the scope organization.read.",
			Query: OrganizationQuery{}, Out: UsagePage[Costs]{}, Scope: actor.UsageRead, Handle: l.getCosts},
		{Method: http.MethodGet, Path: "/v1/usage", Op: "getUsageOfDay", Tag: "Usage", Summary: "Usage of a day, as programs of 2023 asked for it.",
			Query: DayQuery{}, Out: DayUsage{}, Scope: actor.UsageRead, Handle: l.getDay},
		{Method: http.MethodGet, Path: "/v1/dashboard/billing/usage", Op: "getBillingUsage", Tag: "Usage", Summary: "What was spent by day and model, as programs of 2023 asked for it.",
			Query: BillingQuery{}, Out: BillingUsage{}, Scope: actor.UsageRead, Handle: l.getBilling},
		{Method: http.MethodGet, Path: "/dashboard/billing/usage", Op: "getDashboardUsage", Tag: "Usage", Summary: "What was spent by day and model, at the path that the dashboard of 2023 used.",
			Query: BillingQuery{}, Out: BillingUsage{}, Scope: actor.UsageRead, Handle: l.getBilling},
	}
}

// page is which buckets are asked for.
type page struct {
	Query
	next time.Time // start of the next page; zero at the end
}

// readPage reads the parameters that usage and costs have in common. most are the default and the highest number of buckets.
func (l *Log) readPage(r *http.Request, most map[string][2]int, dims ...Dimension) (p page, in OrganizationQuery, err error) {
	if in, err = httpapi.Query[OrganizationQuery](r); err != nil {
		return p, in, err
	}
	if in.BucketWidth == "" {
		in.BucketWidth = "1d"
	}
	if err := httpapi.First(httpapi.Required("start_time", in.StartTime != nil),
		httpapi.OneOf("bucket_width", in.BucketWidth, slices.Sorted(maps.Keys(most))...)); err != nil {
		return p, in, err
	}
	limit := most[in.BucketWidth][0]
	if err := httpapi.Range("limit", in.Limit, 1, most[in.BucketWidth][1]); err != nil {
		return p, in, err
	}
	if in.Limit != nil {
		limit = *in.Limit
	}
	if p.From, p.To, err = l.period(in.StartTime, in.EndTime, 0); err != nil {
		return p, in, err
	}
	p.Span = widths[in.BucketWidth].span
	p.From = p.From.Truncate(p.Span)
	if in.Page != "" {
		at, err := strconv.ParseInt(strings.TrimPrefix(in.Page, "page_"), 36, 64)
		if err != nil || at < p.From.Unix() || at > maxTime {
			return p, in, fault.Param("page", "Invalid 'page': send the next_page of the page before, with the same other parameters.")
		}
		p.From = time.Unix(at, 0).UTC().Truncate(p.Span)
	}
	if end := p.From.Add(time.Duration(limit) * p.Span); end.Before(p.To) {
		p.To, p.next = end, end
	}
	if p.By, err = dimensions(in.GroupBy, dims...); err != nil {
		return p, in, err
	}
	p.Only, err = only(map[Dimension][]string{ByProject: in.ProjectIDs, ByUser: in.UserIDs, ByKey: in.APIKeyIDs, ByModel: in.Models})
	return p, in, err
}

// usageLimits are OpenAI's.
var usageLimits = map[string][2]int{"1d": {7, 31}, "1h": {24, 168}, "1m": {60, 1440}}

// answer puts results into their buckets, which are there also when nothing was asked.
func answer[T named](p page, buckets []Bucket, result func(Bucket) T) UsagePage[T] {
	out := UsagePage[T]{Object: "page", Data: []UsageBucket[T]{}, HasMore: !p.next.IsZero()}
	for at := p.From; at.Before(p.To); at = at.Add(p.Span) {
		b := UsageBucket[T]{Object: "bucket", StartTime: at.Unix(), EndTime: at.Add(p.Span).Unix(), Results: []T{}}
		for len(buckets) > 0 && buckets[0].Start.Equal(at) {
			b.Results = append(b.Results, result(buckets[0]))
			buckets = buckets[1:]
		}
		out.Data = append(out.Data, b)
	}
	if out.HasMore {
		next := "page_" + strconv.FormatInt(p.next.Unix(), 36)
		out.NextPage = &next
	}
	return out
}

// of returns the value of a dimension, nil when it is not asked for, and for keys that are not counted apart.
func (p *page) of(b Bucket, d Dimension) *string {
	i := slices.Index(p.By, d)
	if i < 0 || d == ByKey && b.Group[i] == Untracked {
		return nil
	}
	return &b.Group[i]
}

func (l *Log) getCompletionsUsage(w http.ResponseWriter, r *http.Request) error {
	p, in, err := l.readPage(r, usageLimits, ByProject, ByUser, ByKey, ByModel, "batch", "service_tier")
	if err != nil {
		return err
	}
	// There are no batches yet, and one tier: these tell nothing apart.
	byBatch, byTier := slices.Contains(p.By, "batch"), slices.Contains(p.By, "service_tier")
	p.By = slices.DeleteFunc(p.By, func(d Dimension) bool { return d == "batch" || d == "service_tier" })
	var buckets []Bucket
	if in.Batch == nil || !*in.Batch {
		p.Only[ByClass], p.Only[ByOutcome] = []string{Completions}, answered
		if buckets, err = l.Sums(r.Context(), httpapi.ActorOf(r.Context()), p.Query); err != nil {
			return err
		}
	}
	no, tier := false, "default"
	return httpapi.JSON(w, http.StatusOK, answer(p, buckets, func(b Bucket) CompletionsUsage {
		u := CompletionsUsage{Object: "organization.usage.completions.result", Input: b.Prompt, Cached: b.Cached, Uncached: b.Prompt - b.Cached, Output: b.Completion,
			Requests: b.ModelRequests, Project: p.of(b, ByProject), User: p.of(b, ByUser), Key: p.of(b, ByKey), Model: p.of(b, ByModel)}
		if byBatch {
			u.Batch = &no
		}
		if byTier {
			u.ServiceTier = &tier
		}
		return u
	}))
}

// answered are the outcomes of requests that a model may have worked for.
var answered = []string{OK, Canceled, Failed}

func (l *Log) getEmbeddingsUsage(w http.ResponseWriter, r *http.Request) error {
	p, _, err := l.readPage(r, usageLimits, ByProject, ByUser, ByKey, ByModel)
	if err != nil {
		return err
	}
	p.Only[ByClass], p.Only[ByOutcome] = []string{Embeddings}, answered
	buckets, err := l.Sums(r.Context(), httpapi.ActorOf(r.Context()), p.Query)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, answer(p, buckets, func(b Bucket) EmbeddingsUsage {
		return EmbeddingsUsage{Object: "organization.usage.embeddings.result", Input: b.Prompt, Requests: b.ModelRequests,
			Project: p.of(b, ByProject), User: p.of(b, ByUser), Key: p.of(b, ByKey), Model: p.of(b, ByModel)}
	}))
}

func (l *Log) getCosts(w http.ResponseWriter, r *http.Request) error {
	p, _, err := l.readPage(r, map[string][2]int{"1d": {7, 180}}, ByProject, ByKey, "line_item")
	if err != nil {
		return err
	}
	items := slices.Index(p.By, "line_item")
	if items >= 0 {
		p.By[items] = ByModel
	}
	p.Only[ByOutcome] = answered
	buckets, err := l.Sums(r.Context(), httpapi.ActorOf(r.Context()), p.Query)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, answer(p, buckets, func(b Bucket) Costs {
		c := Costs{Object: "organization.costs.result", Amount: Amount{dollars(b.Cost), "usd"}, Project: p.of(b, ByProject), Key: p.of(b, ByKey)}
		if items >= 0 {
			quantity, unit := float64(b.Prompt+b.Completion), "tokens"
			c.LineItem, c.Quantity, c.Unit = &b.Group[items], &quantity, &unit
		}
		return c
	}))
}

// named is a result whose schema has a name.
type named interface{ OpenAPIName() string }

// OpenAPIName is the schema's name.
func (CompletionsUsage) OpenAPIName() string { return "UsageCompletionsResult" }

// OpenAPIName is the schema's name.
func (EmbeddingsUsage) OpenAPIName() string { return "UsageEmbeddingsResult" }

// OpenAPIName is the schema's name.
func (Costs) OpenAPIName() string { return "CostsResult" }

// OpenAPIName is the schema's name.
func (UsageBucket[T]) OpenAPIName() string { var t T; return t.OpenAPIName() + "Bucket" }

// OpenAPIName is the schema's name.
func (UsagePage[T]) OpenAPIName() string { var t T; return t.OpenAPIName() + "Page" }
