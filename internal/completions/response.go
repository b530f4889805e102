package completions

import "github.com/parley-ai/parley/internal/generate/wire"

// Response is the answer: one object, or, streamed, one of many that carry a piece each.
type Response struct {
	ID                string   `json:"id" example:"cmpl-8Abc"`
	Object            string   `json:"object" doc:"Always text_completion." enum:"text_completion"`
	Created           int64    `json:"created" doc:"When the answer was begun, in seconds since 1970."`
	Model             string   `json:"model" doc:"The model that was asked: the snapshot that its name stands for."`
	Choices           []Choice `json:"choices"`
	SystemFingerprint *string  `json:"system_fingerprint" doc:"Changes when the model, its library or its settings do."`
}

// Whole is a Response with its usage; streamed, usage is null in all but the last.
type Whole struct {
	Response
	Usage *wire.Usage `json:"usage" doc:"Streamed only with stream_options.include_usage: null until the last."`
}

// Choice is one continuation, or a piece of it.
type Choice struct {
	Text         string    `json:"text"`
	Index        int       `json:"index" doc:"Prompt i has the choices from i*n on."`
	Logprobs     *Logprobs `json:"logprobs" doc:"On request, else null."`
	FinishReason *string   `json:"finish_reason" doc:"stop, or length when max_tokens or the window ended it; null until the last piece." enum:"stop,length"`
}

// Logprobs has one entry per token in each list.
type Logprobs struct {
	Tokens        []string         `json:"tokens"`
	TokenLogprobs []*float32       `json:"token_logprobs" doc:"Natural logarithm, as if temperature were 1; null for the first token of an echoed prompt."`
	TopLogprobs   *[]*Alternatives `json:"top_logprobs" doc:"The likeliest tokens and the one that was taken; null when logprobs is 0."`
	TextOffset    []int            `json:"text_offset" doc:"Where the token begins, in characters from the beginning of the prompt."`
}

// Alternatives maps tokens to their log probabilities.
type Alternatives map[string]float32
