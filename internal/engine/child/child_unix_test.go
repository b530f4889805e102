//go:build unix

package child_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// alive says whether a process exists and is more than an entry that waits to be reaped.
func alive(id int) bool {
	if syscall.Kill(id, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
