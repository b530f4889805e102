package generatetest

import (
	"bytes"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

var update = flag.Bool("update", false, "write the goldens anew")

// Time is what the clocks of these tests show.
var Time = time.Date(2024, time.January, 25, 12, 0, 0, 0, time.UTC)

type auth struct{}

// Authenticate lets everybody in: as Who, or as the user that the header Test-User names.
func (auth) Authenticate(r *http.Request) (actor.Actor, error) {
	who := Who
	who.Key = "key_test"
	if u := r.Header.Get("Test-User"); u != "" {
		who.User = u
	}
	return who, nil
}

// Serve serves routes to the test; everybody is Who.
func Serve(t testing.TB, routes []httpapi.Route) *httptest.Server {
	t.Helper()
	api, err := httpapi.New(httpapi.Options{Routes: routes, Auth: auth{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	return srv
}

// Do sends a request and returns the answer with its whole body.
func Do(t testing.TB, srv *httptest.Server, method, path, body string) (*http.Response, string) {
	t.Helper()
	return DoAs(t, srv, "", method, path, body)
}

// DoAs is Do as a certain user.
func DoAs(t testing.TB, srv *httptest.Server, user, method, path, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Test-User", user)
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(all)
}

// Golden compares got with testdata/name; -update writes it.
func Golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs (run with -update if that is meant)\ngot\n%s\nwant\n%s", path, got, want)
	}
}
