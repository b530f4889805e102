package bpe

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math"
	"math/bits"
	"sync"
	"unicode/utf8"
)

// Token is an id of a vocabulary. Ids double as ranks: lower ones are merged first.
type Token = int32

// none says that there is no token; it is higher than all ranks.
const none = uint32(1<<idBits - 1)

// Bits of sides.
const (
	isLeft = 1 << iota
	isRight
)

// free marks a place of the table of pairs that holds none.
const free = uint64(math.MaxUint64)

const (
	idBits  = 18 // ids of all vocabularies are below 2^18
	idMask  = 1<<idBits - 1
	hashMul = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio: multiplicative hashing
)

// slot8 and slot16 hold a token of at most 8 or 16 bytes: its bytes, padded with zeros, and its length,
// which tells "a" from "a\x00". A free slot has length 0.
type slot8 struct {
	key uint64
	id  uint32
	n   uint32
}

type slot16 struct {
	key, more uint64
	id        uint32
	n         uint32
}

// tables are what encoding and decoding need of a vocabulary.
type tables struct {
	text    string   // the bytes of all tokens
	ends    []uint32 // where each token ends in text
	short   []slot8
	middle  []slot16
	long    map[string]uint32
	pairs   []uint64 // left<<36 | right<<18 | merged, or free
	sides   []uint8  // of each token, whether it is the left or the right one of some pair: most are neither
	shift8  uint
	shift16 uint
	shiftP  uint

	scratch sync.Pool // of *scratch

	single [256]uint32 // ids of single bytes
	byte2  []uint32    // what the ids of two bytes merge to, or none: by left<<8 | right
	runes  []uint32    // the tokens of characters of two and three bytes, or none
	// crossed tells, by first<<8 | second, of two bytes between which a character ends, whether a token holds
	// them that has only a part of a character at one of its ends.
	crossed []bool
}

// unpack reads a data file; see gen for its format.
func unpack(packed []byte) (*tables, error) {
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("unpack the vocabulary: %w", err)
	}
	count := (len(raw) - 256) / 6
	left, right := make([]uint32, count), make([]uint32, count)
	for i := range count {
		col := func(c int) uint32 { return uint32(raw[256+c*count+i]) }
		left[i] = col(0) | col(1)<<8 | col(2)<<16
		right[i] = col(3) | col(4)<<8 | col(5)<<16
	}
	total := count + 256
	t := &tables{ends: make([]uint32, total)}
	t.scratch.New = func() any { return new(scratch) }

	text := make([]byte, 0, 8*total)
	start := func(id uint32) uint32 {
		if id == 0 {
			return 0
		}
		return t.ends[id-1]
	}
	for id := range uint32(total) {
		if id < 256 {
			text = append(text, raw[id])
			t.single[raw[id]] = id
		} else if l, r := left[id-256], right[id-256]; l < id && r < id {
			text = append(text, text[start(l):t.ends[l]]...)
			text = append(text, text[start(r):t.ends[r]]...)
		}
		t.ends[id] = uint32(len(text))
	}
	t.text = string(text)
	t.index(left, right)
	return t, nil
}

