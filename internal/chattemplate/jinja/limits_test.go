package jinja_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/chattemplate/jinja"
)

// limits are small enough for a test and far above what it needs to work at all.
var limits = jinja.Limits{Time: 2 * time.Second, Steps: 1_000_000, Memory: 32 << 20, Depth: 100}

// TestLimits runs templates that a hostile model file could carry. Each has to end soon, with an error.
func TestLimits(t *testing.T) {
	loops := strings.Repeat("{% for x in range(99999) %}", 4) + strings.Repeat("{% endfor %}", 4)
	for name, source := range map[string]string{
		"nested loops":                    loops,
		"nested loops, output":            strings.Replace(loops, "{% endfor %}", "x{% endfor %}", 1),
		"endless recursion":               "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"mutual recursion":                "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
		"recursive loop":                  "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
		"doubling string":                 "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		"doubling by join":                "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] | join %}{% endfor %}",
		"doubling by format":              "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}",
		"doubling by str.format":          "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = '{0}{0}'.format(ns.s) %}{% endfor %}",
		"doubling by replace":             "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s.replace('x', 'xx') %}{% endfor %}",
		"doubling list":                   "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		"doubling by block":               "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set t %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = t %}{% endfor %}",
		"repeated string":                 "{{ 'x' * 10000000000 }}",
		"repeated list":                   "{{ [1] * 10000000000 }}",
		"width":                           "{{ '%1000000000d' % 1 }}",
		"width of format":                 "{{ '{:1000000000}'.format(1) }}",
		"center":                          "{{ 'x'.center(1000000000) }}",
		"zfill":                           "{{ 'x'.zfill(1000000000) }}",
		"expandtabs":                      "{{ '\t\t\t'.expandtabs(1000000000) }}",
		"indent":                          "{{ 'a\nb' | indent(1000000000) }}",
		"json indent":                     "{{ [[[1]]] | tojson(indent=1000000000) }}",
		"batch fill":                      "{{ [1] | batch(1000000000, 'x') | list }}",
		"power":                           "{{ 10 ** (10 ** 10) }}",
		"large numbers":                   "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
		"range":                           "{{ range(10000000000) | list }}",
		"list that doubles when printed":  "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
		"list that doubles in json":       "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
		"lists that double when compared": "{% set a = namespace(l=[1]) %}{% set b = namespace(l=[1]) %}{% for i in range(60) %}{% set a.l = [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}",
		"tuples that double as key":       "{% set ns = namespace(l=(1,)) %}{% for i in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}",
		"deep list":                       "{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
		"deep list in json":               "{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l | tojson }}",
		"deep list compared":              "{% set a = namespace(l=[]) %}{% set b = namespace(l=[]) %}{% for i in range(5000) %}{% set a.l = [a.l] %}{% set b.l = [b.l] %}{% endfor %}{{ a.l == b.l }}",
		"namespace in itself":             "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
		"stacked generators":              "{% set ns = namespace(g=[1]) %}{% for i in range(5000) %}{% set ns.g = ns.g | map('string') %}{% endfor %}{{ ns.g | list }}",
		"generator of itself":             "{% set ns = namespace(g=[1]) %}{% set ns.g = ns.g | map('string') %}{% for i in range(5000) %}{% set ns.g = [ns.g, ns.g] | map('list') %}{% endfor %}{{ ns.g | list | length }}",
		"nested parentheses":              "{{ " + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000) + " }}",
		"nested lists":                    "{{ " + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + " }}",
		"many nots":                       "{{ " + strings.Repeat("not ", 100000) + "1 }}",
		"many signs":                      "{{ " + strings.Repeat("-", 100000) + "1 }}",
		"nested ifs":                      strings.Repeat("{% if 1 %}", 100000) + strings.Repeat("{% endif %}", 100000),
		"nested targets":                  "{% set " + strings.Repeat("(", 100000) + "a" + strings.Repeat(")", 100000) + " = 1 %}",
		"long source":                     strings.Repeat("x", 2<<20),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			tmpl, err := jinja.Parse(source)
			if err == nil {
				_, err = tmpl.Render(jinja.NewDict(), jinja.Options{Limits: limits})
			}
			var e *jinja.Error
			if !errors.As(err, &e) {
				t.Errorf("got %v, want an error", err)
			} else if e.Kind == "InternalError" {
				t.Errorf("the interpreter broke: %v", err)
			}
			if took := time.Since(start); took > limits.Time+time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestSlowTemplateEnds(t *testing.T) {
	// Searching long strings: few steps, much work.
	source := "{% set s = 'ab' * 3000000 %}{% for i in range(99999) %}{% if 'ba ' in s or s.find('zz') > 0 or s == s ~ 'x' %}{% endif %}{% endfor %}"
	tmpl, err := jinja.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = tmpl.Render(jinja.NewDict(), jinja.Options{Limits: jinja.Limits{Time: 200 * time.Millisecond, Steps: math.MaxInt, Memory: math.MaxInt, Depth: 100}})
	if err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("got %v after %s, want an error after 200 ms", err, time.Since(start))
	}
}

// TestValuesAreShared renders concurrently from one conversation; the race detector watches.
func TestValuesAreShared(t *testing.T) {
	v, err := jinja.DecodeJSON([]byte(`{"m": [{"a": 1, "b": [1, 2]}, {"a": 2}]}`))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := jinja.Parse("{% set x = m | list %}{% for i in x | reverse %}{{ i.a }}{{ i | tojson }}{% set i = {} %}{% endfor %}{{ m | map(attribute='a') | sum }}")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	for range 4 {
		go func() {
			out := ""
			for range 50 {
				out, _ = tmpl.Render(v.(*jinja.Dict), jinja.Options{})
			}
			done <- out
		}()
	}
	for range 4 {
		if got, want := <-done, `2{"a": 2}1{"a": 1, "b": [1, 2]}3`; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, x := range features(f) {
		f.Add(x.Source)
	}
	vars, err := jinja.DecodeJSON([]byte(`{"x": 1, "s": "a한", "l": [1, "b", null], "d": {"k": {"z": [1.5]}}, "messages": [{"role": "user", "content": "Hi"}]}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := jinja.Parse(source)
		if err == nil {
			_, err = tmpl.Render(vars.(*jinja.Dict), jinja.Options{Limits: jinja.Limits{Time: time.Second, Steps: 200_000, Memory: 8 << 20, Depth: 50}})
		}
		var e *jinja.Error
		if errors.As(err, &e) && e.Kind == "InternalError" {
			t.Fatalf("the interpreter broke: %v", err)
		}
	})
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a": [1, 2.5, -0, 1e400, null, true, "\ud83d\ude00"], "a": 2}`, `[]`, `12345678901234567890`, `"`, `{"a"`, `1 2`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := jinja.DecodeJSON(data)
		if err != nil {
			return
		}
		text := jinja.EncodeJSON(v)
		again, err := jinja.DecodeJSON([]byte(text))
		if strings.Contains(text, "Infinity") { // Python's JSON, which is none
			return
		}
		if err != nil || jinja.EncodeJSON(again) != text {
			t.Fatalf("%q becomes %q, then %v", data, text, err)
		}
	})
}
