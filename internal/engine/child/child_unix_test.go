//go:build unix

package child_test

import "syscall"

// alive says whether a process exists.
func alive(id int) bool { return syscall.Kill(id, 0) == nil }
