package usage

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// bounds are the upper ends of a histogram's buckets, in milliseconds; what is longer is in one more.
var bounds = [...]int64{1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000,
	10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 300_000}

// Histogram counts durations in fixed buckets.
type Histogram [len(bounds) + 1]int64

func (h *Histogram) add(ms int64) {
	i, _ := slices.BinarySearch(bounds[:], ms)
	h[i]++
}

func (h *Histogram) merge(o *Histogram) {
	for i, n := range o {
		h[i] += n
	}
}

// Percentile returns the milliseconds that the share p (0–1) of the durations does not exceed: within the bucket
// that it falls into, all lengths are taken for equally frequent. 0 when nothing was counted.
func (h *Histogram) Percentile(p float64) float64 {
	var total int64
	for _, n := range h {
		total += n
	}
	rank := p * float64(total)
	var before int64
	for i, n := range h {
		if n == 0 || float64(before+n) < rank {
			before += n
			continue
		}
		low, high := 0.0, float64(bounds[min(i, len(bounds)-1)])
		if i > 0 {
			low = float64(bounds[i-1])
		}
		return low + (high-low)*(rank-float64(before))/float64(n)
	}
	return 0
}

// Spans that sums are kept for.
const (
	Minute = time.Minute
	Hour   = time.Hour
	Day    = 24 * time.Hour
)

var spans = [...]time.Duration{Minute, Hour, Day}

// Outcomes of requests.
const (
	OK       = "ok"
	Limited  = "limited"  // 429
	Refused  = "refused"  // other 4xx
	Canceled = "canceled" // 499: the client had gone
	Failed   = "failed"   // 5xx
)

func outcome(status int) string {
	switch {
	case status < http.StatusBadRequest:
		return OK
	case status == http.StatusTooManyRequests:
		return Limited
	case status == 499:
		return Canceled
	case status < http.StatusInternalServerError:
		return Refused
	}
	return Failed
}

// isError reports whether requests of an outcome count as errors.
func isError(outcome string) bool {
	return outcome == Limited || outcome == Refused || outcome == Failed
}

// Sums are kept several times: by all dimensions, and by project, class, outcome and one more, or none. A view
// reads the smallest that tells apart what it asks for. The names are those of usage_rollups.kind. End users, of whom there may
// be very many, have tables of their own, without minutes: of hours and days by project, class, outcome and model, and of days by
// project alone. What all of them come to is a kind of the sums by hour and day.
const (
	byAll        = "all"
	byProject    = "project"
	ofEndUsers   = "end_users"
	byEndUser    = "end_user"
	byEndUserDay = "end_user_day"
)

// Untracked stands in sums for all keys whose usage is not counted apart.
const Untracked = "untracked"

// kinds are the sums that are kept, with the dimension that each has beside project, class and outcome.
var kinds = map[string]Dimension{
	byAll: "", byProject: "", "user": ByUser, "key": ByKey, "model": ByModel, "served": ByServed, "endpoint": ByEndpoint,
}

// kindFor returns the smallest sums that tell dimensions apart; with endUsers, of requests that have an end user.
func kindFor(dims []Dimension, endUsers bool) string {
	switch {
	case slices.Contains(dims, ByEndUser) || endUsers && slices.Contains(dims, ByModel):
		return byEndUser
	case endUsers:
		return ofEndUsers
	}
	kind := byProject
	for _, d := range dims {
		if d == ByProject || d == ByClass || d == ByOutcome || kinds[kind] == d {
			continue
		}
		if kind != byProject {
			return byAll
		}
		for k, own := range kinds {
			if own == d {
				kind = k
			}
		}
	}
	return kind
}

// group is what rows have in common that are added up.
type group struct {
	org, kind          string
	span               time.Duration
	start              int64 // milliseconds since 1970
	project, user, key string
	model, served      string
	class, op, outcome string
	endUser            string
}

// Sum is what the requests of a group come to.
type Sum struct {
	Requests      int64
	ModelRequests int64
	Prompt        int64 // tokens
	Cached        int64 // tokens of Prompt
	Completion    int64 // tokens
	Cost          int64 // billionths of a US dollar
	CachedCost    int64 // of Cost, what tokens that were computed before cost
	OutputCost    int64 // of Cost, what tokens of answers cost
	Unpriced      int64 // requests whose price was not known
	Latency       Histogram
	FirstToken    Histogram

	errors int64 // requests that were limited, refused or failed; of rows that are on their way, not of answers
}

