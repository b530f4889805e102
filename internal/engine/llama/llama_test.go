package llama

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginetest"
	"github.com/parley-ai/parley/internal/engine/llama/internal/testassets"
	"github.com/parley-ai/parley/internal/fault"
)

// assets finds the libraries and the text model, or skips. Tests compute on one thread: other tests
// run beside them, and compute threads that wait for each other suffer from that (crowd.go).
func assets(t testing.TB) engine.Spec {
	t.Helper()
	a := testassets.Find(t)
	return engine.Spec{Name: "smollm2-135m-instruct", Driver: "llama", Path: a.Text, Library: a.Library, Threads: 1}
}

func openTest(t testing.TB, change func(*engine.Spec, *Options)) *Backend {
	t.Helper()
	spec, o := assets(t), Options{}
	if change != nil {
		change(&spec, &o)
	}
	b, err := OpenWith(t.Context(), spec, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.(*Backend)
}

func (b *Backend) tokens(t testing.TB, text string) []engine.Token {
	t.Helper()
	out, err := b.Tokenize(t.Context(), engine.TokenizeRequest{Text: text, ParseSpecial: true})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func chatPrompt(question string) string {
	return "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n"
}

type result struct {
	text    string
	tokens  []engine.TokenLogprob
	scored  []engine.TokenLogprob
	started engine.Started
	done    engine.Done
	err     error
}

func collect(ctx context.Context, b engine.Backend, req engine.GenerateRequest) (r result) {
	for e, err := range b.Generate(ctx, req) {
		if err != nil {
			r.err = err
			return r
		}
		switch e := e.(type) {
		case engine.Started:
			r.started = e
		case engine.PromptScored:
			r.scored = e.Tokens
		case engine.Delta:
			r.text += e.Text
			r.tokens = append(r.tokens, e.Tokens...)
		case engine.Done:
			r.done = e
		}
	}
	return r
}

func TestGenerate(t *testing.T) {
	b := openTest(t, nil)
	prompt := b.tokens(t, chatPrompt("What is the capital of France?"))
	r := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 50})
	if r.err != nil || r.text != "The capital of France is Paris." || r.done.Reason != engine.FinishStop {
		t.Fatalf("got %q, %+v, %v", r.text, r.done, r.err)
	}
	if r.done.PromptTokens != len(prompt) || r.done.CompletionTokens != len(r.tokens)+1 {
		t.Errorf("usage %+v for %d prompt tokens and %d tokens of text", r.done, len(prompt), len(r.tokens))
	}
	again := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 50})
	if again.text != r.text || again.started.CachedTokens != len(prompt)-1 {
		t.Errorf("second time: %q with %d of %d tokens cached", again.text, again.started.CachedTokens, len(prompt))
	}
	if stop := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 50, Stop: []string{"of Fra"}}); stop.text != "The capital " || stop.done.Reason != engine.FinishStop {
		t.Errorf("with a stop: %q, %+v", stop.text, stop.done)
	}
	if short := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 2}); short.text != "The capital" || short.done.Reason != engine.FinishLength {
		t.Errorf("with 2 tokens: %q, %+v", short.text, short.done)
	}
}

