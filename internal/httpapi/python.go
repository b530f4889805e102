package httpapi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// maxShown is how many bytes of a caller's value a message shows.
const maxShown = 100

// pythonString writes a text as Python does, shortened.
func pythonString(s string) string {
	s = clip(s)
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == '\\' || r == quote:
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x100 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}

// pythonValue writes the JSON value that dec stands before as Python does, and stops where it gets long or
// is no JSON any more.
func pythonValue(dec *jsontext.Decoder) string {
	var b strings.Builder
	for {
		object, n := dec.StackIndex(dec.StackDepth())
		tok, err := dec.ReadToken()
		if err != nil || b.Len() > maxShown {
			return b.String() + "..."
		}
		kind := tok.Kind()
		switch {
		case kind == '}' || kind == ']' || object == 0 || n == 0:
		case object == '{' && n%2 == 1:
			b.WriteString(": ")
		default:
			b.WriteString(", ")
		}
		switch kind {
		case 'n':
			b.WriteString("None")
		case 't':
			b.WriteString("True")
		case 'f':
			b.WriteString("False")
		case '"':
			b.WriteString(pythonString(tok.String()))
		default: // numbers, and what opens and closes
			b.WriteString(clip(tok.String()))
		}
		if dec.StackDepth() == 0 {
			return b.String()
		}
	}
}

// valueAt is pythonValue of what stands at ptr in a body whose JSON is good as far as there; "..." when
// nothing does.
func valueAt(body []byte, ptr jsontext.Pointer) string {
	value := jsontext.Value(body)
	for name := range ptr.Tokens() {
		value = member(value, name)
	}
	return pythonValue(decoderOf(value))
}

func decoderOf(value []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// member returns a member of an object or array, nil when there is none.
func member(of jsontext.Value, name string) jsontext.Value {
	dec := decoderOf(of)
	open, err := dec.ReadToken()
	if err != nil || open.Kind() != '{' && open.Kind() != '[' {
		return nil
	}
	object := open.Kind() == '{'
	for i := 0; ; i++ {
		at := strconv.Itoa(i)
		if object {
			tok, err := dec.ReadToken()
			if err != nil || tok.Kind() != '"' {
				return nil
			}
			at = tok.String()
		}
		if at == name {
			// What follows the value need not be JSON, so the decoder that stands before it goes on.
			return jsontext.Value(bytes.TrimLeft(of[dec.InputOffset():], " \t\r\n:,"))
		}
		if err := dec.SkipValue(); err != nil {
			return nil
		}
	}
}
