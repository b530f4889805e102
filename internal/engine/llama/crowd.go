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
}

const (
	stolenTooMuch = 0.25
	stolenMemory  = 0.25 // weight of the newest step
	backoffLeast  = 32
	backoffMost   = 1024
	calmEnough    = 256
)

func newCrowd(threads int) *crowd { return &crowd{most: threads, now: threads, backoff: backoffLeast} }

// observe takes the time that a step took and how long the loop's thread ran in it, and returns the
// number of threads for the next step. cpu 0 means unknown.
func (c *crowd) observe(wall, cpu time.Duration) int {
	if wall <= 0 || cpu <= 0 || c.most == 1 {
		return c.now
	}
	c.calm++
	if c.now < c.most {
		if c.hold--; c.hold <= 0 {
			c.set(min(c.now*2, c.most))
		}
	}
	if c.now == 1 {
		return c.now
	}
	c.stolen += stolenMemory * (max(0, 1-float64(cpu)/float64(wall)) - c.stolen)
	if c.stolen > stolenTooMuch {
		c.set(c.now / 2)
		c.hold = c.backoff
		c.backoff = min(2*c.backoff, backoffMost)
	} else if c.calm > calmEnough {
		c.backoff = backoffLeast
	}
	return c.now
}

func (c *crowd) set(n int) { c.now, c.stolen, c.calm, c.hold = n, 0, 0, c.backoff }
