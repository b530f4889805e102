package llama

import "strings"

// wordPieceText prepares a text for a WordPiece vocabulary. Such vocabularies (BERT's) were made after
// canonical decomposition, which takes Korean syllables apart into their letters. llama.cpp decomposes
// by a table that keeps a syllable's first letter alone, so Korean texts would lose most of what
// they say: they are taken apart here, by the arithmetic of the Unicode standard (section 3.12).
func wordPieceText(text string) string {
	const first, last = 0xAC00, 0xD7A3
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= first && r <= last }) {
		return text
	}
	var b strings.Builder
	b.Grow(3 * len(text))
	for _, r := range text {
		if r < first || r > last {
			b.WriteRune(r)
			continue
		}
		s := r - first
		b.WriteRune(0x1100 + s/588)
		b.WriteRune(0x1161 + s%588/28)
		if final := s % 28; final > 0 {
			b.WriteRune(0x11A7 + final)
		}
	}
	return b.String()
}
