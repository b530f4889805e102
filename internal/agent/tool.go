package agent

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/toolcall"
)

// Tool is something that the server runs when a model calls it. Safe for concurrent use. One Tool serves one run: what the run may
// reach (a thread's session, its vector stores) is in the value.
type Tool interface {
	// Definition is what the model is told: name, description, JSON Schema of the arguments.
	Definition() toolcall.Tool
	// Parallel says that calls of one turn may run beside each other.
	Parallel() bool
	// Call does what the model asked for. It tells what it has so far by out, which does not block for long and may be called
	// by one goroutine at a time, not after Call returned. An error is told to the model: in its own words when it is a
	// fault.Error that is not Internal, else only that the tool failed. It returns soon when ctx ends.
	Call(ctx context.Context, who actor.Actor, call Call, out func(Output)) (Result, error)
}

// Call is a call as the model wrote it.
type Call struct {
	ID        string // "call_…"
	Name      string
	Arguments string // JSON text; satisfies the schema with models served here, may be anything from others
}

// Decode reads the arguments into v, a pointer to a struct. Its error is a fault that tells the model what is wrong.
func (c Call) Decode(v any) error {
	text := c.Arguments
	if strings.TrimSpace(text) == "" {
		text = "{}"
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fault.New(fault.Invalid, "The arguments of %s are not what it asks for: %s.", c.Name, err)
	}
	return nil
}

// Output is a piece of what a tool gives while it works. Exactly one of Text and FileID is set. Pieces with the same Index are one
// output.
type Output struct {
	Index  int    // of the output within the call, from 0
	Text   string // what a program prints: the next piece of a log
	FileID string // an image that was made: the file's id
}

// Result is what a call brought.
type Result struct {
	// Text is what the model is told.
	Text string
	// Foreign says that Text has words that nobody here vouches for, as of documents: the loop fences it.
	Foreign bool
	// Outputs are all that was told by out, pieces joined, in order of their index.
	Outputs []Output
	// Hits are what a search found, the best first.
	Hits []Hit
	// Search says how it was searched; for the record only.
	Search *Search
	// Files are files that were made, for links to their paths in the model's words.
	Files []File
}

// Hit is a passage that a search found.
type Hit struct {
	FileID   string
	Filename string
	StoreID  string // the vector store; empty for none
	Score    float64
	Text     string
	Page     int               // from 1; 0 when not known
	Marker   string            // what the model writes to cite it, such as "【4:0†report.pdf】"; empty is not citable
	Metadata map[string]string // attributes of the file
}

// Search says how hits were ranked.
type Search struct {
	Queries        []string
	Ranker         string
	ScoreThreshold float64
}

// File is a file that a tool made.
type File struct {
	ID   string // "file-…"
	Path string // where the tool's program wrote it, such as "/mnt/data/chart.png"
	Size int64  // bytes
}

// Function is a function of the caller: told to the model, answered by the caller.
type Function = toolcall.Tool

// Turn is one turn of the model in this run, and what its calls brought: what the next turn begins with. Who keeps turns can
// go on from them in another process.
type Turn struct {
	Text    string
	Calls   []Call
	Results []Answer // of the calls that have one
}

// Answer is the result of a call as the model is told it.
type Answer struct {
	CallID string
	Text   string
}

// Open are the calls without a result.
func (t *Turn) Open() []Call {
	var open []Call
	for _, c := range t.Calls {
		if !t.answered(c.ID) {
			open = append(open, c)
		}
	}
	return open
}

func (t *Turn) answered(id string) bool {
	for _, r := range t.Results {
		if r.CallID == id {
			return true
		}
	}
	return false
}

// Messages is the turn as the model sees it. Calls that nobody answered are said to be interrupted.
func (t *Turn) Messages() []engine.Message {
	m := engine.Message{Role: "assistant", Content: t.Text}
	for _, c := range t.Calls {
		m.ToolCalls = append(m.ToolCalls, engine.ToolCall{ID: c.ID, Name: c.Name, Arguments: c.Arguments})
	}
	out := []engine.Message{m}
	for _, c := range t.Calls {
		text := Interrupted
		for _, r := range t.Results {
			if r.CallID == c.ID {
				text = r.Text
			}
		}
		out = append(out, engine.Message{Role: "tool", ToolCallID: c.ID, Name: c.Name, Content: text})
	}
	return out
}

// Interrupted is what the model is told of a call that was begun and whose end nobody knows.
const Interrupted = "This call was interrupted: the server stopped while it ran. It may have done its work or not, and it was not run again. Look first before you repeat it."
