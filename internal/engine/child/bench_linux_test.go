package child_test

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/child"
	"github.com/parley-ai/parley/internal/engine/echo"
)

// stepper gives each sequence one token per step, all at once, as a decode loop does.
type stepper struct {
	*echo.Backend
	mu   sync.Mutex
	step chan struct{} // closed at the next step
}

const stepEvery = 25 * time.Millisecond

func newStepper(context.Context, engine.Spec, engine.Progress) (engine.Backend, error) {
	s := &stepper{Backend: echo.New(echo.Options{Name: strconv.Itoa(os.Getpid())}), step: make(chan struct{})}
	go func() {
		for range time.Tick(stepEvery) {
			s.mu.Lock()
			close(s.step)
			s.step = make(chan struct{})
			s.mu.Unlock()
		}
	}()
	return s, nil
}

func (s *stepper) Generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		delta := engine.Delta{Text: " word", Tokens: []engine.TokenLogprob{{Token: 4711, Bytes: []byte(" word")}}}
		if !yield(engine.Started{PromptTokens: len(req.Tokens)}, nil) {
			return
		}
		for range req.MaxTokens {
			s.mu.Lock()
			step := s.step
			s.mu.Unlock()
			select {
			case <-step:
			case <-ctx.Done():
				return
			}
			if !yield(delta, nil) {
				return
			}
		}
		yield(engine.Done{Reason: engine.FinishLength, CompletionTokens: req.MaxTokens}, nil)
	}
}

func init() { drivers["stepper"] = newStepper }

// cpu gives the time that a process has computed, of all its threads.
func cpu(b *testing.B, pid string) (total time.Duration) {
	files, err := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
	if err != nil || len(files) == 0 {
		b.Fatal("no threads of", pid, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			continue // the thread just ended
		}
		ns, _, _ := strings.Cut(string(data), " ")
		n, err := strconv.ParseInt(ns, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += time.Duration(n)
	}
	return total
}

// BenchmarkProtocol measures what 16 streams of 40 tokens per second cost on their way from the child to
// the server: the computing time of both processes, less that of the same streams without a child.
func BenchmarkProtocol(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	const streams = 16
	run := func(b *testing.B, open engine.Opener) {
		backend, err := open(b.Context(), engine.Spec{Name: "m"}, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer backend.Close()
		info, err := backend.Info(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		measure := func() time.Duration {
			used := cpu(b, "self")
			if info.Name != strconv.Itoa(os.Getpid()) {
				used += cpu(b, info.Name)
			}
			return used
		}
		before, begin := measure(), time.Now()
		var wg sync.WaitGroup
		for range streams {
			wg.Go(func() {
				for _, err := range backend.Generate(b.Context(), engine.GenerateRequest{Tokens: []engine.Token{1}, MaxTokens: b.N}) {
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		used := measure() - before
		b.ReportMetric(100*used.Seconds()/time.Since(begin).Seconds(), "%CPU")
		b.ReportMetric(float64(used.Microseconds())/float64(b.N*streams), "µs/token")
	}
	b.Run("InProcess", func(b *testing.B) { run(b, newStepper) })
	b.Run("Child", func(b *testing.B) {
		run(b, child.Opener(child.Options{Command: []string{self}, Env: []string{asChild + "=stepper"}}))
	})
}
