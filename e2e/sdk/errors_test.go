package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/testkit"
)

// ordered are the seeds at which the fake engine fails as it was told: what programs meet only now and then.
var ordered = map[uint32]error{
	90: fault.New(fault.Unavailable, "The server is overloaded or not ready yet."),
	91: fault.New(fault.Overloaded, "The engine is currently overloaded, please try again later"),
	92: fault.New(fault.Quota, "You exceeded your current quota, please check your plan and billing details."),
	93: fault.New(fault.Timeout, "The request took longer than this server allows."),
	94: errors.New("a secret of the server"),
	97: fault.New(fault.Conflict, "The model is being changed. Try again."),
}

// order fails by seed. 95 fails in the middle of an answer, 96 never answers.
func order(ctx context.Context, req engine.GenerateRequest, n int) error {
	switch seed := req.Sampling.Seed; seed {
	case 95:
		if n == 3 {
			return ordered[94]
		}
		return nil
	case 96:
		<-ctx.Done()
		return ctx.Err()
	default:
		return ordered[seed]
	}
}

// runErrors runs a client's tests of its error classes against a whole server with the echo engine, which
// fails on order, and a second one that lets two requests a minute through.
func runErrors(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	s := testkit.Start(t, testkit.Options{Echo: echo.Options{BeforeToken: order}})
	limited := testkit.Start(t, testkit.Options{Config: map[string]any{"limits.requests_per_minute": 2, "limits.tokens_per_minute": 600}})
	resp, text := s.Call("POST", "/api/keys", map[string]any{"name": "reader", "scopes": []string{"models.read"}})
	var reader struct{ Secret string }
	if err := json.Unmarshal([]byte(text), &reader); err != nil || reader.Secret == "" {
		t.Fatalf("making a key: %s %s", resp.Status, text)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PARLEY_URL="+s.URL(), "PARLEY_KEY="+s.Key, "PARLEY_READER_KEY="+reader.Secret,
		"PARLEY_LIMITED_URL="+limited.URL(), "PARLEY_LIMITED_KEY="+limited.Key, "LITELLM_LOCAL_MODEL_COST_MAP=True")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("%s %s: %v", name, strings.Join(args, " "), err)
	}
}

// TestErrorClasses: each client raises the class that its documentation promises.
func TestErrorClasses(t *testing.T) {
	for _, c := range []struct{ name, env, file string }{
		{"python 0.27", "PARLEY_TEST_PYTHON027", "test_errors_0.py"},
		{"python 0.28", "PARLEY_TEST_PYTHON028", "test_errors_0.py"},
		{"python 1.10", "PARLEY_TEST_PYTHON110", "test_errors_1.py"},
		{"python newest", "PARLEY_TEST_PYTHON", "test_errors_1.py"},
		{"litellm", "PARLEY_TEST_PYTHON", "test_errors_litellm.py"},
	} {
		t.Run(c.name, func(t *testing.T) {
			runErrors(t, "errors", python(t, c.env), "-m", "pytest", "-q", "-p", "no:cacheprovider", c.file)
		})
	}
	t.Run("node newest", func(t *testing.T) {
		if _, err := os.Stat("node/node_modules/openai"); err != nil {
			t.Skip("e2e/sdk/node has no node_modules: `make test` installs the client")
		}
		runErrors(t, "node", "node", "--test", "errors.mjs")
	})
}
