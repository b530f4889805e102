package bpe

import "unicode/utf8"

// lookahead is how many characters behind a piece can still change where it ends, blanks aside: those of
// the longest contraction, and one that shows that it is over.
const lookahead = 4

// EncodeSettled appends those tokens of text, which is UTF-8, to dst that stay the same whatever the text
// goes on with, and returns how many bytes they are. They end with a piece, so that what follows can be
// encoded without them.
func (e *Encoding) EncodeSettled(dst []Token, text string) (_ []Token, settled int) {
	last := len(text) // no piece that ends behind it is settled
	for range lookahead {
		_, n := utf8.DecodeLastRuneInString(text[:last])
		last -= n
	}
	// Blanks are cut by what comes behind all of them.
	end := len(text)
	for end > 0 {
		r, n := utf8.DecodeLastRuneInString(text[:end])
		end -= n
		if e.cls.of(r)&blank == 0 {
			break
		}
	}
	last = min(last, end)
	w := e.t.scratch.Get().(*scratch)
	defer e.t.scratch.Put(w)
	for settled < last {
		to := e.next(e.cls, text, settled)
		if to == settled || to > last {
			break
		}
		dst, settled = e.t.piece(dst, text, settled, to, w), to
	}
	return dst, settled
}
