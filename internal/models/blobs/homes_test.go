package blobs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestHomes(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	if homes, err := s.Homes(); err != nil || len(homes) != 0 {
		t.Errorf("%v %v", homes, err)
	}
	a, gone := t.TempDir(), filepath.Join(t.TempDir(), "gone")
	for _, dir := range []string{a, gone, a} {
		if err := s.NoteHome(dir); err != nil {
			t.Fatal(err)
		}
	}
	if homes, err := s.Homes(); err != nil || !slices.Equal(homes, []string{a}) {
		t.Errorf("%v %v", homes, err)
	}
	// The note of one that is gone is kept for a while: its disk may come back.
	note := filepath.Join(s.Dir, "homes", short(gone))
	notes := func() int {
		list, err := os.ReadDir(filepath.Join(s.Dir, "homes"))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if err := s.NoteHome(t.TempDir()); err != nil || notes() != 3 {
		t.Errorf("%d notes, %v", notes(), err)
	}
	long := time.Now().Add(-forgetAfter - time.Hour)
	if err := os.Chtimes(note, long, long); err != nil {
		t.Fatal(err)
	}
	if err := s.NoteHome(t.TempDir()); err != nil || notes() != 3 {
		t.Errorf("%d notes, %v", notes(), err)
	}
}
