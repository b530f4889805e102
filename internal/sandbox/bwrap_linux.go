package sandbox

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/parley-ai/parley/internal/sandbox/pyenv"
)

// nobody is the uid that sandboxes have when the server is root.
const nobody = 65534

// bwrap is the command of a bubblewrap sandbox. Driver and code have one uid there: the code can reach the driver, which gives it nothing but
// its own session.
func (h *host) bwrap(env pyenv.Env, l Limits, dir string) (*exec.Cmd, error) {
	filter, err := filterFile(dir)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(h.program, "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "sandbox",
		"--ro-bind", env.Root, "/", "--proc", "/proc", "--dev", "/dev",
		"--size", strconv.FormatInt(l.Disk, 10), "--tmpfs", "/mnt/data",
		"--size", strconv.Itoa(64<<20), "--tmpfs", "/tmp", "--size", strconv.Itoa(64<<20), "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
		"--chdir", "/", "--seccomp", "3", "--", env.Program, "-c", driver)
	cmd.Env = list(environment(env))
	cmd.ExtraFiles = []*os.File{filter}
	if os.Geteuid() == 0 {
		// As root, uid 65534 inside would be root outside: the uid is given up first.
		for p := env.Root; p != "/"; p = filepath.Dir(p) {
			info, err := os.Stat(p)
			if err != nil || info.Mode()&0o001 == 0 {
				filter.Close()
				return nil, fmt.Errorf("bubblewrap runs under the uid %d, which cannot reach %s: %s is closed to it. Set cache to a directory that everybody may read, or run the server as an ordinary user", nobody, env.Root, p)
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return cmd, nil
}

// denied are system calls that Python's programs have no use for and that reach deep into the machine's kernel.
var denied = []uint32{
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_BPF, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSPICK, unix.SYS_FSCONFIG, unix.SYS_MOUNT_SETATTR,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_USERFAULTFD, unix.SYS_PERF_EVENT_OPEN, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
	unix.SYS_QUOTACTL, unix.SYS_ACCT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_MBIND, unix.SYS_SET_MEMPOLICY, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
	unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL, unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_PERSONALITY,
}

func auditArch() uint32 {
	return map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
}

// canFilter reports whether there is a seccomp filter for this processor.
func canFilter() bool { return auditArch() != 0 }

// filter is the seccomp program: EPERM for what is denied, for new namespaces, and for sockets other than Unix's and the (empty) internet's; ENOSYS for clone3,
// whose flags a filter cannot see, so that libc falls back on clone.
func filter() []unix.SockFilter {
	const (
		load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		atLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		masked  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		answer  = unix.BPF_RET | unix.BPF_K
		x32     = 0x40000000
	)
	no := unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}
	yes := unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW}
	p := []unix.SockFilter{
		{Code: load, K: 4}, {Code: equal, K: auditArch(), Jt: 1}, {Code: answer, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: load, K: 0}, {Code: atLeast, K: x32, Jf: 1}, no,
		{Code: equal, K: unix.SYS_CLONE3, Jf: 1}, {Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	}
	for _, call := range denied {
		p = append(p, unix.SockFilter{Code: equal, K: call, Jf: 1}, no)
	}
	const spaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	return append(p,
		unix.SockFilter{Code: equal, K: unix.SYS_CLONE, Jf: 4}, unix.SockFilter{Code: load, K: 16}, unix.SockFilter{Code: masked, K: spaces, Jf: 1}, no, yes,
		unix.SockFilter{Code: equal, K: unix.SYS_SOCKET, Jf: 6}, unix.SockFilter{Code: load, K: 16},
		unix.SockFilter{Code: equal, K: unix.AF_UNIX, Jt: 2}, unix.SockFilter{Code: equal, K: unix.AF_INET, Jt: 1}, unix.SockFilter{Code: equal, K: unix.AF_INET6, Jf: 1}, yes, no,
		yes)
}

// filterFile holds the program as bwrap reads it.
func filterFile(dir string) (*os.File, error) {
	f, err := os.Create(filepath.Join(dir, "filter"))
	if err != nil {
		return nil, err
	}
	if err = binary.Write(f, binary.NativeEndian, filter()); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
