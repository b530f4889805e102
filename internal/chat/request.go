package chat

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// maxTopLogprobs is today's limit; the original's was 5 in 2024.
const maxTopLogprobs = 20

// Request is the body of POST /v1/chat/completions.
type Request struct {
	Model    string    `json:"model" doc:"The model that answers." example:"gpt-3.5-turbo"`
	Messages []Message `json:"messages" doc:"The conversation so far." min:"1"`
	wire.Sampling
	MaxCompletionTokens *int            `json:"max_completion_tokens,omitzero" doc:"The newer name of max_tokens." min:"1"`
	Logprobs            bool            `json:"logprobs,omitzero" doc:"Report the log probability of each token of the answer." default:"false"`
	TopLogprobs         *int            `json:"top_logprobs,omitzero" doc:"And of this many likeliest alternatives, 0 to 20; needs logprobs." min:"0" max:"20"`
	ResponseFormat      *ResponseFormat `json:"response_format,omitzero" doc:"The form that the answer must have; text when left out."`
	Functions

	NotYet
	Harmless
}

// NotYet are parameters that this release refuses when they ask for something.
type NotYet struct {
	Modalities       jsontext.Value `json:"modalities,omitzero" doc:"Only [\"text\"] in this release."`
	Audio            jsontext.Value `json:"audio,omitzero" doc:"Not supported by this release."`
	Prediction       jsontext.Value `json:"prediction,omitzero" doc:"Not supported by this release."`
	ReasoningEffort  jsontext.Value `json:"reasoning_effort,omitzero" doc:"Not supported by this release."`
	Verbosity        jsontext.Value `json:"verbosity,omitzero" doc:"Not supported by this release."`
	WebSearchOptions jsontext.Value `json:"web_search_options,omitzero" doc:"Not supported by this release."`
	Store            jsontext.Value `json:"store,omitzero" doc:"Not supported by this release."`
	Moderation       jsontext.Value `json:"moderation,omitzero" doc:"Not supported by this release."`
}

// Harmless are parameters of later years that do not change an answer here; they are taken and not used.
type Harmless struct {
	Metadata             jsontext.Value `json:"metadata,omitzero" doc:"Taken and not kept: answers are not stored."`
	ServiceTier          jsontext.Value `json:"service_tier,omitzero" doc:"Taken and not used: there is one tier."`
	SafetyIdentifier     jsontext.Value `json:"safety_identifier,omitzero" doc:"Taken and not used."`
	PromptCacheKey       jsontext.Value `json:"prompt_cache_key,omitzero" doc:"Taken and not used: every prefix is cached."`
	PromptCacheRetention jsontext.Value `json:"prompt_cache_retention,omitzero" doc:"Taken and not used."`
	PromptCacheOptions   jsontext.Value `json:"prompt_cache_options,omitzero" doc:"Taken and not used."`
}

// Message is one turn of the conversation.
type Message struct {
	Role       string  `json:"role" doc:"Who speaks: system, user, assistant, function or tool; developer is read as system." enum:"system,user,assistant,function,tool,developer" example:"user"`
	Content    Content `json:"content" doc:"What is said: a text, or a list of text parts; null beside calls."`
	Name       string  `json:"name,omitzero" doc:"Tells speakers of one role apart; the function's name for role function."`
	ToolCallID string  `json:"tool_call_id,omitzero" doc:"For role tool: the call that this answers."`

	// What assistants' messages carry; clients send them back as they got them.
	ToolCalls    []SentCall     `json:"tool_calls,omitzero" doc:"The calls that the assistant made; a message of role tool has to answer each."`
	FunctionCall *FunctionCall  `json:"function_call,omitzero" doc:"The call that the assistant made, in the way of 2023."`
	Audio        jsontext.Value `json:"audio,omitzero" doc:"Not supported by this release."`
	Refusal      jsontext.Value `json:"refusal,omitzero" doc:"Not supported by this release."`
	Annotations  jsontext.Value `json:"annotations,omitzero" doc:"Taken and not used."`

	// LiteLLM puts this into each answer, and its programs send the answer back as they got it.
	ProviderFields jsontext.Value `json:"provider_specific_fields,omitzero" doc:"LiteLLM's own: taken and not used."`
}

// Content is a text, or a list of parts; null is no content.
type Content struct {
	Text  string // the text, or the texts of the parts, a line each
	Given bool   // it was there and not null
	Null  bool   // it was there
}

// part is one of a message's content parts.
type part struct {
	Type       string         `json:"type"`
	Text       *string        `json:"text"`
	ImageURL   jsontext.Value `json:"image_url"`
	InputAudio jsontext.Value `json:"input_audio"`
	File       jsontext.Value `json:"file"`
	Refusal    jsontext.Value `json:"refusal"`
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *Content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*c = Content{}
	switch k := dec.PeekKind(); k {
	case 'n':
		c.Null = true
		return dec.SkipValue()
	case '"':
		c.Given = true
		return json.UnmarshalDecode(dec, &c.Text)
	case '[':
		c.Given = true
		return c.parts(dec)
	default:
		return httpapi.WrongType("one of a string or an array of objects", k)
	}
}

