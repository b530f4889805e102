package bpe

import "unicode/utf8"

// The scanners below find where the piece that begins at p ends. Each is one of tiktoken's patterns,
// written out. Where text is not UTF-8 it ends for them: a piece ends before it, and none begins there (end == p).

// contraction matches 's 't 'd 'm 'll 've 're at p and returns its end, or 0. With fold it ignores case,
// where U+017F (long s) folds to s.
func contraction(text string, p int, fold bool) int {
	if p+1 >= len(text) || text[p] != '\'' {
		return 0
	}
	a := text[p+1]
	var b byte
	if p+2 < len(text) {
		b = text[p+2]
	}
	if fold {
		if a == 0xc5 && b == 0xbf {
			return p + 3
		}
		a |= 0x20
		b |= 0x20
	}
	switch {
	case a == 's' || a == 't' || a == 'd' || a == 'm':
		return p + 2
	case a == 'l' && b == 'l', a == 'v' && b == 'e', a == 'r' && b == 'e':
		return p + 3
	}
	return 0
}

// blanks measures the run of white space at p: its end, the end of its last \r or \n (0 without one),
// and where its last code point begins.
func (t *classTable) blanks(text string, p int) (end, newlineEnd, last int) {
	last = p
	for {
		set, n := t.at(text, p)
		if set&blank == 0 {
			return p, newlineEnd, last
		}
		last = p
		p += n
		if set == 1<<newline {
			newlineEnd = p
		}
	}
}

// digits returns the end of \p{N}{1,3} at p, the first of which has n bytes.
func (t *classTable) digits(text string, p, n int) int {
	for range 3 {
		p += n
		var set uint8
		if set, n = t.at(text, p); set != 1<<number {
			break
		}
	}
	return p
}

// nextGPT2 is the pattern of r50k and p50k:
//
//	'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s
func (t *classTable) nextGPT2(text string, p int) int {
	if end := contraction(text, p, false); end > 0 {
		return end
	}
	set, n := t.at(text, p)
	start := p
	if text[p] == ' ' {
		if s, m := t.at(text, p+1); m > 0 && s&blank == 0 {
			set, n, start = s, m, p+1
		}
	}
	switch {
	case set&letters != 0:
		return t.run(text, start+n, letters)
	case set == 1<<number:
		return t.run(text, start+n, 1<<number)
	case set&symbols != 0:
		return t.run(text, start+n, symbols)
	}
	end, _, last := t.blanks(text, p)
	if end == len(text) || last == p {
		return end
	}
	return last
}

// nextCL100K is the pattern of cl100k:
//
//	'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s
func (t *classTable) nextCL100K(text string, p int) int {
	if end := contraction(text, p, true); end > 0 {
		return end
	}
	set, n := t.at(text, p)
	switch {
	case set&letters != 0:
		return t.run(text, p+n, letters)
	case set == 1<<number:
		return t.digits(text, p, n)
	case set != 1<<newline:
		after, m := t.at(text, p+n)
		if after&letters != 0 {
			return t.run(text, p+n+m, letters)
		}
		if set&symbols != 0 {
			return t.newlines(text, t.run(text, p+n, symbols))
		}
		if text[p] == ' ' && after&symbols != 0 {
			return t.newlines(text, t.run(text, p+n+m, symbols))
		}
	}
	end, newlineEnd, last := t.blanks(text, p)
	switch {
	case end == len(text) || last == p && newlineEnd == 0:
		return end
	case newlineEnd > 0:
		return newlineEnd
	}
	return last
}

// newlines returns the end of [\r\n]* at p.
func (t *classTable) newlines(text string, p int) int {
	for p < len(text) && (text[p] == '\n' || text[p] == '\r') {
		p++
	}
	return p
}

// nextO200K is the pattern of o200k, with U for [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and W for
// [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
//
//	[^\r\n\p{L}\p{N}]?U*W+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?U+W*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
//	\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
func (t *classTable) nextO200K(text string, p int) int {
	set, n := t.at(text, p)
	if set&(letters|1<<number|1<<newline) == 0 {
		// The optional first code point is taken before the pattern is tried without it.
		end, whole := t.word(text, p+n)
		switch {
		case whole:
			return end
		case set == 1<<mark:
			// A mark is in U and W itself: U*W+ matches it alone, and that comes before U+W*.
			return t.suffix(text, p+n)
		case end > 0:
			return end
		}
	} else if set&letters != 0 {
		end, _ := t.word(text, p)
		return end
	}
	if set == 1<<number {
		return t.digits(text, p, n)
	}
	after, m := t.at(text, p+n)
	switch {
	case set&symbols != 0:
		return slashes(text, t.run(text, p+n, symbols))
	case text[p] == ' ' && after&symbols != 0:
		return slashes(text, t.run(text, p+n+m, symbols))
	}
	end, newlineEnd, last := t.blanks(text, p)
	switch {
	case newlineEnd > 0:
		return newlineEnd
	case end == len(text) || last == p:
		return end
	}
	return last
}

// word matches U*W+ at p or, failing that, U+W*, each with its suffix. whole says that it was the
// first; end is 0 when neither matches.
func (t *classTable) word(text string, p int) (end int, whole bool) {
	caseless := 0 // the end of the last code point of the run that is in W, too
	start := p
	for p < len(text) {
		set, n := ascii[text[p]], 1
		if text[p] >= utf8.RuneSelf {
			n = 3
			if p+2 < len(text) {
				set = t.three(text[p], text[p+1], text[p+2])
			}
			if set == 0 {
				set, n = t.wide(text, p)
			}
		}
		if set&upperLike == 0 {
			if set == 1<<lower {
				return t.suffix(text, t.run(text, p+n, lowerLike)), true
			}
			break
		}
		p += n
		if set != 1<<upper {
			caseless = p
		}
	}
	switch {
	case caseless > 0:
		return t.suffix(text, caseless), true
	case p > start:
		return t.suffix(text, p), false
	}
	return 0, false
}

// suffix returns the end of the optional contraction at p.
func (t *classTable) suffix(text string, p int) int {
	if end := contraction(text, p, true); end > 0 {
		return end
	}
	return p
}

// slashes returns the end of [\r\n/]* at p.
func slashes(text string, p int) int {
	for p < len(text) && (text[p] == '\n' || text[p] == '\r' || text[p] == '/') {
		p++
	}
	return p
}
