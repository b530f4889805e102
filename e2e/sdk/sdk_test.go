// Package sdk runs real, pinned clients against the built binary on the real small model. Their programs
// stand in the folders beside this file and know nothing of Parley but a base URL and a key.
package sdk

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// runClient runs a client's own test runner with base URL and key in its environment.
func runClient(t *testing.T, s *binary.Server, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PARLEY_URL="+s.URL, "PARLEY_KEY="+s.Key, "LITELLM_LOCAL_MODEL_COST_MAP=True")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("%s %s: %v\nserver log:\n%s", name, strings.Join(args, " "), err, tail(s.Log(), 4000))
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func python(t *testing.T, env string) string {
	t.Helper()
	p := os.Getenv(env)
	if p == "" {
		t.Skipf("%s is not set: `make test` installs the clients and names their Python there", env)
	}
	return p
}

func TestPython027(t *testing.T) {
	p := python(t, "PARLEY_TEST_PYTHON027")
	runClient(t, binary.Start(t), "python027", p, "-m", "pytest", "-q", "-p", "no:cacheprovider")
}

func TestPython028(t *testing.T) {
	p := python(t, "PARLEY_TEST_PYTHON028")
	runClient(t, binary.Start(t), "python028", p, "-m", "pytest", "-q", "-p", "no:cacheprovider")
}

// TestPython110AndLangChain runs what the newest client's suite has for both, and LangChain of January 2024.
func TestPython110AndLangChain(t *testing.T) {
	p := python(t, "PARLEY_TEST_PYTHON110")
	t.Setenv("TIKTOKEN_CACHE_DIR", tiktokenFiles(t))
	runClient(t, binary.Start(t), "python110", p, "-m", "pytest", "-q", "-p", "no:cacheprovider",
		"../python/test_openai.py", "../python/test_json_mode.py", "../python/test_tools.py", ".")
}

func TestPythonNewestAndLiteLLM(t *testing.T) {
	p := python(t, "PARLEY_TEST_PYTHON")
	runClient(t, binary.Start(t), "python", p, "-m", "pytest", "-q", "-p", "no:cacheprovider")
}

// TestRetries has a server on which one request may wait: clients repeat what it refuses.
func TestRetries(t *testing.T) {
	clients := []string{python(t, "PARLEY_TEST_PYTHON110"), python(t, "PARLEY_TEST_PYTHON")}
	t.Setenv("PARLEY_LIMITS_QUEUE_LENGTH", "1")
	s := binary.Start(t)
	for _, p := range clients {
		runClient(t, s, "busy", p, "-m", "pytest", "-q", "-p", "no:cacheprovider")
	}
}

func TestNodeNewest(t *testing.T) {
	if _, err := os.Stat("node/node_modules/openai"); err != nil {
		t.Skip("e2e/sdk/node has no node_modules: `make test` installs the client")
	}
	runClient(t, binary.Start(t), "node", "node", "--test")
}

// TestCurlAsTheOldDocsDo uses HTTP basic with the key as password and no user.
func TestCurlAsTheOldDocsDo(t *testing.T) {
	s := binary.Start(t)
	out, err := exec.Command("curl", "-sS", "-u", ":"+s.Key, s.URL+"/v1/models").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"text-davinci-003"`) {
		t.Errorf("curl -u :KEY /v1/models: %v\n%s", err, out)
	}
	out, err = exec.Command("curl", "-sS", s.URL+"/v1/chat/completions", "-H", "Authorization: Bearer "+s.Key,
		"-H", "Content-Type: application/json", "-d", `{"model":"gpt-3.5-turbo","messages":[{"role":"user","content":"Hi"}],"max_tokens":5}`).CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"finish_reason"`) {
		t.Errorf("curl /v1/chat/completions: %v\n%s", err, out)
	}
}
