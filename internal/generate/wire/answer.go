package wire

import (
	"net/http"

	"github.com/parley-ai/parley/internal/generate"
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

// Tally adds up the usage of the sequences of one request: a prompt counts once, however many
// choices continue it.
type Tally struct {
	usage   Usage
	cached  int
	counted []bool
}

// NewTally returns a tally for so many prompts.
func NewTally(prompts int) *Tally { return &Tally{counted: make([]bool, prompts)} }

// Add adds a finished sequence of a prompt.
func (t *Tally) Add(prompt int, u generate.Usage) {
	if !t.counted[prompt] {
		t.counted[prompt] = true
		t.usage.PromptTokens += u.PromptTokens
		t.cached += u.CachedTokens
	}
	t.usage.CompletionTokens += u.CompletionTokens
}

// Usage returns the sum.
func (t *Tally) Usage() *Usage {
	u := t.usage
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	u.PromptTokensDetails = &PromptTokensDetails{CachedTokens: t.cached}
	return &u
}

// Announce writes the headers that tell what answers and what the limits leave.
func Announce(h http.Header, a generate.Admitted) {
	h["Openai-Model"] = []string{a.Model}
	h["Parley-Served-Model"] = []string{a.Served}
	for _, kv := range a.Grant.Headers {
		h.Set(kv[0], kv[1])
	}
}
