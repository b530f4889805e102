package llama

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
	"github.com/parley-ai/parley/internal/fault"
)

// Inputs share a batch up to these bounds. Attention of an encoder is computed over the whole batch,
// so large batches of short texts are slower, not faster.
const (
	embedBatch  = 512 // tokens, or the window when that is more
	embedInputs = 16
)

// embedder computes vectors, one batch at a time.
type embedder struct {
	ctx     *capi.Context
	window  int
	turn    chan struct{} // holds one token while a batch is computed
	waiting atomic.Int32
	steps   atomic.Int64 // batches that were computed
	closed  bool         // guarded by turn
}

func (b *Backend) startEmbedder() error {
	n := max(b.embed.window, embedBatch)
	c, err := b.model.NewContext(capi.ContextOptions{
		Cells: n, Batch: n, MicroBatch: n, Outputs: n, Sequences: embedInputs, Threads: b.threads, Poll: b.o.Poll, Embedding: true, Flash: -1,
	})
	if err != nil {
		return err
	}
	if !c.Pooled() {
		c.Free()
		return fmt.Errorf("%s does not pool its embeddings into one vector per text", b.spec.Path)
	}
	b.embed.ctx = c
	return nil
}

func (e *embedder) stats() engine.Stats {
	n := int(e.waiting.Load())
	return engine.Stats{Active: min(n, 1), Queued: max(n-1, 0), Steps: e.steps.Load()}
}

// close waits for the batch that is being computed and frees the context.
func (e *embedder) close() {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	e.closed = true
	e.ctx.Free()
}

// Embed computes one vector of unit length per input.
func (b *Backend) Embed(ctx context.Context, req engine.EmbedRequest) (engine.EmbedResponse, error) {
	var out engine.EmbedResponse
	if b.embed == nil {
		return out, fault.Param("model", "The model %s does not make embeddings.", b.info.Name)
	}
	if len(req.Texts) > 0 {
		return out, fault.New(fault.Invalid, "The llama engine takes tokens, not texts.")
	}
	for i, tokens := range req.Tokens {
		if len(tokens) == 0 {
			return out, fault.Param("input", "input[%d] is empty.", i)
		}
		if len(tokens) > b.embed.window {
			return out, fault.Param("input", "This model's maximum context length is %d tokens, however you requested %d tokens (%d in your prompt; 0 for the completion). Please reduce your prompt; or completion length.",
				b.embed.window, len(tokens), len(tokens)).WithCode("context_length_exceeded")
		}
		if err := b.checkTokens(tokens); err != nil {
			return out, err
		}
		out.PromptTokens += len(tokens)
	}
	if int(b.embed.waiting.Add(1)) > b.o.QueueLimit {
		b.embed.waiting.Add(-1)
		return out, errOverloaded()
	}
	defer b.embed.waiting.Add(-1)
	for rest := req.Tokens; len(rest) > 0; {
		vectors, err := b.embed.batch(ctx, rest)
		if err != nil {
			return out, err
		}
		out.Vectors = append(out.Vectors, vectors...)
		rest = rest[len(vectors):]
	}
	return out, nil
}

// batch computes the first inputs that fit into one batch, when it is this caller's turn.
func (e *embedder) batch(ctx context.Context, inputs [][]engine.Token) ([][]float32, error) {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return nil, errCanceled(context.Cause(ctx))
	}
	if e.closed {
		return nil, errClosed()
	}
	e.ctx.Clear()
	n := 0
	room := max(e.window, embedBatch)
	for n < len(inputs) && n < embedInputs && e.ctx.Len()+len(inputs[n]) <= room {
		for pos, t := range inputs[n] {
			if _, err := e.ctx.Add(t, int32(pos), int32(n), true); err != nil {
				return nil, err
			}
		}
		n++
	}
	if err := e.ctx.Decode(); err != nil {
		return nil, err
	}
	e.steps.Add(1)
	out := make([][]float32, n)
	for i := range out {
		v, err := e.ctx.Embedding(int32(i))
		if err != nil {
			return nil, err
		}
		out[i] = unit(v)
		e.ctx.Remove(int32(i), 0) // decoders that embed keep their KV; encoders have none
	}
	return out, nil
}

// unit returns a copy of v with length 1; a zero vector stays as it is.
func unit(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	scale := 1.0
	if sum > 0 {
		scale = 1 / math.Sqrt(sum)
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) * scale)
	}
	return out
}
