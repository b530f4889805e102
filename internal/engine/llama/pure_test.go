package llama

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestShare(t *testing.T) {
	for _, c := range []struct {
		budget int
		needs  []int
		want   []int
	}{
		{100, nil, []int{}},
		{100, []int{40}, []int{40}},
		{100, []int{400}, []int{100}},
		{100, []int{10, 20, 30}, []int{10, 20, 30}},
		{100, []int{1000, 20, 10}, []int{70, 20, 10}}, // short ones share the step, the oldest takes the rest
		{100, []int{1000, 90, 20}, []int{50, 30, 20}}, // the shortest of the younger first
		{100, []int{20, 1000, 1000}, []int{20, 80, 0}},
		{0, []int{5}, []int{0}},
	} {
		if got := share(c.budget, c.needs); !slices.Equal(got, c.want) {
			t.Errorf("share(%d, %v) = %v, want %v", c.budget, c.needs, got, c.want)
		}
	}
}

func TestPace(t *testing.T) {
	p := newPace(120 * time.Millisecond)
	if got := p.chunk(0, 1, 512); got != 512 {
		t.Errorf("alone a prompt gets %d tokens, want all 512", got)
	}
	// A machine that computes 1,000 prompt tokens a second and decodes in 20 ms.
	cost := func(prompt, decode int) time.Duration {
		d := time.Duration(prompt) * time.Millisecond
		if decode > 0 {
			d += 20 * time.Millisecond
		}
		return d
	}
	for range 20 {
		p.observe(cost(512, 0), 512, 0)
		n := p.chunk(7, 1, 505)
		p.observe(cost(0, 7), 0, 7)
		p.observe(cost(n, 7), n, 7)
	}
	if n := p.chunk(7, 1, 505); n != 57 {
		t.Errorf("learned to take %d tokens, want 57: with 7 decoding a whole tile, as 100 would be too slow for two", n)
	}
	if n := p.chunk(2, 14, 510); n != 190-64 {
		t.Errorf("in a burst it takes %d tokens, want two tiles in 1.75 times the target", n)
	}
	if n := p.price(270, 2); n < 1500 || n > 1700 {
		t.Errorf("a cached prefix is kept for %d decoded tokens, want about 1,610", n)
	}
	// It becomes ten times slower: chunks shrink, but never below the least.
	for range 30 {
		n := p.chunk(7, 1, 505)
		p.observe(10*cost(n, 7), n, 7)
	}
	if n := p.chunk(7, 1, 505); n < p.least || n > 30 {
		t.Errorf("on the slow machine it takes %d tokens", n)
	}
}

func TestCrowd(t *testing.T) {
	c := newCrowd(4)
	ms := time.Millisecond
	for range 100 {
		if n := c.observe(10*ms, 9*ms, 1); n != 4 {
			t.Fatalf("a quiet machine computes with %d threads", n)
		}
	}
	// Others want the cores: with four threads a step takes 80 ms, with two 40, with one 20.
	busy := func() time.Duration { return time.Duration(20*c.now) * ms }
	steps := 0
	for c.now > 1 {
		c.observe(busy(), busy()*4/10, 1)
		if steps++; steps > 40 {
			t.Fatalf("after %d steps on a busy machine it still computes with %d threads", steps, c.now)
		}
	}
	for range trialSteps + 2 {
		c.observe(busy(), busy()*4/10, 1)
	}
	if c.now != 1 {
		t.Errorf("one thread proved fastest and it computes with %d", c.now)
	}
	for range backoffMost + 8*backoffLeast {
		c.observe(10*ms, 10*ms, 1)
	}
	if c.now != 4 {
		t.Errorf("when the machine is quiet again it computes with %d threads", c.now)
	}
	if c.observe(10*ms, 0, 1) != 4 {
		t.Error("an unknown time changed the threads")
	}
}

// TestCrowdGoesBack has a machine where much is stolen and more threads are faster all the same.
func TestCrowdGoesBack(t *testing.T) {
	c := newCrowd(2)
	fewer := 0
	for range 1000 {
		wall := 20 * time.Millisecond / time.Duration(c.now)
		if c.observe(wall, wall/2, 16) == 1 {
			fewer++
		}
	}
	if fewer == 0 || fewer > 100 {
		t.Errorf("%d of 1,000 steps had one thread, want a few trials", fewer)
	}
}

func TestLogSumExp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 3, 4, 1001, 49152} {
		logits := make([]float32, n)
		for i := range logits {
			logits[i] = float32(rng.NormFloat64() * 8)
		}
		top := float64(slices.Max(logits))
		var sum float64
		for _, l := range logits {
			sum += math.Exp(float64(l) - top)
		}
		want := top + math.Log(sum)
		if got := float64(logSumExp(logits)); math.Abs(got-want) > 1e-5*max(1, math.Abs(want)) {
			t.Errorf("%d logits: %v, want %v", n, got, want)
		}
	}
	for x := float32(0); x > -90; x -= 0.013 {
		if want, got := math.Exp(float64(x)), float64(expFast(x)); x > -87 && math.Abs(got-want) > 3e-7*want || x <= -87.4 && got != 0 {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	if got := expFast(float32(math.Inf(-1))); got != 0 {
		t.Errorf("exp(-Inf) = %v", got)
	}
}

func TestTopN(t *testing.T) {
	logits := []float32{1, 5, 3, 5, -2, 4}
	got := topN(logits, 4)
	want := []alternative{{1, 5}, {3, 5}, {5, 4}, {2, 3}}
	if !slices.Equal(got, want) {
		t.Errorf("topN = %v, want %v", got, want)
	}
	if len(topN(logits, 100)) != 6 || topN(logits, 0) != nil {
		t.Error("topN does not keep to its bounds")
	}
	for n := 1; n < 40; n++ {
		v := make([]float32, n)
		for at := range v {
			clear(v)
			v[at], v[n-1] = 1, 1
			if got := argmax(v); got != at {
				t.Errorf("argmax of %v = %d, want %d", v, got, at)
			}
		}
	}
	if argmax(logits) != 1 {
		t.Errorf("argmax = %d, want the first of equals", argmax(logits))
	}
}

func TestChooseCells(t *testing.T) {
	const gb = 1 << 30
	for _, c := range []struct {
		window           int
		perToken, memory int64
		want             int
	}{
		{8192, 23040, 24 * gb, 10240},
		{2048, 23040, 24 * gb, 4096},
		{512, 0, 0, 4096},
		{32768, 23040, 24 * gb, 32768},
		{131072, 131072, 16 * gb, 32768}, // a quarter of the memory
		{131072, 1 << 20, gb, 2048},      // never less than 2,048
	} {
		if got := chooseCells(c.window, c.perToken, c.memory); got != c.want {
			t.Errorf("window %d, %d bytes per token, %d memory: %d cells, want %d", c.window, c.perToken, c.memory, got, c.want)
		}
	}
}
