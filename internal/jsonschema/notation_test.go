package jsonschema

import (
	"math/rand/v2"
	"strings"
	"testing"
)

var xml = Notation{Parameters: &Parameters{Before: "<p=", Text: ">\n", Other: ">\n", After: "\n</p>\n"}}

var bare = Notation{Quote: `<|"|>`, Bare: true}

func TestNotation(t *testing.T) {
	typed := Notation{Parameters: &Parameters{Before: "<p ", Text: " string>", Other: " other>", After: "</p>"}}
	for _, tt := range []struct {
		name     string
		notation Notation
		schema   string
		yes, no  []string
	}{
		{"parameters", xml, `{"type":"object","properties":{"a":{"type":"string"},"n":{"type":"integer"},"l":{"type":"array","items":{"type":"string"}}},"required":["a"]}`,
			[]string{"<p=a>\nhi\n</p>\n", "<p=a>\n\"x\"\n</x>\n</p>\n<p=n>\n7\n</p>\n", "<p=a>\n\n</p>\n<p=l>\n[\"a\", \"</p>\"]\n</p>\n"},
			[]string{"", "{}", "<p=n>\n7\n</p>\n", "<p=a>\na</p>b\n</p>\n", "<p=a>\nx\n</p>\n<p=n>\nseven\n</p>\n", "<p=a>\nx"}},
		{"values by kind", typed, `{"type":"object","properties":{"a":{"anyOf":[{"type":"string","minLength":2,"maxLength":3},{"type":"null"}]},"e":{"enum":["on",1]}}}`,
			[]string{"", "<p a string>on</p>", "<p a other>null</p>", "<p e string>on</p>", "<p a other>null</p><p e other>1</p>"},
			[]string{"<p a other>on</p>", "<p a string>o</p>", "<p a string>long</p>", "<p e string>1</p>", "<p e other>on</p>", "<p a string>null</p>"}},
		{"patterns and lengths", xml, `{"type":"object","properties":{"d":{"type":"string","format":"date"},"p":{"type":"string","pattern":"^<[a-z]*","maxLength":6}}}`,
			[]string{"<p=d>\n2024-02-29\n</p>\n", "<p=p>\n<p\n</p>\n", "<p=p>\n<abc/>\n</p>\n"},
			[]string{"<p=d>\n2023-02-29\n</p>\n", "<p=p>\np\n</p>\n", "<p=p>\n<abcdef\n</p>\n"}},
		{"Python's words", Notation{Parameters: &Parameters{Before: "<p=", Text: ">", Other: ">", After: "</p>", Python: true}},
			`{"type":"object","properties":{"b":{"type":["boolean","null"]},"e":{"enum":[true,"true",1]},"l":{"type":"array","items":{"type":"boolean"}}}}`,
			[]string{"<p=b>True</p>", "<p=b>None</p><p=e>True</p>", "<p=e>1</p><p=l>[true]</p>"}, []string{"<p=b>true</p>", "<p=e>true</p>", "<p=e>False</p>", "<p=l>[True]</p>"}},
		{"other members", xml, `{"type":"object","additionalProperties":{"type":"boolean"}}`, []string{"", "<p=x>\ntrue\n</p>\n<p=y-2>\nfalse\n</p>\n"}, []string{"<p=>\ntrue\n</p>\n", "<p=x y>\ntrue\n</p>\n", "<p=x>\n1\n</p>\n"}},
		{"anything", xml, `{"type":"object","properties":{"a":{}}}`, []string{"<p=a>\n{\"b\": 1}\n</p>\n", "<p=a>\nwords\n</p>\n"}, nil},
		{"bare", bare, `{"type":"object","properties":{"a":{"type":"string"},"o":{"type":"object","properties":{"k":{"type":"array","items":{"type":"string"}}},"additionalProperties":{"type":"number"}},"c":{"const":{"x":["y",1]}}}}`,
			[]string{"{}", `{a:<|"|>say "hi"` + "\n" + `<|"|>}`, `{a:<|"|><|"|>,o:{k:[<|"|>x<|"|>,<|"|><|<|"|>],z9:1.5}}`, `{c:{x:[<|"|>y<|"|>,1]}}`},
			[]string{`{"a":"x"}`, `{a:x}`, `{a: <|"|>x<|"|>}`, `{a:<|"|>x<|"|>y<|"|>}`, `{o:{k z:1}}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Arguments(Function{Name: "f", Parameters: []byte(tt.schema)}, Options{Notation: tt.notation})
			if err != nil {
				t.Fatal(err)
			}
			m := mustParse(t, g.GBNF)
			for _, text := range tt.yes {
				if ok, n := m.Match(text); !ok {
					t.Errorf("refuses %q after %d\n%s", text, n, g.GBNF)
				}
			}
			for _, text := range tt.no {
				if ok, _ := m.Match(text); ok {
					t.Errorf("lets through %q\n%s", text, g.GBNF)
				}
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			for i := range 100 {
				text := m.Sample(rnd, i)
				if p := tt.notation.Parameters; p != nil && strings.Count(text, p.Before) < strings.Count(text, "\n</p>\n<p=") {
					t.Errorf("draws %q", text)
				}
				if q := tt.notation.Quote; q != "" && strings.Count(text, q)%2 != 0 {
					t.Errorf("a string holds what ends it: %q", text)
				}
			}
		})
	}
	for _, n := range []Notation{xml, bare} {
		f := Function{Name: "f", Parameters: []byte(`{"type":"object","properties":{"a b>":{"type":"string"}}}`)}
		if _, err := Arguments(f, Options{Notation: n}); err == nil || !strings.Contains(err.Error(), "the name 'a b>' is not permitted") {
			t.Errorf("a name that cannot be written: %v", err)
		}
		if g, err := Arguments(f, Options{Notation: n, Lenient: true}); err != nil || len(g.Ignored) != 1 {
			t.Errorf("left out: %v, %v", g.Ignored, err)
		}
	}
}

func TestMembers(t *testing.T) {
	named, rest := Members([]byte(`{"type":"object","$defs":{"s":{"type":"string"}},"properties":{"s":{"$ref":"#/$defs/s"},"n":{"type":["integer","null"]},"e":{"enum":["1",2]},"u":{"anyOf":[{"type":"string"},{"type":"array"}]},"x":{},"b":{"const":true}},"additionalProperties":{"type":"number"}}`))
	for name, want := range map[string]Kinds{"s": String, "n": Number | Null, "e": String | Number, "u": String | Array, "x": AnyKind, "b": Boolean} {
		if named[name] != want {
			t.Errorf("%s is of %b, want %b", name, named[name], want)
		}
	}
	if rest != Number {
		t.Errorf("others are of %b", rest)
	}
	if named, rest := Members([]byte(`nonsense`)); named != nil || rest != AnyKind {
		t.Errorf("nonsense: %v, %b", named, rest)
	}
}
