package jinja

import (
	"strings"
	"time"
)

// Template is a parsed template. It is safe for concurrent use.
type Template struct {
	body   []stmt
	hidden []string
}

// maxSource bounds templates; the largest known is 20 kB.
const maxSource = 1 << 20

// Parse parses a template.
func Parse(source string) (t *Template, err error) {
	if len(source) > maxSource {
		return nil, &Error{Kind: "LimitError", Message: "template is too long"}
	}
	p := &parser{}
	defer catch(&err, func() int { return 0 })
	p.tokens = lex(strings.ToValidUTF8(source, "\uFFFD"))
	body, _ := p.body()
	if p.unknown != nil {
		return nil, p.unknown
	}
	return &Template{body, newSymbols(nil).analyze(body)}, nil
}

// Limits bound one render, so that a template from a hostile model file costs little.
type Limits struct {
	Time   time.Duration
	Steps  int // evaluated expressions and loop iterations
	Memory int // bytes of all values made, freed or not
	Depth  int // of nested macro calls
}

// DefaultLimits leave a factor of hundreds to the most demanding known template with a long conversation.
var DefaultLimits = Limits{Time: 5 * time.Second, Steps: 20_000_000, Memory: 512 << 20, Depth: 200}

// Options are what a render depends on beside its variables.
type Options struct {
	Now    time.Time // what strftime_now tells
	Limits Limits    // zero is DefaultLimits
}

// Render renders the template with the variables in vars.
func (t *Template) Render(vars *Dict, o Options) (out string, err error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	r := &run{out: &strings.Builder{}, now: o.Now, limits: o.Limits, deadline: time.Now().Add(o.Limits.Time)}
	root := &scope{parent: globals}
	vars.Each(func(k, v any) {
		name, _ := text(k)
		root.set(name, v)
	})
	// A template's own variables must not end up among the caller's.
	r.scope = newScope(root, t.hidden)
	defer catch(&err, func() int { return r.line })
	r.block(t.body)
	return r.out.String(), nil
}

// run is one render.
type run struct {
	out      *strings.Builder
	scope    *scope
	line     int // of the statement being executed
	now      time.Time
	limits   Limits
	deadline time.Time
	steps    int
	check    int // the number of steps at which the limits are looked at next
	memory   int
	depth    int
}

// step counts work, and ends the render when it is too much.
func (r *run) step() { r.spend(1) }

// bytesPerStep is how many bytes of copying or searching count as one step.
const bytesPerStep = 64

func (r *run) spend(steps int) {
	r.steps += steps
	if r.steps < r.check {
		return
	}
	r.check = r.steps + 4096
	if r.steps > r.limits.Steps {
		raise("LimitError", "template takes too many steps")
	}
	if time.Now().After(r.deadline) {
		raise("LimitError", "template takes longer than %s", r.limits.Time)
	}
}

// charge counts bytes that are allocated.
func (r *run) charge(n int) {
	if r.memory += n; r.memory > r.limits.Memory || n < 0 {
		raise("LimitError", "template uses too much memory")
	}
	r.spend(n / bytesPerStep)
}

// made counts the bytes of a new string.
func (r *run) made(s string) string {
	r.charge(len(s))
	return s
}

func (r *run) write(s string) {
	r.charge(len(s))
	r.out.WriteString(s)
}

// capture runs f and gives what it wrote.
func (r *run) capture(f func()) string {
	outer := r.out
	r.out = &strings.Builder{}
	f()
	s := r.out.String()
	r.out = outer
	return s
}

// within runs f in a new scope inside parent.
func (r *run) within(parent *scope, hidden []string, f func()) {
	outer := r.scope
	r.scope = newScope(parent, hidden)
	f()
	r.scope = outer
}

// nested counts the depth of calls around f: Go cannot recover from a stack that has grown too far.
func (r *run) nested(f func()) {
	if r.depth++; r.depth > r.limits.Depth {
		raise("RecursionError", "maximum recursion depth exceeded")
	}
	f()
	r.depth--
}

// lazy makes a generator. Generators can be stacked without end, so walking them counts as a call.
func (r *run) lazy(next func() (any, bool)) *generator {
	return &generator{func() (v any, ok bool) {
		r.nested(func() { v, ok = next() })
		return v, ok
	}}
}

// scope holds variables. There are few of them, so a list is faster than a map.
type scope struct {
	names  []string
	values []any
	parent *scope
}

// notYet is the value of a variable that its scope has not assigned.
type notYet struct{}

func newScope(parent *scope, hidden []string) *scope {
	s := &scope{parent: parent}
	for _, name := range hidden {
		s.set(name, notYet{})
	}
	return s
}

func (s *scope) get(name string) (any, bool) {
	for ; s != nil; s = s.parent {
		for i, n := range s.names {
			if n == name {
				_, hidden := s.values[i].(notYet)
				return s.values[i], !hidden
			}
		}
	}
	return nil, false
}

func (s *scope) set(name string, v any) {
	for i, n := range s.names {
		if n == name {
			s.values[i] = v
			return
		}
	}
	s.names, s.values = append(s.names, name), append(s.values, v)
}
