package llama

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
	"github.com/parley-ai/parley/internal/engine/textbias"
	"github.com/parley-ai/parley/internal/fault"
)

// sampler chooses the tokens of one sequence. Biases and penalties are added to the logits here,
// because they touch few tokens; the choice is made by llama.cpp's own chain.
type sampler struct {
	model   *capi.Model
	req     *engine.Sampling
	eog     []engine.Token // banned when the request ignores the end of the answer
	chain   *capi.Sampler
	grammar *capi.Sampler
	asleep  bool                 // the grammar waits for a trigger
	tail    string               // newest output while it waits
	counts  map[engine.Token]int // produced tokens, for the penalties
	biases  *textbias.State      // nil without any
	bias    []engine.TokenBias   // of the token that is picked, each token once
}

var (
	// errComplete says that the grammar allows nothing but the end, and the request ignores that.
	errComplete = errors.New("the grammar allows nothing more")
	// errDeadEnd says that the grammar wants something that the vocabulary has no token for.
	errDeadEnd = errors.New("no token continues the grammar")
)

var ban = float32(math.Inf(-1))

// newSampler makes the sampler of a request; a bad grammar or bias is Invalid.
func newSampler(l *loop, req *engine.GenerateRequest) (*sampler, error) {
	m := l.model
	p := &req.Sampling
	for _, b := range p.Bias {
		if b.Token < 0 || int(b.Token) >= m.VocabSize() {
			return nil, fault.Param("logit_bias", "Token id %d in 'logit_bias' is outside of the model's vocabulary of %d tokens.", b.Token, m.VocabSize())
		}
	}
	s := &sampler{model: m, req: p, counts: map[engine.Token]int{}}
	if req.IgnoreEOS {
		s.eog = l.eog
	}
	s.biases = textbias.New(&l.writing, p, l.eog)
	if g := p.Grammar; g != nil {
		grammar, err := m.NewGrammar(g.GBNF, g.Root)
		if err != nil {
			return nil, fault.Param("response_format", "The grammar cannot be used: %v", err).WithCause(err)
		}
		s.grammar, s.asleep = grammar, len(g.Triggers) > 0
	}
	s.chain = l.lib.NewChain(capi.ChainOptions{TopK: p.TopK, TopP: p.TopP, MinP: p.MinP, Temperature: p.Temperature, Seed: p.Seed})
	return s, nil
}

func (s *sampler) free() {
	s.chain.Free()
	if s.grammar != nil {
		s.grammar.Free()
	}
}

// bare says that the raw logits decide, as far as the grammar lets them: no biases, no penalties.
func (s *sampler) bare() bool {
	p := s.req
	return len(s.bias) == 0 && len(s.eog) == 0 &&
		(p.PresencePenalty == 0 && p.FrequencyPenalty == 0 || len(s.counts) == 0)
}

// awake says that a grammar decides with the logits.
func (s *sampler) awake() bool { return s.grammar != nil && !s.asleep }

// light says that a choice mostly takes one look at the logits.
func (s *sampler) light() bool {
	p := s.req
	return p.Temperature <= 0 && !s.awake() &&
		(p.PresencePenalty == 0 && p.FrequencyPenalty == 0 || len(s.counts) == 0) && len(s.bias)+len(s.eog) <= fewChanges
}

// pick chooses the next token; scratch has room for the vocabulary and belongs to the caller.
func (s *sampler) pick(logits []float32, scratch []capi.Candidate) (engine.Token, error) {
	if s.biases != nil {
		s.bias = s.biases.Now()
	}
	token, err := s.unheld(logits, scratch)
	// Most of the time the grammar agrees with the free choice, and asking it about one token is
	// far cheaper than about all of them.
	if err != nil || !s.awake() || s.grammar.Allows(token) {
		return token, err
	}
	if s.req.Temperature <= 0 && s.bare() {
		for _, next := range topN(logits, nextBest) {
			if s.grammar.Allows(next.token) {
				return next.token, nil
			}
		}
	}
	s.fill(logits, scratch)
	allowed, err := s.filter(scratch)
	if err == nil && !allowed {
		// What is banned by a bias cannot make an answer that the grammar does not know: without any
		// other way on, the grammar goes first.
		s.raw(logits, scratch)
		allowed, err = s.filter(scratch)
	}
	if err == nil && !allowed {
		if err = errDeadEnd; slices.ContainsFunc(s.eog, s.grammar.Allows) {
			err = errComplete
		}
	}
	if err != nil {
		return 0, err
	}
	return s.chain.Pick(scratch, false)
}

// nextBest is how many of the likeliest tokens are shown to the grammar one by one before all are.
const nextBest = 32

// unheld chooses without the grammar.
func (s *sampler) unheld(logits []float32, scratch []capi.Candidate) (engine.Token, error) {
	if s.req.Temperature <= 0 && s.bare() {
		return engine.Token(argmax(logits)), nil
	}
	if token, ok := s.greedy(logits); ok {
		return token, nil
	}
	s.fill(logits, scratch)
	return s.chain.Pick(scratch, false)
}

