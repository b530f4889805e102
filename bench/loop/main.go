// Command loop compares the tokens per second of a server over HTTP and server-sent events with those
// of the bare engine loop in this process, on the same model file: what the layers above the loop cost.
// The two are measured in turn, several rounds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/parley-ai/parley/bench/internal/load"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama"
)

func main() {
	log.SetFlags(0)
	var target load.Target
	flag.StringVar(&target.URL, "url", "", "base URL of the server, ends in /v1")
	flag.StringVar(&target.Key, "key", "", "its API key")
	flag.StringVar(&target.Model, "model", "gpt-3.5-turbo", "its model name")
	path := flag.String("file", "", "model file")
	library := flag.String("library", "", "directory of llama.cpp's libraries")
	rounds := flag.Int("rounds", 3, "measurements of each")
	only := flag.Int("streams", 0, "only this many streams")
	flag.Parse()
	b, err := llama.Open(context.Background(), engine.Spec{Name: "bench", Driver: "llama", Path: *path, Library: *library}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	fmt.Println("| streams | over HTTP and SSE | bare loop | ratio | all first tokens, over HTTP | bare loop | then, over HTTP | bare loop | ratio |\n|---|---|---|---|---|---|---|---|---|")
	for _, n := range []int{1, 8, 16} {
		if *only != 0 && *only != n {
			continue
		}
		var over, bare, ratios, overFirst, bareFirst, overThen, bareThen, thenRatios []float64
		for round := range *rounds {
			var x, y run
			var err, bareErr error
			if round%2 == 0 {
				x, err = throughHTTP(target, n, uint64(round))
				y, bareErr = throughLoop(b, n, uint64(round))
			} else {
				y, bareErr = throughLoop(b, n, uint64(round))
				x, err = throughHTTP(target, n, uint64(round))
			}
			if err := errors.Join(err, bareErr); err != nil {
				log.Fatal(err)
			}
			if x.prompts != y.prompts || x.tokens != y.tokens {
				log.Fatalf("%d tokens for prompts of %d over HTTP, and %d for %d in the loop: these cannot be compared", x.tokens, x.prompts, y.tokens, y.prompts)
			}
			over, bare, ratios = append(over, x.rate()), append(bare, y.rate()), append(ratios, x.rate()/y.rate())
			overFirst, bareFirst = append(overFirst, x.first.Seconds()), append(bareFirst, y.first.Seconds())
			overThen, bareThen, thenRatios = append(overThen, x.then(n)), append(bareThen, y.then(n)), append(thenRatios, x.then(n)/y.then(n))
		}
		fmt.Printf("| %d | %.0f tok/s | %.0f tok/s | %.2f | %.2f s | %.2f s | %.0f tok/s | %.0f tok/s | %.2f |\n", n, load.Median(over), load.Median(bare), load.Median(ratios),
			load.Median(overFirst), load.Median(bareFirst), load.Median(overThen), load.Median(bareThen), load.Median(thenRatios))
	}
}

// run is what some streams brought together.
type run struct {
	tokens, prompts int
	first           time.Duration // until all had their first token
	wall            time.Duration
}

// rate is tokens per second of the whole.
func (r run) rate() float64 { return float64(r.tokens) / r.wall.Seconds() }

// then is tokens per second of n streams once all have begun.
func (r run) then(n int) float64 { return float64(r.tokens-n) / (r.wall - r.first).Seconds() }

// tokens of each stream.
const tokens = 96

func prompt(round uint64, i int) string { return load.Words(12, 7000+round*100+uint64(i)) }

// The default model's chat template puts this in front of conversations without a system message: the bare loop is to
// compute the same tokens; main compares their numbers.
const system = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"

func throughHTTP(t load.Target, n int, round uint64) (run, error) {
	asks := make([]load.Ask, n)
	for i := range asks {
		asks[i] = load.Ask{Prompt: prompt(round, i), MaxTokens: tokens, Bias: map[string]int{"0": -100, "2": -100}}
	}
	results, wall := t.Together(asks)
	out := run{wall: wall}
	for _, r := range results {
		if r.Err != nil {
			return run{}, r.Err
		}
		out.tokens += r.Tokens
		out.prompts += r.Prompt
		out.first = max(out.first, r.First)
	}
	return out, nil
}

// throughLoop does the same without HTTP and without a process of its own.
func throughLoop(b engine.Backend, n int, round uint64) (out run, failed error) {
	ctx := context.Background()
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	start := time.Now()
	for i := range n {
		wg.Go(func() {
			first, done, err := generate(ctx, b, system+"<|im_start|>user\n"+prompt(round, i)+"<|im_end|>\n<|im_start|>assistant\n")
			mu.Lock()
			defer mu.Unlock()
			out.tokens += done.CompletionTokens
			out.prompts += done.PromptTokens
			out.first = max(out.first, first.Sub(start))
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	out.wall = time.Since(start)
	return out, failed
}

func generate(ctx context.Context, b engine.Backend, text string) (first time.Time, _ engine.Done, _ error) {
	ids, err := b.Tokenize(ctx, engine.TokenizeRequest{Text: text, ParseSpecial: true})
	if err != nil {
		return first, engine.Done{}, err
	}
	req := engine.GenerateRequest{Tokens: ids, MaxTokens: tokens, Sampling: engine.Sampling{
		TopP: 1, Bias: []engine.TokenBias{{Token: 0, Bias: -100}, {Token: 2, Bias: -100}},
	}}
	for ev, err := range b.Generate(ctx, req) {
		if err != nil {
			return first, engine.Done{}, err
		}
		switch ev := ev.(type) {
		case engine.Delta:
			if first.IsZero() {
				first = time.Now()
			}
		case engine.Done:
			return first, ev, nil
		}
	}
	return first, engine.Done{}, fmt.Errorf("the loop ended without a last event")
}
