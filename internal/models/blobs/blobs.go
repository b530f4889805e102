// Package blobs keeps model files by the sha256 of what they hold, outside every home and checkout,
// so that several homes share one copy and a file that was cut short or altered is noticed.
//
// Layout of a store's directory:
//
//	blobs/sha256/HEX     whole files, written once, never changed
//	libraries/NAME/      unpacked native libraries, one directory per pinned package
//	partial/             downloads under way; hub and URL pulls resume from here
//	incoming/            files that a person puts here by hand, for machines without a network
//	locks/               one lock file per thing being pulled, so that two pulls share one download
//	verified/            what Verify computed, by path, size, time and inode
//	homes/               which home directories use the store, one note each
//
// Invariant: a file below blobs/sha256 appears by rename after its bytes were hashed, so its name is
// true unless somebody altered it later, which Verify finds.
package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Store is a directory of model files.
type Store struct{ Dir string }

// DefaultDir is where model files live: PARLEY_CACHE, else XDG_CACHE_HOME/parley, else the
// system's cache directory.
func DefaultDir() (string, error) {
	if dir := os.Getenv("PARLEY_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "parley"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory: set PARLEY_CACHE: %w", err)
	}
	return filepath.Join(dir, "parley"), nil
}

// Path is where the file with this sha256 (hex) lives, whether it is there or not.
func (s Store) Path(sha string) string { return filepath.Join(s.Dir, "blobs", "sha256", sha) }

// Library is the directory of an unpacked library package.
func (s Store) Library(name string) string { return filepath.Join(s.Dir, "libraries", name) }

// Incoming is where a person puts files that this machine cannot fetch.
func (s Store) Incoming() string { return filepath.Join(s.Dir, "incoming") }

// Partial is the path of a download under way; key is any text that names it.
func (s Store) Partial(key string) string {
	return filepath.Join(s.Dir, "partial", short(key)+".part")
}

// Has reports whether the store has a file of this sha256; size is checked when it is known (> 0).
func (s Store) Has(sha string, size int64) bool {
	info, err := os.Stat(s.Path(sha))
	return err == nil && info.Mode().IsRegular() && (size <= 0 || info.Size() == size)
}

// TempDir makes a directory for one pull, on the same file system as the blobs. The caller has the lock
// of key (see Lock), so what lies there under the same key is of a holder that was killed: it is removed.
// The name is another each time, because that holder's pip or npm may still be writing.
func (s Store) TempDir(key string) (string, error) {
	parent := filepath.Join(s.Dir, "partial")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	prefix := "pull-" + short(key) + "-"
	left, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(parent, prefix)
}

