package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// features has a schema per keyword and what its grammar must and must not let through.
var features = []struct {
	name, schema string
	yes, no      []string
}{
	{"any", `true`, []string{`1`, `"a"`, `[]`, `{"a":{"b":[1,null,true]}}`, `{ "a": 1 }`, "[\n  1,\n  2\n]", `-0.5e-10`, `"\ud83d\ude00"`}, []string{``, ` 1`, `1 `, `01`, `{"a"}`, `"\ud83d"`, `[1,]`, "{\n\n}", "[1\n,2]"}},
	{"JSON mode", AnyObject, []string{`{}`, `{"a":"b"}`, "{\n    \"a\": [1, 2, {\"b\": null}]\n}", "{\n\t\"a\": 1\n}"}, []string{`[]`, `1`, `{"a":1`, "{" + strings.Repeat(" ", 30) + "}"}},
	{"types", `{"type":["string","null"]}`, []string{`"x"`, `null`}, []string{`1`, `true`}},
	{"nullable", `{"type":"object","properties":{"a":{"type":"integer","minimum":0}},"required":["a"]}`, []string{`{"a":0}`}, []string{`{"a":-1}`, `{}`, `{"a":1,"b":2}`}},
	{"integer", `{"type":"integer"}`, []string{`0`, `-0`, `7`, `-12`, `123456789012345`}, []string{`1.5`, `00`, `1e3`, `1234567890123456`, `"1"`}},
	{"number", `{"type":"number"}`, []string{`0`, `1.5`, `-2.25e+10`, `1E5`}, []string{`.5`, `1.`, `1e999`}},
	{"minimum", `{"type":"integer","minimum":7}`, []string{`7`, `10`, `99999`}, []string{`6`, `-7`, `0`}},
	{"range", `{"type":"integer","minimum":-128,"maximum":127}`, []string{`-128`, `-1`, `0`, `127`, `99`}, []string{`-129`, `128`, `1000`, `-0`}},
	{"exclusive", `{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10}`, []string{`1`, `9`}, []string{`0`, `10`, `11`}},
	{"exclusive of draft 4", `{"type":"number","minimum":0,"exclusiveMinimum":true,"maximum":1,"exclusiveMaximum":false}`, []string{`0.1`, `1`, `1.0`, `0.000001`}, []string{`0`, `0.0`, `1.01`, `2`}},
	{"decimals", `{"type":"number","minimum":-1.5,"maximum":2.25}`, []string{`-1.5`, `-1.49`, `0`, `2.25`, `2.2`, `2.249`, `2.250`}, []string{`-1.51`, `-2`, `2.26`, `2.2501`, `3`}},
	{"large bounds", `{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}`, []string{`9223372036854775807`, `-9223372036854775808`, `0`}, []string{`9223372036854775808`, `92233720368547758070`}},
	{"multipleOf", `{"type":"integer","multipleOf":5,"minimum":0,"maximum":100}`, []string{`0`, `5`, `95`, `100`}, []string{`3`, `101`, `105`}},
	{"multipleOf cents", `{"type":"number","multipleOf":0.01,"minimum":0}`, []string{`0`, `1.5`, `12.34`, `12.30`}, []string{`0.001`, `1.234`}},
	{"multipleOf halves", `{"type":"number","multipleOf":2.5}`, []string{`0`, `2.5`, `5`, `5.0`, `-7.5`, `10`}, []string{`1`, `2.4`, `3`}},
	{"multipleOf of integers", `{"type":"integer","multipleOf":1.5}`, []string{`3`, `6`, `-9`}, []string{`1`, `2`, `4`}},
	{"multipleOf 1 of numbers", `{"type":"number","multipleOf":1}`, []string{`3`}, []string{`1.5`}},
	{"enum", `{"enum":["red","green",1,null,{"a":[1]},true]}`, []string{`"red"`, `"green"`, `1`, `null`, `{"a":[1]}`, `true`}, []string{`"blue"`, `2`, `"re"`}},
	{"enum with a type", `{"type":"string","enum":["a","b",3]}`, []string{`"a"`, `"b"`}, []string{`3`}},
	{"const", `{"const":"a\"\\\n\u0001é"}`, []string{`"a\"\\\n\u0001é"`}, []string{`"a"`}},
	{"length", `{"type":"string","minLength":2,"maxLength":4}`, []string{`"ab"`, `"한국어"`, `"a\nbc"`, `"\u00e9\u00e9"`}, []string{`"a"`, `"abcde"`, `""`}},
	{"large length", `{"type":"string","minLength":100,"maxLength":5000}`, []string{`"` + strings.Repeat("x", 100) + `"`, `"` + strings.Repeat("x", 5000) + `"`, `"` + strings.Repeat("x", 4097) + `"`}, []string{`"` + strings.Repeat("x", 99) + `"`, `"` + strings.Repeat("x", 5001) + `"`}},
	{"pattern", `{"type":"string","pattern":"^[A-Z]{2}-\\d{3,4}$"}`, []string{`"AB-123"`, `"ZZ-0000"`}, []string{`"AB-12"`, `"ab-123"`, `"AB-12345"`, `"xAB-123"`}},
	{"pattern without anchors", `{"type":"string","pattern":"ab+c"}`, []string{`"abc"`, `"xx abbbc yy"`, `"\"abc"`}, []string{`"ac"`, `""`}},
	{"pattern with alternatives", `{"type":"string","pattern":"^(foo|bar)$|^x"}`, []string{`"foo"`, `"bar"`, `"x"`, `"xyz"`}, []string{`"foox"`, `"yx"`}},
	{"pattern and length", `{"type":"string","pattern":"^a*b*$","minLength":2,"maxLength":3}`, []string{`"ab"`, `"aab"`, `"bbb"`}, []string{`"a"`, `"ba"`, `"aabb"`}},
	{"two patterns", `{"allOf":[{"type":"string","pattern":"^a"},{"pattern":"z$"}]}`, []string{`"az"`, `"a..z"`}, []string{`"a"`, `"z"`, `"az."`}},
	{"pattern with quotes", `{"type":"string","pattern":"^[\"\\\\]+$"}`, []string{`"\"\\"`}, []string{`"a"`}},
	{"pattern of classes", `{"type":"string","pattern":"^\\w+\\s\\S+\\D$"}`, []string{`"ab cd!"`}, []string{`"ab cd1"`, `"ab  "`}},
	{"pattern of properties", `{"type":"string","pattern":"^\\p{Lu}\\p{L}*$"}`, []string{`"Éa"`}, []string{`"1"`, `"a"`}},
	{"date", `{"type":"string","format":"date"}`, []string{`"2024-02-29"`, `"1999-12-31"`, `"2000-02-29"`, `"2023-01-31"`, `"2023-04-30"`}, []string{`"2023-02-29"`, `"1900-02-29"`, `"2023-04-31"`, `"2023-13-01"`, `"0000-01-01"`}},
	{"time", `{"type":"string","format":"time"}`, []string{`"23:59:59Z"`, `"00:00:00.123+09:00"`}, []string{`"24:00:00Z"`, `"12:00"`}},
	{"date-time", `{"type":"string","format":"date-time"}`, []string{`"2024-01-25T12:00:00Z"`, `"2024-01-25T12:00:00.5-08:00"`}, []string{`"2024-01-25"`, `"2024-01-25 12:00:00Z"`}},
	{"duration", `{"type":"string","format":"duration"}`, []string{`"P1D"`, `"PT1H30M"`, `"P3Y6M4DT12H30M5S"`, `"P2W"`}, []string{`"P"`, `"PT"`, `"1D"`}},
	{"uuid", `{"type":"string","format":"uuid","maxLength":36}`, []string{`"123e4567-e89b-12d3-a456-426614174000"`}, []string{`"123e4567"`}},
	{"email", `{"type":"string","format":"email"}`, []string{`"ann@example.com"`, `"a.b+c@mail.example.co.uk"`}, []string{`"ann"`, `"@example.com"`, `"a@b"`, `".a@example.com"`}},
	{"hostname", `{"type":"string","format":"hostname"}`, []string{`"example.com"`, `"localhost"`, `"a-b.c"`}, []string{`"-a"`, `"a-"`, `"a..b"`}},
	{"ipv4", `{"type":"string","format":"ipv4"}`, []string{`"127.0.0.1"`, `"255.255.255.255"`}, []string{`"256.1.1.1"`, `"1.2.3"`, `"01.2.3.4"`}},
	{"ipv6", `{"type":"string","format":"ipv6"}`, []string{`"::1"`, `"2001:db8::8a2e:370:7334"`, `"1:2:3:4:5:6:7:8"`, `"::"`, `"fe80::"`}, []string{`"1:2:3"`, `":::"`, `"1::2::3"`}},
	{"uri", `{"type":"string","format":"uri"}`, []string{`"https://example.com/a/b?c=d#e"`, `"http://localhost:8080"`, `"mailto:ann@example.com"`}, []string{`"example.com"`, `"http://"`, `"http://a b"`}},
	{"array", `{"type":"array","items":{"type":"integer"}}`, []string{`[]`, `[1]`, `[1, 2,3]`, "[\n 1,\n 2\n]"}, []string{`["a"]`, `[1 ,2]`, `[1,]`}},
	{"array bounds", `{"type":"array","items":{"type":"null"},"minItems":2,"maxItems":3}`, []string{`[null,null]`, `[null,null,null]`}, []string{`[]`, `[null]`, `[null,null,null,null]`}},
	{"array of one", `{"type":"array","items":{"type":"null"},"minItems":1,"maxItems":1}`, []string{`[null]`}, []string{`[]`, `[null,null]`}},
	{"array of none", `{"type":"array","maxItems":0}`, []string{`[]`}, []string{`[1]`}},
	{"large array", `{"type":"array","items":{"const":0},"minItems":70,"maxItems":300}`, []string{"[0" + strings.Repeat(",0", 69) + "]", "[0" + strings.Repeat(",0", 299) + "]"}, []string{"[0" + strings.Repeat(",0", 68) + "]", "[0" + strings.Repeat(",0", 300) + "]"}},
	{"prefixItems", `{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":{"type":"boolean"}}`, []string{`[]`, `["a"]`, `["a",1]`, `["a",1,true,false]`}, []string{`[1]`, `["a",1,2]`}},
	{"tuple", `{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false,"minItems":2}`, []string{`["a",1]`}, []string{`["a"]`, `["a",1,2]`}},
	{"tuple of draft 7", `{"type":"array","items":[{"type":"string"}],"additionalItems":false}`, []string{`[]`, `["a"]`}, []string{`["a",1]`}},
	{"uniqueItems of one", `{"type":"array","items":{"const":1},"uniqueItems":true,"maxItems":1}`, []string{`[1]`}, nil},
	{"optional properties", `{"type":"object","properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"required":["b"]}`, []string{`{"b":2}`, `{"a":1,"b":2}`, `{"b":2,"c":3}`, `{"a": 1, "b": 2, "c": 3}`}, []string{`{}`, `{"a":1}`, `{"b":2,"a":1}`, `{"a":1,"b":2,"c":3,"d":4}`, `{"b":2,}`}},
	{"all optional", `{"type":"object","properties":{"a":{"const":1},"b":{"const":2}}}`, []string{`{}`, `{"a":1}`, `{"b":2}`, `{"a":1,"b":2}`}, []string{`{"a":1,"a":1}`, `{,"a":1}`}},
	{"additional", `{"type":"object","properties":{"ab":{"type":"integer"}},"additionalProperties":{"type":"string"}}`, []string{`{}`, `{"ab":1,"x":"y"}`, `{"a":"y"}`, `{"abc":"y","":"z"}`}, []string{`{"ab":"y"}`, `{"x":1}`, `{"ab":1,"ab":"x"}`}},
	{"closed", `{"type":"object","additionalProperties":false}`, []string{`{}`}, []string{`{"a":1}`}},
	{"required without schema", `{"type":"object","required":["a"]}`, []string{`{"a":[1]}`}, []string{`{}`}},
	{"propertyNames", `{"type":"object","propertyNames":{"enum":["x","y"]},"additionalProperties":{"type":"integer"}}`, []string{`{}`, `{"x":1}`, `{"y":1,"x":2}`}, []string{`{"z":1}`}},
	{"propertyNames by pattern", `{"type":"object","properties":{"ab":true},"propertyNames":{"pattern":"^a","maxLength":3},"additionalProperties":{"type":"integer"}}`, []string{`{"ab":null,"abc":1}`, `{"a":1}`}, []string{`{"b":1}`, `{"abcd":1}`}},
	{"minProperties", `{"type":"object","properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"minProperties":2}`, []string{`{"a":1,"b":2}`, `{"b":2,"c":3}`, `{"a":1,"b":2,"c":3}`}, []string{`{}`, `{"a":1}`}},
	{"maxProperties", `{"type":"object","additionalProperties":{"type":"integer"},"minProperties":1,"maxProperties":2}`, []string{`{"a":1}`, `{"a":1,"b":2}`}, []string{`{}`, `{"a":1,"b":2,"c":3}`}},
	{"ref", `{"$ref":"#/$defs/n","$defs":{"n":{"type":"integer"}}}`, []string{`1`}, []string{`"a"`}},
	{"ref with siblings", `{"$ref":"#/definitions/n","maximum":5,"definitions":{"n":{"type":"integer","minimum":3}}}`, []string{`3`, `5`}, []string{`2`, `6`}},
	{"ref with escapes", `{"$ref":"#/$defs/a~1b%20c","$defs":{"a/b c":{"const":1}}}`, []string{`1`}, nil},
	{"recursion", `{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false}`, []string{`{"v":1,"next":null}`, `{"v":1,"next":{"v":2,"next":null}}`}, []string{`{"v":1}`, `{"v":1,"next":{}}`}},
	{"recursion that starts nowhere", `{"anyOf":[{"$ref":"#"},{"const":1}]}`, []string{`1`}, []string{`2`}},
	{"optional property without a value", `{"type":"object","properties":{"a":false,"b":{"const":1}}}`, []string{`{}`, `{"b":1}`}, []string{`{"a":1}`}},
	{"anyOf", `{"anyOf":[{"type":"string","maxLength":1},{"type":"integer"},{"type":"object","properties":{"k":{"const":"a"}},"required":["k"]}]}`, []string{`"x"`, `1`, `{"k":"a"}`}, []string{`"xy"`, `null`, `{"k":"b"}`}},
	{"anyOf with siblings", `{"type":"string","anyOf":[{"pattern":"^a"},{"maxLength":1}]}`, []string{`"abc"`, `"x"`}, []string{`"xy"`}},
	{"oneOf by type", `{"oneOf":[{"type":"string"},{"type":"null"}]}`, []string{`"a"`, `null`}, []string{`1`}},
	{"oneOf by constants", `{"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"}},"required":["kind","x"]},{"type":"object","properties":{"kind":{"const":"b"}},"required":["kind"]}]}`, []string{`{"kind":"a","x":1}`, `{"kind":"b"}`}, []string{`{"kind":"a"}`, `{"kind":"c"}`}},
	{"oneOf by bounds", `{"oneOf":[{"type":"integer","maximum":3},{"type":"integer","minimum":4}]}`, []string{`3`, `4`}, nil},
	{"allOf", `{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"string"},"a":{"minimum":5}},"required":["b"]}]}`, []string{`{"a":5,"b":"x"}`}, []string{`{"a":4,"b":"x"}`, `{"a":5}`}},
	{"allOf with closed parts", `{"allOf":[{"type":"object","properties":{"a":{"const":1},"b":{"const":2}},"additionalProperties":false},{"properties":{"a":true},"additionalProperties":{"type":"integer"}}]}`, []string{`{"a":1,"b":2}`, `{"b":2}`}, []string{`{"c":1}`}},
	{"without a type", `{"properties":{"a":{"type":"string"}},"required":["a"]}`, []string{`{"a":"x"}`}, []string{`1`}},
	{"annotations", `{"type":"string","title":"t","description":"d","default":1,"examples":[],"deprecated":true,"x-mine":{},"format":"password"}`, []string{`"x"`}, nil},
}

