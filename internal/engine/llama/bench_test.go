package llama

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
)

// benchPrompt has about as many tokens as asked for, and no beginning in common with another number.
func benchPrompt(t testing.TB, b *Backend, number, tokens int) []engine.Token {
	words := strings.Fields("the quick brown fox jumps over a lazy dog while seven wizards brew strange potions under an old bridge near town")
	var text strings.Builder
	fmt.Fprintf(&text, "<|im_start|>user\n%d. Tell a story with these words:", number)
	for i := range tokens {
		text.WriteString(" " + words[(i*7+number*3+i/5)%len(words)])
	}
	text.WriteString("<|im_end|>\n<|im_start|>assistant\n")
	return b.tokens(t, text.String())
}

// benchBackend takes the model file from BENCH_MODEL when that is set, to compare weight layouts.
func benchBackend(b *testing.B) *Backend {
	return openTest(b, func(s *engine.Spec, o *Options) {
		s.Threads = 0
		if path := os.Getenv("BENCH_MODEL"); path != "" {
			s.Path = path
		}
		if n, err := strconv.Atoi(os.Getenv("BENCH_UBATCH")); err == nil {
			o.MicroBatch = n
		}
		if n, err := strconv.Atoi(os.Getenv("BENCH_POLL")); err == nil {
			o.Poll = n
		}
	})
}

// BenchmarkStreams decodes 128 tokens on 1, 8 and 16 streams together.
func BenchmarkStreams(b *testing.B) {
	m := benchBackend(b)
	for _, n := range []int{1, 8, 16} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			total := 0
			for round := range b.N {
				var wg sync.WaitGroup
				for i := range n {
					prompt := benchPrompt(b, m, round*100+i+n*10000, 24)
					wg.Go(func() {
						r := collect(b.Context(), m, engine.GenerateRequest{Tokens: prompt, MaxTokens: 128, IgnoreEOS: true})
						if r.err != nil || r.done.CompletionTokens != 128 {
							b.Errorf("%+v, %v", r.done, r.err)
						}
					})
				}
				wg.Wait()
				total += n * 128
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "tok/s")
		})
	}
	b.ReportMetric(float64(residentBytes())/1e6, "MB")
}

// BenchmarkFirstToken measures the time to the first token of cold prompts, and of one repeated.
func BenchmarkFirstToken(b *testing.B) {
	m := benchBackend(b)
	for _, words := range []int{505, 2000} {
		b.Run(strconv.Itoa(words), func(b *testing.B) {
			var cold, again time.Duration
			tokens := 0
			for round := range b.N {
				prompt := benchPrompt(b, m, round+words, words)
				tokens = len(prompt)
				for _, d := range []*time.Duration{&cold, &again} {
					start := time.Now()
					if r := collect(b.Context(), m, engine.GenerateRequest{Tokens: prompt, MaxTokens: 1}); r.err != nil {
						b.Fatal(r.err)
					}
					*d += time.Since(start)
				}
			}
			b.ReportMetric(cold.Seconds()*1000/float64(b.N), "ms-cold")
			b.ReportMetric(again.Seconds()*1000/float64(b.N), "ms-again")
			b.ReportMetric(float64(tokens), "tokens")
		})
	}
}

// BenchmarkTokenize tokenizes a chat of 2,000 words.
func BenchmarkTokenize(b *testing.B) {
	m := benchBackend(b)
	text, err := m.Detokenize(b.Context(), benchPrompt(b, m, 1, 2000))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := m.Tokenize(b.Context(), engine.TokenizeRequest{Text: string(text), ParseSpecial: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkShared starts 8 chats with the same beginning of 2,000 words together and measures the time
// until all have their first token.
func BenchmarkShared(b *testing.B) {
	m := benchBackend(b)
	for round := range b.N {
		beginning := benchPrompt(b, m, 5000+round, 2000)
		var wg sync.WaitGroup
		for i := range 8 {
			prompt := append(append([]engine.Token(nil), beginning...), m.tokens(b, fmt.Sprintf("Chapter %d:", i))...)
			wg.Go(func() {
				if r := collect(b.Context(), m, engine.GenerateRequest{Tokens: prompt, MaxTokens: 1}); r.err != nil {
					b.Error(r.err)
				}
			})
		}
		wg.Wait()
	}
}

// BenchmarkGaps measures the time between tokens of 7 streams while an eighth brings 2,000 words.
func BenchmarkGaps(b *testing.B) {
	m := benchBackend(b)
	var mu sync.Mutex
	var gaps []time.Duration
	var first time.Duration
	for round := range b.N {
		var wg sync.WaitGroup
		for i := range 7 {
			prompt := benchPrompt(b, m, 7000+round*10+i, 24)
			wg.Go(func() {
				last := time.Time{}
				for e, err := range m.Generate(b.Context(), engine.GenerateRequest{Tokens: prompt, MaxTokens: 120, IgnoreEOS: true}) {
					if err != nil {
						b.Error(err)
					}
					if _, ok := e.(engine.Delta); !ok {
						continue
					}
					mu.Lock()
					if !last.IsZero() {
						gaps = append(gaps, time.Since(last))
					}
					mu.Unlock()
					last = time.Now()
				}
			})
		}
		time.Sleep(700 * time.Millisecond)
		start := time.Now()
		if r := collect(b.Context(), m, engine.GenerateRequest{Tokens: benchPrompt(b, m, 9000+round, 2000), MaxTokens: 1}); r.err != nil {
			b.Error(r.err)
		}
		first += time.Since(start)
		wg.Wait()
	}
	slices.Sort(gaps)
	b.ReportMetric(float64(gaps[len(gaps)*99/100].Milliseconds()), "ms-p99")
	b.ReportMetric(float64(gaps[len(gaps)-1].Milliseconds()), "ms-max")
	b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "ms-first")
}

// BenchmarkDivergence counts how many of 48 greedy answers of 64 tokens differ from what the model
// says alone, when 16 run at a time and their prompts share a beginning in the cache.
func BenchmarkDivergence(b *testing.B) {
	m := benchBackend(b)
	const n = 48
	ask := func(i int) string {
		r := collect(b.Context(), m, engine.GenerateRequest{Tokens: benchPrompt(b, m, i, 24+i), MaxTokens: 64, IgnoreEOS: true})
		if r.err != nil {
			b.Error(r.err)
		}
		return r.text
	}
	differ := 0
	for range b.N {
		alone, loaded := make([]string, n), make([]string, n)
		for i := range n {
			alone[i] = ask(i)
		}
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { loaded[i] = ask(i) })
		}
		wg.Wait()
		for i := range n {
			if alone[i] != loaded[i] {
				differ++
			}
		}
	}
	b.ReportMetric(100*float64(differ)/float64(n*b.N), "%differ")
}