// index builds the tables for lookups. Low ids come first, so that frequent tokens lie where the search begins.
func (t *tables) index(left, right []uint32) {
	counts := [3]int{}
	for id := range t.ends {
		counts[sizeClass(len(t.token(uint32(id))))]++
	}
	t.short, t.shift8 = sized[slot8](counts[0])
	t.middle, t.shift16 = sized[slot16](counts[1])
	t.pairs, t.shiftP = sized[uint64](len(left))
	t.sides = make([]uint8, len(t.ends))
	t.crossed = make([]bool, 1<<16)
	t.runes = make([]uint32, 1<<16)
	for i := range t.runes {
		t.runes[i] = none
	}
	for i := range t.pairs {
		t.pairs[i] = free
	}
	t.long = make(map[string]uint32, counts[2])
	t.byte2 = make([]uint32, 1<<16)
	for i := range t.byte2 {
		t.byte2[i] = none
	}
	for i := range t.ends {
		id := uint32(i)
		text := t.token(id)
		n := uint32(len(text))
		switch {
		case n == 0:
			continue // an id that is not used
		case n <= 8:
			key, _, _ := loadTail(text)
			at := key * hashMul >> t.shift8
			for t.short[at].n != 0 {
				at = (at + 1) & uint64(len(t.short)-1)
			}
			t.short[at] = slot8{key: key, id: id, n: n}
		case n <= 16:
			key, more, _ := loadTail(text)
			at := hash16(key, more) >> t.shift16
			for t.middle[at].n != 0 {
				at = (at + 1) & uint64(len(t.middle)-1)
			}
			t.middle[at] = slot16{key: key, more: more, id: id, n: n}
		default:
			t.long[text] = id
		}
		if id < 256 {
			continue
		}
		l, r := left[id-256], right[id-256]
		t.sides[l] |= isLeft
		t.sides[r] |= isRight
		key := uint64(l)<<idBits | uint64(r)
		at := key * hashMul >> t.shiftP
		for t.pairs[at] != free {
			at = (at + 1) & uint64(len(t.pairs)-1)
		}
		t.pairs[at] = key<<idBits | uint64(id)
		if n == 2 {
			t.byte2[l<<8|r] = id
		}
		if char, size := utf8.DecodeRuneInString(text); char != utf8.RuneError && size == int(n) && n <= 3 {
			t.runes[char] = id
		} else if !utf8.ValidString(text) {
			for i := 1; i < len(text); i++ {
				if utf8.RuneStart(text[i]) {
					t.crossed[int(text[i-1])<<8|int(text[i])] = true
				}
			}
		}
	}
}

func sizeClass(n int) int {
	switch {
	case n <= 8:
		return 0
	case n <= 16:
		return 1
	}
	return 2
}

// sized returns a table that n entries fill to less than two thirds, and the shift that turns a hash into an index.
func sized[S any](n int) ([]S, uint) {
	b := bits.Len(uint(n + n/2))
	return make([]S, 1<<b), uint(64 - b)
}

func hash16(key, more uint64) uint64 {
	return (key ^ bits.RotateLeft64(more*hashMul, 32)) * hashMul
}

// token returns the bytes of an id, which must be below len(ends).
func (t *tables) token(id uint32) string {
	if id == 0 {
		return t.text[:t.ends[0]]
	}
	return t.text[t.ends[id-1]:t.ends[id]]
}

// load8 reads the 8 bytes at p.
func load8(s string, p int) uint64 {
	s = s[p : p+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// loadTail reads a text of at most keySize bytes, padded with zeros.
func loadTail(s string) (a, b, c uint64) {
	var words [keySize / 8]uint64
	for i := range len(s) {
		words[i/8] |= uint64(s[i]) << (i % 8 * 8)
	}
	return words[0], words[1], words[2]
}

// find returns the token whose bytes are text, which is not empty, or none.
func (t *tables) find(text string) uint32 {
	switch n := len(text); {
	case n <= 8:
		key, _, _ := loadTail(text)
		return t.find8(key, uint32(n))
	case n <= 16:
		key, more, _ := loadTail(text)
		return t.find16(key, more, uint32(n))
	}
	if id, ok := t.long[text]; ok {
		return id
	}
	return none
}

// find8 returns the token with these n ≤ 8 bytes, or none.
func (t *tables) find8(key uint64, n uint32) uint32 {
	for at := key * hashMul >> t.shift8; ; at = (at + 1) & uint64(len(t.short)-1) {
		s := &t.short[at]
		if s.key == key && s.n == n {
			return s.id
		}
		if s.n == 0 {
			return none
		}
	}
}

// find16 returns the token with these 9 to 16 bytes, or none.
func (t *tables) find16(key, more uint64, n uint32) uint32 {
	for at := hash16(key, more) >> t.shift16; ; at = (at + 1) & uint64(len(t.middle)-1) {
		s := &t.middle[at]
		if s.key == key && s.more == more && s.n == n {
			return s.id
		}
		if s.n == 0 {
			return none
		}
	}
}

// merged returns the token that left and right merge to, or none.
func (t *tables) merged(left, right uint32) uint32 {
	if t.sides[left]&isLeft == 0 || t.sides[right]&isRight == 0 {
		return none
	}
	key := uint64(left)<<idBits | uint64(right)
	for at := key * hashMul >> t.shiftP; ; at = (at + 1) & uint64(len(t.pairs)-1) {
		p := t.pairs[at]
		if p>>idBits == key {
			return uint32(p & idMask)
		}
		if p == free {
			return none
		}
	}
}
