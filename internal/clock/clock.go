// Package clock is the only source of the time of day, so that tests can set it.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
var System Clock = system{}

type system struct{}

func (system) Now() time.Time { return time.Now() }

// Fake is a clock for tests: it stands still until it is moved, or runs. Safe for concurrent use.
type Fake struct {
	mu  sync.Mutex
	now time.Time
	ran time.Time // on the machine's clock, when it showed now and ran; zero: it stands still
}

// NewFake returns a fake clock that shows t.
func NewFake(t time.Time) *Fake { return &Fake{now: t} }

// Now returns the time that was set.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown()
}

func (f *Fake) shown() time.Time {
	if f.ran.IsZero() {
		return f.now
	}
	return f.now.Add(time.Since(f.ran))
}

// Run lets the clock run on as the machine's does.
func (f *Fake) Run() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now, f.ran = f.shown(), time.Now()
}

// Advance moves the clock forward by d.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}
