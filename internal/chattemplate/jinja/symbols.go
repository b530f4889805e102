package jinja

import "maps"

// jinja2 compiles a template to Python functions and decides beforehand, for each scope, what a name means there when the scope is entered.
// One of its answers differs from what looking names up through the scopes gives: a name that a scope assigns, unconditionally and before
// it reads it, is undefined from the scope's beginning, also for the scopes inside it, even if the caller passed a variable of that name.
// This file repeats that decision (jinja2's idtracking) and leaves the names with the statements, as hidden.

// load says what a name is when its scope is entered.
type load uint8

const (
	loadParameter load = iota // set on entry
	loadOuter                 // the enclosing scope's, or the caller's variable
	loadUndefined
)

// symbols are the names of one scope.
type symbols struct {
	parent *symbols
	loads  map[string]load
	stores map[string]bool
}

func newSymbols(parent *symbols) *symbols {
	return &symbols{parent, map[string]load{}, map[string]bool{}}
}

func (s *symbols) known(name string) bool {
	for ; s != nil; s = s.parent {
		if _, ok := s.loads[name]; ok {
			return true
		}
	}
	return false
}

func (s *symbols) parameter(name string) {
	s.stores[name] = true
	s.loads[name] = loadParameter
}

func (s *symbols) load(name string) {
	if !s.known(name) {
		s.loads[name] = loadOuter
	}
}

func (s *symbols) store(name string) {
	s.stores[name] = true
	if _, ok := s.loads[name]; ok {
		return
	}
	s.loads[name] = loadUndefined
	if s.parent.known(name) {
		s.loads[name] = loadOuter
	}
}

// branch analyzes one way through an if on a copy.
func (s *symbols) branch(visit func(s *symbols)) *symbols {
	b := &symbols{s.parent, maps.Clone(s.loads), maps.Clone(s.stores)}
	visit(b)
	return b
}

// join takes over what the branches of an if found. What only some way assigns keeps its outer meaning.
func (s *symbols) join(branches ...*symbols) {
	stores := map[string]bool{}
	for _, b := range branches {
		for name := range b.stores {
			if !s.stores[name] {
				stores[name] = true
			}
		}
	}
	for _, b := range branches {
		maps.Copy(s.loads, b.loads)
		maps.Copy(s.stores, b.stores)
	}
	for name := range stores {
		s.loads[name] = loadOuter
	}
}

// hidden gives the names that are undefined when the scope is entered.
func (s *symbols) hidden() []string {
	var out []string
	for name, l := range s.loads {
		if l == loadUndefined {
			out = append(out, name)
		}
	}
	return out
}

// analyze finds the names of a scope with the body, and then those of the scopes in it: these look at all names of the outer one.
func (s *symbols) analyze(body []stmt) []string {
	s.statements(body)
	s.inside(body)
	return s.hidden()
}

func (s *symbols) statements(body []stmt) {
	for _, x := range body {
		s.statement(x)
	}
}

// statement notes what x does in this scope, without the scopes that x opens.
func (s *symbols) statement(x stmt) {
	switch x := x.(type) {
	case *printStmt:
		s.expressions(x.x)
	case *setStmt:
		s.expressions(x.value)
		s.target(x.target)
	case *setBlockStmt:
		s.target(x.target)
	case *ifStmt:
		s.conditional(x.branches, x.otherwise)
	case *forStmt:
		s.expressions(x.iter)
	case *macroStmt:
		s.store(x.name)
	case *callBlockStmt:
		s.expressions(x.call)
	case *filterBlockStmt:
		s.expressions(x.filter)
	case *withStmt:
		s.expressions(x.values...)
	}
}

// conditional follows jinja2, where each elif is an if of its own in the middle one of three branches.
func (s *symbols) conditional(branches []branch, otherwise []stmt) {
	first := branches[0]
	s.expressions(first.test)
	s.join(
		s.branch(func(b *symbols) { b.statements(first.body) }),
		s.branch(func(b *symbols) {
			for i := range branches[1:] {
				b.conditional(branches[i+1:i+2], nil)
			}
		}),
		s.branch(func(b *symbols) { b.statements(otherwise) }),
	)
}

// inside analyzes the scopes that the statements of this scope open.
func (s *symbols) inside(body []stmt) {
	for _, x := range body {
		inner := newSymbols(s)
		switch x := x.(type) {
		case *setBlockStmt:
			x.hidden = inner.analyze(x.body)
		case *ifStmt:
			for _, b := range x.branches {
				s.inside(b.body)
			}
			s.inside(x.otherwise)
		case *forStmt:
			inner.parameter("loop")
			inner.parameters(x.target)
			x.hidden = inner.analyze(x.body)
			x.hiddenElse = newSymbols(s).analyze(x.otherwise)
		case *macroStmt:
			x.analyze(inner)
		case *callBlockStmt:
			x.body.analyze(inner)
		case *filterBlockStmt:
			inner.statements(x.body)
			inner.expressions(x.filter)
			inner.inside(x.body)
			x.hidden = inner.hidden()
		case *withStmt:
			for _, t := range x.targets {
				inner.parameters(t)
			}
			x.hidden = inner.analyze(x.body)
		}
	}
}

func (m *macroStmt) analyze(s *symbols) {
	for _, name := range m.params {
		s.parameter(name)
	}
	for name, used := range map[string]bool{"caller": m.caller, "kwargs": m.kwargs, "varargs": m.varargs} {
		if used {
			s.parameter(name)
		}
	}
	s.expressions(m.defaults...)
	m.hidden = s.analyze(m.body)
}

func (s *symbols) target(t target) {
	switch t := t.(type) {
	case *nameTarget:
		s.store(t.name)
	case *attrTarget:
		s.load(t.name)
	case *tupleTarget:
		for _, x := range t.targets {
			s.target(x)
		}
	}
}

func (s *symbols) parameters(t target) {
	switch t := t.(type) {
	case *nameTarget:
		s.parameter(t.name)
	case *tupleTarget:
		for _, x := range t.targets {
			s.parameters(x)
		}
	}
}

// expressions notes the names that the expressions read.
func (s *symbols) expressions(xs ...expr) {
	for _, x := range xs {
		switch x := x.(type) {
		case *nameExpr:
			s.load(x.name)
		case *listExpr:
			s.expressions(x.items...)
		case *tupleExpr:
			s.expressions(x.items...)
		case *dictExpr:
			s.expressions(x.keys...)
			s.expressions(x.values...)
		case *attrExpr:
			s.expressions(x.x)
		case *itemExpr:
			s.expressions(x.x, x.index)
		case *sliceExpr:
			s.expressions(x.start, x.stop, x.step)
		case *callExpr:
			s.expressions(x.fn)
			s.arguments(&x.args)
		case *filterExpr:
			s.expressions(x.x)
			s.arguments(&x.args)
		case *testExpr:
			s.expressions(x.x)
			s.arguments(&x.args)
		case *condExpr:
			s.expressions(x.test, x.then, x.otherwise)
		case *andExpr:
			s.expressions(x.left, x.right)
		case *orExpr:
			s.expressions(x.left, x.right)
		case *notExpr:
			s.expressions(x.x)
		case *compareExpr:
			s.expressions(x.first)
			s.expressions(x.rest...)
		case *binaryExpr:
			s.expressions(x.left, x.right)
		case *unaryExpr:
			s.expressions(x.x)
		case *concatExpr:
			s.expressions(x.items...)
		}
	}
}

func (s *symbols) arguments(a *argExprs) {
	s.expressions(a.positional...)
	s.expressions(a.named...)
	s.expressions(a.star, a.kwstar)
}
