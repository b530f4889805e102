//go:build unix

package child_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/child"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
)

// alive says whether a process exists and is more than an entry that waits to be reaped.
func alive(id int) bool {
	if syscall.Kill(id, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func init() {
	drivers["faulty"] = echo.Opener(echo.Options{BeforeToken: func(_ context.Context, req engine.GenerateRequest, n int) error {
		if req.User == "crash" && n == 1 {
			return syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		}
		return nil
	}})
}

func TestSignalIsNamed(t *testing.T) {
	b := open(t, "faulty", engine.Spec{})
	var last error
	for _, err := range b.Generate(t.Context(), engine.GenerateRequest{Tokens: tokens(t, b, "x"), MaxTokens: 20000, User: "crash", IgnoreEOS: true}) {
		last = err
	}
	if f := fault.As(last); f == nil || !strings.Contains(f.Message, "ended unexpectedly (SIGSEGV: segmentation violation)") {
		t.Errorf("the sequence ended with %v", last)
	}
	for _, err := range b.Generate(t.Context(), engine.GenerateRequest{Tokens: []engine.Token{'x'}, MaxTokens: 2}) {
		if err != nil {
			t.Error("after the restart:", err)
		}
	}
}

// TestStopped: a process that SIGSTOP holds is as good as one that hangs in a driver, and is replaced
// whether it has work or not.
func TestStopped(t *testing.T) {
	o := options(t, "slow")
	o.HangAfter = time.Second
	b, err := child.Opener(o)(t.Context(), engine.Spec{Name: "test-model", Driver: "slow"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	first := pid(t, b)
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for _, e := range b.Generate(t.Context(), engine.GenerateRequest{Tokens: []engine.Token{'x'}, MaxTokens: 3}) {
		err = e
	}
	if f := fault.As(err); f == nil || !strings.Contains(f.Message, "hung") {
		t.Errorf("with work: %v", err)
	}
	second := pid(t, b)
	if second == first {
		t.Error("the stopped process answered")
	}
	if err := syscall.Kill(second, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for alive(second) {
		time.Sleep(10 * time.Millisecond)
	}
	if third := pid(t, b); third == second {
		t.Error("the stopped process answered")
	}
}

// TestBusyIsNotHung: a process that uses the CPU has longer than one that does nothing.
func TestBusyIsNotHung(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system does not tell how long a process ran")
	}
	b, _, visits := openMoody(t, time.Second)
	if text, err := generate(t, b, "burn"); err != nil || !strings.HasPrefix(text, visits()[0]+":") {
		t.Errorf("a process that computed for twice the limit: %q, %v", text, err)
	}
}
