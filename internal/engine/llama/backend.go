package llama

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
	"github.com/parley-ai/parley/internal/engine/textstream"
	"github.com/parley-ai/parley/internal/fault"
)

// Backend is one loaded model. It implements engine.Backend and engine.StatsReporter.
type Backend struct {
	lib     *capi.Library
	model   *capi.Model
	spec    engine.Spec
	o       Options
	threads int
	info    engine.Info
	loop    *loop     // nil for embedding models
	embed   *embedder // nil for others
	texts   texts
	cutter  cutter

	mu     sync.RWMutex // held for reading while the model's vocabulary is in use
	closed bool
}

// Info describes the model.
func (b *Backend) Info(context.Context) (engine.Info, error) { return b.info, nil }

// Stats says what the loop is doing.
func (b *Backend) Stats(context.Context) (engine.Stats, error) {
	if b.loop == nil {
		return b.embed.stats(), nil
	}
	b.loop.mu.Lock()
	defer b.loop.mu.Unlock()
	return b.loop.stats, nil
}

// use keeps the model loaded until the returned function is called.
func (b *Backend) use() (done func(), err error) {
	b.mu.RLock()
	if b.closed {
		b.mu.RUnlock()
		return nil, errClosed()
	}
	return b.mu.RUnlock, nil
}

// Tokenize turns text into tokens.
func (b *Backend) Tokenize(ctx context.Context, req engine.TokenizeRequest) ([]engine.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	done, err := b.use()
	if err != nil {
		return nil, err
	}
	defer done()
	if tokens, ok := b.texts.find(req); ok {
		return tokens, nil
	}
	text := req.Text
	if b.model.Meta("tokenizer.ggml.model") == "bert" {
		text = wordPieceText(text)
	}
	tokens, err := b.tokenize(ctx, text, req.AddSpecial, req.ParseSpecial)
	if err == nil {
		b.texts.add(req, tokens)
	}
	return tokens, err
}

// Detokenize gives the bytes of tokens, special ones included.
func (b *Backend) Detokenize(ctx context.Context, tokens []engine.Token) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	done, err := b.use()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := b.checkTokens(tokens); err != nil {
		return nil, err
	}
	var out []byte
	for _, t := range tokens {
		if out, err = b.model.Piece(out, t, true); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *Backend) checkTokens(tokens []engine.Token) error {
	for _, t := range tokens {
		if t < 0 || int(t) >= b.model.VocabSize() {
			return fault.New(fault.Invalid, "Token %d is outside of the vocabulary of %d tokens.", t, b.model.VocabSize())
		}
	}
	return nil
}

// Generate produces one sequence.
func (b *Backend) Generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		s, err := b.submit(ctx, req)
		if err != nil {
			yield(nil, err)
			return
		}
		defer s.out.cancel()
		for {
			events, ended, err := s.out.take(ctx)
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if ended {
				return
			}
		}
	}
}

// submit checks a request and hands it to the loop.
func (b *Backend) submit(ctx context.Context, req engine.GenerateRequest) (*sequence, error) {
	if err := ctx.Err(); err != nil {
		return nil, errCanceled(err)
	}
	done, err := b.use()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := b.checkRequest(&req); err != nil {
		return nil, err
	}
	l := b.loop
	sample, err := newSampler(l, &req)
	if err != nil {
		return nil, err
	}
	s := &sequence{
		req: req, out: newOutput(), sample: sample, text: textstream.New(req.Stop), row: -1,
		tokens: slices.Grow(slices.Clone(req.Tokens), min(req.MaxTokens, 256)), prompt: len(req.Tokens),
		limit: max(min(req.MaxTokens, b.info.ContextWindow-len(req.Tokens)), 0), shown: shownTokens(b.model, req.ShowSpecial),
	}
	if err := l.submit(s); err != nil {
		sample.free()
		return nil, err
	}
	return s, nil
}

func (b *Backend) checkRequest(req *engine.GenerateRequest) error {
	switch {
	case b.loop == nil:
		return fault.New(fault.Invalid, "The model %s makes embeddings and cannot generate text.", b.info.Name)
	case req.Text != "" || len(req.Messages) > 0:
		return fault.New(fault.Invalid, "The llama engine takes tokens, not text or messages.")
	case req.Adapter != "":
		return fault.New(fault.Invalid, "The model %s has no adapter %q.", b.info.Name, req.Adapter)
	case len(req.Images) > 0:
		return fault.New(fault.Invalid, "The model %s does not read images.", b.info.Name)
	}
	if len(req.Tokens) == 0 {
		return fault.Param("prompt", "The prompt is empty. Send at least one token, such as the model's own beginning-of-text token.")
	}
	if n := b.info.ContextWindow; len(req.Tokens) > n {
		return errTooLong(n, len(req.Tokens))
	}
	return b.checkTokens(req.Tokens)
}

// Close ends the loop and frees the model; running sequences end with Unavailable.
func (b *Backend) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.mu.Unlock()
	if b.loop != nil {
		b.loop.close()
		b.loop.ctx.Free()
		b.loop.parking.close()
	}
	if b.embed != nil {
		b.embed.close()
	}
	b.model.Free()
	return nil
}

// String names the model and its library, for logs.
func (b *Backend) String() string {
	return fmt.Sprintf("%s (llama.cpp %s, %s, %d threads)", b.info.Name, b.lib.Release(), b.lib.Variant(), b.threads)
}
