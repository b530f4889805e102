package usage

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Dimension is what sums are kept apart by.
type Dimension string

// The dimensions.
const (
	ByProject  Dimension = "project_id"
	ByUser     Dimension = "user_id"
	ByKey      Dimension = "api_key_id"
	ByModel    Dimension = "model"
	ByServed   Dimension = "served_model"
	ByClass    Dimension = "class"
	ByEndpoint Dimension = "endpoint"
	ByOutcome  Dimension = "outcome"
	ByEndUser  Dimension = "end_user"
)

// columns of the tables that hold the dimensions. Rows of requests have a status instead of an outcome.
var columns = map[Dimension]string{
	ByProject: "project_id", ByUser: "user_id", ByKey: "key_id", ByModel: "model", ByServed: "served_model",
	ByClass: "class", ByEndpoint: "op", ByOutcome: "outcome", ByEndUser: "end_user",
}

// Filter chooses requests: those that ended at From ≤ t < To, with one of the values of each dimension that is named.
type Filter struct {
	From, To time.Time
	Only     map[Dimension][]string // no values: all

	// Whom narrow let in: who manages nothing sees of keys that are not counted apart only its own.
	viewer string
	keys   bool
}

// narrow checks what the actor may see: its organization with the scope for that, else its project.
func (f Filter) narrow(who actor.Actor) (Filter, error) {
	f.viewer, f.keys = who.User, who.Manages() || who.May(actor.OrganizationRead)
	if who.May(actor.OrganizationRead) {
		return f, nil
	}
	for _, p := range f.Only[ByProject] {
		if p != who.Project {
			return f, notFound("project_ids", "No project found with id '%s'.", p)
		}
	}
	only := map[Dimension][]string{}
	for d, values := range f.Only {
		only[d] = values
	}
	only[ByProject] = []string{who.Project}
	f.Only = only
	return f, nil
}

func notFound(param, text, id string) error {
	return &fault.Error{Kind: fault.NotFound, Param: param, Message: fmt.Sprintf(text, id)}
}

// Query asks for sums.
type Query struct {
	Filter
	Span        time.Duration // Minute, Hour or Day: From and To are rounded down and up to it
	Whole       bool          // one sum for all of the time instead of one for each span
	By          []Dimension
	Percentiles bool // with histograms
	Top         int  // with one dimension in By: so many groups, those that cost most, or of equal cost have most requests, over all of the time; 0: all

	endUsers bool // only requests that have an end user
}

// dimensions are those that the answer depends on.
func (q Query) dimensions() []Dimension {
	out := slices.Clone(q.By)
	for d, values := range q.Only {
		if len(values) > 0 {
			out = append(out, d)
		}
	}
	return out
}

// Bucket is one sum of an answer.
type Bucket struct {
	Start time.Time // zero with Query.Whole
	Group []string  // values of Query.By, in that order
	Sum
	Errors int64 // requests that were limited, refused or failed
	Others bool  // the groups that are not among Query.Top, together
}

// Sums answers a query from the sums, in the order of time and group. Times without requests have no buckets.
func (l *Log) Sums(ctx context.Context, who actor.Actor, q Query) (_ []Bucket, err error) {
	defer fault.Wrap(&err, "usage.Sums")
	if q.Filter, err = q.narrow(who); err != nil {
		return nil, err
	}
	if !slices.Contains(spans[:], q.Span) {
		q.Span = Day
	}
	if dims := q.dimensions(); slices.Contains(dims, ByEndUser) {
		if slices.Contains(q.Only[ByEndUser], "") {
			return nil, fault.Param("end_user", "There are no sums of requests without an end user. Single requests can be filtered by it.").WithCode("invalid_value")
		}
		for _, d := range dims {
			if !slices.Contains([]Dimension{ByEndUser, ByProject, ByClass, ByOutcome, ByModel}, d) {
				return nil, fault.Param("group_by", "Sums by end user tell project_id, model, class and outcome apart, not %s. Single requests can be filtered by both.", d).WithCode("invalid_value")
			}
		}
		if q.Span == Minute {
			if !q.Whole {
				return nil, fault.Param("bucket_width", "Sums by end user are of hours and days: send 'bucket_width' 1h, 1d or all.").WithCode("invalid_value")
			}
			q.Span = Hour
		}
	}
	return readSums(ctx, l.db.Read(), who.Org, q)
}

// Request is one row.
type Request struct {
	ID        int64
	Time      time.Time
	Actor     actor.Actor // organization, project, user and key
	RequestID string
	Class     string
	Row
	Code   string // of the error
	Cost   int64  // billionths of a US dollar
	Priced bool   // false: no price was known, Cost is 0
}

// request is what a filter's viewer sees of a row.
func (e *event) request(f Filter) Request {
	if e.untracked && !f.keys && (f.viewer == "" || e.who.User != f.viewer) {
		e.who.Key = Untracked
	}
	return Request{ID: e.id, Time: e.at, Actor: e.who, RequestID: e.requestID, Class: e.class, Row: e.row, Code: e.code, Cost: e.cost.Total, Priced: e.priced}
}

// MaxPage is the most requests of a page.
const MaxPage = 1000

// Requests returns at most limit requests, the newest first, that come after the one called after ("": from the newest
// on), and whether there are more.
func (l *Log) Requests(ctx context.Context, who actor.Actor, f Filter, after int64, limit int) (_ []Request, more bool, err error) {
	defer fault.Wrap(&err, "usage.Requests")
	if f, err = f.narrow(who); err != nil {
		return nil, false, err
	}
	if err := l.settled(ctx); err != nil {
		return nil, false, err
	}
	cursor := position{at: store.Millis(f.To)}
	if after != 0 {
		if cursor, err = positionOf(ctx, l.db.Read(), who.Org, after); err != nil {
			return nil, false, err
		}
	}
	events, err := readRequests(ctx, l.db.Read(), who.Org, f, cursor, limit+1, l.clock.Now(), l.finest(f.From))
	if err != nil {
		return nil, false, err
	}
	if more = len(events) > limit; more {
		events = events[:limit]
	}
	out := make([]Request, len(events))
	for i, e := range events {
		out[i] = e.request(f)
	}
	return out, more, nil
}

// Export yields all requests of a filter, the newest first, page by page, so that writers are not held up.
func (l *Log) Export(ctx context.Context, who actor.Actor, f Filter) iter.Seq2[Request, error] {
	return func(yield func(Request, error) bool) {
		f, err := f.narrow(who)
		if err == nil {
			err = l.settled(ctx)
		}
		if err != nil {
			yield(Request{}, err)
			return
		}
		cursor := position{at: store.Millis(f.To)}
		for {
			events, err := readRequests(ctx, l.db.Read(), who.Org, f, cursor, MaxPage, l.clock.Now(), l.finest(f.From))
			if err != nil {
				yield(Request{}, err)
				return
			}
			for _, e := range events {
				if !yield(e.request(f), nil) {
					return
				}
				cursor = position{store.Millis(e.at), e.id}
			}
			if len(events) < MaxPage {
				return
			}
		}
	}
}
