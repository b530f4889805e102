package llama

import (
	"errors"
	"slices"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
	"github.com/parley-ai/parley/internal/engine/textstream"
)

// sequence is one request on its way through the loop, which alone touches it after submission.
type sequence struct {
	req    engine.GenerateRequest
	out    *output
	sample *sampler
	text   *textstream.Stream

	tokens  []engine.Token // prompt and what was produced
	prompt  int            // length of the prompt
	limit   int            // most tokens to produce
	cached  int
	row     int // -1 without
	waitFor *sequence
	waitLen int
	started bool
	shown   []engine.Token // control tokens that are written (GenerateRequest.ShowSpecial)
	// heldUntil is the number of ended sequences at which one that had to give its cells back may
	// try again.
	heldUntil int

	unsent []engine.TokenLogprob // tokens whose text is held back
	scored []engine.TokenLogprob // of the prompt, while it is scored
	end    *engine.TokenLogprob  // the control token that ended the answer, when logprobs are asked for
}

// scoring says that the prompt's own logprobs are asked for.
func (s *sequence) scoring() bool { return s.req.PromptLogprobs && len(s.scored) < s.prompt }

// produced is the number of tokens made so far.
func (s *sequence) produced() int { return len(s.tokens) - s.prompt }

// choice is what one step found for a sequence.
type choice struct {
	seq    *sequence
	logits []float32
	token  engine.Token
	prob   engine.TokenLogprob
	err    error
}

// choose samples the next token and, when asked, its logprobs. It touches only the sequence's own
// state, so that several may run at once.
func (c *choice) choose(scratch []capi.Candidate, piece func(engine.Token) []byte) {
	c.token, c.err = c.seq.sample.pick(c.logits, scratch)
	if c.err != nil {
		return
	}
	c.prob = engine.TokenLogprob{Token: c.token}
	if c.seq.req.Logprobs {
		c.prob = tokenLogprob(c.logits, c.token, c.seq.req.TopLogprobs, piece)
	}
}

// tokenLogprob is a token's natural log probability and its best alternatives from raw logits.
func tokenLogprob(logits []float32, t engine.Token, top int, piece func(engine.Token) []byte) engine.TokenLogprob {
	norm := logSumExp(logits)
	out := engine.TokenLogprob{Token: t, Bytes: piece(t), Logprob: min(logits[t]-norm, 0)}
	for _, a := range topN(logits, top) {
		out.Top = append(out.Top, engine.TopLogprob{Token: a.token, Bytes: piece(a.token), Logprob: min(a.logit-norm, 0)})
	}
	return out
}

// produce adds a chosen token and says whether the sequence has ended with it.
func (l *loop) produce(c *choice) (ended bool) {
	s := c.seq
	switch {
	case errors.Is(c.err, errComplete):
		l.finish(s, engine.FinishStop)
		return true
	case errors.Is(c.err, errDeadEnd): // not whole, so it was not the model that stopped
		l.finish(s, engine.FinishLength)
		return true
	}
	if c.err != nil {
		l.fail(s, c.err)
		return true
	}
	s.tokens = append(s.tokens, c.token)
	if l.isEOG[c.token] && !s.req.IgnoreEOS {
		if s.req.Logprobs {
			end := c.prob // choices are used again
			s.end = &end
		}
		l.finish(s, engine.FinishStop)
		return true
	}
	piece := l.piece(c.token)
	if len(piece) == 0 && slices.Contains(s.shown, c.token) {
		piece = l.spelled(c.token)
	}
	s.sample.accept(c.token, piece)
	c.prob.Bytes = piece
	s.unsent = append(s.unsent, c.prob)
	text, n, stopped := s.text.Push(piece)
	l.send(s, text, n)
	switch {
	case stopped:
		s.unsent = nil
		l.finish(s, engine.FinishStop)
	case s.produced() >= s.limit:
		l.finish(s, engine.FinishLength)
	default:
		return false
	}
	return true
}

// send gives out text with the tokens that it completes.
func (l *loop) send(s *sequence, text string, tokens int) {
	if text == "" && tokens == 0 {
		return
	}
	s.out.add(engine.Delta{Text: text, Tokens: append([]engine.TokenLogprob(nil), s.unsent[:tokens]...)})
	s.unsent = s.unsent[tokens:]
}

// finish ends a sequence with Done.
func (l *loop) finish(s *sequence, reason engine.FinishReason) {
	l.send(s, first(s.text.Flush()), len(s.unsent))
	s.out.add(engine.Done{Reason: reason, PromptTokens: s.prompt, CachedTokens: s.cached, CompletionTokens: s.produced(), End: s.end})
	s.out.end(nil)
	l.release(s)
}

func first[A, B any](a A, _ B) A { return a }

// fail ends a sequence with an error.
func (l *loop) fail(s *sequence, err error) {
	s.out.end(err)
	l.release(s)
}
