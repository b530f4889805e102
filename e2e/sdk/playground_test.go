package sdk

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// goldenBase is the address in the golden programs.
const goldenBase = "http://127.0.0.1:8080/v1"

// recorder passes requests on to the server and keeps the last one.
type recorder struct {
	mu     sync.Mutex
	path   string
	key    string
	body   []byte
	status int
}

func (c *recorder) start(t *testing.T, to string) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.status = r.StatusCode
			return nil
		},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading what a program sent: %v", err)
		}
		c.mu.Lock()
		c.path, c.key, c.body = r.URL.Path, r.Header.Get("Authorization"), body
		c.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestPlaygroundCode runs the programs that the playground shows: each sends the request that the playground sends,
// to the byte of its JSON values, and gets an answer. web/src/features/playground/code.test.ts writes them.
func TestPlaygroundCode(t *testing.T) {
	s := binary.Start(t)
	var seen recorder
	base := seen.start(t, s.URL) + "/v1"
	requests, err := filepath.Glob("playground/*.json")
	if err != nil || len(requests) == 0 {
		t.Fatalf("no requests beside the programs: %v", err)
	}
	for _, file := range requests {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		var want struct {
			Path string
			Body any
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		for _, lang := range []struct {
			name, ending string
			command      func(t *testing.T, program string) *exec.Cmd
		}{
			{"python", ".py", func(t *testing.T, p string) *exec.Cmd {
				return exec.Command(python(t, "PARLEY_TEST_PYTHON"), "-c", p)
			}},
			{"python 1.10", ".py", func(t *testing.T, p string) *exec.Cmd {
				return exec.Command(python(t, "PARLEY_TEST_PYTHON110"), "-c", p)
			}},
			{"python 0.28", ".028.py", func(t *testing.T, p string) *exec.Cmd {
				return exec.Command(python(t, "PARLEY_TEST_PYTHON028"), "-c", p)
			}},
			{"node", ".mjs", func(t *testing.T, p string) *exec.Cmd {
				if _, err := os.Stat("node/node_modules/openai"); err != nil {
					t.Skip("e2e/sdk/node has no node_modules: `make test` installs the client")
				}
				cmd := exec.Command("node", "--input-type=module", "-")
				cmd.Dir, cmd.Stdin = "node", strings.NewReader(p)
				return cmd
			}},
			{"curl", ".sh", func(_ *testing.T, p string) *exec.Cmd { return exec.Command("sh", "-c", p) }},
		} {
			t.Run(name+"/"+lang.name, func(t *testing.T) {
				text, err := os.ReadFile(filepath.Join("playground", name+lang.ending))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Count(string(text), goldenBase) != 1 {
					t.Fatalf("the program does not name %s once", goldenBase)
				}
				cmd := lang.command(t, strings.Replace(string(text), goldenBase, base, 1))
				cmd.Env = append(os.Environ(), "OPENAI_API_KEY="+s.Key, "PYTHONIOENCODING=utf-8")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v\n%s%s", err, out, stderr.String())
				}
				seen.mu.Lock()
				defer seen.mu.Unlock()
				var sent any
				if err := json.Unmarshal(seen.body, &sent); err != nil {
					t.Fatalf("sent %s: %v", seen.body, err)
				}
				if seen.path != want.Path || seen.key != "Bearer "+s.Key || !reflect.DeepEqual(sent, want.Body) {
					t.Errorf("sent %s with %.12s…: %s\nwant %s: %v", seen.path, seen.key, seen.body, want.Path, want.Body)
				}
				if seen.status != http.StatusOK || !strings.Contains(string(out), "choices") && !strings.Contains(string(out), "Choice") {
					t.Errorf("answered %d: %s", seen.status, out)
				}
			})
		}
	}
}
