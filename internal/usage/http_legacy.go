package usage

import (
	"net/http"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// What follows was never documented; the shapes are those that public programs of 2023 read.

// DayQuery are the query parameters of GET /v1/usage.
type DayQuery struct {
	Date string   `query:"date" doc:"The day, in UTC." example:"2023-11-06"`
	User []string `query:"user_public_id" doc:"Only this user."`
}

// DayUsage is the answer of GET /v1/usage.
type DayUsage struct {
	Object  string     `json:"object" enum:"list" doc:"Always list."`
	Data    []DayPart  `json:"data" doc:"Usage by five minutes, operation, model and key."`
	FT      []struct{} `json:"ft_data" doc:"Fine-tuning: none."`
	Images  []struct{} `json:"dalle_api_data" doc:"Images: none."`
	Whisper []struct{} `json:"whisper_api_data" doc:"Transcriptions: none."`
	Cost    float64    `json:"current_usage_usd" doc:"What the day cost, in US dollars."`
}

// DayPart is the usage of five minutes.
type DayPart struct {
	Time      int64  `json:"aggregation_timestamp" doc:"Their first second, since 1970."`
	Requests  int64  `json:"n_requests" doc:"How many requests there were."`
	Operation string `json:"operation" doc:"What was done." enum:"completion,embeddings"`
	Snapshot  string `json:"snapshot_id" doc:"The model that was asked for."`
	Contexts  int64  `json:"n_context" doc:"How many prompts or lists of inputs there were."`
	Context   int64  `json:"n_context_tokens_total" doc:"Their tokens."`
	Generated int64  `json:"n_generated" doc:"How many answers there were."`
	Output    int64  `json:"n_generated_tokens_total" doc:"Their tokens."`
	Key       string `json:"api_key_id" doc:"The key that was used; empty for a browser session; untracked for all keys whose usage is not counted apart."`
}

// BillingQuery are the query parameters of GET /v1/dashboard/billing/usage.
type BillingQuery struct {
	Start string `query:"start_date" doc:"The first day, in UTC." example:"2023-11-01"`
	End   string `query:"end_date" doc:"The day after the last one; at most 100 days after the first." example:"2023-12-01"`
}

// BillingUsage is the answer of GET /v1/dashboard/billing/usage.
type BillingUsage struct {
	Object string     `json:"object" enum:"list" doc:"Always list."`
	Days   []DayCosts `json:"daily_costs" doc:"One for each day."`
	Total  float64    `json:"total_usage" doc:"What all days cost, in hundredths of a US dollar."`
}

// DayCosts are what a day cost.
type DayCosts struct {
	Time  float64    `json:"timestamp" doc:"The day's beginning, in seconds since 1970."`
	Items []LineCost `json:"line_items" doc:"One for each model that was asked for."`
}

// LineCost is what a model cost.
type LineCost struct {
	Name string  `json:"name" doc:"The model that was asked for."`
	Cost float64 `json:"cost" doc:"In hundredths of a US dollar."`
}

// day reads a date.
func day(param, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, httpapi.Required(param, false)
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t, err = time.Parse("2006-1-2", text) // how scripts without a formatter write it
	}
	if err != nil || t.Year() < 1970 {
		return time.Time{}, fault.Param(param, "Invalid '%s': a day is written as 2023-11-06.", param)
	}
	return t, nil
}

func (l *Log) getDay(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Query[DayQuery](r)
	if err != nil {
		return err
	}
	from, err := day("date", in.Date)
	if err != nil {
		return err
	}
	q := Query{Span: l.finest(from), By: []Dimension{ByClass, ByModel, ByKey}, Filter: Filter{From: from, To: from.Add(Day)}}
	if q.Only, err = only(map[Dimension][]string{ByUser: in.User, ByClass: {Completions, Embeddings}, ByOutcome: answered}); err != nil {
		return err
	}
	buckets, err := l.Sums(r.Context(), httpapi.ActorOf(r.Context()), q)
	if err != nil {
		return err
	}
	out := DayUsage{Object: "list", Data: []DayPart{}, FT: []struct{}{}, Images: []struct{}{}, Whisper: []struct{}{}}
	type part struct {
		at                int64
		class, model, key string
	}
	index := map[part]int{}
	var cost int64
	for _, b := range buckets {
		p := part{b.Start.Truncate(5 * time.Minute).Unix(), b.Group[0], b.Group[1], b.Group[2]}
		i, known := index[p]
		if !known {
			i = len(out.Data)
			index[p] = i
			operation := "completion"
			if p.class == Embeddings {
				operation = Embeddings
			}
			out.Data = append(out.Data, DayPart{Time: p.at, Operation: operation, Snapshot: p.model, Key: p.key})
		}
		d := &out.Data[i]
		d.Requests += b.Requests
		d.Contexts += b.ModelRequests
		d.Context += b.Prompt
		if p.class == Completions {
			d.Generated += b.ModelRequests
			d.Output += b.Completion
		}
		cost += b.Cost
	}
	out.Cost = dollars(cost)
	return httpapi.JSON(w, http.StatusOK, out)
}

func (l *Log) getBilling(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Query[BillingQuery](r)
	if err != nil {
		return err
	}
	from, err := day("start_date", in.Start)
	if err != nil {
		return err
	}
	to, err := day("end_date", in.End)
	switch {
	case err != nil:
		return err
	case !to.After(from):
		return fault.Param("end_date", "'end_date' should be after 'start_date'.")
	case to.Sub(from) > 100*Day:
		return fault.Param("end_date", "The days are too many: 'end_date' is at most 100 days after 'start_date'.")
	}
	buckets, err := l.Sums(r.Context(), httpapi.ActorOf(r.Context()), Query{Span: Day, By: []Dimension{ByModel},
		Filter: Filter{From: from, To: to, Only: map[Dimension][]string{ByOutcome: answered, ByClass: {Completions, Embeddings}}}})
	if err != nil {
		return err
	}
	out := BillingUsage{Object: "list", Days: []DayCosts{}}
	var total int64
	for at := from; at.Before(to); at = at.Add(Day) {
		d := DayCosts{Time: float64(at.Unix()), Items: []LineCost{}}
		for ; len(buckets) > 0 && buckets[0].Start.Equal(at); buckets = buckets[1:] {
			d.Items = append(d.Items, LineCost{Name: buckets[0].Group[0], Cost: float64(buckets[0].Cost) / 1e7})
			total += buckets[0].Cost
		}
		out.Days = append(out.Days, d)
	}
	out.Total = float64(total) / 1e7
	return httpapi.JSON(w, http.StatusOK, out)
}
