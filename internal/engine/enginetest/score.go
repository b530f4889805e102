package enginetest

import (
	"math"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

func (x *exam) logprobs(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 12)
	for _, got := range run(t, b, req).tokens {
		if got.Logprob != 0 || len(got.Top) != 0 {
			t.Errorf("logprobs that nobody asked for: %+v", got)
		}
	}
	req.Logprobs, req.TopLogprobs = true, 5
	a := run(t, b, req)
	if len(a.tokens) < 11 {
		t.Fatalf("12 tokens were asked for, %d have logprobs", len(a.tokens))
	}
	for i, got := range a.tokens {
		wantSane(t, i, got, 5)
		if len(got.Top) > 0 && math.Abs(float64(got.Top[0].Logprob-got.Logprob)) > 1e-3 {
			t.Errorf("token %d (%q, %v) was chosen greedily, the best is %q with %v", i, got.Bytes, got.Logprob, got.Top[0].Bytes, got.Top[0].Logprob)
		}
	}
	wantTokensSpell(t, a)
}

// wantSane checks one token's logprobs.
func wantSane(t *testing.T, i int, got engine.TokenLogprob, top int) {
	t.Helper()
	if !(got.Logprob <= 0) || math.IsInf(float64(got.Logprob), -1) {
		t.Errorf("token %d: logprob %v", i, got.Logprob)
	}
	if len(got.Top) != top {
		t.Errorf("token %d: %d alternatives, %d were asked for", i, len(got.Top), top)
	}
	sum := 0.0
	for j, a := range got.Top {
		sum += math.Exp(float64(a.Logprob))
		if j > 0 && a.Logprob > got.Top[j-1].Logprob {
			t.Errorf("token %d: the alternatives are not in order: %+v", i, got.Top)
		}
		if a.Token == got.Token && math.Abs(float64(a.Logprob-got.Logprob)) > 1e-3 {
			t.Errorf("token %d has logprob %v, among the alternatives %v", i, got.Logprob, a.Logprob)
		}
	}
	if sum > 1.001 {
		t.Errorf("token %d: the alternatives' probabilities sum up to %v", i, sum)
	}
}

// promptLogprobs scores a prompt, a part of it, and the prompt with the model's own answer.
func (x *exam) promptLogprobs(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 12)
	req.Logprobs = true
	said := run(t, b, req)

	req.Logprobs, req.MaxTokens, req.PromptLogprobs, req.TopLogprobs = false, 0, true, 3
	if !x.can(NoTokens) {
		req.MaxTokens = 1
	}
	score := func(tokens []engine.Token) []engine.TokenLogprob {
		t.Helper()
		req.Tokens = tokens
		a := run(t, b, req)
		if a.started.CachedTokens != 0 {
			t.Errorf("scoring took %d tokens from the cache", a.started.CachedTokens)
		}
		if len(a.scored) != len(tokens) {
			t.Fatalf("%d of %d tokens were scored", len(a.scored), len(tokens))
		}
		for i, got := range a.scored {
			if got.Token != tokens[i] {
				t.Fatalf("token %d is %d in the prompt and %d scored", i, tokens[i], got.Token)
			}
			if i > 0 {
				wantSane(t, i, got, 3)
			} else if got.Logprob != 0 || len(got.Top) != 0 {
				t.Errorf("the first token has nothing before it, and yet %+v", got)
			}
		}
		return a.scored
	}
	prompt := req.Tokens
	whole := append(append([]engine.Token{}, prompt...), tokenIDs(said.tokens)...)
	scored := score(whole)
	part := score(prompt[:len(prompt)-1])
	wantNear(t, "a part of the prompt alone and inside the whole", sum(part), sum(scored[:len(part)]), len(part))
	wantNear(t, "the answer scored and as it was said", sum(scored[len(prompt):]), sum(said.tokens), len(said.tokens))
}

func tokenIDs(tokens []engine.TokenLogprob) []engine.Token {
	out := make([]engine.Token, len(tokens))
	for i, t := range tokens {
		out[i] = t.Token
	}
	return out
}

func sum(tokens []engine.TokenLogprob) float64 {
	s := 0.0
	for _, t := range tokens {
		s += float64(t.Logprob)
	}
	return s
}

// wantNear allows for the floats of differently sized batches: 2 % and 0.05 per token.
func wantNear(t *testing.T, what string, a, b float64, n int) {
	t.Helper()
	if math.Abs(a-b) > 0.02*math.Abs(b)+0.05*float64(n) {
		t.Errorf("%s: log-likelihoods %v and %v", what, a, b)
	}
}

func (x *exam) embeddings(t *testing.T, b engine.Backend) {
	info := infoOf(t, b)
	texts := []string{"The cat sits on the mat.", "Interest rates rose again.", "The cat sits on the mat."}
	var req engine.EmbedRequest
	for _, text := range texts {
		if info.Input == engine.InputMessages {
			req.Texts = append(req.Texts, text)
			continue
		}
		out, err := b.Tokenize(ctxOf(t), engine.TokenizeRequest{Text: text, AddSpecial: true})
		if err != nil {
			t.Fatal(err)
		}
		req.Tokens = append(req.Tokens, out)
	}
	resp, err := b.Embed(ctxOf(t), req)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(resp.Vectors), len(texts))
	}
	count := 0
	for _, tokens := range req.Tokens {
		count += len(tokens)
	}
	if count > 0 && resp.PromptTokens != count {
		t.Errorf("%d tokens were counted of %d", resp.PromptTokens, count)
	}
	dot := func(i, j int) (s float64) {
		for k, v := range resp.Vectors[i] {
			s += float64(v) * float64(resp.Vectors[j][k])
		}
		return s
	}
	for i, v := range resp.Vectors {
		if info.EmbeddingSize > 0 && len(v) != info.EmbeddingSize {
			t.Errorf("vector %d has %d dimensions, Info says %d", i, len(v), info.EmbeddingSize)
		}
		if len(v) != len(resp.Vectors[0]) {
			t.Fatalf("vector %d has %d dimensions, the first one %d", i, len(v), len(resp.Vectors[0]))
		}
		if math.Abs(dot(i, i)-1) > 1e-3 {
			t.Errorf("vector %d has the length %v", i, math.Sqrt(dot(i, i)))
		}
	}
	if same, other := dot(0, 2), dot(0, 1); same < 0.9999 || other > same-0.01 {
		t.Errorf("cosine of equal texts %v, of different ones %v", same, other)
	}
}
