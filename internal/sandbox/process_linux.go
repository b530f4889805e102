package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is the program that makes a sandbox, and what it started.
type process struct {
	cmd    *exec.Cmd
	dir    string
	stdin  io.WriteCloser
	stdout io.Reader
	group  *group // nil without cgroups
	said   tail
	killed sync.Once
	exited chan struct{} // closed when everything of it is gone

	mu  sync.Mutex
	why error
}

// spawner is the one thread that starts sandboxes. They are told to die with it, so it lives as long as this process.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// spawn starts a sandbox's program within its limits.
func (h *host) spawn(cmd *exec.Cmd, l Limits, id, dir string) (*process, error) {
	p := &process{cmd: cmd, dir: dir, exited: make(chan struct{})}
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.stdout, cmd.Stdout, cmd.Stderr = out, in, &p.said
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	// Who holds stderr open beyond the end is a leftover of the sandbox, which is killed below.
	cmd.WaitDelay = 5 * time.Second
	if h.groups != nil {
		if p.group, err = h.groups.make(filepath.Base(h.dir)+"-"+id, l); err == nil {
			// Written before anything runs: the next server has to find it.
			err = os.WriteFile(filepath.Join(dir, "cgroups"), []byte(strings.Join(p.group.dirs, "\n")), 0o600)
		}
	}
	if err == nil {
		started := make(chan error)
		spawner() <- func() { started <- p.group.startIn(cmd) }
		err = <-started
	}
	in.Close()
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	if err != nil {
		out.Close()
		if p.group != nil {
			p.group.remove()
		}
		return nil, err
	}
	stop := make(chan struct{})
	if p.group == nil {
		go p.watch(l, stop)
	}
	go func() {
		_ = cmd.Wait()
		close(stop)
		if p.group != nil {
			if p.group.outOfMemory() {
				p.fail(errMemory)
			}
			p.group.remove()
		}
		os.RemoveAll(p.dir)
		// Last, since what was said before the end is still to be read.
		time.AfterFunc(time.Second, func() { out.Close() })
		close(p.exited)
	}()
	return p, nil
}

// kill ends the sandbox without asking.
func (p *process) kill() {
	p.killed.Do(func() {
		p.stdin.Close()
		if p.group != nil {
			p.group.kill()
		}
		for _, pid := range descendants(p.cmd.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		_ = p.cmd.Process.Kill()
	})
}

// fail notes why the sandbox is killed; the first reason stays.
func (p *process) fail(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.why == nil {
		p.why = why
	}
}

func (p *process) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.why != nil {
		return p.why
	}
	if text := p.said.text(); text != "" {
		return errors.New(text)
	}
	return errors.New("its process is gone")
}

// complaint is what the program wrote on stderr.
func (p *process) complaint() string { return p.said.text() }

// tail keeps the last of what is written into it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

const keptTail = 2000

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p[max(0, len(p)-keptTail):]...)
	t.data = t.data[max(0, len(t.data)-keptTail):]
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(clean(t.data))
}

// stateDir makes the directory of this process below one that all servers of the user share, and removes what dead ones left.
func stateDir() (string, *os.File, error) {
	parent := filepath.Join(os.TempDir(), fmt.Sprintf("parley-sandbox-%d", os.Geteuid()))
	if err := os.Mkdir(parent, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", nil, err
	}
	info, err := os.Lstat(parent)
	if err != nil {
		return "", nil, err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(st.Uid) != os.Geteuid() {
		return "", nil, fmt.Errorf("%s belongs to somebody else: remove it", parent)
	}
	sweep(parent)
	dir, err := os.MkdirTemp(parent, "s")
	if err != nil {
		return "", nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return "", nil, err
	}
	return dir, lock, nil
}

// sweep ends and removes what servers left that were killed: those whose lock nobody holds.
func sweep(parent string) {
	dirs, _ := filepath.Glob(filepath.Join(parent, "s*"))
	for _, dir := range dirs {
		lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|syscall.O_CLOEXEC, 0)
		if errors.Is(err, os.ErrNotExist) {
			// One that is just being made, or was being removed.
			if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > time.Minute {
				os.RemoveAll(dir)
			}
			continue
		}
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			sessions, _ := filepath.Glob(filepath.Join(dir, "*", "cgroups"))
			for _, file := range sessions {
				if data, err := os.ReadFile(file); err == nil {
					g := &group{dirs: strings.Fields(string(data))}
					g.kill()
					g.remove()
				}
			}
			for _, pid := range processesWith("--root=" + dir + "/") {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			os.RemoveAll(dir)
		}
		lock.Close()
	}
}

// close removes the directory of this process.
func (h *host) close() error {
	err := os.RemoveAll(h.dir)
	return errors.Join(err, h.lock.Close())
}
