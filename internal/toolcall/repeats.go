package toolcall

import (
	"encoding/json"
	"strings"

	"github.com/parley-ai/parley/internal/engine"
)

// repeats finds a call that was made before in the same answer. A call is held back while it reads like an earlier one of its function.
type repeats struct {
	made      []engine.ToolCall // whole calls
	name      string            // of the newest call
	arguments strings.Builder
	held      []Event
	holds     bool
	found     bool // the newest call is one that was made before; it was not given on
}

// take returns what is given on of a piece of a call.
func (r *repeats) take(d engine.ToolCallDelta) []Event {
	e := Event{Call: &d}
	if r.found {
		return nil
	}
	if d.Name != "" {
		if json.Valid([]byte(r.arguments.String())) { // not one that the model broke off, whose beginning may well come again
			r.made = append(r.made, engine.ToolCall{Name: r.name, Arguments: r.arguments.String()})
		}
		r.name = d.Name
		r.arguments.Reset()
		r.holds = true
	}
	if !r.holds {
		r.arguments.WriteString(d.Arguments)
		return []Event{e}
	}
	r.arguments.WriteString(d.Arguments)
	r.held = append(r.held, e)
	now := r.arguments.String()
	for _, c := range r.made {
		switch {
		case c.Name != r.name:
		case c.Arguments == now:
			r.found, r.held = true, nil
			return nil
		case strings.HasPrefix(c.Arguments, now):
			return nil
		}
	}
	r.holds = false
	return r.cut()
}

// cut gives out what was held back: the answer ends within a call.
func (r *repeats) cut() []Event {
	out := r.held
	r.held = nil
	return out
}
