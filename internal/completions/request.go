package completions

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

const (
	defaultMaxTokens = 16
	maxLogprobs      = 5
	maxBestOf        = 20
	maxPrompts       = 2048
	maxChoices       = 2048 // over all prompts of one request
)

// Request is the body of POST /v1/completions.
type Request struct {
	Model  string       `json:"model" doc:"The model that continues the prompt." example:"gpt-3.5-turbo-instruct"`
	Prompt wire.Prompts `json:"prompt,omitzero" doc:"A text, a list of texts, or token ids: of the encoding of the original model of the name, or else of the served model; the beginning of a new text when left out." example:"Once upon a time"`
	wire.Sampling
	Echo     bool   `json:"echo,omitzero" doc:"Give the prompt back before its continuation." default:"false"`
	Logprobs *int   `json:"logprobs,omitzero" doc:"Report the log probability of each token and of this many likeliest alternatives, 0 to 5." min:"0" max:"5"`
	BestOf   *int   `json:"best_of,omitzero" doc:"Produce this many, at most 20 where that is more than n, and return the n best by mean log probability per token; not with stream." min:"0" default:"1"`
	Suffix   string `json:"suffix,omitzero" doc:"A text that comes after the completion: what is written stands between prompt and suffix."`
}

// EngineRequest is the body of POST /v1/engines/{engine}/completions.
type EngineRequest struct {
	Model jsontext.Value `json:"model,omitzero" doc:"Not here: the path names the model."`
	Request
}

// operation checks the request and returns what the core runs: the prompts, and how many sequences
// each of them gets.
func (r *Request) operation(requestID string) (generate.Request, []generate.Prompt, int, error) {
	if err := r.check(); err != nil {
		return generate.Request{}, nil, 0, err
	}
	out := generate.Request{
		ID: requestID, Op: "completions", Class: "completions", Model: r.Model, Param: "prompt",
		DefaultMaxTokens: defaultMaxTokens,
	}
	r.Fill(&out)
	if r.Logprobs != nil {
		out.Logprobs, out.TopLogprobs = true, *r.Logprobs
	}
	sequences := r.sequences()
	out.Logprobs = out.Logprobs || sequences > r.Choices()
	out.PromptLogprobs = r.Echo && r.Logprobs != nil
	// What ids say is shown by echo, and what is produced is counted in characters from there.
	out.PromptText = r.Echo || r.Logprobs != nil

	prompts := make([]generate.Prompt, 0, max(1, r.Prompt.Len()))
	for _, t := range r.Prompt.Texts {
		prompts = append(prompts, generate.FromText(t).Before(r.Suffix))
	}
	for _, t := range r.Prompt.Tokens {
		prompts = append(prompts, generate.FromTokens(t).Before(r.Suffix))
	}
	if len(prompts) == 0 {
		prompts = append(prompts, generate.FromText("").Before(r.Suffix))
	}
	return out, prompts, sequences, nil
}

// sequences is how many each prompt gets: n, or best_of. best_of 0 is what its reference allows for none.
func (r *Request) sequences() int {
	if r.BestOf == nil || *r.BestOf == 0 {
		return r.Choices()
	}
	return *r.BestOf
}

func (r *Request) check() error {
	n, best := r.Choices(), r.sequences()
	if err := httpapi.First(
		httpapi.Model(r.Model),
		r.Sampling.Check(0),
		httpapi.Range("logprobs", r.Logprobs, 0, maxLogprobs),
		httpapi.Min("best_of", r.BestOf, 0),
		httpapi.MaxItems("prompt", r.Prompt.Len(), maxPrompts),
	); err != nil {
		return err
	}
	switch {
	case n > best:
		return fault.Param("best_of", "You requested that the server return more choices than it will generate (HINT: you must set 'n' (currently %d) to be at most 'best_of' (currently %d), or omit either parameter if you don't specifically want to use them.)", n, best)
	case best > n && best > maxBestOf:
		return httpapi.Range("best_of", r.BestOf, 0, maxBestOf)
	case best > n && r.Stream:
		return fault.Param("best_of", "Results cannot be streamed when 'best_of' (currently %d) is greater than 'n' (currently %d): the best are known only at the end.", best, n)
	case r.Suffix != "" && r.Echo && r.Logprobs != nil:
		return fault.Param("suffix", "'suffix' cannot be combined with 'echo' and 'logprobs' together: a model that fills a gap reads the suffix too, so the prompt's tokens would have other log probabilities. Leave one of the three out.")
	}
	if total := best * max(1, r.Prompt.Len()); total > maxChoices {
		return fault.Param("n", "This request asks for %d completions (%d prompts, %d each), more than the %d of one request. Send it in parts.", total, r.Prompt.Len(), best, maxChoices)
	}
	return nil
}
