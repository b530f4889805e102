package jsonschema

import (
	"slices"
	"unicode"
)

// span is the code points from lo to hi, both included.
type span struct{ lo, hi rune }

// runes is a set of code points: spans in order, with gaps between them.
type runes []span

// every is all code points that text can hold: surrogates are not among them.
var every = runes{{0, 0xD7FF}, {0xE000, unicode.MaxRune}}

// set normalizes spans.
func set(spans ...span) runes {
	s := slices.Clone(spans)
	slices.SortFunc(s, func(a, b span) int { return int(a.lo) - int(b.lo) })
	out := s[:0]
	for _, x := range s {
		if x.hi < x.lo {
			continue
		}
		if n := len(out); n > 0 && x.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, x.hi)
		} else {
			out = append(out, x)
		}
	}
	return runes(out)
}

func union(a, b runes) runes { return set(append(slices.Clone(a), b...)...) }

func intersect(a, b runes) runes {
	var out runes
	for i, j := 0, 0; i < len(a) && j < len(b); {
		lo, hi := max(a[i].lo, b[j].lo), min(a[i].hi, b[j].hi)
		if lo <= hi {
			out = append(out, span{lo, hi})
		}
		if a[i].hi < b[j].hi {
			i++
		} else {
			j++
		}
	}
	return out
}

// not is every code point outside of a.
func not(a runes) runes {
	var out runes
	next := rune(0)
	for _, x := range a {
		if x.lo > next {
			out = append(out, span{next, x.lo - 1})
		}
		next = x.hi + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, span{next, unicode.MaxRune})
	}
	return intersect(out, every)
}

func (a runes) has(r rune) bool {
	_, found := slices.BinarySearchFunc(a, r, func(x span, r rune) int {
		switch {
		case x.hi < r:
			return -1
		case x.lo > r:
			return 1
		}
		return 0
	})
	return found
}

// table is a Unicode table as a set.
func table(t *unicode.RangeTable) runes {
	var s []span
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			s = append(s, span{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			s = append(s, span{r, r})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return intersect(set(s...), every)
}
