package contract

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// dates are the reference documents, oldest first.
var dates = []string{"2022-12", "2023-10-25", "2024-01-25", "2026-08-21"}

// document is one reference document as contract/extract wrote it.
type document struct {
	Date       string
	Operations map[string]struct {
		Request  any            `json:"request"`
		Response map[string]any `json:"response"`
	}
	Schemas map[string]any

	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

func documents(t *testing.T) []*document {
	t.Helper()
	var out []*document
	for _, date := range dates {
		data, err := os.ReadFile(filepath.Join("testdata", date+".json"))
		if err != nil {
			t.Fatal(err)
		}
		d := &document{Date: date, compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
		if err := json.Unmarshal(data, d); err != nil {
			t.Fatal(err)
		}
		if err := d.compiler.AddResource("memory:///"+date, map[string]any{"$defs": d.definitions()}); err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

// template matches the parameters of a path, whose names differ between the documents and ours.
var template = regexp.MustCompile(`\{[^}]*\}`)

// anonymous is "POST /chat/completions" or "GET /models/{}".
func anonymous(operation string) string { return template.ReplaceAllString(operation, "{}") }

// operation finds an operation whatever its parameters are called.
func (d *document) operation(name string) (string, bool) {
	for full := range d.Operations {
		if anonymous(full) == anonymous(name) {
			return full, true
		}
	}
	return "", false
}

// definitions are the document's schemas as JSON Schema: closed, and open as a part of an allOf.
func (d *document) definitions() map[string]any {
	defs := map[string]any{}
	for name, schema := range d.Schemas {
		defs[name] = translate(schema, true)
		defs[name+".open"] = translate(schema, false)
	}
	for name, op := range d.Operations {
		if op.Request != nil {
			for property, schema := range d.properties(name) {
				defs[name+" request "+property] = translate(schema, true)
			}
		}
		if r := op.Response["application/json"]; r != nil {
			defs[name+" response"] = translate(r, true)
		}
		if r := op.Response["text/event-stream"]; r != nil {
			defs[name+" event"] = translate(r, true)
		}
	}
	return defs
}

// schema compiles one of the definitions; nil when there is none of the name.
func (d *document) schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	if s := d.compiled[name]; s != nil {
		return s
	}
	if d.definitions()[name] == nil {
		return nil
	}
	pointer := strings.NewReplacer("~", "~0", "/", "~1", " ", "%20", "{", "%7B", "}", "%7D").Replace(name)
	s, err := d.compiler.Compile("memory:///" + d.Date + "#/$defs/" + pointer)
	if err != nil {
		t.Fatalf("%s: %s: %v", d.Date, name, err)
	}
	d.compiled[name] = s
	return s
}

// translate turns a schema of OpenAPI 3.0 into JSON Schema: nullable becomes an alternative. closed also
// refuses members that the schema does not name, so that what we send beyond the document is seen.
func translate(v any, closed bool) any {
	schema, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for name, member := range schema {
		switch name {
		case "nullable", "discriminator", "$recursiveAnchor", "$recursiveRef": // filters in filters are taken as they come
		case "$ref":
			ref := "#/$defs/" + strings.TrimPrefix(member.(string), "#/components/schemas/")
			if !closed {
				ref += ".open"
			}
			out[name] = ref
		case "properties":
			members := map[string]any{}
			for property, s := range member.(map[string]any) {
				members[property] = translate(s, true)
			}
			out[name] = members
		case "items", "additionalProperties":
			out[name] = translate(member, true)
		case "allOf":
			out[name] = each(member, false)
			if closed {
				out["unevaluatedProperties"] = false
			}
		case "anyOf", "oneOf":
			out[name] = each(member, closed)
		default:
			out[name] = member
		}
	}
	if _, given := out["additionalProperties"]; !given && closed && out["properties"] != nil && out["allOf"] == nil {
		out["additionalProperties"] = false
	}
	if schema["nullable"] == true {
		return map[string]any{"anyOf": []any{out, map[string]any{"type": "null"}}}
	}
	return out
}

func each(v any, closed bool) []any {
	var out []any
	for _, s := range v.([]any) {
		out = append(out, translate(s, closed))
	}
	return out
}

// properties returns the schemas of the members of an operation's request.
func (d *document) properties(operation string) map[string]any {
	out := map[string]any{}
	d.collect(d.Operations[operation].Request, out)
	return out
}

func (d *document) collect(v any, out map[string]any) {
	schema, _ := v.(map[string]any)
	if ref, ok := schema["$ref"].(string); ok {
		d.collect(d.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")], out)
	}
	for _, part := range list(schema["allOf"]) {
		d.collect(part, out)
	}
	if properties, ok := schema["properties"].(map[string]any); ok {
		maps.Copy(out, properties)
	}
}

func list(v any) []any { l, _ := v.([]any); return l }

// readYAML reads one of the lists beside the tests.
func readYAML(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(data, v, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// sorted is a map's keys, for messages that read the same every time.
func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func TestTranslate(t *testing.T) {
	d := &document{Date: "test", compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	const schemas = `{
		"Base": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
		"Derived": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"n": {"type": "integer", "nullable": true}}}]},
		"Holder": {"properties": {"one": {"nullable": true, "oneOf": [{"$ref": "#/components/schemas/Base"}, {"type": "string"}]}}}
	}`
	if err := json.Unmarshal([]byte(schemas), &d.Schemas); err != nil {
		t.Fatal(err)
	}
	if err := d.compiler.AddResource("memory:///test", map[string]any{"$defs": d.definitions()}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		schema, value string
		want          string
	}{
		{"Base", `{"id": "a"}`, ""},
		{"Base", `{"id": "a", "more": 1}`, "/more: is not in the document"},
		{"Base", `{}`, "/id: is missing"},
		{"Derived", `{"id": "a", "n": null}`, ""},
		{"Derived", `{"id": "a", "n": "x"}`, "/n: is string, not integer or null"},
		{"Derived", `{"id": "a", "more": 1}`, "/more: is not in the document"},
		{"Holder", `{"one": null}`, ""},
		{"Holder", `{"one": {"id": 1}}`, "/one/id: is number, not string"},
		{"Holder", `{"one": {"id": "a", "more": [{}]}}`, "/one/more: is not in the document"},
	}
	for _, tt := range tests {
		var value any
		if err := json.Unmarshal([]byte(tt.value), &value); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range findings(d.schema(t, tt.schema).Validate(value)) {
			got = append(got, f.At+": "+f.What)
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.schema, tt.value, got, tt.want)
		}
	}
}
