package child

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// cpuTime is how long all threads of a process have run so far, to a hundredth of a second; false when
// the system does not say. (proc_pid_stat(5): fields 14 and 15, in ticks of USER_HZ, which is 100 on all
// of Go's Linux platforms.)
func cpuTime(pid int) (time.Duration, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// The second field is the program's name in parentheses, which may hold anything.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, false
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(user+system) * (time.Second / 100), true
}
