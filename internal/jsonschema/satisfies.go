package jsonschema

import (
	"math/big"
	"slices"
	"unicode/utf8"
)

// maxFollow bounds how many references are followed for one constant.
const maxFollow = 40

// satisfies says whether a constant satisfies a schema, by the keywords that grammars are made from.
// In doubt it says no.
func (c *compiler) satisfies(v, s *node, depth int) bool {
	if c.effort++; c.effort > maxEffort || depth > maxFollow {
		return false
	}
	if s.kind != '{' {
		return s.kind == 't'
	}
	if s.get("$ref") != nil {
		to, err := resolve(c.root, s)
		if err != nil || !c.satisfies(v, to, depth+1) {
			return false
		}
	}
	matches := func(keyword string) (n, of int) {
		k := s.get(keyword)
		if k == nil {
			return 0, 0
		}
		for _, sub := range k.values {
			if c.satisfies(v, sub, depth+1) {
				n++
			}
		}
		return n, len(k.values)
	}
	if n, of := matches("allOf"); n < of {
		return false
	}
	if n, of := matches("anyOf"); n == 0 && of > 0 {
		return false
	}
	if n, of := matches("oneOf"); n != 1 && of > 0 {
		return false
	}
	return c.satisfiesOwn(v, s, depth)
}

// satisfiesOwn is satisfies for a schema's own keywords, without references and unions.
func (c *compiler) satisfiesOwn(v, s *node, depth int) bool {
	own, err := typesOf(s)
	if err != nil || own != 0 && typeOf(v)&own == 0 {
		return false
	}
	if k := s.get("const"); k != nil && !equal(v, k) {
		return false
	}
	if k := s.get("enum"); k != nil && v.parent != k && !slices.ContainsFunc(k.values, func(e *node) bool { return equal(v, e) }) {
		return false
	}
	t := &typed{maxLength: -1, maxItems: -1, maxMembers: -1}
	if t.bounds(s) != nil {
		return false
	}
	switch v.kind {
	case '0':
		r := v.rat()
		return t.numbers.has(r) && !slices.ContainsFunc(t.steps, func(n *node) bool {
			return !new(big.Rat).Quo(r, n.get("multipleOf").rat()).IsInt()
		})
	case '"':
		n := utf8.RuneCountInString(v.text)
		if n < t.minLength || t.maxLength >= 0 && n > t.maxLength {
			return false
		}
		automata, _, err := c.texts(t)
		return err == nil && !slices.ContainsFunc(automata, func(d *dfa) bool { return d.start < 0 || !d.match(v.text) })
	case '[':
		return c.elementsSatisfy(v, s, t, depth)
	case '{':
		return c.membersSatisfy(v, s, t, depth)
	}
	return true
}

func (c *compiler) elementsSatisfy(v, s *node, t *typed, depth int) bool {
	if n := len(v.values); n < t.minItems || t.maxItems >= 0 && n > t.maxItems {
		return false
	}
	for i, e := range v.values {
		for _, it := range element(conj{{s, flat}}, i) {
			if !c.satisfies(e, it.schema, depth+1) {
				return false
			}
		}
		if u := s.get("uniqueItems"); u != nil && u.kind == 't' && slices.ContainsFunc(v.values[:i], func(o *node) bool { return equal(e, o) }) {
			return false
		}
	}
	return true
}

func (c *compiler) membersSatisfy(v, s *node, t *typed, depth int) bool {
	if n := len(v.names); n < t.minMembers || t.maxMembers >= 0 && n > t.maxMembers {
		return false
	}
	for _, name := range t.required {
		if v.get(name) == nil {
			return false
		}
	}
	for i, name := range v.names {
		for _, it := range c.property(conj{{s, flat}}, name) {
			if !c.satisfies(v.values[i], it.schema, depth+1) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(v.names, func(name string) bool { return !c.nameAllowed(conj{{s, flat}}, name) })
}

func typeOf(v *node) types {
	switch v.kind {
	case 'n':
		return typeNull
	case 't', 'f':
		return typeBoolean
	case '"':
		return typeString
	case '[':
		return typeArray
	case '{':
		return typeObject
	}
	if v.rat().IsInt() {
		return typeInteger
	}
	return typeFraction
}

// equal compares as JSON Schema does: numbers by value, objects without order.
func equal(a, b *node) bool {
	if a.kind != b.kind || len(a.values) != len(b.values) {
		return false
	}
	switch a.kind {
	case '0':
		return a.rat().Cmp(b.rat()) == 0
	case '"':
		return a.text == b.text
	case '[':
		return slices.EqualFunc(a.values, b.values, equal)
	case '{':
		for i, name := range a.names {
			if other := b.get(name); other == nil || !equal(a.values[i], other) {
				return false
			}
		}
	}
	return true
}
