package jinja

import (
	"math/big"
	"slices"
	"strings"
)

// tupleRules say how a list of expressions without brackets ends.
type tupleRules struct {
	noCondition bool   // a following if belongs to the statement
	end         string // a name that ends it
	parentheses bool   // an empty one is a tuple
	namespaces  bool   // in targets: attributes of namespaces may be assigned
}

func isConstant(name string) bool {
	switch name {
	case "true", "True", "false", "False", "none", "None":
		return true
	}
	return false
}

func (p *parser) tupleEnd(rules tupleRules) bool {
	t := p.cur()
	return t.kind == tokenVariableEnd || t.kind == tokenBlockEnd || t.isOp(")") || rules.end != "" && t.isName(rules.end)
}

func (p *parser) tuple(rules tupleRules) expr {
	var items []expr
	isTuple := false
	for {
		if items != nil {
			p.expectOp(",")
		}
		if p.tupleEnd(rules) {
			break
		}
		if rules.noCondition {
			items = append(items, p.or())
		} else {
			items = append(items, p.expression())
		}
		if !p.cur().isOp(",") {
			break
		}
		isTuple = true
	}
	switch {
	case isTuple || len(items) == 0 && rules.parentheses:
		return &tupleExpr{items}
	case len(items) == 0:
		p.fail("Expected an expression, got '%s'", p.cur().describe())
	}
	return items[0]
}

func (p *parser) expression() expr {
	defer p.enter()()
	unknown, line := p.unknown, p.cur().line
	x := p.or()
	for p.skipName("if") {
		test := p.or()
		var otherwise expr
		if p.skipName("else") {
			otherwise = p.expression()
		}
		x = &condExpr{test, x, otherwise, line}
		p.unknown = unknown // all of it is conditional
	}
	return x
}

func (p *parser) or() expr {
	x := p.and()
	for p.skipName("or") {
		x = &orExpr{x, p.and()}
	}
	return x
}

func (p *parser) and() expr {
	x := p.not()
	for p.skipName("and") {
		x = &andExpr{x, p.not()}
	}
	return x
}

func (p *parser) not() expr {
	if p.skipName("not") {
		defer p.enter()()
		return &notExpr{p.not()}
	}
	return p.compare()
}

func (p *parser) compare() expr {
	x := p.sum()
	c := &compareExpr{first: x}
	for {
		t := p.cur()
		op := t.value
		switch {
		case t.kind == tokenOperator && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, op), t.isName("in"):
			p.next()
		case t.isName("not") && p.look().isName("in"):
			op = "not in"
			p.next()
			p.next()
		case len(c.ops) > 0:
			return c
		default:
			return x
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, p.sum())
	}
}

// binary parses operands joined by one of the operators, from left to right.
func (p *parser) binary(operand func() expr, ops ...string) expr {
	x := operand()
	for t := p.cur(); t.kind == tokenOperator && slices.Contains(ops, t.value); t = p.cur() {
		p.next()
		x = &binaryExpr{t.value, x, operand()}
	}
	return x
}

func (p *parser) sum() expr { return p.binary(p.concat, "+", "-") }

func (p *parser) concat() expr {
	items := []expr{p.product()}
	for p.skipOp("~") {
		items = append(items, p.product())
	}
	if len(items) == 1 {
		return items[0]
	}
	return &concatExpr{items}
}

func (p *parser) product() expr { return p.binary(p.power, "*", "/", "//", "%") }

func (p *parser) power() expr {
	return p.binary(func() expr { return p.unary(true) }, "**")
}

func (p *parser) unary(filters bool) expr {
	defer p.enter()()
	var x expr
	if t := p.cur(); t.isOp("-") || t.isOp("+") {
		p.next()
		x = &unaryExpr{t.value, p.unary(false)}
	} else {
		x = p.primary()
	}
	x = p.postfix(x)
	for filters {
		switch t := p.cur(); {
		case t.isOp("|"):
			x = p.filter(x, false)
		case t.isName("is"):
			p.next()
			x = p.test(x)
		case t.isOp("("):
			x = &callExpr{x, p.callArgs()}
		default:
			return x
		}
	}
	return x
}

func (p *parser) primary() expr {
	at := p.pos
	t := p.next()
	switch t.kind {
	case tokenName:
		switch t.value {
		case "true", "True":
			return &constExpr{true}
		case "false", "False":
			return &constExpr{false}
		case "none", "None":
			return &constExpr{nil}
		}
		for _, m := range p.macros {
			m.caller = m.caller || t.value == "caller"
			m.kwargs = m.kwargs || t.value == "kwargs"
			m.varargs = m.varargs || t.value == "varargs"
		}
		return &nameExpr{t.value}
	case tokenString:
		s := t.value
		for p.cur().kind == tokenString {
			s += p.next().value
		}
		return &constExpr{s}
	case tokenInteger:
		if n, ok := new(big.Int).SetString(strings.ToLower(t.value), 0); ok {
			return &constExpr{fromBig(n)}
		}
	case tokenFloat:
		if f, ok := parseFloat(t.value); ok {
			return &constExpr{f}
		}
	case tokenOperator:
		switch t.value {
		case "(":
			x := p.tuple(tupleRules{parentheses: true})
			p.expectOp(")")
			return x
		case "[":
			l := &listExpr{}
			for !p.cur().isOp("]") {
				if l.items != nil {
					p.expectOp(",")
				}
				if p.cur().isOp("]") {
					break
				}
				l.items = append(l.items, p.expression())
			}
			p.expectOp("]")
			return l
		case "{":
			d := &dictExpr{}
			for !p.cur().isOp("}") {
				if d.keys != nil {
					p.expectOp(",")
				}
				if p.cur().isOp("}") {
					break
				}
				d.keys = append(d.keys, p.expression())
				p.expectOp(":")
				d.values = append(d.values, p.expression())
			}
			p.expectOp("}")
			return d
		}
	}
	p.pos = at
	p.fail("unexpected '%s'", t.describe())
	return nil
}