func TestScoring(t *testing.T) {
	b := openTest(t, nil)
	text := strings.TrimSpace(strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20))
	tokens := b.tokens(t, text)
	r := collect(t.Context(), b, engine.GenerateRequest{Tokens: tokens, PromptLogprobs: true, TopLogprobs: 3})
	if r.err != nil || len(r.scored) != len(tokens) || r.done.Reason != engine.FinishLength || r.text != "" {
		t.Fatalf("%d of %d scored, %+v, %v", len(r.scored), len(tokens), r.done, r.err)
	}
	if r.scored[0].Logprob != 0 || r.scored[0].Top != nil {
		t.Errorf("the first token has logprob %v", r.scored[0].Logprob)
	}
	for i, s := range r.scored {
		if s.Token != tokens[i] {
			t.Fatalf("token %d is %d, want %d", i, s.Token, tokens[i])
		}
		if i > 0 && (len(s.Top) != 3 || s.Top[0].Logprob < s.Top[1].Logprob || s.Logprob > s.Top[0].Logprob || s.Logprob > 0) {
			t.Fatalf("token %d: %+v", i, s)
		}
	}
	if last := r.scored[len(tokens)-1].Logprob; last < -0.2 {
		t.Errorf("the 20th repetition has logprob %v at its end", last)
	}
	if again := collect(t.Context(), b, engine.GenerateRequest{Tokens: tokens, PromptLogprobs: true}); again.started.CachedTokens != 0 {
		t.Error("scoring used the prefix cache")
	}
	// The logprobs of produced tokens and of the same tokens as a prompt agree.
	made := collect(t.Context(), b, engine.GenerateRequest{Tokens: tokens[:10], MaxTokens: 8, Logprobs: true, TopLogprobs: 1})
	all := append([]engine.Token(nil), tokens[:10]...)
	for _, m := range made.tokens {
		all = append(all, m.Token)
	}
	same := collect(t.Context(), b, engine.GenerateRequest{Tokens: all, PromptLogprobs: true})
	for i, m := range made.tokens {
		if d := math.Abs(float64(m.Logprob - same.scored[10+i].Logprob)); d > 0.05 {
			t.Errorf("token %d: %v when produced, %v when scored", i, m.Logprob, same.scored[10+i].Logprob)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	b := openTest(t, nil)
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			prompt := b.tokens(t, chatPrompt(fmt.Sprintf("What is %d plus %d?", i, i)))
			r := collect(t.Context(), b, engine.GenerateRequest{ID: fmt.Sprint(i), Tokens: prompt, MaxTokens: 24, Sampling: engine.Sampling{Temperature: 1, TopP: 1, Seed: uint32(i)}})
			if r.err != nil || r.done.PromptTokens != len(prompt) || r.done.CompletionTokens == 0 {
				t.Errorf("%d: %+v, %v", i, r.done, r.err)
			}
		})
	}
	wg.Wait()
}

func TestSharedBeginningIsComputedOnce(t *testing.T) {
	b := openTest(t, nil)
	long := "<|im_start|>system\n" + strings.Repeat("You know that the sky is blue and grass is green. ", 60) + "<|im_end|>\n"
	var wg sync.WaitGroup
	cached := make([]int, 8)
	for i := range 8 {
		wg.Go(func() {
			prompt := b.tokens(t, long+chatPrompt(fmt.Sprintf("Question %d?", i)))
			r := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 4})
			if r.err != nil {
				t.Error(r.err)
			}
			cached[i] = r.started.CachedTokens
		})
	}
	wg.Wait()
	n, cold := len(b.tokens(t, long)), 0
	for _, c := range cached {
		if c == 0 {
			cold++
		} else if c < n-2 {
			t.Errorf("%d of %d shared tokens were reused", c, n)
		}
	}
	if cold != 1 {
		t.Errorf("%d of 8 computed the shared beginning, want 1", cold)
	}
}

func TestFullCells(t *testing.T) {
	b := openTest(t, func(s *engine.Spec, _ *Options) { s.Cells, s.ContextWindow, s.Slots = 256, 256, 4 })
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			prompt := b.tokens(t, fmt.Sprintf("%d. Once upon a time", i))
			r := collect(t.Context(), b, engine.GenerateRequest{ID: fmt.Sprint(i), Tokens: prompt, MaxTokens: 100, IgnoreEOS: true})
			if r.err != nil || r.done.CompletionTokens != 100 {
				t.Errorf("%d: %+v, %v", i, r.done, r.err)
			}
		})
	}
	wg.Wait()
}

