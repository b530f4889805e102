// Package gguf reads and writes GGUF, the file format of llama.cpp's models: typed metadata, a table
// of tensors, and their data.
//
// Files come from strangers, so the reader trusts no length: every count and size is checked against
// what is left of the file before anything is allocated, and large arrays are skipped unless asked
// for. A file whose tensors reach beyond its end is refused as cut short.
package gguf

import (
	"errors"
	"fmt"
	"math"
)

// Magic begins every file.
const Magic = "GGUF"

// Version is what the writer writes; the reader takes 2 and 3.
const Version = 3

// DefaultAlignment of tensor data, unless general.alignment says otherwise.
const DefaultAlignment = 32

// ErrNotGGUF is returned for a file that is something else.
var ErrNotGGUF = errors.New("not a GGUF file")

// ValueType is the type of a metadata value.
type ValueType uint32

// The value types, numbered as in the format.
const (
	Uint8 ValueType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	Array
	Uint64
	Int64
	Float64
)

// fixed is the size in bytes of a value of each type; 0 for strings and arrays.
var fixed = map[ValueType]int64{
	Uint8: 1, Int8: 1, Bool: 1, Uint16: 2, Int16: 2, Uint32: 4, Int32: 4, Float32: 4, Uint64: 8, Int64: 8, Float64: 8,
}

// Type is the number format of a tensor.
type Type uint32

// The formats that this package names. Others are kept as numbers.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q2_K Type = 10
	Q3_K Type = 11
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// layout of the known formats: values per block and bytes per block.
var layout = map[Type]struct {
	name         string
	block, bytes int64
}{
	F32: {"F32", 1, 4}, F16: {"F16", 1, 2}, Q4_0: {"Q4_0", 32, 18}, Q4_1: {"Q4_1", 32, 20}, Q5_0: {"Q5_0", 32, 22},
	Q5_1: {"Q5_1", 32, 24}, Q8_0: {"Q8_0", 32, 34}, 9: {"Q8_1", 32, 36}, Q2_K: {"Q2_K", 256, 84}, Q3_K: {"Q3_K", 256, 110},
	Q4_K: {"Q4_K", 256, 144}, Q5_K: {"Q5_K", 256, 176}, Q6_K: {"Q6_K", 256, 210}, 15: {"Q8_K", 256, 292},
	16: {"IQ2_XXS", 256, 66}, 17: {"IQ2_XS", 256, 74}, 18: {"IQ3_XXS", 256, 98}, 19: {"IQ1_S", 256, 50}, 20: {"IQ4_NL", 32, 18},
	21: {"IQ3_S", 256, 110}, 22: {"IQ2_S", 256, 82}, 23: {"IQ4_XS", 256, 136}, 24: {"I8", 1, 1}, 25: {"I16", 1, 2}, 26: {"I32", 1, 4},
	27: {"I64", 1, 8}, 28: {"F64", 1, 8}, 29: {"IQ1_M", 256, 56}, BF16: {"BF16", 1, 2}, 34: {"TQ1_0", 256, 54}, 35: {"TQ2_0", 256, 66},
	39: {"MXFP4", 32, 17},
}

