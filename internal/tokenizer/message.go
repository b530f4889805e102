package tokenizer

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// Chat is what of a chat request becomes a prompt, in the fields of POST /v1/chat/completions.
type Chat struct {
	Messages     []Message  `json:"messages,omitzero" doc:"Instead of a text: a chat, counted with what its form costs."`
	Functions    []Function `json:"functions,omitzero" doc:"With messages: the functions that the model may call."`
	FunctionCall *Choice    `json:"function_call,omitzero" doc:"With functions: none, auto, or the one to call."`
	Tools        []Tool     `json:"tools,omitzero" doc:"The later form of functions."`
	ToolChoice   *Choice    `json:"tool_choice,omitzero" doc:"With tools: none, auto, required, or the one to call."`
}

// Message is one turn of a chat.
type Message struct {
	Role         string         `json:"role" doc:"Who speaks." example:"user"`
	Content      Content        `json:"content,omitzero" doc:"What is said: a text, a list of text parts, or null beside calls."`
	Name         string         `json:"name,omitzero" doc:"Tells speakers of one role apart; the function's name for role function."`
	FunctionCall *Call          `json:"function_call,omitzero" doc:"The call that an assistant made."`
	ToolCalls    []ToolCall     `json:"tool_calls,omitzero" doc:"The calls that an assistant made, in the later form."`
	ToolCallID   string         `json:"tool_call_id,omitzero" doc:"For role tool: the call that this answers."`
	Refusal      jsontext.Value `json:"refusal,omitzero" doc:"Taken, since answers carry it, and not counted."`
	Annotations  jsontext.Value `json:"annotations,omitzero" doc:"Taken, since answers carry it, and not counted."`
}

// Call names a function and its arguments.
type Call struct {
	Name      string `json:"name" example:"get_weather"`
	Arguments string `json:"arguments" doc:"JSON, as the model wrote it." example:"{\"city\":\"Seoul\"}"`
}

// ToolCall is a call in the later form.
type ToolCall struct {
	ID       string `json:"id,omitzero"`
	Type     string `json:"type,omitzero" enum:"function"`
	Function Call   `json:"function"`
}

// Function is a function that the model may call.
type Function struct {
	Name        string         `json:"name" example:"get_weather"`
	Description string         `json:"description,omitzero"`
	Parameters  jsontext.Value `json:"parameters,omitzero" doc:"The JSON Schema of its arguments."`
	Strict      *bool          `json:"strict,omitzero" doc:"Taken and not counted."`
}

// Tool is a function in the later form.
type Tool struct {
	Type     string   `json:"type" enum:"function"`
	Function Function `json:"function"`
}

// Content is a text, a list of text parts, or nothing.
type Content struct {
	Parts []string
}

// Text is the content as Parley's chat gives it to a model: the parts, a line each.
func (c Content) Text() string { return strings.Join(c.Parts, "\n") }

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *Content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*c = Content{}
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '"':
		c.Parts = []string{""}
		return json.UnmarshalDecode(dec, &c.Parts[0])
	case '[':
		var parts []struct {
			Type string  `json:"type"`
			Text *string `json:"text"`
		}
		if err := json.UnmarshalDecode(dec, &parts, json.RejectUnknownMembers(false)); err != nil {
			return err
		}
		for i, p := range parts {
			if p.Type != "text" || p.Text == nil {
				return fault.Param(fmt.Sprintf("[%d]", i), "Only parts of type 'text' are counted here, each with a `text`: what other parts cost is not a matter of a vocabulary.")
			}
			c.Parts = append(c.Parts, *p.Text)
		}
		return nil
	default:
		return httpapi.WrongType("one of a string or an array of objects", k)
	}
}

// OpenAPISchema implements openapi's hook.
func (Content) OpenAPISchema() map[string]any {
	text := map[string]any{"type": "string"}
	part := map[string]any{
		"type": "object", "required": []string{"type", "text"},
		"properties": map[string]any{"type": map[string]any{"type": "string", "enum": []string{"text"}}, "text": text},
	}
	return map[string]any{"oneOf": []any{text, map[string]any{"type": "array", "items": part}, map[string]any{"type": "null"}}}
}

// Choice says which function is called: "none", "auto", "required", or one by its name.
type Choice struct {
	Mode string // empty when a function is named
	Name string
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *Choice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*c = Choice{}
	switch k := dec.PeekKind(); k {
	case 'n':
		c.Mode = "auto"
		return dec.SkipValue()
	case '"':
		if err := json.UnmarshalDecode(dec, &c.Mode); err != nil {
			return err
		}
		if c.Mode != "none" && c.Mode != "auto" && c.Mode != "required" {
			return fault.New(fault.Invalid, "Invalid value: '%.40s'. Supported values are: 'none', 'auto', and 'required', or an object that names a function.", c.Mode).WithCode("invalid_value")
		}
		return nil
	case '{':
		var named struct {
			Name     string `json:"name"`
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
		}
		if err := json.UnmarshalDecode(dec, &named, json.RejectUnknownMembers(false)); err != nil {
			return err
		}
		if c.Name = named.Name + named.Function.Name; c.Name == "" {
			return httpapi.Required("name", false)
		}
		return nil
	default:
		return httpapi.WrongType("one of a string or an object", k)
	}
}

// OpenAPISchema implements openapi's hook.
func (Choice) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string", "enum": []any{"none", "auto", "required"}},
		map[string]any{"type": "object", "description": "Names a function, as {\"name\": …} or {\"type\": \"function\", \"function\": {\"name\": …}}."},
	}}
}

// check finds what cannot be counted.
func (c *Chat) check() error {
	if c.Messages != nil && len(c.Messages) == 0 {
		return fault.Param("messages", "[] is too short - 'messages'")
	}
	if c.Messages == nil && (c.Functions != nil || c.Tools != nil || c.FunctionCall != nil || c.ToolChoice != nil) {
		return fault.Param("messages", "Functions and tools are counted with the `messages` that they go with.")
	}
	if c.Functions != nil && c.Tools != nil {
		return fault.Param("functions", "Send either `functions` or `tools`, one of them.")
	}
	for i, m := range c.Messages {
		if m.Role == "" {
			return fault.Param("messages", "messages[%d] has no role: system, user, assistant, function or tool.", i)
		}
	}
	for i, f := range c.Functions {
		if f.Name == "" {
			return httpapi.Required(fmt.Sprintf("functions[%d].name", i), false)
		}
	}
	for i, t := range c.Tools {
		if t.Type != "function" {
			return fault.Param(fmt.Sprintf("tools[%d].type", i), "Invalid value: '%.40s'. Supported values are: 'function'.", t.Type).WithCode("invalid_value")
		}
		if t.Function.Name == "" {
			return httpapi.Required(fmt.Sprintf("tools[%d].function.name", i), false)
		}
	}
	return nil
}

// functions returns the functions of either form.
func (c *Chat) functions() []Function {
	if c.Tools == nil {
		return c.Functions
	}
	out := make([]Function, len(c.Tools))
	for i, t := range c.Tools {
		out[i] = t.Function
	}
	return out
}

// choice returns the choice of either form.
func (c *Chat) choice() Choice {
	for _, given := range []*Choice{c.FunctionCall, c.ToolChoice} {
		if given != nil {
			return *given
		}
	}
	return Choice{Mode: "auto"}
}
