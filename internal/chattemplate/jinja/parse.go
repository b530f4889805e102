package jinja

import (
	"fmt"
	"slices"
)

// maxParseDepth bounds the nesting of expressions and statements: both the parser and the interpreter recurse on it.
const maxParseDepth = 150

// parser makes a tree of the tokens, with the grammar of jinja2's parser.
type parser struct {
	tokens []token
	pos    int
	depth  int
	// soft is true inside a condition, where jinja2 forgives unknown filters until they are used.
	soft    bool
	unknown *Error // the first unknown filter or test outside conditions
	loops   int    // for loops around, within the macro
	inFor   int    // for loops around, at all
	// macros are the macros around; using caller, kwargs or varargs concerns all of them.
	macros []*macroStmt
}

func (p *parser) cur() token { return p.tokens[p.pos] }

func (p *parser) look() token { return p.tokens[min(p.pos+1, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if p.pos < len(p.tokens)-1 {
		p.pos++
	}
	return t
}

func (p *parser) fail(format string, a ...any) {
	panic(&Error{Kind: "TemplateSyntaxError", Message: fmt.Sprintf(format, a...), Line: p.cur().line})
}

func (p *parser) enter() func() {
	if p.depth++; p.depth > maxParseDepth {
		panic(&Error{Kind: "LimitError", Message: "template is nested too deeply", Line: p.cur().line})
	}
	return func() { p.depth-- }
}

func (t token) isName(name string) bool { return t.kind == tokenName && t.value == name }
func (t token) isOp(op string) bool     { return t.kind == tokenOperator && t.value == op }

func (p *parser) skipName(name string) bool {
	if p.cur().isName(name) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipOp(op string) bool {
	if p.cur().isOp(op) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expectOp(op string) {
	if !p.skipOp(op) {
		p.fail("expected token '%s', got '%s'", op, p.cur().describe())
	}
}

func (p *parser) expectName() string {
	if p.cur().kind != tokenName {
		p.fail("expected token 'name', got '%s'", p.cur().describe())
	}
	return p.next().value
}

func (p *parser) expect(kind tokenKind) {
	if p.cur().kind != kind {
		p.fail("expected token '%s', got '%s'", token{kind: kind}.describe(), p.cur().describe())
	}
	p.next()
}

// body parses statements until a tag with one of the names ends comes, and gives that name.
func (p *parser) body(ends ...string) ([]stmt, string) {
	defer p.enter()()
	var out []stmt
	for {
		switch t := p.cur(); t.kind {
		case tokenEOF:
			if ends != nil {
				p.fail("Unexpected end of template. Jinja was looking for the following tags: '%s'.", ends[0])
			}
			return out, ""
		case tokenData:
			out = append(out, &textStmt{t.value})
			p.next()
		case tokenVariableBegin:
			p.next()
			out = append(out, &printStmt{p.tuple(tupleRules{}), t.line})
			p.expect(tokenVariableEnd)
		default:
			p.expect(tokenBlockBegin)
			if name := p.cur(); name.kind == tokenName && slices.Contains(ends, name.value) {
				p.next()
				return out, name.value
			}
			out = append(out, p.statement()...)
			p.expect(tokenBlockEnd)
		}
	}
}

// block parses the rest of an opening tag and what follows up to a tag named end.
func (p *parser) block(ends ...string) ([]stmt, string) {
	p.skipOp(":")
	p.expect(tokenBlockEnd)
	return p.body(ends...)
}

// inner parses a block that has a frame of its own in jinja2: unknown filters in it are errors again.
func (p *parser) inner(ends ...string) ([]stmt, string) {
	defer func(soft bool) { p.soft = soft }(p.soft)
	p.soft = false
	return p.block(ends...)
}

func (p *parser) statement() []stmt {
	t := p.cur()
	if t.kind != tokenName {
		p.fail("tag name expected")
	}
	p.next()
	switch t.value {
	case "if":
		return []stmt{p.ifStatement(t.line)}
	case "for":
		return []stmt{p.forStatement(t.line)}
	case "set":
		return []stmt{p.setStatement(t.line)}
	case "macro":
		m := &macroStmt{name: p.targetName()}
		p.signature(m)
		p.macroBody(m, "endmacro")
		return []stmt{m}
	case "call":
		m := &macroStmt{}
		if p.cur().isOp("(") {
			p.signature(m)
		}
		call, ok := p.expression().(*callExpr)
		if !ok {
			p.fail("expected call")
		}
		p.macroBody(m, "endcall")
		return []stmt{&callBlockStmt{call, m, t.line}}
	case "filter":
		f := p.filter(nil, true).(*filterExpr)
		body, _ := p.inner("endfilter")
		return []stmt{&filterBlockStmt{filter: f, body: body}}
	case "with":
		return []stmt{p.withStatement()}
	case "generation":
		// It marks what the assistant says, for training; its body is a scope of its own.
		body, _ := p.inner("endgeneration")
		return []stmt{&withStmt{body: body}}
	case "print":
		var out []stmt
		for p.cur().kind != tokenBlockEnd {
			if out != nil {
				p.expectOp(",")
			}
			out = append(out, &printStmt{p.expression(), t.line})
		}
		return out
	case "break", "continue":
		if p.loops == 0 {
			p.fail("'%s' outside loop", t.value)
		}
		if t.value == "break" {
			return []stmt{&signalStmt{breakLoop}}
		}
		return []stmt{&signalStmt{continueLoop}}
	case "include", "import", "from", "extends", "block", "autoescape":
		p.fail("tag '%s' is not available in chat templates", t.value)
	}
	p.fail("Encountered unknown tag '%s'.", t.value)
	return nil
}

func (p *parser) ifStatement(line int) stmt {
	defer func(soft bool) { p.soft = soft }(p.soft)
	p.soft = true
	s := &ifStmt{}
	for {
		b := branch{test: p.tuple(tupleRules{noCondition: true}), line: line}
		var end string
		b.body, end = p.block("elif", "else", "endif")
		s.branches = append(s.branches, b)
		switch end {
		case "elif":
			line = p.cur().line
			continue
		case "else":
			s.otherwise, _ = p.block("endif")
		}
		return s
	}
}

func (p *parser) forStatement(line int) stmt {
	p.inFor++
	defer func() { p.inFor-- }()
	s := &forStmt{line: line, target: p.target(tupleRules{end: "in"})}
	if !p.skipName("in") {
		p.fail("expected token 'in', got '%s'", p.cur().describe())
	}
	s.iter = p.tuple(tupleRules{noCondition: true, end: "recursive"})
	if p.skipName("if") {
		s.test = p.expression()
	}
	s.recursive = p.skipName("recursive")
	p.loops++
	body, end := p.inner("endfor", "else")
	p.loops--
	s.body = body
	if end == "else" {
		s.otherwise, _ = p.inner("endfor")
	}
	return s
}

func (p *parser) setStatement(line int) stmt {
	t := p.target(tupleRules{namespaces: true})
	if p.skipOp("=") {
		return &setStmt{t, p.tuple(tupleRules{}), line}
	}
	s := &setBlockStmt{target: t}
	if p.cur().isOp("|") {
		s.filter = p.filter(nil, false).(*filterExpr)
	}
	s.body, _ = p.inner("endset")
	return s
}

func (p *parser) withStatement() stmt {
	s := &withStmt{}
	for p.cur().kind != tokenBlockEnd {
		if s.targets != nil {
			p.expectOp(",")
		}
		s.targets = append(s.targets, p.target(tupleRules{}))
		p.expectOp("=")
		s.values = append(s.values, p.expression())
	}
	s.body, _ = p.inner("endwith")
	return s
}

func (p *parser) signature(m *macroStmt) {
	p.expectOp("(")
	for !p.cur().isOp(")") {
		if m.params != nil {
			p.expectOp(",")
		}
		name := p.targetName()
		if p.skipOp("=") {
			m.defaults = append(m.defaults, p.expression())
		} else if m.defaults != nil {
			p.fail("non-default argument follows default argument")
		}
		m.params = append(m.params, name)
	}
	p.expectOp(")")
}

func (p *parser) macroBody(m *macroStmt, end string) {
	loops := p.loops
	p.loops = 0
	p.macros = append(p.macros, m)
	m.body, _ = p.inner(end)
	p.macros = p.macros[:len(p.macros)-1]
	p.loops = loops
	if at := slices.Index(m.params, "caller"); at >= 0 {
		if m.caller && at < len(m.params)-len(m.defaults) {
			p.fail("When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.")
		}
		m.caller = false
	}
	m.kwargs = m.kwargs && !slices.Contains(m.params, "kwargs")
	m.varargs = m.varargs && !slices.Contains(m.params, "varargs")
}

// targetName parses a name that is assigned to.
func (p *parser) targetName() string {
	name := p.expectName()
	if isConstant(name) {
		p.fail("can't assign to 'const'")
	}
	if name == "loop" && p.inFor > 0 {
		p.fail("Can't assign to special loop variable in for-loop target")
	}
	return name
}

// target parses what is assigned to: a name, an attribute of a namespace, or several of them.
func (p *parser) target(rules tupleRules) target {
	var out []target
	isTuple := false
	for {
		if out != nil {
			p.expectOp(",")
		}
		if p.tupleEnd(rules) {
			break
		}
		out = append(out, p.oneTarget(rules))
		if !p.cur().isOp(",") {
			break
		}
		isTuple = true
	}
	if isTuple {
		return &tupleTarget{out}
	}
	if len(out) == 0 {
		p.fail("Expected an expression, got '%s'", p.cur().describe())
	}
	return out[0]
}

func (p *parser) oneTarget(rules tupleRules) target {
	defer p.enter()()
	if p.skipOp("(") {
		t := p.target(tupleRules{namespaces: rules.namespaces})
		p.expectOp(")")
		return t
	}
	if p.cur().kind == tokenName && p.look().isOp(".") && rules.namespaces {
		name := p.next().value
		p.next()
		return &attrTarget{name, p.expectName()}
	}
	if k := p.cur().kind; k == tokenString || k == tokenInteger || k == tokenFloat {
		p.fail("can't assign to 'const'")
	}
	return &nameTarget{p.targetName()}
}
