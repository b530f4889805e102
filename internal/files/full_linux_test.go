package files_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
)

// A full disk is told as such, what was stored stays, and room comes back.
func TestFullDisk(t *testing.T) {
	path := t.TempDir()
	if err := syscall.Mount("parley-test", path, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("mounting a small tmpfs needs root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	s := testkit.Start(t, testkit.Options{Config: map[string]any{"blob.url": "file://" + path}})
	kept := send(t, s, "/v1/files", 200, field{"purpose", "user_data", ""}, field{"file", "stays", "a.txt"})
	for range 3 {
		e := send(t, s, "/v1/files", http.StatusInsufficientStorage, field{"purpose", "user_data", ""}, field{"file", strings.Repeat("x", 8<<20), "b.txt"}).Error
		if e.Type != "server_error" || !strings.Contains(e.Message, "is full") {
			t.Errorf("%+v", e)
		}
	}
	send(t, s, "/v1/files", 200, field{"purpose", "user_data", ""}, field{"file", strings.Repeat("x", 2<<20), "c.txt"})
	if _, text := s.Call(http.MethodGet, "/v1/files/"+kept.ID+"/content", nil); text != "stays" {
		t.Errorf("%q", text)
	}
	if l := call(t, s, http.MethodGet, "/v1/files", nil, 200); len(l.Data) != 2 {
		t.Errorf("%d files", len(l.Data))
	}
}
