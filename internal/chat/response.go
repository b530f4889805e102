package chat

import (
	"strings"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/generate/wire"
)

// Response is the answer as one JSON object.
type Response struct {
	ID                string      `json:"id" example:"chatcmpl-8Abc"`
	Object            string      `json:"object" doc:"Always chat.completion." enum:"chat.completion"`
	Created           int64       `json:"created" doc:"When the answer was begun, in seconds since 1970."`
	Model             string      `json:"model" doc:"The model that was asked: the snapshot that its name stands for."`
	Choices           []Choice    `json:"choices"`
	Usage             *wire.Usage `json:"usage"`
	SystemFingerprint *string     `json:"system_fingerprint" doc:"Changes when the model, its library or its settings do."`
}

// Choice is one answer.
type Choice struct {
	Index        int       `json:"index"`
	Message      Answer    `json:"message"`
	Logprobs     *Logprobs `json:"logprobs" doc:"On request, else null."`
	FinishReason string    `json:"finish_reason" doc:"stop; length when max_tokens or the window ended it; tool_calls, or with functions function_call, when the model made calls of its own choice." enum:"stop,length,tool_calls,function_call"`
}

// Answer is the message that the model wrote.
type Answer struct {
	Role         string        `json:"role" doc:"Always assistant." enum:"assistant"`
	Content      *string       `json:"content" doc:"null when the model made nothing but calls."`
	ToolCalls    []ToolCall    `json:"tool_calls,omitzero" doc:"The calls that the model made, with tools."`
	FunctionCall *FunctionCall `json:"function_call,omitzero" doc:"The call that the model made, with functions."`
	Refusal      *string       `json:"refusal" doc:"Always null; today's API has it."`
}

// Chunk is one event of a streamed answer.
type Chunk struct {
	ID                string        `json:"id"`
	Object            string        `json:"object" doc:"Always chat.completion.chunk." enum:"chat.completion.chunk"`
	Created           int64         `json:"created" doc:"The same in every chunk."`
	Model             string        `json:"model"`
	SystemFingerprint *string       `json:"system_fingerprint"`
	Choices           []ChunkChoice `json:"choices" doc:"One, or none in the chunk with the usage."`
}

// UsageChunk is a Chunk when stream_options.include_usage is set: usage is null in all but the last.
type UsageChunk struct {
	Chunk
	Usage *wire.Usage `json:"usage" doc:"Only with stream_options.include_usage: null until the last chunk."`
}

// ChunkChoice is a piece of one answer.
type ChunkChoice struct {
	Index        int       `json:"index"`
	Delta        Delta     `json:"delta"`
	Logprobs     *Logprobs `json:"logprobs"`
	FinishReason *string   `json:"finish_reason" doc:"null until the last piece of the answer." enum:"stop,length,tool_calls,function_call"`
}

// Delta is what is new: the role first, then text or pieces of calls, and nothing at the end.
type Delta struct {
	Role         string             `json:"role,omitzero"`
	Content      **string           `json:"content,omitzero" doc:"null beside the role when the answer begins with a call."`
	ToolCalls    []ToolCallChunk    `json:"tool_calls,omitzero"`
	FunctionCall *FunctionCallChunk `json:"function_call,omitzero"`
}

// Logprobs are the log probabilities of an answer's tokens.
type Logprobs struct {
	Content []TokenLogprob  `json:"content"`
	Refusal *[]TokenLogprob `json:"refusal" doc:"Always null; today's API has it."`
}

// TokenLogprob is a token of the answer with its likeliest alternatives.
type TokenLogprob struct {
	Token       string       `json:"token"`
	Logprob     float32      `json:"logprob" doc:"Natural logarithm, as if temperature were 1."`
	Bytes       []int        `json:"bytes" doc:"UTF-8; a character may be spread over several tokens."`
	TopLogprobs []TopLogprob `json:"top_logprobs"`
}

// TopLogprob is one alternative at a position.
type TopLogprob struct {
	Token   string  `json:"token"`
	Logprob float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

// appendLogprobs adds the engine's tokens to l.
func appendLogprobs(l *Logprobs, tokens []engine.TokenLogprob) {
	for _, t := range tokens {
		out := TokenLogprob{Token: text(t.Bytes), Logprob: t.Logprob, Bytes: ints(t.Bytes), TopLogprobs: []TopLogprob{}}
		for _, alt := range t.Top {
			out.TopLogprobs = append(out.TopLogprobs, TopLogprob{Token: text(alt.Bytes), Logprob: alt.Logprob, Bytes: ints(alt.Bytes)})
		}
		l.Content = append(l.Content, out)
	}
}

// text shows bytes that are no whole character as the replacement character; Bytes has them as they are.
func text(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

func ints(b []byte) []int {
	out := make([]int, len(b))
	for i, c := range b {
		out[i] = int(c)
	}
	return out
}
