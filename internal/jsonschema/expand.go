package jsonschema

import (
	"encoding/binary"
	"slices"
)

// A conj is a set of conditions that a value has to satisfy together, in the order in which they were
// found.
type conj []item

// item is one condition: a schema's own keywords, or one of its unions.
type item struct {
	schema *node
	kind   itemKind
}

type itemKind int

const (
	whole      itemKind = iota // the schema with everything in it
	flat                       // its own keywords without $ref, allOf, anyOf and oneOf
	anyOf                      // one of the members of its anyOf
	oneOfGroup                 // exactly one of the members of its oneOf, which exclude each other
)

// keyword is where a union has its members.
func (k itemKind) keyword() string {
	if k == oneOfGroup {
		return "oneOf"
	}
	return "anyOf"
}

// key is equal for equal sets.
func (c conj) key() string {
	ids := make([]int, len(c))
	for i, it := range c {
		ids[i] = it.schema.id<<2 | int(it.kind)
	}
	slices.Sort(ids)
	var b []byte
	for _, id := range ids {
		b = binary.AppendUvarint(b, uint64(id))
	}
	return string(b)
}

// flatten replaces whole schemas by what they consist of. ok is false when `false` is among them.
func (c *compiler) flatten(in conj) (out conj, ok bool, err error) {
	seen, visited := map[item]bool{}, map[*node]bool{}
	add := func(it item) {
		if !seen[it] {
			seen[it] = true
			out = append(out, it)
		}
	}
	var visit func(n *node) error
	ok = true
	visit = func(n *node) error {
		switch n.kind {
		case 't':
			return nil
		case 'f':
			ok = false
			return nil
		case '{':
		default:
			return n.fail("", "schema must be an object or a boolean.")
		}
		if visited[n] {
			return nil
		}
		visited[n] = true
		if err := c.known(n); err != nil {
			return err
		}
		add(item{n, flat})
		if n.get("$ref") != nil {
			to, err := resolve(c.root, n)
			if err != nil {
				return err
			}
			if err := visit(to); err != nil {
				return err
			}
		}
		if all := n.get("allOf"); all != nil {
			if all.kind != '[' || len(all.values) == 0 {
				return n.fail("allOf", "'allOf' must be an array of schemas.")
			}
			for _, sub := range all.values {
				if err := visit(sub); err != nil {
					return err
				}
			}
		}
		for _, kind := range []itemKind{anyOf, oneOfGroup} {
			keyword := kind.keyword()
			if list := n.get(keyword); list != nil {
				if list.kind != '[' || len(list.values) == 0 {
					return n.fail(keyword, "'%s' must be an array of schemas.", keyword)
				}
				add(item{n, kind})
			}
		}
		return nil
	}
	for _, it := range in {
		if it.kind != whole {
			add(it)
			continue
		}
		if err := visit(it.schema); err != nil {
			return nil, false, err
		}
	}
	if c.effort += len(out) + 1; c.effort > maxEffort {
		return nil, false, c.tooLarge()
	}
	return out, ok, nil
}

// maxAlternatives bounds how many sets the unions of one place may multiply into.
const maxAlternatives = 600

// alternatives returns the sets without unions that together are c. Sets that lead back to themselves
// before anything is written add nothing and are left out.
func (c *compiler) alternatives(in conj) ([]conj, error) {
	var out []conj
	seen := map[string]bool{}
	var visit func(in conj) error
	visit = func(in conj) error {
		set, ok, err := c.flatten(in)
		if err != nil || !ok {
			return err
		}
		key := set.key()
		if seen[key] {
			return nil
		}
		seen[key] = true
		group := slices.IndexFunc(set, func(it item) bool { return it.kind != flat })
		if group < 0 {
			out = append(out, set)
			return nil
		}
		g := set[group]
		if len(seen) > maxAlternatives {
			return g.schema.fail("anyOf", "too many combinations of 'anyOf' and 'oneOf': at most %d are followed.", maxAlternatives)
		}
		rest := slices.Delete(slices.Clone(set), group, group+1)
		if g.kind == oneOfGroup {
			if err := c.exclusive(g.schema, rest); err != nil {
				return err
			}
		}
		for _, sub := range g.schema.get(g.kind.keyword()).values {
			if err := visit(append(slices.Clone(rest), item{sub, whole})); err != nil {
				return err
			}
		}
		return nil
	}
	err := visit(in)
	return out, err
}

// exclusive checks that no two members of a oneOf can hold together, beside the conditions in rest. It
// proves that by types, constants, bounds and required properties; what it cannot prove is refused.
func (c *compiler) exclusive(n *node, rest conj) error {
	list := n.get("oneOf").values
	if len(list) > 64 {
		return n.fail("oneOf", "'oneOf' has %d members, at most 64 are supported. Use anyOf.", len(list))
	}
	for i := range list {
		for j := range i {
			never, err := c.never(append(slices.Clone(rest), item{list[i], whole}, item{list[j], whole}), 4)
			if err != nil {
				return err
			}
			if never {
				continue
			}
			if err := c.unsupported(n, "oneOf", "'oneOf' is not permitted where its members %d and %d may hold together. Give them different constants in a required property, or use anyOf.", j, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// never says that surely no value satisfies the set; depth bounds how far it looks into values.
func (c *compiler) never(in conj, depth int) (bool, error) {
	set, ok, err := c.flatten(in)
	if err != nil || !ok {
		return !ok, err
	}
	for i, it := range set {
		if it.kind == flat || depth == 0 {
			continue
		}
		rest := slices.Delete(slices.Clone(set), i, i+1)
		for _, sub := range it.schema.get(it.kind.keyword()).values {
			if never, err := c.never(append(slices.Clone(rest), item{sub, whole}), depth-1); err != nil || !never {
				return false, err
			}
		}
		return true, nil
	}
	set = slices.DeleteFunc(set, func(it item) bool { return it.kind != flat })
	t, err := c.typed(set)
	if err != nil {
		return false, err
	}
	if t.constants != nil {
		return len(t.constants) == 0, nil
	}
	possible := t.types &^ (typeInteger | typeFraction | typeString | typeArray | typeObject)
	if t.types&(typeInteger|typeFraction) != 0 && !t.numbers.empty() {
		possible |= typeInteger
	}
	if t.types&typeString != 0 && (t.maxLength < 0 || t.minLength <= t.maxLength) {
		possible |= typeString
	}
	if t.types&typeArray != 0 && (t.maxItems < 0 || t.minItems <= t.maxItems) {
		possible |= typeArray
	}
	if t.types&typeObject != 0 {
		lacks := false
		for _, name := range t.required {
			if depth > 0 && !lacks {
				if lacks, err = c.never(c.property(set, name), depth-1); err != nil {
					return false, err
				}
			}
		}
		if !lacks {
			possible |= typeObject
		}
	}
	return possible == 0, nil
}
