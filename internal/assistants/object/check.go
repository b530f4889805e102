package object

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jsonschema"
)

// Limits, as in the original.
const (
	MaxTools        = 128
	MaxRunTools     = 128
	MaxName         = 256     // characters
	MaxDescription  = 512     // characters
	MaxInstructions = 256_000 // characters
	MaxText         = 256_000 // characters of a message
	MaxPairs        = 16      // of metadata
	MaxKey          = 64      // characters
	MaxValue        = 512     // characters
	MaxFiles        = 20      // of an assistant or of Code Interpreter
	MaxMessageFiles = 10      // of a message of v1
	MaxMessages     = 100_000 // of a thread
	MaxParts        = 100     // of a message
)

// CheckMetadata refuses more than 16 pairs, and long ones.
func CheckMetadata(m Metadata) error {
	if len(m) > MaxPairs {
		return fault.Param("metadata", "Invalid 'metadata': too many properties. Expected an object with at most %d properties, but got an object with %d properties instead.", MaxPairs, len(m)).
			WithCode("object_above_max_properties")
	}
	for _, k := range keys(m) {
		if n := utf8.RuneCountInString(k); n > MaxKey {
			return fault.Param("metadata", "Invalid property name in 'metadata': '%.80s' is too long. Expected a name with maximum length %d, but got a name with length %d instead.", k, MaxKey, n).
				WithCode("property_name_above_max_length")
		}
		if err := TooLong("metadata."+k, m[k], MaxValue); err != nil {
			return err
		}
	}
	return nil
}

// keys are the names in order, so that of several mistakes the same is told each time.
func keys(m Metadata) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// TooLong refuses a text of more than limit characters.
func TooLong(param, s string, limit int) error {
	if len(s) <= limit {
		return nil
	}
	n := utf8.RuneCountInString(s)
	if n <= limit {
		return nil
	}
	return fault.Param(param, "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", param, limit, n).
		WithCode("string_above_max_length")
}

// TooMany refuses a list of more than limit things.
func TooMany(param string, n, limit int) error {
	if n <= limit {
		return nil
	}
	return fault.Param(param, "Invalid '%s': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", param, limit, n).
		WithCode("array_above_max_length")
}

// Check refuses what no assistant may be.
func (c *AssistantChange) Check() error {
	for _, t := range []struct {
		param string
		text  Maybe
		limit int
	}{{"name", c.Name, MaxName}, {"description", c.Description, MaxDescription}, {"instructions", c.Instructions, MaxInstructions}} {
		if t.text.Text != nil {
			if err := TooLong(t.param, *t.text.Text, t.limit); err != nil {
				return err
			}
		}
	}
	return httpapi.First(
		CheckTools(c.Tools, MaxTools),
		CheckMetadata(c.Metadata),
		TooMany("file_ids", len(c.Files), MaxFiles),
		c.Resources.Check(),
		httpapi.Range("temperature", c.Temperature, 0, 2),
		httpapi.Range("top_p", c.TopP, 0, 1),
		c.ResponseFormat.Check(),
	)
}

