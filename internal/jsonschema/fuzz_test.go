package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine/echo/gbnf"
)

// FuzzCompile holds that whatever is sent as a schema becomes a grammar that parses and lets through
// only what satisfies the schema, or an *Error.
func FuzzCompile(f *testing.F) {
	for _, s := range features {
		f.Add(s.schema, uint64(1))
	}
	f.Fuzz(func(t *testing.T, schema string, seed uint64) {
		if strings.Contains(schema, "nullable") || strings.Contains(schema, "$id") || strings.Contains(schema, "$schema") || strings.Contains(schema, "$anchor") {
			t.Skip("the reference reads these by other rules: OpenAPI's nullable, other drafts, moved references")
		}
		for _, lenient := range []bool{false, true} {
			g, err := Compile([]byte(schema), Options{Lenient: lenient})
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			if err != nil || len(g.GBNF) > 200_000 {
				continue
			}
			m := mustParse(t, g.GBNF)
			if !lenient {
				sampleAll(t, schema, m, 12, seed)
			}
		}
	})
}

// FuzzRandomSchema does the same with schemas that are put together from what is supported, so that
// nearly all of them are valid, satisfiable and entangled.
func FuzzRandomSchema(f *testing.F) {
	for i := range uint64(40) {
		f.Add(i)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := maker{rand.New(rand.NewPCG(seed, 2))}
		root := m.schema(3)
		if root, ok := root.(map[string]any); ok {
			root["$defs"] = map[string]any{"a": m.schema(2), "b": m.schema(2), "c": m.schema(1)}
		}
		text, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		g, err := Compile(text, Options{})
		var e *Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("%s: %T: %v", text, err, err)
			}
			return
		}
		sampleAll(t, string(text), mustParse(t, g.GBNF), 20, seed)
	})
}

// maker puts schemas together.
type maker struct{ *rand.Rand }

func (m maker) pick(list ...any) any { return list[m.IntN(len(list))] }

func (m maker) schema(depth int) any {
	kinds := 11
	if depth <= 0 {
		kinds = 6
	}
	s := map[string]any{}
	switch m.IntN(kinds) {
	case 0:
		s["type"] = m.pick("integer", "number")
		m.maybe(s, "minimum", m.IntN(200)-100, float64(m.IntN(2000)-1000)/100)
		m.maybe(s, "exclusiveMaximum", m.IntN(2000), float64(m.IntN(2000)))
		m.maybe(s, "multipleOf", 1, 2, 3, 5, 7, 10, 0.1, 0.25, 2.5)
	case 1:
		s["type"] = "string"
		m.maybe(s, "minLength", m.IntN(4))
		m.maybe(s, "maxLength", 3+m.IntN(90))
		m.maybe(s, "pattern", "^[a-z]+$", "a|b", "^x?[^0-9]*$", `\d{2}`, "^(ab|cd)*$", `^\S+\s\w$`, ".")
	case 2:
		s["type"] = "string"
		s["format"] = m.pick("date", "time", "date-time", "uuid", "email", "ipv4", "ipv6", "hostname", "uri", "duration", "json-pointer", "unknown")
	case 3:
		s["enum"] = []any{m.pick("a", "b", 1, 2.5), m.pick("c", nil, true), map[string]any{"p": m.pick(1, "x")}, []any{1, "a"}}
	case 4:
		s["type"] = []any{m.pick("string", "integer"), m.pick("null", "boolean", "array")}
	case 5:
		return m.pick(true, map[string]any{}, map[string]any{"const": m.pick("k", 0, "")}, map[string]any{"$ref": "#/$defs/" + m.pick("a", "b", "c").(string)})
	case 6, 7:
		s["type"] = "object"
		props := map[string]any{}
		for range m.IntN(4) {
			props[m.pick("p", "q", "r", "a b", "é").(string)] = m.schema(depth - 1)
		}
		s["properties"] = props
		m.maybe(s, "required", []any{"p"}, []any{"q", "p"}, []any{"z"})
		m.maybe(s, "additionalProperties", false, true, m.schema(depth-1))
		m.maybe(s, "minProperties", 1, 2)
		m.maybe(s, "maxProperties", 2, 3, 5)
		m.maybe(s, "propertyNames", map[string]any{"pattern": "^[a-z ]"}, map[string]any{"maxLength": 3}, map[string]any{"enum": []any{"p", "q", "y"}})
	case 8:
		s["type"] = "array"
		m.maybe(s, "items", m.schema(depth-1), false)
		m.maybe(s, "prefixItems", []any{m.schema(depth - 1), m.schema(depth - 1)})
		m.maybe(s, "minItems", 1, 3)
		m.maybe(s, "maxItems", 3, 70)
	case 9:
		s[m.pick("anyOf", "oneOf", "allOf").(string)] = []any{m.schema(depth - 1), m.schema(depth - 1)}
		m.maybe(s, "type", "object", "string")
	case 10:
		s["anyOf"] = []any{m.schema(depth - 1), map[string]any{"$ref": "#/$defs/a"}, map[string]any{"type": "null"}}
		m.maybe(s, "allOf", []any{m.schema(depth - 1)})
	}
	return s
}

