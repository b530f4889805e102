package capi

import (
	"slices"
	"testing"
	"time"
)

// TestState saves the memory of a sequence that shares cells with another one, brings it back after its
// cells were given away, whole and then cut, and expects the same logits as before.
func TestState(t *testing.T) {
	dir, path := assets(t)
	lib, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("release %s, devices %v", lib.Release(), lib.Devices())
	m, err := lib.LoadModel(path, ModelOptions{Mmap: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	c, err := m.NewContext(ContextOptions{Cells: 4096, Batch: 512, MicroBatch: 512, Outputs: 8, Sequences: 4, Threads: 1, Poll: 50, Flash: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	// compute adds tokens to a sequence and returns the logits after the last one.
	compute := func(seq int32, from int, tokens []int32) []float32 {
		t.Helper()
		var out []float32
		for len(tokens) > 0 {
			n := min(len(tokens), 512)
			c.Clear()
			for i, tok := range tokens[:n] {
				if _, err := c.Add(tok, int32(from+i), seq, i == n-1); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Decode(); err != nil {
				t.Fatal(err)
			}
			logits, err := c.Logits(n - 1)
			if err != nil {
				t.Fatal(err)
			}
			out = slices.Clone(logits)
			from, tokens = from+n, tokens[n:]
		}
		return out
	}
	prompt := make([]int32, 700)
	for i := range prompt {
		prompt[i] = int32(1000 + i*37%20000)
	}
	compute(0, 0, prompt)
	c.Share(0, 1, 600)
	want := compute(1, 600, []int32{5000})
	c.Remove(1, 600)

	start := time.Now()
	buf := make([]byte, c.StateSize(1))
	n, err := c.SaveState(1, buf)
	if err != nil || n != len(buf) {
		t.Fatalf("saved %d of %d bytes: %v", n, len(buf), err)
	}
	saved := time.Since(start)
	c.Remove(0, 0)
	c.Remove(1, 0)
	compute(3, 0, prompt[:100]) // somebody else's cells lie where these were
	start = time.Now()
	if err := c.RestoreState(2, buf[:n]); err != nil {
		t.Fatal(err)
	}
	t.Logf("600 tokens, %d bytes: saved in %v, restored in %v", n, saved, time.Since(start))
	same := func(what string, got, want []float32) {
		t.Helper()
		for i := range want {
			if d := got[i] - want[i]; d > 1e-2 || d < -1e-2 {
				t.Fatalf("%s: logit %d is %v, want %v", what, i, got[i], want[i])
			}
		}
	}
	same("restored", compute(2, 600, []int32{5000}), want)
	// Cut after a shared beginning, and compute the rest again.
	c.Share(2, 0, 400)
	c.Remove(2, 0)
	compute(0, 400, prompt[400:600])
	got := compute(0, 600, []int32{5000})
	for i := range want {
		if d := got[i] - want[i]; d > 0.5 || d < -0.5 {
			t.Fatalf("cut: logit %d is %v, want %v", i, got[i], want[i])
		}
	}
	if err := c.RestoreState(9, buf); err == nil {
		t.Error("a sequence out of range was restored")
	}
	if _, err := c.SaveState(0, nil); err == nil {
		t.Error("a sequence was saved into nothing")
	}
	// Without room there is an error, and the sequence is empty.
	for seq := range int32(4) {
		c.Remove(seq, 0)
	}
	for i := range 8 {
		compute(0, i*500, prompt[:500])
	}
	if err := c.RestoreState(1, buf); err == nil {
		t.Error("600 tokens were restored into 96 cells")
	}
	if err := c.RestoreState(0, buf); err != nil {
		t.Errorf("in place of its own 4,000 tokens: %v", err)
	}
	same("in place", compute(0, 600, []int32{5000}), want)
}
