package echo_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/engine/enginetest"
	"github.com/parley-ai/parley/internal/fault"
)

func TestConform(t *testing.T) {
	enginetest.Conform(t, func(*testing.T) engine.Backend { return echo.New(echo.Options{}) }, enginetest.Caps{
		Prompt: "<|user|>Say something nice about the weather.<|end|><|assistant|>",
	})
}

func generate(t *testing.T, b *echo.Backend, req engine.GenerateRequest) (text string, err error) {
	t.Helper()
	for e, eventErr := range b.Generate(t.Context(), req) {
		if eventErr != nil {
			return text, eventErr
		}
		if d, ok := e.(engine.Delta); ok {
			text += d.Text
		}
	}
	return text, nil
}

func prompt(t *testing.T, b *echo.Backend, text string) []engine.Token {
	t.Helper()
	tokens, err := b.Tokenize(t.Context(), engine.TokenizeRequest{Text: text, ParseSpecial: true})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestAnswersAreVisiblyAnEcho(t *testing.T) {
	b := echo.New(echo.Options{})
	for _, c := range []struct{ prompt, want string }{
		{"<|system|>Be kind.<|end|><|user|>Hi.<|end|><|assistant|>Echo: Hi.<|end|><|user|>안녕 🦜<|end|><|assistant|>", "Echo: 안녕 🦜"},
		{"Once upon a time", "Echo: Once upon a time"},
	} {
		if got, err := generate(t, b, engine.GenerateRequest{Tokens: prompt(t, b, c.prompt), MaxTokens: 100}); got != c.want || err != nil {
			t.Errorf("%q: %q, %v; want %q", c.prompt, got, err, c.want)
		}
	}
}

func TestReplyAndHooks(t *testing.T) {
	broken := errors.New("broken on purpose")
	b := echo.New(echo.Options{
		Reply: func(prompt string) string { return strings.ToUpper(prompt) },
		BeforeToken: func(_ context.Context, req engine.GenerateRequest, n int) error {
			if req.User == "unlucky" && n == 2 {
				return broken
			}
			return nil
		},
	})
	req := engine.GenerateRequest{Tokens: prompt(t, b, "loud"), MaxTokens: 100}
	if got, err := generate(t, b, req); got != "LOUD" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	req.User = "unlucky"
	if got, err := generate(t, b, req); got != "LO" || err != broken {
		t.Errorf("%q, %v", got, err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	hold := make(chan struct{})
	b := echo.New(echo.Options{Slots: 1, Queue: 1, BeforeToken: func(context.Context, engine.GenerateRequest, int) error {
		<-hold
		return nil
	}})
	req := engine.GenerateRequest{Tokens: prompt(t, b, "x"), MaxTokens: 3}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if got, err := generate(t, b, req); got != "Ech" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	for {
		if s, _ := b.Stats(t.Context()); s == (engine.Stats{Active: 1, Queued: 1}) {
			break
		}
		runtime.Gosched()
	}
	if _, err := generate(t, b, req); fault.KindOf(err) != fault.Overloaded {
		t.Errorf("the third one: %v", err)
	}
	close(hold)
	wg.Wait()
}

func TestHighTemperatureFollowsTheSeed(t *testing.T) {
	b := echo.New(echo.Options{})
	say := func(seed uint32) string {
		got, err := generate(t, b, engine.GenerateRequest{Tokens: prompt(t, b, "What is new?"), MaxTokens: 40, Sampling: engine.Sampling{Temperature: 8, Seed: seed}})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first, again, other := say(1), say(1), say(2)
	if first != again || first == other {
		t.Errorf("seed 1 gives %q and %q, seed 2 %q", first, again, other)
	}
}
