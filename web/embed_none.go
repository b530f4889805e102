//go:build !web

package web

import "io/fs"

// FS returns the built app, and true when this binary carries one; this one was built without it.
func FS() (fs.FS, bool) { return nil, false }
