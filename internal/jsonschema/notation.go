package jsonschema

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Notation is how values are written where that is not JSON: some models write the arguments of calls in a language of their own. The
// zero Notation is JSON.
type Notation struct {
	// Quote stands before and behind a string, whose characters stand as they are between; it is not among them. Empty: JSON's strings.
	Quote string
	// Bare: names of members stand without quotes, and there is no white space.
	Bare bool
	// Parameters, when there, is how the members of the outermost object are written.
	Parameters *Parameters
}

// Parameters is how the arguments of a function are written one after the other. Strings stand as they are; what else there is is JSON.
type Parameters struct {
	Before      string // before a name
	Text, Other string // between a name and its value, for strings and for all others
	After       string // behind a value; it is not among the characters of a string, white space around it aside
	Python      bool   // a value that is true, false or null is True, False or None
}

// quoting is how strings are written at one place.
type quoting struct {
	open, close string
	stop        string // the text that a string cannot have inside
	raw         bool   // characters stand as they are
	before      string // before a value that is no string, which then has close behind it; empty: nothing is
	python      bool   // as in Parameters
	alike       bool   // a string and another value look alike
	words       bool   // strings must not look like other values
	letters     bool   // nothing but what a name in a programming language has
	parameters  *Parameters
}

// strings is how all strings are written that have no way of their own.
func (n Notation) strings() quoting {
	if n.Quote != "" {
		return quoting{open: n.Quote, close: n.Quote, stop: n.Quote, raw: true}
	}
	return quoting{open: `"`, close: `"`}
}

// value is how the values of an object's members are written; p says that they are arguments.
func (c *compiler) value(p *Parameters) *quoting {
	if p == nil {
		return &c.quoting
	}
	return &quoting{open: p.Text, close: p.After, stop: strings.TrimSpace(p.After), raw: true, before: p.Other, python: p.Python, alike: p.Text == p.Other}
}

// name is how the names of members are written that the schema does not name.
func (c *compiler) name(p *Parameters) *quoting {
	switch {
	case p != nil:
		return &quoting{open: p.Before, raw: true, letters: true}
	case c.o.Notation.Bare:
		return &quoting{raw: true, letters: true}
	}
	return &quoting{open: `"`, close: `"`}
}

// named is a member up to its value.
func (c *compiler) named(name string, p *Parameters) []sym {
	switch {
	case p != nil:
		return []sym{literal(p.Before + name)}
	case c.o.Notation.Bare:
		return []sym{literal(name + ":")}
	}
	return append([]sym{literal(quote(name) + ":")}, literal(" ").times(0, 1))
}

// colon is what stands between a name and a value.
func (c *compiler) colon(p *Parameters) []sym {
	switch {
	case p != nil:
		return nil
	case c.o.Notation.Bare:
		return []sym{literal(":")}
	}
	return []sym{literal(":"), literal(" ").times(0, 1)}
}

