package jinja

import (
	"slices"
	"strings"
)

func addSequenceFilters() {
	for name, f := range map[string]filterFunc{
		"batch":    filterBatch,
		"dictsort": filterDictSort,
		"first": plain("first", func(r *run, v any) any {
			if x, ok := r.iter(v)(); ok {
				return x
			}
			return &undefined{"UndefinedError", "No first item, sequence was empty."}
		}),
		"last": plain("last", func(r *run, v any) any {
			items := r.reversible(v)
			if len(items) == 0 {
				return &undefined{"UndefinedError", "No last item, sequence was empty."}
			}
			return items[len(items)-1]
		}),
		"groupby": filterGroupBy,
		"items": plain("items", func(r *run, v any) any {
			d, ok := v.(*Dict)
			_, missing := v.(*undefined)
			var next func() (any, bool)
			return r.lazy(func() (any, bool) {
				switch {
				case missing:
					return nil, false
				case !ok:
					raise("TypeError", "Can only get item pairs from a mapping.")
				case next == nil:
					next = iterate(&dictView{"items", d})
				}
				return next()
			})
		}),
		"join": filterJoin,
		"list": plain("list", func(r *run, v any) any { return &List{slices.Clone(r.items(v))} }),
		"map":  filterMap,
		"max":  extreme("max", func(c int) bool { return c > 0 }),
		"min":  extreme("min", func(c int) bool { return c < 0 }),
		"reject": func(r *run, v any, a *args) any {
			return r.choose(v, a, false, false)
		},
		"rejectattr": func(r *run, v any, a *args) any {
			return r.choose(v, a, true, false)
		},
		"select": func(r *run, v any, a *args) any {
			return r.choose(v, a, false, true)
		},
		"selectattr": func(r *run, v any, a *args) any {
			return r.choose(v, a, true, true)
		},
		"reverse": plain("reverse", filterReverse),
		"slice":   filterSlice,
		"sort":    filterSort,
		"sum":     filterSum,
		"unique":  filterUnique,
	} {
		filters[name] = f
	}
}

// reversible is Python's reversed(v), in the original order.
func (r *run) reversible(v any) []any {
	if _, ok := v.(*generator); ok {
		raise("TypeError", "'%s' object is not reversible", typeName(v))
	}
	return r.items(v)
}

func filterReverse(r *run, v any) any {
	if s, ok := text(v); ok {
		runes := []rune(s)
		r.charge(8 * len(runes))
		slices.Reverse(runes)
		return like(v, string(runes))
	}
	if iterate(v) == nil {
		raise("FilterArgumentError", "argument must be iterable")
	}
	items := slices.Clone(r.items(v))
	slices.Reverse(items)
	if _, ok := v.(*generator); ok { // not reversible in Python, where jinja2 makes a list
		return &List{items}
	}
	return r.lazy(iterate(&List{items}))
}

func filterJoin(r *run, v any, a *args) any {
	p := a.bind("join", 0, "d", "attribute")
	sep := str(or[any](p[0], ""))
	get := r.path(or[any](p[1], nil), nil)
	var b strings.Builder
	next := r.iter(v)
	for i := 0; ; i++ {
		x, ok := next()
		if !ok {
			return b.String()
		}
		if i > 0 {
			b.WriteString(r.made(sep))
		}
		r.step()
		b.WriteString(r.made(str(get(x))))
	}
}

// filterMap gives attributes of the items, or what another filter makes of them.
func filterMap(r *run, v any, a *args) any {
	var apply func(x any) any
	prepare := func() func(any) any {
		if at := slices.Index(a.names, "attribute"); len(a.positional) == 0 && at >= 0 {
			p := a.bind("map", 0, "attribute", "default")
			return r.path(p[0], or[any](p[1], nil))
		}
		if len(a.positional) == 0 {
			raise("FilterArgumentError", "map requires a filter argument")
		}
		name, _ := text(a.positional[0])
		f := filters[name]
		if f == nil {
			raise("TemplateRuntimeError", "No filter named %s.", repr(name))
		}
		rest := &args{positional: a.positional[1:], names: a.names, named: a.named}
		return func(x any) any { return f(r, x, rest) }
	}
	return r.lazyOver(v, func(x any) (any, bool) {
		if apply == nil {
			apply = prepare()
		}
		return apply(x), true
	})
}

// lazyOver walks v when it is needed, and gives what keep lets through. As in Python, what is false gives nothing.
func (r *run) lazyOver(v any, keep func(x any) (any, bool)) *generator {
	var next func() (any, bool)
	return r.lazy(func() (any, bool) {
		if next == nil {
			if !truth(v) {
				return nil, false
			}
			next = r.iter(v)
		}
		for {
			x, ok := next()
			if !ok {
				return nil, false
			}
			r.step()
			if y, pass := keep(x); pass {
				return y, true
			}
		}
	})
}

// choose is select, reject, selectattr and rejectattr: the items of v for which a test gives want.
func (r *run) choose(v any, a *args, byAttribute, want bool) any {
	var passes func(x any) bool
	prepare := func() func(any) bool {
		rest := a.positional
		get := func(x any) any { return x }
		if byAttribute {
			if len(rest) == 0 {
				raise("FilterArgumentError", "Missing parameter for attribute name")
			}
			get, rest = r.path(rest[0], nil), rest[1:]
		}
		if len(rest) == 0 {
			return func(x any) bool { return truth(get(x)) }
		}
		name, _ := text(rest[0])
		test := tests[name]
		if test == nil {
			raise("TemplateRuntimeError", "No test named %s.", repr(name))
		}
		arguments := &args{positional: rest[1:], names: a.names, named: a.named}
		return func(x any) bool { return test(r, get(x), arguments) }
	}
	return r.lazyOver(v, func(x any) (any, bool) {
		if passes == nil {
			passes = prepare()
		}
		return x, passes(x) == want
	})
}

