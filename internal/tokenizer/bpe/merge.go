package bpe

import "math"

// scanLimit is the length up to which the lowest pair is searched for by looking at all of them.
const scanLimit = 64

// piece appends the tokens of text[p:end], one piece of the pattern, which is not empty.
func (t *tables) piece(dst []Token, text string, p, end int) []Token {
	if id := t.find(text, p, end); id != none {
		return append(dst, Token(id))
	}
	return t.merge(dst, text[p:end])
}

// find returns the token with the bytes text[p:end], at least one, or none.
func (t *tables) find(text string, p, end int) uint32 {
	n := end - p
	if n > 16 {
		if id, ok := t.long[text[p:end]]; ok {
			return id
		}
		return none
	}
	var key, more uint64
	switch {
	case p+16 > len(text):
		key, more = loadTail(text[p:end])
	case n <= 8:
		key = load8(text, p) & (math.MaxUint64 >> (64 - 8*n))
	default:
		key, more = load8(text, p), load8(text, p+8)&(math.MaxUint64>>(128-8*n))
	}
	if n <= 8 {
		return t.find8(key, uint32(n))
	}
	return t.find16(key, more, uint32(n))
}

// merge appends what byte pair encoding makes of text, which is not empty: of all neighbours that make
// a token, those with the lowest are merged, the leftmost first, until none do.
func (t *tables) merge(dst []Token, text string) []Token {
	if len(text) > scanLimit {
		return t.mergeLong(dst, text)
	}
	var ids, ranks [scanLimit + 1]uint32 // ranks[i] is what ids[i] and ids[i+1] merge to
	n := len(text)
	for i := range n - 1 {
		ids[i] = t.single[text[i]]
		ranks[i] = t.byte2[int(text[i])<<8|int(text[i+1])]
	}
	ids[n-1] = t.single[text[n-1]]
	for n > 1 {
		best, at := none, 0
		for i, r := range ranks[:n-1] {
			if r < best {
				best, at = r, i
			}
		}
		if best == none {
			break
		}
		n--
		ids[at] = best
		copy(ids[at+1:n], ids[at+2:n+1])
		copy(ranks[at:n-1], ranks[at+1:n])
		if at+1 < n {
			ranks[at] = t.merged(best, ids[at+1])
		}
		if at > 0 {
			ranks[at-1] = t.merged(ids[at-1], best)
		}
	}
	for _, id := range ids[:n] {
		dst = append(dst, Token(id))
	}
	return dst
}
