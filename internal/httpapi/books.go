package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
)

// Books get a line for each request of a route with a LimitClass, whatever became of it. Implementations
// must be safe for concurrent use.
type Books interface {
	// Enter returns when the line is kept, or when it cannot be soon: the last bytes of the answer wait for it.
	Enter(ctx context.Context, line Line)
}

// Line is how a request ended.
type Line struct {
	RequestID string
	Actor     actor.Actor
	Op        string // the route's
	Class     string // its LimitClass
	Started   time.Time
	Took      time.Duration // until the answer was ready
	// Status is that of the answer; of a stream that an error ended, the error's; 499 when the client had gone.
	Status int
	Code   string // of the error; empty without one, or when it has none
	Notes  []any  // what was given to Note while it ran, in that order
}

// entry is what the books will be told of a request.
type entry struct {
	mu     sync.Mutex
	closed bool
	notes  []any
	status int // of an error, which may come when the header is out
	code   string
}

// Note adds to the line of the request that ctx belongs to: what the handler's operations used. It returns
// false when the line was entered before, or when there is none.
func Note(ctx context.Context, v any) bool {
	c := callOf(ctx)
	if c == nil || !c.metered() {
		return false
	}
	c.entry.mu.Lock()
	defer c.entry.mu.Unlock()
	if c.entry.closed {
		return false
	}
	c.entry.notes = append(c.entry.notes, v)
	return true
}

func (c *call) metered() bool {
	return c.api.opts.Books != nil && c.route != nil && c.route.LimitClass != "" && c.actor.Org != ""
}

// failed notes the error that ends the request.
func (c *call) failed(status int, body ErrorBody) {
	c.entry.mu.Lock()
	defer c.entry.mu.Unlock()
	c.entry.status = status
	if body.Error.Code != nil {
		c.entry.code = *body.Error.Code
	}
}

// settle enters the request into the books, once. status is that of the answer unless an error was noted.
func (c *call) settle(ctx context.Context, status int) {
	if !c.metered() {
		return
	}
	e := &c.entry
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	switch {
	case e.status != 0:
		status = e.status
	case context.Cause(ctx) == context.Canceled: //nolint:errorlint // the cause itself: our own causes wrap nothing
		status = statusCanceled
	}
	line := Line{
		RequestID: c.id, Actor: c.actor, Op: c.route.Op, Class: c.route.LimitClass, Started: c.start, Took: c.api.opts.Clock.Now().Sub(c.start),
		Status: status, Code: e.code, Notes: slices.Clip(e.notes),
	}
	e.mu.Unlock()
	c.api.opts.Books.Enter(ctx, line)
}
