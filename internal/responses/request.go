package responses

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/chat"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jsonschema"
	"github.com/parley-ai/parley/internal/toolcall"
)

const (
	maxTools     = 128
	minOutput    = 16      // tokens, of max_output_tokens
	maxItems     = 100_000 // of an input
	defaultTurns = 64      // of the model, those with its own tools among them
)

// Request is the body of POST /v1/responses.
type Request struct {
	Model              string           `json:"model,omitzero" doc:"The model that answers." example:"gpt-4"`
	Input              Input            `json:"input,omitzero" doc:"What is said: a text, or a list of items."`
	Instructions       *string          `json:"instructions,omitzero" doc:"What the model is told first; not carried on to the next response."`
	PreviousResponseID string           `json:"previous_response_id,omitzero" doc:"The response that this one continues; not together with conversation."`
	Conversation       *ConversationRef `json:"conversation,omitzero" doc:"The conversation that this one continues and is added to: its id."`
	Tools              []Tool           `json:"tools,omitzero" doc:"What the model may call, at most 128." max:"128"`
	ToolChoice         *ToolChoice      `json:"tool_choice,omitzero" doc:"none, auto, required, or the one tool to call."`
	ParallelToolCalls  *bool            `json:"parallel_tool_calls,omitzero" doc:"Whether one turn may have several calls." default:"true"`
	Text               *TextOptions     `json:"text,omitzero" doc:"The form that the answer must have."`
	MaxOutputTokens    *int             `json:"max_output_tokens,omitzero" doc:"Most tokens of all turns together." min:"16"`
	MaxToolCalls       *int             `json:"max_tool_calls,omitzero" doc:"Most calls of built-in tools." min:"1"`
	Temperature        *float64         `json:"temperature,omitzero" min:"0" max:"2" default:"1"`
	TopP               *float64         `json:"top_p,omitzero" min:"0" max:"1" default:"1"`
	Truncation         string           `json:"truncation,omitzero" doc:"auto leaves out the oldest items of a conversation that is too long for the model; disabled is an error." enum:"auto,disabled" default:"disabled"`
	Include            []string         `json:"include,omitzero" doc:"What to show besides: file_search_call.results, code_interpreter_call.outputs."`
	Store              *bool            `json:"store,omitzero" doc:"Keep the response, so that it can be read and continued." default:"true"`
	Background         *bool            `json:"background,omitzero" doc:"Answer at once, and execute the response whether or not the client stays. Needs store." default:"false"`
	Stream             *bool            `json:"stream,omitzero" doc:"Send events as they happen." default:"false"`
	Metadata           Metadata         `json:"metadata,omitzero" doc:"Up to 16 texts by name: 64 and 512 characters."`
	User               *string          `json:"user,omitzero" doc:"The end user."`
	TopLogprobs        *int             `json:"top_logprobs,omitzero" doc:"Only 0 in this release."`
	Reasoning          *Reasoning       `json:"reasoning,omitzero" doc:"Only empty: the models here do not think apart."`

	NotYet
	Harmless
}

// OpenAPIName implements openapi's hook.
func (Request) OpenAPIName() string { return "ResponseRequest" }

// NotYet are parameters that this release refuses when they ask for something.
type NotYet struct {
	Prompt            jsontext.Value `json:"prompt,omitzero" doc:"Not supported by this release."`
	ContextManagement jsontext.Value `json:"context_management,omitzero" doc:"Not supported by this release."`
	Moderation        jsontext.Value `json:"moderation,omitzero" doc:"Not supported by this release."`
}

// Harmless are parameters that do not change an answer here; they are taken and not used.
type Harmless struct {
	ServiceTier          jsontext.Value `json:"service_tier,omitzero" doc:"Taken and not used: there is one tier."`
	SafetyIdentifier     jsontext.Value `json:"safety_identifier,omitzero" doc:"Taken and not used."`
	PromptCacheKey       jsontext.Value `json:"prompt_cache_key,omitzero" doc:"Taken and not used: every prefix is cached."`
	PromptCacheRetention jsontext.Value `json:"prompt_cache_retention,omitzero" doc:"Taken and not used."`
	PromptCacheOptions   jsontext.Value `json:"prompt_cache_options,omitzero" doc:"Taken and not used."`
	StreamOptions        jsontext.Value `json:"stream_options,omitzero" doc:"Taken and not used: events carry no obfuscation."`
}

