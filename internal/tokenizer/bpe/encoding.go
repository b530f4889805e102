package bpe

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Encoding is one vocabulary with its pattern and its special tokens.
type Encoding struct {
	name     string
	t        *tables
	cls      *classTable
	next     scanner
	starts   *[256]wordStart
	cased    bool // the pattern tells capitals from small letters
	special  map[string]Token
	specials []string         // the texts of special, sorted
	texts    map[Token]string // the reverse of special
}

// scanner returns the end of the piece that begins at p.
type scanner func(t *classTable, text string, p int) int

// Name returns the name under which tiktoken knows it, such as "cl100k_base".
func (e *Encoding) Name() string { return e.name }

// Size returns one more than the highest id, special tokens included: tiktoken's n_vocab.
func (e *Encoding) Size() int {
	size := len(e.t.ends)
	for id := range e.texts {
		size = max(size, int(id)+1)
	}
	return size
}

// Specials returns the texts of the special tokens, sorted.
func (e *Encoding) Specials() []string { return slices.Clone(e.specials) }

// Special is a set of special tokens. The zero value is empty.
type Special struct {
	all   bool
	texts []string
}

// All is the set of all special tokens of an encoding. As the set of disallowed ones it leaves out
// those that are allowed.
var All = Special{all: true}

// Only returns the set of these texts, such as "<|endoftext|>".
func Only(texts ...string) Special { return Special{texts: texts} }

func (s Special) has(text string) bool { return s.all || slices.Contains(s.texts, text) }

// SpecialError says that a text holds a special token that the caller does not allow in it.
type SpecialError struct {
	Token string
}

func (e *SpecialError) Error() string {
	return fmt.Sprintf("the text holds the special token %s", e.Token)
}

// Encode appends the tokens of text to dst. Texts of allowed special tokens become these tokens; a
// disallowed one is a *SpecialError; the others are encoded as the plain text that they are. These are
// the rules of tiktoken's encode, where nothing is allowed and All disallowed when nothing is said.
func (e *Encoding) Encode(dst []Token, text string, allowed, disallowed Special) ([]Token, error) {
	if found := e.forbidden(text, allowed, disallowed); found != "" {
		return dst, &SpecialError{Token: found}
	}
	for {
		at, token := e.nextSpecial(text, allowed)
		if token == "" {
			return e.EncodeOrdinary(dst, text), nil
		}
		dst = append(e.EncodeOrdinary(dst, text[:at]), e.special[token])
		text = text[at+len(token):]
	}
}

// forbidden returns the first text of a disallowed special token in text, or "".
func (e *Encoding) forbidden(text string, allowed, disallowed Special) string {
	texts := disallowed.texts
	if disallowed.all {
		texts = slices.DeleteFunc(e.Specials(), allowed.has)
	}
	first, found := len(text), ""
	for _, t := range texts {
		if at := strings.Index(text, t); at >= 0 && at < first {
			first, found = at, t
		}
	}
	return found
}

// nextSpecial finds the first allowed special token. All of them begin with "<|" and none is the
// beginning of another.
func (e *Encoding) nextSpecial(text string, allowed Special) (int, string) {
	if !allowed.all && len(allowed.texts) == 0 {
		return 0, ""
	}
	for p := 0; ; p += 2 {
		i := strings.Index(text[p:], "<|")
		if i < 0 {
			return 0, ""
		}
		p += i
		for _, t := range e.specials {
			if strings.HasPrefix(text[p:], t) && allowed.has(t) {
				return p, t
			}
		}
	}
}

// EncodeOrdinary appends the tokens of text to dst, special tokens taken as plain text. Bytes that are
// not UTF-8 are encoded, too: from the piece before the first of them to the end, the text is one piece.
// What lies between the length and the capacity of dst may be overwritten beyond the tokens, too.
func (e *Encoding) EncodeOrdinary(dst []Token, text string) []Token {
	out, ok := e.encode(dst, text)
	if !ok {
		return e.encodeBroken(dst, text)
	}
	return out
}

// Count returns the number of tokens of text, special tokens taken as plain text.
func (e *Encoding) Count(text string) int {
	return len(e.EncodeOrdinary(nil, text))
}

