package runs

import (
	"context"
	"sync"

	"github.com/parley-ai/parley/internal/assistants/object"
)

// Names of events, as v2 has them. Those of runs, steps and messages are a prefix and the status.
const (
	threadCreated  = "thread.created"
	runCreated     = "thread.run.created"
	stepCreated    = "thread.run.step.created"
	stepDelta      = "thread.run.step.delta"
	messageCreated = "thread.message.created"
	messageDelta   = "thread.message.delta"
	runPrefix      = "thread.run."
	stepPrefix     = "thread.run.step."
	messagePrefix  = "thread.message."
)

// Event is something that happened. Of the fields behind Name one is set.
type Event struct {
	Name         string
	Thread       *object.Thread
	Run          *object.Run
	Step         *object.Step
	Message      *object.Message
	MessageDelta *MessageDelta
	StepDelta    *StepDelta
}

// MessageDelta is a piece of a message's content: of the part Index.
type MessageDelta struct {
	MessageID   string
	Index       int
	Text        string
	Annotations []object.Annotation
	First       int // index of the first of Annotations in the part
	ImageFileID string
}

// StepDelta is a piece of a call, the Index of its step. Of the fields behind Type those are set that are new.
type StepDelta struct {
	StepID    string
	Index     int
	CallID    string // with the first piece only, as Name
	Type      string // object.CodeInterpreter, object.FileSearch, object.FunctionTool
	Name      string // of a function
	Arguments string // of a function
	Input     string // of code
	Output    *CodeOutput
	Search    *object.SearchCall // found
}

// CodeOutput is a piece of what a program gives.
type CodeOutput struct {
	Index  int
	Logs   string
	FileID string
}

// maxWaiting is how many events wait for a client that does not read them; then it is dropped.
const maxWaiting = 100_000

// hub passes events on to those who listen. What happens in a run never waits for a listener.
type hub struct {
	mu     sync.Mutex
	subs   []*Subscription
	closed bool
}

// Subscription is a listener's end.
type Subscription struct {
	mu     sync.Mutex
	queue  []Event
	closed bool
	signal chan struct{}
}

// listen adds a listener, which gets every event from now on.
func (h *hub) listen() *Subscription {
	sub := &Subscription{signal: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subs = append(h.subs, sub)
	if h.closed {
		sub.close()
	}
	return sub
}

func (h *hub) tell(ev Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, sub := range h.subs {
		sub.put(ev)
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, sub := range h.subs {
		sub.close()
	}
}

func (s *Subscription) put(ev Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if len(s.queue) >= maxWaiting {
		s.closed, s.queue = true, nil
	} else {
		s.queue = append(s.queue, ev)
	}
	s.wake()
}

func (s *Subscription) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake()
}

func (s *Subscription) wake() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// Next waits for events and returns all that came; none and false at the end, or when ctx ends.
func (s *Subscription) Next(ctx context.Context) ([]Event, bool) {
	for {
		s.mu.Lock()
		events, closed := s.queue, s.closed
		s.queue = nil
		s.mu.Unlock()
		switch {
		case len(events) > 0:
			return events, true
		case closed:
			return nil, false
		}
		select {
		case <-s.signal:
		case <-ctx.Done():
			return nil, false
		}
	}
}

// Leave ends the subscription; the run goes on.
func (s *Subscription) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.queue = true, nil
}
