package capi

import (
	"testing"

	"github.com/parley-ai/parley/internal/engine/llama/internal/testassets"
)

// assets finds the libraries and the text model, or skips.
func assets(t *testing.T) (lib, model string) {
	a := testassets.Find(t)
	return a.Library, a.Text
}

func TestGreedy(t *testing.T) {
	dir, path := assets(t)
	lib, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("release %s, devices %v, variant %s", lib.Release(), lib.Devices(), lib.Variant())
	var last float32
	m, err := lib.LoadModel(path, ModelOptions{Mmap: true, Progress: func(f float32) { last = f }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	if floatCallbacks && last != 1 {
		t.Errorf("progress ended at %v, want 1", last)
	}
	c, err := m.NewContext(ContextOptions{Cells: 512, Batch: 256, MicroBatch: 256, Outputs: 8, Sequences: 2, Threads: 2, Poll: 50, Flash: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	tokens, err := m.Tokenize("<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n", true, true)
	if err != nil {
		t.Fatal(err)
	}
	for i, tok := range tokens {
		if _, err := c.Add(tok, int32(i), 0, i == len(tokens)-1); err != nil {
			t.Fatal(err)
		}
	}
	chain := lib.NewChain(ChainOptions{Temperature: 0})
	defer chain.Free()
	cand := make([]Candidate, m.VocabSize())
	var out []byte
	pos := len(tokens)
	for range 20 {
		if err := c.Decode(); err != nil {
			t.Fatal(err)
		}
		logits, err := c.Logits(c.Len() - 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range logits {
			cand[i] = Candidate{ID: int32(i), Logit: l}
		}
		tok, err := chain.Pick(cand, false)
		if err != nil {
			t.Fatal(err)
		}
		if m.EndsTurn(tok) {
			break
		}
		out, _ = m.Piece(out, tok, false)
		c.Clear()
		c.Add(tok, int32(pos), 0, true)
		pos++
	}
	if want := "The capital of France is Paris."; string(out) != want {
		t.Errorf("greedy answer %q, want %q", out, want)
	}
}
