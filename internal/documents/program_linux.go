package documents

import (
	"fmt"
	"os/exec"
	"syscall"
)

// limits is the whole of what a shell is given: it bounds itself and becomes the program, whose name and arguments stand apart, so that
// the program has its limits from its first instruction. One that the system refuses is left out: time and output are bounded all the same.
var limits = fmt.Sprintf(`ulimit -v %d; ulimit -f %d; ulimit -t %d; ulimit -n 64; ulimit -c 0; exec "$@"`,
	programMemory>>10, programFile>>9, int(programTime.Seconds()))

// confine bounds what the program may take, and makes it a group of its own that ends with it, and with us.
func confine(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Args = append([]string{"sh", "-c", limits, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}
