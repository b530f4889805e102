package wire

import (
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/httpapi"
)

// MaxStop is how many stop sequences a request may have.
const MaxStop = 4

// MaxChoices is the largest n.
const MaxChoices = 128

// Sampling are the members that say how to sample. nil is the API's default.
type Sampling struct {
	MaxTokens        *int           `json:"max_tokens,omitzero" doc:"The most tokens to produce." min:"0" example:"64"`
	Temperature      *float64       `json:"temperature,omitzero" doc:"Sampling temperature, 0 to 2; 0 always takes the likeliest token." min:"0" max:"2" default:"1"`
	TopP             *float64       `json:"top_p,omitzero" doc:"Samples from the likeliest tokens that together have this probability, 0 to 1." min:"0" max:"1" default:"1"`
	N                *int           `json:"n,omitzero" doc:"How many answers to produce, 1 to 128." min:"1" max:"128" default:"1"`
	Stream           bool           `json:"stream,omitzero" doc:"Send the answer piece by piece as server-sent events, closed by data: [DONE]." default:"false"`
	StreamOptions    *StreamOptions `json:"stream_options,omitzero" doc:"Options of a streamed answer; only with stream."`
	Stop             Stop           `json:"stop,omitzero" doc:"Up to 4 texts before which the answer ends."`
	Seed             *int64         `json:"seed,omitzero" doc:"The same seed, parameters and prompt give the same answer while system_fingerprint is the same."`
	PresencePenalty  *float64       `json:"presence_penalty,omitzero" doc:"Makes tokens that were produced before less likely, -2 to 2." min:"-2" max:"2" default:"0"`
	FrequencyPenalty *float64       `json:"frequency_penalty,omitzero" doc:"Makes tokens less likely by how often they were produced before, -2 to 2." min:"-2" max:"2" default:"0"`
	LogitBias        LogitBias      `json:"logit_bias,omitzero" doc:"Token ids, of the vocabulary that programs use with the name, with a bias from -100 (ban) to 100 (force)."`
	User             string         `json:"user,omitzero" doc:"Your end user, for your own logs."`
	Timeout          *float64       `json:"timeout,omitzero" doc:"Accepted for clients of before November 2023, which send it; without effect."`
}

// StreamOptions are options of a streamed answer.
type StreamOptions struct {
	IncludeUsage       bool `json:"include_usage,omitzero" doc:"Send the usage in a last chunk that has no choices." default:"false"`
	IncludeObfuscation bool `json:"include_obfuscation,omitzero" doc:"Accepted for today's clients; chunks are never padded." default:"false"`
}

// Check reports the first parameter that is out of its range. minTokens is the least max_tokens.
func (s *Sampling) Check(minTokens int) error {
	if s.StreamOptions != nil && !s.Stream {
		return fault.Param("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	return httpapi.First(
		httpapi.Min("max_tokens", s.MaxTokens, minTokens),
		httpapi.Range("temperature", s.Temperature, 0, 2),
		httpapi.Range("top_p", s.TopP, 0, 1),
		httpapi.Range("n", s.N, 1, MaxChoices),
		s.Stop.check(),
		httpapi.Range("presence_penalty", s.PresencePenalty, -2, 2),
		httpapi.Range("frequency_penalty", s.FrequencyPenalty, -2, 2),
		s.LogitBias.check(),
	)
}

// Choices is how many answers are asked for.
func (s *Sampling) Choices() int { return or(s.N, 1) }

// IncludeUsage reports whether a streamed answer ends with its usage.
func (s *Sampling) IncludeUsage() bool { return s.StreamOptions != nil && s.StreamOptions.IncludeUsage }

// Fill writes the parameters into a core request. Check has been called.
func (s *Sampling) Fill(req *generate.Request) {
	req.MaxTokens = s.MaxTokens
	req.Stop = s.Stop
	req.Seed = s.Seed
	req.User = s.User
	req.Whole = !s.Stream
	req.Sampling = engine.Sampling{
		Temperature:      float32(or(s.Temperature, 1)),
		TopP:             float32(or(s.TopP, 1)),
		PresencePenalty:  float32(or(s.PresencePenalty, 0)),
		FrequencyPenalty: float32(or(s.FrequencyPenalty, 0)),
		Bias:             s.LogitBias,
	}
}

func or[T any](v *T, fallback T) T {
	if v == nil {
		return fallback
	}
	return *v
}
