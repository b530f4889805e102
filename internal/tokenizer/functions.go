package tokenizer

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
)

// maxDepth bounds how deep the schema of a function nests.
const maxDepth = 32

// property is a member of an object's schema; their order counts.
type property struct {
	name   string
	schema schema
}

type properties []property

// UnmarshalJSONFrom implements json.UnmarshalerFrom: an object in its own order.
func (p *properties) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		*p = nil
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		var member property
		if err := json.UnmarshalDecode(dec, &member.name); err != nil {
			return err
		}
		if err := json.UnmarshalDecode(dec, &member.schema); err != nil {
			return err
		}
		*p = append(*p, member)
	}
	_, err := dec.ReadToken()
	return err
}

// schema is as much of a JSON Schema as the prompt shows.
type schema struct {
	Type        types            `json:"type"`
	Description string           `json:"description"`
	Enum        []jsontext.Value `json:"enum"`
	Properties  properties       `json:"properties"`
	Required    []string         `json:"required"`
	Items       *schema          `json:"items"`
	AnyOf       []schema         `json:"anyOf"`
}

// types is a type's name, or several.
type types []string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *types) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '[' {
		return json.UnmarshalDecode(dec, (*[]string)(t))
	}
	*t = types{""}
	return json.UnmarshalDecode(dec, &(*t)[0])
}

// definitions writes functions as the original showed them to its models: as the types of a TypeScript
// namespace, descriptions as comments, those of inner objects left out. param names the field in errors.
//
// OpenAI never published it. The form was found by comparing counts with those of the API, by hmarr's
// openai-chat-tokens (github.com/hmarr/openai-chat-tokens, MIT, July 2023), whose measured counts are in
// this package's tests.
func definitions(functions []Function, param string) (string, error) {
	var b strings.Builder
	b.WriteString("namespace functions {\n\n")
	for _, f := range functions {
		if f.Description != "" {
			b.WriteString("// " + f.Description + "\n")
		}
		var s schema
		if f.Parameters != nil {
			if err := json.Unmarshal(f.Parameters, &s); err != nil {
				return "", fault.Param(param, "The parameters of the function `%.64s` are no JSON Schema: %v.", f.Name, err)
			}
		}
		if s.depth() > maxDepth {
			return "", fault.Param(param, "The parameters of the function `%.64s` nest more than %d levels.", f.Name, maxDepth)
		}
		if len(s.Properties) == 0 {
			b.WriteString("type " + f.Name + " = () => any;\n\n")
			continue
		}
		b.WriteString("type " + f.Name + " = (_: {\n" + s.members(0) + "\n}) => any;\n\n")
	}
	b.WriteString("} // namespace functions")
	return b.String(), nil
}

// depth is how many levels of schemas there are.
func (s *schema) depth() int {
	deepest := 0
	for i := range s.Properties {
		deepest = max(deepest, s.Properties[i].schema.depth())
	}
	for i := range s.AnyOf {
		deepest = max(deepest, s.AnyOf[i].depth())
	}
	if s.Items != nil {
		deepest = max(deepest, s.Items.depth())
	}
	return 1 + deepest
}

// members writes the properties of an object, a line each.
func (s *schema) members(indent int) string {
	var lines []string
	for i := range s.Properties {
		p := &s.Properties[i]
		if p.schema.Description != "" && indent == 0 {
			lines = append(lines, "// "+p.schema.Description)
		}
		mark := "?: "
		if slices.Contains(s.Required, p.name) {
			mark = ": "
		}
		lines = append(lines, strings.Repeat(" ", indent)+p.name+mark+p.schema.text(indent)+",")
	}
	return strings.Join(lines, "\n")
}

// text writes the type of a value.
func (s *schema) text(indent int) string {
	var parts []string
	switch {
	case len(s.AnyOf) > 0:
		for i := range s.AnyOf {
			parts = append(parts, s.AnyOf[i].text(indent))
		}
	case len(s.Enum) > 0:
		for _, v := range s.Enum {
			parts = append(parts, string(v))
		}
	default:
		for _, name := range s.Type {
			parts = append(parts, s.named(name, indent))
		}
	}
	if parts == nil {
		return "any"
	}
	return strings.Join(parts, " | ")
}

func (s *schema) named(name string, indent int) string {
	switch name {
	case "string", "number", "boolean", "null":
		return name
	case "integer":
		return "number"
	case "array":
		if s.Items == nil {
			return "any[]"
		}
		return s.Items.text(indent) + "[]"
	case "object":
		return "{\n" + s.members(indent+2) + "\n}"
	}
	return "any"
}
