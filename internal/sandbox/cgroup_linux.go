package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cgroups are a place of the machine's where this process may make groups.
type cgroups struct {
	name string // "cgroup v2", "cgroup v1"
	v2   string // directory below which groups are made; empty: v1
	v1   map[string]string
}

// cgroupPeriod is the period of the processor's share, in microseconds.
const cgroupPeriod = 100000

// findCgroups returns where groups can be made; nil: nowhere.
var findCgroups = sync.OnceValue(func() *cgroups {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	paths, root2, root1 := parseCgroups(string(own), string(mounts))
	if dir := filepath.Join(root2, paths[""]); root2 != "" && delegated(dir) {
		return &cgroups{name: "cgroup v2", v2: dir}
	}
	c := &cgroups{name: "cgroup v1", v1: map[string]string{}}
	for _, controller := range []string{"memory", "pids", "cpu"} {
		dir := filepath.Join(root1[controller], paths[controller])
		if _, err := os.Stat(dir); err != nil {
			dir = root1[controller] // a container that sees only its own part
		}
		if root1[controller] == "" || !writable(dir) {
			if controller == "cpu" {
				continue // the share of a processor is held by affinity instead
			}
			return nil
		}
		c.v1[controller] = dir
	}
	return c
})

// parseCgroups reads /proc/self/cgroup and mountinfo: the path of this process by controller ("" is v2), and where they are mounted.
func parseCgroups(own, mounts string) (paths map[string]string, root2 string, root1 map[string]string) {
	paths, root1 = map[string]string{}, map[string]string{}
	for line := range strings.Lines(own) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		for c := range strings.SplitSeq(f[1], ",") {
			paths[c] = f[2]
		}
	}
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(g) < 3 {
			continue
		}
		switch g[0] {
		case "cgroup2":
			root2 = f[4]
		case "cgroup":
			for c := range strings.SplitSeq(g[2], ",") {
				root1[c] = f[4]
			}
		}
	}
	return paths, root2, root1
}

// writable reports whether this process can make a group of v1, go into it and come back.
func writable(dir string) bool {
	probe := filepath.Join(dir, "parley-probe-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(probe, 0o755); err != nil {
		return false
	}
	defer os.Remove(probe)
	ok := make(chan bool)
	spawner() <- func() {
		err := os.WriteFile(filepath.Join(probe, "tasks"), []byte("0"), 0)
		back := os.WriteFile(filepath.Join(dir, "tasks"), []byte("0"), 0)
		ok <- err == nil && back == nil
	}
	return <-ok
}

// delegated reports whether the group of this process is its own to divide: it can be written, and none but it and what it started is in it. Then
// the process moves into a part of it, since a group that is divided may hold no processes.
func delegated(dir string) bool {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return false
	}
	for _, c := range []string{"memory", "pids"} {
		if !strings.Contains(" "+strings.TrimSpace(string(have))+" ", " "+c+" ") {
			return false
		}
	}
	if filepath.Base(dir) == "parley-server" {
		return enable(filepath.Dir(dir)) == nil // an earlier look of this process, or one that was restarted in place
	}
	procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return false
	}
	ours := map[string]bool{strconv.Itoa(os.Getpid()): true}
	for _, pid := range descendants(os.Getpid()) {
		ours[strconv.Itoa(pid)] = true
	}
	for _, pid := range strings.Fields(string(procs)) {
		if !ours[pid] {
			return false
		}
	}
	part := filepath.Join(dir, "parley-server")
	if err := os.Mkdir(part, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return false
	}
	for _, pid := range strings.Fields(string(procs)) {
		if os.WriteFile(filepath.Join(part, "cgroup.procs"), []byte(pid), 0) != nil {
			return false
		}
	}
	return enable(dir) == nil
}

func enable(dir string) error {
	err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+memory +pids"), 0)
	if err == nil {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+cpu"), 0)
	}
	return err
}

