package llama

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// parkSeq parks n bytes for a prefix and says whether there was room.
func parkSeq(p *parking, tokens []engine.Token, n int) bool {
	data := p.take(n)
	if data == nil {
		return false
	}
	p.put(tokens, data)
	return true
}

func TestParking(t *testing.T) {
	p := &parking{budget: 100 << 10}
	t.Cleanup(p.close)
	for i := range 4 {
		if !parkSeq(p, seqOf(1000*i, 50+i), 25<<10) {
			t.Fatalf("prefix %d finds no room", i)
		}
	}
	if k, n := p.find(seqOf(2000, 40), 16); k == nil || n != 39 || k.tokens[0] != 2000 {
		t.Errorf("found %v with %d tokens, want 39 of the third", k, n)
	}
	if k, _ := p.find(append(seqOf(0, 10), 9, 9, 9), 16); k != nil {
		t.Errorf("found %v for ten tokens in common, want none", k.tokens)
	}
	if p.holding(seqOf(1000, 51)) == nil || p.holding(seqOf(1000, 52)) != nil {
		t.Error("51 tokens of the second prefix are held, 52 are not")
	}
	// The first was used last: the second leaves.
	p.touch(p.holding(seqOf(0, 50)))
	if !parkSeq(p, seqOf(9000, 20), 10<<10) || p.holding(seqOf(1000, 20)) != nil || p.holding(seqOf(0, 20)) == nil {
		t.Error("the prefix that was used longest ago did not leave, or another one did")
	}
	// A longer one takes the place of what it continues.
	if !parkSeq(p, seqOf(9000, 30), 10<<10) || len(p.spots) != 4 || p.size != (25*3+10)<<10 {
		t.Errorf("%d prefixes in %d bytes, want 4 in %d", len(p.spots), p.size, (25*3+10)<<10)
	}
	if p.take(100<<10+1) != nil || len(p.spots) != 4 {
		t.Error("more than the budget was taken, or something left for it")
	}
	// One that is being brought back is not displaced.
	k := p.holding(seqOf(0, 50))
	p.lift(k)
	if p.take(80<<10) != nil || p.size != 25<<10 {
		t.Errorf("room was made of a lifted prefix: %d bytes left", p.size)
	}
	p.settle(k)
	p.close()
	if p.size != 0 || len(p.spots) != 0 {
		t.Errorf("%d bytes left after closing", p.size)
	}
}

// unrelated is a prompt of several hundred tokens with a beginning of its own.
func unrelated(t *testing.T, b *Backend, i int) []engine.Token {
	return b.tokens(t, fmt.Sprintf("%d items. ", i+100)+strings.Repeat(fmt.Sprintf("Item %d is a thing. ", i), 50))
}

// TestParkedPrefixComesBack lets other prompts push a prefix out of the cells and expects that it is not
// computed again, and that the answer goes on as before.
func TestParkedPrefixComesBack(t *testing.T) {
	b := openTest(t, nil)
	story := "<|im_start|>system\nYou know that Anna has a red bicycle and Ben has a blue one. " + strings.Repeat("The weather is fine today. ", 60) + "<|im_end|>\n"
	prompt := b.tokens(t, story+chatPrompt("What is the capital of France?"))
	ask := func(tokens []engine.Token) result {
		t.Helper()
		r := collect(t.Context(), b, engine.GenerateRequest{Tokens: tokens, MaxTokens: 12})
		if r.err != nil {
			t.Fatal(r.err)
		}
		return r
	}
	cold := ask(prompt)
	hot := ask(prompt)
	for i := range 3 {
		ask(unrelated(t, b, i))
	}
	st, err := b.Stats(t.Context())
	if err != nil || st.CellsUsed >= len(prompt)+200 {
		t.Errorf("%d cells are in use after three other prompts, %v", st.CellsUsed, err)
	}
	back := ask(prompt)
	if back.started.CachedTokens != len(prompt)-1 {
		t.Errorf("%d of %d tokens were there after others had been computed", back.started.CachedTokens, len(prompt))
	}
	if cold.text != hot.text || back.text != hot.text {
		t.Errorf("cold %q, hot %q, brought back %q", cold.text, hot.text, back.text)
	}
	// Another end: the common beginning is enough.
	ask(unrelated(t, b, 7))
	other := b.tokens(t, story+chatPrompt("Who has a red bicycle?"))
	if r := ask(other); r.started.CachedTokens < len(b.tokens(t, story))-1 {
		t.Errorf("%d of a shared beginning of %d tokens were there", r.started.CachedTokens, len(b.tokens(t, story)))
	}
	// Two at once, of which one goes away.
	ask(unrelated(t, b, 8))
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i == 2 {
				cancel()
			}
			r := collect(ctx, b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 12})
			if i == 2 {
				if fault.KindOf(r.err) != fault.Canceled {
					t.Errorf("canceled: %+v, %v", r.done, r.err)
				}
			} else if r.err != nil || r.started.CachedTokens < len(prompt)-1 || r.text == "" {
				t.Errorf("together: %+v, %q, %v", r.started, r.text, r.err)
			}
		})
	}
	wg.Wait()
}

// TestPrefixMemoryIsBounded gives the parking room for one prompt: of two, the newer one stays.
func TestPrefixMemoryIsBounded(t *testing.T) {
	b := openTest(t, func(s *engine.Spec, _ *Options) { s.PrefixMemory = 10 << 20 })
	prompts := make([][]engine.Token, 3)
	for i := range prompts {
		prompts[i] = unrelated(t, b, i)
		if r := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompts[i], MaxTokens: 2}); r.err != nil {
			t.Fatal(r.err)
		}
	}
	first := prompts[0]
	again := func(tokens []engine.Token) int {
		r := collect(t.Context(), b, engine.GenerateRequest{Tokens: tokens, MaxTokens: 2})
		if r.err != nil {
			t.Fatal(r.err)
		}
		return r.started.CachedTokens
	}
	if n := again(prompts[1]); n != len(prompts[1])-1 {
		t.Errorf("%d of %d tokens of the newer prompt were there", n, len(prompts[1]))
	}
	if n := again(first); n >= len(first)/2 {
		t.Errorf("%d of %d tokens of the oldest prompt were there, beyond the budget", n, len(first))
	}
}

// TestSamePromptSharesLogits sends one prompt several times together, as for n > 1.
func TestSamePromptSharesLogits(t *testing.T) {
	b := openTest(t, nil)
	prompt := unrelated(t, b, 1)
	results := make([]result, 5)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			results[i] = collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 6, Logprobs: true})
		})
	}
	wg.Wait()
	cached := []int{}
	for _, r := range results {
		if r.err != nil || r.done.PromptTokens != len(prompt) || len(r.tokens) == 0 {
			t.Fatalf("%+v, %v", r.done, r.err)
		}
		if r.tokens[0].Logprob != results[0].tokens[0].Logprob || r.tokens[0].Token != results[0].tokens[0].Token {
			t.Errorf("first tokens %+v and %+v", r.tokens[0], results[0].tokens[0])
		}
		cached = append(cached, r.started.CachedTokens)
	}
	slices.Sort(cached)
	if cached[0] != 0 || cached[1] < len(prompt)-1 {
		t.Errorf("of %d tokens, %v were cached: want one that computes all", len(prompt), cached)
	}
}