// ConversationRef is an id, or an object with one.
type ConversationRef string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *ConversationRef) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch k := dec.PeekKind(); k {
	case '"':
		return json.UnmarshalDecode(dec, (*string)(c))
	case '{':
		var o struct {
			ID string `json:"id"`
		}
		if err := json.UnmarshalDecode(dec, &o); err != nil {
			return err
		}
		*c = ConversationRef(o.ID)
		return nil
	default:
		return httpapi.WrongType("one of a string or an object", k)
	}
}

// OpenAPISchema implements openapi's hook.
func (ConversationRef) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{map[string]any{"type": "string"}, map[string]any{
		"type": "object", "required": []string{"id"}, "properties": map[string]any{"id": map[string]any{"type": "string"}},
	}}}
}

// TextOptions are the form of the answer.
type TextOptions struct {
	Format    TextFormat `json:"format,omitzero"`
	Verbosity string     `json:"verbosity,omitempty" doc:"Taken and not used." enum:"low,medium,high"`
}

// OpenAPIName implements openapi's hook.
func (TextOptions) OpenAPIName() string { return "ResponseText" }

// TextFormat is a form of an answer.
type TextFormat struct {
	Type        string         `json:"type" enum:"text,json_object,json_schema"`
	Name        string         `json:"name,omitempty"`
	Description string         `json:"description,omitempty"`
	Schema      jsontext.Value `json:"schema,omitzero" doc:"A JSON Schema."`
	Strict      *bool          `json:"strict,omitzero"`
}

// OpenAPIName implements openapi's hook.
func (TextFormat) OpenAPIName() string { return "ResponseTextFormat" }

// format returns what the core is told of the form. Errors name text.format.
func (f *TextFormat) format() (*generate.Format, error) {
	if f.Type == "" {
		return nil, nil
	}
	c := chat.ResponseFormat{Type: f.Type}
	if f.Type == "json_schema" {
		c.JSONSchema = &chat.JSONSchema{Name: f.Name, Description: f.Description, Schema: f.Schema, Strict: f.Strict}
	}
	out, err := c.Format()
	if e := fault.As(err); e != nil && e.Param != "" {
		renamed := *e
		at := map[string]string{
			"response_format.json_schema.name": "text.format.name", "response_format.json_schema.schema": "text.format.schema", "response_format.type": "text.format.type",
		}[e.Param]
		if at == "" {
			at = "text.format"
		}
		renamed.Param = at
		return nil, &renamed
	}
	return out, err
}

// Tool is something that the model may call. Which members it has depends on its type.
type Tool struct {
	Type string `json:"type" enum:"function,file_search,code_interpreter"`

	Name        string         `json:"name,omitempty" doc:"Of a function: a-z, A-Z, 0-9, _ and -, at most 64 characters."`
	Description *string        `json:"description,omitzero" doc:"Of a function: what it does; the model reads it."`
	Parameters  jsontext.Value `json:"parameters,omitzero" doc:"Of a function: a JSON Schema of the arguments."`
	Strict      *bool          `json:"strict,omitzero" doc:"Of a function: hold the arguments to the letter of the schema. When it is left out: if the schema allows it."`

	VectorStoreIDs []string        `json:"vector_store_ids,omitzero" doc:"Of file_search: where to look."`
	MaxNumResults  *int            `json:"max_num_results,omitzero" doc:"Of file_search." min:"1" max:"50"`
	RankingOptions *RankingOptions `json:"ranking_options,omitzero" doc:"Of file_search."`
	Filters        jsontext.Value  `json:"filters,omitzero" doc:"Of file_search: which files, by their attributes."`

	Container *Container `json:"container,omitzero" doc:"Of code_interpreter: {\"type\": \"auto\"}, or the id of a container of an earlier response."`
}

// OpenAPIName implements openapi's hook.
func (Tool) OpenAPIName() string { return "ResponseTool" }

// RankingOptions say how a search ranks.
type RankingOptions struct {
	Ranker         string   `json:"ranker,omitempty"`
	ScoreThreshold *float64 `json:"score_threshold,omitzero" min:"0" max:"1"`
}

// OpenAPIName implements openapi's hook.
func (RankingOptions) OpenAPIName() string { return "ResponseRankingOptions" }

// Container is where Code Interpreter works: an id, or what a new one is made of.
type Container struct {
	ID      string
	FileIDs []string
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *Container) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*c = Container{}
	switch k := dec.PeekKind(); k {
	case '"':
		return json.UnmarshalDecode(dec, &c.ID)
	case '{':
		var o struct {
			Type        string         `json:"type"`
			FileIDs     []string       `json:"file_ids"`
			MemoryLimit jsontext.Value `json:"memory_limit"`
			Network     jsontext.Value `json:"network_policy"`
		}
		if err := json.UnmarshalDecode(dec, &o); err != nil {
			return err
		}
		c.FileIDs = o.FileIDs
		return httpapi.OneOf(".type", o.Type, "auto")
	default:
		return httpapi.WrongType("one of a string or an object", k)
	}
}

