package chat

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jsonschema"
	"github.com/parley-ai/parley/internal/toolcall"
)

// maxTools is how many functions a request may have.
const maxTools = 128

// Functions say what the model may call: as tools, or as the functions of 2023.
type Functions struct {
	Tools             []Tool          `json:"tools,omitzero" doc:"Functions that the model may call, at most 128." min:"1" max:"128"`
	ToolChoice        *ToolChoice     `json:"tool_choice,omitzero" doc:"none: no calls; auto: as the model likes, which is meant when it is left out; required: one call at least; or the one function to call."`
	ParallelToolCalls *bool           `json:"parallel_tool_calls,omitzero" doc:"Whether one answer may have several calls." default:"true"`
	Functions         []Function      `json:"functions,omitzero" doc:"Functions that the model may call, in the way of 2023: one call in an answer." min:"1" max:"128"`
	FunctionCall      *FunctionChoice `json:"function_call,omitzero" doc:"With functions: none, auto, or the one function to call."`
}

// Tool is a function that the model may call.
type Tool struct {
	Type     string   `json:"type" doc:"Always function." enum:"function"`
	Function Function `json:"function"`
}

// Function describes a function to the model.
type Function struct {
	Name        string         `json:"name" doc:"a-z, A-Z, 0-9, _ and -, at most 64 characters." example:"get_weather"`
	Description string         `json:"description,omitzero" doc:"What it does and when to call it; the model reads it."`
	Parameters  jsontext.Value `json:"parameters,omitzero" doc:"A JSON Schema of the arguments, an object; no arguments when left out."`
	Strict      *bool          `json:"strict,omitzero" doc:"Refuse a schema that cannot be followed to the letter, and one without additionalProperties false and all properties required." default:"false"`
}

// ToolChoice says which tool is called.
type ToolChoice struct{ toolcall.Choice }

// FunctionChoice is ToolChoice in the way of 2023.
type FunctionChoice struct{ toolcall.Choice }

// named is an object that names a function: of tool_choice with the type, of function_call the function's own.
type named struct {
	Type     *string `json:"type"`
	Name     string  `json:"name"`
	Function *struct {
		Name string `json:"name"`
	} `json:"function"`
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *ToolChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	const should = `Expected 'none', 'auto', 'required', or {"type": "function", "function": {"name": "..."}}.`
	return unmarshalChoice(dec, &c.Choice, should, func(n named) string {
		if n.Type == nil || *n.Type != "function" || n.Function == nil || n.Name != "" {
			return ""
		}
		return n.Function.Name
	}, "none", "auto", "required")
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *FunctionChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return unmarshalChoice(dec, &c.Choice, `Expected 'none', 'auto', or {"name": "..."}.`, func(n named) string {
		if n.Type != nil || n.Function != nil {
			return ""
		}
		return n.Name
	}, "none", "auto")
}

// unmarshalChoice reads one of the words or an object, in which name finds the function.
func unmarshalChoice(dec *jsontext.Decoder, c *toolcall.Choice, should string, name func(named) string, words ...string) error {
	*c = toolcall.Choice{Mode: toolcall.Auto}
	switch k := dec.PeekKind(); k {
	case '"':
		var word string
		if err := json.UnmarshalDecode(dec, &word); err != nil {
			return err
		}
		for _, w := range words {
			if w == word {
				c.Mode = map[string]toolcall.Mode{"none": toolcall.None, "auto": toolcall.Auto, "required": toolcall.Required}[w]
				return nil
			}
		}
	case '{':
		var n named
		if err := json.UnmarshalDecode(dec, &n); err != nil {
			return err
		}
		if c.Name = name(n); c.Name != "" {
			c.Mode = toolcall.Named
			return nil
		}
	default:
		return httpapi.WrongType("one of a string or an object", k)
	}
	return httpapi.AnyOf("", "invalid_value", "%s", should)
}

// OpenAPISchema implements openapi's hook.
func (ToolChoice) OpenAPISchema() map[string]any {
	return choiceSchema([]string{"none", "auto", "required"}, map[string]any{
		"type": "object", "required": []string{"type", "function"},
		"properties": map[string]any{"type": map[string]any{"type": "string", "enum": []string{"function"}}, "function": nameSchema()},
	})
}

// OpenAPISchema implements openapi's hook.
func (FunctionChoice) OpenAPISchema() map[string]any {
	return choiceSchema([]string{"none", "auto"}, nameSchema())
}

func nameSchema() map[string]any {
	return map[string]any{"type": "object", "required": []string{"name"}, "properties": map[string]any{"name": map[string]any{"type": "string"}}}
}