// Check refuses more than tools may reach.
func (c *ResourcesChange) Check() error {
	const search = "tool_resources.file_search."
	if len(c.VectorStores) > 0 && len(c.NewStores) > 0 {
		return fault.Param("tool_resources.file_search", "Invalid 'tool_resources.file_search': 'vector_store_ids' and 'vector_stores' cannot both be given. Name a vector store, or have one made.").WithCode("invalid_value")
	}
	if err := httpapi.First(
		TooMany("tool_resources.code_interpreter.file_ids", len(c.CodeFiles), MaxFiles),
		TooMany(search+"vector_store_ids", len(c.VectorStores), 1),
		TooMany(search+"vector_stores", len(c.NewStores), 1),
	); err != nil {
		return err
	}
	for _, n := range c.NewStores {
		if err := CheckMetadata(n.Metadata); err != nil {
			return err
		}
	}
	return nil
}

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// CheckTools refuses more tools than limit, two of one kind or name, and functions that no model can be told of.
func CheckTools(tools []Tool, limit int) error {
	if err := TooMany("tools", len(tools), limit); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, t := range tools {
		param := fmt.Sprintf("tools[%d]", i)
		name := t.Type
		if t.Type == FunctionTool {
			name = "function " + t.Function.Name
			if err := t.Function.check(param + ".function"); err != nil {
				return err
			}
		}
		if seen[name] {
			return fault.Param(param, "Invalid 'tools': there is more than one %s. Give it once.", strings.Replace(name, "function ", "function named ", 1)).WithCode("invalid_value")
		}
		seen[name] = true
		if o := t.Search; o != nil {
			if err := httpapi.First(
				httpapi.Range(param+".file_search.max_num_results", o.MaxResults, 1, 50),
				httpapi.OneOf(param+".file_search.ranking_options.ranker", o.Ranker, "auto", "default_2024_08_21"),
				httpapi.Range(param+".file_search.ranking_options.score_threshold", o.Threshold, 0, 1),
			); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Function) check(param string) error {
	switch {
	case f.Name == "":
		return fault.Param(param+".name", "Missing required parameter: '%s.name'.", param).WithCode("missing_required_parameter")
	case !nameForm.MatchString(f.Name):
		return fault.Param(param+".name", "Invalid '%s.name': string does not match pattern. Expected a string that matches the pattern '%s'.", param, nameForm).WithCode("invalid_value")
	case len(f.Parameters) == 0:
		return nil
	case f.Parameters.Kind() != '{':
		return fault.Param(param+".parameters", "Invalid type for '%s.parameters': expected an object, a JSON Schema.", param).WithCode("invalid_type")
	case string(f.Parameters) == "{}":
		return nil // as v1 writes a function without arguments
	}
	check := jsonschema.CheckObject
	if f.Strict != nil && *f.Strict {
		check = jsonschema.CheckStrict
	}
	err := check(f.Parameters)
	if e, ok := errors.AsType[*jsonschema.Error](err); ok {
		return fault.Param(param+".parameters", "Invalid schema for function '%s': %s", f.Name, e).WithCode("invalid_function_parameters")
	}
	return err
}

// Check refuses what is no form of an answer.
func (f *ResponseFormat) Check() error {
	if f == nil {
		return nil
	}
	const param = "response_format.json_schema"
	switch f.Type {
	case "text", "json_object":
		return nil
	case "json_schema":
	default:
		return fault.Param("response_format.type", "Invalid value: '%.64s'. Supported values are: 'json_object', 'json_schema', and 'text'.", f.Type).WithCode("invalid_value")
	}
	var s struct {
		Name   string
		Schema json.RawMessage
		Strict bool
	}
	if len(f.JSONSchema) == 0 {
		return fault.Param(param, "Missing required parameter: '%s'.", param).WithCode("missing_required_parameter")
	}
	if err := json.Unmarshal(f.JSONSchema, &s); err != nil {
		return fault.Param(param, "Invalid type for '%s': expected an object with name, schema and strict.", param).WithCode("invalid_type")
	}
	if !nameForm.MatchString(s.Name) {
		return fault.Param(param+".name", "Invalid '%s.name': string does not match pattern. Expected a string that matches the pattern '%s'.", param, nameForm).WithCode("invalid_value")
	}
	if len(s.Schema) == 0 || string(s.Schema) == "null" {
		return nil
	}
	check := jsonschema.CheckObject
	if s.Strict {
		check = jsonschema.CheckStrict
	}
	err := check(s.Schema)
	if e, ok := errors.AsType[*jsonschema.Error](err); ok {
		return fault.Param(param+".schema", "Invalid schema for response_format '%s': %s", s.Name, e).WithCode("invalid_json_schema")
	}
	return err
}

// Check refuses a message that says nothing, or more than it may.
func (m *Message) Check() error {
	if err := httpapi.First(CheckMetadata(m.Metadata), TooMany("content", len(m.Content), MaxParts), TooMany("attachments", len(m.Attachments), MaxFiles)); err != nil {
		return err
	}
	if len(m.Content) == 0 {
		return fault.Param("content", "Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead.").WithCode("empty_array")
	}
	length := 0
	for i, p := range m.Content {
		switch p.Type {
		case TextPart:
			length += utf8.RuneCountInString(p.Text.Value)
			if strings.TrimSpace(p.Text.Value) == "" && m.Role == User {
				return fault.Param("content", "Message content must be non-empty.")
			}
		case ImageURLPart, ImageFilePart:
			if err := httpapi.OneOf(fmt.Sprintf("content[%d].%s.detail", i, p.Type), p.Image.Detail, "auto", "low", "high"); err != nil {
				return err
			}
		}
	}
	if length > MaxText {
		return fault.Param("content", "Invalid 'content': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", MaxText, length).
			WithCode("string_above_max_length")
	}
	return nil
}

// Plain is a text without the one character that PostgreSQL keeps in no text.
func Plain(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// Within is an error of a part of a request as one of the whole: the place outer stands before its param, in its words too.
func Within(outer string, err error) error {
	e := fault.As(err)
	if e == nil || e.Param == "" {
		return err
	}
	out := *e
	out.Param = outer + "." + e.Param
	out.Message = strings.Replace(e.Message, "'"+e.Param+"'", "'"+out.Param+"'", 1)
	return &out
}
