package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

func TestLockHome(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_LOCK"); dir != "" {
		_, err := store.LockHome(dir)
		fmt.Println("lock:", err)
		time.Sleep(time.Minute)
		return
	}
	dir := filepath.Join(t.TempDir(), "new", "home")
	lock, err := store.LockHome(dir)
	must(t, err)
	_, err = store.LockHome(dir)
	e, ok := errors.AsType[*store.LockedError](err)
	if !ok || e.PID != os.Getpid() || fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second lock: %v", err)
	}
	id := lock.ID()
	must(t, lock.Close())

	// Another process that holds it is named, and its lock ends when it is killed.
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockHome$")
	cmd.Env = append(os.Environ(), "STORE_TEST_LOCK="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "lock: <nil>\n" {
		t.Fatalf("child: %q, %v", line, err)
	}
	_, err = store.LockHome(dir)
	if e, ok := errors.AsType[*store.LockedError](err); !ok || e.PID != cmd.Process.Pid {
		t.Errorf("lock held by the child: %v", err)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	lock, err = store.LockHome(dir)
	must(t, err)
	if lock.ID() != id || !strings.HasPrefix(id, "home_") {
		t.Errorf("the home is named %q, and was %q", lock.ID(), id)
	}
	must(t, lock.Close())
	other, err := store.LockHome(t.TempDir())
	must(t, err)
	if other.ID() == id {
		t.Errorf("two homes are named %q", id)
	}
	must(t, other.Close())
}
