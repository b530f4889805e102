package childtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/child"
	"github.com/parley-ai/parley/internal/engine/enginetest"
	"github.com/parley-ai/parley/internal/engine/llama"
	"github.com/parley-ai/parley/internal/engine/llama/internal/testassets"
	"github.com/parley-ai/parley/internal/fault"
)

// asChild makes the test binary the engine process; its value is the file for its process id.
const asChild = "PARLEY_TEST_ENGINE"

func TestMain(m *testing.M) {
	file := os.Getenv(asChild)
	if file == "" {
		os.Exit(m.Run())
	}
	err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o600)
	if err == nil {
		err = child.Main(context.Background(), "llama", llama.Open, llama.Preparer{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// open opens the small model in a child; pid gives the process id of the newest child.
func open(t *testing.T) (b engine.Backend, pid func() int) {
	t.Helper()
	assets := testassets.Find(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pid")
	o := child.Options{Command: []string{self}, Env: []string{asChild + "=" + file, "GORACE=atexit_sleep_ms=0"}}
	b, err = child.Opener(o)(t.Context(), engine.Spec{Name: "smollm2", Driver: "llama", Path: assets.Text, Library: assets.Library, ContextWindow: 2048}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, func() int {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		id, err := strconv.Atoi(string(data))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

const prompt = "<|im_start|>user\nWrite a long story about a lighthouse keeper and the sea.<|im_end|>\n<|im_start|>assistant\n"

func TestConform(t *testing.T) {
	enginetest.Conform(t, func(t *testing.T) engine.Backend {
		b, _ := open(t)
		return b
	}, enginetest.Caps{Prompt: prompt, Cannot: map[enginetest.Ability]string{enginetest.Embed: "the model is for text"}})
}

// TestKilledInMidStream: kill -9 ends the running requests with an error that says so, and the next one
// works within five seconds.
func TestKilledInMidStream(t *testing.T) {
	b, pid := open(t)
	tokens, err := b.Tokenize(t.Context(), engine.TokenizeRequest{Text: prompt, ParseSpecial: true})
	if err != nil {
		t.Fatal(err)
	}
	first := pid()
	const streams = 4
	started, ended := make(chan struct{}, streams), make(chan error, streams)
	for range streams {
		go func() {
			told := false
			var last error
			for e, err := range b.Generate(t.Context(), engine.GenerateRequest{Tokens: tokens, MaxTokens: 1500, IgnoreEOS: true, Sampling: engine.Sampling{TopP: 1}}) {
				if _, ok := e.(engine.Delta); ok && !told {
					started <- struct{}{}
					told = true
				}
				last = err
			}
			ended <- last
		}()
	}
	for range streams {
		<-started
	}
	process, err := os.FindProcess(first)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	died := time.Now()
	for range streams {
		err := <-ended
		if f := fault.As(err); f == nil || f.Kind != fault.Unavailable || !strings.Contains(f.Message, "ended unexpectedly (signal: killed)") {
			t.Errorf("the stream ended with %v", err)
		}
	}
	text := ""
	for e, err := range b.Generate(t.Context(), engine.GenerateRequest{Tokens: tokens, MaxTokens: 3, Sampling: engine.Sampling{TopP: 1}}) {
		if err != nil {
			t.Fatal("after the restart:", err)
		}
		if d, ok := e.(engine.Delta); ok {
			text += d.Text
		}
	}
	took := time.Since(died)
	t.Logf("the next answer was there %s after the kill", took.Round(time.Millisecond))
	// How long it takes is measured by the benchmark NextAnswer of e2e/resilience; here a hang must not pass.
	if text == "" || pid() == first || took > time.Minute {
		t.Errorf("after the restart: %q, %s after the kill", text, took)
	}
}

// TestPrepare makes another layout in a process of its own and scores a text with both files.
func TestPrepare(t *testing.T) {
	assets := testassets.Find(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := child.Prepare(child.Options{Command: []string{self}, Env: []string{asChild + "=" + filepath.Join(t.TempDir(), "pid")}}, "llama")
	target := filepath.Join(t.TempDir(), "q8_0.gguf")
	if err := p.Quantize(t.Context(), engine.QuantizeRequest{Library: assets.Library, Source: assets.Text, Target: target, Layout: "lossless"}, nil); err != nil {
		t.Fatal(err)
	}
	score := func(path string) engine.Score {
		s, err := p.Score(t.Context(), engine.ScoreRequest{
			Spec: engine.Spec{Name: "smollm2", Driver: "llama", Path: path, Library: assets.Library, ContextWindow: 1024},
			Text: "The lighthouse stood at the edge of the sea, and its keeper lit the lamp every night.",
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before, after := score(assets.Text), score(target)
	t.Logf("log-likelihood as packaged %.3f, lossless %.3f, of %d tokens", before.LogLikelihood, after.LogLikelihood, after.Tokens)
	if before.Tokens != after.Tokens || before.Tokens < 10 || before.LogLikelihood >= 0 {
		t.Errorf("%+v, %+v", before, after)
	}
	if diff := after.LogLikelihood/before.LogLikelihood - 1; diff < -0.02 || diff > 0.02 {
		t.Errorf("the lossless layout changes the log-likelihood from %v to %v", before.LogLikelihood, after.LogLikelihood)
	}
}
