package limits

import "time"

// kind is one of the four figures that a limit may have.
type kind int

const (
	requestsMinute kind = iota
	requestsDay
	tokensMinute
	tokensDay
	kinds
)

// counts is what the kind counts, as OpenAI's error types and headers name it.
func (k kind) counts() string {
	if k == requestsMinute || k == requestsDay {
		return "requests"
	}
	return "tokens"
}

// period is how long an empty bucket of the kind takes to fill.
func (k kind) period() time.Duration {
	if k == requestsMinute || k == tokensMinute {
		return time.Minute
	}
	return 24 * time.Hour
}

// rounding is how much of a request or token the arithmetic may be off.
const rounding = 1e-6

// bucket holds as much as its limit says and is refilled all the time, by the whole limit in a period. So
// OpenAI's was: of limit, use, request and wait in its messages ("Limit 50000, Used 47949, Requested 3006.
// Please try again in 1.146s") the wait is (used + requested - limit) / limit * period.
//
// What is kept is what was taken, not what is left: the limit may change in between. The zero value is full.
type bucket struct {
	used  float64
	at    int64 // ns since the limiter was made: when used was right
	whole int64 // ns: when it was last seen full
}

// refill brings the bucket to now. A clock that was set back refills nothing, and from then on runs on.
func (b *bucket) refill(now int64, limit float64, period time.Duration) {
	if passed := now - b.at; passed > 0 {
		b.used -= limit * float64(passed) / float64(period)
	}
	b.at = now
	if b.used <= rounding {
		b.used, b.whole = 0, now
	}
}

// correct adds n to what was taken at time then, or gives back -n. What was taken before the bucket was last
// full has been refilled already.
func (b *bucket) correct(n float64, then int64) {
	if n < 0 && b.whole > then {
		return
	}
	b.used = max(0, b.used+n)
}

// wait is how long the bucket needs until n can be taken.
func (b *bucket) wait(n, limit float64, period time.Duration) time.Duration {
	return time.Duration((b.used + n - limit) / limit * float64(period))
}

// reset is how long the bucket needs until it is full.
func (b *bucket) reset(limit float64, period time.Duration) time.Duration {
	return time.Duration(b.used / limit * float64(period))
}

// short writes a duration as OpenAI's headers do: "6ms", "8.64s", "1m0s", "7m12s", cut to milliseconds.
func short(d time.Duration) string {
	// Half a microsecond is for what the arithmetic lost.
	return (d + 500*time.Nanosecond).Truncate(time.Millisecond).String()
}
