//go:build !windows

package secrets

import (
	"errors"
	"io/fs"
	"os"
)

// private reports whether nobody but its owner may read the file.
func private(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }

// syncDir puts names of files in the directory on the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
