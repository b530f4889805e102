package capi

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// kind is the C type of a struct field.
type kind uint8

const (
	i32 kind = iota
	u32
	f32
	u64 // also pointers and size_t
	flag
)

func (k kind) size() int {
	switch k {
	case u64:
		return 8
	case flag:
		return 1
	}
	return 4
}

// field is one field of a C struct: where it lies and what the library's own default is. The default
// is the sentinel: the whole default struct of the loaded library must equal what the table says.
type field struct {
	name   string
	offset int
	kind   kind
	preset float64 // default value; i32 -1 and floats included
}

// structure is a C struct of one library version. Fields that are not listed are zero by default and
// are never written by us.
type structure struct {
	size   int
	fields []field
}

// layout is everything that differs between library versions.
type layout struct {
	release  string   // llama.cpp release as in the library's file name and the package's metadata
	versions []string // what llama_version() may answer; empty where the symbol does not exist
	model    structure
	context  structure
	quantize structure
}

// wordsMax is the room for the largest parameter struct, in 8-byte words. Passing more words than a
// version has is harmless: the struct is always the last argument and is copied as a block.
const wordsMax = 26

// block is a C parameter struct passed by value. The three calling conventions that matter (System
// V, AAPCS64, Win64) pass every struct over 16 bytes as memory, whatever its fields are.
type block struct{ W [wordsMax]uint64 }

func (b *block) bytes() []byte {
	out := make([]byte, 0, wordsMax*8)
	for _, w := range b.W {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return out
}

func (b *block) setBytes(p []byte) {
	for i := range b.W {
		b.W[i] = binary.LittleEndian.Uint64(p[i*8:])
	}
}

// image returns what the library's default struct must look like.
func (s structure) image() []byte {
	img := make([]byte, wordsMax*8)
	for _, f := range s.fields {
		f.put(img, f.preset)
	}
	return img
}

func (f field) put(img []byte, v float64) {
	p := img[f.offset:]
	switch f.kind {
	case i32:
		binary.LittleEndian.PutUint32(p, uint32(int32(v)))
	case u32:
		binary.LittleEndian.PutUint32(p, uint32(v))
	case f32:
		binary.LittleEndian.PutUint32(p, math.Float32bits(float32(v)))
	case u64:
		binary.LittleEndian.PutUint64(p, uint64(v))
	case flag:
		p[0] = 0
		if v != 0 {
			p[0] = 1
		}
	}
}

// verify compares the defaults that the loaded library gives with the table.
func (s structure) verify(what string, got *block) error {
	have, want := got.bytes(), s.image()
	var wrong []string
	seen := make([]bool, len(have))
	for _, f := range s.fields {
		n := f.kind.size()
		for i := range n {
			seen[f.offset+i] = true
		}
		if string(have[f.offset:f.offset+n]) != string(want[f.offset:f.offset+n]) {
			wrong = append(wrong, fmt.Sprintf("%s at %d is %x, expected %x", f.name, f.offset,
				have[f.offset:f.offset+n], want[f.offset:f.offset+n]))
		}
	}
	for i, b := range have {
		if !seen[i] && b != 0 {
			wrong = append(wrong, fmt.Sprintf("byte %d is %#x, expected 0", i, b))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s of the loaded library is not laid out as the table says: %s", what, strings.Join(wrong, "; "))
	}
	return nil
}

// set writes a field by name; a name that this version does not have is ignored when optional.
func (s structure) set(b *block, name string, v float64) bool {
	for _, f := range s.fields {
		if f.name == name {
			img := b.bytes()
			f.put(img, v)
			b.setBytes(img)
			return true
		}
	}
	return false
}

// setPointer writes a pointer-sized field exactly.
func (s structure) setPointer(b *block, name string, v uint64) {
	for _, f := range s.fields {
		if f.name == name {
			b.W[f.offset/8] = v
		}
	}
}

// Releases lists the llama.cpp releases whose layouts are known, newest first.
func Releases() []string {
	out := make([]string, len(layouts))
	for i, l := range layouts {
		out[i] = l.release
	}
	return out
}

func layoutOf(release string) (layout, error) {
	for _, l := range layouts {
		if l.release == release {
			return l, nil
		}
	}
	return layout{}, fmt.Errorf("llama.cpp release %q is not known to this program (it knows %s): pull the engine libraries again with `parley pull`",
		release, strings.Join(Releases(), ", "))
}
