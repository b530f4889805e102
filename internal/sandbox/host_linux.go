package sandbox

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/parley-ai/parley/internal/sandbox/pyenv"
)

// driver is one program in two files: the kernel's functions come between the driver's and its start.
var driver = strings.Replace(driverSource, "\n# KERNEL\n", "\n"+kernelSource, 1)

//go:embed driver.py
var driverSource string

//go:embed kernel.py
var kernelSource string

// host is what a machine offers for sandboxes: the program that makes them, where it keeps its state, and what holds the limits.
type host struct {
	kind    string
	program string // parley-runsc or bwrap
	dir     string // of this process, locked as long as it lives
	lock    *os.File
	groups  *cgroups // nil: there are none that this process may make, the watcher holds the limits
	serial  atomic.Int64
}

// openHost chooses the program.
func openHost(o Options, env pyenv.Env) (*host, string, error) {
	h := &host{kind: o.Kind}
	var err error
	switch o.Kind {
	case Auto, GVisor:
		h.kind = GVisor
		h.program, err = FindRunsc(o.Runsc, o.Cache)
	case Bubblewrap:
		if h.program, err = exec.LookPath("bwrap"); err != nil {
			err = errors.New("sandbox.kind is bubblewrap and there is no program bwrap on PATH (Debian, Ubuntu: apt install bubblewrap)")
		} else if !canFilter() {
			err = errors.New("there is no seccomp filter for this processor")
		}
	default:
		err = fmt.Errorf("sandbox.kind is %q: auto, gvisor, bubblewrap and off are known", o.Kind)
	}
	if err != nil {
		return nil, "", err
	}
	if h.dir, h.lock, err = stateDir(); err != nil {
		return nil, "", err
	}
	h.groups = findCgroups()
	return h, h.kind, nil
}

// FindRunsc returns the path of parley-runsc: what was set, else beside this program, in the cache, on PATH.
func FindRunsc(set, cache string) (string, error) {
	if set != "" {
		if _, err := exec.LookPath(set); err != nil {
			return "", fmt.Errorf("sandbox.runsc: %w", err)
		}
		return set, nil
	}
	var places []string
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(self), "parley-runsc"))
	}
	places = append(places, filepath.Join(cache, "bin", "parley-runsc"))
	for _, p := range places {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	if p, err := exec.LookPath("parley-runsc"); err == nil {
		return p, nil
	}
	return "", errors.New("there is no program parley-runsc beside parley, in the cache or on PATH: `make sandbox` in Parley's source builds it, releases carry it")
}

func (h *host) limiter() string {
	if h.groups == nil {
		return "watcher"
	}
	return h.groups.name
}

// overhead is what gVisor's kernel and the libraries that a session has imported take besides the code's memory, in bytes.
const overhead = 400 << 20

// start starts a sandbox and waits until it is ready.
func (h *host) start(ctx context.Context, env pyenv.Env, l Limits) (*Session, error) {
	id := "p" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(h.serial.Add(1), 10)
	dir := filepath.Join(h.dir, id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	var cmd *exec.Cmd
	var err error
	inside := h.kind == GVisor
	if inside {
		cmd, err = h.runsc(env, l, id, dir)
	} else {
		cmd, err = h.bwrap(env, l, dir)
	}
	if err == nil {
		var p *process
		if p, err = h.spawn(cmd, l, id, dir); err == nil {
			return newSession(ctx, p, l, hello{
				Memory: l.Memory, Output: l.Output, PIDs: l.PIDs, Files: l.Files, Images: l.Images, ImageBytes: maxImage,
				Warm: warm, Chart: true, Inside: inside, Env: environment(env),
			})
		}
	}
	os.RemoveAll(dir)
	return nil, err
}

// environment is that of the code: nothing of the server's own.
func environment(env pyenv.Env) map[string]string {
	return map[string]string{
		"PATH": "/usr/local/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC", "USER": "user",
		"PYTHONHOME": "/usr/local", "PYTHONPATH": env.Site(), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
		"MPLBACKEND": "agg", "MPLCONFIGDIR": "/tmp/.matplotlib",
		// One processor: more threads only wait for each other.
		"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1",
	}
}

// list is an environment as exec takes it.
func list(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k, v := range m {
		out = append(out, k+"="+v)
	}
	return out
}

// spec is the part of an OCI runtime specification that is used.
type spec struct {
	Version  string      `json:"ociVersion"`
	Process  specProcess `json:"process"`
	Root     specRoot    `json:"root"`
	Hostname string      `json:"hostname"`
	Mounts   []specMount `json:"mounts"`
	Linux    specLinux   `json:"linux"`
}

type specProcess struct {
	User            map[string]int      `json:"user"`
	Args            []string            `json:"args"`
	Env             []string            `json:"env"`
	Cwd             string              `json:"cwd"`
	NoNewPrivileges bool                `json:"noNewPrivileges"`
	Capabilities    map[string][]string `json:"capabilities"`
}

type specRoot struct {
	Path     string `json:"path"`
	Readonly bool   `json:"readonly"`
}

type specMount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options,omitempty"`
}

type specLinux struct {
	Namespaces []map[string]string `json:"namespaces"`
}

// runsc is the command of a gVisor sandbox.
func (h *host) runsc(env pyenv.Env, l Limits, id, dir string) (*exec.Cmd, error) {
	// The driver makes the code's processes another user's and kills them: for that it keeps some rights within the sandbox.
	rights := []string{"CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE"}
	s := spec{
		Version: "1.0.2", Hostname: "sandbox", Root: specRoot{env.Root, true},
		Process: specProcess{
			User: map[string]int{"uid": 0, "gid": 0}, Args: []string{env.Program, "-c", driver}, Env: list(environment(env)), Cwd: "/", NoNewPrivileges: true,
			Capabilities: map[string][]string{"bounding": rights, "effective": rights, "permitted": rights},
		},
		Mounts: []specMount{
			{"/proc", "proc", "proc", nil},
			{"/sys/fs/cgroup", "cgroup", "cgroup", nil},
			{"/mnt/data", "tmpfs", "tmpfs", []string{"size=" + strconv.FormatInt(l.Disk>>10, 10) + "k", "mode=755"}},
			{"/tmp", "tmpfs", "tmpfs", []string{"size=64m", "mode=1777"}},
			{"/dev/shm", "tmpfs", "tmpfs", []string{"size=64m", "mode=1777"}},
		},
	}
	for _, ns := range []string{"pid", "network", "ipc", "uts", "mount"} {
		s.Linux.Namespaces = append(s.Linux.Namespaces, map[string]string{"type": ns})
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), data, 0o600); err != nil {
		return nil, err
	}
	args := []string{"--root=" + filepath.Join(dir, "r"), "--network=none", "--gofer-network-namespace=new", "--platform=systrap", "--ignore-cgroups", "--directfs=false", "--host-uds=none", "--host-fifo=none"}
	if os.Geteuid() != 0 {
		args = append(args, "--rootless")
	}
	cmd := exec.Command(h.program, append(args, "run", "--bundle", dir, id)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir, "TMPDIR=" + dir}
	return cmd, nil
}
