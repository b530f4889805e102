package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
)

// errLocked is what tryLock returns when another process has the lock.
var errLocked = errors.New("locked by another process")

// HomeLock is a held lock of a home directory.
type HomeLock struct {
	f  *os.File
	id string
}

// LockHome takes the lock of a home directory, which one process holds at a time; the directory is
// created when absent. The operating system frees the lock when the process ends, however it ends.
// When another process has it, the error is a fault.Conflict that names its pid (*LockedError).
func LockHome(dir string) (*HomeLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("home directory: %w", err)
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("home directory: %w", err)
	}
	if err := tryLock(f); err != nil {
		pid := readPID(f)
		_ = f.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, &LockedError{Dir: dir, PID: pid}
	}
	// The pid is for people; the lock itself is what counts.
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	id, err := homeID(dir)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("home directory: %w", err)
	}
	return &HomeLock{f, id}, nil
}

// ID names the home, the same at each start: "home_…@HOST". The host is part of it because a copied home
// (a restored backup, an image of a machine) is another one.
func (l *HomeLock) ID() string { return l.id }

// homeID reads the id that the home got at its first start, or gives it one.
func homeID(dir string) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "id")
	data, err := os.ReadFile(path)
	id := strings.TrimSpace(string(data))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if !ids.Valid("home_", id) {
		id = ids.New("home_")
		if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	return id + "@" + host, nil
}

// Close gives the lock back. The file stays: removing it would let two processes lock two files.
func (l *HomeLock) Close() error {
	return errors.Join(l.f.Truncate(0), l.f.Close())
}

// LockedError says that another process uses the home directory.
type LockedError struct {
	Dir string
	PID int // 0 when unknown
}

func (e *LockedError) Error() string {
	who := "another Parley"
	if e.PID > 0 {
		who = fmt.Sprintf("another Parley (process %d)", e.PID)
	}
	return fmt.Sprintf("the home directory %s is in use by %s: stop that one, or choose another with --home", e.Dir, who)
}

// Unwrap makes it a fault.Conflict.
func (e *LockedError) Unwrap() error {
	return fault.New(fault.Conflict, "%s", e.Error())
}

func readPID(f *os.File) int {
	buf := make([]byte, 32)
	n, _ := f.ReadAt(buf, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		return 0
	}
	return pid
}