func (t Type) String() string {
	if l, ok := layout[t]; ok {
		return l.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Size is the number of bytes of n values, false when the format is unknown or n is no whole number
// of blocks.
func (t Type) Size(n int64) (int64, bool) {
	l, ok := layout[t]
	if !ok || n < 0 || n%l.block != 0 || n/l.block > math.MaxInt64/l.bytes {
		return 0, false
	}
	return n / l.block * l.bytes, true
}

// Value is a metadata value. V is one of uint8 … float64, bool, string, or, for arrays, a slice of
// one of these; nil for an array that was skipped, whose length is then in Len.
type Value struct {
	Type ValueType
	Elem ValueType // of an array
	Len  int       // of an array
	V    any
}

// KV is one row of metadata.
type KV struct {
	Key   string
	Value Value
}

// Tensor is one row of the tensor table.
type Tensor struct {
	Name   string
	Dims   []int64 // fastest first, as in the format: a matrix of r rows and c columns is [c, r]
	Type   Type
	Offset int64 // from the start of the data section
	Size   int64 // bytes; 0 when the format is unknown
}

// Elements is the number of values.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// File is what stands in a file before its data.
type File struct {
	Version    uint32
	Meta       []KV
	Tensors    []Tensor
	DataOffset int64 // where the data section begins
	Size       int64 // of the whole file
}

// Get returns the value of a key.
func (f *File) Get(key string) (Value, bool) {
	for i := range f.Meta {
		if f.Meta[i].Key == key {
			return f.Meta[i].Value, true
		}
	}
	return Value{}, false
}

// Text returns a string value, or "".
func (f *File) Text(key string) string {
	v, _ := f.Get(key)
	s, _ := v.V.(string)
	return s
}

// Int returns an integer value of any width, or 0. For an array of integers it is the largest one
// (some architectures give a number per layer).
func (f *File) Int(key string) int64 {
	v, _ := f.Get(key)
	switch n := v.V.(type) {
	case uint8:
		return int64(n)
	case int8:
		return int64(n)
	case uint16:
		return int64(n)
	case int16:
		return int64(n)
	case uint32:
		return int64(n)
	case int32:
		return int64(n)
	case uint64:
		return int64(min(n, math.MaxInt64))
	case int64:
		return n
	case []int32:
		return largest(n)
	case []uint32:
		return largest(n)
	case []int64:
		return largest(n)
	}
	return 0
}

func largest[T int32 | uint32 | int64](list []T) int64 {
	var top int64
	for _, n := range list {
		top = max(top, int64(n))
	}
	return top
}

// Flag returns a bool value, or the default.
func (f *File) Flag(key string, or bool) bool {
	v, _ := f.Get(key)
	if b, ok := v.V.(bool); ok {
		return b
	}
	return or
}

// Architecture is general.architecture.
func (f *File) Architecture() string { return f.Text("general.architecture") }

// arch returns an integer of the model's own section, e.g. llama.context_length.
func (f *File) arch(key string) int64 { return f.Int(f.Architecture() + "." + key) }

// Context is the number of tokens that the model was trained for; 0 when the file does not say.
func (f *File) Context() int { return int(min(f.arch("context_length"), math.MaxInt32)) }

// Embedding is the width of the model.
func (f *File) Embedding() int { return int(min(f.arch("embedding_length"), math.MaxInt32)) }

// Encoder reports whether the model gives vectors rather than text: an architecture without causal
// attention, or one that says how it pools.
func (f *File) Encoder() bool {
	if !f.Flag(f.Architecture()+".attention.causal", true) {
		return true
	}
	return f.arch("pooling_type") > 0
}

// Reranker reports whether the model scores pairs (pooling type 4).
func (f *File) Reranker() bool { return f.arch("pooling_type") == 4 }

// KVBytes is what one token takes in the KV cache at 16 bits; 0 when the file does not tell.
func (f *File) KVBytes() int64 {
	layers, heads, kv := f.arch("block_count"), f.arch("attention.head_count"), f.arch("attention.head_count_kv")
	if kv == 0 {
		kv = heads
	}
	key, value := f.arch("attention.key_length"), f.arch("attention.value_length")
	if heads > 0 && key == 0 {
		key = f.arch("embedding_length") / heads
	}
	if value == 0 {
		value = key
	}
	if layers <= 0 || kv <= 0 || key <= 0 || layers > 10_000 || kv > 10_000 || key > 100_000 || value > 100_000 {
		return 0
	}
	if n := f.arch("full_attention_interval"); n > 1 {
		layers = (layers + n - 1) / n // hybrids keep cells in every n-th layer only
	}
	return 2 * layers * kv * (key + value)
}

// Weights is the format that most of the large tensors have.
func (f *File) Weights() Type {
	sums := map[Type]int64{}
	var best Type
	for _, t := range f.Tensors {
		if len(t.Dims) < 2 {
			continue
		}
		sums[t.Type] += t.Elements()
		if sums[t.Type] > sums[best] {
			best = t.Type
		}
	}
	return best
}

// Parameters is the number of values of all tensors.
func (f *File) Parameters() int64 {
	var n int64
	for _, t := range f.Tensors {
		n += t.Elements()
	}
	return n
}