func TestFeatures(t *testing.T) {
	for _, f := range features {
		t.Run(f.name, func(t *testing.T) {
			g := mustCompile(t, f.schema)
			s := reference(t, f.schema)
			if s == nil && !strings.Contains(f.name, "of draft") {
				t.Error("the schema is not one")
			}
			for _, text := range f.yes {
				if ok, n := g.Match(text); !ok {
					t.Errorf("refuses %.200s after %d characters", text, n)
				}
			}
			for _, text := range f.no {
				if ok, _ := g.Match(text); ok {
					t.Errorf("lets through %.200s", text)
				}
			}
			sampleAll(t, f.schema, g, 60, 1)
		})
	}
}

// TestRealSchemas has schemas as programs send them, with answers that they must get.
func TestRealSchemas(t *testing.T) {
	data, err := os.ReadFile("testdata/real.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		Schema json.RawMessage
		Yes    []json.RawMessage
		No     []json.RawMessage
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 10 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			g := mustCompile(t, string(c.Schema))
			for _, text := range c.Yes {
				if ok, n := g.Match(string(text)); !ok {
					t.Errorf("refuses after %d characters: %s", n, text)
				}
			}
			for _, text := range c.No {
				if ok, _ := g.Match(string(text)); ok {
					t.Errorf("lets through %s", text)
				}
			}
			sampleAll(t, string(c.Schema), g, 80, 2)
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ name, schema, keyword, text string }{
		{"no JSON", `{`, "", "is not JSON"},
		{"two values", `{} {}`, "", "more than one"},
		{"not a schema", `7`, "", "must be an object or a boolean"},
		{"not", `{"type":"object","properties":{"a":{"not":{"type":"string"}}}}`, "not", "In context=('properties', 'a'), 'not' is not permitted"},
		{"if", `{"if":{"type":"string"},"then":{"minLength":3}}`, "if", "In context=(), 'if'"},
		{"patternProperties", `{"type":"object","patternProperties":{"^a":{}}}`, "patternProperties", "'patternProperties' is not permitted"},
		{"unevaluatedProperties", `{"type":"object","unevaluatedProperties":false}`, "unevaluatedProperties", ""},
		{"dependentRequired", `{"type":"object","dependentRequired":{"a":["b"]}}`, "dependentRequired", ""},
		{"contains", `{"type":"array","contains":{"const":1}}`, "contains", ""},
		{"uniqueItems", `{"type":"array","items":{"type":"string"},"uniqueItems":true}`, "uniqueItems", ""},
		{"lookahead", `{"type":"string","pattern":"^(?=a)b"}`, "pattern", "lookahead"},
		{"reference back", `{"type":"string","pattern":"(a)\\1"}`, "pattern", `\1 is not supported`},
		{"border", `{"type":"string","pattern":"\\bword"}`, "pattern", `\b is not supported`},
		{"broken pattern", `{"type":"string","pattern":"(a"}`, "pattern", "missing"},
		{"huge pattern", `{"type":"string","pattern":"^((a{1,900}b{1,900}){1,900}){1,900}$"}`, "pattern", "too large"},
		{"wide pattern", `{"type":"string","pattern":"(a|b)*a(a|b){20}"}`, "pattern", "too large"},
		{"overlapping oneOf", `{"oneOf":[{"type":"integer"},{"type":"number"}]}`, "oneOf", "members 0 and 1 may hold together"},
		{"remote ref", `{"$ref":"https://example.com/schema"}`, "$ref", "must point into this schema"},
		{"lost ref", `{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}}}`, "$ref", "there is nothing at '#/$defs/b'"},
		{"unknown type", `{"type":"text"}`, "type", `'"text"' is not valid`},
		{"bad enum", `{"enum":[]}`, "enum", "one value at least"},
		{"bad bound", `{"type":"integer","minimum":"1"}`, "minimum", "must be a number"},
		{"bad length", `{"type":"string","maxLength":-1}`, "maxLength", "not negative"},
		{"bad multipleOf", `{"type":"integer","multipleOf":0}`, "multipleOf", "greater than 0"},
		{"large multipleOf", `{"type":"integer","multipleOf":7919}`, "multipleOf", "too large"},
		{"minProperties", `{"type":"object","additionalProperties":true,"minProperties":3}`, "minProperties", "could repeat"},
		{"nothing", `false`, "", "no JSON value"},
		{"nothing by types", `{"allOf":[{"type":"string"},{"type":"integer"}]}`, "", "no JSON value"},
		{"nothing by enum", `{"type":"string","enum":[1]}`, "", "no JSON value"},
		{"endless", `{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`, "", "no JSON value"},
		{"huge number", `{"type":"number","maximum":1e99999}`, "", "too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Compile([]byte(tt.schema), Options{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v\n%.500s", err, g.GBNF)
			}
			if e.Keyword != tt.keyword || !strings.Contains(e.Error(), tt.text) {
				t.Errorf("keyword %q: %s", e.Keyword, e)
			}
		})
	}
}

