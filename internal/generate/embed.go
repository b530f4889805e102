package generate

import (
	"context"
	"fmt"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// EmbedRequest asks for one vector per input. Exactly one of Texts and Tokens is set.
type EmbedRequest struct {
	Op     string
	Class  string
	Model  string
	Param  string // the field that errors about an input name: "input"
	Texts  []string
	Tokens [][]engine.Token // in the served model's own vocabulary
}

// Embedded is the answer to an EmbedRequest.
type Embedded struct {
	Admitted Admitted
	Vectors  [][]float32 // unit length, in the order of the inputs
}

// Embed turns texts or tokens into vectors. Admitted.PromptTokens counts the inputs' tokens.
func (s *Service) Embed(ctx context.Context, who actor.Actor, req EmbedRequest) (_ Embedded, err error) {
	target, err := s.Models.Resolve(ctx, who, req.Model)
	if err != nil {
		return Embedded{}, err
	}
	backend, release, err := s.Pool.Use(ctx, target.Spec)
	if err != nil {
		return Embedded{}, canceled(ctx, err)
	}
	defer release()
	info, err := backend.Info(ctx)
	if err != nil {
		return Embedded{}, canceled(ctx, err)
	}
	if !info.CanEmbed {
		return Embedded{}, fault.Param("model", "The model `%s` gives no embeddings. Use an embedding model; GET /v1/models lists them.", req.Model)
	}
	out := Embedded{Admitted: Admitted{Model: target.Model, Served: target.Served, Fingerprint: info.Fingerprint, Window: window(target.Window, info.ContextWindow)}}
	call, err := embedInput(ctx, backend, info, target, req, out.Admitted.Window)
	if err != nil {
		return Embedded{}, canceled(ctx, err)
	}
	for _, tokens := range call.Tokens {
		out.Admitted.PromptTokens += len(tokens)
	}
	out.Admitted.Grant, err = s.Limits.Admit(ctx, who, Demand{Class: req.Class, Model: req.Model, Tokens: out.Admitted.PromptTokens})
	if err != nil {
		return Embedded{}, err
	}
	record := Record{Op: req.Op, Model: req.Model, Served: target.Served, Outcome: Failed}
	defer func() {
		out.Admitted.Grant.correct(record.Usage)
		s.Usage.Record(context.WithoutCancel(ctx), who, record)
	}()

	answer, err := backend.Embed(ctx, call)
	if err != nil {
		err = canceled(ctx, err)
		if fault.KindOf(err) == fault.Canceled {
			record.Outcome = Canceled
		}
		return Embedded{}, err
	}
	if inputs := len(req.Texts) + len(req.Tokens); len(answer.Vectors) != inputs {
		return Embedded{}, fmt.Errorf("generate: %s gave %d vectors for %d inputs", target.Served, len(answer.Vectors), inputs)
	}
	record.Outcome, record.Usage.PromptTokens = Completed, answer.PromptTokens
	out.Admitted.PromptTokens, out.Vectors = answer.PromptTokens, answer.Vectors
	return out, nil
}

// embedInput brings the inputs into the backend's form and measures each against the window.
func embedInput(ctx context.Context, backend engine.Backend, info engine.Info, target Target, req EmbedRequest, window int) (engine.EmbedRequest, error) {
	if info.Input == engine.InputMessages {
		if len(req.Tokens) > 0 {
			return engine.EmbedRequest{}, fault.Param(req.Param, "The model `%s` is answered by another server (%s), which takes text, not token ids. Please send the text.", req.Model, target.Served)
		}
		return engine.EmbedRequest{Texts: req.Texts}, nil
	}
	tokens := req.Tokens
	for _, t := range tokens {
		if err := CheckTokens(req.Param, target, info, t); err != nil {
			return engine.EmbedRequest{}, err
		}
	}
	if len(req.Texts) > 0 {
		tokens = make([][]engine.Token, len(req.Texts))
		for i, text := range req.Texts {
			t, err := backend.Tokenize(ctx, engine.TokenizeRequest{Text: text, AddSpecial: true})
			if err != nil {
				return engine.EmbedRequest{}, err
			}
			tokens[i] = t
		}
	}
	for _, t := range tokens {
		if window > 0 && len(t) > window {
			return engine.EmbedRequest{}, fault.Param(req.Param, "This model's maximum context length is %d tokens, however you requested %d tokens (%d in your prompt; 0 for the completion). Please reduce your prompt; or completion length.", window, len(t), len(t)).WithCode("context_length_exceeded")
		}
	}
	return engine.EmbedRequest{Tokens: tokens}, nil
}
