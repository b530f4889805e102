//go:build unix

package resilience

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// question asks a short question and returns the status and the error's message, if any.
func question(t *testing.T, s *binary.Server) (status int, message string) {
	t.Helper()
	return post(t, s, "/v1/chat/completions", map[string]any{
		"model": "gpt-3.5-turbo", "messages": longChat["messages"], "max_tokens": 3,
	})
}

func post(t *testing.T, s *binary.Server, path string, body any) (status int, message string) {
	t.Helper()
	resp, err := call(s, http.MethodPost, path, body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		t.Fatalf("%s: %v\n%s", resp.Status, err, data)
	}
	return resp.StatusCode, answer.Error.Message
}

// answered asks until there is an answer, for half a minute.
func answered(t *testing.T, s *binary.Server, when string) {
	t.Helper()
	var status int
	var message string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status, message = question(t, s); status == http.StatusOK {
			return
		}
	}
	t.Fatalf("%s: %d %s\n%s", when, status, message, s.Log())
}

// engine is the process of the only model that is loaded.
func engine(t *testing.T, s *binary.Server) int {
	t.Helper()
	children := s.Children()
	if len(children) != 1 {
		t.Fatalf("the server has the engine processes %v, want one", children)
	}
	return children[0]
}

// TestStoppedEngine holds the engine's process with SIGSTOP, which to the server looks like one that hangs
// in a driver: it is recognized, and replaced.
func TestStoppedEngine(t *testing.T) {
	t.Setenv("PARLEY_ENGINE_HANG_AFTER", "2s")
	s := binary.Start(t)
	answered(t, s, "at first")
	pid := engine(t, s)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// Tokenizing it is what meets the stopped process, and that is done again: the question need not fail.
	if status, message := question(t, s); status != http.StatusOK && !strings.Contains(message, "hung") {
		t.Errorf("a question to the stopped engine: %d %s", status, message)
	}
	answered(t, s, "after it was replaced")
	if engine(t, s) == pid {
		t.Error("the stopped process was not replaced")
	}
	if !strings.Contains(s.Log(), "the engine process hangs and is killed") {
		t.Errorf("the log does not say so:\n%s", s.Log())
	}
}

// TestEngineKilledAgainAndAgain: a process that worked is started again at once, however often it is killed,
// and a question that comes in that moment is answered.
func TestEngineKilledAgainAndAgain(t *testing.T) {
	s := binary.Start(t)
	answered(t, s, "at first")
	for n := range 8 {
		for _, pid := range s.Children() {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		if status, message := question(t, s); status != http.StatusOK {
			t.Errorf("in the moment of kill %d: %d %s", n+1, status, message)
		}
	}
	// Twice in a row, and while it loads.
	for range 2 {
		for len(s.Children()) == 0 {
			time.Sleep(time.Millisecond)
		}
		for _, pid := range s.Children() {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	if status, message := question(t, s); status != http.StatusOK {
		t.Errorf("after two kills in a row: %d %s", status, message)
	}
}

// modelFile gives the server a cache of its own, in which the chat model may be damaged, and returns the
// model's path and hash.
func modelFile(t *testing.T) (path, sha string) {
	t.Helper()
	binary.Path(t)
	cache, own := os.Getenv("PARLEY_TEST_CACHE"), t.TempDir()
	if cache == "" {
		t.Skip("PARLEY_TEST_CACHE is not set: `make test` pulls the default models and names their cache there")
	}
	data, err := os.ReadFile(filepath.Join(os.Getenv("PARLEY_TEST_HOME"), "models.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Models []struct{ Name, SHA256 string }
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	blobs := filepath.Join(own, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(cache, "libraries"), filepath.Join(own, "libraries")); err != nil {
		t.Fatal(err)
	}
	for _, m := range manifest.Models {
		if m.SHA256 == "" {
			continue
		}
		from, to := filepath.Join(cache, "blobs", "sha256", m.SHA256), filepath.Join(blobs, m.SHA256)
		if m.Name != "smollm2-135m-instruct" {
			if err := os.Symlink(from, to); err != nil {
				t.Fatal(err)
			}
			continue
		}
		path, sha = to, m.SHA256
		restore(t, from, path)
	}
	t.Setenv("PARLEY_CACHE", own)
	return path, sha
}

// restore puts a copy of a file in another's place.
func restore(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to + ".new")
	if err == nil {
		_, err = io.Copy(out, in)
	}
	if err == nil {
		err = out.Close()
	}
	if err == nil {
		err = os.Rename(to+".new", to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// refused asks until the question is refused with all of the words, for half a minute.
func refused(t *testing.T, s *binary.Server, words ...string) {
	t.Helper()
	var status int
	var message string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status, message = question(t, s); status == http.StatusOK {
			continue
		}
		missing := 0
		for _, w := range words {
			if !strings.Contains(message, w) {
				missing++
			}
		}
		if missing == 0 {
			if status != http.StatusServiceUnavailable {
				t.Errorf("refused with %d", status)
			}
			return
		}
	}
	t.Fatalf("%d %q, want a refusal that says %q\n%s", status, message, words, s.Log())
}

// TestModelFileOfARunningEngine: the file is altered, cut short and removed while the engine runs. The
// server lives on, the next start of the engine is refused with the path and both hashes, and when the
// file is back so is the model.
func TestModelFileOfARunningEngine(t *testing.T) {
	path, sha := modelFile(t)
	original := filepath.Join(os.Getenv("PARLEY_TEST_CACHE"), "blobs", "sha256", sha)
	s := binary.Start(t)
	answered(t, s, "at first")

	// Cut short in place. The engine may crash as it reads on, or live on what it has in memory.
	if err := os.Truncate(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	question(t, s)
	for _, pid := range s.Children() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, s, path, sha, "altered", "its sha256 is ")
	restore(t, original, path)
	answered(t, s, "with the file restored")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if status, message := question(t, s); status != http.StatusOK {
		t.Errorf("a running engine has its file open still: %d %s", status, message)
	}
	if err := syscall.Kill(engine(t, s), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	refused(t, s, path, "is gone", "parley pull")
	restore(t, original, path)
	answered(t, s, "with the file back")
	var health map[string]any
	get(t, s, "/healthz", &health)
}

// TestModelFileAfterIdleUnload: the same when the engine was unloaded and is to be loaded again.
func TestModelFileAfterIdleUnload(t *testing.T) {
	path, sha := modelFile(t)
	original := filepath.Join(os.Getenv("PARLEY_TEST_CACHE"), "blobs", "sha256", sha)
	t.Setenv("PARLEY_ENGINE_IDLE_UNLOAD", "300ms")
	s := binary.Start(t)
	unloaded := func() {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); len(s.Children()) > 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the idle engine was not unloaded")
			}
		}
	}
	answered(t, s, "at first")
	unloaded()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refused(t, s, path, "parley pull")
	if err := os.WriteFile(path, []byte("GGUF, not really"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, s, path, sha, "cut short or altered: its sha256 is ")
	restore(t, original, path)
	answered(t, s, "with the file restored")
}
