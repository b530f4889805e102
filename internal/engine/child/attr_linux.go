package child

import "syscall"

// attributes put the child into a process group of its own, so that Ctrl-C in a terminal reaches the
// server alone, and let the kernel kill it when the thread that started it ends (see process.run).
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
