package remote_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginetest"
	"github.com/parley-ai/parley/internal/engine/remote"
)

// The remote backend takes the exam in front of a real llama-server where these name one and a model
// for it. `make bench` builds such a server.
const (
	serverVar = "PARLEY_TEST_LLAMA_SERVER"
	modelVar  = "PARLEY_TEST_LLAMA_MODEL"
)

func TestConformWithLlamaServer(t *testing.T) {
	binary, model := os.Getenv(serverVar), os.Getenv(modelVar)
	if binary == "" || model == "" {
		t.Skipf("%s and %s do not name a llama-server and a model; `make bench` builds the server, `make models` pulls the model", serverVar, modelVar)
	}
	address := startServer(t, binary, "-m", model, "-c", "4096", "--parallel", "4", "-t", "2")
	enginetest.Conform(t, func(t *testing.T) engine.Backend {
		b, err := remote.Open(t.Context(), engine.Spec{Name: "smollm2", Driver: "remote", URL: "http://" + address + "/v1"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, enginetest.Caps{
		Prompt: "Write a long story about a lighthouse keeper and the sea.",
		Cannot: map[enginetest.Ability]string{
			enginetest.Tokens:         "the other server tokenizes",
			enginetest.PromptLogprobs: "llama-server has no echo",
			enginetest.LogitBias:      "it passes through, but the exam needs token ids for it",
			enginetest.BiasTexts:      "OpenAI's API has none",
			enginetest.Grammars:       "OpenAI's API has none",
			enginetest.NoTokens:       "llama-server produces one token at max_tokens 0",
			enginetest.Seeds:          "llama-server keeps its prefix cache from one backend to the next",
			enginetest.Embed:          "llama-server is started for text",
		},
	})
}

// startServer starts a server on a free port of loopback and waits until it is healthy.
func startServer(t *testing.T, binary string, args ...string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(binary, append(args, "--host", "127.0.0.1", "--port", port)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(fmt.Sprintf("http://%s/health", address))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return address
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not become healthy: %v", binary, err)
		}
	}
}
