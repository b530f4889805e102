package llama

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
	"github.com/parley-ai/parley/internal/fault"
)

// Preparer implements engine.Preparer with the libraries of each request. A process can use one
// library directory only.
type Preparer struct{}

// Quantize writes a copy of a model file in another layout: "lossless" is Q8_0, which keeps what a
// 4-bit or 5-bit file knows, "fast" is Q4_0. llama.cpp repacks both for this machine's CPU as it
// loads them. It cannot be interrupted; when ctx ends, the result is thrown away.
func (Preparer) Quantize(ctx context.Context, req engine.QuantizeRequest, progress engine.Progress) (err error) {
	defer fault.Wrap(&err, "llama.Quantize(%s, %s)", req.Source, req.Layout)
	fileType, ok := map[string]int{"lossless": capi.FileQ8_0, "fast": capi.FileQ4_0}[req.Layout]
	if !ok {
		return fault.New(fault.Invalid, "Layout %q is not known: use lossless or fast.", req.Layout)
	}
	if _, err := os.Stat(req.Target); err == nil {
		return fmt.Errorf("%s exists already", req.Target)
	}
	lib, err := capi.Open(req.Library)
	if err != nil {
		return err
	}
	threads := req.Threads
	if threads == 0 {
		threads = PhysicalCores()
	}
	part := req.Target + ".part"
	defer os.Remove(part)
	if err := lib.Quantize(req.Source, part, fileType, threads); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if progress != nil {
		progress(1)
	}
	return os.Rename(part, req.Target)
}

// Score sums the natural log probabilities of a text's tokens, each given all before it.
func (Preparer) Score(ctx context.Context, req engine.ScoreRequest, progress engine.Progress) (out engine.Score, err error) {
	defer fault.Wrap(&err, "llama.Score(%s)", req.Spec.Path)
	spec := req.Spec
	spec.Slots, spec.Cells = 1, 4096
	b, err := Open(ctx, spec, progress)
	if err != nil {
		return out, err
	}
	defer debug.FreeOSMemory()
	defer b.Close()
	tokens, err := b.Tokenize(ctx, engine.TokenizeRequest{Text: req.Text, AddSpecial: true})
	if err != nil {
		return out, err
	}
	for e, err := range b.Generate(ctx, engine.GenerateRequest{ID: "score", Tokens: tokens, PromptLogprobs: true}) {
		if err != nil {
			return out, err
		}
		if scored, ok := e.(engine.PromptScored); ok {
			for _, t := range scored.Tokens[1:] {
				out.LogLikelihood += float64(t.Logprob)
				out.Tokens++
			}
		}
	}
	return out, nil
}