// short is a key as part of a file's name.
func short(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// Lock takes the lock of a thing being pulled and returns what gives it back. When somebody else
// has it, waiting is called once (it may be nil) and Lock waits until ctx ends.
func (s Store) Lock(ctx context.Context, key string, waiting func()) (unlock func(), err error) {
	dir := filepath.Join(s.Dir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return lock(ctx, filepath.Join(dir, short(key)), waiting)
}

// LockFile takes the lock of any file by its path; see Store.Lock.
func LockFile(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return lock(ctx, path, nil)
}

func lock(ctx context.Context, path string, waiting func()) (func(), error) {
	type got struct {
		unlock func()
		err    error
	}
	ch := make(chan got, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(path).Lock()
		ch <- got{unlock, err}
	}()
	// The lock is nearly always free; only a real wait is worth telling.
	timer := newShortTimer()
	defer timer.Stop()
	for {
		select {
		case g := <-ch:
			return g.unlock, g.err
		case <-timer.C:
			if waiting != nil {
				waiting()
			}
		case <-ctx.Done():
			// The goroutine cannot be taken back: what it gets later is given back at once.
			go func() {
				if g := <-ch; g.err == nil {
					g.unlock()
				}
			}()
			return nil, ctx.Err()
		}
	}
}

// Writer writes a new blob. Close without Commit throws it away.
type Writer struct {
	store Store
	file  *os.File
	hash  hash.Hash
	n     int64
	limit int64
}

// Create starts a new blob in a directory of TempDir. It takes at most limit bytes when limit > 0.
func (s Store) Create(dir string, limit int64) (*Writer, error) {
	f, err := os.CreateTemp(dir, "blob-")
	if err != nil {
		return nil, err
	}
	return &Writer{store: s, file: f, hash: sha256.New(), limit: limit}, nil
}

// Write adds bytes.
func (w *Writer) Write(p []byte) (int, error) {
	if w.limit > 0 && w.n+int64(len(p)) > w.limit {
		return 0, fmt.Errorf("more than the %d bytes that were announced", w.limit)
	}
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.n += int64(n)
	return n, err
}

// Commit puts the blob in place and returns its sha256 and size. With want set, other bytes are
// refused with both hashes.
func (w *Writer) Commit(want string) (sha string, size int64, err error) {
	sha = hex.EncodeToString(w.hash.Sum(nil))
	if want != "" && sha != want {
		return "", 0, &MismatchError{Path: w.file.Name(), Want: want, Got: sha, Size: w.n}
	}
	if err := w.file.Sync(); err != nil {
		return "", 0, err
	}
	name := w.file.Name()
	if err := w.file.Close(); err != nil {
		return "", 0, err
	}
	if err := w.store.Place(name, sha); err != nil {
		return "", 0, err
	}
	w.file = nil
	return sha, w.n, nil
}

// Close ends the writer. What was not committed is removed.
func (w *Writer) Close() error {
	if w.file == nil {
		return nil
	}
	name := w.file.Name()
	err := w.file.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	w.file = nil
	return errors.Join(err, os.Remove(name))
}

// Adopt moves a finished file into the store after hashing it (want as in Commit).
func (s Store) Adopt(ctx context.Context, path, want string, progress func(done int64)) (sha string, size int64, err error) {
	sha, size, err = HashFile(ctx, path, progress)
	if err != nil {
		return "", 0, err
	}
	if want != "" && sha != want {
		return "", 0, &MismatchError{Path: path, Want: want, Got: sha, Size: size}
	}
	return sha, size, s.Place(path, sha)
}

// Place moves a finished file, whose sha256 the caller has just computed, into the store.
func (s Store) Place(name, sha string) error {
	if err := os.MkdirAll(filepath.Dir(s.Path(sha)), 0o755); err != nil {
		return err
	}
	if err := os.Chmod(name, 0o444); err != nil {
		return err
	}
	if err := os.Rename(name, s.Path(sha)); err != nil {
		return err
	}
	return s.remember(s.Path(sha), sha)
}

// Copy puts a copy of a file into the store by way of dir, a directory of TempDir; want as in Commit.
func (s Store) Copy(ctx context.Context, dir, path, want string, progress func(done int64)) (sha string, size int64, err error) {
	src, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer src.Close()
	w, err := s.Create(dir, 0)
	if err != nil {
		return "", 0, err
	}
	defer w.Close()
	if _, err := copyContext(ctx, w, src, progress); err != nil {
		return "", 0, err
	}
	return w.Commit(want)
}

// HashFile computes a file's sha256, in hex, and its size.
func HashFile(ctx context.Context, path string, progress func(done int64)) (sha string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = copyContext(ctx, h, f, progress)
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

func copyContext(ctx context.Context, dst io.Writer, src io.Reader, progress func(done int64)) (int64, error) {
	buf := make([]byte, 1<<20)
	var done int64
	for {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		n, err := src.Read(buf)
		if n > 0 {
			if _, werr := dst.Write(buf[:n]); werr != nil {
				return done, werr
			}
			done += int64(n)
			if progress != nil {
				progress(done)
			}
		}
		if errors.Is(err, io.EOF) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
}

// MismatchError says that a file does not hold what was pinned.
type MismatchError struct {
	Path      string
	Want, Got string // sha256, hex
	Size      int64  // bytes it has
	WantSize  int64  // bytes it should have; 0 when not known
}

func (e *MismatchError) Error() string {
	if e.WantSize > 0 && e.WantSize != e.Size {
		return fmt.Sprintf("%s is cut short or altered: it has %d bytes, sha256 %s; pinned are %d bytes, sha256 %s",
			e.Path, e.Size, e.Got, e.WantSize, e.Want)
	}
	return fmt.Sprintf("%s is cut short or altered: its sha256 is %s (%d bytes), pinned is %s", e.Path, e.Got, e.Size, e.Want)
}

// FindIncoming looks for a file that a person put into incoming/ under one of the names.
func (s Store) FindIncoming(names ...string) (string, bool) {
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, `/\`) {
			continue
		}
		path := filepath.Join(s.Incoming(), name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, true
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", false
		}
	}
	return "", false
}
