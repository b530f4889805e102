package capi

import (
	"fmt"
	"runtime"
	"unsafe"
)

// StateSize is how many bytes SaveState writes for a sequence; 0 for one that is not of this context.
func (c *Context) StateSize(seq int32) int {
	if seq < 0 || int(seq) >= c.o.Sequences {
		return 0
	}
	return int(c.lib.fn.stateSize(c.p, seq))
}

// SaveState copies the memory of a sequence into buf, which must hold StateSize bytes, and returns how
// many it wrote. The copy belongs to this context's model, library and options; it holds no tokens.
func (c *Context) SaveState(seq int32, buf []byte) (int, error) {
	if seq < 0 || int(seq) >= c.o.Sequences || len(buf) == 0 {
		return 0, fmt.Errorf("sequence %d of 0–%d cannot be saved in %d bytes", seq, c.o.Sequences-1, len(buf))
	}
	takeErrors()
	n := c.lib.fn.stateGet(c.p, unsafe.Pointer(&buf[0]), uint64(len(buf)), seq)
	runtime.KeepAlive(buf)
	if n == 0 {
		return 0, fmt.Errorf("the memory of sequence %d cannot be saved: %s", seq, takeErrors())
	}
	return int(n), nil
}

// RestoreState gives a sequence the memory that SaveState copied, in place of what it had. Without enough
// free cells it answers an error and the sequence is empty.
func (c *Context) RestoreState(seq int32, buf []byte) error {
	if seq < 0 || int(seq) >= c.o.Sequences || len(buf) == 0 {
		return fmt.Errorf("sequence %d of 0–%d cannot be restored from %d bytes", seq, c.o.Sequences-1, len(buf))
	}
	takeErrors()
	n := c.lib.fn.stateSet(c.p, unsafe.Pointer(&buf[0]), uint64(len(buf)), seq)
	runtime.KeepAlive(buf)
	if n == 0 {
		c.Remove(seq, 0)
		return fmt.Errorf("the memory of sequence %d cannot be restored: %s", seq, takeErrors())
	}
	return nil
}
