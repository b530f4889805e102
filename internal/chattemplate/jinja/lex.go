package jinja

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEOF tokenKind = iota
	tokenData
	tokenVariableBegin
	tokenVariableEnd
	tokenBlockBegin
	tokenBlockEnd
	tokenName
	tokenString
	tokenInteger
	tokenFloat
	tokenOperator
)

type token struct {
	kind  tokenKind
	value string
	line  int
}

// describe names the token in messages as jinja2 does.
func (t token) describe() string {
	switch t.kind {
	case tokenEOF:
		return "end of template"
	case tokenVariableEnd:
		return "end of print statement"
	case tokenBlockEnd:
		return "end of statement block"
	case tokenBlockBegin:
		return "begin of statement block"
	case tokenVariableBegin:
		return "begin of print statement"
	case tokenData:
		return "template data / text"
	case tokenString:
		return "string"
	case tokenInteger:
		return "integer"
	case tokenFloat:
		return "float"
	}
	return t.value
}

// lexer cuts a template into tokens with the rules of jinja2's lexer. Which whitespace around tags survives is decided here: '-'
// strips on its side, '+' keeps, a newline right after a block or comment goes (trim_blocks), and blanks between the start of a line and a
// block or comment go (lstrip_blocks).
type lexer struct {
	src       string
	pos       int
	line      int
	lineStart bool // the text so far ended with a newline
	tokens    []token
}

// space is Python's \s*, which knows more spaces than Go's.
const space = `[\s\v\x1c-\x1f\x{85}\p{Z}]*`

var (
	newlines    = strings.NewReplacer("\r\n", "\n", "\r", "\n")
	rawBegin    = regexp.MustCompile(`^\{%([-+]?)` + space + `raw` + space + `(?:-%\}` + space + `|%\})`)
	rawEnd      = regexp.MustCompile(`\{%([-+]?)` + space + `endraw` + space + `(?:\+%\}|-%\}` + space + `|%\}\n?)`)
	numberToken = regexp.MustCompile(`^(?i:(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+))`)
	intToken    = regexp.MustCompile(`^(?i:0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[0-9a-f])+|[1-9](?:_?[0-9])*|0(?:_?0)*)`)
)