func choiceSchema(words []string, object map[string]any) map[string]any {
	return map[string]any{"oneOf": []any{map[string]any{"type": "string", "enum": words}, object}}
}

// given says that a request has functions of either kind.
func (f *Functions) given() bool { return f.Tools != nil || f.Functions != nil }

// apply checks the functions and brings them into a core request. What means the same as nothing is taken also
// without functions: a choice of none, and several calls allowed.
func (f *Functions) apply(out *generate.Request) error {
	switch {
	case f.Tools != nil && f.Functions != nil:
		return fault.New(fault.Invalid, "Invalid request: 'functions' and 'tools' cannot both be provided. 'functions' are deprecated; use the 'tools' parameter instead.")
	case f.Tools == nil && f.ToolChoice != nil && f.ToolChoice.Mode != toolcall.None:
		return onlyWith("tool_choice", "tools")
	case f.Tools == nil && f.ParallelToolCalls != nil && !*f.ParallelToolCalls:
		return onlyWith("parallel_tool_calls", "tools")
	case f.Functions == nil && f.FunctionCall != nil && f.FunctionCall.Mode != toolcall.None:
		return onlyWith("function_call", "functions")
	case !f.given():
		return nil
	}
	functions, field, at := f.Functions, "functions", "functions[%d]"
	r := &toolcall.Request{}
	if f.FunctionCall != nil {
		r.Choice = f.FunctionCall.Choice
	}
	if f.Tools != nil {
		field, at = "tools", "tools[%d].function"
		functions = make([]Function, len(f.Tools))
		for i, t := range f.Tools {
			param := fmt.Sprintf("tools[%d].type", i)
			if err := httpapi.First(httpapi.Required(param, t.Type != ""), httpapi.OneOf(param, t.Type, "function")); err != nil {
				return err
			}
			functions[i] = t.Function
		}
		r.Parallel = f.ParallelToolCalls == nil || *f.ParallelToolCalls
		if f.ToolChoice != nil {
			r.Choice = f.ToolChoice.Choice
		}
	}
	if err := httpapi.First(httpapi.NotEmpty(field, len(functions)), httpapi.MaxItems(field, len(functions), maxTools)); err != nil {
		return err
	}
	known := map[string]bool{}
	for i := range functions {
		t, err := functions[i].tool(fmt.Sprintf(at, i))
		if err != nil {
			return err
		}
		if known[t.Name] {
			return fault.Param(fmt.Sprintf(at+".name", i), "Invalid '%s': there is more than one function named '%s'. Give each a name of its own.", field, t.Name).WithCode("invalid_value")
		}
		known[t.Name] = true
		r.Tools = append(r.Tools, t)
	}
	if r.Choice.Mode == toolcall.Named {
		// One call, as the original: https://github.com/openai/openai-node/issues/521
		r.Parallel = false
		if choice := map[string]string{"tools": "tool_choice", "functions": "function_call"}[field]; !known[r.Choice.Name] {
			return fault.Param(choice, "Invalid value for '%s': no function named '%.64s' was specified in the '%s' parameter.", choice, r.Choice.Name, field)
		}
	}
	out.Tools, out.ToolParam = r, at+".parameters"
	return nil
}

func onlyWith(param, with string) error {
	return fault.Param(param, "Invalid value for '%s': '%s' is only allowed when '%s' are specified.", param, param, with)
}

// tool checks a function that stands at a place and returns it as the core takes it.
func (f *Function) tool(at string) (toolcall.Tool, error) {
	t := toolcall.Tool{Name: f.Name, Description: f.Description, Strict: f.Strict != nil && *f.Strict}
	if err := httpapi.First(httpapi.Required(at+".name", f.Name != ""), httpapi.Matches(at+".name", f.Name, nameForm)); err != nil {
		return t, err
	}
	if len(f.Parameters) == 0 || f.Parameters.Kind() == 'n' {
		return t, nil
	}
	if f.Parameters.Kind() != '{' {
		return t, fault.Param(at+".parameters", "Invalid type for '%s.parameters': expected an object, a JSON Schema.", at).WithCode("invalid_type")
	}
	// Also for models that another server answers, and where no call is wanted.
	check := jsonschema.CheckObject
	if t.Strict {
		check = jsonschema.CheckStrict
	}
	if err := check(f.Parameters); err != nil {
		if e, ok := errors.AsType[*jsonschema.Error](err); ok {
			return t, fault.Param(at+".parameters", "Invalid schema for function '%s': %s", f.Name, e).WithCode("invalid_function_parameters")
		}
		return t, err
	}
	t.Parameters = f.Parameters.Clone()
	return t, nil
}
