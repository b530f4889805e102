package jsonschema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxBytes is how large the text of a schema may be.
const MaxBytes = 256 << 10

// maxDepth is how deep a schema may nest.
const maxDepth = 64

// Error says what of a schema cannot be turned into a grammar.
type Error struct {
	Path    []string // from the root to the schema at fault, such as properties, name
	Keyword string   // the keyword at fault; empty when it is the schema as a whole
	Reason  string   // what is wrong and what to do
	Whole   bool     // it is about the schema as a whole, without a place
}

// Error writes the place as OpenAI's API does.
func (e *Error) Error() string {
	if e.Whole {
		return e.Reason
	}
	return "In context=" + context(e.Path) + ", " + e.Reason
}

// context writes a path as Python prints a tuple of strings.
func context(path []string) string {
	quoted := make([]string, len(path))
	for i, p := range path {
		quoted[i] = "'" + p + "'"
	}
	if len(path) == 1 {
		return "(" + quoted[0] + ",)"
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

// node is a JSON value of the schema's text, and a schema where one is expected.
type node struct {
	id     int
	kind   byte     // one of { [ " 0 t f n
	text   string   // of a string, decoded; of a number, as written
	names  []string // of an object's members, in their order
	values []*node  // of an object's members, or an array's elements
	parent *node
	name   string         // in the parent
	index  map[string]int // of names, when there are many
}

// get returns an object's member, or nil.
func (n *node) get(name string) *node {
	if n.index != nil {
		if i, ok := n.index[name]; ok {
			return n.values[i]
		}
		return nil
	}
	if n.kind == '{' {
		for i, k := range n.names {
			if k == name {
				return n.values[i]
			}
		}
	}
	return nil
}

// path leads from the root to n.
func (n *node) path() []string {
	var out []string
	for ; n.parent != nil; n = n.parent {
		out = append(out, n.name)
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// fail makes an error about a keyword of the schema n.
func (n *node) fail(keyword, format string, args ...any) *Error {
	return &Error{Path: n.path(), Keyword: keyword, Reason: fmt.Sprintf(format, args...)}
}

// rat is a number's value. Exponents beyond four digits are refused by parse.
func (n *node) rat() *big.Rat {
	r, _ := new(big.Rat).SetString(n.text)
	return r
}

// parse reads a schema's text.
func parse(text []byte) (*node, error) {
	if len(text) > MaxBytes {
		return nil, &Error{Whole: true, Reason: fmt.Sprintf("the schema is too large: it has %d bytes, at most %d are read.", len(text), MaxBytes)}
	}
	p := parser{dec: jsontext.NewDecoder(bytes.NewReader(text))}
	root, err := p.value(nil, "", 0)
	if err != nil {
		return nil, err
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, &Error{Whole: true, Reason: "there is more than one JSON value."}
	}
	return root, nil
}

type parser struct {
	dec *jsontext.Decoder
	ids int
}

func (p *parser) value(parent *node, name string, depth int) (*node, error) {
	n := &node{id: p.ids, parent: parent, name: name}
	p.ids++
	if depth > maxDepth {
		return nil, n.fail("", "the schema is nested too deeply: at most %d levels are read. Use $defs and $ref.", maxDepth)
	}
	token, err := p.dec.ReadToken()
	if err != nil {
		return nil, n.fail("", "the schema is not JSON: %v", err)
	}
	n.kind = byte(token.Kind())
	switch n.kind {
	case '"', '0':
		n.text = token.String()
		if _, exponent, ok := strings.Cut(strings.ToLower(n.text), "e"); n.kind == '0' && (len(n.text) > 400 || ok && len(strings.TrimLeft(exponent, "+-0")) > 3) {
			return nil, n.fail("", "the number %.40s is too large.", n.text)
		}
	case '{':
		for p.dec.PeekKind() != '}' {
			key, err := p.dec.ReadToken()
			if err != nil {
				return nil, n.fail("", "the schema is not JSON: %v", err)
			}
			k := key.String()
			v, err := p.value(n, k, depth+1)
			if err != nil {
				return nil, err
			}
			n.names, n.values = append(n.names, k), append(n.values, v)
		}
		if len(n.names) > 8 {
			n.index = make(map[string]int, len(n.names))
			for i, k := range n.names {
				n.index[k] = i
			}
		}
		_, err = p.dec.ReadToken()
	case '[':
		for p.dec.PeekKind() != ']' {
			v, err := p.value(n, strconv.Itoa(len(n.values)), depth+1)
			if err != nil {
				return nil, err
			}
			n.values = append(n.values, v)
		}
		_, err = p.dec.ReadToken()
	}
	if err != nil {
		return nil, n.fail("", "the schema is not JSON: %v", err)
	}
	return n, nil
}

// resolve follows a $ref of the schema n.
func resolve(root, n *node) (*node, error) {
	ref := n.get("$ref")
	if ref.kind != '"' {
		return nil, n.fail("$ref", "'$ref' must be a string.")
	}
	pointer, local := strings.CutPrefix(ref.text, "#")
	if !local || pointer != "" && pointer[0] != '/' {
		return nil, n.fail("$ref", "'$ref' is not permitted to be '%.80s': it must point into this schema, such as '#/$defs/name'.", ref.text)
	}
	at := root
	for _, step := range strings.Split(pointer, "/")[1:] {
		if plain, err := percent(step); err == nil {
			step = plain
		}
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		next := at.get(step)
		if i, err := strconv.Atoi(step); err == nil && at.kind == '[' && i >= 0 && i < len(at.values) {
			next = at.values[i]
		}
		if next == nil {
			return nil, n.fail("$ref", "reference can only point to definitions of the schema: there is nothing at '%.80s'.", ref.text)
		}
		at = next
	}
	return at, nil
}

// percent decodes %XX.
func percent(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", strconv.ErrSyntax
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", err
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

// quote writes a string as JSON.
func quote(s string) string {
	out, err := jsontext.AppendQuote(nil, s)
	if err != nil { // broken UTF-8, which the decoder does not let in
		return `""`
	}
	return string(out)
}

// appendJSON writes a value in its shortest form.
func appendJSON(b []byte, n *node) []byte {
	switch n.kind {
	case '"':
		return append(b, quote(n.text)...)
	case '0':
		return append(b, n.text...)
	case 't':
		return append(b, "true"...)
	case 'f':
		return append(b, "false"...)
	case 'n':
		return append(b, "null"...)
	case '[':
		b = append(b, '[')
		for i, v := range n.values {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, v)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i, v := range n.values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, quote(n.names[i])...), ':')
		b = appendJSON(b, v)
	}
	return append(b, '}')
}
