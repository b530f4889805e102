package jinja

import "fmt"

func (r *run) block(body []stmt) signal {
	for _, s := range body {
		if sig := s.exec(r); sig != done {
			return sig
		}
	}
	return done
}

func (s *textStmt) exec(r *run) signal {
	r.write(s.text)
	return done
}

func (s *printStmt) exec(r *run) signal {
	r.line = s.line
	r.write(str(s.x.eval(r)))
	return done
}

func (s *setStmt) exec(r *run) signal {
	r.line = s.line
	s.target.assign(r, s.value.eval(r))
	return done
}

func (s *setBlockStmt) exec(r *run) signal {
	var v any
	r.within(r.scope, s.hidden, func() {
		v = r.capture(func() { r.block(s.body) })
		if s.filter != nil {
			v = s.filter.applyBlock(r, v)
		}
	})
	s.target.assign(r, v)
	return done
}

func (s *ifStmt) exec(r *run) signal {
	for i := range s.branches {
		b := &s.branches[i]
		r.line = b.line
		if truth(b.test.eval(r)) {
			return r.block(b.body)
		}
	}
	return r.block(s.otherwise)
}

func (s *signalStmt) exec(*run) signal { return s.signal }

func (s *withStmt) exec(r *run) signal {
	values := make([]any, len(s.values))
	for i, x := range s.values {
		values[i] = x.eval(r)
	}
	sig := done
	r.within(r.scope, s.hidden, func() {
		for i, t := range s.targets {
			t.assign(r, values[i])
		}
		sig = r.block(s.body)
	})
	return sig
}

func (s *filterBlockStmt) exec(r *run) signal {
	var v any
	r.within(r.scope, s.hidden, func() {
		v = s.filter.applyBlock(r, r.capture(func() { r.block(s.body) }))
	})
	r.write(str(v))
	return done
}

func (s *forStmt) exec(r *run) signal {
	r.line = s.line
	return s.walk(r, r.scope, s.iter.eval(r), 0)
}

// walk runs the loop over v in scope around; depth counts the recursive calls of the loop. The signal is that of the else branch, which
// concerns the loop around this one.
func (s *forStmt) walk(r *run, around *scope, v any, depth int) signal {
	outer := r.scope
	l := &loop{source: v, next: r.iter(v), index0: -1, depth0: depth}
	if s.test != nil {
		l.source, l.next = nil, s.filtered(r, around, l.next)
	}
	if s.recursive {
		l.again = func(v any) string {
			var out string
			r.nested(func() { out = r.capture(func() { s.walk(r, around, v, depth+1) }) })
			return out
		}
	}
	// In jinja2 an iteration that ends by break or continue does not count against the else branch.
	completed, end := false, done
	for {
		v, ok := l.advance()
		if !ok {
			break
		}
		r.step()
		// Each iteration starts with the variables from outside the loop.
		r.scope = newScope(around, s.hidden)
		s.target.assign(r, v)
		r.scope.set("loop", l)
		sig := r.block(s.body)
		if sig == breakLoop {
			break
		}
		completed = completed || sig == done
	}
	if !completed {
		r.scope = newScope(around, s.hiddenElse)
		end = r.block(s.otherwise)
	}
	r.scope = outer
	return end
}

// filtered gives the items that pass the loop's test. The test runs when an item is needed, so it sees what the body has changed.
func (s *forStmt) filtered(r *run, around *scope, next func() (any, bool)) func() (any, bool) {
	return func() (any, bool) {
		for {
			v, ok := next()
			if !ok {
				return nil, false
			}
			r.step()
			pass := false
			r.within(around, nil, func() {
				s.target.assign(r, v)
				pass = truth(s.test.eval(r))
			})
			if pass {
				return v, true
			}
		}
	}
}

// loop is the loop variable, and the state of the loop.
type loop struct {
	source   any // what is walked, nil when its length is not that of the loop
	next     func() (any, bool)
	index0   int
	depth0   int
	before   any
	current  any
	ahead    []any // items that were taken early
	total    int   // 0 until it had to be counted
	changing Tuple
	again    func(v any) string // nil when the loop is not recursive
}

func (l *loop) advance() (v any, ok bool) {
	if len(l.ahead) > 0 {
		v, ok = l.ahead[0], true
		l.ahead = l.ahead[1:]
	} else {
		v, ok = l.next()
	}
	if ok {
		l.index0++
		l.before, l.current = l.current, v
	}
	return v, ok
}

// peek looks at the next item.
func (l *loop) peek() (any, bool) {
	if len(l.ahead) == 0 {
		v, ok := l.next()
		if !ok {
			return nil, false
		}
		l.ahead = append(l.ahead, v)
	}
	return l.ahead[0], true
}

func (l *loop) length() int {
	if n, ok := length(l.source); ok && l.source != nil {
		return n
	}
	if l.total == 0 {
		for v, ok := l.next(); ok; v, ok = l.next() {
			l.ahead = append(l.ahead, v)
		}
		l.total = l.index0 + 1 + len(l.ahead)
	}
	return l.total
}

