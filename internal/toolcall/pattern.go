package toolcall

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// A pattern is text of a frame as a template writes it, with these characters where something stands that differs from call to call.
const (
	idSlot    = '\uE001' // the call's id
	indexSlot = '\uE002' // the call's number
)

const slots = string(idSlot) + string(indexSlot)

// token finds what is likely one token of control: "<tool_call>", "<|python_tag|>", "[TOOL_CALLS]".
var token = regexp.MustCompile(`<[^<>\s\x{E001}\x{E002}]*>|\[/?[A-Z][A-Z_]*\]`)

// units splits text into such tokens and single characters: frames are compared by these, so that "<tool_call>" and "<tool_calls>" have
// nothing in common.
func units(s string) []string {
	var out []string
	for s != "" {
		at := token.FindStringIndex(s)
		if at == nil {
			at = []int{len(s), len(s)}
		}
		for _, r := range s[:at[0]] {
			out = append(out, string(r))
		}
		if at[1] > at[0] {
			out = append(out, s[at[0]:at[1]])
		}
		s = s[at[1]:]
	}
	return out
}

// commonPrefix is what two texts begin with.
func commonPrefix(a, b string) string {
	ua, ub := units(a), units(b)
	n := 0
	for n < len(ua) && n < len(ub) && ua[n] == ub[n] {
		n++
	}
	return strings.Join(ua[:n], "")
}

// commonSuffix is what two texts end with. Different numbers at the same place are the calls' numbers. The result has the texts of a with slots.
func commonSuffix(a, b string) (pattern string, ofA, ofB int) {
	ua, ub := units(a), units(b)
	i, j := len(ua), len(ub)
	for i > 0 && j > 0 {
		x, y := ua[i-1], ub[j-1]
		switch {
		case x == y:
			pattern = x + pattern
		case digit(x) && digit(y):
			pattern = string(indexSlot) + pattern
		default:
			return pattern, ofA, ofB
		}
		i, j, ofA, ofB = i-1, j-1, ofA+len(x), ofB+len(y)
	}
	return pattern, ofA, ofB
}

// merged is the pattern that two texts of the same place have in common; false when they differ in more than a call's number.
func merged(a, b string) (string, bool) {
	p, ofA, ofB := commonSuffix(a, b)
	return p, ofA == len(a) && ofB == len(b)
}

func digit(s string) bool { return len(s) == 1 && s[0] >= '0' && s[0] <= '9' }

// mark is a pattern in parts between which a model may write any white space.
type mark []string

// newMark splits a pattern at white space, around control tokens and slots, and before brackets.
func newMark(pattern string) mark {
	var m mark
	for _, word := range strings.Fields(pattern) {
		part := ""
		flush := func() {
			if part != "" {
				m = append(m, part)
				part = ""
			}
		}
		for _, u := range units(word) {
			switch {
			case len(u) > 1 || strings.ContainsAny(u, slots+"{}[]"):
				flush()
				m = append(m, u)
			default:
				part += u
			}
		}
		flush()
	}
	return m
}

// match is how much of a text a mark takes.
type match int

const (
	no   match = iota
	part       // all of the text, and there is more to the mark
	yes
)

// match says whether text begins with the mark, and how many bytes of it are the mark. White space before it is not.
func (m mark) match(text string) (int, match) {
	at := 0
	for i, p := range m {
		if i > 0 {
			at += spaces(text[at:])
		}
		rest := text[at:]
		switch p {
		case string(idSlot), string(indexSlot):
			n := 0
			for n < len(rest) && n < maxID && inSlot(p, rest[n]) {
				n++
			}
			switch {
			case n == len(rest):
				return 0, part
			case n == 0:
				return 0, no
			}
			at += n
		default:
			// An answer that is cut within a character ends in characters that stand for its bytes.
			if begin := untilCut(rest); strings.HasPrefix(p, begin) && len(begin) < len(p) {
				return 0, part
			}
			if !strings.HasPrefix(rest, p) {
				return 0, no
			}
			at += len(p)
		}
	}
	return at, yes
}

// untilCut is a text without the U+FFFD at its end, of which the last may be there in part. strings.TrimRight does not do: it takes the
// rest of any letter for U+FFFD, and words would be held back in its middle.
func untilCut(text string) string {
	const sign = "\uFFFD"
	text = text[:len(text)-overlap(text, sign)]
	for strings.HasSuffix(text, sign) {
		text = text[:len(text)-len(sign)]
	}
	return text
}

// maxID is the longest id of a call that a model may write.
const maxID = 64

func inSlot(slot string, c byte) bool {
	return c >= '0' && c <= '9' || slot == string(idSlot) && (c == '_' || c == '-' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
}

// spaces counts the white space that a text begins with, in bytes.
func spaces(s string) int { return len(s) - len(strings.TrimLeft(s, " \t\r\n")) }

// firstRune is the first character of a text, which is not empty.
func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}
