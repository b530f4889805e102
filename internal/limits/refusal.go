package limits

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// refusal is why a request is refused; part is nil as long as it is not.
type refusal struct {
	who   actor.Actor
	req   Request
	part  *part
	kind  kind
	wait  time.Duration // until it would be admitted
	never bool          // it asks for more than the bucket holds
}

// longWait is from when on clients should not try again by themselves, as they do a few times within seconds.
const longWait = time.Minute

// refuse counts the refused request and makes the answer. The caller holds the lock, or a plan of its own.
func (l *Limiter) refuse(p *plan, r refusal) error {
	limit := r.part.limits[r.kind]
	b := &r.part.counters.buckets[r.kind]
	used := b.used
	if !l.settings.KeepRefused {
		for i := range p.parts {
			p.parts[i].drain()
		}
		if r.kind == requestsMinute {
			r.wait = b.wait(1, limit, r.kind.period())
		}
	}
	d := &denied{fault: fault.New(fault.RateLimited, "%s", r.message(used)).WithCode("rate_limit_exceeded"), kind: r.kind.counts(), headers: map[string]string{}}
	if r.never {
		d.headers["X-Should-Retry"] = "false"
		return d
	}
	for _, h := range p.headers(r.part, r.kind) {
		d.headers[h[0]] = h[1]
	}
	d.headers["Retry-After"] = strconv.Itoa(int(math.Ceil(r.wait.Seconds())))
	d.headers["Retry-After-Ms"] = strconv.FormatInt(int64(math.Ceil(float64(r.wait)/float64(time.Millisecond))), 10)
	if r.wait > longWait {
		d.headers["X-Should-Retry"] = "false"
	}
	return d
}

// message is OpenAI's text: of limits per minute as of early 2023, of those per day as of their coming in the
// autumn of that year.
func (r refusal) message(used float64) string {
	limit := int64(r.part.limits[r.kind])
	requested := ceil(r.part.cost(r.kind, r.req.Tokens))
	counts, model := r.kind.counts(), r.req.Model
	per := "min"
	if r.kind.period() > time.Minute {
		per = "day"
	}
	if r.never {
		return fmt.Sprintf("Request too large for %s in %s on %s per %s. Limit: %d / %s. Requested: %d. "+
			"The input or output tokens must be reduced in order to run successfully.", model, r.place(), counts, per, limit, per, requested)
	}
	wait := short(max(r.wait, time.Millisecond))
	if per == "day" {
		return fmt.Sprintf("Rate limit reached for %s in %s on %s per day (%sPD): Limit %d, Used %d, Requested %d. Please try again in %s.",
			model, r.place(), counts, strings.ToUpper(counts[:1]), limit, ceil(used), requested, wait)
	}
	return fmt.Sprintf("Rate limit reached for default-%s in %s on %s per min. Limit: %d.000000 / min. Current: %d.000000 / min. Please try again in %s.",
		model, r.place(), counts, limit, ceil(used)+requested, wait)
}

// place says whose limit it is. OpenAI's text for a project is of 2024; limits of the others it had not.
func (r refusal) place() string {
	organization := "organization " + r.who.Org
	switch r.part.counters.account.subject {
	case Project:
		return "project " + r.who.Project + " " + organization
	case User:
		return organization + " for user " + r.who.User
	case Key:
		return organization + " for key " + r.who.Key
	case EndUser:
		return organization + " for end user " + strconv.Quote(clip(r.req.EndUser))
	}
	return organization
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }

// denied is a fault with what the answer needs besides: httpapi.Detailer.
type denied struct {
	fault   *fault.Error
	kind    string
	headers map[string]string
}

func (d *denied) Error() string                   { return d.fault.Error() }
func (d *denied) Unwrap() error                   { return d.fault }
func (d *denied) ErrorType() string               { return d.kind }
func (d *denied) ErrorHeaders() map[string]string { return d.headers }

// shown are the kinds that headers tell of requests and of tokens, the first that is limited: where requests
// were limited by day too, OpenAI's headers told the day's.
var shown = [2][2]kind{{requestsDay, requestsMinute}, {tokensMinute, tokensDay}}

// headerNames are limit, remaining and reset of requests and of tokens.
var headerNames = [2][3]string{
	{"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"},
	{"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"},
}

// headers tell of the bucket that refused, and else of the one with least left among those of the
// organization, the project and so on.
func (p *plan) headers(refused *part, by kind) [][2]string {
	var h [][2]string
	for i := range shown {
		best, of, left := (*part)(nil), kind(0), 0.0
		for j := range p.parts {
			part := &p.parts[j]
			k := shown[i][0]
			decisive := part == refused && (by == k || by == shown[i][1])
			if decisive {
				k = by
			} else if part.limits[k] == 0 {
				k = shown[i][1]
			}
			if part.limits[k] == 0 {
				continue
			}
			if l := part.limits[k] - part.counters.buckets[k].used; best == nil || l < left || decisive {
				best, of, left = part, k, l
			}
			if decisive {
				break
			}
		}
		if best == nil {
			continue
		}
		if h == nil {
			h = make([][2]string, 0, 6)
		}
		h = append(h,
			[2]string{headerNames[i][0], strconv.FormatInt(int64(best.limits[of]), 10)},
			[2]string{headerNames[i][1], strconv.FormatInt(int64(math.Floor(max(0, left)+rounding)), 10)},
			[2]string{headerNames[i][2], short(best.counters.buckets[of].reset(best.limits[of], of.period()))})
	}
	return h
}
