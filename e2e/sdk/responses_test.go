package sdk

import (
	"os"
	"testing"
)

// TestResponses runs the newest clients' programs for responses and conversations, on a scripted model.
func TestResponses(t *testing.T) {
	s := scriptedServer(t)
	t.Run("python newest", func(t *testing.T) {
		runClient(t, s, "responses", python(t, "PARLEY_TEST_PYTHON"), "-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
	})
	t.Run("node newest", func(t *testing.T) {
		if _, err := os.Stat("node/node_modules/openai"); err != nil {
			t.Skip("e2e/sdk/node has no node_modules: `make test` installs the client")
		}
		runClient(t, s, "node", "node", "--test", "responses.test.mjs")
	})
}
