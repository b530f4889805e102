// Package gbnf reads grammars in the form of llama.cpp: for the echo engine, which holds its answers to
// them, and for tests of what makes grammars. It is simple and slow; real models are held to grammars by
// llama.cpp itself.
//
// Parse refuses what llama.cpp refuses (rules that do not exist, rules that begin with themselves), and
// also repetitions of what may be empty, on which some versions of it do not end.
package gbnf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Grammar is a parsed grammar. It is safe for concurrent use.
type Grammar struct {
	names map[string]int
	rules []rule
	root  int
}

// rule is the alternatives of a name or of a part in parentheses.
type rule struct {
	name string
	alts [][]elem
	set  bool
}

// elem is a set of characters, or a reference to a rule.
type elem struct {
	spans   []span
	negated bool
	rule    int // -1 for a set
}

type span struct{ lo, hi rune }

func (e *elem) has(r rune) bool {
	for _, s := range e.spans {
		if r >= s.lo && r <= s.hi {
			return !e.negated
		}
	}
	return e.negated
}

// Parse reads a grammar; root is the name of its first rule.
func Parse(text, root string) (*Grammar, error) {
	p := &parser{text: text, g: &Grammar{names: map[string]int{}}}
	if err := p.grammar(); err != nil {
		return nil, err
	}
	at, ok := p.g.names[root]
	if !ok {
		return nil, fmt.Errorf("there is no rule %q", root)
	}
	p.g.root = at
	for _, r := range p.g.rules {
		if !r.set {
			return nil, fmt.Errorf("the rule %q is used and not defined", r.name)
		}
	}
	return p.g, p.g.check()
}

type parser struct {
	text string
	at   int
	g    *Grammar
}

func (p *parser) space(newlines bool) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == ' ' || c == '\t', newlines && (c == '\n' || c == '\r'):
			p.at++
		case c == '#':
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		default:
			return
		}
	}
}

func (p *parser) fail(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", p.at, fmt.Sprintf(format, args...))
}

func (p *parser) name() string {
	from := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			break
		}
		p.at++
	}
	return p.text[from:p.at]
}

func (p *parser) rule(name string) int {
	if id, ok := p.g.names[name]; ok {
		return id
	}
	id := p.fresh(name)
	p.g.names[name] = id
	return id
}

func (p *parser) fresh(name string) int {
	p.g.rules = append(p.g.rules, rule{name: name})
	return len(p.g.rules) - 1
}

func (p *parser) define(id int, alts ...[]elem) {
	p.g.rules[id].alts, p.g.rules[id].set = alts, true
}

func (p *parser) grammar() error {
	for p.space(true); p.at < len(p.text); p.space(true) {
		name := p.name()
		if name == "" {
			return p.fail("a rule has no name")
		}
		p.space(false)
		if !strings.HasPrefix(p.text[p.at:], "::=") {
			return p.fail("::= is missing behind %s", name)
		}
		p.at += 3
		id := p.rule(name)
		if p.g.rules[id].set {
			return p.fail("%s is defined twice", name)
		}
		alts, err := p.alternatives(name, false)
		if err != nil {
			return err
		}
		p.define(id, alts...)
		if p.at < len(p.text) && p.text[p.at] != '\n' && p.text[p.at] != '\r' {
			return p.fail("a newline is missing behind %s", name)
		}
	}
	return nil
}

func (p *parser) alternatives(name string, nested bool) ([][]elem, error) {
	var alts [][]elem
	for {
		p.space(true)
		seq, err := p.sequence(name, nested)
		if err != nil {
			return nil, err
		}
		alts = append(alts, seq)
		if p.at >= len(p.text) || p.text[p.at] != '|' {
			return alts, nil
		}
		p.at++
	}
}

func (p *parser) sequence(name string, nested bool) ([]elem, error) {
	var seq []elem
	for {
		p.space(nested)
		if p.at >= len(p.text) {
			return seq, nil
		}
		var last []elem
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			for {
				if p.at >= len(p.text) {
					return nil, p.fail("a \" is missing")
				}
				if p.text[p.at] == '"' {
					p.at++
					break
				}
				r, err := p.rune()
				if err != nil {
					return nil, err
				}
				last = append(last, elem{spans: []span{{r, r}}, rule: -1})
			}
		case c == '[':
			e, err := p.class()
			if err != nil {
				return nil, err
			}
			last = []elem{e}
		case c == '(':
			p.at++
			alts, err := p.alternatives(name, true)
			if err != nil {
				return nil, err
			}
			if p.at >= len(p.text) || p.text[p.at] != ')' {
				return nil, p.fail("a ) is missing")
			}
			p.at++
			id := p.fresh(name + "-group")
			p.define(id, alts...)
			last = []elem{{rule: id}}
		case c == '.':
			p.at++
			last = []elem{{negated: true, rule: -1}}
		default:
			n := p.name()
			if n == "" {
				return seq, nil
			}
			last = []elem{{rule: p.rule(n)}}
		}
		last, err := p.repeated(name, last)
		if err != nil {
			return nil, err
		}
		seq = append(seq, last...)
	}
}

