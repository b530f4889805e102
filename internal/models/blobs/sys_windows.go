package blobs

import (
	"io/fs"

	"golang.org/x/sys/windows"
)

// inode is not cheap to get on Windows; size and time alone decide there.
func inode(fs.FileInfo) uint64 { return 0 }

// Free returns the bytes that an ordinary user may still write in a directory.
func Free(dir string) (int64, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(free), nil
}
