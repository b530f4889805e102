package child_test

import "os"

// alive says whether a process exists.
func alive(id int) bool {
	p, err := os.FindProcess(id)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}
