package jinja

import "strings"

func (x *constExpr) eval(*run) any { return x.value }

func (x *nameExpr) eval(r *run) any {
	r.step()
	if v, ok := r.scope.get(x.name); ok {
		return v
	}
	return &undefined{"UndefinedError", repr(x.name) + " is undefined"}
}

func (r *run) evalAll(xs []expr) []any {
	out := make([]any, len(xs))
	for i, x := range xs {
		out[i] = x.eval(r)
	}
	return out
}

func (x *listExpr) eval(r *run) any {
	r.charge(16 * len(x.items))
	return &List{r.evalAll(x.items)}
}

func (x *tupleExpr) eval(r *run) any { return Tuple(r.evalAll(x.items)) }

func (x *dictExpr) eval(r *run) any {
	r.charge(64 * len(x.keys))
	d := &Dict{}
	for i := range x.keys {
		k := x.keys[i].eval(r)
		d.Set(k, x.values[i].eval(r))
	}
	return d
}

func (x *andExpr) eval(r *run) any {
	if v := x.left.eval(r); !truth(v) {
		return v
	}
	return x.right.eval(r)
}

func (x *orExpr) eval(r *run) any {
	if v := x.left.eval(r); truth(v) {
		return v
	}
	return x.right.eval(r)
}

func (x *notExpr) eval(r *run) any { return !truth(x.x.eval(r)) }

func (x *condExpr) eval(r *run) any {
	if truth(x.test.eval(r)) {
		return x.then.eval(r)
	}
	if x.otherwise == nil {
		return &undefined{"UndefinedError", "the inline if-expression evaluated to false and no else section was defined."}
	}
	return x.otherwise.eval(r)
}

func (x *compareExpr) eval(r *run) any {
	left := x.first.eval(r)
	for i, op := range x.ops {
		right := x.rest[i].eval(r)
		if !r.compareOp(op, left, right) {
			return false
		}
		left = right
	}
	return true
}

