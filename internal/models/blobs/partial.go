package blobs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// FileLock is the key of the lock that a download of key holds.
func FileLock(key string) string { return "file " + key }

// atIt is how long Discard waits for who downloads the same.
const atIt = 300 * time.Millisecond

// Discard removes what a download of key left that was cut, unless somebody is at it now.
func (s Store) Discard(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, atIt)
	defer cancel()
	unlock, err := s.Lock(ctx, FileLock(key), nil)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	var errs []error
	for _, path := range []string{s.Partial(key), s.Partial(key) + ".json"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Tidy removes what downloads left that were cut before a time and never went on, and tells how many bytes that were.
func (s Store) Tidy(before time.Time) (freed int64, err error) {
	dir := filepath.Join(s.Dir, "partial")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		size, newest, err := measure(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !newest.Before(before) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			errs = append(errs, err)
			continue
		}
		freed += size
	}
	return freed, errors.Join(errs...)
}

// measure returns the bytes of a file, or of all below a directory, and when the newest of it changed.
func measure(path string) (size int64, newest time.Time, err error) {
	err = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		if info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) { // it went meanwhile
		return 0, time.Now(), nil
	}
	return size, newest, err
}
