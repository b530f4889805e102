package limits

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// Taking is one bucket of a request, as a Counter sees it.
type Taking struct {
	Key    string  // of the bucket; those of one organization share what stands in {…}
	Limit  float64 // what it holds
	Period time.Duration
	Cost   float64 // what the request takes, or a correction adds; 0 never refuses
	Drains bool    // a request that is refused takes what is left, at most 1
}

// Taken is the answer of a Counter.
type Taken struct {
	Used []float64 // of each bucket, before the request
	At   int64     // the counter's time, for Correct
}

// Counter counts for several servers together. Each call is one step that no other comes between; its
// arithmetic is that of bucket.
type Counter interface {
	// Take takes a request of all buckets, or of none when one has too little left, but for what drains.
	Take(ctx context.Context, buckets []Taking) (Taken, error)
	// Correct adds Cost to what was taken at a time that Take told.
	Correct(ctx context.Context, buckets []Taking, at int64) error
}

// Sharing is how servers count together.
type Sharing struct {
	Counter Counter
	// Closed refuses requests while the counter is away; otherwise each server counts for itself until it is back.
	Closed bool
	Logger *slog.Logger
}

const (
	// patience is how long an answer of the counter may take.
	patience = 250 * time.Millisecond
	// pause is for how long a counter that did not answer is not asked again.
	pause = time.Second
)

// sharing is Sharing in use.
type sharing struct {
	Sharing
	began time.Time
	until atomic.Int64 // ns since began: the counter is not asked before
	away  atomic.Bool
}

// Share lets the limiter count together with other servers. Call it before the first Admit.
func (l *Limiter) Share(s Sharing) {
	l.shared = &sharing{Sharing: s, began: time.Now()}
}

// try calls f unless the counter is away, and reports whether it answered.
func (s *sharing) try(ctx context.Context, f func(ctx context.Context) error) bool {
	if s.away.Load() && int64(time.Since(s.began)) < s.until.Load() {
		return false
	}
	// Whether the client stays has nothing to do with the counter.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer stop()
	if err := f(ctx); err != nil {
		s.until.Store(int64(time.Since(s.began) + pause))
		if !s.away.Swap(true) {
			s.Logger.Error("the shared counter of limits does not answer", "requests", map[bool]string{true: "refused until it does", false: "limited by each server for itself until it does"}[s.Closed], "error", err)
		}
		return false
	}
	if s.away.Swap(false) {
		s.Logger.Info("the shared counter of limits answers again")
	}
	return true
}

// takings are the buckets of a plan; cost says what each takes.
func (p *plan) takings(cost func(*part, kind) float64) []Taking {
	var out []Taking
	for i := range p.parts {
		part := &p.parts[i]
		for k := range kinds {
			if part.limits[k] > 0 {
				out = append(out, Taking{Key: part.counters.account.key(k), Limit: part.limits[k], Period: k.period(), Cost: cost(part, k), Drains: k == requestsMinute})
			}
		}
	}
	return out
}

// key names a bucket among all servers. Braces keep an organization's together in a cluster.
func (a account) key(k kind) string {
	return "parley:limits:{" + a.org + "}:" + strings.Join([]string{string(a.subject), a.id, a.class, a.model, k.counts(), k.period().String()}, "\x1f")
}

// admitShared asks the counter; asked is false when each server counts for itself now.
func (l *Limiter) admitShared(ctx context.Context, who actor.Actor, req Request, now int64) (_ Decision, asked bool, err error) {
	l.mu.Lock()
	l.sweep(now)
	p := l.planOf(who, req)
	l.mu.Unlock()
	if len(p.parts) == 0 {
		return Decision{}, true, nil
	}
	takings := p.takings(func(part *part, k kind) float64 { return part.cost(k, req.Tokens) })
	for i := range takings {
		takings[i].Drains = takings[i].Drains && !l.settings.KeepRefused
	}
	var got Taken
	if !l.shared.try(ctx, func(ctx context.Context) (err error) {
		got, err = l.shared.Counter.Take(ctx, takings)
		return err
	}) {
		if l.shared.Closed {
			return Decision{}, true, fault.New(fault.Unavailable, "The limits cannot be counted right now. Please try again in a moment.")
		}
		return Decision{}, false, nil
	}
	// What the counter decided is decided again over what it told, for the text and the headers.
	view := &plan{parts: make([]part, len(p.parts))}
	n := 0
	for i, original := range p.parts {
		c := &counters{account: original.counters.account}
		for k := range kinds {
			if original.limits[k] > 0 {
				c.buckets[k] = bucket{used: got.Used[n], at: now}
				n++
			}
		}
		view.parts[i] = part{original.effective, c}
	}
	refused := refusal{req: req, who: who}
	for i := range view.parts {
		view.parts[i].look(now, req.Tokens, &refused)
	}
	defer l.mirror(view)
	if refused.part != nil {
		return Decision{}, true, l.refuse(view, refused)
	}
	for i := range view.parts {
		view.parts[i].take(req.Tokens)
	}
	return Decision{Headers: view.headers(nil, 0), limiter: l, plan: p, reserved: req.Tokens, at: now, shared: true, sharedAt: got.At}, true, nil
}

// mirror keeps what the counter told: a server that has to count for itself goes on from there.
func (l *Limiter) mirror(view *plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range view.parts {
		c := l.countersOf(view.parts[i].counters.account)
		for k := range kinds {
			if view.parts[i].limits[k] > 0 {
				c.buckets[k].used, c.buckets[k].at = view.parts[i].counters.buckets[k].used, view.parts[i].counters.buckets[k].at
			}
		}
	}
}

// correctShared tells the counter how many tokens more were used than were taken.
func (d Decision) correctShared(more int) {
	var takings []Taking
	for _, t := range d.plan.takings(func(part *part, k kind) float64 {
		if k.counts() == "requests" {
			return 0
		}
		return float64(more) * part.weight
	}) {
		if t.Cost != 0 {
			takings = append(takings, t)
		}
	}
	if len(takings) > 0 {
		d.limiter.shared.try(context.Background(), func(ctx context.Context) error {
			return d.limiter.shared.Counter.Correct(ctx, takings, d.sharedAt)
		})
	}
}
