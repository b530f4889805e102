package jsonschema

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// member is a property that a schema names.
type member struct {
	name     string
	required bool
	rule     int // of its value
}

// object adds objects: the named properties in the order of the schema, each left out or not when it
// is not required, then additional ones.
func (c *compiler) object(rule int, set conj, t *typed, p *Parameters) error {
	if t.maxMembers >= 0 && t.minMembers > t.maxMembers {
		return nil
	}
	var names []string
	for _, it := range set {
		if p := it.schema.get("properties"); p != nil {
			if p.kind != '{' {
				return it.schema.fail("properties", "'properties' must be an object.")
			}
			names = append(names, p.names...)
		}
	}
	names = unique(append(names, t.required...))
	required := map[string]bool{}
	for _, name := range t.required {
		required[name] = true
	}
	var members []member
	for _, name := range names {
		m := member{name: name, required: required[name]}
		if m.rule = c.placeAs(c.property(set, name), c.value(p)); !c.nameAllowed(set, name) {
			m.rule = c.rules.new("") // no value
		}
		if !c.nameable(name, p) {
			n := whoSays(set, "properties")
			if err := c.unsupported(n, "properties", "the name '%.80s' is not permitted: this model writes names without quotes.", name); err != nil {
				return err
			}
			continue
		}
		members = append(members, m)
	}
	extra, err := c.extra(set, names, p)
	if err != nil {
		return err
	}
	need, most := 0, -1
	if t.minMembers > countRequired(members) {
		need = t.minMembers
	}
	if t.maxMembers >= 0 && (extra >= 0 || t.maxMembers < len(members)) {
		most = t.maxMembers
	}
	if need > 1 && extra >= 0 {
		// Additional names may repeat, so that they cannot be counted.
		if need > len(members) {
			n := whoSays(set, "minProperties")
			if err := c.unsupported(n, "minProperties", "'minProperties' is not permitted beyond 1 and the number of named properties: other names could repeat."); err != nil {
				return err
			}
			need = 0
		} else {
			extra = -1
		}
	}
	w := &objectWriter{c: c, parameters: p, members: members, extra: extra, need: need, most: most, rules: map[[3]int]int{}}
	return w.write(rule)
}

// unique keeps the first of equal names.
func unique(names []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(name string) bool {
		again := seen[name]
		seen[name] = true
		return again
	})
}

func countRequired(members []member) int {
	n := 0
	for _, m := range members {
		if m.required {
			n++
		}
	}
	return n
}

func whoSays(set conj, keyword string) *node {
	for _, it := range set {
		if it.schema.get(keyword) != nil {
			return it.schema
		}
	}
	return set[0].schema
}

// property is what the value of a property has to satisfy.
func (c *compiler) property(set conj, name string) conj {
	out := conj{}
	for _, it := range set {
		v := it.schema.get("properties").member(name)
		if v == nil {
			v = it.schema.get("additionalProperties")
		}
		if v != nil {
			out = append(out, item{v, whole})
		}
	}
	return out
}

// member is get for a node that may be nil.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	return n.get(name)
}

// nameAllowed says whether propertyNames lets a name through.
func (c *compiler) nameAllowed(set conj, name string) bool {
	for _, it := range set {
		if p := it.schema.get("propertyNames"); p != nil && !c.satisfies(&node{kind: '"', text: name}, p, 0) {
			return false
		}
	}
	return true
}

// extra is the rule of one additional property, name and value; -1 when there are none.
func (c *compiler) extra(set conj, names []string, p *Parameters) (int, error) {
	values, nameSet := conj{}, conj{}
	stated, named := false, len(names) > 0
	for _, it := range set {
		named = named || it.schema.get("properties") != nil
		if v := it.schema.get("additionalProperties"); v != nil {
			if v.kind == 'f' {
				return -1, nil
			}
			stated = true
			values = append(values, item{v, whole})
		}
		if v := it.schema.get("propertyNames"); v != nil {
			stated = true
			nameSet = append(nameSet, item{v, whole})
		}
	}
	if !stated && named {
		return -1, nil
	}
	sets, err := c.alternatives(nameSet)
	if err != nil {
		return -1, err
	}
	r := c.rules.new("")
	for _, s := range sets {
		t, err := c.typed(s)
		if err != nil {
			return -1, err
		}
		if t.constants == nil && t.types&typeString == 0 {
			continue
		}
		q := c.name(p)
		rest, err := c.nameRest(t, names, q)
		if errors.Is(err, errTooLarge) {
			err = c.tooLarge()
		}
		if err != nil {
			return -1, err
		}
		c.rules.alt(r, append([]sym{q.opening(), to(rest)}, append(c.colon(p), to(c.placeAs(values, c.value(p))))...)...)
	}
	return r, nil
}