func (r *run) compareOp(op string, a, b any) bool {
	if s, ok := text(a); ok {
		r.spend(len(s) / bytesPerStep)
	}
	switch op {
	case "==":
		return equal(a, b)
	case "!=":
		return !equal(a, b)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	}
	c := compare(a, b, op)
	if unordered(a, b) {
		return false
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

func (x *concatExpr) eval(r *run) any {
	parts := make([]string, len(x.items))
	for i, item := range x.items {
		parts[i] = str(item.eval(r))
	}
	return r.made(strings.Join(parts, ""))
}

func (x *unaryExpr) eval(r *run) any {
	v := x.x.eval(r)
	if !isNumber(v) {
		failUndefined(v)
		raise("TypeError", "bad operand type for unary %s: '%s'", x.op, typeName(v))
	}
	if x.op == "-" {
		if f, ok := v.(float64); ok {
			return -f
		}
		return arithmetic("-", int64(0), v)
	}
	if n, ok := integer(v); ok {
		return n
	}
	return v
}

func (x *binaryExpr) eval(r *run) any {
	a := x.left.eval(r)
	return r.binary(x.op, a, x.right.eval(r))
}

func (r *run) binary(op string, a, b any) any {
	r.step()
	if isNumber(a) && isNumber(b) {
		return arithmetic(op, a, b)
	}
	switch op {
	case "+":
		if v, ok := r.add(a, b); ok {
			return v
		}
	case "*":
		if n, ok := index(b); ok {
			if v, ok := r.repeat(a, n); ok {
				return v
			}
		} else if n, ok := index(a); ok {
			if v, ok := r.repeat(b, n); ok {
				return v
			}
		}
	case "%":
		if s, ok := text(a); ok {
			return like(a, r.printf(s, a, b))
		}
	}
	failUndefined(a)
	failUndefined(b)
	_, aText := text(a)
	_, bText := text(b)
	switch {
	case op == "+" && aText:
		raise("TypeError", `can only concatenate str (not "%s") to str`, typeName(b))
	case op == "+" && sequence(a) != nil:
		raise("TypeError", `can only concatenate %s (not "%s") to %s`, typeName(a), typeName(b), typeName(a))
	case op == "*" && (aText || sequence(a) != nil || bText || sequence(b) != nil):
		if aText || sequence(a) != nil {
			a = b
		}
		raise("TypeError", "can't multiply sequence by non-int of type '%s'", typeName(a))
	case op == "**":
		op = "** or pow()"
	}
	raise("TypeError", "unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(a), typeName(b))
	return nil
}

func (r *run) add(a, b any) (any, bool) {
	switch x := a.(type) {
	case string:
		switch y := b.(type) {
		case string:
			r.charge(len(x) + len(y))
			return x + y, true
		case markup:
			return markup(r.made(string(escape(x) + y))), true
		}
	case markup:
		if _, ok := text(b); ok {
			return markup(r.made(string(x + escape(b)))), true
		}
	case *List:
		if y, ok := b.(*List); ok {
			r.charge(16 * (len(x.Items) + len(y.Items)))
			return &List{append(append(make([]any, 0, len(x.Items)+len(y.Items)), x.Items...), y.Items...)}, true
		}
	case Tuple:
		if y, ok := b.(Tuple); ok {
			r.charge(16 * (len(x) + len(y)))
			return append(append(make(Tuple, 0, len(x)+len(y)), x...), y...), true
		}
	}
	return nil, false
}

func (r *run) repeat(v any, n int) (any, bool) {
	n = max(n, 0)
	size := 0
	if s, ok := text(v); ok {
		size = len(s)
	} else if s := sequence(v); s != nil {
		size = 16 * len(*s)
	} else {
		return nil, false
	}
	if size == 0 {
		n = 0
	}
	// The product cannot overflow: n is below 2^31 and size below the memory limit.
	r.charge(n * size)
	switch v := v.(type) {
	case *List:
		var out []any
		for range n {
			out = append(out, v.Items...)
		}
		return &List{out}, true
	case Tuple:
		var out Tuple
		for range n {
			out = append(out, v...)
		}
		return out, true
	}
	s, _ := text(v)
	return like(v, strings.Repeat(s, n)), true
}

func (x *attrExpr) eval(r *run) any {
	r.step()
	v := x.x.eval(r)
	if a, ok := attribute(v, x.name); ok {
		return a
	}
	if item, ok := r.item(v, x.name); ok {
		return item
	}
	return noAttribute(v, x.name)
}

func (x *itemExpr) eval(r *run) any {
	r.step()
	v := x.x.eval(r)
	if s, ok := x.index.(*sliceExpr); ok {
		return s.slice(r, v)
	}
	return r.getItem(v, x.index.eval(r))
}

// eval is for slices inside a tuple of indexes, which nothing a template has can be indexed with.
func (x *sliceExpr) eval(*run) any {
	raise("TypeError", "unhashable type: 'slice'")
	return nil
}

// getItem is v[key]: the item, else the attribute of that name.
func (r *run) getItem(v, key any) any {
	if item, ok := r.item(v, key); ok {
		return item
	}
	if name, ok := text(key); ok {
		if a, ok := attribute(v, name); ok {
			return a
		}
	}
	return noAttribute(v, key)
}

func noAttribute(v, key any) any {
	if name, ok := key.(string); ok {
		return &undefined{"UndefinedError", repr(objectRepr(v)) + " has no attribute " + repr(name)}
	}
	return &undefined{"UndefinedError", objectRepr(v) + " has no element " + repr(key)}
}

// item is Python's v[key]; false when it would raise TypeError or LookupError.
func (r *run) item(v, key any) (any, bool) {
	failUndefined(v)
	switch v := v.(type) {
	case *Dict:
		if !hashable(key) {
			return nil, false
		}
		return v.Get(key)
	case *List, Tuple:
		items := *sequence(v)
		if i, ok := position(key, len(items)); ok {
			return items[i], true
		}
	case string, markup:
		s, _ := text(v)
		n, _ := length(v)
		if i, ok := position(key, n); ok {
			return like(v, substring(s, i, i+1)), true
		}
	case rangeValue:
		if i, ok := position(key, int(v.len())); ok {
			return v.start + int64(i)*v.step, true
		}
	}
	return nil, false
}

// position gives the place that key names in a sequence of n.
func position(key any, n int) (int, bool) {
	i, ok := index(key)
	if ok && i < 0 {
		i += n
	}
	return i, ok && i >= 0 && i < n
}

// substring gives the characters from i to j.
func substring(s string, i, j int) string {
	from, n := len(s), 0
	for at := range s {
		if n == i {
			from = at
		}
		if n == j {
			return s[from:at]
		}
		n++
	}
	return s[from:]
}

func (x *sliceExpr) slice(r *run, v any) any {
	failUndefined(v)
	n, _ := length(v)
	part := func(e expr) (int, bool) {
		if e == nil {
			return 0, false
		}
		val := e.eval(r)
		if val == nil {
			return 0, false
		}
		i, ok := index(val)
		if !ok {
			raise("TypeError", "slice indices must be integers or None or have an __index__ method")
		}
		return i, true
	}
	start, hasStart := part(x.start)
	stop, hasStop := part(x.stop)
	step, hasStep := part(x.step)
	if !hasStep {
		step = 1
	}
	if step == 0 {
		raise("ValueError", "slice step cannot be zero")
	}
	low, high := 0, n
	if step < 0 {
		low, high = -1, n-1
	}
	clamp := func(i int, given bool, otherwise int) int {
		if !given {
			return otherwise
		}
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	if step > 0 {
		start, stop = clamp(start, hasStart, low), clamp(stop, hasStop, high)
	} else {
		start, stop = clamp(start, hasStart, high), clamp(stop, hasStop, low)
	}
	count := int(rangeValue{int64(start), int64(stop), int64(step)}.len())
	pick := func(items []any) []any {
		r.charge(16 * count)
		out := make([]any, 0, count)
		for i, k := start, 0; k < count; i, k = i+step, k+1 {
			out = append(out, items[i])
		}
		return out
	}
	switch v := v.(type) {
	case *List:
		return &List{pick(v.Items)}
	case Tuple:
		return Tuple(pick(v))
	case rangeValue:
		return rangeValue{v.start + int64(start)*v.step, v.start + int64(stop)*v.step, v.step * int64(step)}
	case string, markup:
		s, _ := text(v)
		if step == 1 {
			return like(v, r.made(substring(s, start, max(start, stop))))
		}
		runes := []rune(s)
		r.charge(4 * len(runes))
		out := make([]rune, 0, count)
		for i, k := start, 0; k < count; i, k = i+step, k+1 {
			out = append(out, runes[i])
		}
		return like(v, string(out))
	}
	raise("TypeError", "'%s' object is not subscriptable", typeName(v))
	return nil
}

func (x *filterExpr) eval(r *run) any {
	return x.apply(r, x.x.eval(r))
}

func (x *filterExpr) apply(r *run, v any) any {
	r.step()
	a := x.args.eval(r)
	if x.fn == nil {
		raise("TemplateRuntimeError", "No filter named %s found.", repr(x.name))
	}
	return x.fn(r, v, a)
}

// applyBlock gives a block's text to a chain of filters that has no expression to start from.
func (x *filterExpr) applyBlock(r *run, block any) any {
	if first, ok := x.x.(*filterExpr); ok {
		block = first.applyBlock(r, block)
	}
	return x.apply(r, block)
}

func (x *testExpr) eval(r *run) any {
	v := x.x.eval(r)
	r.step()
	a := x.args.eval(r)
	if x.fn == nil {
		raise("TemplateRuntimeError", "No test named %s found.", repr(x.name))
	}
	return x.fn(r, v, a)
}
