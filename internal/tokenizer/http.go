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
	Model             string      `json:"model,omitzero" doc:"A model, to use the vocabulary of the served model that answers for it." example:"gpt-4"`
	Encoding          string      `json:"encoding,omitzero" doc:"Instead of a model: one of OpenAI's vocabularies by tiktoken's name." enum:"cl100k_base,gpt2,o200k_base,p50k_base,p50k_edit,r50k_base"`
	Text              *string     `json:"text,omitzero" doc:"What to tokenize." example:"ChatGPT is great!"`
	Messages          []Message   `json:"messages,omitzero" doc:"Instead of a text: a chat, counted with what its form costs."`
	AllowedSpecial    *SpecialSet `json:"allowed_special,omitzero" doc:"Special tokens whose texts become these tokens: a list, or all. None when left out, as in tiktoken."`
	DisallowedSpecial *SpecialSet `json:"disallowed_special,omitzero" doc:"Special tokens whose texts are refused: a list, or all. With an encoding, all that are not allowed when left out, as in tiktoken; an empty list takes them as plain text."`
	Pieces            bool        `json:"pieces,omitzero" doc:"Show each token's text and bytes, too."`
}

// Message is one turn of a chat.
type Message struct {
	Role    string `json:"role" example:"user"`
	Content string `json:"content" example:"Hello!"`
	Name    string `json:"name,omitzero"`
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
	Tokens   []engine.Token `json:"tokens,omitzero" doc:"Their ids. A chat that is counted with an encoding has none."`
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
		Scope: actor.ModelsRead, Handle: a.tokenize,
	}, {
		Method: http.MethodPost, Path: "/v1/detokenize", Op: "detokenize", Tag: "Tokenizer",
		Summary: "Turns token ids into text.",
		Doc:     "Parley's own: the original API had no such endpoint.",
		In:      DetokenizeRequest{}, Out: Detokenization{},
		Scope: actor.ModelsRead, Handle: a.detokenize,
	}}
}

func (a *API) tokenize(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[TokenizeRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, err := a.Tokenizer.Tokenize(r.Context(), httpapi.ActorOf(r.Context()), req)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func (a *API) detokenize(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[DetokenizeRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, err := a.Tokenizer.Detokenize(r.Context(), httpapi.ActorOf(r.Context()), req)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, out)
}
