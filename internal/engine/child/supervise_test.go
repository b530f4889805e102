package child_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/child"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
)

// moody is an echo whose Generate does what the request's User says: "stop" blocks for good, whatever
// becomes of the caller, "work" takes two seconds in which only Stats moves, "burn" uses the CPU for two seconds, "suicide" kills the process
// from outside and "exit" ends it from inside. It does so before any event, and only while the file
// Spec.Path names exists; it appends its process id to that file first.
type moody struct {
	engine.Backend
	path   string
	active atomic.Int64
	steps  atomic.Int64
}

func init() {
	drivers["moody"] = func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		b, err := slow(ctx, spec, progress)
		return &moody{Backend: b, path: spec.URL}, err
	}
	// doomed dies as it loads while the file that Spec.URL names exists.
	drivers["doomed"] = func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		if _, err := os.Stat(spec.URL); err == nil {
			os.Exit(3)
		}
		return slow(ctx, spec, progress)
	}
	// fragile dies as it loads once, while the file that Spec.URL names exists, and removes that.
	drivers["fragile"] = func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		if os.Remove(spec.URL) == nil {
			os.Exit(3)
		}
		return slow(ctx, spec, progress)
	}
	// sleepy never ends loading.
	drivers["sleepy"] = func(context.Context, engine.Spec, engine.Progress) (engine.Backend, error) { select {} }
}

func (m *moody) Stats(context.Context) (engine.Stats, error) {
	return engine.Stats{Active: int(m.active.Load()), Steps: m.steps.Load()}, nil
}

func (m *moody) Generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		m.active.Add(1)
		defer m.active.Add(-1)
		if f, err := os.OpenFile(m.path, os.O_WRONLY|os.O_APPEND, 0); err == nil && req.User != "" {
			_, _ = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
			f.Close()
			switch req.User {
			case "stop":
				select {}
			case "exit":
				os.Exit(2)
			case "suicide":
				p, _ := os.FindProcess(os.Getpid())
				_ = p.Kill()
				select {}
			case "burn":
				for begin := time.Now(); time.Since(begin) < 2*time.Second; {
				}
			case "work":
				for range 200 {
					m.steps.Add(1)
					time.Sleep(10 * time.Millisecond)
				}
			}
		}
		m.Backend.Generate(ctx, req)(yield)
	}
}