// encode is EncodeOrdinary for UTF-8; it returns false for what is not.
func (e *Encoding) encode(dst []Token, text string) ([]Token, bool) {
	w := e.t.scratch.Get().(*scratch)
	defer e.t.scratch.Put(w)
	start := len(dst)
	for p := 0; p < len(text); {
		if cap(dst)-len(dst) < len(word{}.ids) {
			dst = slices.Grow(dst, room(len(dst)-start, p, len(text)))
		}
		end := 0
		if p+16 <= len(text) {
			first := load8(text, p)
			if n := e.asciiWord(text, p, first); n > 0 {
				if n <= 8 {
					if id := e.t.find8(first&(math.MaxUint64>>(64-8*n)), uint32(n)); id != none {
						dst = append(dst, Token(id))
						p += n
						continue
					}
				}
				end = p + n
			} else {
				end = e.hangulWord(text, p)
			}
		}
		if end == 0 {
			if end = e.next(e.cls, text, p); end == p {
				return dst, false
			}
		}
		dst = e.t.piece(dst, text, p, end, w)
		p = end
	}
	return dst, true
}

// room guesses for how many more tokens there should be room, when the first done of size bytes became made
// tokens: an eighth more than at this rate, but no more than there are bytes, beside what word.append wants.
func room(made, done, size int) int {
	const least = 4096
	rate := 0.0
	if done > 0 {
		rate = float64(made) / float64(done) * 1.125
	}
	left := size - done
	return min(max(int(rate*float64(left)), least), left+len(word{}.ids))
}

// encodeBroken encodes what is not UTF-8 as tiktoken does: the valid beginning is encoded, then its last
// piece is taken back, with all tokens of blanks before it when it begins with one, and merged as one
// piece with all that follows.
func (e *Encoding) encodeBroken(dst []Token, text string) []Token {
	valid := 0
	for valid < len(text) {
		r, n := utf8.DecodeRuneInString(text[valid:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		valid += n
	}
	w := e.t.scratch.Get().(*scratch)
	defer e.t.scratch.Put(w)
	start, lastPiece := len(dst), len(dst)
	for p := 0; p < valid; {
		lastPiece = len(dst)
		end := e.next(e.cls, text[:valid], p)
		dst = e.t.piece(dst, text, p, end, w)
		p = end
	}
	if lastPiece < len(dst) && e.isBlank(dst[lastPiece]) {
		for lastPiece > start && e.isBlank(dst[lastPiece-1]) {
			lastPiece--
		}
	}
	p := valid
	for _, id := range dst[lastPiece:] {
		p -= len(e.t.token(uint32(id)))
	}
	if id := e.t.find(text[p:]); id != none {
		return append(dst[:lastPiece], Token(id))
	}
	return e.t.mergeLong(dst[:lastPiece], text[p:])
}

// isBlank says whether a token is made of spaces, tabs and newlines.
func (e *Encoding) isBlank(id Token) bool {
	return strings.Trim(e.t.token(uint32(id)), " \n\t") == ""
}

// Token returns the token whose bytes are exactly text, special tokens included.
func (e *Encoding) Token(text string) (Token, bool) {
	if text == "" {
		return 0, false
	}
	if id := e.t.find(text); id != none {
		return Token(id), true
	}
	id, ok := e.special[text]
	return id, ok
}

// Bytes returns the bytes of a token, special tokens included, and false when there is no such id.
func (e *Encoding) Bytes(id Token) (string, bool) {
	if text, ok := e.texts[id]; ok {
		return text, true
	}
	if id < 0 || int(id) >= len(e.t.ends) {
		return "", false
	}
	text := e.t.token(uint32(id))
	return text, text != ""
}

// UnknownTokenError says that an id is in no place of the vocabulary.
type UnknownTokenError struct {
	Index    int // which of the ids
	ID       Token
	Encoding string
}

func (e *UnknownTokenError) Error() string {
	return fmt.Sprintf("%d is not a token of %s", e.ID, e.Encoding)
}

// Decode appends the bytes of tokens to dst. They may not be UTF-8: a character can be several tokens.
// An id that is not in the vocabulary is an *UnknownTokenError.
func (e *Encoding) Decode(dst []byte, tokens []Token) ([]byte, error) {
	for i, id := range tokens {
		text, ok := e.Bytes(id)
		if !ok {
			return dst, &UnknownTokenError{Index: i, ID: id, Encoding: e.name}
		}
		dst = append(dst, text...)
	}
	return dst, nil
}