// attr gives an attribute of the loop variable.
func (l *loop) attr(name string) (any, bool) {
	item := func(v any, ok bool, which string) any {
		if !ok {
			return &undefined{"UndefinedError", "there is no " + which + " item"}
		}
		return v
	}
	number := func(n int) (any, bool) { return int64(n), true }
	switch name {
	case "index":
		return number(l.index0 + 1)
	case "index0":
		return number(l.index0)
	case "revindex":
		return number(l.length() - l.index0)
	case "revindex0":
		return number(l.length() - l.index0 - 1)
	case "length":
		return number(l.length())
	case "depth":
		return number(l.depth0 + 1)
	case "depth0":
		return number(l.depth0)
	case "first":
		return l.index0 == 0, true
	case "last":
		_, more := l.peek()
		return !more, true
	case "previtem":
		return item(l.before, l.index0 > 0, "previous"), true
	case "nextitem":
		v, ok := l.peek()
		return item(v, ok, "next"), true
	case "cycle":
		return &function{"cycle", func(_ *run, a *args) any {
			if len(a.positional) == 0 {
				raise("TypeError", "no items for cycling given")
			}
			return a.positional[l.index0%len(a.positional)]
		}}, true
	case "changed":
		return &function{"changed", func(_ *run, a *args) any {
			if l.changing != nil && equalItems(l.changing, a.positional) {
				return false
			}
			l.changing = append(Tuple{}, a.positional...)
			return true
		}}, true
	}
	return nil, false
}

// macro is a macro with the scope it was defined in.
type macro struct {
	node  *macroStmt
	scope *scope
}

func (s *macroStmt) exec(r *run) signal {
	r.scope.set(s.name, &macro{s, r.scope})
	return done
}

func (s *macroStmt) repr() string {
	if s.name == "" {
		return "None"
	}
	return repr(s.name)
}

func (s *callBlockStmt) exec(r *run) signal {
	r.line = s.line
	a := s.call.args.eval(r)
	a.names, a.named = append(a.names, "caller"), append(a.named, &macro{s.body, r.scope})
	r.write(str(r.call(s.call.fn.eval(r), a)))
	return done
}

// call runs the macro.
func (m *macro) call(r *run, a *args) any {
	n := m.node
	s := newScope(m.scope, n.hidden)
	kwargs := &Dict{}
	for i, name := range a.names {
		kwargs.Set(name, a.named[i])
	}
	take := func(name string) (any, bool) {
		v, ok := kwargs.Get(name)
		if ok {
			kwargs = kwargs.without(name)
		}
		return v, ok
	}
	positional := a.positional
	foundCaller := false
	missing := make([]bool, len(n.params))
	for i, name := range n.params {
		foundCaller = foundCaller || name == "caller"
		if i < len(positional) {
			s.set(name, positional[i])
			continue
		}
		v, ok := take(name)
		if !ok {
			missing[i] = true
			v = &undefined{"UndefinedError", fmt.Sprintf("parameter %s was not provided", repr(name))}
		}
		s.set(name, v)
	}
	if n.caller && !foundCaller {
		v, ok := take("caller")
		if !ok || v == nil {
			v = &undefined{"UndefinedError", "No caller defined"}
		}
		s.set("caller", v)
	}
	if n.kwargs {
		s.set("kwargs", kwargs)
	} else if kwargs.Len() > 0 {
		raise("TypeError", "macro %s takes no keyword argument %s", n.repr(), repr(kwargs.keys[0]))
	}
	switch extra := positional[min(len(n.params), len(positional)):]; {
	case n.varargs:
		s.set("varargs", Tuple(extra))
	case len(extra) > 0:
		raise("TypeError", "macro %s takes not more than %d argument(s)", n.repr(), len(n.params))
	}
	outer, line := r.scope, r.line
	r.scope = s
	var out string
	r.nested(func() {
		// Defaults are evaluated in the macro, in order, so they may use the parameters before them.
		for i := len(n.params) - len(n.defaults); i < len(n.params); i++ {
			if missing[i] {
				s.set(n.params[i], n.defaults[i-len(n.params)+len(n.defaults)].eval(r))
			}
		}
		out = r.capture(func() { r.block(n.body) })
	})
	r.scope, r.line = outer, line
	return out
}

func (d *Dict) without(key string) *Dict {
	out := &Dict{}
	d.Each(func(k, v any) {
		if k != key {
			out.Set(k, v)
		}
	})
	return out
}

func (t *nameTarget) assign(r *run, v any) { r.scope.set(t.name, v) }

func (t *attrTarget) assign(r *run, v any) {
	x, _ := r.scope.get(t.name)
	ns, ok := x.(*namespace)
	if !ok {
		raise("TemplateRuntimeError", "cannot assign attribute on non-namespace object")
	}
	ns.set(t.attr, v)
}

func (ns *namespace) set(name string, v any) {
	if name != "" && name[0] == '_' {
		raise("SecurityError", "Chat templates cannot store underscore-prefixed attributes on a namespace, but got %s. Please rename the attribute.", repr(name))
	}
	ns.attrs.Set(name, v)
}

func (t *tupleTarget) assign(r *run, v any) {
	next := iterate(v)
	if next == nil {
		raise("TypeError", "cannot unpack non-iterable %s object", typeName(v))
	}
	for i, target := range t.targets {
		x, ok := next()
		if !ok {
			raise("ValueError", "not enough values to unpack (expected %d, got %d)", len(t.targets), i)
		}
		target.assign(r, x)
	}
	if _, more := next(); more {
		raise("ValueError", "too many values to unpack (expected %d)", len(t.targets))
	}
}
