// Package script drives the built program as people do: sessions of a shell in testdata, and what is
// typed into a terminal, in Go. The models are the small real ones.
package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func TestScripts(t *testing.T) {
	tools := tools(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			for _, v := range environment(t, e.WorkDir) {
				name, value, _ := strings.Cut(v, "=")
				e.Setenv(name, value)
			}
			e.Setenv("PATH", tools+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("TOOLS", tools)
			return models(t, filepath.Join(e.WorkDir, "home"))
		},
		Condition: func(cond string) (bool, error) {
			if cond == "postgres" {
				return os.Getenv(storetest.Env) != "", nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code, "ready": ready, "let": let, "damage": damage, "file": file, "times": times, "database": database(t), "streams": streams,
		},
	})
}

// tools is a directory with nothing but the program.
func tools(t *testing.T) string {
	t.Helper()
	bin, err := filepath.Abs(binary.Path(t))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("the scripts send Unix signals")
	}
	dir := t.TempDir()
	if err := os.Symlink(bin, filepath.Join(dir, "parley")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// environment is that of a user who has nothing but the shared cache. Programs on this machine that
// serve models are not asked.
func environment(t *testing.T, dir string) []string {
	t.Helper()
	return []string{
		"HOME=" + dir, "PARLEY_HOME=" + filepath.Join(dir, "home"), "PARLEY_CACHE=" + cache(t),
		"PARLEY_ADDR=127.0.0.1:0", "OLLAMA_HOST=127.0.0.1:1", "HF_ENDPOINT=http://127.0.0.1:1",
	}
}

// cache is where `make models` put the models.
func cache(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("PARLEY_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "parley")
}

// models makes a home that knows the pulled models; their files lie in the cache.
func models(t *testing.T, home string) error {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(os.Getenv("PARLEY_TEST_HOME"), "models.json"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(home, "models.json"), manifest, 0o600)
}

// code N PROGRAM ARGS…: runs it and expects the exit code.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program [args...]")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// ready: waits until the server of PARLEY_HOME answers, and sets URL and ADDR.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: ready")
	}
	begun := time.Now()
	for time.Since(begun) < time.Minute {
		var state struct {
			URL string `json:"url"`
		}
		data, err := os.ReadFile(filepath.Join(ts.Getenv("PARLEY_HOME"), "server.json"))
		if err == nil && json.Unmarshal(data, &state) == nil && state.URL != "" {
			if resp, err := http.Get(state.URL + "/readyz"); err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					ts.Setenv("URL", state.URL)
					ts.Setenv("ADDR", strings.TrimPrefix(state.URL, "http://"))
					ts.Logf("ready after %v", time.Since(begun).Round(time.Millisecond))
					return
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("no server in %s was ready within a minute", ts.Getenv("PARLEY_HOME"))
}

// let NAME: sets a variable to what was printed last. let NAME COLUMN: to that field of its last line.
func let(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: let NAME [COLUMN]")
	}
	value := strings.TrimSpace(ts.ReadFile("stdout"))
	if len(args) == 2 {
		fields := strings.Fields(value[strings.LastIndex(value, "\n")+1:])
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 1 || n > len(fields) {
			ts.Fatalf("there is no field %s in %q", args[1], fields)
		}
		value = fields[n-1]
	}
	ts.Setenv(args[0], value)
}

// damage FILE: changes one byte in its middle.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damage FILE")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	info, err := f.Stat()
	ts.Check(err)
	one := make([]byte, 1)
	_, err = f.ReadAt(one, info.Size()/2)
	ts.Check(err)
	one[0] ^= 0xff
	_, err = f.WriteAt(one, info.Size()/2)
	ts.Check(err)
}

// file MODEL NAME PATH: copies a file that was pulled for a model out of the cache; the name "-" is the
// file that is served.
func file(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: file MODEL NAME PATH")
	}
	var manifest struct {
		Models []struct {
			Name   string `json:"name"`
			SHA256 string `json:"sha256"`
			Files  []struct {
				Name   string `json:"name"`
				SHA256 string `json:"sha256"`
			} `json:"files"`
		} `json:"models"`
	}
	data, err := os.ReadFile(filepath.Join(os.Getenv("PARLEY_TEST_HOME"), "models.json"))
	ts.Check(err)
	ts.Check(json.Unmarshal(data, &manifest))
	sha := ""
	for _, m := range manifest.Models {
		if m.Name != args[0] {
			continue
		}
		if args[1] == "-" {
			sha = m.SHA256
		}
		for _, f := range m.Files {
			if f.Name == args[1] {
				sha = f.SHA256
			}
		}
	}
	if sha == "" {
		ts.Fatalf("%s has no file %s", args[0], args[1])
	}
	from, err := os.Open(filepath.Join(ts.Getenv("PARLEY_CACHE"), "blobs", "sha256", sha))
	ts.Check(err)
	defer from.Close()
	to := ts.MkAbs(args[2])
	ts.Check(os.MkdirAll(filepath.Dir(to), 0o755))
	out, err := os.Create(to)
	ts.Check(err)
	_, err = io.Copy(out, from)
	ts.Check(errors.Join(err, out.Close()))
}

// times N TEXT: what was printed last has the text as often.
func times(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: times N TEXT")
	}
	if n := strings.Count(ts.ReadFile("stdout"), args[1]); strconv.Itoa(n) != args[0] {
		ts.Fatalf("%q is there %d times, want %s", args[1], n, args[0])
	}
}

// database NAME: sets a variable to the address of an empty PostgreSQL schema.
func database(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: database NAME")
		}
		ts.Setenv(args[0], storetest.Postgres(t))
	}
}

// streams FILE: waits until an answer runs into the file.
func streams(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: streams FILE")
	}
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(5 * time.Millisecond) {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(data), `"content"`) {
			return
		}
	}
	ts.Fatalf("no answer ran into %s within a minute", args[0])
}
