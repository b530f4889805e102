package sandbox

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServerKilled kills a process that runs sandboxes with SIGKILL: nothing of them stays, and the next server removes what they left on disk.
func TestServerKilled(t *testing.T) {
	if os.Getenv("PARLEY_TEST_TO_BE_KILLED") != "" {
		toBeKilled(t)
		return
	}
	r := open(t, Options{}) // skips where there is no sandbox
	temp := t.TempDir()
	for i := range 2 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestServerKilled$", "-test.v")
		cmd.Env = append(os.Environ(), "PARLEY_TEST_TO_BE_KILLED=1", "TMPDIR="+temp, "PARLEY_TEST_CACHE="+testCache(t))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var groups []string
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if dir, ok := strings.CutPrefix(lines.Text(), "CGROUP "); ok {
				groups = append(groups, dir)
			}
			if strings.HasPrefix(lines.Text(), "RUNNING") {
				break
			}
		}
		before := processesWith("--root=" + temp)
		if i == 1 {
			time.Sleep(100 * time.Millisecond) // in the middle of a run
		}
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if len(before) == 0 {
			t.Fatal("the sandboxes of the other process are not seen: this test could not fail")
		}
		for began := time.Now(); len(processesWith("--root="+temp)) > 0; time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("%d processes outlive the server", len(processesWith("--root="+temp)))
			}
		}
		left, _ := filepath.Glob(filepath.Join(temp, "parley-sandbox-*", "s*"))
		if len(left) != 1 {
			t.Errorf("directories of the killed server: %v", left)
		}
		sweep(filepath.Dir(left[0]))
		if again, _ := filepath.Glob(left[0]); len(again) != 0 {
			t.Errorf("the sweep left %v", again)
		}
		for _, dir := range groups {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("the sweep left the cgroup %s", dir)
			}
		}
	}
	// A living server's directory is left alone.
	s := start(t, r, Limits{})
	sweep(filepath.Dir(r.host.dir))
	if got := run(t, s, "1"); got.text != "1\n" {
		t.Errorf("after somebody else's sweep: %q", got.text)
	}
}

func toBeKilled(t *testing.T) {
	r := open(t, Options{})
	for range 2 {
		s := start(t, r, Limits{})
		if s.proc.group != nil {
			for _, dir := range s.proc.group.dirs {
				os.Stdout.WriteString("CGROUP " + dir + "\n")
			}
		}
		go func() {
			_, _ = s.Run(context.Background(), "import os, time\nfor i in range(5):\n  if os.fork() == 0: break\ntime.sleep(60)", func(Chunk) {})
		}()
	}
	time.Sleep(200 * time.Millisecond)
	os.Stdout.WriteString("RUNNING\n")
	time.Sleep(time.Minute)
}

// TestWatcher has limits held without cgroups, as on machines where none can be written.
func TestWatcher(t *testing.T) {
	r := open(t, Options{})
	r.host.groups = nil
	if r.Limiter() != "watcher" {
		t.Fatal(r.Limiter())
	}
	s := start(t, r, Limits{Memory: 128 << 20, Disk: 16 << 20})
	if got := run(t, s, "1 + 1"); got.text != "2\n" {
		t.Fatalf("%q", got.text)
	}
	memory, threads := measure(append(descendants(s.proc.cmd.Process.Pid), s.proc.cmd.Process.Pid))
	t.Logf("an idle session: %d MiB, %d threads", memory>>20, threads)
	if memory < 20<<20 || memory > hardMemory(s.limits) || threads < 5 {
		t.Errorf("%d bytes, %d threads measured", memory, threads)
	}
	// The driver is told of no limit that would end the code first: what is left is the watcher.
	s.limits.Memory = 1 << 30
	if _, err := s.Put(context.Background(), "x", 10<<20, &endless{}); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: s.proc.cmd, stdin: s.proc.stdin}
	done := make(chan struct{})
	go func() {
		p.watch(Limits{Memory: -overhead, Disk: 1 << 20, PIDs: 64}, make(chan struct{}))
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the watcher does not see what is beyond its limit")
	}
	select {
	case <-s.Ended():
	case <-time.After(20 * time.Second):
		t.Fatal("the sandbox lives on")
	}
	if p.why != errMemory {
		t.Errorf("why: %v", p.why)
	}
}

// TestBubblewrap runs the other kind where its program is installed.
func TestBubblewrap(t *testing.T) {
	r := open(t, Options{Kind: Bubblewrap})
	if os.Geteuid() == 0 {
		for p := r.env.Root; p != "/"; p = filepath.Dir(p) {
			if info, err := os.Stat(p); err != nil || info.Mode()&0o001 == 0 {
				t.Skipf("BUBBLEWRAP IS NOT TESTED: as root it runs under the uid %d, to which %s is closed", nobody, p)
			}
		}
	}
	s := start(t, r, hostileLimits)
	if got := run(t, s, "import numpy\nprint(numpy.arange(3).sum())"); got.text != "3\n" {
		t.Fatalf("%q", got.text)
	}
	for _, name := range []string{"io_uring", "bpf_perf_and_keys", "namespaces_and_mounts", "sockets", "dns", "metadata_address", "host_files", "setuid", "write_to_the_environment", "disk_fill", "links_and_special_files", "ignore_interrupts", "fake_frames_on_stdout", "deep_recursion"} {
		t.Run(name, func(t *testing.T) {
			if s.over() {
				s = start(t, r, hostileLimits)
			}
			attack(t, s, filepath.Join("testdata", "hostile", name+".py"))
		})
	}
}

func TestCgroupsAreFound(t *testing.T) {
	own := "12:cpu,cpuacct:/a\n11:memory:/b\n10:pids:/c\n1:name=systemd:/d\n0::/user.slice/x.service\n"
	mounts := "30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" +
		"32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n33 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n34 30 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
	paths, root2, root1 := parseCgroups(own, mounts)
	if paths[""] != "/user.slice/x.service" || paths["memory"] != "/b" || paths["cpu"] != "/a" || root2 != "/sys/fs/cgroup/unified" ||
		root1["memory"] != "/sys/fs/cgroup/memory" || root1["cpu"] != "/sys/fs/cgroup/cpu,cpuacct" || root1["pids"] != "/sys/fs/cgroup/pids" {
		t.Errorf("%v %q %v", paths, root2, root1)
	}
	if p, r2, r1 := parseCgroups("garbage\n:::\n", "x - \n- - -\n"); r2 != "" || len(r1) != 0 || len(p) > 1 {
		t.Errorf("of garbage: %v %q %v", p, r2, r1)
	}
}
