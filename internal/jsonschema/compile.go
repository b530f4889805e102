package jsonschema

import (
	"math"
	"math/big"
	"slices"
	"strconv"
)

// Options change how a schema is read.
type Options struct {
	// Lenient leaves out what a grammar cannot express instead of refusing it: the grammar then lets
	// through more than the schema, and Grammar.Ignored says what was left out.
	Lenient bool
	// Notation is how values are written where that is not JSON.
	Notation Notation
}

// Grammar is a schema as a grammar.
type Grammar struct {
	GBNF    string   // its root is Root
	Ignored []string // keywords that were left out, each with its place
}

// Root is the name of the grammars' root rule.
const Root = "root"

// maxEffort bounds how many conditions are looked at for one schema.
const maxEffort = 400_000

// AnyObject is the schema of JSON mode: an object of anything.
const AnyObject = `{"type":"object"}`

// Compile makes the grammar of a schema. Errors are *Error.
func Compile(schema []byte, o Options) (Grammar, error) {
	g := newRules()
	root := g.new(Root)
	ignored, err := compileInto(g, root, schema, o)
	if err != nil {
		return Grammar{}, err
	}
	text := g.text(root)
	if text == "" {
		return Grammar{}, impossible()
	}
	return Grammar{GBNF: text, Ignored: ignored}, nil
}

func impossible() *Error {
	return &Error{Whole: true, Reason: "no JSON value satisfies the schema."}
}

// compileInto makes a schema's rules, of which rule is the first, and returns what was left out.
func compileInto(g *rules, rule int, schema []byte, o Options) ([]string, error) {
	c, err := newCompiler(schema, o)
	if err != nil {
		return nil, err
	}
	c.rules = g
	outer := &c.quoting
	if p := o.Notation.Parameters; p != nil {
		outer = &quoting{parameters: p}
	}
	if err := c.fill(rule, conj{{c.root, whole}}, outer); err != nil {
		return nil, err
	}
	// Rules that others refer to may lead to more.
	for len(c.todo) > 0 {
		t := c.todo[0]
		c.todo = c.todo[1:]
		if err := c.fill(t.rule, t.set, t.quoting); err != nil {
			return nil, err
		}
	}
	return c.ignored, nil
}

// compiler makes the rules of one schema.
type compiler struct {
	o        Options
	root     *node
	rules    *rules
	places   map[string]int // rules by the conditions that they satisfy
	todo     []task
	checked  map[int]bool
	ignored  []string
	effort   int
	strings  map[string]int // rules of what follows a string's opening quote
	states   int            // of all automata
	patterns map[string]compiled
	work     budget // left for automata
	quoting  quoting
}

// task is a rule to be written.
type task struct {
	rule    int
	set     conj
	quoting *quoting
}

func newCompiler(schema []byte, o Options) (*compiler, error) {
	root, err := parse(schema)
	if err != nil {
		return nil, err
	}
	return &compiler{o: o, root: root, places: map[string]int{}, checked: map[int]bool{}, strings: map[string]int{}, patterns: map[string]compiled{}, work: wholeBudget,
		quoting: o.Notation.strings()}, nil
}

func (c *compiler) tooLarge() error {
	return &Error{Whole: true, Reason: "the schema is too large or too entangled to be followed while the model writes. Make it smaller."}
}

// unsupported refuses what a grammar cannot express, or takes note of it.
func (c *compiler) unsupported(n *node, keyword, format string, args ...any) error {
	err := n.fail(keyword, format, args...)
	if !c.o.Lenient {
		return err
	}
	if note := keyword + " in " + context(err.Path); !slices.Contains(c.ignored, note) {
		c.ignored = append(c.ignored, note)
	}
	return nil
}

// beyond are the keywords that no grammar of ours expresses.
var beyond = []string{
	"not", "if", "dependentSchemas", "dependentRequired", "dependencies", "patternProperties", "unevaluatedProperties",
	"unevaluatedItems", "contains", "$dynamicRef", "$recursiveRef",
}

// known checks a schema's keywords once.
func (c *compiler) known(n *node) error {
	if c.checked[n.id] {
		return nil
	}
	c.checked[n.id] = true
	for _, keyword := range beyond {
		v := n.get(keyword)
		if v == nil || v.kind == '{' && len(v.names) == 0 && (keyword == "patternProperties" || keyword[0] == 'd') {
			continue
		}
		if keyword == "if" && n.get("then") == nil && n.get("else") == nil || v.kind == 't' && keyword[0] == 'u' {
			continue
		}
		if err := c.unsupported(n, keyword, "'%s' is not permitted: it cannot be followed while the model writes.", keyword); err != nil {
			return err
		}
	}
	return nil
}

