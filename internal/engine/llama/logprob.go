package llama

import (
	"math"

	"github.com/parley-ai/parley/internal/engine"
)

// alternative is a token with its raw logit.
type alternative struct {
	token engine.Token
	logit float32
}

// logSumExp returns ln Σ exp(logits), from which a token's logprob is its logit minus this. Raw
// logits, so the answer is as if temperature were 1, whatever the sampler does.
func logSumExp(logits []float32) float32 {
	top := logits[argmax(logits)]
	if math.IsInf(float64(top), -1) {
		return top
	}
	var sum float64
	for len(logits) >= 4 {
		a, b, c, d := expFast(logits[0]-top), expFast(logits[1]-top), expFast(logits[2]-top), expFast(logits[3]-top)
		sum += float64((a + b) + (c + d))
		logits = logits[4:]
	}
	for _, l := range logits {
		sum += float64(expFast(l - top))
	}
	return top + float32(math.Log(sum))
}

// expFast is e^x for x ≤ 0 with a relative error below 1e-7: 2^n from the exponent bits times a
// polynomial for the rest.
func expFast(x float32) float32 {
	const low = -87 // below is less than the smallest normal float32
	if !(x >= low) {
		return 0
	}
	t := x * 1.4426950408889634
	n := float32(int32(t - 0.5))
	r := (x - n*0.693145751953125) - n*1.428606765330187e-06 // ln 2 in two parts
	p := float32(1.9875691500e-4)
	p = p*r + 1.3981999507e-3
	p = p*r + 8.3334519073e-3
	p = p*r + 4.1665795894e-2
	p = p*r + 1.6666665459e-1
	p = p*r + 5.0000001201e-1
	p = p*r*r + r + 1
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}

// argmax returns the index of the first largest value, as the greedy sampler of llama.cpp does. It
// looks at eight values at a time, because a new largest one is rare.
func argmax(v []float32) int {
	best, at, i := v[0], 0, 0
	for ; i+8 <= len(v); i += 8 {
		b := v[i : i+8 : i+8]
		if b[0] > best || b[1] > best || b[2] > best || b[3] > best || b[4] > best || b[5] > best || b[6] > best || b[7] > best {
			for k, x := range b {
				if x > best {
					best, at = x, i+k
				}
			}
		}
	}
	for ; i < len(v); i++ {
		if v[i] > best {
			best, at = v[i], i
		}
	}
	return at
}

// topN returns the n most likely tokens, best first, equal ones by id.
func topN(logits []float32, n int) []alternative {
	n = min(n, len(logits))
	if n <= 0 {
		return nil
	}
	out := make([]alternative, 0, n+1)
	worst := float32(math.Inf(-1))
	for i, l := range logits {
		if len(out) == n && l <= worst {
			continue
		}
		at := len(out)
		for at > 0 && out[at-1].logit < l {
			at--
		}
		out = append(out, alternative{})
		copy(out[at+1:], out[at:])
		out[at] = alternative{token: engine.Token(i), logit: l}
		if len(out) > n {
			out = out[:n]
		}
		worst = out[len(out)-1].logit
	}
	return out
}
