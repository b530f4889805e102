package bpe

import (
	"math"
	"math/bits"
)

// word is a piece and its tokens, remembered because words come again: 64 bytes, a line of the processor's
// cache.
type word struct {
	a, b, c  uint64 // the bytes of the piece, padded with zeros
	ids      [8]Token
	n, count uint8 // how many bytes and tokens there are
}

const (
	wordBits = 14
	keySize  = 24 // the longest piece, in bytes, that is remembered
)

// piece appends the tokens of text[p:end], one piece of the pattern, which is not empty.
func (t *tables) piece(dst []Token, text string, p, end int, w *scratch) []Token {
	n := end - p
	if n > keySize {
		if id, ok := t.long[text[p:end]]; ok {
			return append(dst, Token(id))
		}
		return t.merge(dst, text[p:end], w)
	}
	a, b, c := load(text, p, end)
	// Tokens of ASCII are in nearly all texts and are looked up where they are. The others, and what is no token,
	// are looked up among the words first: a text uses few of them, which lie close to the processor after a while.
	plain := n <= 8 && a&highs == 0
	if plain {
		if id := t.find8(a, uint32(n)); id != none {
			return append(dst, Token(id))
		}
	}
	place := (a ^ bits.RotateLeft64(b*hashMul, 32) ^ bits.RotateLeft64(c*hashMul, 24)) * hashMul >> (64 - wordBits)
	m := &w.words[place]
	if m.a == a && m.b == b && m.c == c && int(m.n) == n {
		return m.append(dst)
	}
	second := &w.words[place^1]
	if second.a == a && second.b == b && second.c == c && int(second.n) == n {
		return second.append(dst)
	}
	start, id := len(dst), none
	switch {
	case plain: // looked for above
	case n <= 8:
		id = t.find8(a, uint32(n))
	case n <= 16:
		id = t.find16(a, b, uint32(n))
	default:
		id = t.find(text[p:end])
	}
	if id != none {
		dst = append(dst, Token(id))
	} else {
		dst = t.merge(dst, text[p:end], w)
	}
	if ids := dst[start:]; len(ids) <= len(m.ids) {
		*second = *m
		m.a, m.b, m.c, m.n, m.count = a, b, c, uint8(n), uint8(copy(m.ids[:], ids))
	}
	return dst
}

// append appends the tokens of a word. It may write beyond them, where dst has room.
func (m *word) append(dst []Token) []Token {
	n := len(dst)
	if cap(dst)-n < len(m.ids) {
		return append(dst, m.ids[:m.count]...)
	}
	*(*[8]Token)(dst[n:cap(dst)]) = m.ids // a fixed number is copied faster than the right one
	return dst[:n+int(m.count)]
}

// load reads text[p:end], at most keySize bytes, padded with zeros.
func load(text string, p, end int) (a, b, c uint64) {
	n := end - p
	switch {
	case p+keySize > len(text):
		return loadTail(text[p:end])
	case n <= 8:
		return load8(text, p) & (math.MaxUint64 >> (64 - 8*n)), 0, 0
	case n <= 16:
		return load8(text, p), load8(text, p+8) & (math.MaxUint64 >> (128 - 8*n)), 0
	}
	return load8(text, p), load8(text, p+8), load8(text, p+16) & (math.MaxUint64 >> (192 - 8*n))
}
