package limits

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
)

// Settings are the configuration's limits: of every organization, for each model. Zero is no limit.
type Settings struct {
	RequestsPerMinute int
	TokensPerMinute   int
	// KeepRefused lets requests that a limit refuses count for nothing. Otherwise they take what is left of
	// the minute, as the original's did: who repeats at once never gets through.
	KeepRefused bool
}

func (s Settings) values() Values {
	requests, tokens := int64(s.RequestsPerMinute), int64(s.TokensPerMinute)
	return Values{RequestsPerMinute: &requests, TokensPerMinute: &tokens}
}

// Request is what asks to be admitted.
type Request struct {
	Class   string // the route's limit class: "chat", "embeddings", …; each counts for itself
	Model   string // as asked for: limits belong to the name
	Tokens  int    // prompt and the most that may be produced
	EndUser string // the request's `user`; may be empty
}

// Decision is what Admit grants.
type Decision struct {
	// Headers are x-ratelimit-* response headers, name and value; nil when nothing is limited.
	Headers [][2]string

	limiter  *Limiter
	plan     *plan
	reserved int
	at       int64 // when it was reserved
	shared   bool  // by the counter of several servers, whose time was sharedAt
	sharedAt int64
}

// Limiter counts. Safe for concurrent use. Make it with New.
type Limiter struct {
	clock    clock.Clock
	settings Settings
	began    time.Time
	shared   *sharing // nil: it counts for itself
	table    atomic.Pointer[table]

	mu       sync.Mutex
	accounts map[account]*counters
	plans    map[asking]*plan
	swept    int64 // ns since began: the last sweep
}

// New returns a limiter that knows the configuration's limits.
func New(clk clock.Clock, settings Settings) *Limiter {
	l := &Limiter{clock: clk, settings: settings, began: clk.Now(), accounts: map[account]*counters{}, plans: map[asking]*plan{}}
	l.table.Store(newTable(settings, nil, nil))
	return l
}

// set replaces the rules and the tiers of organizations. What was counted stays counted.
func (l *Limiter) set(rules []Rule, standing map[string]Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.Store(newTable(l.settings, rules, standing))
	clear(l.plans)
}

// account is for what something is counted.
type account struct {
	org     string
	subject Subject
	id      string
	class   string
	model   string
}

// counters are what an account has used.
type counters struct {
	account account
	buckets [kinds]bucket
}

// asking is all that decides which limits a request meets.
type asking struct{ org, project, user, key, endUser, class, model string }

// plan is the limits that a request meets, found once and kept until the next sweep or change.
type plan struct{ parts []part }

type part struct {
	effective
	counters *counters
}

// Bounds of what is remembered.
const (
	// sweepEvery is how often accounts that have refilled are forgotten.
	sweepEvery = time.Minute
	// sweepFull is how often at most when they are too many: a sweep takes milliseconds then.
	sweepFull = time.Second
	// maxAccounts is how many accounts are counted at once. Beyond it end users are forgotten, whom a program
	// can make up: it evades only its own limits by that.
	maxAccounts = 100_000
)

