package documents

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine makes the program a group of its own that ends with it, and with us.
func confine(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// limit bounds a program that has just begun. A limit that the system refuses is left out: time and output are
// bounded all the same.
func limit(pid int) {
	for resource, most := range map[int]uint64{
		unix.RLIMIT_AS: programMemory, unix.RLIMIT_FSIZE: programFile, unix.RLIMIT_CPU: uint64(programTime.Seconds()),
		unix.RLIMIT_NOFILE: 64, unix.RLIMIT_CORE: 0,
	} {
		_ = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil)
	}
}
