package child

import "syscall"

// attributes put the child into a process group of its own, so that Ctrl-C in a console reaches the
// server alone.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}
