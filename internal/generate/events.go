package generate

import (
	"time"

	"github.com/parley-ai/parley/internal/engine"
)

// Event is one of Admitted, Started, PromptScored, Delta, ToolCallDelta, Done: Admitted once as the first,
// Done once as the last when no error ends the sequence.
type Event interface{ event() }

// Admitted says that the request was accepted and what will answer it. Nothing was computed yet.
type Admitted struct {
	Grant        Grant  // what the limits leave, for the x-ratelimit headers
	Model        string // the name to show in the answer: the snapshot that the alias stands for
	Served       string // the model that really answers
	Fingerprint  string // system_fingerprint; empty when the backend gives none
	Window       int    // tokens of prompt and answer together; 0 when unknown (remote)
	PromptTokens int    // of all prompts together; 0 when unknown (remote)
	Fallback     bool   // the model has no chat template: a plain ChatML form was used
	Ending       Ending
}

// Ending is when a model's end was announced, and when it is or was shut down; zero times are not known.
type Ending struct{ Deprecated, Sunset time.Time }

func admittedOf(target Target, info engine.Info) Admitted {
	return Admitted{
		Model: target.Model, Served: target.Served, Fingerprint: info.Fingerprint,
		Window: window(target.Window, info.ContextWindow), Ending: target.Ending,
	}
}

// Started says that a sequence's prompt was computed.
type Started struct {
	PromptTokens int
	CachedTokens int    // of PromptTokens, how many came from the prefix cache
	Prompt       string // the text of token ids, with Request.PromptText
}

// PromptScored carries the prompt's logprobs; the first token has none and Logprob 0.
type PromptScored struct{ Tokens []engine.TokenLogprob }

// Delta is new output: whole UTF-8 text and the tokens it is made of.
type Delta struct {
	Text   string
	Tokens []engine.TokenLogprob
}

// ToolCallDelta is a piece of a call, with Request.Tools: the first of an Index has the ID and the Name, all of
// them together the Arguments, as JSON. Its text and tokens are in no Delta.
type ToolCallDelta struct {
	Index     int // of the call among those of its sequence, from 0
	ID        string
	Name      string
	Arguments string
}

// Done ends a sequence.
type Done struct {
	Reason engine.FinishReason  // FinishToolCalls when calls were made, and not cut
	Usage  Usage                // of this sequence
	End    *engine.TokenLogprob // the control token that ended it, with Request.Logprobs; nil when something else did
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int
	CachedTokens     int // of PromptTokens, how many came from the prefix cache
	CompletionTokens int
}

// Total is prompt and completion together.
func (u Usage) Total() int { return u.PromptTokens + u.CompletionTokens }

func (Admitted) event()      {}
func (Started) event()       {}
func (PromptScored) event()  {}
func (Delta) event()         {}
func (ToolCallDelta) event() {}
func (Done) event()          {}

// Indexed is an event of one of several sequences. Admitted has Index -1. Sequence Index belongs to
// prompt Index/n and is its choice Index%n.
type Indexed struct {
	Index int
	Event Event
}