// filter bans what the grammar forbids and says whether anything is left.
func (s *sampler) filter(scratch []capi.Candidate) (allowed bool, err error) {
	if err := s.grammar.Filter(scratch); err != nil {
		return false, err
	}
	for i := range scratch {
		if scratch[i].Logit != ban {
			return true, nil
		}
	}
	return false, nil
}

// fewChanges is up to how many changed logits greedy looks at one by one.
const fewChanges = 64

// greedy is what fill and a greedy chain would choose, found without writing a candidate per token of the
// vocabulary: the best logit wins unless it is changed itself, which is left to fill (ok is false), or a
// changed one comes to lie above it.
func (s *sampler) greedy(logits []float32) (best engine.Token, ok bool) {
	p := s.req
	penalized := p.PresencePenalty != 0 || p.FrequencyPenalty != 0
	changes := len(s.bias) + len(s.eog)
	if penalized {
		changes += len(s.counts)
	}
	if p.Temperature > 0 || changes > fewChanges {
		return 0, false
	}
	best = engine.Token(argmax(logits))
	if _, made := s.counts[best]; penalized && made || slices.Contains(s.eog, best) ||
		slices.ContainsFunc(s.bias, func(b engine.TokenBias) bool { return b.Token == best }) {
		return 0, false
	}
	top := logits[best]
	for _, b := range s.bias {
		if b.Bias <= textbias.Ban || slices.Contains(s.eog, b.Token) {
			continue
		}
		l := logits[b.Token]
		if n, made := s.counts[b.Token]; penalized && made {
			l -= float32(n)*p.FrequencyPenalty + p.PresencePenalty
		}
		l += b.Bias
		if l > top || l == top && b.Token < best {
			best, top = b.Token, l
		}
	}
	if penalized && (p.PresencePenalty < 0 || p.FrequencyPenalty < 0) && len(s.counts) > 0 {
		return 0, false // rewards for what was said before: any of them may win
	}
	return best, true
}

// fill writes the candidates: raw logits with biases and penalties.
func (s *sampler) fill(logits []float32, out []capi.Candidate) {
	s.raw(logits, out)
	p := s.req
	if p.PresencePenalty != 0 || p.FrequencyPenalty != 0 {
		for t, n := range s.counts {
			out[t].Logit -= float32(n)*p.FrequencyPenalty + p.PresencePenalty
		}
	}
	for _, b := range s.bias {
		if b.Bias <= textbias.Ban {
			out[b.Token].Logit = ban
		} else {
			out[b.Token].Logit += b.Bias
		}
	}
	for _, t := range s.eog {
		out[t].Logit = ban
	}
}

// raw writes the candidates without anything but the ban on the end that IgnoreEOS is.
func (s *sampler) raw(logits []float32, out []capi.Candidate) {
	for i, l := range logits {
		out[i] = capi.Candidate{ID: int32(i), Logit: l}
	}
	for _, t := range s.eog {
		out[t].Logit = ban
	}
}

// accept tells the sampler what was produced, and the bytes of it.
func (s *sampler) accept(t engine.Token, piece []byte) {
	s.counts[t]++
	if s.biases != nil {
		s.biases.Accept(t, piece)
	}
	switch {
	case s.grammar == nil:
	case s.asleep:
		s.listen(piece)
	default:
		s.grammar.Accept(t)
	}
}

// listen looks for a trigger in the output. The grammar begins with the trigger's own text; what
// came with it in the same token is read by the grammar too, and when the grammar refuses that,
// it sleeps on.
func (s *sampler) listen(piece []byte) {
	s.tail += string(piece)
	longest := 0
	for {
		first := -1
		for _, trigger := range s.req.Grammar.Triggers {
			longest = max(longest, len(trigger))
			if at := strings.Index(s.tail, trigger); at >= 0 && (first < 0 || at < first) {
				first = at
			}
		}
		if first < 0 {
			break
		}
		if s.wake(s.tail[first:]) {
			s.asleep, s.tail = false, ""
			return
		}
		s.tail = s.tail[first+1:]
	}
	if cut := len(s.tail) - longest + 1; cut > 0 {
		s.tail = s.tail[cut:]
	}
}

// wake feeds a text to the grammar and says whether it was allowed. A grammar that was fed in vain is
// made anew, which takes its time for large ones.
func (s *sampler) wake(text string) bool {
	tokens, err := s.model.Tokenize(text, false, true)
	if err != nil {
		return false
	}
	for i, t := range tokens {
		if s.grammar.Allows(t) {
			s.grammar.Accept(t)
			continue
		}
		if i > 0 {
			if fresh, err := s.model.NewGrammar(s.req.Grammar.GBNF, s.req.Grammar.Root); err == nil {
				s.grammar.Free()
				s.grammar = fresh
			}
		}
		return false
	}
	return true
}
