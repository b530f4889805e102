package sandbox

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pids are all processes that this one can see.
func pids() []int {
	entries, _ := os.ReadDir("/proc")
	var out []int
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// parentOf returns the parent of a process; 0 when it is gone.
func parentOf(pid int) int {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// The name, in parentheses, may hold anything.
	if i := bytes.LastIndexByte(data, ')'); i >= 0 {
		if f := strings.Fields(string(data[i+1:])); len(f) > 1 {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}

// descendants are the processes below one.
func descendants(root int) []int {
	children := map[int][]int{}
	for _, pid := range pids() {
		if p := parentOf(pid); p > 0 {
			children[p] = append(children[p], pid)
		}
	}
	var out []int
	todo := []int{root}
	for len(todo) > 0 {
		p := todo[0]
		todo = append(todo[1:], children[p]...)
		out = append(out, children[p]...)
	}
	return out
}

// processesWith are the processes one of whose arguments begins so.
func processesWith(prefix string) []int {
	var out []int
	for _, pid := range pids() {
		data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if err != nil {
			continue
		}
		for arg := range bytes.SplitSeq(data, []byte{0}) {
			if bytes.HasPrefix(arg, []byte(prefix)) {
				out = append(out, pid)
				break
			}
		}
	}
	return out
}

// watchEvery is how often a sandbox without a cgroup is looked at.
const watchEvery = 100 * time.Millisecond

// watch holds the limits where no cgroup does: it kills a sandbox that takes more.
func (p *process) watch(l Limits, stop <-chan struct{}) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		all := append(descendants(p.cmd.Process.Pid), p.cmd.Process.Pid)
		memory, threads := measure(all)
		if memory > hardMemory(l) || threads > hardThreads(l) {
			p.fail(errMemory)
			p.kill()
			return
		}
	}
}

// hardMemory is what a sandbox may take with all that belongs to it, in bytes.
func hardMemory(l Limits) int64 { return l.Memory + l.Disk + overhead }

// hardThreads is how many threads of the machine a sandbox may have: gVisor's own, and a few for each of the code's.
func hardThreads(l Limits) int { return 200 + 4*l.PIDs }

// measure returns the memory of processes, shared pages once as far as that can be known, and how many threads they have.
func measure(all []int) (memory int64, threads int) {
	shared, file := int64(0), int64(0)
	for _, pid := range all {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		data, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(line, ":")
			f := strings.Fields(value)
			if len(f) == 0 {
				continue
			}
			n, _ := strconv.ParseInt(f[0], 10, 64)
			switch key {
			case "RssAnon":
				memory += n << 10
			case "RssShmem":
				shared += n << 10
			case "Threads":
				threads += int(n)
			}
		}
		file = max(file, memoryFile(dir))
	}
	// gVisor keeps the code's memory in one file, which tells exactly; without a look at it, each process's share counts.
	if file > 0 {
		return memory + file, threads
	}
	return memory + shared, threads
}

// memoryFile returns the size of the memory file that a process of gVisor holds, in bytes; 0: none that can be seen.
func memoryFile(dir string) int64 {
	fds, _ := os.ReadDir(filepath.Join(dir, "fd"))
	for _, fd := range fds {
		path := filepath.Join(dir, "fd", fd.Name())
		if to, err := os.Readlink(path); err == nil && strings.Contains(to, "runsc-memory") {
			var st syscall.Stat_t
			if syscall.Stat(path, &st) == nil {
				return st.Blocks * 512
			}
		}
	}
	return 0
}
