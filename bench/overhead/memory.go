package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/bench/internal/load"
)

// runMemory asks for many answers and prints, after each twentieth of them, what the server holds in memory: all of it, and what is its
// own (the rest are pages of files, which the system takes back when it needs them).
func runMemory(args []string) error {
	fs := flag.NewFlagSet("memory", flag.ExitOnError)
	url := fs.String("url", "", "host:port")
	key := fs.String("key", "", "API key")
	pid := fs.Int("pid", 0, "the server's process")
	total := fs.Int("requests", 2_000_000, "requests altogether")
	conns := fs.Int("conns", 32, "connections")
	fs.Parse(args)
	request := load.Request("bench", *key)
	fmt.Println("| requests | resident memory | its own | requests/s |\n|---|---|---|---|")
	var own []float64
	for asked, printed := 0, 0; asked < *total; {
		var rate float64
		for asked < min(*total, (printed+1)**total/20) {
			r, err := load.Hammer(*url, request, *conns, time.Second)
			if err != nil {
				return err
			}
			asked += r.Requests
			rate = r.PerSecond
		}
		printed = asked * 20 / *total
		all, mine, err := resident(*pid)
		if err != nil {
			return err
		}
		own = append(own, mine)
		fmt.Printf("| %d | %.1f MB | %.1f MB | %.0f |\n", asked, all, mine, rate)
	}
	// The first fifth fills caches, pools and the books of the first minutes.
	own = own[len(own)/5:]
	low, high := own[0], own[0]
	for _, x := range own {
		low, high = min(low, x), max(high, x)
	}
	middle := load.Median(own)
	fmt.Printf("\nafter the first fifth: median %.1f MB, lowest %+.1f %%, highest %+.1f %%\n", middle, 100*(low/middle-1), 100*(high/middle-1))
	return nil
}

// resident returns a process's memory in MB: all, and without pages of files.
func resident(pid int) (all, own float64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for _, line := range strings.Split(string(data), "\n") {
		name, rest, _ := strings.Cut(line, ":")
		kb, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 64)
		switch {
		case name == "VmRSS" && err == nil:
			all = kb / 1000 * 1.024
		case name == "RssAnon" && err == nil:
			own = kb / 1000 * 1.024
		}
	}
	return all, own, nil
}
