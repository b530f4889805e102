package jsonschema

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// text adds strings.
func (c *compiler) text(rule int, t *typed, q *quoting) error {
	if t.maxLength >= 0 && t.minLength > t.maxLength {
		return nil
	}
	automata, key, err := c.texts(t)
	if err != nil {
		return err
	}
	if len(automata) == 0 && !q.words && (!q.raw || t.minLength > 0 || t.maxLength >= 0) {
		char := c.character
		if q.raw { // a count and the end's text together would be a large automaton: these do without its first character
			char = func() int {
				r := c.rules.new("")
				c.rules.alt(r, oneOf(q.inner()))
				return r
			}
		}
		c.rules.alt(rule, append(append([]sym{q.opening()}, c.rules.many(char(), t.minLength, t.maxLength)...), q.closing()...)...)
		return nil
	}
	rest, err := c.rest(fmt.Sprintf("text %d %d %s", t.minLength, t.maxLength, key), q, func() (*dfa, error) {
		if len(automata) == 0 && t.minLength == 0 && t.maxLength < 0 && !q.words {
			return q.without(), nil
		}
		if len(automata) == 0 {
			automata = append(automata, q.without())
		}
		d, err := narrow(automata, t.minLength, t.maxLength, &c.work)
		if err != nil {
			return nil, err
		}
		return q.narrow(d, &c.work)
	})
	if err != nil {
		n := t.texts[0]
		keyword := "pattern"
		if n.get(keyword) == nil {
			keyword = "format"
		}
		if err := c.unsupported(n, keyword, "'%s' is not permitted together with its length or other patterns: %v.", keyword, err); err != nil {
			return err
		}
		t.texts = nil
		return c.text(rule, t, q)
	}
	c.rules.alt(rule, q.opening(), to(rest))
	return nil
}

// texts compiles the patterns and formats of a set; the key is equal for equal ones.
func (c *compiler) texts(t *typed) (out []*dfa, key string, err error) {
	for _, n := range t.texts {
		if v := n.get("pattern"); v != nil {
			if v.kind != '"' {
				return nil, "", n.fail("pattern", "'pattern' must be a string.")
			}
			d, err := c.pattern(v.text)
			if err != nil {
				if err := c.unsupported(n, "pattern", "'pattern' is not permitted to be '%.80s': %v.", v.text, err); err != nil {
					return nil, "", err
				}
			} else {
				out, key = append(out, d), key+quote(v.text)
			}
		}
		if v := n.get("format"); v != nil && v.kind == '"' {
			if formats[v.text] != "" {
				d, err := formatDFA(v.text)
				if err != nil {
					return nil, "", fmt.Errorf("the format %s: %w", v.text, err) // a mistake of ours; tests compile all of them
				}
				out, key = append(out, d), key+quote(v.text)
			}
		}
	}
	return out, key, nil
}

// pattern compiles a pattern within the budget of the schema.
func (c *compiler) pattern(text string) (*dfa, error) {
	if p, ok := c.patterns[text]; ok {
		return p.dfa, p.err
	}
	if c.states > 20*maxStates {
		return nil, errTooLarge
	}
	d, err := compilePattern(text, &c.work)
	if err == nil {
		c.states += len(d.accept)
	} else {
		c.states += maxStates // what is refused costs as well
	}
	c.patterns[text] = compiled{d, err}
	return d, err
}

// formatDFAs keeps the automata of formats, which take up to 15 ms to make.
var formatDFAs sync.Map

func formatDFA(name string) (*dfa, error) {
	if known, ok := formatDFAs.Load(name); ok {
		return known.(compiled).dfa, known.(compiled).err
	}
	left := budget(wholeBudget)
	d, err := compilePattern(formats[name], &left)
	formatDFAs.Store(name, compiled{d, err})
	return d, err
}

// compiled is a pattern's automaton, or why there is none.
type compiled struct {
	dfa *dfa
	err error
}

// narrow intersects automata and a length, which is left out where they have it already.
func narrow(automata []*dfa, least, most int, work *budget) (*dfa, error) {
	d := automata[0]
	var err error
	for _, other := range automata[1:] {
		if d, err = both(d, other, work); err != nil {
			return nil, err
		}
	}
	if d.start < 0 {
		return d, nil
	}
	if shortest, longest := d.extent(); shortest >= least && (most < 0 || longest >= 0 && longest <= most) {
		return d, nil
	}
	l, err := lengths(least, most)
	if err != nil {
		return nil, err
	}
	return both(d, l, work)
}

