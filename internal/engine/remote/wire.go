package remote

import (
	"strings"

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
	Content      string   `json:"content"`
	ToolCalls    []call   `json:"tool_calls"`
	FunctionCall function `json:"function_call"` // of servers as of 2023
}

// call is a call, or in a stream a piece of one.
type call struct {
	Index    *int     `json:"index"` // in streams; some servers leave it out
	ID       string   `json:"id"`
	Function function `json:"function"`
}

type function struct {
	Name      string    `json:"name"`
	Arguments arguments `json:"arguments"`
}

// arguments are JSON as a text; some servers send the object itself.
type arguments string

func (a *arguments) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '"' {
		return json.UnmarshalDecode(dec, (*string)(a))
	}
	v, err := dec.ReadValue()
	if err == nil && v.Kind() != 'n' {
		*a = arguments(strings.ToValidUTF8(string(v), "\uFFFD"))
	}
	return err
}

// callReader numbers the calls of one answer from 0, whatever numbers the other server gives them.
type callReader struct {
	numbers map[int]int // the other server's → ours
	last    int         // the other server's number of the newest call
}

// read gives the pieces of calls that a message brings, in the engine's form.
func (r *callReader) read(s *said) (out []engine.ToolCallDelta) {
	for _, c := range s.ToolCalls {
		switch {
		case c.Index != nil:
			r.last = *c.Index
		case c.ID != "" || c.Function.Name != "":
			r.last = len(r.numbers) // a new one; else it goes on with the last
		}
		out = append(out, r.piece(c.ID, c.Function))
	}
	if s.FunctionCall != (function{}) {
		out = append(out, r.piece("", s.FunctionCall))
	}
	return out
}

func (r *callReader) piece(id string, f function) engine.ToolCallDelta {
	n, known := r.numbers[r.last]
	if !known {
		if r.numbers == nil {
			r.numbers = map[int]int{}
		}
		n = len(r.numbers)
		r.numbers[r.last] = n
	}
	return engine.ToolCallDelta{Index: n, ID: id, Name: f.Name, Arguments: string(f.Arguments)}
}

type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	Details          struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// maxCount is more tokens than any answer has.
const maxCount = 1 << 30

// UnmarshalJSONFrom implements json.UnmarshalerFrom. Counts that cannot be are brought within bounds: they
// are added up, and limits are given back what is left of a request.
func (u *usage) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain usage
	if err := json.UnmarshalDecode(dec, (*plain)(u)); err != nil {
		return err
	}
	u.PromptTokens = min(max(0, u.PromptTokens), maxCount)
	u.CompletionTokens = min(max(0, u.CompletionTokens), maxCount)
	u.Details.CachedTokens = min(max(0, u.Details.CachedTokens), u.PromptTokens)
	return nil
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
