package sdk

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestCodeInterpreterOfTheOriginalGuides has clients of both generations run code in real sandboxes.
func TestCodeInterpreterOfTheOriginalGuides(t *testing.T) {
	s := scriptedServer(t)
	cmd := exec.Command(os.Getenv("PARLEY_TEST_BIN"), "doctor")
	cmd.Env = append(os.Environ(), "PARLEY_CACHE="+os.Getenv("PARLEY_TEST_CACHE"), "PARLEY_HOME="+t.TempDir())
	out, _ := cmd.Output() // it fails for other reasons too
	if !strings.Contains(string(out), "runs code") {
		t.Skipf("NO SANDBOX ON THIS MACHINE, CODE INTERPRETER IS NOT TESTED: %s", out)
	}
	t.Run("v1", func(t *testing.T) {
		runClient(t, s, "assistants/v1", python(t, "PARLEY_TEST_PYTHON110"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_interpreter.py")
	})
	t.Run("v2", func(t *testing.T) {
		runClient(t, s, "assistants/v2", python(t, "PARLEY_TEST_PYTHON"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_interpreter.py")
	})
}
