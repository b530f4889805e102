package gbnf

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		grammar string
		yes, no []string
	}{
		{`root ::= "a" | "bc"`, []string{"a", "bc"}, []string{"", "b", "ab", "bcd"}},
		{"root ::= list # a comment\nlist ::= \"(\" list* \")\"", []string{"()", "(()())"}, []string{"(", "())"}},
		{`root ::= [a-c\x31]+ [^a-z]? ("x" | "y" "z"){2,3}`, []string{"a1xyz", "b!xxx"}, []string{"axx9", "ax"}},
		{`root ::= "\u00e9\"\\\n" .{2}`, []string{"é\"\\\n한a"}, []string{"é\"\\\nx"}},
		{"root ::= (\n  \"a\" |\n  \"b\"\n)*", []string{"", "abba"}, []string{"c"}},
		{`root ::= "x"{0,70} "y"{3,}`, []string{"yyy", strings.Repeat("x", 70) + "yyyy"}, []string{strings.Repeat("x", 71) + "yyy", "yy"}},
	} {
		g, err := Parse(tt.grammar, "root")
		if err != nil {
			t.Errorf("%s: %v", tt.grammar, err)
			continue
		}
		for _, text := range tt.yes {
			if ok, n := g.Match(text); !ok {
				t.Errorf("%s refuses %q after %d characters", tt.grammar, text, n)
			}
		}
		for _, text := range tt.no {
			if ok, _ := g.Match(text); ok {
				t.Errorf("%s lets through %q", tt.grammar, text)
			}
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range 50 {
			if text := g.Sample(rnd, i); !first(g.Match(text)) {
				t.Errorf("%s draws %q, which it refuses", tt.grammar, text)
			}
		}
	}
}

func first(ok bool, _ int) bool { return ok }

func TestBroken(t *testing.T) {
	for _, grammar := range []string{
		"", `root`, `root ::= (`, `root ::= "a`, `root ::= [a`, `root ::= b`, `other ::= "a"`, `root ::= "\q"`, `root ::= *`, `root ::= "a"{2,1}`, `root ::= "a"{x}`,
		"root ::= \"a\"\nroot ::= \"b\"", `root ::= root "a" | "b"`, "root ::= a\na ::= b \"x\"\nb ::= \"\" | a", `root ::= ("a"?)*`, `root ::= "a" )`, `root ::= "\x4"`,
	} {
		if _, err := Parse(grammar, "root"); err == nil {
			t.Errorf("%q parses", grammar)
		}
	}
}
