package chat

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jsonschema"
)

// ResponseFormat is the form that the answer must have.
type ResponseFormat struct {
	Type       string      `json:"type" doc:"text; json_object for JSON of any form, which the messages must ask for by the word JSON; json_schema for JSON that satisfies a schema." enum:"text,json_object,json_schema"`
	JSONSchema *JSONSchema `json:"json_schema,omitzero" doc:"For the type json_schema."`
}

// JSONSchema names a schema.
type JSONSchema struct {
	Name        string         `json:"name" doc:"a-z, A-Z, 0-9, _ and -, at most 64 characters."`
	Description string         `json:"description,omitzero" doc:"What the answer is for; the model reads it."`
	Schema      jsontext.Value `json:"schema,omitzero" doc:"A JSON Schema; an object of anything when left out."`
	Strict      *bool          `json:"strict,omitzero" doc:"Refuse schemas that cannot be followed to the letter, and those without additionalProperties false and all properties required. Otherwise what cannot be followed is left out." default:"false"`
}

// maxName is how long a schema's name may be.
const maxName = 64

// maxNote is up to how many bytes of a schema the model reads; the grammar holds it to larger ones too.
const maxNote = 8 << 10

// format checks response_format and returns what the core is told of it; nil is free text.
func (r *Request) format(messages []engine.Message) (*generate.Format, error) {
	f := r.ResponseFormat
	if f != nil && f.Type == "json_object" && !slices.ContainsFunc(messages, func(m engine.Message) bool { return strings.Contains(strings.ToLower(m.Content), "json") }) {
		return nil, fault.Param("messages", "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
	}
	return f.Format()
}

// Format checks the form and returns what the core is told of it; nil is free text. Whether a conversation asks for JSON, as the type
// json_object wants it, is the caller's to see.
func (f *ResponseFormat) Format() (*generate.Format, error) {
	if f == nil {
		return nil, nil
	}
	switch f.Type {
	case "text":
		return nil, nil
	case "json_object":
		return &generate.Format{Grammar: engine.Grammar{GBNF: anyObject(), Root: jsonschema.Root}, Remote: `{"type":"json_object"}`}, nil
	case "json_schema":
		return f.schema()
	case "":
		return nil, httpapi.Required("response_format.type", false)
	}
	return nil, httpapi.OneOf("response_format.type", f.Type, "json_object", "json_schema", "text")
}

// anyObject is the grammar of JSON mode.
var anyObject = sync.OnceValue(func() string {
	g, err := jsonschema.Compile([]byte(jsonschema.AnyObject), jsonschema.Options{})
	if err != nil {
		panic(err) // the schema is a constant
	}
	return g.GBNF
})

// schema is the format of the type json_schema.
func (f *ResponseFormat) schema() (*generate.Format, error) {
	s := f.JSONSchema
	if s == nil {
		return nil, httpapi.Required("response_format.json_schema", false)
	}
	const param = "response_format.json_schema.name"
	switch n := utf8.RuneCountInString(s.Name); {
	case n == 0:
		return nil, httpapi.Required(param, false)
	case n > maxName:
		return nil, fault.Param(param, "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", param, maxName, n).WithCode("string_above_max_length")
	case !nameForm.MatchString(s.Name):
		return nil, fault.Param(param, "Invalid '%s': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", param).WithCode("invalid_value")
	}
	schema := s.Schema.Clone()
	if len(schema) == 0 || schema.Kind() == 'n' {
		schema = jsontext.Value(jsonschema.AnyObject)
	}
	if schema.Kind() != '{' {
		const param = "response_format.json_schema.schema"
		return nil, fault.Param(param, "Invalid type for '%s': expected an object.", param).WithCode("invalid_type")
	}
	strict := s.Strict != nil && *s.Strict
	g, err := compile(schema, strict)
	if err != nil {
		if e, ok := errors.AsType[*jsonschema.Error](err); ok {
			return nil, fault.Param("response_format", "Invalid schema for response_format '%s': %s", s.Name, e)
		}
		return nil, err
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	out := &generate.Format{Grammar: engine.Grammar{GBNF: g.GBNF, Root: jsonschema.Root}, Remote: string(raw)}
	if err := schema.Compact(); err == nil && len(schema)+len(s.Description) <= maxNote {
		out.Note = "Answer with JSON that satisfies this JSON Schema, and with nothing else"
		if s.Description != "" {
			out.Note += " (" + s.Description + ")"
		}
		out.Note += ":\n" + string(schema)
	}
	return out, nil
}

// compile makes the grammar of a schema.
func compile(schema []byte, strict bool) (jsonschema.Grammar, error) {
	if strict {
		if err := jsonschema.CheckStrict(schema); err != nil {
			return jsonschema.Grammar{}, err
		}
	}
	return jsonschema.Compile(schema, jsonschema.Options{Lenient: !strict})
}