func (s *Sum) add(e *event) {
	s.Requests++
	s.ModelRequests += int64(e.row.Requests)
	s.Prompt += int64(e.row.Prompt)
	s.Cached += int64(e.row.Cached)
	s.Completion += int64(e.row.Completion)
	s.Cost += e.cost.Total
	s.CachedCost += e.cost.Cached
	s.OutputCost += e.cost.Output
	if !e.priced {
		s.Unpriced++
	}
	if isError(outcome(e.row.Status)) {
		s.errors++
	}
	s.Latency.add(e.row.Latency.Milliseconds())
	if e.row.FirstToken > 0 {
		s.FirstToken.add(e.row.FirstToken.Milliseconds())
	}
}

func (s *Sum) merge(o *Sum) {
	s.Requests += o.Requests
	s.ModelRequests += o.ModelRequests
	s.Prompt += o.Prompt
	s.Cached += o.Cached
	s.Completion += o.Completion
	s.Cost += o.Cost
	s.CachedCost += o.CachedCost
	s.OutputCost += o.OutputCost
	s.Unpriced += o.Unpriced
	s.errors += o.errors
	s.Latency.merge(&o.Latency)
	s.FirstToken.merge(&o.FirstToken)
}

// subtract takes away what is a part of a sum.
func (s *Sum) subtract(o *Sum) {
	s.Requests -= o.Requests
	s.ModelRequests -= o.ModelRequests
	s.Prompt -= o.Prompt
	s.Cached -= o.Cached
	s.Completion -= o.Completion
	s.Cost -= o.Cost
	s.CachedCost -= o.CachedCost
	s.OutputCost -= o.OutputCost
	s.Unpriced -= o.Unpriced
	for i, n := range o.Latency {
		s.Latency[i] -= n
	}
	for i, n := range o.FirstToken {
		s.FirstToken[i] -= n
	}
}

// sums are those of rows that are not in the database's yet.
type sums map[group]*Sum

func (s sums) get(g group) *Sum {
	sum := s[g]
	if sum == nil {
		sum = &Sum{}
		s[g] = sum
	}
	return sum
}

// add counts a row in the sum of its minute by all dimensions, and in that of its end user's hour; expand makes the others of
// them, once for many rows.
func (s sums) add(e *event) {
	key := e.who.Key
	if e.untracked {
		key = Untracked
	}
	if e.row.EndUser != "" {
		s.get(group{
			org: e.who.Org, kind: byEndUser, span: Hour, start: store.Millis(e.at.Truncate(Hour)), project: e.who.Project, endUser: e.row.EndUser,
			model: e.row.Model, class: e.class, outcome: outcome(e.row.Status),
		}).add(e)
	}
	s.get(group{
		org: e.who.Org, kind: byAll, span: Minute, start: store.Millis(e.at.Truncate(Minute)), project: e.who.Project, user: e.who.User, key: key,
		model: e.row.Model, served: e.row.Served, class: e.class, op: e.row.Op, outcome: outcome(e.row.Status),
	}).add(e)
}

// expand returns the sums of all kinds and spans.
func (s sums) expand() sums {
	out := make(sums, 4*len(s))
	for g, sum := range s {
		if g.kind == byEndUser {
			all := g
			all.kind, all.endUser, all.model = ofEndUsers, "", ""
			out.get(g).merge(sum)
			out.get(all).merge(sum)
			g.span, g.start = Day, store.Millis(store.Time(g.start).Truncate(Day))
			all.span, all.start = g.span, g.start
			out.get(g).merge(sum)
			out.get(all).merge(sum)
			g.kind, g.model, g.class, g.outcome = byEndUserDay, "", "", ""
			out.get(g).merge(sum)
			continue
		}
		for kind, d := range kinds {
			of := g
			if of.kind = kind; kind != byAll {
				keep := func(own Dimension, value *string) {
					if d != own {
						*value = ""
					}
				}
				keep(ByUser, &of.user)
				keep(ByKey, &of.key)
				keep(ByModel, &of.model)
				keep(ByServed, &of.served)
				keep(ByEndpoint, &of.op)
			}
			for _, span := range spans {
				of.span, of.start = span, store.Millis(store.Time(g.start).Truncate(span))
				out.get(of).merge(sum)
			}
		}
	}
	return out
}