func TestCancelAndOverload(t *testing.T) {
	b := openTest(t, func(s *engine.Spec, o *Options) { s.Slots, o.QueueLimit = 1, 2 })
	prompt := b.tokens(t, "Count: 1, 2, 3,")
	ctx, cancel := context.WithCancel(t.Context())
	endless := engine.GenerateRequest{Tokens: prompt, MaxTokens: 8000, IgnoreEOS: true}
	var wg sync.WaitGroup
	running := make(chan struct{})
	wg.Go(func() {
		for e, err := range b.Generate(ctx, endless) {
			if _, ok := e.(engine.Started); ok {
				close(running)
			}
			if err != nil && fault.KindOf(err) != fault.Canceled {
				t.Error(err)
			}
		}
	})
	<-running
	queued := make([]*sequence, 2)
	for i := range queued {
		s, err := b.submit(t.Context(), endless)
		if err != nil {
			t.Fatal(err)
		}
		queued[i] = s
	}
	if _, err := b.submit(t.Context(), endless); fault.KindOf(err) != fault.Overloaded {
		t.Errorf("a full queue answers %v", err)
	}
	cancel()
	wg.Wait()
	for _, s := range queued {
		s.out.cancel()
		for ended, err := false, error(nil); !ended; {
			if _, ended, err = s.out.take(t.Context()); ended && fault.KindOf(err) != fault.Canceled {
				t.Errorf("a canceled request in the queue ended with %v", err)
			}
		}
	}
	if r := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 3}); r.err != nil || r.done.CompletionTokens != 3 {
		t.Errorf("after cancelling: %+v, %v", r.done, r.err)
	}
}

func TestGrammar(t *testing.T) {
	b := openTest(t, nil)
	prompt := b.tokens(t, chatPrompt("Is water wet? Answer yes or no."))
	ask := func(g engine.Grammar, max int) result {
		return collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: max, Sampling: engine.Sampling{Temperature: 1, TopP: 1, Seed: 1, Grammar: &g}})
	}
	if r := ask(engine.Grammar{GBNF: `root ::= "maybe" | "perhaps"`}, 20); r.err != nil || r.text != "maybe" && r.text != "perhaps" || r.done.Reason != engine.FinishStop {
		t.Errorf("got %q, %+v, %v", r.text, r.done, r.err)
	}
	if r := ask(engine.Grammar{GBNF: `root ::= nothing`}, 20); fault.KindOf(r.err) != fault.Invalid {
		t.Errorf("a bad grammar answers %v", r.err)
	}
	r := collect(t.Context(), b, engine.GenerateRequest{Tokens: b.tokens(t, chatPrompt("What is the capital of France?")), MaxTokens: 30,
		Sampling: engine.Sampling{Grammar: &engine.Grammar{GBNF: `root ::= "capital of" " Mars."`, Triggers: []string{"tal of", "capital of"}}}})
	if r.err != nil || r.text != "The capital of Mars." {
		t.Errorf("with a trigger: %q, %v", r.text, r.err)
	}
}

// TestGrammarGoesBeforeBias bans all that the grammar allows, and the end of the answer.
func TestGrammarGoesBeforeBias(t *testing.T) {
	b := openTest(t, nil)
	prompt := b.tokens(t, chatPrompt("Is water wet?"))
	for _, temperature := range []float32{0, 1} {
		req := engine.GenerateRequest{Tokens: prompt, MaxTokens: 20, Sampling: engine.Sampling{Temperature: temperature, TopP: 1, Grammar: &engine.Grammar{GBNF: `root ::= "{" [0-9]{3} "}"`}}}
		for t := range engine.Token(b.info.VocabSize) {
			req.Sampling.Bias = append(req.Sampling.Bias, engine.TokenBias{Token: t, Bias: -100})
		}
		if r := collect(t.Context(), b, req); r.err != nil || len(r.text) != 5 || r.done.Reason != engine.FinishStop {
			t.Errorf("all banned: %q, %+v, %v", r.text, r.done, r.err)
		}
		req.Sampling.Bias = nil
		req.IgnoreEOS = true
		if r := collect(t.Context(), b, req); r.err != nil || len(r.text) != 5 || r.done.Reason != engine.FinishStop {
			t.Errorf("the end banned: %q, %+v, %v", r.text, r.done, r.err)
		}
	}
}

