package llama

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// PhysicalCores is the number of cores that this process may use, counting hyper-threads once where
// the system tells them apart: more threads than cores make llama.cpp far slower.
func PhysicalCores() int {
	limit := min(runtime.NumCPU(), runtime.GOMAXPROCS(0))
	cores := map[string]bool{}
	for _, dir := range glob("/sys/devices/system/cpu/cpu[0-9]*/topology") {
		cores[readWord(dir+"/physical_package_id")+":"+readWord(dir+"/core_id")] = true
	}
	if len(cores) == 0 {
		return max(limit, 1)
	}
	return max(min(limit, len(cores)), 1)
}

func glob(pattern string) []string {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	return found
}

func readWord(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// residentBytes is the memory of this process that is in RAM; 0 where the system does not say.
func residentBytes() int64 { return kilobytes("/proc/self/status", "VmRSS:") }

// totalMemory is the machine's memory; 0 where the system does not say.
func totalMemory() int64 { return kilobytes("/proc/meminfo", "MemTotal:") }

func kilobytes(path, label string) int64 {
	for line := range strings.Lines(readWord(path)) {
		if rest, ok := strings.CutPrefix(line, label); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return n * 1024
		}
	}
	return 0
}
