package agent

import "github.com/parley-ai/parley/internal/generate"

// Event is one of TurnStarted, TextDelta, CallDelta, TurnDone, Executing, Output with its call (Progress), Executed, Required, Done.
type Event interface{ event() }

// TurnStarted says that the model was admitted and begins a turn. Nothing was computed yet.
type TurnStarted struct {
	Turn     int // from 0, counting the turns that the loop was begun with
	Admitted generate.Admitted
}

// TextDelta is new text of the model's words.
type TextDelta struct{ Text string }

// CallDelta is a piece of a call that the model is writing: the first of an Index has ID and Name, all together the Arguments.
type CallDelta struct {
	Index     int // among the calls of the turn, from 0
	ID        string
	Name      string
	Arguments string
}

// TurnDone ends a turn of the model: its words and calls whole, and what it took.
type TurnDone struct {
	Turn    int
	Text    string
	Calls   []Call
	Usage   generate.Usage
	Cut     bool // by the most tokens that the turn might have, or by the window
	Skipped bool // a call that was cut off is not among Calls
}

// Executing says that a tool is about to be called.
type Executing struct{ Call Call }

// Progress is a piece of what a tool gives while it works.
type Progress struct {
	Call   Call
	Output Output
}

// Executed is a call's end.
type Executed struct {
	Call   Call
	Result Result
	Answer Answer // what the model is told: fenced, or the error in words
	Err    error  // nil when the tool did what it was asked for
}

// Required ends the loop: the calls are of the caller's functions, and it goes on with their answers.
type Required struct{ Calls []Call }

// Done ends the loop: the model has answered, or may not go on.
type Done struct{ Reason Reason }

// Reason is why a loop ended.
type Reason string

// The reasons.
const (
	Answered  Reason = "answered"   // the model said what it had to say
	Cut       Reason = "cut"        // its last turn was cut by the most tokens that it might have
	TurnsUsed Reason = "turns_used" // it wanted to call on after the last turn that it had
)

func (TurnStarted) event() {}
func (TextDelta) event()   {}
func (CallDelta) event()   {}
func (TurnDone) event()    {}
func (Executing) event()   {}
func (Progress) event()    {}
func (Executed) event()    {}
func (Required) event()    {}
func (Done) event()        {}
