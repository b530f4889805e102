package remote

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
)

// lenient takes what other servers write as far as it can be understood.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// answer is a whole answer or one streamed chunk, of both endpoints.
type answer struct {
	Choices []choice       `json:"choices"`
	Usage   usage          `json:"usage"`
	Error   jsontext.Value `json:"error"`
}

type choice struct {
	Text         string   `json:"text"`    // /completions
	Message      said     `json:"message"` // /chat/completions
	Delta        said     `json:"delta"`   // /chat/completions, streamed
	FinishReason string   `json:"finish_reason"`
	Logprobs     logprobs `json:"logprobs"`
}

type said struct {
	Content string `json:"content"`
}

type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	Details          struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// logprobs is the list of tokens of /chat/completions (llama-server gives it for /completions too), or
// the parallel lists of /completions.
type logprobs struct {
	Content       []tokenLogprob       `json:"content"`
	Tokens        []string             `json:"tokens"`
	TokenLogprobs []float32            `json:"token_logprobs"`
	TopLogprobs   []map[string]float32 `json:"top_logprobs"`
}

type tokenLogprob struct {
	ID      *int32         `json:"id"` // llama-server
	Token   string         `json:"token"`
	Bytes   []int          `json:"bytes"`
	Logprob float32        `json:"logprob"`
	Top     []tokenLogprob `json:"top_logprobs"`
}

// spelled gives the token's bytes: a token that is a part of a letter has no other spelling.
func (t *tokenLogprob) spelled() []byte {
	if len(t.Bytes) == 0 {
		return []byte(t.Token)
	}
	out := make([]byte, len(t.Bytes))
	for i, b := range t.Bytes {
		out[i] = byte(b)
	}
	return out
}

func (t *tokenLogprob) id() engine.Token {
	if t.ID == nil {
		return -1
	}
	return *t.ID
}

// tokens gives the engine's form.
func (l *logprobs) tokens() []engine.TokenLogprob {
	var out []engine.TokenLogprob
	for i := range l.Content {
		t := &l.Content[i]
		e := engine.TokenLogprob{Token: t.id(), Bytes: t.spelled(), Logprob: min(0, t.Logprob)}
		for j := range t.Top {
			a := &t.Top[j]
			e.Top = append(e.Top, engine.TopLogprob{Token: a.id(), Bytes: a.spelled(), Logprob: min(0, a.Logprob)})
		}
		out = append(out, e)
	}
	for i, token := range l.Tokens {
		e := engine.TokenLogprob{Token: -1, Bytes: []byte(token)}
		if i < len(l.TokenLogprobs) {
			e.Logprob = min(0, l.TokenLogprobs[i])
		}
		if i < len(l.TopLogprobs) {
			e.Top = sortedTop(l.TopLogprobs[i])
		}
		out = append(out, e)
	}
	return out
}
