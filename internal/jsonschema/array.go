package jsonschema

// array adds arrays.
func (c *compiler) array(rule int, set conj, t *typed) error {
	if t.maxItems >= 0 && t.minItems > t.maxItems {
		return nil
	}
	prefix := 0
	for _, it := range set {
		n := it.schema
		if v := n.get("uniqueItems"); v != nil && v.kind == 't' && (t.maxItems < 0 || t.maxItems > 1) {
			if err := c.unsupported(n, "uniqueItems", "'uniqueItems' is not permitted: what was written cannot be compared while the model writes."); err != nil {
				return err
			}
		}
		for _, list := range []*node{n.get("prefixItems"), n.get("items")} {
			if list != nil && list.kind == '[' {
				prefix = max(prefix, len(list.values))
			}
		}
	}
	if prefix > 1000 {
		return c.tooLarge()
	}
	g, space := c.rules, c.space()
	open, comma, end := literal("["), literal(","), literal("]")
	unit := func(i int) int { // a comma and the element at i
		r := g.new("")
		g.alt(r, comma, space, to(c.place(element(set, i))))
		return r
	}
	if t.minItems == 0 {
		g.alt(rule, open, space, end)
	}
	if t.maxItems == 0 {
		return nil
	}
	least, most := max(t.minItems, 1), t.maxItems // as there is an element now
	at, from := rule, []sym{open, space, to(c.place(element(set, 0)))}
	i := 1
	for ; i < prefix && i != most; i++ {
		next := g.new("")
		g.alt(at, append(from, to(next))...)
		if i >= least {
			g.alt(next, space, end)
		}
		at, from = next, []sym{to(unit(i))}
	}
	if most >= 0 {
		most -= i
	}
	if most != 0 {
		from = append(from, g.many(unit(max(i, prefix)), max(least-i, 0), most)...)
	}
	g.alt(at, append(from, space, end)...)
	return nil
}

// element is what the element at a position has to satisfy.
func element(set conj, at int) conj {
	out := conj{}
	for _, it := range set {
		n := it.schema
		list, rest := n.get("prefixItems"), n.get("items")
		if rest != nil && rest.kind == '[' { // before 2020-12
			list, rest = rest, n.get("additionalItems")
		}
		if list != nil && list.kind == '[' && at < len(list.values) {
			rest = list.values[at]
		}
		if rest != nil {
			out = append(out, item{rest, whole})
		}
	}
	return out
}
