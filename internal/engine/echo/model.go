package echo

import (
	"math"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/textbias"
)

// The vocabulary: 256 bytes, then the special tokens.
const (
	end       engine.Token = 256 // ends a turn and an answer
	user      engine.Token = 258
	assistant engine.Token = 259
	vocabSize              = 262
)

var specials = [...]string{"<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|function|>"}

func tokenize(text string, parseSpecial bool) []engine.Token {
	out := make([]engine.Token, 0, len(text))
next:
	for i := 0; i < len(text); {
		if parseSpecial && strings.HasPrefix(text[i:], "<|") {
			for id, s := range specials {
				if strings.HasPrefix(text[i:], s) {
					out = append(out, 256+engine.Token(id))
					i += len(s)
					continue next
				}
			}
		}
		out = append(out, engine.Token(text[i]))
		i++
	}
	return out
}

func appendToken(b []byte, t engine.Token) []byte {
	if t < 256 {
		return append(b, byte(t))
	}
	return append(b, specials[t-256]...)
}

// bytewise is the vocabulary as textbias asks about it.
type bytewise struct{}

func (bytewise) Find(text string) []engine.Token {
	if len(text) != 1 {
		return nil
	}
	return []engine.Token{engine.Token(text[0])}
}

func (bytewise) Split(text string) []engine.Token { return tokenize(text, false) }

// written is what a token writes: special tokens write nothing.
func written(t engine.Token) []byte {
	if t >= 256 {
		return nil
	}
	return []byte{byte(t)}
}

// model is the fake model in the middle of a sequence.
type model struct {
	prompt    []engine.Token
	reply     []engine.Token
	said      []engine.Token
	sampling  engine.Sampling
	bias      *textbias.State
	ignoreEOS bool
	held      bool // by a grammar: it says the reply and nothing else
	logits    [vocabSize]float64
}

// wanted is the token that the model wants to say as the n-th of its answer.
func wanted(reply []engine.Token, n int) engine.Token {
	if n %= len(reply) + 1; n < len(reply) {
		return reply[n]
	}
	return end
}

// fill computes the logits at a position from what came before: 16 for the wanted token, and for
// each other one a value in [0, 4) that is made from the position and the token before.
func (m *model) fill(position int, before, want engine.Token) {
	seed := uint64(position)<<32 | uint64(uint32(before))
	for i := range m.logits {
		m.logits[i] = 4 * float64(mix(seed^uint64(i)<<20)>>11) / (1 << 53)
	}
	if want >= 0 {
		m.logits[want] = 16
	}
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (m *model) normalizer() float64 {
	largest := slices.Max(m.logits[:])
	var sum float64
	for _, l := range m.logits {
		sum += math.Exp(l - largest)
	}
	return largest + math.Log(sum)
}

// report is a token with its logprob before bias and penalties, as real engines report it, and the
// best alternatives.
func (m *model) report(t engine.Token, top int) engine.TokenLogprob {
	z := m.normalizer()
	logprob := func(t engine.Token) float32 { return float32(min(0, m.logits[t]-z)) }
	out := engine.TokenLogprob{Token: t, Bytes: appendToken(nil, t), Logprob: logprob(t)}
	if top > 0 {
		order := make([]engine.Token, vocabSize)
		for i := range order {
			order[i] = engine.Token(i)
		}
		slices.SortStableFunc(order, func(a, b engine.Token) int {
			switch {
			case m.logits[a] > m.logits[b]:
				return -1
			case m.logits[a] < m.logits[b]:
				return 1
			}
			return 0
		})
		for _, t := range order[:min(top, vocabSize)] {
			out.Top = append(out.Top, engine.TopLogprob{Token: t, Bytes: appendToken(nil, t), Logprob: logprob(t)})
		}
	}
	return out
}

// next draws the next token of the answer.
func (m *model) next(top int) engine.TokenLogprob {
	position := len(m.prompt) + len(m.said)
	before := m.prompt[len(m.prompt)-1]
	if len(m.said) > 0 {
		before = m.said[len(m.said)-1]
	}
	m.fill(position, before, wanted(m.reply, len(m.said)))
	reported := m.logits
	m.adjust()
	t := m.draw(position)
	m.logits = reported
	m.said = append(m.said, t)
	if m.bias != nil {
		m.bias.Accept(t, written(t))
	}
	return m.report(t, top)
}

// adjust applies biases and penalties.
func (m *model) adjust() {
	if m.held {
		want := wanted(m.reply, len(m.said))
		for t := range m.logits {
			if engine.Token(t) != want {
				m.logits[t] = math.Inf(-1)
			}
		}
		return
	}
	if m.bias != nil {
		for _, b := range m.bias.Now() {
			switch {
			case b.Token < 0 || b.Token >= vocabSize:
			case b.Bias <= textbias.Ban:
				m.logits[b.Token] = math.Inf(-1)
			default:
				m.logits[b.Token] += float64(b.Bias)
			}
		}
	}
	if m.sampling.PresencePenalty != 0 || m.sampling.FrequencyPenalty != 0 {
		count := map[engine.Token]int{}
		for _, t := range m.said {
			count[t]++
		}
		for t, n := range count {
			m.logits[t] -= float64(m.sampling.PresencePenalty) + float64(n)*float64(m.sampling.FrequencyPenalty)
		}
	}
	if m.ignoreEOS {
		m.logits[end] = math.Inf(-1)
	}
}

// draw takes the likeliest token at temperature 0, else one by the seed and the position.
func (m *model) draw(position int) engine.Token {
	best := engine.Token(0)
	for t := range m.logits {
		if m.logits[t] > m.logits[best] {
			best = engine.Token(t)
		}
	}
	temperature := float64(m.sampling.Temperature)
	if temperature <= 0 {
		return best
	}
	var sum float64
	largest := m.logits[best]
	for _, l := range m.logits {
		sum += math.Exp((l - largest) / temperature)
	}
	point := sum * float64(mix(uint64(m.sampling.Seed)<<32|uint64(position))>>11) / (1 << 53)
	for t, l := range m.logits {
		if point -= math.Exp((l - largest) / temperature); point < 0 {
			return engine.Token(t)
		}
	}
	return best
}

// score gives the prompt's logprobs: what follows the last <|assistant|> token of the tokens before
// is scored as an answer would have been.
func (m *model) score(top int, reply func([]engine.Token) []engine.Token) []engine.TokenLogprob {
	out := make([]engine.TokenLogprob, len(m.prompt))
	out[0] = engine.TokenLogprob{Token: m.prompt[0], Bytes: appendToken(nil, m.prompt[0])}
	var answer []engine.Token
	begin := -1 // where the answer begins
	for i := 1; i < len(m.prompt); i++ {
		if m.prompt[i-1] == assistant {
			begin, answer = i, reply(m.prompt[:i])
		}
		want := engine.Token(-1)
		if begin >= 0 {
			want = wanted(answer, i-begin)
		}
		m.fill(i, m.prompt[i-1], want)
		out[i] = m.report(m.prompt[i], top)
	}
	return out
}
