package sdk

import (
	"os"
	"testing"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/testkit/scripted"
)

// scriptedServer is a server that has the scripted fake among its models.
func scriptedServer(t *testing.T) *binary.Server {
	t.Helper()
	t.Setenv("PARLEY_REMOTES", scripted.Start(t, scripted.Options{}).Remotes())
	t.Setenv("PARLEY_SCRIPTED", "yes")
	return binary.Start(t)
}

// TestRunsOfTheOriginalGuides runs the guides of both generations with clients of their time.
func TestRunsOfTheOriginalGuides(t *testing.T) {
	s := scriptedServer(t)
	t.Run("v1", func(t *testing.T) {
		runClient(t, s, "assistants/v1", python(t, "PARLEY_TEST_PYTHON110"), "-m", "pytest", "-q", "-p", "no:cacheprovider")
	})
	t.Run("v2", func(t *testing.T) {
		runClient(t, s, "assistants/v2", python(t, "PARLEY_TEST_PYTHON"), "-m", "pytest", "-q", "-p", "no:cacheprovider")
	})
	t.Run("node", func(t *testing.T) {
		if _, err := os.Stat("node/node_modules/openai"); err != nil {
			t.Skip("e2e/sdk/node has no node_modules: `make test` installs the client")
		}
		runClient(t, s, "node", "node", "--test", "runs.test.mjs")
	})
}
