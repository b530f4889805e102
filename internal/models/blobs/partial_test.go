package blobs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestTidy: what was cut long ago goes, with all that belongs to it; what somebody may go on with stays.
func TestTidy(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	if freed, err := s.Tidy(time.Now()); err != nil || freed != 0 {
		t.Errorf("an empty store: %d %v", freed, err)
	}
	now := time.Now()
	write := func(path string, at time.Time) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("1234"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, filepath.Dir(path)} {
			if err := os.Chtimes(p, at, at); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	long := now.Add(-30 * 24 * time.Hour)
	old, dir, fresh := write(s.Partial("old"), long), write(filepath.Join(s.Dir, "partial", "pull-1-2", "blob"), long), write(s.Partial("new"), now)
	blob := write(s.Path("00"), long)
	if freed, err := s.Tidy(now.Add(-14 * 24 * time.Hour)); err != nil || freed != 8 {
		t.Errorf("%d bytes, %v", freed, err)
	}
	for path, want := range map[string]bool{old: false, filepath.Dir(dir): false, fresh: true, blob: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestDiscard: what is left of a download goes unless somebody is at it.
func TestDiscard(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	part := s.Partial("key")
	if err := s.Discard(t.Context(), "key"); err != nil {
		t.Errorf("nothing there: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{part, part + ".json"} {
		if err := os.WriteFile(path, []byte("1"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := s.Lock(t.Context(), FileLock("key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Discard(t.Context(), "key"); err != nil {
		t.Errorf("somebody is at it: %v", err)
	}
	if _, err := os.Stat(part); err != nil {
		t.Errorf("it was taken from who is at it: %v", err)
	}
	unlock()
	if err := s.Discard(t.Context(), "key"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{part, part + ".json"} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
