// Command text compares two OpenAI-compatible servers on the same model file, row by row in one run:
// each row is measured on the one and on the other in turn, several rounds, and the median of the
// ratios of the pairs is printed. bench/run.sh starts the servers.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/parley-ai/parley/bench/internal/load"
)

// row is one figure.
type row struct {
	name    string
	unit    string
	higher  bool // higher is better
	measure func(t load.Target, round uint64) (float64, error)
}

// endOfTurn bans SmolLM2's <|im_end|> and <|endoftext|>, so that every answer has its full length.
var endOfTurn = map[string]int{"0": -100, "2": -100}

func main() {
	var (
		rounds = flag.Int("rounds", 3, "measurements of each row per server")
		ours   load.Target
		peer   load.Target
	)
	flag.StringVar(&ours.URL, "url", "", "our base URL, ends in /v1")
	flag.StringVar(&ours.Key, "key", "", "our API key")
	flag.StringVar(&ours.Model, "model", "gpt-3.5-turbo", "our model name")
	flag.IntVar(&ours.PID, "pid", 0, "our process")
	flag.StringVar(&peer.URL, "peer", "", "the peer's base URL, ends in /v1")
	flag.IntVar(&peer.PID, "peer-pid", 0, "the peer's process")
	title := flag.String("title", "", "heading of the table")
	only := flag.String("only", "", "regular expression of the names of the rows to measure")
	flag.Parse()
	ours.Name, peer.Name = "parley", "peer"
	wanted, err := regexp.Compile(*only)
	if err == nil {
		err = run(ours, peer, *rounds, *title, wanted)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ours, peer load.Target, rounds int, title string, wanted *regexp.Regexp) error {
	// Both load and warm their code paths before anything counts.
	for _, t := range []load.Target{ours, peer} {
		if r := t.Chat(load.Ask{Prompt: "warm up", MaxTokens: 16}); r.Err != nil {
			return r.Err
		}
	}
	fmt.Printf("### %s\n\n| row | parley | peer | ratio (better is > 1) |\n|---|---|---|---|\n", title)
	for i, row := range rows() {
		if !wanted.MatchString(row.name) {
			continue
		}
		var a, b, ratios []float64
		for round := range rounds {
			seed := uint64(i*1000 + round)
			x, err := row.measure(ours, seed)
			if err != nil {
				return fmt.Errorf("%s: parley: %w", row.name, err)
			}
			y, err := row.measure(peer, seed)
			if err != nil {
				return fmt.Errorf("%s: peer: %w", row.name, err)
			}
			a, b = append(a, x), append(b, y)
			if row.higher {
				ratios = append(ratios, x/y)
			} else {
				ratios = append(ratios, y/x)
			}
		}
		fmt.Printf("| %s | %.4g %s | %.4g %s | %.2f |\n", row.name, load.Median(a), row.unit, load.Median(b), row.unit, load.Median(ratios))
	}
	fmt.Println()
	return nil
}

func rows() []row {
	return []row{
		{"1 stream", "tok/s", true, func(t load.Target, s uint64) (float64, error) { return throughput(t, 1, 128, s) }},
		{"8 chats together", "tok/s", true, func(t load.Target, s uint64) (float64, error) { return throughput(t, 8, 64, s) }},
		{"16 chats together", "tok/s", true, func(t load.Target, s uint64) (float64, error) { return throughput(t, 16, 64, s) }},
		{"first token of 505 words", "s", false, func(t load.Target, s uint64) (float64, error) { return firstToken(t, 505, s) }},
		{"first token of 2,000 words, cold", "s", false, func(t load.Target, s uint64) (float64, error) { return firstToken(t, 2000, s) }},
		{"first token of 2,000 words, repeated", "s", false, repeated},
		{"8 chats share 2,000 words: all first tokens", "s", false, shared},
		{"n = 8 of 505 words: until the end", "s", false, choices},
		{"p99 between tokens of 7 streams while 2,000 words arrive", "ms", false, gaps},
		{"resident memory", "MB", false, func(t load.Target, _ uint64) (float64, error) { return float64(load.Resident(t.PID)) / 1e6, nil }},
	}
}

// throughput is the tokens per second of n short chats, from start to end.
func throughput(t load.Target, n, tokens int, seed uint64) (float64, error) {
	asks := make([]load.Ask, n)
	for i := range asks {
		asks[i] = load.Ask{Prompt: load.Words(12, seed*100+uint64(i)), MaxTokens: tokens, Bias: endOfTurn}
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

func firstToken(t load.Target, words int, seed uint64) (float64, error) {
	r := t.Chat(load.Ask{Prompt: load.Words(words, seed), MaxTokens: 2, Bias: endOfTurn})
	return r.First.Seconds(), r.Err
}

func repeated(t load.Target, seed uint64) (float64, error) {
	if _, err := firstToken(t, 2000, seed); err != nil {
		return 0, err
	}
	return firstToken(t, 2000, seed)
}

// shared starts eight chats with the same 2,000 words and different ends together.
func shared(t load.Target, seed uint64) (float64, error) {
	start := load.Words(2000, seed)
	asks := make([]load.Ask, 8)
	for i := range asks {
		asks[i] = load.Ask{Prompt: start + " " + load.Words(6, seed*10+uint64(i)+1), MaxTokens: 2, Bias: endOfTurn}
	}
	results, _ := t.Together(asks)
	var last time.Duration
	for _, r := range results {
		if r.Err != nil {
			return 0, r.Err
		}
		last = max(last, r.First)
	}
	return last.Seconds(), nil
}

func choices(t load.Target, seed uint64) (float64, error) {
	r := t.Chat(load.Ask{Prompt: load.Words(505, seed), MaxTokens: 16, N: 8, Bias: endOfTurn})
	return r.Total.Seconds(), r.Err
}

// gaps runs seven streams, brings 2,000 words while they are at it, and looks at their gaps from then on.
func gaps(t load.Target, seed uint64) (float64, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asks := make([]load.Ask, 7)
	for i := range asks {
		asks[i] = load.Ask{Prompt: load.Words(12, seed*100+uint64(i)), MaxTokens: 1500, Bias: endOfTurn, Stop: ctx}
	}
	done := make(chan []load.Result, 1)
	go func() {
		results, _ := t.Together(asks)
		done <- results
	}()
	time.Sleep(2 * time.Second)
	from := time.Now()
	eighth := t.Chat(load.Ask{Prompt: load.Words(2000, seed+7), MaxTokens: 2, Bias: endOfTurn})
	to := time.Now()
	cancel()
	results := <-done
	if eighth.Err != nil {
		return 0, eighth.Err
	}
	var all []time.Duration
	for _, r := range results {
		for i := 1; i < len(r.Times); i++ {
			if r.Times[i].After(from) && r.Times[i-1].Before(to) {
				all = append(all, r.Times[i].Sub(r.Times[i-1]))
			}
		}
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("no token arrived while the prompt was computed")
	}
	return float64(load.Percentile(all, 0.99).Microseconds()) / 1000, nil
}