// openMoody opens one with a file for it to write to; visits says which processes did.
func openMoody(t *testing.T, hangAfter time.Duration) (b engine.Backend, file string, visits func() []string) {
	t.Helper()
	file = t.TempDir() + "/visits"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(t, "moody")
	o.HangAfter = hangAfter
	b, err := child.Opener(o)(t.Context(), engine.Spec{Name: "test-model", Driver: "moody", URL: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, file, func() []string {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Fields(string(data))
	}
}

// generate runs a request of a user and returns its text and last error.
func generate(t *testing.T, b engine.Backend, user string) (text string, last error) {
	t.Helper()
	for e, err := range b.Generate(t.Context(), engine.GenerateRequest{Tokens: tokens(t, b, "hello"), MaxTokens: 40, User: user}) {
		if d, ok := e.(engine.Delta); ok {
			text += d.Text
		}
		last = err
	}
	return text, last
}

func TestLostBeforeItStartedIsSentAgain(t *testing.T) {
	b, file, visits := openMoody(t, 0)
	done := make(chan error, 1)
	go func() {
		text, err := generate(t, b, "stop")
		if err == nil && !strings.HasSuffix(text, ": hello") {
			err = errors.New("it said " + text)
		}
		done <- err
	}()
	for len(visits()) == 0 {
		time.Sleep(time.Millisecond)
	}
	first, err := strconv.Atoi(visits()[0])
	if err == nil {
		err = os.Remove(file)
	}
	if err != nil {
		t.Fatal(err)
	}
	kill(t, first)
	if err := <-done; err != nil {
		t.Error("nothing of it had been shown:", err)
	}
}

func TestSentAgainOnlyOnce(t *testing.T) {
	b, _, visits := openMoody(t, 0)
	_, err := generate(t, b, "suicide")
	if f := fault.As(err); f == nil || !strings.Contains(f.Message, "as did the one before it while it worked on this request") || !errors.Is(err, engine.ErrDied) {
		t.Errorf("it ended with %v", err)
	}
	if v := visits(); len(v) != 2 || v[0] == v[1] {
		t.Errorf("it was sent to the processes %v", v)
	}
}

func TestWhatCrashesTheEngineIsNotSentAgain(t *testing.T) {
	b, _, visits := openMoody(t, 0)
	_, err := generate(t, b, "exit")
	if f := fault.As(err); f == nil || !strings.Contains(f.Message, "ended unexpectedly (exit status 2). Its running requests were lost") {
		t.Errorf("it ended with %v", err)
	}
	if v := visits(); len(v) != 1 {
		t.Errorf("it was sent to the processes %v", v)
	}
	if _, err := generate(t, b, ""); err != nil {
		t.Error("the next request:", err)
	}
}

func TestHungEngine(t *testing.T) {
	b, file, visits := openMoody(t, time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // others that tokenize and ask for figures meanwhile do not hide it
		for ctx.Err() == nil {
			_, _ = b.Tokenize(ctx, engine.TokenizeRequest{Text: "x"})
			_, _ = b.(engine.StatsReporter).Stats(ctx)
		}
	}()
	_, err := generate(t, b, "stop")
	if f := fault.As(err); f == nil || f.Kind != fault.Unavailable || !strings.Contains(f.Message, "hung: it had work and showed no progress for ") {
		t.Errorf("it ended with %v", err)
	}
	if v := visits(); len(v) != 1 {
		t.Errorf("a request that hung was sent to the processes %v", v)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if text, err := generate(t, b, ""); err != nil || !strings.HasSuffix(text, ": hello") {
		t.Errorf("the next request: %q, %v", text, err)
	}
}

func TestSlowIsNotHung(t *testing.T) {
	b, _, visits := openMoody(t, time.Second)
	if text, err := generate(t, b, "work"); err != nil || !strings.HasSuffix(text, ": hello") {
		t.Errorf("%q, %v", text, err)
	}
	time.Sleep(1500 * time.Millisecond) // idle
	if text, err := generate(t, b, ""); err != nil || !strings.HasPrefix(text, visits()[0]+":") {
		t.Errorf("an idle process was ended: %q, %v", text, err)
	}
}

func TestHungLoad(t *testing.T) {
	o := options(t, "sleepy")
	o.HangAfter = 40 * time.Millisecond
	_, err := child.Opener(o)(t.Context(), engine.Spec{Name: "m", Driver: "sleepy"}, nil)
	if f := fault.As(err); f == nil || f.Message != "The engine process of model m made no progress in loading the model for 200ms and was ended." {
		t.Errorf("it ended with %v", err)
	}
}

func TestDiesOnceWhileLoading(t *testing.T) {
	file := t.TempDir() + "/doom"
	doom := func() {
		t.Helper()
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	doom()
	b := open(t, "fragile", engine.Spec{URL: file}) // nobody hears of it
	first := pid(t, b)
	doom()
	kill(t, first)
	if pid(t, b) == first { // nor of this one
		t.Error("the killed process answered")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("no process died as it loaded")
	}
}

func TestKilledAgainAndAgain(t *testing.T) {
	b := open(t, "slow", engine.Spec{})
	for begin, n := time.Now(), 0; n < 8; n++ {
		kill(t, pid(t, b)) // each of them finished a request
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("the first %d restarts took %s", n, time.Since(begin))
		}
	}
	pid(t, b)
}

func TestDiesAgainAndAgainWhileLoading(t *testing.T) {
	file := t.TempDir() + "/doom"
	b := open(t, "doomed", engine.Spec{URL: file})
	first := pid(t, b)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, first)
	_, err := b.Tokenize(t.Context(), engine.TokenizeRequest{Text: "x"})
	if f := fault.As(err); f == nil || !strings.Contains(f.Message, "ended while it loaded the model (exit status 3). That makes 4 starts in vain; the next one is in 1s") {
		t.Errorf("it says %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err = b.Info(t.Context()); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestFileChangesUnderTheEngine: whoever replaces the file of a running model gets an error that names
// it and both hashes when it is read again, and the model is back when the file is.
func TestFileChangesUnderTheEngine(t *testing.T) {
	const content = "a model"
	sum := func(text string) string {
		s := sha256.Sum256([]byte(text))
		return hex.EncodeToString(s[:])
	}
	path := t.TempDir() + "/model"
	write := func(text string) {
		t.Helper()
		_ = os.Remove(path)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(content)
	b := open(t, "slow", engine.Spec{Path: path, SHA256: sum(content)})
	id := pid(t, b)
	write("another")
	if pid(t, b) != id {
		t.Error("a running model does not look at its file")
	}
	if down, err := b.(engine.Restarter).Down(); down || err != nil {
		t.Errorf("while it runs, Down says %v, %v", down, err)
	}
	kill(t, id)
	refusal := func(want ...string) {
		t.Helper()
		for {
			_, err := b.Info(t.Context())
			if err == nil { // the process that was killed, for a last time
				time.Sleep(time.Millisecond)
				continue
			}
			for _, w := range want {
				if f := fault.As(err); f == nil || f.Kind != fault.Unavailable || !strings.Contains(f.Message, w) {
					t.Errorf("got %v, want %q in it", err, w)
				}
			}
			return
		}
	}
	refusal(path, "altered", sum("another"), sum(content))
	if down, _ := b.(engine.Restarter).Down(); !down {
		t.Error("a backend without a process says that it is not down")
	}
	write(content) // the same bytes in a new file are the same model
	for {
		if _, err := b.Info(t.Context()); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	kill(t, pid(t, b))
	if pid(t, b) == id {
		t.Error("the killed process answered")
	}
}

// TestEchoUnmoved keeps moody honest: without a file it is the echo.
func TestEchoUnmoved(t *testing.T) {
	m := &moody{Backend: echo.New(echo.Options{}), path: "/nonexistent"}
	defer m.Close()
	var last error = io.EOF
	for _, err := range m.Generate(t.Context(), engine.GenerateRequest{Tokens: []engine.Token{'x'}, MaxTokens: 1, User: "stop"}) {
		last = err
	}
	if last != nil {
		t.Error(last)
	}
}

// TestProcessIsTold: which one runs, and how those before it ended.
func TestProcessIsTold(t *testing.T) {
	b, _, _ := openMoody(t, 0)
	reporter := b.(engine.ProcessReporter)
	first := reporter.Process()
	if first.PID == 0 || first.Restarts != 0 || first.Since.IsZero() || !first.LastEnd.IsZero() {
		t.Errorf("%+v", first)
	}
	_, err := generate(t, b, "exit")
	if err == nil {
		t.Fatal("it was to crash")
	}
	if _, err := generate(t, b, ""); err != nil {
		t.Fatal(err)
	}
	next := reporter.Process()
	if next.PID == 0 || next.PID == first.PID || next.Restarts != 1 || !strings.HasPrefix(next.LastError, "exit status 2") || next.LastEnd.IsZero() {
		t.Errorf("%+v", next)
	}
}