// nameRest is the rule of an additional name behind its opening quote.
func (c *compiler) nameRest(t *typed, names []string, q *quoting) (int, error) {
	key := "name " + quote(strings.Join(names, "\x00"))
	if t.constants != nil {
		var list []string
		for _, v := range t.constants {
			if v.kind == '"' && !slices.Contains(names, v.text) {
				list = append(list, v.text)
				key += quote(v.text)
			}
		}
		return c.rest(key, q, func() (*dfa, error) { return q.narrow(constants(list), &c.work) })
	}
	automata, texts, err := c.texts(t)
	if err != nil {
		return 0, err
	}
	return c.rest(fmt.Sprintf("%s %s %d %d", key, texts, t.minLength, t.maxLength), q, func() (*dfa, error) {
		if len(names) > 0 || len(automata) == 0 {
			automata = append(automata, others(names))
		}
		d, err := narrow(automata, t.minLength, t.maxLength, &c.work)
		if err != nil {
			return nil, err
		}
		return q.narrow(d, &c.work)
	})
}

// objectWriter writes the rules of one object. Its states are how many members were passed by and, as
// far as minProperties and maxProperties need it, how many were written.
type objectWriter struct {
	c          *compiler
	parameters *Parameters // these are the arguments of a function, written one by one
	members    []member
	extra      int // -1 when there are none
	need       int // how many must be written; 0 when the required ones are enough
	most       int // -1 is no limit
	rules      map[[3]int]int
}

// frame is what stands around all members and between them.
func (w *objectWriter) frame() (open, comma, end []sym) {
	if w.parameters != nil {
		return nil, nil, nil
	}
	space := w.c.space()
	return []sym{literal("{"), space}, []sym{literal(","), space}, []sym{space, literal("}")}
}

// write adds the object to a rule.
func (w *objectWriter) write(rule int) error {
	g := w.c.rules
	open, _, end := w.frame()
	if w.need == 0 && countRequired(w.members) == 0 {
		g.alt(rule, append(slices.Clone(open), end[len(end)/2:]...)...)
	}
	if w.most == 0 {
		return nil
	}
	next, err := w.next(0, 0)
	g.alt(rule, append(slices.Clone(open), to(next))...)
	return err
}

// counted is how many written members have to be told apart.
func (w *objectWriter) counted(n int) int {
	limit := 1
	if w.need > limit {
		limit = w.need
	}
	if w.most > limit {
		limit = w.most
	}
	if w.need == 0 && w.most < 0 {
		limit = 0
	}
	return min(n, limit)
}

// next is the rule of a member from i on, and what follows it.
func (w *objectWriter) next(i, written int) (int, error) {
	g := w.c.rules
	written = w.counted(written)
	key := [3]int{0, i, written}
	if r, ok := w.rules[key]; ok {
		return r, nil
	}
	r := g.new("")
	w.rules[key] = r
	if g.syms += 1; g.full() {
		return 0, w.c.tooLarge()
	}
	if i == len(w.members) {
		if w.extra < 0 {
			return r, nil
		}
		rest, err := w.rest(i, written+1)
		g.alt(r, to(w.extra), to(rest))
		return r, err
	}
	m := w.members[i]
	rest, err := w.rest(i+1, written+1)
	if err != nil {
		return 0, err
	}
	g.alt(r, append(w.c.named(m.name, w.parameters), to(m.rule), to(rest))...)
	if !m.required {
		skip, err := w.next(i+1, written)
		if err != nil {
			return 0, err
		}
		g.alt(r, to(skip))
	}
	return r, nil
}

// rest is the rule of what follows a member, when i members are behind: the end, or a comma and more.
func (w *objectWriter) rest(i, written int) (int, error) {
	g := w.c.rules
	_, comma, end := w.frame()
	written = w.counted(written)
	key := [3]int{1, i, written}
	if r, ok := w.rules[key]; ok {
		return r, nil
	}
	r := g.new("")
	w.rules[key] = r
	if countRequired(w.members[i:]) == 0 && written >= w.need {
		g.alt(r, end...)
	}
	if w.most >= 0 && written >= w.most || i == len(w.members) && w.extra < 0 {
		return r, nil
	}
	next, err := w.next(i, written)
	g.alt(r, append(slices.Clone(comma), to(next))...)
	return r, err
}