// group is the cgroup of one sandbox: a directory for v2, one for each controller of v1.
type group struct {
	dirs []string
	back []string // v1: where the spawner comes from
	v2   bool
	cpus float64 // what affinity has to hold; 0: a group holds it
}

// make makes a group with its limits.
func (c *cgroups) make(id string, l Limits) (_ *group, err error) {
	g := &group{v2: c.v2 != ""}
	defer func() {
		if err != nil {
			g.remove()
		}
	}()
	memory := strconv.FormatInt(hardMemory(l), 10)
	threads := strconv.Itoa(hardThreads(l))
	quota := strconv.Itoa(int(l.CPUs * cgroupPeriod))
	put := func(dir, file, value string) error {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(value), 0); err != nil {
			return fmt.Errorf("the limit cannot be set: %w", err)
		}
		return nil
	}
	if g.v2 {
		base := c.v2
		if filepath.Base(base) == "parley-server" {
			base = filepath.Dir(base)
		}
		dir := filepath.Join(base, "parley-"+id)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
		g.dirs = []string{dir}
		_ = put(dir, "memory.swap.max", "0") // not there without swap
		_ = put(dir, "memory.oom.group", "1")
		if put(dir, "cpu.max", quota+" "+strconv.Itoa(cgroupPeriod)) != nil {
			g.cpus = l.CPUs
		}
		return g, errors.Join(put(dir, "memory.max", memory), put(dir, "pids.max", threads))
	}
	g.cpus = l.CPUs
	for controller, base := range c.v1 {
		dir := filepath.Join(base, "parley-"+id)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
		g.dirs, g.back = append(g.dirs, dir), append(g.back, base)
		switch controller {
		case "memory":
			err = put(dir, "memory.limit_in_bytes", memory)
			_ = put(dir, "memory.memsw.limit_in_bytes", memory)
		case "pids":
			err = put(dir, "pids.max", threads)
		case "cpu":
			err = errors.Join(put(dir, "cpu.cfs_period_us", strconv.Itoa(cgroupPeriod)), put(dir, "cpu.cfs_quota_us", quota))
			g.cpus = 0
		}
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// startIn starts a command in the group; it runs on the spawner's thread. What starts is in the group from its first instruction.
func (g *group) startIn(cmd *exec.Cmd) error {
	if g == nil {
		return pinned(cmd, 1)
	}
	if g.v2 {
		f, err := os.Open(g.dirs[0])
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(f.Fd())
		return pinned(cmd, g.cpus)
	}
	// The child is in the groups of the thread that makes it.
	for _, dir := range g.dirs {
		if err := os.WriteFile(filepath.Join(dir, "tasks"), []byte("0"), 0); err != nil {
			return err
		}
	}
	err := pinned(cmd, g.cpus)
	for _, dir := range g.back {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "tasks"), []byte("0"), 0))
	}
	return err
}

// kill ends every process of the group.
func (g *group) kill() {
	for _, dir := range g.dirs {
		if os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0) == nil {
			continue
		}
		data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for _, f := range strings.Fields(string(data)) {
			if pid, err := strconv.Atoi(f); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}

// outOfMemory reports whether the group's memory limit has killed.
func (g *group) outOfMemory() bool {
	for _, dir := range g.dirs {
		for _, file := range []string{"memory.events", "memory.oom_control"} {
			data, _ := os.ReadFile(filepath.Join(dir, file))
			for line := range strings.Lines(string(data)) {
				if f := strings.Fields(line); len(f) == 2 && f[0] == "oom_kill" && f[1] != "0" {
					return true
				}
			}
		}
	}
	return false
}

// remove takes the group away; its processes take a moment to die.
func (g *group) remove() {
	for range 100 {
		left := false
		for _, dir := range g.dirs {
			if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
				left = true
			}
		}
		if !left {
			return
		}
		g.kill()
		time.Sleep(20 * time.Millisecond)
	}
}
