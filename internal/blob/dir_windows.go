package blob

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: Windows has no way to sync a directory and keeps names durable itself.
func syncDir(string) error { return nil }

// lockFile tells that there are no locks: age says what belongs to nobody.
func lockFile(*os.File) error { return errors.ErrUnsupported }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func isNotDir(err error) bool { return errors.Is(err, windows.ERROR_PATH_NOT_FOUND) }
