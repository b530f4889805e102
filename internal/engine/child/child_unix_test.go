//go:build unix

package child_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
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
