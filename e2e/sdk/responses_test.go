package sdk

import (
	"os"
	"testing"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/testkit/scripted"
)

// TestResponses runs the newest clients' programs for responses and conversations, on a scripted model.
func TestResponses(t *testing.T) {
	t.Setenv("PARLEY_REMOTES", scripted.Start(t, scripted.Options{}).Remotes())
	t.Run("python newest", func(t *testing.T) {
		p := python(t, "PARLEY_TEST_PYTHON")
		runClient(t, binary.Start(t), "responses", p, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
	})
	t.Run("node newest", func(t *testing.T) {
		if _, err := os.Stat("node/node_modules/openai"); err != nil {
			t.Skip("e2e/sdk/node has no node_modules: `make test` installs the client")
		}
		runClient(t, binary.Start(t), "node", "node", "--test", "responses/")
	})
}