func TestLenientLeavesOut(t *testing.T) {
	for schema, ignored := range map[string]string{
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"},"uniqueItems":true}},"required":["a"]}`: "uniqueItems in ('properties', 'a')",
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"},"not":{"const":1}}},"required":["a"]}`:  "not in ('properties', 'a')",
	} {
		g, err := Compile([]byte(schema), Options{Lenient: true})
		if err != nil || len(g.Ignored) != 1 || g.Ignored[0] != ignored {
			t.Errorf("%s: ignored %q, %v", schema, g.Ignored, err)
			continue
		}
		m := mustParse(t, g.GBNF)
		if ok, _ := m.Match(`{"a":[1,1]}`); !ok {
			t.Errorf("%s refuses what only the ignored keyword forbids", schema)
		}
		if ok, _ := m.Match(`{"a":["x"]}`); ok {
			t.Errorf("%s lets through what the rest forbids", schema)
		}
	}
	for _, schema := range []string{
		`{"type":"string","pattern":"^(?=a)b"}`, `{"type":"integer","multipleOf":7919}`, `{"oneOf":[{"type":"integer"},{"type":"number"}]}`,
		`{"type":"object","additionalProperties":true,"minProperties":3}`, `{"type":"string","pattern":"(a|b)*a(a|b){20}"}`, `{"type":"string","pattern":"^(ab)*$","maxLength":100000}`,
	} {
		g, err := Compile([]byte(schema), Options{Lenient: true})
		if err != nil || len(g.Ignored) == 0 {
			t.Errorf("%s: %v, ignored %q", schema, err, g.Ignored)
		}
	}
}

