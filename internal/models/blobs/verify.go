package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// newShortTimer fires when a lock is not free at once.
func newShortTimer() *time.Timer { return time.NewTimer(50 * time.Millisecond) }

// seen is what Verify remembers of a file, so that the next start need not read gigabytes again.
// Any change of size, time or inode makes it worthless.
type seen struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	ModTime int64  `json:"mtime_ns"`
	Inode   uint64 `json:"inode"`
	SHA256  string `json:"sha256"`
}

func (s Store) sidecar(path string) string {
	return filepath.Join(s.Dir, "verified", short(path)+".json")
}

// Verify checks that the file at path has the sha256 (hex), or returns a *MismatchError with the
// path and both hashes. A file that was hashed before and has the same size, modification time
// and inode is not read again.
func (s Store) Verify(ctx context.Context, path, want string, wantSize int64, progress func(done int64)) error {
	got, size, err := s.Hash(ctx, path, progress)
	if err != nil {
		return err
	}
	if got != want {
		return &MismatchError{Path: path, Want: want, Got: got, Size: size, WantSize: wantSize}
	}
	return nil
}

// Hash returns a file's sha256 and size, from memory where the file is unchanged since it was read.
func (s Store) Hash(ctx context.Context, path string, progress func(done int64)) (sha string, size int64, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", 0, err
	}
	now, err := look(path)
	if err != nil {
		return "", 0, err
	}
	var was seen
	if data, err := os.ReadFile(s.sidecar(path)); err == nil && json.Unmarshal(data, &was) == nil {
		now.SHA256 = was.SHA256
		if was == now && len(was.SHA256) == 2*sha256.Size {
			return was.SHA256, was.Size, nil
		}
	}
	sha, size, err = HashFile(ctx, path, progress)
	if err != nil {
		return "", 0, err
	}
	// A file that changed while it was read is not remembered.
	if after, err := look(path); err == nil && after.Size == size && after.ModTime == now.ModTime {
		if err := s.remember(path, sha); err != nil {
			return "", 0, err
		}
	}
	return sha, size, nil
}

func look(path string) (seen, error) {
	info, err := os.Stat(path)
	if err != nil {
		return seen{}, err
	}
	if !info.Mode().IsRegular() {
		return seen{}, fmt.Errorf("%s is not a file", path)
	}
	return seen{Path: path, Size: info.Size(), ModTime: info.ModTime().UnixNano(), Inode: inode(info)}, nil
}

func (s Store) remember(path, sha string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	now, err := look(path)
	if err != nil {
		return err
	}
	now.SHA256 = sha
	data, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return WriteFile(s.sidecar(path), data, 0o644)
}

// WriteFile writes a small file whole or not at all: a temporary file in the same directory, synced
// and renamed. Missing directories are made.
func WriteFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
