package sandbox

import (
	"math"
	"os/exec"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

var nextCPU atomic.Int64

// pinned starts a command that may use so many processors and no others: for machines where no cgroup holds the share. 0 is all.
// It runs on the spawner's thread, whose processors the child inherits.
func pinned(cmd *exec.Cmd, cpus float64) error {
	if cpus <= 0 {
		return cmd.Start()
	}
	var all, some unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	var have []int
	for i := range 1024 {
		if all.IsSet(i) {
			have = append(have, i)
		}
	}
	want := int(math.Ceil(cpus))
	if want >= len(have) {
		return cmd.Start()
	}
	first := int(nextCPU.Add(int64(want)))
	for i := range want {
		some.Set(have[(first+i)%len(have)])
	}
	if err := unix.SchedSetaffinity(0, &some); err != nil {
		return err
	}
	err := cmd.Start()
	if back := unix.SchedSetaffinity(0, &all); err == nil {
		err = back
	}
	return err
}
