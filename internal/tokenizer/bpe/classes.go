package bpe

import (
	_ "embed"
	"sync"
	"unicode/utf8"
)

// Classes of code points: as coarse as the patterns allow. gen/classes.py uses the same numbers.
const (
	other   = iota // none of the below: punctuation, symbols, controls, unassigned
	mark           // \p{M}
	upper          // \p{Lu}, \p{Lt}
	lower          // \p{Ll}
	letter         // \p{Lm}, \p{Lo}: letters without case
	number         // \p{N}
	space          // \s without the two below
	newline        // \r, \n
)

// Sets of classes, as bits.
const (
	letters   = 1<<upper | 1<<lower | 1<<letter
	blank     = 1<<space | 1<<newline
	symbols   = 1<<other | 1<<mark
	upperLike = 1<<upper | 1<<letter | 1<<mark // o200k: what may begin a word in capitals
	lowerLike = 1<<lower | 1<<letter | 1<<mark // o200k: what may end a word
)

//go:embed data/classes.bin
var classRuns string

const blockBits = 7

// classTable holds the class of every code point: blocks of 128, each different one once.
type classTable struct {
	block [(utf8.MaxRune + 1) >> blockBits]uint16
	class []uint8
}

var classes = sync.OnceValue(func() *classTable {
	all := make([]uint8, 0, utf8.MaxRune+1)
	for i := 0; i < len(classRuns); {
		cls := classRuns[i]
		n := 0
		for shift := 0; ; shift += 7 {
			i++
			n |= int(classRuns[i]&0x7f) << shift
			if classRuns[i] < 0x80 {
				break
			}
		}
		i++
		for range n {
			all = append(all, cls)
		}
	}
	t := &classTable{}
	seen := map[string]uint16{}
	for b := range t.block {
		block := string(all[b<<blockBits : (b+1)<<blockBits])
		at, ok := seen[block]
		if !ok {
			at = uint16(len(seen))
			seen[block] = at
			t.class = append(t.class, block...)
		}
		t.block[b] = at
	}
	return t
})

// of returns the set with the class of r.
func (t *classTable) of(r rune) uint {
	return 1 << t.class[int(t.block[uint32(r)>>blockBits])<<blockBits|int(r)&(1<<blockBits-1)]
}

// ascii holds the sets of the first 128 code points; zero above them, which sends those the long way.
var ascii = func() (t [256]uint8) {
	for c := range 128 {
		switch {
		case c >= 'a' && c <= 'z':
			t[c] = 1 << lower
		case c >= 'A' && c <= 'Z':
			t[c] = 1 << upper
		case c >= '0' && c <= '9':
			t[c] = 1 << number
		case c == '\r' || c == '\n':
			t[c] = 1 << newline
		case c == ' ' || c >= '\t' && c <= '\f':
			t[c] = 1 << space
		default:
			t[c] = 1 << other
		}
	}
	return t
}()

// at returns the set with the class of the code point at text[p:], which must be valid UTF-8, and its
// length in bytes. At the end of the text both are zero.
func (t *classTable) at(text string, p int) (set uint, size int) {
	if p >= len(text) {
		return 0, 0
	}
	c := text[p]
	if c < utf8.RuneSelf {
		return uint(ascii[c]), 1
	}
	if c >= 0xe0 && c < 0xf0 && p+2 < len(text) {
		r := rune(c&0x0f)<<12 | rune(text[p+1]&0x3f)<<6 | rune(text[p+2]&0x3f)
		return t.of(r), 3
	}
	r, n := utf8.DecodeRuneInString(text[p:])
	return t.of(r), n
}
