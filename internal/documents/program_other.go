//go:build !linux

package documents

import "os/exec"

// confine does nothing here: time and output are bounded all the same.
func confine(*exec.Cmd) {}
