package toolcall

import "github.com/parley-ai/parley/internal/engine"

// Tool is a function that a model may call.
type Tool struct {
	Name, Description string
	Parameters        []byte // JSON Schema of the arguments, an object; none when empty
	Strict            bool   // hold the schema to OpenAI's rules for strict ones
}

// Mode says how free a model is to call.
type Mode int

// The modes, as OpenAI's tool_choice has them.
const (
	Auto     Mode = iota // an answer, calls, or both
	None                 // no calls
	Required             // one call at least
	Named                // a call of the function that Choice names
)

// Choice is OpenAI's tool_choice.
type Choice struct {
	Mode Mode
	Name string // with Named
}

// Request is what one request says of functions.
type Request struct {
	Tools    []Tool
	Choice   Choice
	Parallel bool // more than one call in one answer
}

// Event is a piece of an answer: text, or a piece of a call.
type Event struct {
	Text string // for the reader; never part of a call's frame
	At   int    // where in the answer Text begins, in bytes; negative for what the model did not write
	// Call: the first delta of an index has the ID and the Name, the later ones pieces of the Arguments.
	Call *engine.ToolCallDelta
}
