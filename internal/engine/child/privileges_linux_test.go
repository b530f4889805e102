package child_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/child"
	"github.com/parley-ai/parley/internal/fault"
)

// calling tries to reach the internet while it loads, and says what came of it.
func calling(context.Context, engine.Spec, engine.Progress) (engine.Backend, error) {
	_, err := net.Dial("tcp", "127.0.0.1:9")
	_, unixErr := net.Dial("unix", "/nonexistent")
	status, _ := os.ReadFile("/proc/self/status")
	return nil, fault.New(fault.Unavailable, "internet denied: %v, unix denied: %v, no new privileges: %v",
		errors.Is(err, syscall.EACCES), errors.Is(unixErr, syscall.EACCES), strings.Contains(string(status), "NoNewPrivs:\t1"))
}

func init() { drivers["calling"] = calling }

func TestChildHasNoInternet(t *testing.T) {
	if seccomp, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail"); err != nil || !strings.Contains(string(seccomp), "errno") {
		t.Skip("this kernel has no seccomp filters")
	}
	_, err := child.Opener(options(t, "calling"))(t.Context(), engine.Spec{Name: "m"}, nil)
	if want := "internet denied: true, unix denied: false, no new privileges: true"; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}
