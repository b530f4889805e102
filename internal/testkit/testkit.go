// Package testkit starts the real server for tests: routes, core, store and wiring as they are shipped,
// on a temporary SQLite file (or a PostgreSQL schema when TEST_POSTGRES is set), with the echo engine,
// which is a fake and says so, and a clock that the test moves.
package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/server"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// Epoch is what the fake clock shows at the start of a test.
var Epoch = time.Date(2023, 11, 6, 18, 0, 0, 0, time.UTC)

// Server is a running server and the keys to it.
type Server struct {
	*server.Server
	Key   string // an API key that may do everything
	Clock *clock.Fake
	t     testing.TB
}

// Options change what Start starts.
type Options struct {
	Echo   echo.Options   // how the fake engine behaves
	Config map[string]any // settings by key, as flags would set them
	DB     string         // database; empty is a new one
	Opener engine.Opener  // instead of the echo engine
	Log    *slog.Logger   // nil is the test's own log, which keeps every line until the test ends
}

// Start starts a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	db := o.DB
	switch {
	case db != "":
	case os.Getenv(storetest.Env) != "":
		db = storetest.Postgres(t)
	default:
		db = storetest.SQLite(t)
	}
	flags := map[string]any{
		"addr": "127.0.0.1:0", "home": shortDir(t), "cache": t.TempDir(), "db": db, "shutdown_grace": "5s",
		// The registry knows the fake as a remote server with one model; nothing is dialed.
		"remotes": `[{"name": "fake", "url": "http://127.0.0.1:1/v1", "models": ["echo"]}]`,
		"aliases": `{"text-embedding-ada-002": "echo", "text-search-ada-doc-001": "echo"}`, "retrieval.embedding_model": "text-embedding-ada-002",
	}
	if o.DB != "" { // which another server of the test may have made, with a home of its own
		flags["secret_key"] = "dGVzdHMgb25seTogdGhpcnR5LXR3byBieXRlcyBsb24="
	}
	for key, value := range o.Config {
		flags[key] = value
	}
	cfg, err := config.Load(config.Options{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewFake(Epoch)
	opener := o.Opener
	if opener == nil {
		opener = echo.Opener(o.Echo)
	}
	ctx := context.Background()
	log := o.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	}
	s, err := server.New(ctx, server.Options{
		Config: cfg, Log: log, Version: "test", Clock: clk,
		Openers: map[string]engine.Opener{"remote": opener},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(ctx); err != nil {
			t.Errorf("closing the server: %v", err)
		}
	})
	if _, err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	key, err := s.FirstKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Server: s, Key: key, Clock: clk, t: t}
}

// shortDir is a temporary directory whose path is short enough for a Unix socket.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "parley")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Call sends a request with the API key and returns status, headers and body. body is sent as it is when
// it is a string, as JSON otherwise; nil sends none.
func (s *Server) Call(method, path string, body any) (*http.Response, string) {
	s.t.Helper()
	return s.do(http.DefaultClient, method, path, body, map[string]string{"Authorization": "Bearer " + s.Key})
}

// CallWith is Call with headers instead of the API key.
func (s *Server) CallWith(headers map[string]string, method, path string, body any) (*http.Response, string) {
	s.t.Helper()
	return s.do(http.DefaultClient, method, path, body, headers)
}

// Browser signs in by a one-time link and returns a client with the session's cookie.
func (s *Server) Browser() *http.Client {
	s.t.Helper()
	link, err := s.SignInLink(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	_, token, _ := strings.Cut(link, "token=")
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	if resp, text := s.do(c, http.MethodPost, "/api/session", map[string]string{"token": token}, nil); resp.StatusCode != http.StatusOK {
		s.t.Fatalf("signing in: %s %s", resp.Status, text)
	}
	return c
}

// Do sends a request with a client, such as a Browser.
func (s *Server) Do(c *http.Client, method, path string, body any) (*http.Response, string) {
	s.t.Helper()
	return s.do(c, method, path, body, nil)
}

func (s *Server) do(c *http.Client, method, path string, body any, headers map[string]string) (*http.Response, string) {
	s.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		r = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, s.URL()+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(text)
}

// testWriter sends the server's log to the test's.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimRight(p, "\n"))
	return len(p), nil
}