// constant is a value of const or enum that is no string.
func (c *compiler) constant(v *node) string {
	if c.o.Notation.Quote == "" && !c.o.Notation.Bare {
		return string(appendJSON(nil, v))
	}
	var parts []string
	switch v.kind {
	case '"':
		return c.quoting.open + v.text + c.quoting.close
	case '[':
		for _, e := range v.values {
			parts = append(parts, c.constant(e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case '{':
		for i, e := range v.values {
			parts = append(parts, v.names[i]+":"+c.constant(e))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return string(appendJSON(nil, v))
}

// word is a literal as it is written here.
func (q *quoting) word(text string) string {
	if python := map[string]string{"true": "True", "false": "False", "null": "None"}[text]; q.python && python != "" {
		return python
	}
	return text
}

func (q *quoting) opening() sym { return literal(q.open) }

func (q *quoting) closing() []sym {
	if q.close == "" {
		return nil
	}
	return []sym{literal(q.close)}
}

// shown is what a string may hold whose characters stand as they are: no control characters but white space.
var shown = intersect(every, not(set(span{0, 8}, span{0xB, 0xC}, span{0xE, 0x1F})))

// inner are the characters with which nothing can come near the text that ends a string.
func (q *quoting) inner() runes {
	first := []rune(q.stop)[0]
	return intersect(shown, not(set(span{first, first})))
}

// without accepts texts that do not hold the one that ends them, nor begin it at their own end.
func (q *quoting) without() *dfa {
	stop := []rune(q.stop)
	d := &dfa{}
	for range stop {
		d.add(true)
	}
	for s := range stop {
		var seen []span
		for next := s; next >= 0; next-- { // the longest beginning of stop that the text then ends with
			r := stop[next]
			if !slices.Contains(seen, span{r, r}) && slices.Equal(stop[:next], stop[s-next:s]) {
				if next+1 < len(stop) {
					d.edges[s] = append(d.edges[s], edge{span{r, r}, next + 1})
				}
				seen = append(seen, span{r, r})
			}
		}
		for _, gap := range intersect(shown, not(set(seen...))) {
			d.edges[s] = append(d.edges[s], edge{gap, 0})
		}
		slices.SortFunc(d.edges[s], func(a, b edge) int { return int(a.lo) - int(b.lo) })
	}
	return d.tidy()
}

// letters are names of members where no quotes tell where they end.
var letters = sync.OnceValues(func() (*dfa, error) {
	left := budget(wholeBudget)
	return compilePattern(`^[A-Za-z0-9_.-]{1,64}$`, &left)
})

// key is equal for quotings that write the same strings.
func (q *quoting) key() string {
	if q.words {
		return q.close + " words "
	}
	return q.close + " "
}

// typeOnly are keywords that say of which type a value is, or nothing: with these alone it does not matter whether a text that looks
// like a number was meant as one.
var typeOnly = []string{"type", "nullable", "title", "description", "default", "examples", "anyOf", "oneOf", "allOf", "$ref", "$defs", "definitions"}

// apart is the quoting for a value that may be a string or something else. Where a schema says more of either, strings that would be
// read as the other cannot be written.
func (c *compiler) apart(q *quoting, sets []conj) (*quoting, error) {
	if !q.alike {
		return q, nil
	}
	var kinds Kinds
	limited := false
	for _, set := range sets {
		k, err := c.kindsOf(set)
		if err != nil {
			return nil, err
		}
		kinds |= k
		for _, it := range set {
			limited = limited || slices.ContainsFunc(it.schema.names, func(name string) bool { return !slices.Contains(typeOnly, name) })
		}
	}
	if !limited || kinds&String == 0 || kinds == String {
		return q, nil
	}
	strict := *q
	strict.words = true
	return &strict, nil
}

// unlike are the strings that do not look like another value.
var unlike = sync.OnceValues(func() (*dfa, error) {
	left := budget(wholeBudget)
	d, err := compilePattern(`^(?:[^0-9{\[-][\s\S]*)?$`, &left)
	if err != nil {
		return nil, err
	}
	return both(d, others([]string{"true", "false", "null", "True", "False", "None"}), &left)
})

// narrow keeps of an automaton what can be written.
func (q *quoting) narrow(d *dfa, work *budget) (*dfa, error) {
	switch {
	case q.letters:
		l, err := letters()
		if err != nil {
			return nil, err
		}
		return both(d, l, work)
	case q.words:
		w, err := unlike()
		if err != nil {
			return nil, err
		}
		if d, err = both(d, w, work); err != nil {
			return nil, err
		}
		return both(d, q.without(), work)
	case q.raw:
		return both(d, q.without(), work)
	}
	return d, nil
}

// Kinds is a set of kinds of values.
type Kinds int

// The kinds.
const (
	Null Kinds = 1 << iota
	Boolean
	Number
	String
	Array
	Object
	AnyKind = Object<<1 - 1
)

// Members says of which kinds the members of the objects of a schema may be, by name, and the members that have no name there. What
// cannot be read may be of any kind.
func Members(schema []byte) (map[string]Kinds, Kinds) {
	c, err := newCompiler(schema, Options{Lenient: true})
	if err != nil {
		return nil, AnyKind
	}
	sets, err := c.alternatives(conj{{c.root, whole}})
	if err != nil {
		return nil, AnyKind
	}
	out := map[string]Kinds{}
	var rest Kinds
	for _, set := range sets {
		for _, it := range set {
			if p := it.schema.get("properties"); p != nil {
				for _, name := range p.names {
					out[name] |= c.kinds(c.property(set, name))
				}
			}
		}
		var more conj
		for _, it := range set {
			if v := it.schema.get("additionalProperties"); v != nil {
				more = append(more, item{v, whole})
			}
		}
		rest |= c.kinds(more)
	}
	return out, rest
}

// kinds is what a value may be.
func (c *compiler) kinds(set conj) Kinds {
	sets, err := c.alternatives(set)
	if err != nil {
		return AnyKind
	}
	var out Kinds
	for _, s := range sets {
		k, err := c.kindsOf(s)
		if err != nil {
			return AnyKind
		}
		out |= k
	}
	return out
}

// kindsOf is kinds for a set without unions.
func (c *compiler) kindsOf(set conj) (Kinds, error) {
	var out Kinds
	t, err := c.typed(set)
	if err != nil {
		return 0, err
	}
	for _, v := range t.constants {
		out |= map[byte]Kinds{'n': Null, 't': Boolean, 'f': Boolean, '0': Number, '"': String, '[': Array, '{': Object}[v.kind]
	}
	if t.constants != nil {
		return out, nil
	}
	for k, own := range map[Kinds]types{Null: typeNull, Boolean: typeBoolean, Number: typeInteger | typeFraction, String: typeString, Array: typeArray, Object: typeObject} {
		if t.types&own != 0 {
			out |= k
		}
	}
	return out, nil
}

// plainName is a name that can stand without quotes, or in a tag.
var plainName = regexp.MustCompile(`^[^\s<>"'|:,{}]+$`)

// nameable says whether a member's name can be written.
func (c *compiler) nameable(name string, p *Parameters) bool {
	return p == nil && !c.o.Notation.Bare || plainName.MatchString(name)
}