// operators by length, longest first.
var operators = []string{"**", "//", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

func lex(source string) []token {
	source = strings.TrimSuffix(newlines.Replace(source), "\n")
	l := &lexer{src: source, line: 1, lineStart: true}
	for l.pos < len(l.src) {
		l.root()
	}
	l.emit(tokenEOF, "")
	return l.tokens
}

func (l *lexer) fail(format string, a ...any) {
	panic(&Error{Kind: "TemplateSyntaxError", Message: fmt.Sprintf(format, a...), Line: l.line})
}

func (l *lexer) emit(kind tokenKind, value string) {
	l.tokens = append(l.tokens, token{kind, value, l.line})
}

// advance moves over n bytes that belong to one token.
func (l *lexer) advance(n int) {
	s := l.src[l.pos : l.pos+n]
	l.line += strings.Count(s, "\n")
	l.lineStart = strings.HasSuffix(s, "\n")
	l.pos += n
}

// spaces counts the bytes of whitespace from offset i on.
func (l *lexer) spaces(i int) int {
	return len(l.src[i:]) - len(strings.TrimLeftFunc(l.src[i:], isSpace))
}

// root reads text up to the next tag, and that tag.
func (l *lexer) root() {
	rest := l.src[l.pos:]
	at := -1
	for i := 0; i < len(rest)-1; i++ {
		n := strings.IndexByte(rest[i:], '{')
		if n < 0 || i+n+1 >= len(rest) {
			break
		}
		i += n
		if c := rest[i+1]; c == '%' || c == '{' || c == '#' {
			at = i
			break
		}
	}
	if at < 0 {
		l.emit(tokenData, rest)
		l.advance(len(rest))
		return
	}
	tag := rest[at:]
	if m := rawBegin.FindStringSubmatch(tag); m != nil {
		l.data(rest[:at], m[1], true)
		l.advance(at + len(m[0]))
		l.raw()
		return
	}
	sign := ""
	if len(tag) > 2 && (tag[2] == '-' || tag[2] == '+') {
		sign = tag[2:3]
	}
	l.data(rest[:at], sign, tag[1] != '{')
	l.advance(at + 2 + len(sign))
	switch tag[1] {
	case '#':
		l.comment()
	case '%':
		l.emit(tokenBlockBegin, "")
		l.code(tokenBlockEnd)
	default:
		l.emit(tokenVariableBegin, "")
		l.code(tokenVariableEnd)
	}
}

// data emits the text before a tag, as the tag's sign leaves it.
func (l *lexer) data(text, sign string, block bool) {
	switch {
	case sign == "-":
		text = strings.TrimRightFunc(text, isSpace)
	case sign == "" && block:
		from := strings.LastIndexByte(text, '\n') + 1
		if (from > 0 || l.lineStart) && strings.TrimFunc(text[from:], isSpace) == "" {
			text = text[:from]
		}
	}
	if text != "" {
		l.emit(tokenData, text)
	}
}

func (l *lexer) raw() {
	m := rawEnd.FindStringSubmatchIndex(l.src[l.pos:])
	if l.pos == len(l.src) { // jinja2 does not mind if nothing follows
		return
	}
	if m == nil {
		l.fail("Missing end of raw directive")
	}
	l.data(l.src[l.pos:l.pos+m[0]], l.src[l.pos+m[2]:l.pos+m[3]], true)
	l.advance(m[1])
}

func (l *lexer) comment() {
	n := strings.Index(l.src[l.pos:], "#}")
	if l.pos == len(l.src) { // as for raw
		return
	}
	if n < 0 {
		l.fail("Missing end of comment tag")
	}
	end := l.pos + n + 2
	switch {
	case n > 0 && l.src[l.pos+n-1] == '-':
		end += l.spaces(end)
	case n > 0 && l.src[l.pos+n-1] == '+':
	case strings.HasPrefix(l.src[end:], "\n"):
		end++
	}
	l.advance(end - l.pos)
}

// code reads the tokens of an expression or statement up to its end.
func (l *lexer) code(end tokenKind) {
	var open []string
	for l.pos < len(l.src) {
		if len(open) == 0 && l.end(end) {
			return
		}
		rest := l.src[l.pos:]
		if n := l.spaces(l.pos); n > 0 {
			l.advance(n)
			continue
		}
		if n, kind := l.number(rest); n > 0 {
			l.emit(kind, strings.ReplaceAll(rest[:n], "_", ""))
			l.advance(n)
			continue
		}
		if n := nameLen(rest); n > 0 {
			if c, _ := utf8.DecodeRuneInString(rest); unicode.IsDigit(c) {
				l.fail("Invalid character in identifier")
			}
			l.emit(tokenName, rest[:n])
			l.advance(n)
			continue
		}
		if rest[0] == '"' || rest[0] == '\'' {
			n := stringLen(rest)
			if n == 0 {
				l.fail("unexpected char %s at %d", repr(rest[:1]), l.pos)
			}
			l.emit(tokenString, l.unescape(rest[1:n-1]))
			l.advance(n)
			continue
		}
		op := ""
		for _, o := range operators {
			if strings.HasPrefix(rest, o) {
				op = o
				break
			}
		}
		switch {
		case op == "":
			c, _ := utf8.DecodeRuneInString(rest)
			l.fail("unexpected char %s at %d", repr(string(c)), l.pos)
		case closing[op] != "":
			open = append(open, closing[op])
		case op == ")" || op == "]" || op == "}":
			if len(open) == 0 {
				l.fail("unexpected '%s'", op)
			}
			if want := open[len(open)-1]; want != op {
				l.fail("unexpected '%s', expected '%s'", op, want)
			}
			open = open[:len(open)-1]
		}
		l.emit(tokenOperator, op)
		l.advance(len(op))
	}
}

// end reads the end of a tag if it is here.
func (l *lexer) end(kind tokenKind) bool {
	rest := l.src[l.pos:]
	mark := "%}"
	if kind == tokenVariableEnd {
		mark = "}}"
	}
	n := len(mark)
	switch {
	case strings.HasPrefix(rest, "-"+mark):
		n += 1 + l.spaces(l.pos+1+len(mark))
	case kind == tokenBlockEnd && strings.HasPrefix(rest, "+"+mark):
		n++
	case !strings.HasPrefix(rest, mark):
		return false
	case kind == tokenBlockEnd && strings.HasPrefix(rest[n:], "\n"):
		n++
	}
	l.emit(kind, "")
	l.advance(n)
	return true
}

func (l *lexer) number(s string) (int, tokenKind) {
	if s[0] < '0' || s[0] > '9' {
		return 0, 0
	}
	if l.pos == 0 || l.src[l.pos-1] != '.' {
		if n := len(numberToken.FindString(s)); n > 0 {
			return n, tokenFloat
		}
	}
	return len(intToken.FindString(s)), tokenInteger
}

func nameLen(s string) int {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c) {
			return i
		}
	}
	return len(s)
}

// stringLen gives the length of the string literal that s starts with, 0 when it does not end.
func stringLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return 0
}

// unescape reads the escapes of a string literal. As in Python, unknown ones stand for themselves.
func (l *lexer) unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if at := strings.IndexByte("abfnrtv\\'\"", s[i]); at >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v\\'\""[at])
			continue
		}
		switch c := s[i]; {
		case c == '\n':
		case c >= '0' && c <= '7':
			n, v := 0, rune(0)
			for ; n < 3 && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '7'; n++ {
				v = v*8 + rune(s[i+n]-'0')
			}
			b.WriteRune(v)
			i += n - 1
		case c == 'x' || c == 'u' || c == 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+n >= len(s) {
				l.fail("truncated \\%cXX escape", c)
			}
			v, ok := parseInt(s[i+1:i+1+n], 16)
			code, isSmall := v.(int64)
			if !ok || !isSmall || code > unicode.MaxRune {
				l.fail("illegal \\%c escape", c)
			}
			b.WriteRune(rune(code))
			i += n
		case c == 'N':
			l.fail("\\N escapes are not supported")
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}
