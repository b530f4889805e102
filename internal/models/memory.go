package models

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory is how many bytes this process may use: the machine's, or less where a control group says
// so. 0 when it cannot be told.
func Memory() int64 {
	total := physicalMemory()
	if limit := cgroupLimit("/"); limit > 0 && (total == 0 || limit < total) {
		return limit
	}
	return total
}

// cgroupLimit is the smallest memory limit of the control groups that this process is in (Linux, v2
// and v1), below a root directory; 0 is none.
func cgroupLimit(root string) int64 {
	data, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0
	}
	var least int64
	consider := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			return
		}
		// "max", and the huge number that v1 has for it, are no limit.
		n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
		if err == nil && n > 0 && n < 1<<60 && (least == 0 || n < least) {
			least = n
		}
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		base, name := "sys/fs/cgroup", "memory.max"
		switch {
		case fields[0] == "0" && fields[1] == "":
		case fields[1] == "memory":
			base, name = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// Every group up to the top limits; inside a container the top is what is mounted.
		for dir := filepath.Clean("/" + fields[2]); ; dir = filepath.Dir(dir) {
			consider(filepath.Join(root, base, dir, name))
			if dir == "/" {
				break
			}
		}
	}
	return least
}
