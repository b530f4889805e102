package jsonschema

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parley-ai/parley/internal/engine/echo/gbnf"
)

// reference compiles a schema with a validator that knows nothing of this package; nil when that does
// not take the schema.
func reference(t testing.TB, schema string) *validator.Schema {
	t.Helper()
	doc, err := validator.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil
	}
	c := validator.NewCompiler()
	c.AssertFormat()
	c.UseLoader(validator.SchemeURLLoader{}) // nothing is loaded
	if err := c.AddResource("mem:schema", doc); err != nil {
		return nil
	}
	s, err := c.Compile("mem:schema")
	if err != nil {
		t.Logf("the validator does not take the schema: %v", err)
		return nil
	}
	return s
}

func mustCompile(t testing.TB, schema string) *gbnf.Grammar {
	t.Helper()
	g, err := Compile([]byte(schema), Options{})
	if err != nil {
		t.Fatalf("Compile(%s): %v", schema, err)
	}
	return mustParse(t, g.GBNF)
}

func mustParse(t testing.TB, text string) *gbnf.Grammar {
	t.Helper()
	g, err := gbnf.Parse(text, Root)
	if err != nil {
		t.Fatalf("the grammar does not parse: %v\n%.3000s", err, text)
	}
	return g
}

// sampleAll draws texts from a grammar and checks that each is JSON that satisfies the schema.
func sampleAll(t testing.TB, schema string, g *gbnf.Grammar, rounds int, seed uint64) {
	t.Helper()
	s := reference(t, schema)
	if s == nil {
		return
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range rounds {
		text := g.Sample(rnd, i*3)
		if !json.Valid([]byte(text)) {
			t.Fatalf("the grammar of %s lets through what is not JSON: %q", schema, text)
		}
		v, err := validator.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if err := s.Validate(v); err != nil {
			if strings.Contains(err.Error(), "reference cycle") {
				return // what such a schema means is not defined
			}
			t.Fatalf("the grammar of %s lets through %s\n%v", schema, text, err)
		}
	}
}
