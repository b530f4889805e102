package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Write writes a whole file: metadata, the table of tensors, and each tensor's data as fill writes
// it, in the table's order. Name, Dims and Type of the tensors are read; offsets and sizes are
// computed. fill must write exactly the tensor's size, so nothing is ever held in memory whole.
func Write(w io.Writer, meta []KV, tensors []Tensor, fill func(i int, w io.Writer) error) error {
	e := &encoder{w: bufio.NewWriterSize(w, 1<<20)}
	e.raw([]byte(Magic))
	e.u32(Version)
	e.u64(uint64(len(tensors)))
	e.u64(uint64(len(meta)))
	for _, kv := range meta {
		e.text(kv.Key)
		if err := e.value(kv.Value.V); err != nil {
			return fmt.Errorf("metadata %s: %w", kv.Key, err)
		}
	}
	sizes := make([]int64, len(tensors))
	var offset int64
	for i, t := range tensors {
		size, ok := t.Type.Size(t.Elements())
		if !ok {
			return fmt.Errorf("tensor %s: %d values are no whole number of %s blocks", t.Name, t.Elements(), t.Type)
		}
		sizes[i] = size
		e.text(t.Name)
		e.u32(uint32(len(t.Dims)))
		for _, d := range t.Dims {
			e.u64(uint64(d))
		}
		e.u32(uint32(t.Type))
		e.u64(uint64(offset))
		offset += padded(size)
	}
	e.pad()
	for i, t := range tensors {
		before := e.n
		if e.err == nil {
			if err := fill(i, e); err != nil {
				return fmt.Errorf("tensor %s: %w", t.Name, err)
			}
		}
		if e.err == nil && e.n-before != sizes[i] {
			return fmt.Errorf("tensor %s: %d bytes were written, it has %d", t.Name, e.n-before, sizes[i])
		}
		e.pad()
	}
	if e.err != nil {
		return e.err
	}
	return e.w.Flush()
}

func padded(n int64) int64 { return (n + DefaultAlignment - 1) / DefaultAlignment * DefaultAlignment }

// encoder counts what it writes and keeps the first error.
type encoder struct {
	w   *bufio.Writer
	n   int64
	err error
}

func (e *encoder) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.w.Write(p)
	e.n += int64(n)
	e.err = err
	return n, err
}

func (e *encoder) raw(p []byte)  { _, _ = e.Write(p) } // the error is kept
func (e *encoder) u32(v uint32)  { e.raw(binary.LittleEndian.AppendUint32(nil, v)) }
func (e *encoder) u64(v uint64)  { e.raw(binary.LittleEndian.AppendUint64(nil, v)) }
func (e *encoder) text(s string) { e.u64(uint64(len(s))); e.raw([]byte(s)) }
func (e *encoder) pad()          { e.raw(make([]byte, padded(e.n)-e.n)) }

func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case string:
		e.u32(uint32(String))
		e.text(v)
	case bool:
		e.u32(uint32(Bool))
		b := byte(0)
		if v {
			b = 1
		}
		e.raw([]byte{b})
	case uint32:
		e.u32(uint32(Uint32))
		e.u32(v)
	case int32:
		e.u32(uint32(Int32))
		e.u32(uint32(v))
	case float32:
		e.u32(uint32(Float32))
		e.u32(math.Float32bits(v))
	case uint64:
		e.u32(uint32(Uint64))
		e.u64(v)
	case []string:
		e.u32(uint32(Array))
		e.u32(uint32(String))
		e.u64(uint64(len(v)))
		for _, s := range v {
			e.text(s)
		}
	case []int32:
		e.u32(uint32(Array))
		e.u32(uint32(Int32))
		e.u64(uint64(len(v)))
		for _, n := range v {
			e.u32(uint32(n))
		}
	case []float32:
		e.u32(uint32(Array))
		e.u32(uint32(Float32))
		e.u64(uint64(len(v)))
		for _, n := range v {
			e.u32(math.Float32bits(n))
		}
	default:
		return fmt.Errorf("values of Go type %T are not written", v)
	}
	return nil
}
