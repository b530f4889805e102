package toolcall

import (
	"encoding/json"
	"strings"

	"github.com/parley-ai/parley/internal/jsonschema"
)

// maxName bounds the name of an argument, in bytes.
const maxName = 256

// readParameter reads to the value of the next argument, or to the end of the call.
func (p *Parser) readParameter() bool {
	p.buf = p.buf[spaces(p.buf):]
	n, m := first(p.s.befores, p.buf)
	if m == part {
		return false
	}
	if m == no {
		if _, end := first(p.s.afters, p.buf); end == part {
			return false
		}
		if p.members == 0 {
			p.arguments("{")
		}
		p.arguments("}")
		p.to(inEnd)
		return true
	}
	name, behind, text, found := p.parameterName(p.buf[n:])
	if found == part {
		return false
	}
	if found == no {
		p.buf = p.buf[n:] // no name: the call ends here
		return true
	}
	p.buf = behind
	p.kind = p.others
	if k, named := p.kinds[name]; named {
		p.kind = k
	}
	if p.kind == 0 {
		p.kind = jsonschema.AnyKind
	}
	switch form := p.s.notation.Parameters; {
	case form.Text == form.Other:
	case text:
		p.kind = jsonschema.String
	default:
		p.kind &^= jsonschema.String
	}
	p.words = p.kind == jsonschema.String
	separator := ", "
	if p.members == 0 {
		separator = "{"
	}
	p.members++
	p.arguments(separator + string(plainJSON(name)) + ": ")
	if p.words {
		p.arguments(`"`)
	}
	p.to(inValue)
	return true
}

// parameterName reads a name and what stands between it and its value; text says that the value is a string. A line that begins there
// belongs to the frame when the template writes it. What has no end within maxName bytes is no name, however the text comes.
func (p *Parser) parameterName(s string) (name, behind string, text bool, found match) {
	form := p.s.notation.Parameters
	for i := 1; i < min(len(s), maxName); i++ {
		for _, isText := range []bool{true, false} {
			m, pattern := p.s.texts, form.Text
			if !isText {
				m, pattern = p.s.others, form.Other
			}
			n, found := first(m, s[i:])
			if found == part {
				return "", "", false, part
			}
			if found == no {
				continue
			}
			behind = s[i+n:]
			if strings.HasSuffix(pattern, "\n") {
				if behind == "" || behind == "\r" {
					return "", "", false, part
				}
				behind = strings.TrimPrefix(strings.TrimPrefix(behind, "\r"), "\n")
			}
			return s[:i], behind, isText, yes
		}
	}
	if len(s) < maxName {
		return "", "", false, part
	}
	return "", "", false, no
}

// readValue reads a value up to what stands behind it.
func (p *Parser) readValue() bool {
	form := p.s.notation.Parameters
	stop := strings.TrimSpace(form.After)
	line := strings.HasPrefix(form.After, "\n") // the last line end belongs to the frame
	if !p.words && p.kind&(jsonschema.Object|jsonschema.Array) != 0 && (p.buf[0] == '{' || p.buf[0] == '[') {
		// What stands behind a value may also stand in a string inside of it.
		var s scanner
		switch n, done := s.scan(p.buf); {
		case !done:
			return false
		case !s.broken:
			_, m := first([]mark{newMark(stop)}, p.buf[n+spaces(p.buf[n:]):])
			if m == part || n == len(p.buf) {
				return false
			}
			if m == yes && json.Valid([]byte(p.buf[:n])) {
				p.arguments(p.buf[:n])
				p.endValue(p.buf[n+spaces(p.buf[n:])+len(stop):])
				return true
			}
		}
	}
	at := strings.Index(p.buf, stop)
	if at < 0 {
		if p.words {
			keep := overlap(p.buf, stop)
			if line {
				if end := p.buf[:len(p.buf)-keep]; strings.HasSuffix(end, "\n") {
					keep++
				}
			}
			p.arguments(escaped(p.buf[:len(p.buf)-keep]))
			p.buf = p.buf[len(p.buf)-keep:]
		}
		return false
	}
	value := p.buf[:at]
	if line {
		value = strings.TrimSuffix(value, "\n")
	}
	if p.words {
		p.arguments(escaped(value) + `"`)
	} else {
		p.arguments(literalJSON(value, p.kind))
	}
	p.endValue(p.buf[at+len(stop):])
	return true
}