// MarshalJSONTo implements json.MarshalerTo.
func (c Container) MarshalJSONTo(enc *jsontext.Encoder) error {
	if c.ID != "" {
		return json.MarshalEncode(enc, c.ID)
	}
	return json.MarshalEncode(enc, struct {
		Type    string   `json:"type"`
		FileIDs []string `json:"file_ids,omitempty"`
	}{"auto", c.FileIDs})
}

// OpenAPISchema implements openapi's hook.
func (Container) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{map[string]any{"type": "string"}, map[string]any{
		"type": "object", "required": []string{"type"}, "properties": map[string]any{
			"type":     map[string]any{"type": "string", "enum": []string{"auto"}},
			"file_ids": map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
		},
	}}}
}

// ToolChoice says which tool is called: a word, or the type of a built-in tool, or a function.
type ToolChoice struct {
	Word string // auto, none, required; empty: Type
	Type string
	Name string // with Type function
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *ToolChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*c = ToolChoice{}
	switch k := dec.PeekKind(); k {
	case '"':
		if err := json.UnmarshalDecode(dec, &c.Word); err != nil {
			return err
		}
		return httpapi.OneOf("", c.Word, "none", "auto", "required")
	case '{':
		var o struct {
			Type string `json:"type"`
			Name string `json:"name"`
		}
		if err := json.UnmarshalDecode(dec, &o); err != nil {
			return err
		}
		c.Type, c.Name = o.Type, o.Name
		return httpapi.OneOf(".type", o.Type, FunctionTool, FileSearch, CodeInterpreter)
	default:
		return httpapi.WrongType("one of a string or an object", k)
	}
}

// MarshalJSONTo implements json.MarshalerTo.
func (c ToolChoice) MarshalJSONTo(enc *jsontext.Encoder) error {
	if c.Type == "" {
		return json.MarshalEncode(enc, c.word())
	}
	return json.MarshalEncode(enc, struct {
		Type string `json:"type"`
		Name string `json:"name,omitempty"`
	}{c.Type, c.Name})
}

func (c ToolChoice) word() string {
	if c.Word == "" {
		return "auto"
	}
	return c.Word
}

// OpenAPISchema implements openapi's hook.
func (ToolChoice) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string", "enum": []string{"none", "auto", "required"}},
		map[string]any{"type": "object", "required": []string{"type"}, "properties": map[string]any{
			"type": map[string]any{"type": "string", "enum": []string{FunctionTool, FileSearch, CodeInterpreter}}, "name": map[string]any{"type": "string"},
		}},
	}}
}

// includes are what Request.Include may name; those without effect here stand for things that no answer has.
var includes = []string{
	"file_search_call.results", "code_interpreter_call.outputs", "reasoning.encrypted_content", "message.input_image.image_url",
	"computer_call_output.output.image_url", "web_search_call.action.sources", "web_search_call.results", "message.output_text.logprobs",
}

func checkIncludes(include []string) error {
	for i, v := range include {
		at := fmt.Sprintf("include[%d]", i)
		if v == "message.output_text.logprobs" {
			return wire.Unsupported(at, "'"+v+"'")
		}
		if err := httpapi.OneOf(at, v, includes...); err != nil {
			return err
		}
	}
	return nil
}

func is(b *bool, otherwise bool) bool {
	if b == nil {
		return otherwise
	}
	return *b
}

