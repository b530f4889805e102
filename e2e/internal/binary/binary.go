// Package binary starts the built parley program for end-to-end tests, on the real small model, in a
// home directory of its own. It is what a user does by hand: serve, keys create, signin.
package binary

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/store/storetest"
)

// Server is a running `parley serve`.
type Server struct {
	URL  string // http://127.0.0.1:PORT
	Key  string // an API key
	Home string
	PID  int

	t    testing.TB
	bin  string
	db   string // the setting; empty: SQLite in the home
	env  []string
	args []string
	cmd  *exec.Cmd
	done chan struct{}
	log  *logBuffer
}

// Path returns the binary under test, or skips: `make test` builds it and names it.
func Path(t testing.TB) string {
	t.Helper()
	bin := os.Getenv("PARLEY_TEST_BIN")
	if bin == "" {
		t.Skip("PARLEY_TEST_BIN is not set: `make test` builds the binary and names it there")
	}
	if os.Getenv("PARLEY_TEST_HOME") == "" {
		t.Skip("PARLEY_TEST_HOME is not set: `make test` pulls the default models and names their home there")
	}
	return bin
}

// Start starts a server with a fresh home that knows the pulled models, and waits until it is ready.
// It ends with the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, bin: Path(t), args: args, db: storage(t)}
	s.move(t.TempDir())
	s.Launch()
	t.Cleanup(s.Stop)
	s.Key = strings.TrimSpace(s.Run("keys", "create", "--name", "e2e"))
	return s
}

// Beside starts another server on the same database, with a home of its own and the same key.
func (s *Server) Beside(t testing.TB) *Server {
	t.Helper()
	if s.db == "" {
		t.Fatal("two servers share PostgreSQL alone")
	}
	other := &Server{t: t, bin: s.bin, args: s.args, db: s.db, Key: s.Key}
	other.move(t.TempDir())
	// All servers of a database need its key.
	secret, err := os.ReadFile(filepath.Join(s.Home, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other.Home, "secret.key"), secret, 0o600); err != nil {
		t.Fatal(err)
	}
	other.Launch()
	t.Cleanup(other.Stop)
	return other
}

// In is a server of a program on a home and a database that are there already, not started yet: see Begin and Launch.
// db is the setting; empty is SQLite in the home. It is killed at the end of the test if it still runs.
func In(t testing.TB, bin, home, db string, env ...string) *Server {
	s := &Server{t: t, bin: bin, db: db, Home: home}
	s.env = append(os.Environ(), "PARLEY_HOME="+home, "PARLEY_ADDR=127.0.0.1:0", "PARLEY_LOG_LEVEL=info")
	if db != "" {
		s.env = append(s.env, "PARLEY_DB="+db)
	}
	s.env = append(s.env, env...)
	t.Cleanup(func() {
		if s.cmd != nil {
			s.Kill()
		}
	})
	return s
}

// storage returns the setting of a fresh database: empty for SQLite in the home.
func storage(t testing.TB) string {
	if os.Getenv(storetest.Env) == "" {
		return ""
	}
	return storetest.Postgres(t)
}

// move gives the server its home, which knows the pulled models.
func (s *Server) move(home string) {
	s.t.Helper()
	s.Home = home
	s.env = append(os.Environ(), "PARLEY_HOME="+s.Home, "PARLEY_ADDR=127.0.0.1:0", "PARLEY_LOG_LEVEL=info")
	if s.db != "" {
		s.env = append(s.env, "PARLEY_DB="+s.db)
	}
	// The manifest of what was pulled; the files themselves lie in the shared cache.
	manifest, err := os.ReadFile(filepath.Join(os.Getenv("PARLEY_TEST_HOME"), "models.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Home, "models.json"), manifest, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Launch starts the process again in the same home, after Kill or Stop.
func (s *Server) Launch() {
	s.t.Helper()
	s.Begin()
	s.waitReady()
}

// Begin is Launch without the wait for a server that answers.
func (s *Server) Begin() {
	s.t.Helper()
	os.Remove(filepath.Join(s.Home, "server.json"))
	s.cmd = exec.Command(s.bin, append([]string{"serve", "--smoke"}, s.args...)...)
	s.cmd.Env = s.env
	s.log = &logBuffer{}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.PID = s.cmd.Process.Pid
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		cmd.Wait()
		close(done)
	}(s.cmd, s.done)
}

// waitReady waits for the file that a ready server writes into its home.
func (s *Server) waitReady() {
	s.t.Helper()
	end := time.Now().Add(60 * time.Second)
	for time.Now().Before(end) {
		select {
		case <-s.done:
			s.t.Fatalf("parley serve ended:\n%s", s.log.String())
		case <-time.After(20 * time.Millisecond):
		}
		data, err := os.ReadFile(filepath.Join(s.Home, "server.json"))
		if err != nil {
			continue
		}
		var ready struct {
			URL string `json:"url"`
		}
		if json.Unmarshal(data, &ready) != nil || ready.URL == "" {
			continue
		}
		resp, err := http.Get(ready.URL + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			s.URL = ready.URL
			return
		}
	}
	s.t.Fatalf("parley serve was not ready within a minute:\n%s", s.log.String())
}

// Run runs a parley command in the server's home and returns its stdout; the test fails when it does.
func (s *Server) Run(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.bin, args...)
	cmd.Env = s.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("parley %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// Kill ends the server as kill -9 does.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// Stop asks the server to end and waits; after half a minute it is killed and the test fails.
func (s *Server) Stop() {
	select {
	case <-s.done:
		return
	default:
	}
	s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		s.Kill()
		s.t.Errorf("parley serve did not end within 30 s of an interrupt:\n%s", s.log.String())
	}
}

// Log returns what the server printed so far.
func (s *Server) Log() string { return s.log.String() }

// Children returns the process ids of the server's engine children. Linux lists a child under the thread
// that made it.
func (s *Server) Children() []int {
	var all []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.PID))
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil {
			all = append(all, parsePIDs(string(data))...)
		}
	}
	return all
}

func parsePIDs(s string) []int {
	var pids []int
	for _, f := range strings.Fields(s) {
		var pid int
		if _, err := fmt.Sscan(f, &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// logBuffer collects output of the process; safe for concurrent use.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
