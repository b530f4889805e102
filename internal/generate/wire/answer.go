package wire

import (
	"iter"
	"net/http"
	"strconv"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/ids"
)

// Usage counts the tokens of a request.
type Usage struct {
	PromptTokens        int                  `json:"prompt_tokens" doc:"Tokens of the prompt."`
	CompletionTokens    int                  `json:"completion_tokens" doc:"Tokens of all answers together."`
	TotalTokens         int                  `json:"total_tokens" doc:"Both together."`
	PromptTokensDetails *PromptTokensDetails `json:"prompt_tokens_details,omitzero" doc:"What is known of the prompt's tokens."`
}

// PromptTokensDetails says how a prompt was computed.
type PromptTokensDetails struct {
	CachedTokens int `json:"cached_tokens" doc:"Tokens that came from the prefix cache and cost next to nothing."`
}

// tally adds up the usage of the sequences of one request: a prompt counts once, however many
// choices continue it.
type tally struct {
	usage   Usage
	cached  int
	counted []bool
}

// newTally returns a tally for so many prompts.
func newTally(prompts int) *tally { return &tally{counted: make([]bool, prompts)} }

// Add adds a finished sequence of a prompt.
func (t *tally) Add(prompt int, u generate.Usage) {
	if !t.counted[prompt] {
		t.counted[prompt] = true
		t.usage.PromptTokens += u.PromptTokens
		t.cached += u.CachedTokens
	}
	t.usage.CompletionTokens += u.CompletionTokens
}

// Usage returns the sum.
func (t *tally) Usage() *Usage {
	u := t.usage
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	u.PromptTokensDetails = &PromptTokensDetails{CachedTokens: t.cached}
	return &u
}

// Announce writes the headers that tell what answers, what the limits leave, and, when the model's end was
// announced, since when (Deprecation, RFC 9745) and when it is or was shut down (Sunset, RFC 8594).
func Announce(h http.Header, a generate.Admitted) {
	h["Openai-Model"] = []string{a.Model}
	h["Parley-Served-Model"] = []string{a.Served}
	if at := a.Ending.Deprecated; !at.IsZero() {
		h["Deprecation"] = []string{"@" + strconv.FormatInt(at.Unix(), 10)}
	}
	if at := a.Ending.Sunset; !at.IsZero() {
		h["Sunset"] = []string{at.UTC().Format(http.TimeFormat)}
	}
	for _, kv := range a.Grant.Headers {
		h.Set(kv[0], kv[1])
	}
}

// Answer is what the answers of all shapes have in common: who answers, when, and at what cost.
type Answer struct {
	ID          string
	Created     int64   // seconds since 1970
	Model       string  // the snapshot that the asked name stands for; known once admitted
	Fingerprint *string // nil when the backend gives none; known once admitted

	tally     *tally
	perPrompt int
}

// Begin returns the answer to a request of so many prompts with perPrompt sequences each. newID makes its
// id; nil is a random one with the prefix.
func Begin(clk clock.Clock, newID func() string, prefix string, prompts, perPrompt int) Answer {
	if newID == nil {
		newID = func() string { return ids.New(prefix) }
	}
	return Answer{ID: newID(), Created: clk.Now().Unix(), tally: newTally(prompts), perPrompt: perPrompt}
}

// Each passes on what the sequences bring. What answers was then announced in h and noted, and the usage
// of ended sequences is counted.
func (a *Answer) Each(h http.Header, events iter.Seq2[generate.Indexed, error]) iter.Seq2[generate.Indexed, error] {
	return func(yield func(generate.Indexed, error) bool) {
		for e, err := range events {
			switch ev := e.Event.(type) {
			case generate.Admitted:
				Announce(h, ev)
				a.Model = ev.Model
				if ev.Fingerprint != "" {
					a.Fingerprint = &ev.Fingerprint
				}
				continue
			case generate.Done:
				a.tally.Add(e.Index/a.perPrompt, ev.Usage)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Usage is what the ended sequences took.
func (a *Answer) Usage() *Usage { return a.tally.Usage() }