func (p *parser) postfix(x expr) expr {
	for {
		switch t := p.cur(); {
		case t.isOp("."):
			p.next()
			switch n := p.next(); n.kind {
			case tokenName:
				x = &attrExpr{x, n.value}
			case tokenInteger:
				i, ok := parseInt(n.value, 0)
				if !ok {
					p.fail("invalid number '%s'", n.value)
				}
				x = &itemExpr{x, &constExpr{i}}
			default:
				p.fail("expected name or number")
			}
		case t.isOp("["):
			p.next()
			var index []expr
			for !p.cur().isOp("]") {
				if index != nil {
					p.expectOp(",")
				}
				index = append(index, p.subscript())
			}
			p.expectOp("]")
			if len(index) == 1 {
				x = &itemExpr{x, index[0]}
			} else {
				x = &itemExpr{x, &tupleExpr{index}}
			}
		case t.isOp("("):
			x = &callExpr{x, p.callArgs()}
		default:
			return x
		}
	}
}

// subscript parses an index or a slice.
func (p *parser) subscript() expr {
	var parts [3]expr
	for i := range parts {
		if t := p.cur(); !t.isOp(":") && !t.isOp("]") && !t.isOp(",") {
			parts[i] = p.expression()
		}
		if i == 2 || !p.skipOp(":") {
			if i > 0 {
				break
			}
			if parts[0] == nil {
				p.fail("Expected an expression, got '%s'", p.cur().describe())
			}
			return parts[0]
		}
	}
	return &sliceExpr{parts[0], parts[1], parts[2]}
}

func (p *parser) callArgs() argExprs {
	var a argExprs
	p.expectOp("(")
	for first := true; !p.cur().isOp(")"); first = false {
		if !first {
			p.expectOp(",")
			if p.cur().isOp(")") {
				break
			}
		}
		ok := a.kwstar == nil
		switch {
		case p.skipOp("*"):
			ok = ok && a.star == nil
			a.star = p.expression()
		case p.skipOp("**"):
			a.kwstar = p.expression()
		case p.cur().kind == tokenName && p.look().isOp("="):
			a.names = append(a.names, p.next().value)
			p.next()
			a.named = append(a.named, p.expression())
		default:
			ok = ok && a.star == nil && a.named == nil
			a.positional = append(a.positional, p.expression())
		}
		if !ok {
			p.fail("invalid syntax for function call expression")
		}
	}
	p.expectOp(")")
	return a
}

// dotted parses the name of a filter or test.
func (p *parser) dotted() string {
	name := p.expectName()
	for p.skipOp(".") {
		name += "." + p.expectName()
	}
	return name
}

// filter parses the filters that follow x. In a filter block the first comes without a bar.
func (p *parser) filter(x expr, inline bool) expr {
	for inline || p.cur().isOp("|") {
		if !inline {
			p.next()
		}
		inline = false
		f := &filterExpr{x: x, name: p.dotted()}
		f.fn = filters[f.name]
		if f.fn == nil {
			p.missing("No filter named '" + f.name + "'.")
		}
		if p.cur().isOp("(") {
			f.args = p.callArgs()
		}
		x = f
	}
	return x
}

// missing notes that a filter or test does not exist. Only what is used unconditionally makes the template wrong.
func (p *parser) missing(message string) {
	if !p.soft && p.unknown == nil {
		p.unknown = &Error{Kind: "TemplateAssertionError", Message: message, Line: p.cur().line}
	}
}

func (p *parser) test(x expr) expr {
	negated := p.skipName("not")
	t := &testExpr{x: x, name: p.dotted()}
	t.fn = tests[t.name]
	if t.fn == nil {
		p.missing("No test named '" + t.name + "'.")
	}
	switch c := p.cur(); {
	case c.isOp("("):
		t.args = p.callArgs()
	case c.isName("is"):
		p.fail("You cannot chain multiple tests with is")
	case c.kind == tokenName && c.value != "else" && c.value != "or" && c.value != "and",
		c.kind == tokenString, c.kind == tokenInteger, c.kind == tokenFloat, c.isOp("["), c.isOp("{"):
		t.args.positional = []expr{p.postfix(p.primary())}
	}
	if negated {
		return &notExpr{t}
	}
	return t
}
