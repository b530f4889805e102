package sdk

import (
	"os"
	"os/exec"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
)

// TestLimitsWhileRunning: the client raises its RateLimitError on a limit that was set while the server runs,
// and passes by itself when it waits as it was told.
func TestLimitsWhileRunning(t *testing.T) {
	for _, c := range []struct{ name, env string }{{"python 1.10", "PARLEY_TEST_PYTHON110"}, {"python newest", "PARLEY_TEST_PYTHON"}} {
		t.Run(c.name, func(t *testing.T) {
			binary := python(t, c.env)
			s := testkit.Start(t, testkit.Options{})
			// As the client's does: one that is moved from time to time is behind when the machine is busy, and a client that
			// waits as long as it was told comes too early then.
			s.Clock.Run()
			cmd := exec.Command(binary, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_limits.py")
			cmd.Dir = "errors"
			cmd.Env = append(os.Environ(), "PARLEY_URL="+s.URL(), "PARLEY_KEY="+s.Key)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