// types is a set of JSON types; a number is an integer or has a fraction.
type types int

const (
	typeNull types = 1 << iota
	typeBoolean
	typeInteger
	typeFraction
	typeString
	typeArray
	typeObject
	typeAll = typeObject<<1 - 1
)

var typeNames = map[string]types{
	"null": typeNull, "boolean": typeBoolean, "integer": typeInteger, "number": typeInteger | typeFraction,
	"string": typeString, "array": typeArray, "object": typeObject,
}

// impliedBy says of which type a schema without one is when it has such a keyword.
var impliedBy = []struct {
	types    types
	keywords []string
}{
	{typeObject, []string{"properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties"}},
	{typeArray, []string{"items", "prefixItems", "minItems", "maxItems", "uniqueItems"}},
	{typeString, []string{"pattern", "minLength", "maxLength", "format"}},
	{typeInteger | typeFraction, []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
}

// typed is what a set without unions says, put together.
type typed struct {
	types     types
	constants []*node // nil without const and enum
	numbers   interval
	steps     []*node // schemas with multipleOf

	minLength, maxLength int     // -1 is no limit, here and below
	texts                []*node // schemas with pattern or format
	minItems, maxItems   int
	minMembers           int
	maxMembers           int
	required             []string
}

// typed puts a set's keywords together. Constants are those that satisfy all of them.
func (c *compiler) typed(set conj) (*typed, error) {
	t := &typed{types: typeAll, maxLength: -1, maxItems: -1, maxMembers: -1}
	var implied types
	stated := false
	var constants []*node
	for _, it := range set {
		n := it.schema
		own, err := typesOf(n)
		if err != nil {
			return nil, err
		}
		if own != 0 {
			t.types, stated = t.types&own, true
		}
		for _, i := range impliedBy {
			if slices.ContainsFunc(i.keywords, func(k string) bool { return n.get(k) != nil }) {
				implied |= i.types
			}
		}
		if err := t.bounds(n); err != nil {
			return nil, err
		}
		if v := n.get("const"); v != nil && constants == nil {
			constants = []*node{v}
		}
		if v := n.get("enum"); v != nil {
			if v.kind != '[' || len(v.values) == 0 {
				return nil, n.fail("enum", "'enum' must be an array with one value at least.")
			}
			if constants == nil {
				constants = v.values
			}
		}
	}
	if !stated && implied != 0 && constants == nil {
		t.types = implied
	}
	if constants != nil {
		t.constants = []*node{}
		for _, v := range constants {
			ok := true
			for _, it := range set {
				if ok && !c.satisfiesOwn(v, it.schema, 0) {
					ok = false
				}
			}
			if ok {
				t.constants = append(t.constants, v)
			}
		}
	}
	return t, nil
}

// typesOf is what a schema's own `type` allows; 0 when it says nothing.
func typesOf(n *node) (types, error) {
	v := n.get("type")
	if v == nil {
		return 0, nil
	}
	list := []*node{v}
	if v.kind == '[' {
		list = v.values
	}
	var out types
	for _, one := range list {
		t := typeNames[one.text]
		if one.kind != '"' || t == 0 {
			return 0, n.fail("type", "'%.40s' is not valid under any of the given types: use string, number, integer, boolean, object, array or null.", string(appendJSON(nil, one)))
		}
		out |= t
	}
	if out == 0 {
		return 0, n.fail("type", "'type' is an empty array.")
	}
	if v := n.get("nullable"); v != nil && v.kind == 't' {
		out |= typeNull
	}
	return out, nil
}

// bounds adds a schema's limits.
func (t *typed) bounds(n *node) error {
	for _, b := range []struct {
		keyword string
		to      *int
		least   bool
	}{
		{"minLength", &t.minLength, true}, {"maxLength", &t.maxLength, false}, {"minItems", &t.minItems, true},
		{"maxItems", &t.maxItems, false}, {"minProperties", &t.minMembers, true}, {"maxProperties", &t.maxMembers, false},
	} {
		v, given, err := count(n, b.keyword)
		if err != nil {
			return err
		}
		if given && (b.least && v > *b.to || !b.least && (*b.to < 0 || v < *b.to)) {
			*b.to = v
		}
	}
	if err := t.interval(n); err != nil {
		return err
	}
	if n.get("multipleOf") != nil {
		if step, err := number64(n, "multipleOf"); err != nil {
			return err
		} else if step.Sign() <= 0 {
			return n.fail("multipleOf", "'multipleOf' must be greater than 0.")
		}
		t.steps = append(t.steps, n)
	}
	if n.get("pattern") != nil || n.get("format") != nil {
		t.texts = append(t.texts, n)
	}
	if list := n.get("required"); list != nil && list.kind == '[' {
		for _, v := range list.values {
			if v.kind != '"' {
				return n.fail("required", "'required' must be an array of strings.")
			}
			t.required = append(t.required, v.text)
		}
	}
	return nil
}

func (t *typed) interval(n *node) error {
	for _, b := range []struct {
		keyword, open string
		bound         func(*big.Rat, bool)
	}{{"minimum", "exclusiveMinimum", t.numbers.above}, {"maximum", "exclusiveMaximum", t.numbers.below}} {
		open := n.get(b.open)
		flag := open != nil && (open.kind == 't' || open.kind == 'f') // as draft 4 and OpenAPI 3.0 have it
		if n.get(b.keyword) != nil {
			v, err := number64(n, b.keyword)
			if err != nil {
				return err
			}
			b.bound(v, flag && open.kind == 't')
		}
		if open != nil && !flag {
			v, err := number64(n, b.open)
			if err != nil {
				return err
			}
			b.bound(v, true)
		}
	}
	return nil
}

// number64 is a keyword's number.
func number64(n *node, keyword string) (*big.Rat, error) {
	v := n.get(keyword)
	if v.kind != '0' {
		return nil, n.fail(keyword, "'%s' must be a number.", keyword)
	}
	return v.rat(), nil
}

// count is a keyword's whole number that is not negative.
func count(n *node, keyword string) (v int, given bool, err error) {
	m := n.get(keyword)
	if m == nil || m.kind == 'n' {
		return 0, false, nil
	}
	if m.kind == '0' {
		if r := m.rat(); r.IsInt() && r.Sign() >= 0 {
			if i := r.Num(); i.IsInt64() && i.Int64() < math.MaxInt32 {
				return int(i.Int64()), true, nil
			}
			return math.MaxInt32, true, nil
		}
	}
	return 0, false, n.fail(keyword, "'%s' must be a whole number that is not negative.", keyword)
}

// place returns the rule of a set of conditions.
func (c *compiler) place(set conj) int { return c.placeAs(set, &c.quoting) }

// placeAs is place for a value whose strings are written in a way of their own.
func (c *compiler) placeAs(set conj, q *quoting) int {
	key := q.close + set.key()
	if r, ok := c.places[key]; ok {
		return r
	}
	r := c.rules.new("")
	c.places[key] = r
	c.todo = append(c.todo, task{r, set, q})
	return r
}

// fill writes the alternatives of a set.
func (c *compiler) fill(rule int, set conj, q *quoting) error {
	if c.rules.full() {
		return c.tooLarge()
	}
	other := rule // of what is no string
	if q.before != "" {
		other = c.rules.new("")
		c.rules.alt(rule, literal(q.before), to(other), literal(q.close))
	}
	sets, err := c.alternatives(set)
	if err != nil {
		return err
	}
	if q, err = c.apart(q, sets); err != nil {
		return err
	}
	var texts, others []string
	for _, set := range sets {
		t, err := c.typed(set)
		if err != nil {
			return err
		}
		for _, v := range t.constants {
			if v.kind == '"' {
				texts = append(texts, v.text)
			} else {
				others = append(others, c.constant(v))
			}
		}
		if t.constants != nil {
			continue
		}
		if t.types&typeString != 0 && q.parameters == nil {
			if err := c.text(rule, t, q); err != nil {
				return err
			}
		}
		if err := c.write(other, set, t, q); err != nil {
			return err
		}
	}
	for _, s := range unique(others) {
		c.rules.alt(other, literal(q.word(s)))
	}
	if len(texts) > 0 {
		rest, err := c.rest("enum "+strconv.Quote(string(set.key())), q, func() (*dfa, error) { return q.narrow(constants(texts), &c.work) })
		if err != nil {
			return c.tooLarge()
		}
		c.rules.alt(rule, q.opening(), to(rest))
	}
	return nil
}

// write adds what each type of a set but strings allows.
func (c *compiler) write(rule int, set conj, t *typed, q *quoting) error {
	g := c.rules
	if t.types&typeObject != 0 {
		if err := c.object(rule, set, t, q.parameters); err != nil {
			return err
		}
	}
	if q.parameters != nil {
		return nil // nothing else is arguments
	}
	if t.types&typeArray != 0 {
		if err := c.array(rule, set, t); err != nil {
			return err
		}
	}
	if t.types&(typeInteger|typeFraction) != 0 {
		if err := c.number(rule, t); err != nil {
			return err
		}
	}
	if t.types&typeBoolean != 0 {
		g.alt(rule, literal(q.word("true")))
		g.alt(rule, literal(q.word("false")))
	}
	if t.types&typeNull != 0 {
		g.alt(rule, literal(q.word("null")))
	}
	return nil
}

// shared is a rule that is written once.
func (c *compiler) shared(name string, write func(rule int)) int {
	r, ok := c.rules.shared[name]
	if !ok {
		r = c.rules.new(name)
		c.rules.shared[name] = r
		write(r)
	}
	return r
}

// space is the white space that may stand behind an opening bracket or a comma, and before a closing one.
func (c *compiler) space() sym {
	return to(c.shared("sp", func(r int) {
		c.rules.alt(r)
		if c.o.Notation.Bare {
			return
		}
		c.rules.alt(r, literal(" "))
		c.rules.alt(r, literal("\n"), terminal(`" "`).times(0, 24))
		c.rules.alt(r, literal("\n"), terminal(`"\x09"`).times(1, 8))
	}))
}

// number adds numbers.
func (c *compiler) number(rule int, t *typed) error {
	fractions := t.types&typeFraction != 0
	if t.numbers.empty() {
		return nil
	}
	if !t.numbers.bounded() && len(t.steps) == 0 {
		whole := c.shared("integer", func(r int) {
			c.rules.alt(r, literal("-").times(0, 1), literal("0"))
			c.rules.alt(r, literal("-").times(0, 1), oneOf(set(span{'1', '9'})), oneOf(set(span{'0', '9'})).times(0, plainDigits-1))
		})
		if !fractions {
			c.rules.alt(rule, to(whole))
			return nil
		}
		part := c.shared("fraction", func(r int) {
			c.rules.alt(r, literal("."), oneOf(set(span{'0', '9'})).times(1, plainDigits))
		})
		exponent := c.shared("exponent", func(r int) {
			c.rules.alt(r, terminal("[eE]"), terminal(`[+\x2D]`).times(0, 1), oneOf(set(span{'0', '9'})).times(1, 2))
		})
		c.rules.alt(rule, to(whole), to(part).times(0, 1), to(exponent).times(0, 1))
		return nil
	}
	var step *big.Rat
	kept := t.steps
	for _, n := range t.steps {
		step = common(step, n.get("multipleOf").rat())
	}
	d, err := numbers(t.numbers, step, fractions, &c.work)
	for err != nil && len(kept) > 0 {
		if err := c.unsupported(kept[0], "multipleOf", "'multipleOf' is not permitted to be %.40s here: %v.", kept[0].get("multipleOf").text, err); err != nil {
			return err
		}
		kept = nil
		d, err = numbers(t.numbers, nil, fractions, &c.work)
	}
	if err != nil {
		return c.tooLarge()
	}
	if d.start < 0 {
		return nil
	}
	first, err := c.automaton(d, plainRunes, nil)
	if err != nil {
		return err
	}
	c.rules.alt(rule, to(first))
	return nil
}

// common is the least common multiple.
func common(a, b *big.Rat) *big.Rat {
	if a == nil {
		return b
	}
	// lcm(p/q, r/s) = lcm(p, r) / gcd(q, s) in lowest terms.
	p, r := a.Num(), b.Num()
	gcd := new(big.Int).GCD(nil, nil, p, r)
	lcm := new(big.Int).Mul(new(big.Int).Div(p, gcd), r)
	return new(big.Rat).SetFrac(lcm, new(big.Int).GCD(nil, nil, a.Denom(), b.Denom()))
}
