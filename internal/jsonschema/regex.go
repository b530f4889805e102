package jsonschema

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Patterns are ECMA 262's, as the specification of JSON Schema says, without what automata cannot do:
// looking around, references back, and borders of words. Dialects differ in what \d, \w, \s and . stand
// for; a class is read as what all of them have in common, also when it is negated.

// kinds of expressions.
const (
	reSet = iota
	reCat
	reAlt
	reRepeat
	reBegin
	reEnd
)

type re struct {
	kind        int
	set         runes
	subs        []*re
	least, most int // of reRepeat; most < 0 is no limit
}

// class is what a class surely has and what it may have, by dialect.
type class struct{ sure, maybe runes }

func exact(r runes) class          { return class{r, r} }
func (c class) negated() class     { return class{not(c.maybe), not(c.sure)} }
func (c class) with(o class) class { return class{union(c.sure, o.sure), union(c.maybe, o.maybe)} }

var (
	digits     = class{set(span{'0', '9'}), table(unicode.Nd)}
	words      = class{set(span{'0', '9'}, span{'A', 'Z'}, span{'a', 'z'}, span{'_', '_'}), union(union(table(unicode.L), table(unicode.N)), union(table(unicode.M), set(span{'_', '_'}, span{0x203F, 0x2040})))}
	blanks     = class{set(span{'\t', '\n'}, span{'\f', '\r'}, span{' ', ' '}), set(span{'\t', '\r'}, span{0x1c, 0x20}, span{0x85, 0x85}, span{0xA0, 0xA0}, span{0x1680, 0x1680}, span{0x180e, 0x180e}, span{0x2000, 0x200b}, span{0x2028, 0x2029}, span{0x202f, 0x202f}, span{0x205f, 0x205f}, span{0x3000, 0x3000}, span{0xfeff, 0xfeff})}
	lineBreaks = class{set(span{'\n', '\n'}), set(span{'\n', '\n'}, span{'\r', '\r'}, span{0x85, 0x85}, span{0x2028, 0x2029})}
)

// maxPattern bounds the text of a pattern, in bytes.
const maxPattern = 4096

type reParser struct {
	text  string
	at    int
	depth int
}

// patternError says why a pattern cannot be used.
type patternError string

func (e patternError) Error() string { return string(e) }

func parsePattern(text string) (_ *re, err error) {
	if len(text) > maxPattern {
		return nil, patternError(fmt.Sprintf("it is longer than %d bytes", maxPattern))
	}
	p := &reParser{text: text}
	out, err := p.alternatives()
	if err == nil && p.at < len(text) {
		err = patternError("it has a ) too many")
	}
	return out, err
}

func (p *reParser) more() bool        { return p.at < len(p.text) }
func (p *reParser) see(s string) bool { return strings.HasPrefix(p.text[p.at:], s) }
func (p *reParser) take(s string) bool {
	if p.see(s) {
		p.at += len(s)
		return true
	}
	return false
}

func (p *reParser) rune() rune {
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += n
	return r
}

func (p *reParser) alternatives() (*re, error) {
	if p.depth++; p.depth > 50 {
		return nil, patternError("its groups are nested too deeply")
	}
	defer func() { p.depth-- }()
	out := &re{kind: reAlt}
	for {
		cat := &re{kind: reCat}
		for p.more() && !p.see("|") && !p.see(")") {
			sub, err := p.repeated()
			if err != nil {
				return nil, err
			}
			cat.subs = append(cat.subs, sub)
		}
		out.subs = append(out.subs, cat)
		if !p.take("|") {
			return out, nil
		}
	}
}

func (p *reParser) repeated() (*re, error) {
	sub, err := p.atom()
	for err == nil && p.more() {
		least, most, ok, err := p.quantifier()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if sub.kind == reBegin || sub.kind == reEnd || sub.kind == reRepeat {
			return nil, patternError("it repeats what cannot be repeated")
		}
		if p.take("?") { // lazy: the same texts match
		} else if p.see("+") {
			return nil, patternError("possessive quantifiers are not supported")
		}
		if max(least, most) > 1000 || most >= 0 && least > most {
			return nil, patternError("a quantifier is out of range: at most 1000 repetitions")
		}
		sub = &re{kind: reRepeat, subs: []*re{sub}, least: least, most: most}
	}
	return sub, err
}

