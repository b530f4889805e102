package llama

import (
	"context"
	"sync"

	"github.com/parley-ai/parley/internal/engine"
)

// output carries a sequence's events from the loop to its caller. The loop never waits for a slow
// caller: Deltas that were not taken yet grow together, and MaxTokens bounds them.
type output struct {
	mu       sync.Mutex
	events   []engine.Event
	err      error
	ended    bool
	canceled bool
	ready    chan struct{} // holds one token when something was added
}

func newOutput() *output { return &output{ready: make(chan struct{}, 1)} }

func (o *output) signal() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// add appends an event.
func (o *output) add(e engine.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d, ok := e.(engine.Delta); ok && len(o.events) > 0 {
		if last, ok := o.events[len(o.events)-1].(engine.Delta); ok {
			last.Text += d.Text
			last.Tokens = append(last.Tokens, d.Tokens...)
			o.events[len(o.events)-1] = last
			return
		}
	}
	o.events = append(o.events, e)
	o.signal()
}

// end closes the output, with an error or after Done.
func (o *output) end(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended {
		o.ended, o.err = true, err
		o.signal()
	}
}

// cancel says that nobody reads any more.
func (o *output) cancel() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.canceled = true
}

func (o *output) isCanceled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.canceled
}

// take returns what has come since the last call, waiting for the first of it. ended is true when
// nothing will follow.
func (o *output) take(ctx context.Context) (events []engine.Event, ended bool, err error) {
	for {
		o.mu.Lock()
		events, o.events = o.events, nil
		ended, err = o.ended, o.err
		o.mu.Unlock()
		if len(events) > 0 || ended {
			return events, ended, err
		}
		select {
		case <-o.ready:
		case <-ctx.Done():
			return nil, true, errCanceled(context.Cause(ctx))
		}
	}
}