// repeated reads a repetition of what came last.
func (p *parser) repeated(name string, last []elem) ([]elem, error) {
	p.space(false)
	if p.at >= len(p.text) {
		return last, nil
	}
	least, most := 0, -1
	switch p.text[p.at] {
	case '*':
	case '+':
		least = 1
	case '?':
		most = 1
	case '{':
		end := strings.IndexByte(p.text[p.at:], '}')
		if end < 0 {
			return nil, p.fail("a } is missing")
		}
		inner := p.text[p.at+1 : p.at+end]
		p.at += end
		if a, b, ok := strings.Cut(inner, ","); !ok {
			if _, err := fmt.Sscanf(a, "%d", &least); err != nil {
				return nil, p.fail("a repetition of %q", inner)
			}
			most = least
		} else {
			if _, err := fmt.Sscanf(a, "%d", &least); err != nil {
				return nil, p.fail("a repetition of %q", inner)
			}
			if b != "" {
				if _, err := fmt.Sscanf(b, "%d", &most); err != nil || most < least {
					return nil, p.fail("a repetition of %q", inner)
				}
			}
		}
	default:
		return last, nil
	}
	p.at++
	if len(last) == 0 {
		return nil, p.fail("a repetition of nothing")
	}
	var out []elem
	for range least {
		out = append(out, last...)
	}
	switch {
	case most < 0:
		id := p.fresh(name + "-loop")
		p.define(id, append(append([]elem{}, last...), elem{rule: id}), nil)
		out = append(out, elem{rule: id})
	case most > least:
		next := -1
		for range most - least {
			id := p.fresh(name + "-up-to")
			alt := append([]elem{}, last...)
			if next >= 0 {
				alt = append(alt, elem{rule: next})
			}
			p.define(id, alt, nil)
			next = id
		}
		out = append(out, elem{rule: next})
	}
	return out, nil
}

func (p *parser) class() (elem, error) {
	p.at++
	e := elem{rule: -1}
	if p.at < len(p.text) && p.text[p.at] == '^' {
		e.negated = true
		p.at++
	}
	for {
		if p.at >= len(p.text) {
			return e, p.fail("a ] is missing")
		}
		if p.text[p.at] == ']' {
			p.at++
			return e, nil
		}
		lo, err := p.rune()
		if err != nil {
			return e, err
		}
		hi := lo
		if p.at+1 < len(p.text) && p.text[p.at] == '-' && p.text[p.at+1] != ']' {
			p.at++
			if hi, err = p.rune(); err != nil {
				return e, err
			}
		}
		e.spans = append(e.spans, span{lo, hi})
	}
}

// rune reads a character or an escape; those of llama.cpp only.
func (p *parser) rune() (rune, error) {
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += n
	if r != '\\' {
		return r, nil
	}
	if p.at >= len(p.text) {
		return 0, p.fail("an escape is cut off")
	}
	c := p.text[p.at]
	p.at++
	digits := 0
	switch c {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case 't':
		return '\t', nil
	case 'r':
		return '\r', nil
	case 'n':
		return '\n', nil
	case '\\', '"', '[', ']':
		return rune(c), nil
	default:
		return 0, p.fail("the escape \\%c is unknown", c)
	}
	var v rune
	for range digits {
		if p.at >= len(p.text) {
			return 0, p.fail("an escape is cut off")
		}
		d := strings.IndexByte("0123456789abcdef", p.text[p.at]|0x20)
		if d < 0 {
			return 0, p.fail("an escape has a wrong digit")
		}
		v = v<<4 | rune(d)
		p.at++
	}
	return v, nil
}

// check looks for left recursion and for loops over nothing.
func (g *Grammar) check() error {
	nullable := make([]bool, len(g.rules))
	for changed := true; changed; {
		changed = false
		for i, r := range g.rules {
			for _, alt := range r.alts {
				if !nullable[i] && g.empty(alt, nullable) {
					nullable[i], changed = true, true
				}
			}
		}
	}
	state := make([]int8, len(g.rules))
	var visit func(i int) error
	visit = func(i int) error {
		if state[i] == 1 {
			return fmt.Errorf("the rule %s can begin with itself", g.rules[i].name)
		}
		if state[i] == 2 {
			return nil
		}
		state[i] = 1
		for _, alt := range g.rules[i].alts {
			for _, e := range alt {
				if e.rule < 0 {
					break
				}
				if err := visit(e.rule); err != nil {
					return err
				}
				if !nullable[e.rule] {
					break
				}
			}
		}
		state[i] = 2
		return nil
	}
	for i := range g.rules {
		if err := visit(i); err != nil {
			return err
		}
	}
	return nil
}

func (g *Grammar) empty(alt []elem, nullable []bool) bool {
	for _, e := range alt {
		if e.rule < 0 || !nullable[e.rule] {
			return false
		}
	}
	return true
}
