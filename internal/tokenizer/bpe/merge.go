package bpe

// scanLimit is the length up to which the lowest pair is searched for by looking at all of them.
const scanLimit = 64

// scratch is what encoding works in. It serves one vocabulary, because it remembers words.
type scratch struct {
	words [1 << wordBits]word

	// What merge works in has one element per part of the piece.
	ids  [scanLimit]uint32
	keys [scanLimit]uint32 // what the token and the next one merge to, above its place: the lowest key is the next merge
	next [scanLimit]uint8
	prev [scanLimit + 1]uint8
}

const (
	placeBits = 6 // of keys; scanLimit is 1<<placeBits
	placeMask = 1<<placeBits - 1
	noKey     = none << placeBits
)

// units fills w with what merging begins with, and returns how many parts that is: the bytes of text, or
// whole characters where that leads to the same tokens. It does where no token holds a part of the
// character together with something beside it: then nothing can take a byte from the character before its
// own bytes are merged. That they are merged early changes nothing either, because a token has a higher
// rank than those it is made of: what the character merges to next comes later in any case.
func (t *tables) units(text string, w *scratch) int {
	n := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= 0xc0 {
			if id, size := t.character(text, i); id != none {
				w.ids[n] = id
				n++
				i += size
				continue
			}
		}
		w.ids[n] = t.single[c]
		n++
		i++
	}
	for i := range n - 1 {
		a, b := w.ids[i], w.ids[i+1]
		merged := none
		if a|b < 256 {
			merged = t.byte2[a<<8|b]
		} else {
			merged = t.merged(a, b)
		}
		w.keys[i] = merged<<placeBits | uint32(i)
		w.next[i] = uint8(i + 1)
		w.prev[i+1] = uint8(i)
	}
	w.keys[n-1], w.next[n-1] = noKey, uint8(n)
	return n
}

// character returns the token of the character of two or three bytes at text[i:] and its length, or none
// where merging must begin with its bytes.
func (t *tables) character(text string, i int) (id uint32, size int) {
	c := text[i]
	switch {
	case c < 0xe0 && i+1 < len(text):
		id, size = t.runes[uint16(c&0x1f)<<6|uint16(text[i+1]&0x3f)], 2
	case c >= 0xe0 && c < 0xf0 && i+2 < len(text):
		id, size = t.runes[uint16(c)<<12|uint16(text[i+1]&0x3f)<<6|uint16(text[i+2]&0x3f)], 3
	default:
		return none, 0
	}
	if id == none || i > 0 && t.crossed[int(text[i-1])<<8|int(c)] {
		return none, 0
	}
	if end := i + size; end < len(text) && t.crossed[int(text[end-1])<<8|int(text[end])] {
		return none, 0
	}
	return id, size
}

// merge appends what byte pair encoding makes of text, which is not empty and valid UTF-8: of all neighbours that make
// a token, those with the lowest are merged, the leftmost first, until none do.
func (t *tables) merge(dst []Token, text string, w *scratch) []Token {
	n := len(text)
	if n > scanLimit {
		return t.mergeLong(dst, text)
	}
	n = t.units(text, w)
	ids, keys := w.ids[:n], w.keys[:n]
	for {
		best := uint32(noKey)
		for _, k := range keys {
			best = min(best, k)
		}
		if best >= noKey {
			break
		}
		at, id := int(best&placeMask), best>>placeBits
		gone := int(w.next[at])
		after := int(w.next[gone])
		ids[at], keys[gone] = id, noKey
		w.next[at], w.prev[after] = uint8(after), uint8(at)
		keys[at] = noKey
		if after < n {
			keys[at] = t.merged(id, ids[after])<<placeBits | uint32(at)
		}
		if at > 0 {
			before := int(w.prev[at])
			keys[before] = t.merged(ids[before], id)<<placeBits | uint32(before)
		}
	}
	for i := 0; i < n; i = int(w.next[i]) {
		dst = append(dst, Token(ids[i]))
	}
	return dst
}
