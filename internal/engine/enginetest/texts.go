package enginetest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

// several returns a text that is several tokens here, of those that a model of another vocabulary may have
// as one.
func several(t *testing.T, b engine.Backend, texts ...string) string {
	t.Helper()
	for _, text := range texts {
		parts, err := b.Tokenize(ctxOf(t), engine.TokenizeRequest{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := b.Detokenize(ctxOf(t), parts); err == nil && string(back) == text && len(parts) > 1 {
			return text
		}
	}
	t.Fatalf("each of %q is one token here: add rarer ones to the exam", texts)
	return ""
}

// biasTextsLead: +100 makes a text of several tokens appear as a whole, again and again, and of two such
// texts nothing but whole ones, also where both begin in the same way.
func (x *exam) biasTextsLead(t *testing.T, b engine.Backend) {
	one := several(t, b, " unbelievable", " zygomorphic")
	two := several(t, b, " unbelievably", " zygomorphous")
	for _, temperature := range []float32{0, 1} {
		for _, texts := range [][]string{{one}, {one, two}} {
			req := x.request(t, b, x.caps.Prompt, 60)
			req.Sampling.Temperature, req.Sampling.Seed = temperature, 5
			for _, text := range texts {
				req.Sampling.BiasTexts = append(req.Sampling.BiasTexts, engine.BiasText{Text: text, Bias: 100})
			}
			// A ban of a token on the way does not stop it.
			if first := tokens(t, b, one)[0]; len(texts) == 1 {
				req.Sampling.Bias = []engine.TokenBias{{Token: first, Bias: -100}}
			}
			a := run(t, b, req)
			rest := a.text
			for rest != "" {
				before := rest
				for _, text := range texts {
					rest = strings.TrimPrefix(rest, text)
				}
				if rest == before {
					break
				}
			}
			if len(rest) >= max(len(one), len(two)) || !strings.HasPrefix(one, rest) && !strings.HasPrefix(two, rest) || len(a.text) < 2*len(one) {
				t.Errorf("temperature %v: led to %q it said %q", temperature, texts, a.text)
			}
		}
	}
}

// biasTextsBan: -100 on what two tokens of the answer write together keeps them from it however they were
// split, and nothing else: the first of them may still come.
func (x *exam) biasTextsBan(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 16)
	a := run(t, b, req)
	for i := 0; i+1 < len(a.tokens); i++ {
		banned := string(a.tokens[i].Bytes) + string(a.tokens[i+1].Bytes)
		if same, err := b.Tokenize(ctxOf(t), engine.TokenizeRequest{Text: banned}); err != nil || len(same) < 2 {
			continue
		}
		again := req
		again.Sampling.BiasTexts = []engine.BiasText{{Text: banned, Bias: -100}}
		got := run(t, b, again).tokens
		if string(got[i].Bytes) != string(a.tokens[i].Bytes) {
			t.Errorf("with %q banned it said %q in the place of its first token %q", banned, got[i].Bytes, a.tokens[i].Bytes)
		}
		if said := startsAndEnds(got, banned); said {
			t.Errorf("the banned text %q was said", banned)
		}
		return
	}
	t.Fatalf("no two tokens of %q are two when they stand alone", a.text)
}

// startsAndEnds says whether some tokens in a row write exactly the text.
func startsAndEnds(tokens []engine.TokenLogprob, text string) bool {
	for i := range tokens {
		var written []byte
		for _, t := range tokens[i:] {
			if written = append(written, t.Bytes...); bytes.Equal(written, []byte(text)) {
				return true
			}
		}
	}
	return false
}

// biasOfTheEnd: -100 lets no answer end by itself, +100 ends it at once.
func (x *exam) biasOfTheEnd(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 200)
	req.Sampling.EndBias = -100
	if a := run(t, b, req); a.done.Reason != engine.FinishLength || a.done.CompletionTokens != 200 {
		t.Errorf("with the end banned: %+v", a.done)
	}
	req.Sampling.EndBias = 100
	if a := run(t, b, req); a.done.Reason != engine.FinishStop || a.text != "" {
		t.Errorf("led to the end: %q, %+v", a.text, a.done)
	}
}
