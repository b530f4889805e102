package blobs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// NoteHome notes that a home directory uses the store, so that another home does not delete its files.
func (s Store) NoteHome(dir string) error {
	note := filepath.Join(s.Dir, "homes", short(dir))
	if data, err := os.ReadFile(note); err == nil && string(data) == dir {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(note), 0o755); err != nil {
		return err
	}
	s.forgetHomes()
	return WriteFile(note, []byte(dir), 0o644)
}

// forgetAfter is how old the note of a home that is gone must be to be removed.
const forgetAfter = 30 * 24 * time.Hour

// forgetHomes removes notes of homes that are long gone. What cannot be removed is tried again another time.
func (s Store) forgetHomes() {
	notes, _ := os.ReadDir(filepath.Join(s.Dir, "homes"))
	for _, note := range notes {
		path := filepath.Join(s.Dir, "homes", note.Name())
		info, err := note.Info()
		if err != nil || time.Since(info.ModTime()) < forgetAfter {
			continue
		}
		if data, err := os.ReadFile(path); err == nil {
			if _, err := os.Stat(string(data)); errors.Is(err, fs.ErrNotExist) {
				_ = os.Remove(path)
			}
		}
	}
}

// Homes returns the home directories that noted themselves and are still there.
func (s Store) Homes() ([]string, error) {
	notes, err := os.ReadDir(filepath.Join(s.Dir, "homes"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, note := range notes {
		data, err := os.ReadFile(filepath.Join(s.Dir, "homes", note.Name()))
		if err != nil {
			return nil, err
		}
		dir := strings.TrimSpace(string(data))
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err // there, and not to be looked into: it may use anything
		}
		out = append(out, dir)
	}
	return out, nil
}

// Remove deletes the file with a sha256, and returns how many bytes that frees; 0 when there is none.
func (s Store) Remove(sha string) (int64, error) {
	info, err := os.Stat(s.Path(sha))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), os.Remove(s.Path(sha))
}