// TestHostileSchemas holds that schemas made to be expensive are answered soon, with a grammar of
// bounded size or an error.
func TestHostileSchemas(t *testing.T) {
	nest := func(open, inner, end string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	var doubling, many, optional, product strings.Builder
	doubling.WriteString(`{"$ref":"#/$defs/d0","$defs":{"end":{"const":1}`)
	for i := range 60 {
		next := "end"
		if i < 59 {
			next = "d" + string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10))
		}
		name := "d" + string(rune('0'+i/10)) + string(rune('0'+i%10))
		if i == 0 {
			name = "d0"
		}
		doubling.WriteString(`,"` + name + `":{"anyOf":[{"$ref":"#/$defs/` + next + `"},{"type":"array","items":{"$ref":"#/$defs/` + next + `"}}]}`)
	}
	doubling.WriteString(`}}`)
	many.WriteString(`{"enum":[""`)
	for i := range 20000 {
		fmt.Fprintf(&many, `,"%s %d"`, strings.Repeat(string(rune('a'+i%26)), i%7), i)
	}
	many.WriteString(`]}`)
	optional.WriteString(`{"type":"object","minProperties":1500,"properties":{"p":true`)
	for i := range 3000 {
		optional.WriteString(`,"` + string(rune('가'+i)) + `":{}`)
	}
	optional.WriteString(`}}`)
	product.WriteString(`{"allOf":[true`)
	for i := range 40 {
		product.WriteString(`,{"anyOf":[{"minimum":` + string(rune('1'+i%9)) + `},{"maxLength":` + string(rune('1'+i%9)) + `},{"required":["` + string(rune('a'+i)) + `"]}]}`)
	}
	product.WriteString(`]}`)
	var hard, manyNames strings.Builder
	hard.WriteString(`{"type":"object","properties":{"x":{}`)
	for i := range 300 {
		fmt.Fprintf(&hard, `,"p%d":{"type":"string","pattern":"(a|b)*a(\\p{L}|b){%d}c"}`, i, 5+i%40)
		fmt.Fprintf(&hard, `,"n%d":{"type":"integer","multipleOf":%d}`, i, 900+i)
	}
	hard.WriteString(`}}`)
	for i := range 15000 {
		fmt.Fprintf(&manyNames, `,"name %d"`, i)
	}
	for name, schema := range map[string]string{
		"deep":               nest(`{"type":"array","items":`, `{}`, `}`, 5000),
		"deep allOf":         nest(`{"allOf":[`, `{}`, `]}`, 5000),
		"doubling":           doubling.String(),
		"many constants":     many.String(),
		"optional":           optional.String(),
		"product of anyOf":   product.String(),
		"length":             `{"type":"string","minLength":2000000000,"maxLength":2147483647}`,
		"items":              `{"type":"array","minItems":100000000,"maxItems":2000000000}`,
		"long bounds":        `{"type":"number","minimum":` + strings.Repeat("9", 300) + `,"maximum":1e999}`,
		"tiny steps":         `{"type":"number","multipleOf":1e-300}`,
		"steps":              `{"type":"number","multipleOf":9973,"minimum":1,"maximum":1e15}`,
		"patterns":           `{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"pattern":"^(a|ab|b)*.{0,50}[^c]{0,90}$"},`, 500), ",") + `]}`,
		"alternations":       `{"pattern":"` + strings.Repeat("(a|b|", 400) + strings.Repeat(")", 400) + `"}`,
		"many steps":         `{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"properties":{"a":{"multipleOf":997},"b":{"multipleOf":991}}},`, 300), ",") + `]}`,
		"many hard patterns": hard.String(),
		"many required":      `{"required":["a"` + manyNames.String() + `]}`,
		"self":               `{"allOf":[{"$ref":"#"},{"$ref":"#"}],"enum":[{"a":[1]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			g, err := Compile([]byte(schema), Options{})
			t.Logf("%v, %d bytes, %v", time.Since(start).Round(time.Millisecond), len(g.GBNF), err)
			if time.Since(start) > 10*time.Second {
				t.Error("took far too long")
			}
			if err == nil && len(g.GBNF) > 3<<20 {
				t.Errorf("the grammar has %d bytes", len(g.GBNF))
			}
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Errorf("%T: %v", err, err)
			}
		})
	}
}

func TestFormatsCompile(t *testing.T) {
	for name, pattern := range formats {
		left := budget(wholeBudget)
		d, err := compilePattern(pattern, &left)
		if err != nil || d.start < 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		t.Logf("%s: %d states", name, len(d.accept))
		sampleAll(t, `{"type":"string","format":"`+name+`"}`, mustCompile(t, `{"type":"string","format":"`+name+`"}`), 150, 3)
	}
}

// TestOneWay holds that grammars of common schemas leave few ways open at a time: llama.cpp follows
// all of them for each token.
func TestOneWay(t *testing.T) {
	const schema = `{"type":"object","properties":{"date":{"type":"string","format":"date"},"color":{"enum":["red","rose","ruby","green"]},"n":{"type":"integer","minimum":10,"maximum":2000},"s":{"type":"string"}},"required":["date","color","n","s"],"additionalProperties":false}`
	s := mustCompile(t, schema).Start()
	for i, r := range `{"date":"2024-02-29","color":"ruby","n":1999,"s":"x y"}` {
		if !s.Step(r) {
			t.Fatalf("refused at %d", i)
		}
		if s.Ways() > 8 {
			t.Errorf("%d ways after %d characters", s.Ways(), i+1)
		}
	}
}

// BenchmarkCompile makes the grammars of the schemas in testdata, as every request does.
func BenchmarkCompile(b *testing.B) {
	data, err := os.ReadFile("testdata/real.json")
	if err != nil {
		b.Fatal(err)
	}
	var cases []struct {
		Name   string
		Schema json.RawMessage
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		b.Fatal(err)
	}
	for _, c := range append(cases, struct {
		Name   string
		Schema json.RawMessage
	}{"uri", json.RawMessage(`{"type":"string","format":"uri"}`)}) {
		b.Run(c.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(c.Schema, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
