package responses

import (
	"context"
	"sync"
)

// Event is what a stream sends. Which members it has depends on its type.
type Event struct {
	Type         string      `json:"type" doc:"What happened." example:"response.output_text.delta"`
	Sequence     int         `json:"sequence_number" doc:"0, 1, … in the response."`
	Response     *Object     `json:"response,omitzero"`
	OutputIndex  *int        `json:"output_index,omitzero" doc:"Of the item in the output."`
	Item         *Item       `json:"item,omitzero"`
	ItemID       string      `json:"item_id,omitempty"`
	ContentIndex *int        `json:"content_index,omitzero" doc:"Of the part in the message."`
	Part         *Part       `json:"part,omitzero"`
	Delta        *string     `json:"delta,omitzero"`
	Text         *string     `json:"text,omitzero"`
	Logprobs     *[]struct{} `json:"logprobs,omitzero"`
	Annotation   *Annotation `json:"annotation,omitzero"`
	AnnotationAt *int        `json:"annotation_index,omitzero"`
	Name         string      `json:"name,omitempty"`
	Arguments    *string     `json:"arguments,omitzero"`
	Code         *string     `json:"code,omitzero"`
}

// OpenAPIName implements openapi's hook.
func (Event) OpenAPIName() string { return "ResponseStreamEvent" }

// hub keeps the events of a response in the background and passes them on to those who listen, from whichever event on.
type hub struct {
	mu     sync.Mutex
	events []Event
	closed bool
	wake   chan struct{} // closed and made anew with each event
}

func newHub() *hub { return &hub{wake: make(chan struct{})} }

func (h *hub) tell(ev Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, ev)
	close(h.wake)
	h.wake = make(chan struct{})
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.wake)
	}
}

// after waits for events behind the one with this sequence number; none and false at the end, or when ctx ends.
func (h *hub) after(ctx context.Context, sequence int) ([]Event, bool) {
	for {
		h.mu.Lock()
		var next []Event
		if sequence+1 < len(h.events) {
			next = h.events[max(sequence+1, 0):]
		}
		closed, wake := h.closed, h.wake
		h.mu.Unlock()
		switch {
		case len(next) > 0:
			return next, true
		case closed:
			return nil, false
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, false
		}
	}
}
