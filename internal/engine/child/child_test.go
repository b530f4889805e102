package child_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/child"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/engine/enginetest"
	"github.com/parley-ai/parley/internal/fault"
)

// asChild makes the test binary an engine process: its value names one of the drivers below.
const asChild = "PARLEY_TEST_ENGINE"

func TestMain(m *testing.M) {
	driver := os.Getenv(asChild)
	switch driver {
	case "":
		os.Exit(m.Run())
	case "parent":
		parent()
	}
	if err := child.Main(context.Background(), driver, drivers[driver], worker{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// slow is an echo that takes a millisecond per token and says its process id, so that tests can kill it.
func slow(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
	progress(0.5)
	return echo.Opener(echo.Options{
		TokenDelay: time.Millisecond,
		Reply:      func(prompt string) string { return strconv.Itoa(os.Getpid()) + ": " + prompt },
	})(ctx, spec, progress)
}

var drivers = map[string]engine.Opener{
	"echo": echo.Open,
	"slow": slow,
	"refusing": func(context.Context, engine.Spec, engine.Progress) (engine.Backend, error) {
		return nil, fault.New(fault.Unavailable, "The file is too short.").WithCode("bad_file")
	},
	"crashing": func(context.Context, engine.Spec, engine.Progress) (engine.Backend, error) {
		fmt.Fprintln(os.Stderr, "GGML_ASSERT failed")
		os.Exit(3)
		return nil, nil
	},
	// restless loads only while the file that Spec.Path names exists.
	"restless": func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		if _, err := os.Stat(spec.Path); err != nil {
			return nil, fault.New(fault.Unavailable, "The file is gone.")
		}
		return slow(ctx, spec, progress)
	},
}

// parent makes the test binary a server: it runs a child, prints the child's process id, and waits.
func parent() {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	o := child.Options{Command: []string{self}, Env: []string{asChild + "=slow"}}
	b, err := child.Opener(o)(context.Background(), engine.Spec{Name: "orphan", Driver: "slow"}, nil)
	if err != nil {
		panic(err)
	}
	for e := range b.Generate(context.Background(), engine.GenerateRequest{Tokens: []engine.Token{'x'}, MaxTokens: 20}) {
		if d, ok := e.(engine.Delta); ok {
			fmt.Print(d.Text)
		}
	}
	fmt.Println()
	select {}
}

// worker is the preparer of the tests' child.
type worker struct{}

func (worker) Quantize(ctx context.Context, req engine.QuantizeRequest, progress engine.Progress) error {
	if err := os.WriteFile(req.Target, []byte("half"), 0o600); err != nil {
		return err
	}
	progress(0.5)
	switch req.Layout {
	case "hang":
		<-ctx.Done()
		time.Sleep(time.Hour) // as native code that knows no context
	case "fail":
		return fault.New(fault.Invalid, "It cannot be done.")
	case "crash":
		os.Exit(4)
	}
	return os.WriteFile(req.Target, []byte("whole"), 0o600)
}

func (worker) Score(_ context.Context, req engine.ScoreRequest, progress engine.Progress) (engine.Score, error) {
	progress(1)
	return engine.Score{LogLikelihood: -1.5 * float64(len(req.Text)), Tokens: len(req.Text)}, nil
}

func options(t *testing.T, driver string) child.Options {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return child.Options{
		// The race detector would let every exit sleep for a second.
		Command: []string{self},
		Env:     []string{asChild + "=" + driver, "GORACE=atexit_sleep_ms=0"},
		Log:     slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

func open(t *testing.T, driver string, spec engine.Spec) engine.Backend {
	t.Helper()
	spec.Driver = driver
	if spec.Name == "" {
		spec.Name = "test-model"
	}
	b, err := child.Opener(options(t, driver))(t.Context(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestConform(t *testing.T) {
	enginetest.Conform(t, func(t *testing.T) engine.Backend { return open(t, "echo", engine.Spec{}) }, enginetest.Caps{
		Prompt: "<|user|>Say something nice about the weather.<|end|><|assistant|>",
	})
}

func tokens(t *testing.T, b engine.Backend, text string) []engine.Token {
	t.Helper()
	out, err := b.Tokenize(t.Context(), engine.TokenizeRequest{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pid asks the slow engine for its process id.
func pid(t *testing.T, b engine.Backend) int {
	t.Helper()
	text := ""
	for e, err := range b.Generate(t.Context(), engine.GenerateRequest{Tokens: tokens(t, b, "x"), MaxTokens: 20}) {
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := e.(engine.Delta); ok {
			text += d.Text
		}
	}
	number, _, _ := strings.Cut(text, ":")
	id, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("the engine said %q", text)
	}
	return id
}

func kill(t *testing.T, id int) {
	t.Helper()
	p, err := os.FindProcess(id)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestKilledInMidStream(t *testing.T) {
	b := open(t, "slow", engine.Spec{})
	first := pid(t, b)
	const streams = 3
	long := engine.GenerateRequest{Tokens: tokens(t, b, strings.Repeat("long ", 200)), MaxTokens: 5000, IgnoreEOS: true}
	started, ended := make(chan struct{}, streams), make(chan error, streams)
	for range streams {
		go func() {
			told := false
			var last error
			for e, err := range b.Generate(t.Context(), long) {
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
	kill(t, first)
	died := time.Now()
	for range streams {
		err := <-ended
		want := "The engine process of model test-model ended unexpectedly (signal: killed). Its running requests were lost; it is being started again."
		if f := fault.As(err); f == nil || f.Kind != fault.Unavailable || f.Message != want {
			t.Errorf("the stream ended with %v", err)
		}
	}
	if second := pid(t, b); second == first {
		t.Error("the killed process answered")
	}
	if took := time.Since(died); took > 5*time.Second {
		t.Errorf("the next answer came %s after the death", took)
	}
}

func TestDeathWhileIdle(t *testing.T) {
	b := open(t, "slow", engine.Spec{})
	first := pid(t, b)
	kill(t, first)
	// The very next call may meet the dying process: it is sent to the new one.
	if _, err := b.Tokenize(t.Context(), engine.TokenizeRequest{Text: "x"}); err != nil {
		t.Error(err)
	}
	if _, err := b.Info(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRestartThatFails(t *testing.T) {
	file := t.TempDir() + "/model"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, "restless", engine.Spec{Path: file})
	first := pid(t, b)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	kill(t, first)
	for {
		_, err := b.Info(t.Context())
		if f := fault.As(err); f != nil && strings.Contains(f.Message, "could not be started again: The file "+file+" of the model test-model is gone.") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := b.Info(t.Context()); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if pid(t, b) == first {
		t.Error("the killed process answered")
	}
}

func TestLoading(t *testing.T) {
	var heard []float64
	b, err := child.Opener(options(t, "slow"))(t.Context(), engine.Spec{Name: "m", Driver: "slow"}, func(f float64) { heard = append(heard, f) })
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if len(heard) != 2 || heard[0] != 0.5 || heard[1] != 1 {
		t.Errorf("progress %v", heard)
	}
	if _, err := b.Info(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("after Close: %v", err)
	}

	_, err = child.Opener(options(t, "refusing"))(t.Context(), engine.Spec{Name: "m"}, nil)
	if f := fault.As(err); f == nil || f.Code != "bad_file" || f.Message != "The file is too short." {
		t.Errorf("a refused file: %v", err)
	}
	_, err = child.Opener(options(t, "crashing"))(t.Context(), engine.Spec{Name: "m"}, nil)
	if f := fault.As(err); f == nil || f.Message != "The engine process of model m ended while it loaded the model (exit status 3)." || !strings.Contains(err.Error(), "GGML_ASSERT") {
		t.Errorf("a crash: %v", err)
	}
	_, err = child.Opener(child.Options{Command: []string{"/nonexistent/parley"}})(t.Context(), engine.Spec{Name: "m"}, nil)
	if f := fault.As(err); f == nil || f.Kind != fault.Unavailable {
		t.Errorf("no program: %v", err)
	}
}

func TestNothingLeftBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	b := open(t, "slow", engine.Spec{})
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("while the child runs, its directory holds %v, %v", files, err)
	}
	id := pid(t, b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if alive(id) {
		t.Errorf("process %d lives on after Close", id)
	}
}

func TestChildEndsWithItsParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asChild+"=parent")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	number, _, _ := strings.Cut(line, ":")
	id, numberErr := strconv.Atoi(number)
	if err != nil || numberErr != nil {
		t.Fatalf("the parent said %q, %v", line, err)
	}
	if !alive(id) {
		t.Fatalf("the child %d does not run", id)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for deadline := time.Now().Add(20 * time.Second); alive(id); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the child %d outlives its parent", id)
		}
	}
}

func TestByHand(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	stdin := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = stdin }()
	defer slog.SetDefault(slog.Default())
	if err := child.Main(t.Context(), "echo", echo.Open, nil); err == nil || !strings.Contains(err.Error(), "parley serve") {
		t.Errorf("without a greeting: %v", err)
	}
}

func TestPrepare(t *testing.T) {
	p := child.Prepare(options(t, "echo"), "echo")
	target := func(name string) string { return t.TempDir() + "/" + name }

	var heard []float64
	file := target("whole")
	if err := p.Quantize(t.Context(), engine.QuantizeRequest{Target: file, Layout: "fast"}, func(f float64) { heard = append(heard, f) }); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "whole" || len(heard) != 1 {
		t.Errorf("%q, %v, progress %v", data, err, heard)
	}
	if err := p.Quantize(t.Context(), engine.QuantizeRequest{Target: file}, nil); fault.KindOf(err) != fault.Conflict {
		t.Errorf("onto a file that exists: %v", err)
	}
	for layout, kind := range map[string]fault.Kind{"fail": fault.Invalid, "crash": fault.Unavailable} {
		file := target(layout)
		if err := p.Quantize(t.Context(), engine.QuantizeRequest{Target: file, Layout: layout}, nil); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", layout, err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s leaves half a file", layout)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	file = target("hang")
	err := p.Quantize(ctx, engine.QuantizeRequest{Target: file, Layout: "hang"}, func(float64) { cancel() })
	if err != context.Canceled {
		t.Errorf("canceled: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Error("canceled, it leaves half a file")
	}

	score, err := p.Score(t.Context(), engine.ScoreRequest{Spec: engine.Spec{Name: "m"}, Text: "four"}, nil)
	if err != nil || score != (engine.Score{LogLikelihood: -6, Tokens: 4}) {
		t.Errorf("score %+v, %v", score, err)
	}
}
