package llama

import (
	"math/rand/v2"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
)

// TestGreedyIsWhatFillWouldChoose compares the short way with the candidates that fill writes, on random
// logits with many equal ones, biases, penalties and banned tokens.
func TestGreedyIsWhatFillWouldChoose(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	short := 0
	for range 20000 {
		logits := make([]float32, 40)
		for i := range logits {
			logits[i] = float32(rng.IntN(12))
		}
		p := &engine.Sampling{}
		s := &sampler{req: p, counts: map[engine.Token]int{}}
		for range rng.IntN(4) {
			p.Bias = append(p.Bias, engine.TokenBias{Token: engine.Token(rng.IntN(40)), Bias: float32([]int{-100, -3, 2, 5, 100}[rng.IntN(5)])})
		}
		for range rng.IntN(3) {
			s.eog = append(s.eog, engine.Token(rng.IntN(40)))
		}
		if rng.IntN(2) == 0 {
			p.PresencePenalty, p.FrequencyPenalty = float32(rng.IntN(5)-2), float32(rng.IntN(3)-1)
		}
		for range rng.IntN(5) {
			s.counts[engine.Token(rng.IntN(40))]++
		}
		got, ok := s.greedy(logits)
		if !ok {
			continue
		}
		short++
		candidates := make([]capi.Candidate, len(logits))
		s.fill(logits, candidates)
		want := candidates[0]
		for _, c := range candidates {
			if c.Logit > want.Logit {
				want = c
			}
		}
		if got != engine.Token(want.ID) {
			t.Fatalf("chose %d, want %d: logits %v, biases %v, banned %v, counts %v, penalties %v %v",
				got, want.ID, logits, p.Bias, s.eog, s.counts, p.PresencePenalty, p.FrequencyPenalty)
		}
	}
	if short < 5000 {
		t.Errorf("the short way was taken %d times of 20,000", short)
	}
}