func (p *Parser) endValue(rest string) {
	p.buf = rest
	p.to(inParameters)
}

// overlap is how many bytes at the end of a text may begin the other.
func overlap(text, other string) int {
	for n := min(len(other)-1, len(text)); n > 0; n-- {
		if strings.HasSuffix(text, other[:n]) {
			return n
		}
	}
	return 0
}

// escaped is a text as a part of a JSON string.
func escaped(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\r':
			b.WriteString(`\r`)
		case c < ' ':
			b.WriteString(`\u00`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// literalJSON is a value as JSON: what it says when it may be of that kind, and a string otherwise.
func literalJSON(text string, kinds jsonschema.Kinds) string {
	word := strings.TrimSpace(text)
	switch word {
	case "True", "False":
		word = strings.ToLower(word)
	case "None":
		word = "null"
	}
	if json.Valid([]byte(word)) && (kindOf(word)&kinds != 0 || kinds&jsonschema.String == 0) {
		return word
	}
	return `"` + escaped(text) + `"`
}

// kindOf is the kind of a JSON value.
func kindOf(word string) jsonschema.Kinds {
	switch word[0] {
	case '{':
		return jsonschema.Object
	case '[':
		return jsonschema.Array
	case '"':
		// The word is a string in quotes of its own: the argument is what stands there, quotes included.
		return 0
	case 't', 'f':
		return jsonschema.Boolean
	case 'n':
		return jsonschema.Null
	}
	return jsonschema.Number
}

// reader turns arguments in a notation of quotes and bare names into JSON.
type reader struct {
	depth  []byte // the brackets that are open, as what closes them
	quoted bool
	key    bool // a name comes next
}

// read returns JSON for what can be told of a text, how many bytes of it that is, and whether the arguments end there.
func (r *reader) read(text, quote string) (out string, n int, done bool) {
	var b strings.Builder
	for n < len(text) {
		rest := text[n:]
		if r.quoted {
			at := strings.Index(rest, quote)
			if at < 0 {
				at = len(rest) - overlap(rest, quote)
				b.WriteString(escaped(rest[:at]))
				return b.String(), n + at, false
			}
			b.WriteString(escaped(rest[:at]) + `"`)
			r.quoted, n = false, n+at+len(quote)
			continue
		}
		switch c := rest[0]; {
		case strings.HasPrefix(rest, quote):
			b.WriteByte('"')
			r.quoted, n = true, n+len(quote)
		case strings.HasPrefix(quote, rest):
			return b.String(), n, false
		case spaces(rest[:1]) == 1:
			n++
		case c == '{' || c == '[':
			r.depth = append(r.depth, map[byte]byte{'{': '}', '[': ']'}[c])
			r.key = c == '{'
			b.WriteByte(c)
			n++
		case c == '}' || c == ']':
			if r.depth[len(r.depth)-1] != c {
				return b.String(), n, true
			}
			r.depth = r.depth[:len(r.depth)-1]
			b.WriteByte(c)
			n++
			if len(r.depth) == 0 {
				return b.String(), n, true
			}
		case c == ',':
			b.WriteString(", ")
			r.key = r.depth[len(r.depth)-1] == '}'
			n++
		case c == ':':
			b.WriteString(": ")
			r.key = false
			n++
		default:
			end := strings.IndexAny(rest, ",:{}[] \t\r\n")
			if q := strings.Index(rest, quote); q >= 0 && (end < 0 || q < end) {
				end = q
			}
			if end < 0 {
				return b.String(), n, false
			}
			switch word := rest[:end]; {
			case r.key:
				b.WriteString(string(plainJSON(word)))
			default:
				b.WriteString(literalJSON(word, jsonschema.AnyKind))
			}
			n += end
		}
	}
	return b.String(), n, false
}
