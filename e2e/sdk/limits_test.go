package sdk

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/testkit"
)

// TestLimitsWhileRunning: the client raises its RateLimitError on a limit that was set while the server runs,
// and passes by itself when it waits as it was told.
func TestLimitsWhileRunning(t *testing.T) {
	for _, c := range []struct{ name, env string }{{"python 1.10", "PARLEY_TEST_PYTHON110"}, {"python newest", "PARLEY_TEST_PYTHON"}} {
		t.Run(c.name, func(t *testing.T) {
			binary := python(t, c.env)
			s := testkit.Start(t, testkit.Options{})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { // the server's clock runs as the client's does
				defer close(ended)
				for last := time.Now(); ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
					now := time.Now()
					s.Clock.Advance(now.Sub(last))
					last = now
				}
			}()
			cmd := exec.Command(binary, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_limits.py")
			cmd.Dir = "errors"
			cmd.Env = append(os.Environ(), "PARLEY_URL="+s.URL(), "PARLEY_KEY="+s.Key)
			out, err := cmd.CombinedOutput()
			stop()
			<-ended
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