func TestBias(t *testing.T) {
	b := openTest(t, nil)
	prompt := b.tokens(t, chatPrompt("What is the capital of France?"))
	ban := func(text string) []engine.Token { return b.tokens(t, text) }
	var bias []engine.TokenBias
	for _, tok := range ban(" Paris") {
		bias = append(bias, engine.TokenBias{Token: tok, Bias: -100})
	}
	if r := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 20, Sampling: engine.Sampling{Bias: bias}}); r.err != nil || strings.Contains(r.text, "Paris") {
		t.Errorf("a banned token came: %q, %v", r.text, r.err)
	}
	texts := []engine.BiasText{{Text: " of France", Bias: -100}}
	if len(ban(texts[0].Text)) < 2 {
		t.Fatal("the test needs a text of several tokens")
	}
	if r := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 20, Sampling: engine.Sampling{BiasTexts: texts}}); r.err != nil || strings.Contains(r.text, "of France") || !strings.Contains(r.text, " of") {
		t.Errorf("a banned text came, or its beginning did not: %q, %v", r.text, r.err)
	}
	// The bytes of a text need not be letters: three of the four of an emoji, and the last one.
	for _, text := range []string{"\xf0\x9f\xa6", "\x9c", " Paris"} {
		r := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 6, Sampling: engine.Sampling{BiasTexts: []engine.BiasText{{Text: text, Bias: 100}}}})
		var written []byte
		for _, tok := range r.tokens {
			written = append(written, tok.Bytes...)
		}
		if r.err != nil || !strings.HasPrefix(string(written), text+text) {
			t.Errorf("led to %q it wrote %q, %v", text, written, r.err)
		}
	}
	if r := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 5, Sampling: engine.Sampling{Bias: []engine.TokenBias{{Token: 1 << 30, Bias: 1}}}}); fault.KindOf(r.err) != fault.Invalid {
		t.Errorf("a token outside of the vocabulary answers %v", r.err)
	}
}

func TestConform(t *testing.T) {
	spec := assets(t)
	spec.Cells, spec.ContextWindow = 2048, 2048
	enginetest.Conform(t, func(t *testing.T) engine.Backend {
		b, err := Open(t.Context(), spec, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, enginetest.Caps{
		Prompt: chatPrompt("Write a story about a dog."),
		Cannot: map[enginetest.Ability]string{enginetest.Embed: "the model generates"},
	})
}

func TestConformEmbedding(t *testing.T) {
	a := testassets.Find(t)
	if a.Embed == "" {
		t.Skip("no embedding model: `make models` converts one")
	}
	enginetest.Conform(t, func(t *testing.T) engine.Backend {
		b, err := Open(t.Context(), engine.Spec{Name: "all-minilm-l6-v2", Path: a.Embed, Library: a.Library, Embedding: true, Threads: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, enginetest.Caps{Cannot: map[enginetest.Ability]string{
		enginetest.Generate: "the model embeds", enginetest.RoundTrip: "its tokenizer is uncased",
	}})
}

// TestLoadChangesOnlyFloats runs sequences together, with prefixes shared between rows, and then
// scores each answer alone: every token that was chosen greedily must be the best one there too, up to
// what batches change in the floats.
func TestLoadChangesOnlyFloats(t *testing.T) {
	b := openTest(t, nil)
	system := "<|im_start|>system\nYou tell short stories about animals, one after the other, and never stop.<|im_end|>\n"
	var wg sync.WaitGroup
	prompts, answers := make([][]engine.Token, 12), make([]result, 12)
	for i := range prompts {
		prompts[i] = b.tokens(t, system+chatPrompt(fmt.Sprintf("Tell story %d, about %s.", i, strings.Repeat("a cat and ", i%4)+"a dog")))
		wg.Go(func() {
			answers[i] = collect(t.Context(), b, engine.GenerateRequest{Tokens: prompts[i], MaxTokens: 40, IgnoreEOS: true})
		})
	}
	wg.Wait()
	for i, a := range answers {
		if a.err != nil {
			t.Fatal(a.err)
		}
		all := append([]engine.Token(nil), prompts[i]...)
		for _, tok := range a.tokens {
			all = append(all, tok.Token)
		}
		r := collect(t.Context(), b, engine.GenerateRequest{Tokens: all, PromptLogprobs: true, TopLogprobs: 1})
		if r.err != nil {
			t.Fatal(r.err)
		}
		for k, s := range r.scored[len(prompts[i]):] {
			if gap := s.Top[0].Logprob - s.Logprob; gap > 0.75 && !b.model.EndsTurn(s.Top[0].Token) {
				t.Errorf("answer %d, token %d: %q was chosen, %q is better by %v", i, k, s.Bytes, s.Top[0].Bytes, gap)
			}
		}
	}
}
