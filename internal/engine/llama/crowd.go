package llama

import "time"

// crowd lowers the number of compute threads while other programs want the cores too. ggml's threads
// wait for each other by spinning at every one of hundreds of barriers in a step, so when one of them
// is not running, the others burn their time: two threads on two busy cores can be twenty times
// slower than one.
type crowd struct {
	most    int
	now     int
	stolen  float64 // share of the newest steps in which the loop's thread wanted to run and did not
	hold    int     // steps until more threads are tried again
	backoff int     // what hold starts with the next time
	calm    int     // steps since the last change
	tokens  int     // of the newest steps; only steps of equal size are compared
	step    float64 // average seconds of these
	seen    int     // how many they are
	before  float64 // seconds of such a step with more threads; 0 when that is not known
	stay    int     // steps for which fewer threads are not tried, because they were slower
}

const (
	stolenTooMuch = 0.35
	trialSteps    = 6    // steps after which fewer threads must have proved faster
	stolenMemory  = 0.25 // weight of the newest step
	backoffLeast  = 32
	backoffMost   = 1024
	calmEnough    = 256
)

func newCrowd(threads int) *crowd { return &crowd{most: threads, now: threads, backoff: backoffLeast} }

// observe takes the time that a step of so many tokens took and how long the loop's thread ran in it,
// and returns the number of threads for the next step. cpu 0 means unknown.
func (c *crowd) observe(wall, cpu time.Duration, tokens int) int {
	if wall <= 0 || cpu <= 0 || c.most == 1 {
		return c.now
	}
	c.calm++
	c.stay--
	if tokens != c.tokens {
		c.tokens, c.seen, c.step, c.before = tokens, 0, 0, 0
	}
	c.seen++
	c.step += (wall.Seconds() - c.step) / float64(min(c.seen, 4))
	if c.before > 0 && c.seen >= trialSteps {
		slower := c.step > c.before
		c.before = 0
		if slower {
			c.stay = c.backoff
			c.set(min(c.now*2, c.most))
			return c.now
		}
	}
	if c.now < c.most {
		if c.hold--; c.hold <= 0 {
			c.set(min(c.now*2, c.most))
		}
	}
	if c.now == 1 {
		return c.now
	}
	c.stolen += stolenMemory * (max(0, 1-float64(cpu)/float64(wall)) - c.stolen)
	// Without equal steps to compare with, fewer threads stay on trust.
	comparable := c.seen >= trialSteps || c.calm >= backoffLeast
	if c.stolen > stolenTooMuch && c.stay <= 0 && comparable {
		before := 0.0
		if c.seen >= trialSteps {
			before = c.step
		}
		c.set(c.now / 2)
		c.before = before
		c.hold = c.backoff
		c.backoff = min(2*c.backoff, backoffMost)
	} else if c.calm > calmEnough {
		c.backoff = backoffLeast
	}
	return c.now
}

func (c *crowd) set(n int) {
	c.now, c.stolen, c.calm, c.hold = n, 0, 0, c.backoff
	c.seen, c.step, c.before = 0, 0, 0
}
