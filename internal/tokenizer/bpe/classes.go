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
	set   []uint8 // one bit each, as in the constants above; none for surrogates
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
			all = append(all, 1<<cls)
		}
	}
	clear(all[0xd800:0xe000]) // surrogates are no code points of UTF-8
	t := &classTable{}
	seen := map[string]uint16{}
	for b := range t.block {
		block := string(all[b<<blockBits : (b+1)<<blockBits])
		at, ok := seen[block]
		if !ok {
			at = uint16(len(seen))
			seen[block] = at
			t.set = append(t.set, block...)
		}
		t.block[b] = at
	}
	return t
})

// of returns the set with the class of r.
func (t *classTable) of(r rune) uint8 {
	return t.set[int(t.block[uint32(r)>>blockBits])<<blockBits|int(r)&(1<<blockBits-1)]
}

// ascii holds the sets of the first 128 code points.
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

// at returns the set with the class of the code point at text[p:] and its length in bytes. At the end of
// the text, and where it is not UTF-8, both are zero.
func (t *classTable) at(text string, p int) (set uint8, size int) {
	if p >= len(text) {
		return 0, 0
	}
	if c := text[p]; c < utf8.RuneSelf {
		return ascii[c], 1
	}
	return t.wide(text, p)
}

// wide is at for code points above U+007F.
func (t *classTable) wide(text string, p int) (set uint8, size int) {
	if p+2 < len(text) {
		if set := t.three(text[p], text[p+1], text[p+2]); set != 0 {
			return set, 3
		}
	}
	r, n := utf8.DecodeRuneInString(text[p:])
	if r == utf8.RuneError && n == 1 {
		return 0, 0
	}
	return t.of(r), n
}

// three is at for code points of three bytes, and zero when these bytes are not one.
func (t *classTable) three(a, b, c uint8) uint8 {
	r := uint32(a&0x0f)<<12 | uint32(b&0x3f)<<6 | uint32(c&0x3f)
	if a&0xf0 != 0xe0 || (b^0x80)|(c^0x80) >= 0x40 || r < 0x800 {
		return 0
	}
	return t.set[uint32(t.block[r>>blockBits])<<blockBits|r&(1<<blockBits-1)]
}

// run returns the end of the longest run of code points in set that begins at p.
func (t *classTable) run(text string, p int, set uint8) int {
	for p < len(text) {
		c := text[p]
		if c < utf8.RuneSelf {
			if ascii[c]&set == 0 {
				return p
			}
			p++
			continue
		}
		if p+2 < len(text) && t.three(c, text[p+1], text[p+2])&set != 0 {
			p += 3
			continue
		}
		got, n := t.wide(text, p)
		if got&set == 0 {
			return p
		}
		p += n
	}
	return p
}