// constants accepts texts, with states shared by their ends.
func constants(list []string) *dfa { return texts(list).tidy() }

// character is the rule of one character of a string, in all of JSON's spellings but surrogates
// without a partner.
func (c *compiler) character() int {
	return c.shared("char", func(r int) {
		hex := terminal("[0-9a-fA-F]")
		c.rules.alt(r, oneOf(plain(every)))
		c.rules.alt(r, literal(`\`), terminal(`["\\/bfnrt]`))
		c.rules.alt(r, literal(`\u`), terminal("[0-9a-cA-CeEfF]"), hex.times(3, 3))
		c.rules.alt(r, literal(`\u`), terminal("[dD] [0-7]"), hex.times(2, 2))
		c.rules.alt(r, literal(`\u`), terminal("[dD] [89abAB]"), hex.times(2, 2), literal(`\u`), terminal("[dD] [c-fC-F]"), hex.times(2, 2))
	})
}

// plain is what may stand in a JSON string as it is.
func plain(s runes) runes {
	return intersect(s, not(set(span{0, 0x1f}, span{'"', '"'}, span{'\\', '\\'})))
}

// rest returns the rule of what follows a string's opening quote, the closing one included.
func (c *compiler) rest(key string, q *quoting, make func() (*dfa, error)) (int, error) {
	key = q.key() + key
	if r, ok := c.strings[key]; ok {
		return r, nil
	}
	d, err := make()
	if err != nil {
		return 0, err
	}
	if c.states += len(d.accept); c.states > 20*maxStates {
		return 0, errTooLarge
	}
	r := c.rules.new("")
	if d.start >= 0 {
		step := jsonRunes
		if q.raw {
			step = plainRunes
		}
		if r, err = c.automaton(d, step, q.closing()); err != nil {
			return 0, err
		}
	}
	c.strings[key] = r
	return r, nil
}

// plainRunes writes a step as it is.
func plainRunes(s runes) [][]sym { return [][]sym{{oneOf(s)}} }

var shortEscapes = map[rune]rune{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// jsonRunes writes a step over one character of a string's value. Other control characters are
// written only where nothing else is possible: a model that begins to write \u means another one.
func jsonRunes(s runes) [][]sym {
	var out [][]sym
	p := plain(s)
	if len(p) > 0 {
		out = append(out, []sym{oneOf(p)})
	}
	var short []span
	for r, letter := range shortEscapes {
		if s.has(r) {
			short = append(short, span{letter, letter})
		}
	}
	if len(short) > 0 {
		out = append(out, []sym{literal(`\`), oneOf(set(short...))})
	}
	if len(out) == 0 {
		for _, x := range intersect(s, set(span{0, 0x1f})) {
			for r := x.lo; r <= x.hi; r++ {
				out = append(out, []sym{literal(fmt.Sprintf(`\u%04x`, r))})
			}
		}
	}
	return out
}

// automaton writes an automaton as rules, one for each state that is reached in several ways or goes
// on in several; end closes the text where it is accepted.
func (c *compiler) automaton(d *dfa, step func(runes) [][]sym, end []sym) (int, error) {
	if c.rules.syms += len(d.accept); c.rules.full() {
		return 0, c.tooLarge()
	}
	type way struct {
		to  int
		set runes
	}
	ways := make([][]way, len(d.edges))
	reached := make([]int, len(d.edges))
	for s, edges := range d.edges {
		at := map[int]int{}
		for _, e := range edges {
			i, ok := at[e.to]
			if !ok {
				i = len(ways[s])
				at[e.to] = i
				ways[s] = append(ways[s], way{to: e.to})
				reached[e.to]++
			}
			ways[s][i].set = append(ways[s][i].set, e.span)
		}
	}
	reached[d.start] += 2
	rule := make([]int, len(d.edges))
	for s := range rule {
		rule[s] = -1
	}
	var work []int
	var lead func(s int) []sym // the way on from s: its rule, or what the rule would say
	ruleOf := func(s int) int {
		if rule[s] < 0 {
			rule[s] = c.rules.new("")
			work = append(work, s)
		}
		return rule[s]
	}
	open := func(s int) bool { return len(end) > 0 && !c.quoting.raw && d.free(s) }
	lead = func(s int) []sym {
		if open(s) {
			return []sym{to(c.tail(end))}
		}
		if reached[s] == 1 && len(ways[s]) == 1 && !d.accept[s] {
			if parts := step(ways[s][0].set); len(parts) == 1 {
				return append(slices.Clone(parts[0]), lead(ways[s][0].to)...)
			}
		}
		if reached[s] == 1 && len(ways[s]) == 0 {
			return slices.Clone(end)
		}
		return []sym{to(ruleOf(s))}
	}
	first := ruleOf(d.start)
	for len(work) > 0 {
		s := work[len(work)-1]
		work = work[:len(work)-1]
		if open(s) {
			c.rules.alt(rule[s], to(c.tail(end)))
			continue
		}
		for _, w := range ways[s] {
			for _, part := range step(w.set) {
				c.rules.alt(rule[s], append(slices.Clone(part), lead(w.to)...)...)
			}
		}
		if d.accept[s] {
			c.rules.alt(rule[s], end...)
		}
		if c.rules.full() {
			return 0, c.tooLarge()
		}
	}
	return first, nil
}

// tail is any text up to the closing quote.
func (c *compiler) tail(end []sym) int {
	return c.shared("tail", func(r int) {
		c.rules.alt(r, append([]sym{to(c.character()).times(0, -1)}, end...)...)
	})
}

// formats are the formats of the specification as patterns, each a subset that every validator takes.
var formats = func() map[string]string {
	const (
		year  = `(?:[1-9]\d{3}|0[1-9]\d\d|00[1-9]\d|000[1-9])`
		leap  = `(?:(?:[1-9]\d|\d[1-9])(?:0[48]|[2468][048]|[13579][26])|00(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26]|0[48])00)`
		clock = `(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)`
		date  = year + `-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|` + leap + `-02-29`
		octet = `(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
		group = `[0-9a-fA-F]{1,4}`
		// Labels have up to 47 characters and single hyphens inside.
		label = `(?:[A-Za-z0-9]-?){0,23}[A-Za-z0-9]`
		host  = label + `(?:\.` + label + `){0,4}`
		email = `(?:[A-Za-z0-9_+-]\.?){0,30}[A-Za-z0-9_]@(?:` + label + `\.){1,3}[A-Za-z]{2,12}`
		path  = `(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})*)*`
		query = `(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*)?(?:#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*)?`
		uri   = `(?:https?|ftp|wss?)://` + host + `(?::[1-9]\d{0,3})?` + path + query + `|mailto:` + email + `|urn:[a-z][a-z0-9]{1,30}:[A-Za-z0-9._:-]{1,100}`
		n     = `\d{1,9}`
		hms   = `T(?:` + n + `H(?:` + n + `M(?:` + n + `S)?)?|` + n + `M(?:` + n + `S)?|` + n + `S)`
		ymd   = `(?:` + n + `Y(?:` + n + `M(?:` + n + `D)?)?|` + n + `M(?:` + n + `D)?|` + n + `D)`
		steps = `(?:/(?:[^~/]|~[01])*)*`
	)
	six := []string{`(?:` + group + `:){7}` + group, `::`}
	for left := 0; left <= 6; left++ {
		for right := 0; left+right <= 6; right++ {
			if left+right == 0 {
				continue
			}
			six = append(six, strings.TrimSuffix(strings.Repeat(group+":", left), ":")+"::"+strings.TrimSuffix(strings.Repeat(group+":", right), ":"))
		}
	}
	out := map[string]string{
		"date": date, "time": clock, "date-time": `(?:` + date + `)T` + clock, "duration": `P(?:` + ymd + `(?:` + hms + `)?|` + hms + `|` + n + `W)`,
		"email": email, "idn-email": email, "hostname": host, "idn-hostname": host,
		"ipv4": octet + `(?:\.` + octet + `){3}`, "ipv6": strings.Join(six, "|"),
		"uri": uri, "iri": uri, "uri-reference": uri + "|" + path + query, "iri-reference": uri + "|" + path + query, "uri-template": uri,
		"uuid":         `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`,
		"json-pointer": steps, "relative-json-pointer": `(?:0|[1-9]\d{0,8})(?:#|` + steps + `)`,
		"regex": `[A-Za-z0-9 _,;:=@#%&/<>-]*`,
	}
	for name, pattern := range out {
		out[name] = "^(?:" + pattern + ")$"
	}
	return out
}()
