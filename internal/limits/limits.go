// Package limits admits requests or refuses them: requests and tokens per minute of an organization
// for each model, whichever comes first. Everything is allowed until Settings say otherwise.
//
// Counting is in memory, over a sliding minute of one-second slots. Refused requests count too, as the
// original's did: repeating at once does not help. Every server counts for itself.
//
// No tables, no routes. generate asks Admit before the engine works and calls Decision.Correct when
// the true number of tokens is known.
package limits

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
)

// Settings are the limits of every organization, for each model. Zero is no limit.
type Settings struct {
	RequestsPerMinute int
	TokensPerMinute   int
}

// Request is what asks to be admitted.
type Request struct {
	Class  string // the route's limit class: "chat", "embeddings", …
	Model  string // as asked for: limits belong to the name
	Tokens int    // prompt and the most that may be produced
}

// Decision is what Admit grants.
type Decision struct {
	// Headers are x-ratelimit-* response headers, name and value; nil when nothing is limited.
	Headers [][2]string

	limiter  *Limiter
	account  *account
	reserved int
	second   int64 // when it was reserved
}

// Limiter counts. Safe for concurrent use. Make it with New.
type Limiter struct {
	clock    clock.Clock
	settings Settings

	mu       sync.Mutex
	accounts map[string]*account
	swept    int64 // second of the last sweep
}

// New returns a limiter.
func New(clk clock.Clock, settings Settings) *Limiter {
	return &Limiter{clock: clk, settings: settings, accounts: map[string]*account{}}
}

// account is what one organization has used of one model.
type account struct {
	requests, tokens window
}

// Admit counts the request and returns what is left, or a RateLimited fault with the original's text,
// its Retry-After and the same headers.
func (l *Limiter) Admit(_ context.Context, who actor.Actor, req Request) (Decision, error) {
	if l.settings == (Settings{}) {
		return Decision{}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	second := now.Unix()
	l.sweep(second)
	key := who.Org + "\x00" + req.Class + "\x00" + req.Model
	a := l.accounts[key]
	if a == nil {
		a = &account{}
		l.accounts[key] = a
	}
	rpm, tpm := int64(l.settings.RequestsPerMinute), int64(l.settings.TokensPerMinute)
	tokens := int64(req.Tokens)
	a.requests.add(second, 1)
	if rpm > 0 && a.requests.sum(second) > rpm {
		return Decision{}, l.refuse(a, who, req, now, "requests", rpm, a.requests.sum(second), a.requests.until(now, rpm-1))
	}
	if tpm > 0 && tokens > tpm {
		fe := fault.New(fault.RateLimited, "Request too large for %s in organization %s on tokens per min. Limit: %d / min. Requested: %d. "+
			"The input or output tokens must be reduced in order to run successfully.", req.Model, who.Org, tpm, tokens)
		return Decision{}, &refusal{Err: fe.WithCode("rate_limit_exceeded"), kind: "tokens", headers: map[string]string{"X-Should-Retry": "false"}}
	}
	if used := a.tokens.sum(second); tpm > 0 && used+tokens > tpm {
		return Decision{}, l.refuse(a, who, req, now, "tokens", tpm, used+tokens, a.tokens.until(now, tpm-tokens))
	}
	a.tokens.add(second, tokens)
	return Decision{Headers: l.headers(a, now), limiter: l, account: a, reserved: req.Tokens, second: second}, nil
}

// Correct replaces the tokens that were asked for by those that were used.
func (d Decision) Correct(actual int) {
	if d.limiter == nil {
		return
	}
	d.limiter.mu.Lock()
	defer d.limiter.mu.Unlock()
	d.account.tokens.correct(d.limiter.clock.Now().Unix(), d.second, int64(actual-d.reserved))
}

func (l *Limiter) refuse(a *account, who actor.Actor, req Request, now time.Time, kind string, limit, current int64, wait time.Duration) error {
	fe := fault.New(fault.RateLimited, "Rate limit reached for default-%s in organization %s on %s per min. Limit: %d.000000 / min. "+
		"Current: %d.000000 / min. Please try again in %s.", req.Model, who.Org, kind, limit, current, short(wait))
	r := &refusal{Err: fe.WithCode("rate_limit_exceeded"), kind: kind, headers: map[string]string{
		"Retry-After": strconv.Itoa(int(math.Ceil(wait.Seconds()))),
	}}
	for _, h := range l.headers(a, now) {
		r.headers[h[0]] = h[1]
	}
	return r
}

func (l *Limiter) headers(a *account, now time.Time) [][2]string {
	var h [][2]string
	add := func(kind string, limit int64, w *window) {
		if limit > 0 {
			h = append(h,
				[2]string{"x-ratelimit-limit-" + kind, strconv.FormatInt(limit, 10)},
				[2]string{"x-ratelimit-remaining-" + kind, strconv.FormatInt(max(0, limit-w.sum(now.Unix())), 10)},
				[2]string{"x-ratelimit-reset-" + kind, short(w.until(now, 0))})
		}
	}
	add("requests", int64(l.settings.RequestsPerMinute), &a.requests)
	add("tokens", int64(l.settings.TokensPerMinute), &a.tokens)
	return h
}

// sweep forgets accounts that used nothing for a minute, once a minute.
func (l *Limiter) sweep(second int64) {
	if second-l.swept < slots {
		return
	}
	l.swept = second
	for k, a := range l.accounts {
		if a.requests.sum(second) == 0 && a.tokens.sum(second) == 0 {
			delete(l.accounts, k)
		}
	}
}

// short writes a duration as the original's headers do: "120ms", "8s", "1m0s".
func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// refusal is a fault with what the answer needs besides: httpapi.Detailer.
type refusal struct {
	Err     *fault.Error
	kind    string
	headers map[string]string
}

func (r *refusal) Error() string                   { return r.Err.Error() }
func (r *refusal) Unwrap() error                   { return r.Err }
func (r *refusal) ErrorType() string               { return r.kind }
func (r *refusal) ErrorHeaders() map[string]string { return r.headers }

// slots is the length of the window in seconds.
const slots = 60

// window counts over the last minute. Its zero value is empty.
type window struct {
	counts [slots]int64
	last   int64 // the newest second that has a slot
	total  int64
}

// move drops the slots that have left the window.
func (w *window) move(second int64) {
	if second <= w.last {
		return // the same second, or a clock that was set back: count on where we are
	}
	if second-w.last >= slots {
		*w = window{last: second}
		return
	}
	for w.last < second {
		w.last++
		w.total -= w.counts[w.last%slots]
		w.counts[w.last%slots] = 0
	}
}

func (w *window) add(second, n int64) {
	w.move(second)
	w.counts[w.last%slots] += n
	w.total += n
}

func (w *window) sum(second int64) int64 {
	w.move(second)
	return w.total
}

// correct changes what was added in an earlier second, unless it has left the window.
func (w *window) correct(second, then, n int64) {
	w.move(second)
	if then <= w.last-slots || then > w.last {
		return
	}
	i := then % slots
	n = max(n, -w.counts[i])
	w.counts[i] += n
	w.total += n
}

// until returns how long it takes until at most n is left of what was counted.
func (w *window) until(now time.Time, n int64) time.Duration {
	w.move(now.Unix())
	left := w.total
	for s := w.last - slots + 1; s <= w.last && left > n; s++ {
		left -= w.counts[s%slots]
		if left <= n {
			return max(0, time.Unix(s+slots, 0).Sub(now))
		}
	}
	return 0
}
