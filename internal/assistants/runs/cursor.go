package runs

import (
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/agent/cite"
	"github.com/parley-ai/parley/internal/assistants/object"
)

// cursor is how far a run got: see the package doc.
type cursor struct {
	Upto        int64         `json:"upto"`              // position of the thread's newest message when the run was made
	Turns       []agent.Turn  `json:"turns,omitempty"`   // whole ones; calls of the last may be open
	Started     []string      `json:"started,omitempty"` // calls of the last turn whose execution was begun
	Said        *said         `json:"said,omitempty"`    // words of the turn under way that are whole: its calls had begun
	Message     string        `json:"message,omitempty"` // begun in the turn under way
	MessageStep string        `json:"message_step,omitempty"`
	ToolStep    string        `json:"tool_step,omitempty"` // begun in the turn under way, or that of the last turn with open calls
	Usage       object.Usage  `json:"usage"`
	Attempts    int           `json:"attempts,omitempty"` // executions since the run got any further
	Sources     []cite.Source `json:"sources,omitempty"`  // what the model's words may point to
	Images      []string      `json:"images,omitempty"`   // files of images for the next message
}

type said struct {
	Text string `json:"text"`
}

func readCursor(raw jsontext.Value) (c cursor, err error) {
	if len(raw) > 0 {
		err = json.Unmarshal(raw, &c)
	}
	return c, err
}

// write returns the cursor's JSON; it never fails, as it holds texts and numbers only.
func (c *cursor) write() jsontext.Value {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return data
}

// clone is a copy that may be changed while the cursor stays as it is.
func (c *cursor) clone() cursor {
	out := *c
	out.Turns = slices.Clone(c.Turns)
	if n := len(out.Turns); n > 0 {
		out.Turns[n-1].Results = slices.Clone(c.Turns[n-1].Results)
	}
	out.Started, out.Sources, out.Images = slices.Clone(c.Started), slices.Clone(c.Sources), slices.Clone(c.Images)
	return out
}

// last is the last turn; nil when there is none.
func (c *cursor) last() *agent.Turn {
	if len(c.Turns) == 0 {
		return nil
	}
	return &c.Turns[len(c.Turns)-1]
}

// learn adds what a result lets the model's words point to.
func (c *cursor) learn(r agent.Result) {
	c.Sources = cite.Learn(c.Sources, r)
	for _, o := range r.Outputs {
		if o.FileID != "" {
			c.Images = append(c.Images, o.FileID)
		}
	}
}

// annotate finds what words point to, from byte from on, and up to where they can have no further ones while they grow.
func annotate(words string, from int, sources []cite.Source, whole bool) (out []object.Annotation, upto int) {
	found, upto := cite.Find(words, from, sources, whole)
	for _, f := range found {
		a := object.Annotation{Type: object.FileCitation, Text: f.Text, FileID: f.File, Quote: f.Quote, Start: f.Start, End: f.End}
		if f.Path {
			a.Type = object.FilePath
		}
		out = append(out, a)
	}
	return out, upto
}
