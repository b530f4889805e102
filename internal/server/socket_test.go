//go:build unix

package server

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSocketOfALongHome lies in a directory that nobody else may enter, and is refused where something
// else lies under that name.
func TestSocketOfALongHome(t *testing.T) {
	tmp, err := os.MkdirTemp("", "p")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	t.Setenv("TMPDIR", tmp)
	path := SocketPath("/" + strings.Repeat("long/", 40))
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o777); err != nil { //nolint:gosec // what somebody else might have left
		t.Fatal(err)
	}
	l, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, p := range []string{dir, path} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := listenSocket(path); err == nil {
		t.Error("a link to elsewhere was taken")
	}
}

// TestProfiles are for the socket alone; all else there is the API.
func TestProfiles(t *testing.T) {
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := withProfiles(api)
	for path, want := range map[string]int{"/debug/pprof/heap": http.StatusOK, "/debug/pprof/": http.StatusOK, "/admin/status": http.StatusTeapot, "/": http.StatusTeapot} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
