package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Bounds of what a sane file has. The largest vocabularies have some 300 thousand entries, the
// largest models some ten thousand tensors.
const (
	maxMeta    = 65_536
	maxTensors = 1 << 20
	maxName    = 65_535
	maxText    = 64 << 20 // a string value, e.g. a chat template
	maxArray   = 1 << 26
	maxDims    = 8
)

// keepArray is how many elements an array may have to be kept without Options.Arrays.
const keepArray = 1024

// Options choose what the reader keeps.
type Options struct {
	Arrays bool // keep arrays of any length (vocabularies), not only short ones
}

// Open reads the head of a file on disk.
func Open(path string, o Options) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	g, err := Read(f, info.Size(), o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// Read reads the head of a file of size bytes.
func Read(r io.Reader, size int64, o Options) (*File, error) {
	d := &decoder{r: bufio.NewReaderSize(r, 1<<16), left: size, o: o}
	f := d.file(size)
	if d.err != nil {
		if errors.Is(d.err, io.EOF) || errors.Is(d.err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("the file is cut short: it ends inside its head: %w", io.ErrUnexpectedEOF)
		}
		return nil, d.err
	}
	return f, nil
}

// decoder keeps the first error; after it every read gives zeros.
type decoder struct {
	r    *bufio.Reader
	left int64 // bytes of the file not read yet
	o    Options
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// take makes sure that n more bytes can exist before anybody allocates for them.
func (d *decoder) take(n int64) bool {
	if d.err != nil {
		return false
	}
	if n < 0 || n > d.left {
		d.err = io.ErrUnexpectedEOF
		return false
	}
	d.left -= n
	return true
}

func (d *decoder) bytes(n int64) []byte {
	if !d.take(n) {
		return nil
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(d.r, buf); err != nil {
		d.err = err
		return nil
	}
	return buf
}

func (d *decoder) skip(n int64) {
	if !d.take(n) {
		return
	}
	for n > 0 && d.err == nil {
		step, err := d.r.Discard(int(min(n, 1<<30)))
		n -= int64(step)
		if err != nil {
			d.err = err
		}
	}
}

func (d *decoder) u32() uint32 {
	if b := d.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count reads a length that may be at most limit, each of at least per bytes.
func (d *decoder) count(what string, limit, per int64) int64 {
	n := d.u64()
	if d.err != nil {
		return 0
	}
	if n > uint64(limit) {
		d.fail("%s: %d are more than the %d allowed", what, n, limit)
		return 0
	}
	if int64(n)*per > d.left {
		d.err = io.ErrUnexpectedEOF
		return 0
	}
	return int64(n)
}

func (d *decoder) text(limit int64) string {
	return string(d.bytes(d.count("length of a text", limit, 1)))
}

func (d *decoder) file(size int64) *File {
	f := &File{Size: size}
	if magic := d.bytes(4); d.err != nil || string(magic) != Magic {
		d.err = ErrNotGGUF
		return nil
	}
	if f.Version = d.u32(); d.err == nil && f.Version != 2 && f.Version != 3 {
		d.fail("GGUF version %d: Parley reads 2 and 3", f.Version)
		return nil
	}
	tensors := d.count("tensors", maxTensors, 24)
	rows := d.count("metadata rows", maxMeta, 13)
	seen := make(map[string]bool, rows)
	for range rows {
		kv := KV{Key: d.text(maxName)}
		kv.Value = d.value(ValueType(d.u32()))
		if d.err != nil {
			return nil
		}
		if seen[kv.Key] {
			d.fail("metadata key %q is there twice", kv.Key)
			return nil
		}
		seen[kv.Key] = true
		f.Meta = append(f.Meta, kv)
	}
	for range tensors {
		f.Tensors = append(f.Tensors, d.tensor())
		if d.err != nil {
			return nil
		}
	}
	align := int64(DefaultAlignment)
	if _, ok := f.Get("general.alignment"); ok {
		align = f.Int("general.alignment")
	}
	if align < 1 || align > 1<<20 || align&(align-1) != 0 {
		d.fail("general.alignment %d is not a power of two", align)
		return nil
	}
	f.DataOffset = (size - d.left + align - 1) / align * align
	for _, t := range f.Tensors {
		if t.Offset%align != 0 {
			d.fail("tensor %q begins at %d, which is not a multiple of %d", t.Name, t.Offset, align)
			return nil
		}
		if t.Offset > size || t.Size > size || f.DataOffset+t.Offset+t.Size > size {
			d.fail("the file is cut short: tensor %q ends at byte %d, the file has %d", t.Name, f.DataOffset+t.Offset+t.Size, size)
			return nil
		}
	}
	return f
}

func (d *decoder) tensor() Tensor {
	t := Tensor{Name: d.text(maxName)}
	dims := d.u32()
	if dims > maxDims {
		d.fail("tensor %q has %d dimensions", t.Name, dims)
		return t
	}
	n := int64(1)
	for range dims {
		v := d.u64()
		if v > math.MaxInt64 || (v > 0 && n > math.MaxInt64/int64(v)) {
			d.fail("tensor %q is too large", t.Name)
			return t
		}
		n *= int64(v)
		t.Dims = append(t.Dims, int64(v))
	}
	t.Type = Type(d.u32())
	offset := d.u64()
	if offset > math.MaxInt64/2 {
		d.fail("tensor %q begins at %d", t.Name, offset)
		return t
	}
	t.Offset = int64(offset)
	if _, known := layout[t.Type]; known {
		size, ok := t.Type.Size(n)
		if !ok || size > math.MaxInt64/4 {
			d.fail("tensor %q of %d values is no whole number of %s blocks", t.Name, n, t.Type)
		}
		t.Size = size
	}
	return t
}

func (d *decoder) value(t ValueType) Value {
	if t == Array {
		return d.array()
	}
	return Value{Type: t, V: d.scalar(t)}
}

func (d *decoder) scalar(t ValueType) any {
	if t == String {
		return d.text(maxText)
	}
	size, ok := fixed[t]
	if !ok {
		d.fail("metadata of unknown type %d", t)
		return nil
	}
	b := d.bytes(size)
	if b == nil {
		return nil
	}
	return decode(t, b)
}

func decode(t ValueType, b []byte) any {
	le := binary.LittleEndian
	switch t {
	case Uint8:
		return b[0]
	case Int8:
		return int8(b[0])
	case Bool:
		return b[0] != 0
	case Uint16:
		return le.Uint16(b)
	case Int16:
		return int16(le.Uint16(b))
	case Uint32:
		return le.Uint32(b)
	case Int32:
		return int32(le.Uint32(b))
	case Float32:
		return math.Float32frombits(le.Uint32(b))
	case Uint64:
		return le.Uint64(b)
	case Int64:
		return int64(le.Uint64(b))
	default:
		return math.Float64frombits(le.Uint64(b))
	}
}

func (d *decoder) array() Value {
	elem := ValueType(d.u32())
	per := int64(8) // a string has at least its length
	if elem != String {
		size, ok := fixed[elem]
		if !ok {
			d.fail("array of type %d", elem)
			return Value{}
		}
		per = size
	}
	n := d.count("elements of an array", maxArray, per)
	v := Value{Type: Array, Elem: elem, Len: int(n)}
	if d.err != nil {
		return v
	}
	keep := d.o.Arrays || n <= keepArray
	switch {
	case !keep && elem != String:
		d.skip(n * per)
	case !keep:
		for range n {
			d.skip(d.count("length of a text", maxText, 1))
			if d.err != nil {
				return v
			}
		}
	case elem == String:
		list := make([]string, 0, n)
		for range n {
			list = append(list, d.text(maxText))
			if d.err != nil {
				return v
			}
		}
		v.V = list
	default:
		v.V = numbers(elem, d.bytes(n*per), per)
	}
	return v
}

func numbers(t ValueType, b []byte, per int64) any {
	switch t {
	case Uint8:
		return b
	case Int8:
		return each[int8](t, b, per)
	case Bool:
		return each[bool](t, b, per)
	case Uint16:
		return each[uint16](t, b, per)
	case Int16:
		return each[int16](t, b, per)
	case Uint32:
		return each[uint32](t, b, per)
	case Int32:
		return each[int32](t, b, per)
	case Float32:
		return each[float32](t, b, per)
	case Uint64:
		return each[uint64](t, b, per)
	case Int64:
		return each[int64](t, b, per)
	default:
		return each[float64](t, b, per)
	}
}

func each[T any](t ValueType, b []byte, per int64) []T {
	list := make([]T, 0, int64(len(b))/per)
	for i := int64(0); i+per <= int64(len(b)); i += per {
		list = append(list, decode(t, b[i:i+per]).(T))
	}
	return list
}