// bounds are braces with numbers. Braces of another form stand for themselves, or differ by dialect.
var (
	bounds = regexp.MustCompile(`^\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}`)
	braces = regexp.MustCompile(`^\{\d*(,\d*)?\}`)
)

func (p *reParser) quantifier() (least, most int, ok bool, err error) {
	switch {
	case p.take("*"):
		return 0, -1, true, nil
	case p.take("+"):
		return 1, -1, true, nil
	case p.take("?"):
		return 0, 1, true, nil
	}
	rest := p.text[p.at:]
	m := bounds.FindStringSubmatch(rest)
	if m == nil {
		if braces.MatchString(rest) {
			err = patternError("dialects differ in what " + braces.FindString(rest) + " means")
		}
		return 0, 0, false, err
	}
	p.at += len(m[0])
	if least, err = strconv.Atoi(m[1]); err == nil {
		switch {
		case m[2] == "":
			most = least
		case m[3] == "":
			most = -1
		default:
			most, err = strconv.Atoi(m[3])
		}
	}
	if err != nil {
		return 0, 0, false, patternError("a quantifier is out of range: at most 1000 repetitions")
	}
	return least, most, true, nil
}

func (p *reParser) atom() (*re, error) {
	switch {
	case p.take("^"):
		return &re{kind: reBegin}, nil
	case p.take("$"):
		return &re{kind: reEnd}, nil
	case p.take("."):
		return &re{set: lineBreaks.negated().sure}, nil
	case p.take("("):
		return p.group()
	case p.take("["):
		c, err := p.class()
		return &re{set: c.sure}, err
	case p.see("*"), p.see("+"), p.see("?"):
		return nil, patternError("it repeats nothing")
	case p.take(`\`):
		c, err := p.escape()
		return &re{set: c.sure}, err
	}
	r := p.rune()
	return &re{set: runes{{r, r}}}, nil
}

func (p *reParser) group() (*re, error) {
	if p.take("?") {
		switch {
		case p.take(":"):
		case p.see("="), p.see("!"), p.see("<="), p.see("<!"):
			return nil, patternError("lookahead and lookbehind are not supported")
		case p.take("<"), p.take("P<"):
			_, rest, ok := strings.Cut(p.text[p.at:], ">")
			if !ok {
				return nil, patternError("a group has no name")
			}
			p.at = len(p.text) - len(rest)
		default:
			return nil, patternError("flags in groups are not supported")
		}
	}
	out, err := p.alternatives()
	if err == nil && !p.take(")") {
		err = patternError("a ) is missing")
	}
	return out, err
}

// class reads up to the closing bracket.
func (p *reParser) class() (class, error) {
	negated := p.take("^")
	if p.see("]") {
		return class{}, patternError("a class is empty")
	}
	out := class{}
	for !p.take("]") {
		if !p.more() {
			return class{}, patternError("a ] is missing")
		}
		if p.see("[:") {
			return class{}, patternError("POSIX classes are not supported")
		}
		low, err := p.member()
		if err != nil {
			return class{}, err
		}
		if p.see("-") && !p.see("-]") {
			p.at++
			if !p.more() {
				return class{}, patternError("a ] is missing")
			}
			high, err := p.member()
			if err != nil {
				return class{}, err
			}
			a, okA := low.single()
			b, okB := high.single()
			if !okA || !okB || a > b {
				return class{}, patternError("a range of a class is out of order")
			}
			low = exact(intersect(runes{{a, b}}, every))
		}
		out = out.with(low)
	}
	if negated {
		out = out.negated()
	}
	return out, nil
}

func (p *reParser) member() (class, error) {
	if p.take(`\`) {
		return p.escape()
	}
	r := p.rune()
	return exact(runes{{r, r}}), nil
}

func (c class) single() (rune, bool) {
	if len(c.sure) != 1 || c.sure[0].lo != c.sure[0].hi || !slices.Equal(c.sure, c.maybe) {
		return 0, false
	}
	return c.sure[0].lo, true
}

func (p *reParser) escape() (class, error) {
	if !p.more() {
		return class{}, patternError(`it ends with \`)
	}
	one := func(r rune) (class, error) { return exact(runes{{r, r}}), nil }
	switch r := p.rune(); r {
	case 'd':
		return digits, nil
	case 'D':
		return digits.negated(), nil
	case 'w':
		return words, nil
	case 'W':
		return words.negated(), nil
	case 's':
		return blanks, nil
	case 'S':
		return blanks.negated(), nil
	case 't':
		return one('\t')
	case 'n':
		return one('\n')
	case 'r':
		return one('\r')
	case 'f':
		return one('\f')
	case 'v':
		return one('\v')
	case 'x':
		return p.hex(2)
	case 'u':
		if p.take("{") {
			code, rest, _ := strings.Cut(p.text[p.at:], "}")
			n, err := strconv.ParseUint(code, 16, 32)
			if err != nil || !utf8.ValidRune(rune(n)) {
				return class{}, patternError(`a \u{…} is no character`)
			}
			p.at = len(p.text) - len(rest)
			return one(rune(n))
		}
		return p.hex(4)
	case 'p', 'P':
		return p.property(r == 'P')
	default:
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return class{}, patternError(fmt.Sprintf(`\%c is not supported`, r))
		}
		return one(r)
	}
}

func (p *reParser) hex(n int) (class, error) {
	if p.at+n > len(p.text) {
		return class{}, patternError("an escape is cut off")
	}
	v, err := strconv.ParseUint(p.text[p.at:p.at+n], 16, 32)
	if err != nil || !utf8.ValidRune(rune(v)) {
		return class{}, patternError("an escape is no character")
	}
	p.at += n
	return exact(runes{{rune(v), rune(v)}}), nil
}

func (p *reParser) property(negated bool) (class, error) {
	if !p.take("{") {
		return class{}, patternError(`\p needs a name in braces`)
	}
	name, rest, ok := strings.Cut(p.text[p.at:], "}")
	p.at = len(p.text) - len(rest)
	_, value, named := strings.Cut(name, "=")
	if !named {
		value = name
	}
	t := unicode.Categories[value]
	if t == nil {
		t = unicode.Scripts[value]
	}
	if t == nil || !ok {
		return class{}, patternError(fmt.Sprintf(`\p{%.40s} is not supported`, name))
	}
	c := exact(table(t))
	if negated {
		c = c.negated()
	}
	return c, nil
}

// nfa is the expression as an automaton with empty steps.
type nfa struct {
	states []nfaState
	visits int // by closure
}

type nfaState struct {
	set   runes // step over one of these to next[0]; else empty steps to all of next
	only  int   // reBegin or reEnd: the empty steps are possible there only; else 0
	next  []int
	final bool
}

func (n *nfa) add(s nfaState) (int, error) {
	if len(n.states) > 4*maxStates {
		return 0, errTooLarge
	}
	n.states = append(n.states, s)
	return len(n.states) - 1, nil
}

// build makes states for e that lead to state to.
func (n *nfa) build(e *re, to int) (int, error) {
	var err error
	switch e.kind {
	case reSet:
		return n.add(nfaState{set: append(runes{}, e.set...), next: []int{to}})
	case reBegin, reEnd:
		return n.add(nfaState{only: e.kind, next: []int{to}})
	case reCat:
		for i := len(e.subs) - 1; i >= 0 && err == nil; i-- {
			to, err = n.build(e.subs[i], to)
		}
		return to, err
	case reAlt:
		s := nfaState{}
		for _, sub := range e.subs {
			at, err := n.build(sub, to)
			if err != nil {
				return 0, err
			}
			s.next = append(s.next, at)
		}
		return n.add(s)
	}
	sub := e.subs[0]
	if e.most < 0 {
		loop, err := n.add(nfaState{next: []int{to}})
		if err != nil {
			return 0, err
		}
		body, err := n.build(sub, loop)
		if err != nil {
			return 0, err
		}
		n.states[loop].next = append(n.states[loop].next, body)
		to = loop
	} else {
		end := to
		for range e.most - e.least {
			body, err := n.build(sub, to)
			if err != nil {
				return 0, err
			}
			if to, err = n.add(nfaState{next: []int{body, end}}); err != nil {
				return 0, err
			}
		}
	}
	for range e.least {
		if to, err = n.build(sub, to); err != nil {
			return 0, err
		}
	}
	return to, nil
}

// closure follows empty steps.
func (n *nfa) closure(from []int, begin, end bool) (states []int, final bool) {
	seen := map[int]bool{}
	work := slices.Clone(from)
	for len(work) > 0 {
		n.visits++
		s := work[len(work)-1]
		work = work[:len(work)-1]
		if seen[s] {
			continue
		}
		seen[s] = true
		st := &n.states[s]
		switch {
		case st.final:
			final = true
		case st.set != nil:
			states = append(states, s)
		case st.only == reBegin && !begin:
		case st.only == reEnd && !end:
			states = append(states, s) // the end may still come
		default:
			work = append(work, st.next...)
		}
	}
	slices.Sort(states)
	return states, final
}

// compilePattern makes the automaton of all texts in which the pattern is found.
func compilePattern(text string, left *budget) (*dfa, error) {
	e, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	n := &nfa{}
	final, _ := n.add(nfaState{final: true})
	start, err := n.build(e, final)
	if err == nil {
		err = left.spend(10 * len(n.states))
	}
	if err != nil {
		return nil, err
	}
	d := &dfa{}
	known := map[string]int{}
	type pending struct {
		id     int
		states []int
	}
	var work []pending
	found := -1
	id := func(from []int, begin bool) int {
		states, final := n.closure(from, begin, false)
		if final { // found already: whatever comes behind
			if found < 0 {
				found = d.add(true)
				d.edges[found] = anyTo(found)
			}
			return found
		}
		_, atEnd := n.closure(states, begin, true)
		if begin {
			_, atEnd = n.closure(from, true, true)
		}
		key := []byte{0}
		if begin {
			key[0] = 1
		}
		for _, s := range states {
			key = binary.AppendUvarint(key, uint64(s))
		}
		to, ok := known[string(key)]
		if !ok {
			to = d.add(atEnd)
			known[string(key)] = to
			work = append(work, pending{to, states})
		}
		return to
	}
	d.start = id([]int{start}, true)
	for len(work) > 0 {
		p := work[len(work)-1]
		work = work[:len(work)-1]
		parts, cost := n.parts(p.states)
		if err := left.spend(cost); err != nil {
			return nil, err
		}
		for _, part := range parts {
			to := []int{start} // it may also begin here
			for _, s := range p.states {
				if st := &n.states[s]; st.set.has(part.lo) {
					to = append(to, st.next[0])
				}
			}
			d.edges[p.id] = append(d.edges[p.id], edge{part, id(to, false)})
			if err := left.spend(len(p.states) + n.visits); err != nil {
				return nil, err
			}
			n.visits = 0
		}
		if len(d.accept) > maxStates {
			return nil, errTooLarge
		}
	}
	return d.tidy(), nil
}

// parts cuts all code points into spans over which the states agree. The cost is in units of budget.
func (n *nfa) parts(states []int) (out []span, cost int) {
	cuts := []rune{0xE000}
	for _, s := range states {
		for _, x := range n.states[s].set {
			cuts = append(cuts, x.lo, x.hi+1)
		}
	}
	cost = len(cuts)
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	from := rune(0)
	for _, c := range append(cuts, unicode.MaxRune+1) {
		if c > from {
			out = append(out, intersect(runes{{from, c - 1}}, every)...)
			from = c
		}
	}
	return out, cost
}