func extreme(name string, better func(c int) bool) filterFunc {
	return func(r *run, v any, a *args) any {
		p := a.bind(name, 0, "case_sensitive", "attribute")
		key := folded(r.path(or[any](p[1], nil), nil), orTruth(p[0], false))
		next := r.iter(v)
		best, ok := next()
		if !ok {
			return &undefined{"UndefinedError", "No aggregated item, sequence was empty."}
		}
		bestKey := key(best)
		for x, ok := next(); ok; x, ok = next() {
			r.step()
			if k := key(x); better(compare(k, bestKey, map[bool]string{true: ">", false: "<"}[name == "max"])) {
				best, bestKey = x, k
			}
		}
		return best
	}
}

func filterSort(r *run, v any, a *args) any {
	p := a.bind("sort", 0, "reverse", "case_sensitive", "attribute")
	sensitive := orTruth(p[1], false)
	attribute := or[any](p[2], nil)
	attributes := []any{attribute}
	if s, ok := text(attribute); ok {
		attributes = nil
		for part := range strings.SplitSeq(s, ",") {
			attributes = append(attributes, part)
		}
	}
	var gets []func(any) any
	for _, attribute := range attributes {
		gets = append(gets, folded(r.path(attribute, nil), sensitive))
	}
	key := func(x any) any {
		keys := &List{}
		for _, get := range gets {
			keys.Items = append(keys.Items, get(x))
		}
		return keys
	}
	return &List{r.sorted(r.items(v), key, orTruth(p[0], false))}
}

func filterDictSort(r *run, v any, a *args) any {
	p := a.bind("dictsort", 0, "case_sensitive", "by", "reverse")
	at := int64(slices.Index([]string{"key", "value"}, orText(p[1], "key")))
	if at < 0 {
		raise("FilterArgumentError", `You can only sort by either "key" or "value"`)
	}
	d, ok := v.(*Dict)
	if !ok {
		failUndefined(v)
		raise("AttributeError", "'%s' object has no attribute 'items'", typeName(v))
	}
	key := folded(r.path(at, nil), orTruth(p[0], false))
	return &List{r.sorted(r.items(&dictView{"items", d}), key, orTruth(p[2], false))}
}

func filterGroupBy(r *run, v any, a *args) any {
	p := a.bind("groupby", 1, "attribute", "default", "case_sensitive")
	get := r.path(p[0], or[any](p[1], nil))
	key := folded(get, orTruth(p[2], false))
	out := &List{}
	var last any
	for i, x := range r.sorted(r.items(v), key, false) {
		k := key(x)
		if i == 0 || !equal(k, last) {
			out.Items = append(out.Items, Tuple{get(x), &List{}})
		}
		group := out.Items[len(out.Items)-1].(Tuple)[1].(*List)
		group.Items = append(group.Items, x)
		last = k
	}
	return out
}

func filterUnique(r *run, v any, a *args) any {
	p := a.bind("unique", 0, "case_sensitive", "attribute")
	key := folded(r.path(or[any](p[1], nil), nil), orTruth(p[0], false))
	seen := map[any]bool{}
	var next func() (any, bool)
	return r.lazy(func() (any, bool) {
		if next == nil {
			next = r.iter(v)
		}
		for x, ok := next(); ok; x, ok = next() {
			r.step()
			if k := hashKey(key(x)); !seen[k] {
				seen[k] = true
				return x, true
			}
		}
		return nil, false
	})
}

func filterSum(r *run, v any, a *args) any {
	p := a.bind("sum", 0, "attribute", "start")
	get := r.path(or[any](p[0], nil), nil)
	total := or[any](p[1], int64(0))
	if _, ok := text(total); ok {
		raise("TypeError", "sum() can't sum strings [use ''.join(seq) instead]")
	}
	next := r.iter(v)
	for x, ok := next(); ok; x, ok = next() {
		total = r.binary("+", total, get(x))
	}
	return total
}

func filterBatch(r *run, v any, a *args) any {
	p := a.bind("batch", 1, "linecount", "fill_with")
	n, fill := orInt(p[0], 0), or[any](p[1], nil)
	next := r.iter(v)
	var ahead []any
	return r.lazy(func() (any, bool) {
		row := ahead
		ahead = nil
		for x, ok := next(); ok; x, ok = next() {
			r.charge(16)
			if len(row) == n {
				ahead = []any{x}
				return &List{row}, true
			}
			row = append(row, x)
		}
		if len(row) == 0 {
			return nil, false
		}
		for fill != nil && len(row) < n {
			r.charge(16)
			row = append(row, fill)
		}
		return &List{row}, true
	})
}

func filterSlice(r *run, v any, a *args) any {
	p := a.bind("slice", 1, "slices", "fill_with")
	n, fill := orInt(p[0], 0), or[any](p[1], nil)
	items := r.items(v)
	if n == 0 {
		raise("ZeroDivisionError", "integer division or modulo by zero")
	}
	each, extra := len(items)/n, len(items)%n
	i, from := 0, 0
	return r.lazy(func() (any, bool) {
		if i >= n {
			return nil, false
		}
		to := from + each
		if i < extra {
			to++
		}
		r.charge(16 * (to - from + 1))
		part := slices.Clone(items[from:to])
		if fill != nil && i >= extra {
			part = append(part, fill)
		}
		i, from = i+1, to
		return &List{part}, true
	})
}
