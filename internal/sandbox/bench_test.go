//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

const chart = `import matplotlib.pyplot as plt
import numpy as np
x = np.linspace(0, 10, 200)
plt.plot(x, np.sin(x), label='sin')
plt.bar([1, 2, 3], [0.2, 0.5, 0.3])
plt.title('A chart'); plt.xlabel('x'); plt.ylabel('y'); plt.legend(); plt.grid()
plt.show()`

func percentile(all []time.Duration, p float64) time.Duration {
	slices.Sort(all)
	return all[min(len(all)-1, int(float64(len(all))*p))]
}

func report(b *testing.B, all []time.Duration) {
	b.ReportMetric(float64(percentile(all, 0.5).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(percentile(all, 0.95).Microseconds())/1000, "p95-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFirstChart is the first chart of a new session that was ready in the pool: from asking for the session to the image.
func BenchmarkFirstChart(b *testing.B) {
	r := open(b, Options{Pool: 1, Most: 4})
	r.Warm()
	var all []time.Duration
	for b.Loop() {
		b.StopTimer()
		waitReady(b, r, 1)
		b.StartTimer()
		began := time.Now()
		s, err := r.Start(context.Background(), Limits{})
		if err != nil {
			b.Fatal(err)
		}
		got := run(b, s, chart)
		all = append(all, time.Since(began))
		b.StopTimer()
		if len(got.images) != 1 {
			b.Fatalf("%+v", got)
		}
		s.Close()
		r.Warm()
		b.StartTimer()
	}
	report(b, all)
}

// BenchmarkPrint is print(1) in a session that is in use.
func BenchmarkPrint(b *testing.B) {
	s := start(b, open(b, Options{}), Limits{})
	var all []time.Duration
	for b.Loop() {
		began := time.Now()
		if got := run(b, s, "print(1)"); got.text != "1\n" {
			b.Fatal(got.text)
		}
		all = append(all, time.Since(began))
	}
	report(b, all)
}

// BenchmarkStart is a session without a pool, until it is ready.
func BenchmarkStart(b *testing.B) {
	r := open(b, Options{})
	var all []time.Duration
	for b.Loop() {
		began := time.Now()
		s, err := r.Start(context.Background(), Limits{})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(began))
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
	report(b, all)
}

// BenchmarkTwenty has twenty sessions at once, each of which drew a chart and holds a table of 16 MB: what they take together, as their
// cgroups count it.
func BenchmarkTwenty(b *testing.B) {
	r := open(b, Options{Most: 20})
	for b.Loop() {
		sessions := make([]*Session, 20)
		for i := range sessions {
			sessions[i] = start(b, r, Limits{})
		}
		var wg sync.WaitGroup
		for _, s := range sessions {
			wg.Go(func() {
				_, err := s.Run(context.Background(), chart+"\nimport pandas as pd\ndf = pd.DataFrame({'a': np.arange(1 << 20), 'b': np.ones(1 << 20)})\ndf.sum()", func(Chunk) {})
				if err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		total := int64(0)
		for _, s := range sessions {
			total += groupMemory(s)
		}
		b.ReportMetric(float64(total)/(1<<20), "MiB")
		b.ReportMetric(float64(total)/(1<<20)/20, "MiB/session")
		for _, s := range sessions {
			s.Close()
		}
	}
}

// groupMemory is what a session's cgroup counts, or what the watcher would.
func groupMemory(s *Session) int64 {
	if g := s.proc.group; g != nil {
		for _, dir := range g.dirs {
			for _, file := range []string{"memory.usage_in_bytes", "memory.current"} {
				var n int64
				if data, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
					if _, err := fmt.Sscan(string(data), &n); err == nil {
						return n
					}
				}
			}
		}
	}
	n, _ := measure(append(descendants(s.proc.cmd.Process.Pid), s.proc.cmd.Process.Pid))
	return n
}
