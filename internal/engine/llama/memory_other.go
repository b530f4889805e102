//go:build !linux

package llama

// takeMemory returns zeroed memory.
func takeMemory(n int) []byte { return make([]byte, n) }

// giveMemory leaves memory from takeMemory to the garbage collector.
func giveMemory([]byte) {}
