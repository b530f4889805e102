// Command loop compares the tokens per second of a server over HTTP and server-sent events with those
// of the bare engine loop in this process, on the same model file: what the layers above the loop cost.
// The two are measured in turn, several rounds.
package main

import (
	"context"
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
	flag.Parse()
	b, err := llama.Open(context.Background(), engine.Spec{Name: "bench", Driver: "llama", Path: *path, Library: *library}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	fmt.Println("| streams | over HTTP and SSE | bare loop | ratio |\n|---|---|---|---|")
	for _, n := range []int{1, 8, 16} {
		var over, bare, ratios []float64
		for round := range *rounds {
			x, err := throughHTTP(target, n, uint64(round))
			if err != nil {
				log.Fatal(err)
			}
			y, err := throughLoop(b, n, uint64(round))
			if err != nil {
				log.Fatal(err)
			}
			over, bare, ratios = append(over, x), append(bare, y), append(ratios, x/y)
		}
		fmt.Printf("| %d | %.0f tok/s | %.0f tok/s | %.2f |\n", n, load.Median(over), load.Median(bare), load.Median(ratios))
	}
}

// tokens of each stream.
const tokens = 96

func prompt(round uint64, i int) string { return load.Words(12, 7000+round*100+uint64(i)) }

func throughHTTP(t load.Target, n int, round uint64) (float64, error) {
	asks := make([]load.Ask, n)
	for i := range asks {
		asks[i] = load.Ask{Prompt: prompt(round, i), MaxTokens: tokens, Bias: map[string]int{"0": -100, "2": -100}}
	}
	results, wall := t.Together(asks)
	sum := 0
	for _, r := range results {
		if r.Err != nil {
			return 0, r.Err
		}
		sum += r.Tokens
	}
	return float64(sum) / wall.Seconds(), nil
}

func throughLoop(b engine.Backend, n int, round uint64) (float64, error) {
	ctx := context.Background()
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		sum    int
		failed error
	)
	start := time.Now()
	for i := range n {
		wg.Go(func() {
			made, err := generate(ctx, b, "<|im_start|>user\n"+prompt(round, i)+"<|im_end|>\n<|im_start|>assistant\n")
			mu.Lock()
			defer mu.Unlock()
			sum += made
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	return float64(sum) / time.Since(start).Seconds(), failed
}

func generate(ctx context.Context, b engine.Backend, text string) (int, error) {
	ids, err := b.Tokenize(ctx, engine.TokenizeRequest{Text: text, ParseSpecial: true})
	if err != nil {
		return 0, err
	}
	req := engine.GenerateRequest{Tokens: ids, MaxTokens: tokens, Sampling: engine.Sampling{
		TopP: 1, Bias: []engine.TokenBias{{Token: 0, Bias: -100}, {Token: 2, Bias: -100}},
	}}
	for ev, err := range b.Generate(ctx, req) {
		if err != nil {
			return 0, err
		}
		if done, ok := ev.(engine.Done); ok {
			return done.CompletionTokens, nil
		}
	}
	return 0, fmt.Errorf("the loop ended without a last event")
}
