package blob_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/blob/blobtest"
	"github.com/parley-ai/parley/internal/fault"
)

func open(t *testing.T, path string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDir(t *testing.T) {
	blobtest.Conform(t, func(t *testing.T) blob.Store { return open(t, filepath.Join(t.TempDir(), "new", "blobs")) })
}

// Contents outlive the process; what a killed Put left is removed, and what another process is writing stays.
func TestDirReopen(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if _, err := d.Put(context.Background(), "k", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	ages := map[string]time.Duration{"put-stale": 25 * time.Hour, "put-killed": time.Minute, "put-fresh": 0}
	for name, age := range ages {
		f, at := filepath.Join(path, "incoming", name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(f, []byte("half"), 0o600), os.Chtimes(f, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	reading, write := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := d.Put(context.Background(), "slow", reading)
		done <- err
	}()
	if _, err := write.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	running, err := filepath.Glob(filepath.Join(path, "incoming", "put-[0-9]*"))
	if err != nil || len(running) != 1 {
		t.Fatalf("%v, %v", running, err)
	}
	if at := time.Now().Add(-time.Minute); runtime.GOOS != "windows" {
		if err := os.Chtimes(running[0], at, at); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, path)
	if info, err := again.Stat(context.Background(), "k"); err != nil || info.Size != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	for name, stays := range map[string]bool{"put-stale": false, "put-killed": runtime.GOOS == "windows", "put-fresh": true} {
		if _, err := os.Stat(filepath.Join(path, "incoming", name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(write.Close(), <-done); err != nil {
		t.Errorf("the Put that was running: %v", err)
	}
}

// A link that somebody put into the directory leads nowhere outside.
func TestDirLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	path, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, path)
	if _, err := d.Put(context.Background(), "k", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	replaced := 0
	_ = filepath.Walk(path, func(p string, st os.FileInfo, _ error) error {
		if st.Mode().IsRegular() {
			replaced++
			_ = os.Remove(p)
			return os.Symlink(outside, p)
		}
		return nil
	})
	if replaced != 1 {
		t.Fatalf("%d files", replaced)
	}
	if _, _, err := d.Get(context.Background(), "k"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Get through a link: %v", err)
	}
}

func TestDirErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenDir(file); err == nil {
		t.Error("a file was opened as a directory")
	}
	path := t.TempDir()
	d := open(t, path)
	if err := os.RemoveAll(filepath.Join(path, "incoming")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Put(context.Background(), "k", strings.NewReader("x")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Put without its directory: %v", err)
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "a/./b", "files/file-abc.txt"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if blob.CheckKey(key) == nil && !filepath.IsLocal(filepath.FromSlash(key)) {
			t.Errorf("%q leaves the directory", key)
		}
	})
}
