package capi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/jsonschema"
)

// schemaCase is a schema with answers that satisfy it and others that do not.
type schemaCase struct {
	Name    string
	Schema  json.RawMessage
	Yes, No []json.RawMessage
}

// large are schemas whose grammars are near the bounds that jsonschema sets: they must not end the
// process, or make a token take seconds.
func large() []schemaCase {
	var optional, constants strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&optional, `"property %d":{"type":"integer"},`, i)
	}
	for i := range 8000 {
		fmt.Fprintf(&constants, `"value %d",`, i*7919%100000)
	}
	deep := strings.Repeat("[", 400) + strings.Repeat("]", 400)
	trim := func(b *strings.Builder) string { return strings.TrimSuffix(b.String(), ",") }
	return []schemaCase{
		{"1500 optional properties", json.RawMessage(`{"type":"object","properties":{` + trim(&optional) + `}}`), []json.RawMessage{json.RawMessage(`{"property 3":1,"property 1499":2}`)}, []json.RawMessage{json.RawMessage(`{"property 3":1,"property 2":2}`)}},
		{"8000 constants", json.RawMessage(`{"enum":[` + trim(&constants) + `]}`), []json.RawMessage{json.RawMessage(`"value 7919"`)}, []json.RawMessage{json.RawMessage(`"value 7918x"`)}},
		{"deep", json.RawMessage(`true`), []json.RawMessage{json.RawMessage(deep)}, []json.RawMessage{json.RawMessage(deep + "]")}},
	}
}

// TestGrammar holds that llama.cpp reads the grammars of schemas as they are meant: it lets through
// the answers that satisfy the schema, and stops at the others.
func TestGrammar(t *testing.T) {
	dir, path := assets(t)
	lib, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := lib.LoadModel(path, ModelOptions{Mmap: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	data, err := os.ReadFile("../../../jsonschema/testdata/real.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []schemaCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"date-time", "email", "ipv6", "uri", "uuid"} {
		cases = append(cases, schemaCase{Name: format, Schema: json.RawMessage(`{"type":"string","format":"` + format + `"}`), No: []json.RawMessage{json.RawMessage(`"?"`)}})
	}
	cases = append(cases, schemaCase{"lengths", json.RawMessage(`{"type":"array","maxItems":2000,"items":{"type":"string","minLength":3,"maxLength":100000}}`), []json.RawMessage{json.RawMessage(`["abc","\u00e9\u00e9\ud83d\ude00","한국어"]`)}, []json.RawMessage{json.RawMessage(`["ab"]`)}})
	cases = append(cases, large()...)
	for _, c := range cases {
		start := time.Now()
		g, err := jsonschema.Compile(c.Schema, jsonschema.Options{})
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		for _, text := range c.Yes {
			if at := follow(t, m, g.GBNF, string(text)); at >= 0 {
				t.Errorf("%s: token %d of %s is refused", c.Name, at, text)
			}
		}
		for _, text := range c.No {
			if at := follow(t, m, g.GBNF, string(text)); at < 0 {
				t.Errorf("%s: %s is let through", c.Name, text)
			}
		}
		t.Logf("%s: %d bytes of grammar, %v for all", c.Name, len(g.GBNF), time.Since(start).Round(time.Millisecond))
	}
	for _, bad := range []string{"", " \n", `root ::= (`, `root ::= nothing`, `root ::= root "a"`, `other ::= "a"`, "root ::= \"\x00\""} {
		if _, err := m.NewGrammar(bad, "root"); !errors.Is(err, ErrGrammar) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	t.Logf("release %s, %d schemas", m.lib.Release(), len(cases))
}

// follow returns the index of the token of a text that the grammar refuses, its end counting as one, or -1.
func follow(t *testing.T, m *Model, gbnf, text string) int {
	t.Helper()
	g, err := m.NewGrammar(gbnf, jsonschema.Root)
	if err != nil {
		t.Fatalf("%v\n%.400s", err, gbnf)
	}
	defer g.Free()
	tokens, err := m.Tokenize(text, false, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, token := range tokens {
		if !g.Allows(token) {
			return i
		}
		g.Accept(token)
	}
	if !g.Allows(m.EOS()) {
		return len(tokens)
	}
	return -1
}
