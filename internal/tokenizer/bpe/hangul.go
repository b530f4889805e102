package bpe

const (
	firstSyllable = 0xac00
	syllables     = 11172
)

// hangulWord returns the end of the word that begins at p, if it is one of Hangul syllables, after at most one
// space, and surely ends there; otherwise 0, and the scanner decides. At least two bytes must follow p. In all
// patterns such a word is a piece: syllables are letters without case.
func (e *Encoding) hangulWord(text string, p int) int {
	if text[p] == ' ' {
		p++
	}
	start := p
	for p+4 <= len(text) && isSyllable(load4(text, p)) {
		p += 3
	}
	if p == start || p == len(text) || ascii[text[p]]&letters != 0 || e.goesOn(text[p]) {
		return 0
	}
	return p
}

// isSyllable says whether the lower three bytes of x are a Hangul syllable.
func isSyllable(x uint32) bool {
	r := x&0x0f<<12 | x>>2&0xfc0 | x>>16&0x3f
	return x&0xc0c0f0 == 0x8080e0 && r-firstSyllable < syllables
}

// load4 reads the 4 bytes at p.
func load4(s string, p int) uint32 {
	s = s[p : p+4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}
