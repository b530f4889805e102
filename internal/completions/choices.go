package completions

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/engine"
)

// sequence is what came of one sequence so far.
type sequence struct {
	prompt   string // what it continues
	text     strings.Builder
	tokens   Logprobs
	finish   string
	sum      float64 // of the produced tokens' logprobs, for best_of
	produced int
	chars    int // characters before the next token, from the beginning of the prompt
}

// score is the mean logprob per token, the one that ended the text included: what best_of compares. An
// answer of which no token is known is the worst, or it would be the best always.
func (s *sequence) score() float64 {
	if s.produced == 0 {
		return math.Inf(-1)
	}
	return s.sum / float64(s.produced)
}

// add notes tokens. top says whether alternatives were asked for. The first token of a prompt has no
// logprob, also where the model read a BOS token before it: programs leave it out of their sums.
func (s *sequence) add(tokens []engine.TokenLogprob, top, ofPrompt bool) {
	if top && s.tokens.TopLogprobs == nil {
		s.tokens.TopLogprobs = new([]*Alternatives)
	}
	for i, t := range tokens {
		lp := t.Logprob
		s.tokens.Tokens = append(s.tokens.Tokens, tokenText(t.Bytes))
		s.tokens.TextOffset = append(s.tokens.TextOffset, s.offset(t.Bytes))
		null := ofPrompt && i == 0
		if null {
			s.tokens.TokenLogprobs = append(s.tokens.TokenLogprobs, nil)
		} else {
			s.tokens.TokenLogprobs = append(s.tokens.TokenLogprobs, &lp)
		}
		if top {
			*s.tokens.TopLogprobs = append(*s.tokens.TopLogprobs, alternatives(t, null))
		}
	}
}

// offset returns where a token begins and moves past it. A token that begins inside a character,
// which is spread over several tokens, begins where that character does.
func (s *sequence) offset(b []byte) int {
	at := s.chars
	if len(b) > 0 && !utf8.RuneStart(b[0]) && at > 0 {
		at--
	}
	for _, c := range b {
		if utf8.RuneStart(c) {
			s.chars++
		}
	}
	return at
}

// alternatives has the likeliest tokens and the one that was taken.
func alternatives(t engine.TokenLogprob, null bool) *Alternatives {
	if null {
		return nil
	}
	m := make(Alternatives, len(t.Top)+1)
	for _, alt := range t.Top {
		m[tokenText(alt.Bytes)] = alt.Logprob
	}
	m[tokenText(t.Bytes)] = t.Logprob
	return &m
}

// tokenText shows a token as the original does: "bytes:\xe2\x80" where it is no whole character.
func tokenText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	out.WriteString("bytes:")
	for _, c := range b {
		fmt.Fprintf(&out, `\x%02x`, c)
	}
	return out.String()
}

// promptTokens leaves out a BOS token that the tokenizer put before the text: it is no part of it.
func promptTokens(tokens []engine.TokenLogprob, text string) []engine.TokenLogprob {
	if len(tokens) > 1 && text != "" && !bytes.HasPrefix([]byte(text), tokens[0].Bytes) {
		return tokens[1:]
	}
	return tokens
}

// best returns the n best of one prompt's sequences, the best first; all of them in their own order
// when there is nothing to choose.
func best(all []sequence, n int) []*sequence {
	out := make([]*sequence, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	if n < len(all) {
		slices.SortStableFunc(out, func(a, b *sequence) int { return cmp.Compare(b.score(), a.score()) })
	}
	return out[:n]
}