func (m maker) maybe(s map[string]any, keyword string, values ...any) {
	if m.IntN(3) == 0 {
		s[keyword] = m.pick(values...)
	}
}

// FuzzPattern compares automata of patterns with Go's own engine, on texts that they accept.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{"^a+b?$", "a|^b", "[^a-c]x", `^\w+\.\d{1,3}$`, `^(?:x|yz){2,}$`, `\s`, `^$`, "^.{3}$", `[\]\-a]`, "(a$|b)*c", "^^a", "$a", "a{,3}", "x{2}y{0}", `\u0041\x42`, `\p{L}`} {
		f.Add(p, uint64(1))
	}
	f.Fuzz(func(t *testing.T, pattern string, seed uint64) {
		left := budget(wholeBudget)
		d, err := compilePattern(pattern, &left)
		if err != nil || d.start < 0 {
			return
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return // escapes of ECMA 262 that Go does not know
		}
		rnd := rand.New(rand.NewPCG(seed, 3))
		for range 10 {
			var text []rune
			for s := d.start; len(text) < 200; {
				if len(d.edges[s]) == 0 || d.accept[s] && rnd.IntN(4) == 0 {
					if d.accept[s] && !re.MatchString(string(text)) {
						t.Fatalf("%q: the automaton accepts %q", pattern, string(text))
					}
					break
				}
				e := d.edges[s][rnd.IntN(len(d.edges[s]))]
				text, s = append(text, e.lo+rnd.Int32N(min(e.hi-e.lo+1, 1+rnd.Int32N(1000)))), e.to
			}
		}
	})
}

// TestNumbers compares the automata of bounded numbers with arithmetic, on all short texts.
func TestNumbers(t *testing.T) {
	var all []string
	for i := range 2400 {
		for _, sign := range []string{"", "-"} {
			whole := fmt.Sprint(i)
			all = append(all, sign+whole)
			if i < 160 {
				for _, part := range []string{".0", ".5", ".25", ".50", ".05", ".1", ".9", ".001", ".999"} {
					all = append(all, sign+whole+part)
				}
			}
		}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		s := map[string]any{"type": []any{"integer", "number"}[rnd.IntN(2)]}
		bound := func() any {
			if rnd.IntN(2) == 0 {
				return rnd.IntN(400) - 200
			}
			return float64(rnd.IntN(40000)-20000) / 100
		}
		m := maker{rnd}
		m.maybe(s, "minimum", bound())
		m.maybe(s, "maximum", bound())
		m.maybe(s, "exclusiveMinimum", bound())
		m.maybe(s, "exclusiveMaximum", bound())
		m.maybe(s, "multipleOf", 1, 2, 7, 12, 0.5, 0.05, 1.5, 10)
		if len(s) == 1 {
			continue
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		c, err := newCompiler(text, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var g *gbnf.Grammar
		if out, err := Compile(text, Options{}); err == nil {
			g = mustParse(t, out.GBNF)
		}
		for _, number := range all {
			v := &node{kind: '0', text: number}
			want := c.satisfies(v, c.root, 0)
			c.effort = 0
			if s["type"] == "integer" && strings.Contains(number, ".") || strings.HasPrefix(number, "-0") && strings.Trim(number, "-0.") == "" {
				want = false // whole numbers are written without a point, and there is no -0
			}
			if m := s["multipleOf"]; m != nil && want && strings.Contains(number, ".") {
				continue // zeros behind the last place of the step are not written
			}
			got := false
			if g != nil {
				got, _ = g.Match(number)
			}
			if got != want {
				t.Fatalf("%s lets through %s: %v, want %v", text, number, got, want)
			}
		}
	}
}