// sorted returns the groups in the order of the table's key, in which all servers lock them.
func (s sums) sorted() []group {
	out := make([]group, 0, len(s))
	for g := range s {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.org, b.org), cmp.Compare(a.kind, b.kind), cmp.Compare(a.span, b.span), cmp.Compare(a.start, b.start), cmp.Compare(a.project, b.project),
			cmp.Compare(a.user, b.user), cmp.Compare(a.key, b.key), cmp.Compare(a.model, b.model), cmp.Compare(a.served, b.served),
			cmp.Compare(a.class, b.class), cmp.Compare(a.op, b.op), cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.endUser, b.endUser))
	})
	return out
}

// rollup collects what this process wrote and did not add to the sums yet.
type rollup struct {
	writer int64
	turn   sync.Mutex // one addition at a time
	rolled int64      // as this process knows usage_writers.rolled; guarded by turn

	mu   sync.Mutex
	upTo int64 // the last row in sums
	sums sums
}

func (r *rollup) add(events []*event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		r.sums.add(e)
		r.upTo = max(r.upTo, e.id)
	}
}

// take empties the collection.
func (r *rollup) take() (sums, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.sums
	r.sums = sums{}
	return out, r.upTo
}

// giveBack undoes take.
func (r *rollup) giveBack(s sums) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for g, sum := range s {
		r.sums.get(g).merge(sum)
	}
}

const (
	// lookEvery is how often a process shows that it lives and looks for rows that dead ones left.
	lookEvery = 10 * time.Second
	// deadAfter is how long a process may be silent before others add its rows to the sums. A mistake costs
	// nothing: rolled moves once, whoever moves it.
	deadAfter = 30 * time.Second
)

// roll adds rows to the sums until ctx ends.
func (l *Log) roll(ctx context.Context) {
	tick := time.NewTicker(rollEvery)
	defer tick.Stop()
	for looked := (time.Time{}); ; {
		var err error
		if time.Since(looked) >= lookEvery {
			err = errors.Join(l.adopt(ctx), l.lookAtKeeping(ctx))
			if l.jobs != nil && time.Since(l.reminded) >= keepLook {
				err = errors.Join(err, l.remind(ctx))
				l.reminded = time.Now()
			}
			looked = time.Now()
		}
		if err = errors.Join(err, l.catchUp(ctx)); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "sums of usage wait for the database", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// catchUp adds what this process wrote to the sums.
func (l *Log) catchUp(ctx context.Context) error {
	r := &l.rollup
	r.turn.Lock()
	defer r.turn.Unlock()
	added, upTo := r.take()
	if upTo == r.rolled {
		return nil
	}
	err := addSums(ctx, l.db, r.writer, r.rolled, upTo, added)
	switch {
	case err == nil:
		r.rolled = upTo
		return nil
	case !errors.Is(err, errMoved):
		r.giveBack(added)
		return err
	}
	// Another server took this one for dead, or an addition whose answer was lost was made: the rows tell what is
	// missing up to here, and what was collected of them is theirs already.
	rolled, err := l.adoptFrom(ctx, r.writer, upTo)
	if err != nil {
		r.giveBack(added)
		return err
	}
	r.rolled = rolled
	return nil
}

// adopt adds to the sums what dead processes left.
func (l *Log) adopt(ctx context.Context) error {
	now := l.clock.Now()
	before := now.Add(-deadAfter)
	if l.db.Dialect() == store.SQLite {
		before = now.Add(deadAfter) // the home is this process's alone
	}
	if err := seen(ctx, l.db, l.rollup.writer, now); err != nil {
		return err
	}
	dead, err := leftBehind(ctx, l.db, l.rollup.writer, before)
	if err != nil {
		return err
	}
	for _, w := range dead {
		if _, err := l.adoptFrom(ctx, w, firstID(w+1)-1); err != nil {
			return err
		}
	}
	return nil
}

// adoptFrom adds the rows of a writer up to an id to the sums, and returns the last one that is in them.
func (l *Log) adoptFrom(ctx context.Context, writer, upTo int64) (rolled int64, err error) {
	for {
		if rolled, err = rolledOf(ctx, l.db, writer); err != nil {
			return 0, err
		}
		events, err := eventsAfter(ctx, l.db.Read(), rolled, upTo)
		if err != nil || len(events) == 0 {
			return rolled, err
		}
		added := sums{}
		for _, e := range events {
			added.add(e)
		}
		last := events[len(events)-1].id
		if err := addSums(ctx, l.db, writer, rolled, last, added); err != nil && !errors.Is(err, errMoved) {
			return 0, err
		}
	}
}
