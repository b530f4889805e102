package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/fault"
)

// maxPending is how many bytes a slow client may leave unread in our memory before Send waits for it.
const maxPending = 256 << 10

// Stream writes server-sent events. Send, Event and Done only queue; one goroutine writes and flushes
// whatever is queued, so that an event goes out at once when the connection is free, and several go
// out together when it is not. A client that takes nothing for Options.WriteTimeout is dropped.
//
// The header goes out with the first event: an error returned before it is plain JSON with its status.
type Stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	ctx  context.Context
	call *call // nil outside of an API
	beat time.Duration

	mu      sync.Mutex
	moved   sync.Cond    // the writer took the queue, or failed
	queue   bytes.Buffer // complete events, not yet taken by the writer
	err     error        // of the writer, for ever
	named   bool         // events carry names, so the error event does too
	closing bool

	wake chan struct{} // one token: the queue or closing has changed
	done chan struct{} // closed when the writer has ended; nil before the first event
}

// NewStream prepares a stream of events as the answer to r. w and r must be those that the handler got.
func NewStream(w http.ResponseWriter, r *http.Request) *Stream {
	s := &Stream{w: w, rc: http.NewResponseController(w), ctx: r.Context(), wake: make(chan struct{}, 1)}
	s.moved.L = &s.mu
	if c := callOf(r.Context()); c != nil {
		s.call, s.beat, c.stream = c, c.api.opts.Heartbeat, s
	}
	return s
}

// Send queues v as a data-only event. An error means that the client is gone: stop working for it.
func (s *Stream) Send(v any) error { return s.put("", v) }

// Event queues v as an event with a name.
func (s *Stream) Event(name string, v any) error { return s.put(name, v) }

func (s *Stream) put(name string, v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.queue.Len()
	if name != "" {
		s.named = true
		s.queue.WriteString("event: ")
		s.queue.WriteString(name)
		s.queue.WriteByte('\n')
	}
	s.queue.WriteString("data: ")
	if err := json.MarshalWrite(&s.queue, v, encodeOptions); err != nil {
		s.queue.Truncate(before)
		return err
	}
	s.queue.WriteString("\n\n")
	return s.queued()
}

// Done queues "data: [DONE]", the end of OpenAI's data-only streams, when the request is in the books, and waits
// until everything is out.
func (s *Stream) Done() error { return s.finish("data: [DONE]\n\n") }

// DoneEvent is Done of streams whose events have names: the end is an event, too.
func (s *Stream) DoneEvent(name string) error {
	return s.finish("event: " + name + "\ndata: [DONE]\n\n")
}

// Last is Event for the event that ends a stream without [DONE].
func (s *Stream) Last(name string, v any) error {
	s.settle()
	if err := s.put(name, v); err != nil {
		return err
	}
	return s.close()
}

// settle enters the request into the books, which the end of its answer waits for.
func (s *Stream) settle() {
	if s.call != nil {
		s.call.settle(s.ctx, http.StatusOK)
	}
}

func (s *Stream) finish(end string) error {
	s.settle()
	s.mu.Lock()
	s.queue.WriteString(end)
	err := s.queued()
	s.mu.Unlock()
	if cerr := s.close(); err == nil {
		err = cerr
	}
	return err
}

// queued wakes the writer, and waits while too much is queued. It is called with mu held.
func (s *Stream) queued() error {
	if err := cmp.Or(s.err, s.ctx.Err()); err != nil {
		s.queue.Reset()
		return gone(err)
	}
	if s.done == nil {
		s.done = make(chan struct{})
		if s.call != nil {
			s.call.streams = true
		}
		h := s.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // nginx would collect events otherwise
		s.w.WriteHeader(http.StatusOK)
		go s.write()
	}
	s.signal()
	for s.queue.Len() > maxPending && s.err == nil {
		s.moved.Wait()
	}
	return s.err
}

func (s *Stream) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write is the goroutine that owns the connection between the first event and close.
func (s *Stream) write() {
	defer close(s.done)
	var (
		out   bytes.Buffer
		beats <-chan time.Time
	)
	if s.beat > 0 {
		t := time.NewTicker(s.beat)
		defer t.Stop()
		beats = t.C
	}
	for {
		silent := false
		select {
		case <-s.wake:
		case <-beats:
			silent = true
		}
		s.mu.Lock()
		out.Reset()
		out, s.queue = s.queue, out
		closing := s.closing
		s.moved.Broadcast()
		s.mu.Unlock()
		if out.Len() == 0 && silent {
			out.WriteString(": still working\n\n")
		}
		if out.Len() > 0 {
			_, err := s.w.Write(out.Bytes())
			if err == nil {
				err = s.rc.Flush()
			}
			if err != nil {
				s.mu.Lock()
				s.err = gone(err)
				s.moved.Broadcast()
				s.mu.Unlock()
				return
			}
		}
		if closing {
			return
		}
	}
}

// started reports whether the header went out.
func (s *Stream) started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done != nil
}

// close waits until everything queued is out and the writer has ended. It may be called again.
func (s *Stream) close() error {
	s.mu.Lock()
	s.closing = true
	done := s.done
	s.mu.Unlock()
	if done == nil {
		return nil
	}
	s.signal()
	<-done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// fail ends a started stream with an error event, or silently when the client has gone.
func (s *Stream) fail(c *call, r *http.Request, err error) {
	err = settle(r, err)
	status, body := Describe(err, c.id)
	c.failed(status, body)
	c.settle(r.Context(), status)
	if status == statusCanceled {
		c.canceled = true
		_ = s.close() // the writer's own error is that the client has gone
		return
	}
	s.mu.Lock()
	if s.err == nil && !s.closing {
		if s.named {
			s.queue.WriteString("event: error\n")
		}
		s.queue.WriteString("data: ")
		// ErrorBody is strings only: it cannot fail to encode.
		_ = json.MarshalWrite(&s.queue, body, encodeOptions)
		s.queue.WriteString("\n\n")
	}
	s.mu.Unlock()
	_ = s.close() // nobody is left to tell when it fails
}

func gone(err error) error {
	return fault.New(fault.Canceled, "The client went away.").WithCause(err)
}