func (c *Content) parts(dec *jsontext.Decoder) error {
	var parts []part
	if err := json.UnmarshalDecode(dec, &parts); err != nil {
		return err
	}
	if len(parts) == 0 {
		return httpapi.AnyOf("", "empty_array", "Expected an array with at least one part.")
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		param := fmt.Sprintf("[%d]", i)
		switch {
		case p.Type == "text" && p.Text != nil:
			texts[i] = *p.Text
		case p.Type == "text":
			return httpapi.Required(param+".text", false)
		case p.Type == "":
			return httpapi.Required(param+".type", false)
		case p.Type == "image_url", p.Type == "input_audio", p.Type == "file", p.Type == "refusal":
			return wire.Unsupported(param, "A content part of type '"+p.Type+"'")
		default:
			return httpapi.OneOf(param+".type", p.Type, "text")
		}
	}
	c.Text = strings.Join(texts, "\n")
	return nil
}

// OpenAPISchema implements openapi's hook.
func (Content) OpenAPISchema() map[string]any {
	text := map[string]any{"type": "string"}
	part := map[string]any{
		"type": "object", "required": []string{"type", "text"},
		"properties": map[string]any{"type": map[string]any{"type": "string", "enum": []string{"text"}}, "text": text},
	}
	return map[string]any{"oneOf": []any{text, map[string]any{"type": "array", "items": part, "minItems": 1}}}
}

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// operation checks the request and returns what the core runs.
func (r *Request) operation(requestID string) (generate.Request, generate.Prompt, error) {
	if err := r.check(); err != nil {
		return generate.Request{}, generate.Prompt{}, err
	}
	messages, err := r.turns()
	if err != nil {
		return generate.Request{}, generate.Prompt{}, err
	}
	out := generate.Request{ID: requestID, Op: "chat", Class: "chat", Model: r.Model, Param: "messages", Logprobs: r.Logprobs}
	r.Fill(&out)
	if r.TopLogprobs != nil {
		out.TopLogprobs = *r.TopLogprobs
	}
	if err := r.Functions.apply(&out); err != nil {
		return generate.Request{}, generate.Prompt{}, err
	}
	out.Format, err = r.format(messages)
	return out, generate.FromMessages(messages), err
}

func (r *Request) check() error {
	if err := httpapi.Model(r.Model); err != nil {
		return err
	}
	if r.MaxCompletionTokens != nil {
		if r.MaxTokens != nil {
			return fault.Param("max_completion_tokens", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported. They mean the same: send one.")
		}
		if err := httpapi.Min("max_completion_tokens", r.MaxCompletionTokens, 1); err != nil {
			return err
		}
		r.MaxTokens = r.MaxCompletionTokens
	}
	if r.Messages != nil && len(r.Messages) == 0 {
		return httpapi.NotEmpty("messages", 0)
	}
	if r.TopLogprobs != nil && !r.Logprobs {
		return fault.Param("top_logprobs", "Invalid value for 'top_logprobs': 'logprobs' must be set to true to use 'top_logprobs'.")
	}
	return httpapi.First(
		httpapi.Required("messages", r.Messages != nil),
		r.Sampling.Check(1),
		httpapi.Range("top_logprobs", r.TopLogprobs, 0, maxTopLogprobs),
		wire.Refused("modalities", r.Modalities, `["text"]`),
		wire.Refused("audio", r.Audio),
		wire.Refused("prediction", r.Prediction),
		wire.Refused("reasoning_effort", r.ReasoningEffort),
		wire.Refused("verbosity", r.Verbosity),
		wire.Refused("web_search_options", r.WebSearchOptions),
		wire.Refused("store", r.Store),
		wire.Refused("moderation", r.Moderation),
	)
}

// turn checks message i and returns it as the engine takes it.
func (m *Message) turn(i int) (engine.Message, error) {
	at := func(field string) string { return fmt.Sprintf("messages[%d].%s", i, field) }
	switch m.Role {
	case "system", "user", "assistant", "tool", "function", "developer":
	case "":
		return engine.Message{}, httpapi.Required(at("role"), false)
	default:
		return engine.Message{}, httpapi.OneOf(at("role"), m.Role, "system", "assistant", "user", "function", "tool", "developer")
	}
	if err := m.later(at); err != nil {
		return engine.Message{}, err
	}
	calls, err := m.calls(i)
	switch {
	case err != nil:
		return engine.Message{}, err
	case !m.Content.Given && !m.Content.Null && calls == nil && m.FunctionCall == nil:
		return engine.Message{}, httpapi.Required(at("content"), false)
	case !m.Content.Given && calls == nil && m.FunctionCall == nil:
		return engine.Message{}, fault.Param(at("content"), "Invalid value for 'content': expected a string, got null.")
	case m.Name != "" && !nameForm.MatchString(m.Name):
		return engine.Message{}, httpapi.Matches(at("name"), m.Name, nameForm)
	case m.Role == "function" && m.Name == "":
		return engine.Message{}, fault.Param(place(i, "name"), "Missing parameter 'name': messages with role 'function' must have a 'name'.")
	case m.Role == "tool" && m.ToolCallID == "":
		return engine.Message{}, fault.Param(place(i, "tool_call_id"), "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.")
	}
	role := m.Role
	if role == "developer" {
		role = "system" // what today's clients call it
	}
	turn := engine.Message{Role: role, Content: m.Content.Text, Name: m.Name, ToolCalls: calls}
	if m.Role == "tool" {
		turn.ToolCallID = m.ToolCallID
	}
	return turn, nil
}

// later refuses what only later releases understand. Paths are made only when there is something.
func (m *Message) later(at func(string) string) error {
	for _, f := range [...]struct {
		name  string
		value jsontext.Value
	}{{"audio", m.Audio}, {"refusal", m.Refusal}} {
		if f.value == nil {
			continue
		}
		if err := wire.Refused(at(f.name), f.value, `""`); err != nil {
			return err
		}
	}
	return nil
}
