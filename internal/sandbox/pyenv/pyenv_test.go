package pyenv

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFindSaysWhatToDo(t *testing.T) {
	cache := t.TempDir()
	if _, err := Find(cache); !errors.Is(err, ErrMissing) {
		t.Fatalf("an empty cache: %v", err)
	}
	if err := os.MkdirAll(Dir(cache), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(cache); !errors.Is(err, ErrMissing) {
		t.Fatalf("a directory without a description: %v", err)
	}
	if err := os.WriteFile(filepath.Join(Dir(cache), "environment.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(cache); err == nil || errors.Is(err, ErrMissing) {
		t.Fatalf("a damaged description: %v", err)
	}
}
