package embeddings

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// Bounds of a request.
const (
	maxInputs     = 2048  // as in the original
	maxDimensions = 12288 // the longest vectors that the original ever made (davinci's)
)

// Request is the body of POST /v1/embeddings.
type Request struct {
	Model          string   `json:"model" doc:"The embedding model." example:"text-embedding-ada-002"`
	Input          Input    `json:"input" doc:"A text, a list of at most 2,048 texts, token ids, or a list of lists of these." example:"The food was delicious."`
	EncodingFormat string   `json:"encoding_format,omitzero" doc:"float, or base64 of little-endian float32." enum:"float,base64" default:"float"`
	Dimensions     *int     `json:"dimensions,omitzero" doc:"How long the vectors are to be: longer ones are cut and made unit length again, which is good only with models that were trained for it; shorter ones are followed by zeros." min:"1" max:"12288"`
	User           string   `json:"user,omitzero" doc:"Your end user, for your own logs."`
	Timeout        *float64 `json:"timeout,omitzero" doc:"Accepted for clients of before November 2023, which send it; without effect."`
}

// Input is what to embed.
type Input struct{ wire.Prompts }

// OpenAPISchema implements openapi's hook.
func (Input) OpenAPISchema() map[string]any {
	list := func(items map[string]any) map[string]any {
		return map[string]any{"type": "array", "items": items, "minItems": 1}
	}
	many := func(items map[string]any) map[string]any {
		out := list(items)
		out["maxItems"] = maxInputs
		return out
	}
	text, id := map[string]any{"type": "string"}, map[string]any{"type": "integer", "minimum": 0}
	return map[string]any{"oneOf": []any{text, many(text), list(id), many(list(id))}}
}

// Response is the answer.
type Response struct {
	Object string      `json:"object" doc:"Always list." enum:"list"`
	Data   []Embedding `json:"data" doc:"One per input, in their order."`
	Model  string      `json:"model"`
	Usage  Usage       `json:"usage"`
}

// Embedding is the vector of one input.
type Embedding struct {
	Object    string `json:"object" doc:"Always embedding." enum:"embedding"`
	Index     int    `json:"index"`
	Embedding Vector `json:"embedding" doc:"Numbers, or a base64 text when encoding_format is base64."`
}

// Usage counts the inputs' tokens.
type Usage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

// Vector is a vector with the form that the caller asked for.
type Vector struct {
	Values []float32
	Base64 bool
}

// MarshalJSONTo implements json.MarshalerTo.
func (v Vector) MarshalJSONTo(enc *jsontext.Encoder) error {
	if !v.Base64 {
		return json.MarshalEncode(enc, v.Values)
	}
	b := make([]byte, 4*len(v.Values))
	for i, x := range v.Values {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
	return enc.WriteToken(jsontext.String(base64.StdEncoding.EncodeToString(b)))
}

// OpenAPISchema implements openapi's hook.
func (Vector) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "array", "items": map[string]any{"type": "number"}},
		map[string]any{"type": "string", "format": "byte"},
	}}
}

// operation checks the request and returns what the core runs.
func (r *Request) operation() (generate.EmbedRequest, error) {
	if err := httpapi.First(
		httpapi.Model(r.Model),
		httpapi.Required("input", r.Input.Len() > 0),
		httpapi.MaxItems("input", r.Input.Len(), maxInputs),
		httpapi.OneOf("encoding_format", r.EncodingFormat, "float", "base64"),
		httpapi.Range("dimensions", r.Dimensions, 1, maxDimensions),
	); err != nil {
		return generate.EmbedRequest{}, err
	}
	for i, text := range r.Input.Texts {
		if text == "" {
			return generate.EmbedRequest{}, httpapi.AnyOf("input", "", "Input %d is an empty string, which has no meaning to embed: leave it out, or send a text.", i)
		}
	}
	return generate.EmbedRequest{
		Op: "embeddings", Class: "embeddings", Model: r.Model, Param: "input",
		Texts: r.Input.Texts, Tokens: r.Input.Tokens, User: r.User,
	}, nil
}

// response encodes the vectors.
func (r *Request) response(got generate.Embedded) Response {
	out := Response{
		Object: "list", Data: make([]Embedding, len(got.Vectors)), Model: got.Admitted.Model,
		Usage: Usage{PromptTokens: got.Admitted.PromptTokens, TotalTokens: got.Admitted.PromptTokens},
	}
	length := got.Dimensions
	if r.Dimensions != nil {
		length = *r.Dimensions
	}
	for i, v := range got.Vectors {
		out.Data[i] = Embedding{Object: "embedding", Index: i, Embedding: Vector{Values: resize(v, length), Base64: r.EncodingFormat == "base64"}}
	}
	return out
}

// resize gives a vector n dimensions: it is cut and made unit length again, or followed by zeros, which
// change no cosine and no length. n = 0 leaves it as it is.
func resize(v []float32, n int) []float32 {
	if n == 0 || n == len(v) {
		return v
	}
	out := make([]float32, n)
	if n > len(v) {
		copy(out, v)
		return out
	}
	var sum float64
	for _, x := range v[:n] {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return out
	}
	norm := math.Sqrt(sum)
	for i, x := range v[:n] {
		out[i] = float32(float64(x) / norm)
	}
	return out
}
