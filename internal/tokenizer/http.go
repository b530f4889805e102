package tokenizer

import (
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// TokenizeRequest is the body of POST /v1/tokenize.
type TokenizeRequest struct {
	Model             string      `json:"model,omitzero" doc:"A model, to use the vocabulary of the served model that answers for it. Beside an encoding, with messages, the name whose form of chats is counted." example:"gpt-4"`
	Encoding          string      `json:"encoding,omitzero" doc:"Instead of a model: one of OpenAI's vocabularies by tiktoken's name." enum:"cl100k_base,gpt2,o200k_base,p50k_base,p50k_edit,r50k_base"`
	Text              *string     `json:"text,omitzero" doc:"What to tokenize." example:"ChatGPT is great!"`
	AllowedSpecial    *SpecialSet `json:"allowed_special,omitzero" doc:"Special tokens whose texts become these tokens: a list, or all. None when left out, as in tiktoken."`
	DisallowedSpecial *SpecialSet `json:"disallowed_special,omitzero" doc:"Special tokens whose texts are refused: a list, or all. With an encoding, all that are not allowed when left out, as in tiktoken; an empty list takes them as plain text."`
	Pieces            bool        `json:"pieces,omitzero" doc:"Show each token's text and bytes, too, of at most 20,000."`
	CountOnly         bool        `json:"count_only,omitzero" doc:"Leave the ids out of the answer."`
	Chat
}

// SpecialSet is a list of special tokens, or all of them.
type SpecialSet struct {
	All   bool
	Texts []string
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (s *SpecialSet) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '"':
		var all string
		if err := json.UnmarshalDecode(dec, &all); err != nil {
			return err
		}
		if all != "all" {
			return fault.New(fault.Invalid, "'%s' is not a set of special tokens: send \"all\" or a list of their texts.", all)
		}
		s.All = true
		return nil
	case '[':
		return json.UnmarshalDecode(dec, &s.Texts)
	}
	return fault.New(fault.Invalid, "A set of special tokens is \"all\" or a list of their texts.")
}

// OpenAPISchema implements openapi's hook.
func (SpecialSet) OpenAPISchema() map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string", "enum": []any{"all"}}, map[string]any{"type": "array", "items": text},
	}}
}

// Tokenization is the answer to a TokenizeRequest.
type Tokenization struct {
	Object   string         `json:"object" doc:"Always tokenization." enum:"tokenization"`
	Model    string         `json:"model,omitzero" doc:"The model that was asked for."`
	Served   string         `json:"served,omitzero" doc:"The served model whose vocabulary it is."`
	Encoding string         `json:"encoding" doc:"The vocabulary's name, or native for a served model's own."`
	Count    int            `json:"count" doc:"How many tokens there are, with what the form of a chat costs."`
	Tokens   []engine.Token `json:"tokens,omitzero" doc:"Their ids. A chat that is counted with an encoding has none, nor has a count."`
	Pieces   []Piece        `json:"pieces,omitzero" doc:"One per token, when asked for."`
	Messages []int          `json:"messages,omitzero" doc:"Of a chat: the tokens of each message's content."`
	Overhead *int           `json:"overhead,omitzero" doc:"Of a chat: the tokens beside the contents."`
}

// Piece is what a token stands for.
type Piece struct {
	Token string `json:"token" doc:"Its text; U+FFFD where it is only a part of a character."`
	Bytes []int  `json:"bytes" doc:"Its bytes."`
}

// DetokenizeRequest is the body of POST /v1/detokenize.
type DetokenizeRequest struct {
	Model    string         `json:"model,omitzero" doc:"A model whose own token ids these are." example:"gpt-4"`
	Encoding string         `json:"encoding,omitzero" doc:"Instead of a model: the vocabulary that the ids are of." enum:"cl100k_base,gpt2,o200k_base,p50k_base,p50k_edit,r50k_base"`
	Tokens   []engine.Token `json:"tokens" doc:"Token ids."`
}

// Detokenization is the answer to a DetokenizeRequest.
type Detokenization struct {
	Object   string `json:"object" doc:"Always detokenization." enum:"detokenization"`
	Model    string `json:"model,omitzero" doc:"The model that was asked for."`
	Served   string `json:"served,omitzero" doc:"The served model whose vocabulary it is."`
	Encoding string `json:"encoding" doc:"The vocabulary's name, or native for a served model's own."`
	Text     string `json:"text" doc:"The text; U+FFFD in the place of bytes that are not UTF-8."`
	Base64   string `json:"base64,omitzero" doc:"The bytes, where they are not UTF-8."`
}

// API serves the routes of this package.
type API struct {
	Tokenizer *Service
}

// Routes returns the package's operations.
func (a *API) Routes() []httpapi.Route {
	return []httpapi.Route{{
		Method: http.MethodPost, Path: "/v1/tokenize", Op: "tokenize", Tag: "Tokenizer",
		Summary: "Turns a text into tokens, or counts those of a chat.",
		Doc:     "Parley's own: the original API had no such endpoint. With `encoding` the ids are those of tiktoken, with `model` those of the served model.",
		In:      TokenizeRequest{}, Out: Tokenization{},
		Scope: actor.ModelsRead, LimitClass: class, MaxBody: maxText, Handle: a.tokenize,
	}, {
		Method: http.MethodPost, Path: "/v1/detokenize", Op: "detokenize", Tag: "Tokenizer",
		Summary: "Turns token ids into text.",
		Doc:     "Parley's own: the original API had no such endpoint.",
		In:      DetokenizeRequest{}, Out: Detokenization{},
		Scope: actor.ModelsRead, LimitClass: class, MaxBody: maxIDs, Handle: a.detokenize,
	}, {
		Method: http.MethodPost, Path: "/api/tokenizer/prices", Op: "priceTokens", Tag: "Tokenizer",
		Summary: "Counts a text or a chat for each model of the calendar that has a price.",
		In:      PriceRequest{}, Out: Prices{},
		Scope: actor.ModelsRead, LimitClass: class, MaxBody: maxText, Handle: a.prices,
	}}
}

// Bounds of bodies. A text of maxText has some two million tokens, which take seven bytes each as ids.
const (
	maxText = 8 << 20
	maxIDs  = 16 << 20
)

func (a *API) tokenize(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[TokenizeRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, headers, err := a.Tokenizer.Tokenize(r.Context(), httpapi.ActorOf(r.Context()), req)
	return reply(w, out, headers, err)
}

func (a *API) detokenize(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[DetokenizeRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, headers, err := a.Tokenizer.Detokenize(r.Context(), httpapi.ActorOf(r.Context()), req)
	return reply(w, out, headers, err)
}

func (a *API) prices(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[PriceRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, headers, err := a.Tokenizer.Prices(r.Context(), httpapi.ActorOf(r.Context()), req)
	return reply(w, out, headers, err)
}

func reply(w http.ResponseWriter, out any, headers [][2]string, err error) error {
	for _, kv := range headers {
		w.Header()[http.CanonicalHeaderKey(kv[0])] = []string{kv[1]}
	}
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, out)
}
