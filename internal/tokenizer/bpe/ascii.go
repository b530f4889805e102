package bpe

import "math/bits"

// Words of ASCII letters are most of most texts. They are found eight bytes at a time: in the masks
// below the highest bit of each byte tells whether it is a letter.
const (
	each  = 0x0101010101010101
	highs = 0x80 * each
)

// lowercase marks the bytes of x that are a to z.
func lowercase(x uint64) uint64 {
	low := x &^ highs
	return (low + (0x80-'a')*each) &^ (low + (0x7f-'z')*each) &^ x & highs
}

// alphabetic marks the bytes of x that are a to z or A to Z.
func alphabetic(x uint64) uint64 { return lowercase(x|0x20*each) &^ x & highs }

// wordStart says, by its first byte, how a piece that is a word may begin.
type wordStart uint8

const (
	noWord     wordStart = iota // not, or by rules that only the scanner knows
	withLetter                  // with a letter
	withPrefix                  // with one byte before the letters
)

// wordStarts returns the table of an encoding: prefixes are the bytes that its pattern takes before letters.
func wordStarts(prefix func(c byte) bool) *[256]wordStart {
	var t [256]wordStart
	for c := range 128 {
		switch {
		case ascii[c]&letters != 0:
			t[c] = withLetter
		case prefix(byte(c)):
			t[c] = withPrefix
		}
	}
	return &t
}

// asciiWord returns the length of the word that begins at p, if it is one of ASCII letters, no longer than
// 15 bytes, and surely ends there; otherwise 0, and the scanner decides. At least 16 bytes must follow p.
// first is its first eight bytes.
func (e *Encoding) asciiWord(text string, p int, first uint64) int {
	start := e.starts[uint8(first)]
	if start == noWord || start == withPrefix && first&0x8000 != 0 {
		return 0
	}
	at := 8 * (uint(start) - 1) // the bit where the letters begin
	word := alphabetic(first)
	if e.cased {
		// A word is one capital and small letters, or small letters; another capital begins the next one.
		word = word&(0x80<<at) | lowercase(first)
	}
	word |= 0x80 >> (8 - at) // the prefix, when at is 8
	n := bits.TrailingZeros64(^word&highs) / 8
	if n == 8 {
		second := load8(text, p+8)
		word = alphabetic(second)
		if e.cased {
			word = lowercase(second)
		}
		more := bits.TrailingZeros64(^word&highs) / 8
		if more == 8 || e.goesOn(uint8(second>>(8*more))) {
			return 0
		}
		return 8 + more
	}
	if 8*n <= int(at) || e.goesOn(uint8(first>>(8*n))) || e.cased && lowercase(first)>>(8*n-8)&0x80 == 0 {
		return 0
	}
	return n
}

// goesOn says whether c, after a word, may belong to it: part of a letter beyond ASCII, or a contraction.
func (e *Encoding) goesOn(c uint8) bool { return c >= 0x80 || e.cased && c == '\'' }
