package generate

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/toolcall"
)

// TokenizeText returns the tokens of text in the vocabulary of the model that answers for a name, and
// what that model is called. special reads the texts of control tokens as these tokens.
func (s *Service) TokenizeText(ctx context.Context, who actor.Actor, model, text string, special bool) (served string, tokens []engine.Token, err error) {
	served, err = s.vocabulary(ctx, who, model, func(j *job, _ Target) (err error) {
		tokens, err = j.backend.Tokenize(ctx, engine.TokenizeRequest{Text: text, ParseSpecial: special})
		return err
	})
	return served, tokens, err
}

// TokenizeMessages returns the tokens that a chat with these messages and functions (nil is none) has as its
// prompt: in the form of the model's own template, up to where the answer begins.
func (s *Service) TokenizeMessages(ctx context.Context, who actor.Actor, model string, messages []engine.Message, tools *toolcall.Request) (served string, tokens []engine.Token, err error) {
	served, err = s.vocabulary(ctx, who, model, func(j *job, target Target) (err error) {
		j.req.Tools = tools
		tokens, err = j.renderMessages(ctx, target.Served, messages)
		return err
	})
	return served, tokens, err
}

// Detokenize returns the bytes of each list of tokens of the model that answers for a name.
func (s *Service) Detokenize(ctx context.Context, who actor.Actor, model string, lists [][]engine.Token) (served string, texts [][]byte, err error) {
	served, err = s.vocabulary(ctx, who, model, func(j *job, target Target) error {
		target.Native = true // here ids are always those that TokenizeText gave for the same name
		for _, tokens := range lists {
			if err := CheckTokens("tokens", target, j.info, tokens); err != nil {
				return err
			}
			text, err := j.backend.Detokenize(ctx, tokens)
			if err != nil {
				return err
			}
			texts = append(texts, text)
		}
		return nil
	})
	return served, texts, err
}

// vocabulary leases the model that answers for a name while f uses its vocabulary.
func (s *Service) vocabulary(ctx context.Context, who actor.Actor, model string, f func(*job, Target) error) (string, error) {
	target, err := s.Models.Resolve(ctx, who, model)
	if err != nil {
		return "", err
	}
	backend, release, err := s.Pool.Use(ctx, target.Spec)
	if err != nil {
		return "", canceled(ctx, err)
	}
	defer release()
	info, err := backend.Info(ctx)
	if err != nil {
		return "", canceled(ctx, err)
	}
	if info.Input == engine.InputMessages {
		return "", fault.Param("model", "The model `%s` is answered by another server (%s), whose vocabulary is not known here. Name an `encoding` instead of a model.", model, target.Served)
	}
	j := &job{service: s, who: who, req: Request{Model: model, Param: "messages"}, backend: backend, info: info}
	return target.Served, canceled(ctx, f(j, target))
}
