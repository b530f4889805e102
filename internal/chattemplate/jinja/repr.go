package jinja

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str is Python's str(v): what {{ v }} prints.
func str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case markup:
		return string(v)
	case *undefined:
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	}
	var b strings.Builder
	writeRepr(&b, v, 0)
	return b.String()
}

// repr is Python's repr(v).
func repr(v any) string {
	var b strings.Builder
	writeRepr(&b, v, 0)
	return b.String()
}

// maxNesting bounds how deep values may be nested where they are walked: a namespace can be made to contain itself.
const maxNesting = 500

// maxWritten bounds what values are written as: a few lists that contain each other twice make a long text.
const maxWritten = 16 << 20

func writable(b *strings.Builder, depth int) {
	if depth > maxNesting {
		raise("RecursionError", "maximum recursion depth exceeded")
	}
	if b.Len() > maxWritten {
		raise("LimitError", "value is too large to write")
	}
}

func writeRepr(b *strings.Builder, v any, depth int) {
	writable(b, depth)
	list := func(open string, items []any, end string) {
		b.WriteString(open)
		for i, x := range items {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, x, depth+1)
		}
		b.WriteString(end)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		if v {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case *big.Int:
		b.WriteString(v.String())
	case float64:
		b.WriteString(formatFloat(v))
	case string:
		quote(b, v)
	case markup:
		b.WriteString("Markup(")
		quote(b, string(v))
		b.WriteByte(')')
	case *List:
		list("[", v.Items, "]")
	case Tuple:
		if len(v) == 1 {
			list("(", v, ",)")
		} else {
			list("(", v, ")")
		}
	case *Dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, k, depth+1)
			b.WriteString(": ")
			writeRepr(b, v.vals[i], depth+1)
		}
		b.WriteByte('}')
	case *dictView:
		items := make([]any, v.dict.Len())
		for i := range items {
			items[i] = v.at(i)
		}
		list("dict_"+v.kind+"([", items, "])")
	case *undefined:
		b.WriteString("Undefined")
	case *namespace:
		b.WriteString("<Namespace ")
		writeRepr(b, v.attrs, depth+1)
		b.WriteByte('>')
	case rangeValue:
		if v.step == 1 {
			fmt.Fprintf(b, "range(%d, %d)", v.start, v.stop)
		} else {
			fmt.Fprintf(b, "range(%d, %d, %d)", v.start, v.stop, v.step)
		}
	case *loop:
		fmt.Fprintf(b, "<LoopContext %d/%d>", v.index0+1, v.length())
	case *macro:
		if v.node.name == "" {
			b.WriteString("<Macro anonymous>")
		} else {
			b.WriteString("<Macro " + v.node.repr() + ">")
		}
	case *function:
		// Python prints an address here, which no template can depend on.
		b.WriteString("<function " + v.name + ">")
	default:
		b.WriteString("<" + typeName(v) + " object>")
	}
}

// quote writes s as Python's repr of a str does.
func quote(b *strings.Builder, s string) {
	q := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		q = '"'
	}
	b.WriteByte(q)
	for _, c := range s {
		switch {
		case c == rune(q) || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c < 0x100:
			fmt.Fprintf(b, `\x%02x`, c)
		case c < 0x10000:
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			fmt.Fprintf(b, `\U%08x`, c)
		}
	}
	b.WriteByte(q)
}

// isSpace is Python's str.isspace for one character.
func isSpace(c rune) bool {
	switch {
	case c <= ' ':
		return c == ' ' || c >= '\t' && c <= '\r' || c >= 0x1c && c <= 0x1f
	case c < utf8.RuneSelf:
		return false
	}
	return unicode.IsSpace(c)
}