func (r *Request) check() error {
	if err := httpapi.Model(r.Model); err != nil {
		return err
	}
	switch {
	case r.PreviousResponseID != "" && r.Conversation != nil:
		return fault.New(fault.Invalid, "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure you are only providing one of them.").WithCode("mutually_exclusive_parameters")
	case !r.Input.Given && r.PreviousResponseID == "" && r.Conversation == nil:
		return fault.Param("input", "Missing required parameter: 'input'. Say something, or name a conversation or a previous response to continue.").WithCode("missing_required_parameter")
	case is(r.Background, false) && !is(r.Store, true):
		return fault.Param("background", "Invalid value for 'background': a response in the background must be stored. Leave 'store' out or set it to true.").WithCode("invalid_value")
	case r.Reasoning != nil && r.Reasoning.Effort != nil && *r.Reasoning.Effort != "none":
		return fault.Param("reasoning.effort", "Unsupported parameter: 'reasoning.effort' is not supported with this model.").WithCode("unsupported_parameter")
	case r.TopLogprobs != nil && *r.TopLogprobs != 0:
		return wire.Unsupported("top_logprobs", "'top_logprobs'")
	}
	return httpapi.First(
		httpapi.MaxItems("tools", len(r.Tools), maxTools),
		httpapi.Min("max_output_tokens", r.MaxOutputTokens, minOutput),
		httpapi.Min("max_tool_calls", r.MaxToolCalls, 1),
		httpapi.Range("temperature", r.Temperature, 0, 2),
		httpapi.Range("top_p", r.TopP, 0, 1),
		httpapi.OneOf("truncation", r.Truncation, "auto", "disabled"),
		checkIncludes(r.Include),
		wire.Refused("prompt", r.Prompt),
		wire.Refused("context_management", r.ContextManagement),
		wire.Refused("moderation", r.Moderation),
		object.CheckMetadata(object.Metadata(r.Metadata)),
	)
}

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// functions checks the tools and returns the caller's functions among them.
func functions(tools []Tool, choice *ToolChoice) ([]toolcall.Tool, error) {
	var out []toolcall.Tool
	known := map[string]bool{}
	for i := range tools {
		t := &tools[i]
		at := fmt.Sprintf("tools[%d]", i)
		switch t.Type {
		case "":
			return nil, httpapi.Required(at+".type", false)
		case FunctionTool:
			f, err := t.function(at)
			if err != nil {
				return nil, err
			}
			if known[f.Name] {
				return nil, fault.Param(at+".name", "Invalid 'tools': there is more than one function named '%s'. Give each a name of its own.", f.Name).WithCode("invalid_value")
			}
			known[f.Name] = true
			out = append(out, f)
			continue
		case FileSearch:
			err := httpapi.First(httpapi.NotEmpty(at+".vector_store_ids", len(t.VectorStoreIDs)), httpapi.Range(at+".max_num_results", t.MaxNumResults, 1, 50))
			if err != nil {
				return nil, err
			}
		case CodeInterpreter:
			if t.Container == nil {
				return nil, httpapi.Required(at+".container", false)
			}
		default:
			return nil, fault.Param(at+".type", "Invalid value: '%.64s'. Supported values are: 'function', 'file_search', and 'code_interpreter'; other tools are not supported by this release.", t.Type).WithCode("invalid_value")
		}
		if known[" "+t.Type] {
			return nil, fault.Param(at+".type", "Invalid 'tools': '%s' is there more than once.", t.Type).WithCode("invalid_value")
		}
		known[" "+t.Type] = true
	}
	switch c := choice; {
	case c == nil, c.Type == "" && c.Word != "required", c.Type == "" && len(tools) > 0:
	case c.Type == "":
		return nil, fault.Param("tool_choice", "Tool choice 'required' must be specified with 'tools' parameter.")
	case c.Type == FunctionTool && !known[c.Name]:
		return nil, fault.Param("tool_choice", "Tool choice 'function' not found in 'tools' parameter: there is no function named '%.64s'.", c.Name)
	case c.Type != FunctionTool && !known[" "+c.Type]:
		return nil, fault.Param("tool_choice", "Tool choice '%s' not found in 'tools' parameter.", c.Type)
	}
	return out, nil
}

// function checks a function. Without strict it is held to the letter of its schema when that allows it, as in the original.
func (t *Tool) function(at string) (toolcall.Tool, error) {
	out := toolcall.Tool{Name: t.Name}
	if t.Description != nil {
		out.Description = *t.Description
	}
	if err := httpapi.First(httpapi.Required(at+".name", t.Name != ""), httpapi.Matches(at+".name", t.Name, nameForm)); err != nil {
		return out, err
	}
	given := len(t.Parameters) > 0 && t.Parameters.Kind() != 'n'
	if given && t.Parameters.Kind() != '{' {
		return out, fault.Param(at+".parameters", "Invalid type for '%s.parameters': expected an object, a JSON Schema.", at).WithCode("invalid_type")
	}
	if !given {
		t.Parameters = jsontext.Value("null")
	}
	strict := given && jsonschema.CheckStrict(t.Parameters) == nil
	if t.Strict == nil {
		t.Strict = &strict
	}
	if !given {
		return out, nil
	}
	check := jsonschema.CheckObject
	if *t.Strict {
		check = jsonschema.CheckStrict
	}
	if err := check(t.Parameters); err != nil {
		if e, ok := errors.AsType[*jsonschema.Error](err); ok {
			return out, fault.Param(at+".parameters", "Invalid schema for function '%s': %s", t.Name, e).WithCode("invalid_function_parameters")
		}
		return out, err
	}
	out.Strict, out.Parameters = *t.Strict, slices.Clone(t.Parameters)
	return out, nil
}