// Admit counts the request and returns what is left, or a RateLimited fault with the original's text,
// its Retry-After and the same headers.
func (l *Limiter) Admit(ctx context.Context, who actor.Actor, req Request) (Decision, error) {
	if l.table.Load().empty() {
		return Decision{}, nil
	}
	now := int64(l.clock.Now().Sub(l.began))
	if l.shared != nil {
		if d, asked, err := l.admitShared(ctx, who, req, now); asked {
			return d, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	p := l.planOf(who, req)
	if len(p.parts) == 0 {
		return Decision{}, nil
	}
	refused := refusal{req: req, who: who}
	for i := range p.parts {
		p.parts[i].look(now, req.Tokens, &refused)
	}
	if refused.part != nil {
		return Decision{}, l.refuse(p, refused)
	}
	for i := range p.parts {
		p.parts[i].take(req.Tokens)
	}
	return Decision{Headers: p.headers(nil, 0), limiter: l, plan: p, reserved: req.Tokens, at: now}, nil
}

// planOf returns the limits that a request meets, which may be none.
func (l *Limiter) planOf(who actor.Actor, req Request) *plan {
	t := l.table.Load()
	a := asking{who.Org, who.Project, who.User, who.Key, "", req.Class, req.Model}
	if t.about[EndUser] {
		a.endUser = shorten(req.EndUser)
	}
	if p, ok := l.plans[a]; ok {
		return p
	}
	p := &plan{}
	for _, s := range []struct {
		subject Subject
		id      string
	}{{Organization, a.org}, {Project, a.project}, {User, a.user}, {Key, a.key}, {EndUser, a.endUser}} {
		if !t.about[s.subject] || s.id == "" {
			continue
		}
		if e := t.resolve(a.org, s.subject, s.id, a.model); !e.none() {
			p.parts = append(p.parts, part{e, l.countersOf(account{a.org, s.subject, s.id, a.class, a.model})})
		}
	}
	l.plans[a] = p
	return p
}

func (l *Limiter) countersOf(a account) *counters {
	c := l.accounts[a]
	if c == nil {
		c = &counters{account: a}
		l.accounts[a] = c
	}
	return c
}

// shorten keeps a name that a request brings small.
func shorten(name string) string {
	if len(name) <= hex.EncodedLen(sha256.Size) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// cost is what a request takes of a bucket.
func (p *part) cost(k kind, tokens int) float64 {
	if k == requestsMinute || k == requestsDay {
		return 1
	}
	return float64(tokens) * p.weight
}

// look refills the buckets and notes in r when one of them has too little left: of several the one that is to
// be waited for longest, and before all what never fits.
func (p *part) look(now int64, tokens int, r *refusal) {
	for k := range kinds {
		limit := p.limits[k]
		if limit == 0 {
			continue
		}
		b := &p.counters.buckets[k]
		b.refill(now, limit, k.period())
		cost := p.cost(k, tokens)
		if cost == 0 || b.used+cost <= limit+rounding {
			continue
		}
		if never := cost > limit+rounding; never && !r.never {
			*r = refusal{req: r.req, who: r.who, part: p, kind: k, never: true}
		} else if wait := b.wait(cost, limit, k.period()); !never && !r.never && (r.part == nil || wait > r.wait) {
			*r = refusal{req: r.req, who: r.who, part: p, kind: k, wait: wait}
		}
	}
}

// take takes the request from every bucket.
func (p *part) take(tokens int) {
	for k := range kinds {
		if p.limits[k] > 0 {
			p.counters.buckets[k].used += p.cost(k, tokens)
		}
	}
}

// drain counts a refused request: it takes what is left of the minute, at most one request.
func (p *part) drain() {
	if limit, b := p.limits[requestsMinute], &p.counters.buckets[requestsMinute]; limit > 0 {
		b.used = max(b.used, min(limit, b.used+1))
	}
}

// Correct replaces the tokens that were asked for by those that were used.
func (d Decision) Correct(actual int) {
	if d.limiter == nil || actual == d.reserved {
		return
	}
	l := d.limiter
	if d.shared {
		d.correctShared(actual - d.reserved)
	}
	now := int64(l.clock.Now().Sub(l.began))
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range d.plan.parts {
		p := &d.plan.parts[i]
		// The account may have been forgotten while the model worked, and begun anew.
		c := l.accounts[p.counters.account]
		if c == nil {
			c = p.counters
			l.accounts[c.account] = c
		}
		for _, k := range []kind{tokensMinute, tokensDay} {
			if limit := p.limits[k]; limit > 0 {
				c.buckets[k].refill(now, limit, k.period())
				c.buckets[k].correct(float64(actual-d.reserved)*p.weight, d.at)
			}
		}
	}
}

// sweep forgets, once a minute or when they are too many, the accounts that have refilled, and with them the
// plans, which are found again.
func (l *Limiter) sweep(now int64) {
	passed := time.Duration(now - l.swept)
	full := len(l.accounts) >= maxAccounts || len(l.plans) >= maxAccounts
	if passed >= 0 && passed < sweepEvery && !(full && passed > sweepFull) {
		return
	}
	l.swept = now
	clear(l.plans)
	t := l.table.Load()
	for a, c := range l.accounts {
		if c.refilled(now, t.resolve(a.org, a.subject, a.id, a.model)) {
			delete(l.accounts, a)
		}
	}
	for a := range l.accounts {
		if len(l.accounts) < maxAccounts/2 || !full {
			break
		}
		if a.subject == EndUser {
			delete(l.accounts, a)
		}
	}
}

func (c *counters) refilled(now int64, e effective) bool {
	for k, limit := range e.limits {
		if limit == 0 {
			continue
		}
		b := &c.buckets[k]
		b.refill(now, limit, kind(k).period())
		if b.used > 0 {
			return false
		}
	}
	return true
}

// ceil is the whole number from x up, but for what the arithmetic lost.
func ceil(x float64) int64 { return int64(math.Ceil(x - rounding)) }
