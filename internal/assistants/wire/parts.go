package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/httpapi"
)

// Text is a text that may be left out, which keeps what there is, or null, which removes it.
type Text struct {
	Given bool
	Value *string
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *Text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	t.Given, t.Value = true, nil
	return json.UnmarshalDecode(dec, &t.Value)
}

// OpenAPISchema implements openapi's hook.
func (Text) OpenAPISchema() map[string]any { return map[string]any{"type": []string{"string", "null"}} }

// Metadata are texts by name. Numbers and truth values are taken as their texts, as the original did.
type Metadata map[string]string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (m *Metadata) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch k := dec.PeekKind(); k {
	case 'n':
		*m = nil
		return dec.SkipValue()
	case '{':
	default:
		return httpapi.WrongType("object", k)
	}
	var values map[string]scalar
	if err := json.UnmarshalDecode(dec, &values); err != nil {
		return err
	}
	*m = Metadata{}
	for k, v := range values {
		(*m)[k] = string(v)
	}
	return nil
}

type scalar string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (s *scalar) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch k := dec.PeekKind(); k {
	case '"':
		var text string
		if err := json.UnmarshalDecode(dec, &text); err != nil {
			return err
		}
		*s = scalar(text)
		return nil
	case '0', 't', 'f':
		v, err := dec.ReadValue()
		*s = scalar(v)
		return err
	default:
		return httpapi.WrongType("string", k)
	}
}

// Tool is a tool of an assistant or a run.
type Tool struct {
	Type       string      `json:"type" doc:"file_search is retrieval in v1." enum:"code_interpreter,file_search,retrieval,function"`
	FileSearch *FileSearch `json:"file_search,omitzero" doc:"Only v2: options of file_search."`
	Function   *Function   `json:"function,omitzero" doc:"Of the type function."`
}

// FileSearch are the options of the tool.
type FileSearch struct {
	MaxNumResults  *int            `json:"max_num_results,omitzero" doc:"Passages that a search gives at most." min:"1" max:"50"`
	RankingOptions *RankingOptions `json:"ranking_options,omitzero"`
}

// RankingOptions say which passages count.
type RankingOptions struct {
	Ranker         string   `json:"ranker,omitzero" enum:"auto,default_2024_08_21"`
	ScoreThreshold *float64 `json:"score_threshold,omitzero" doc:"Passages below it are left out." min:"0" max:"1"`
}

// Function is a function of the caller.
type Function struct {
	Name        string         `json:"name" doc:"a-z, A-Z, 0-9, _ and -, at most 64 characters."`
	Description *string        `json:"description,omitzero"`
	Parameters  jsontext.Value `json:"parameters,omitzero" doc:"A JSON Schema of the arguments, an object."`
	Strict      *bool          `json:"strict,omitzero"`
}

// OpenAPIName implements openapi's hook.
func (Tool) OpenAPIName() string { return "AssistantTool" }

// OpenAPIName implements openapi's hook.
func (FileSearch) OpenAPIName() string { return "AssistantFileSearch" }

// OpenAPIName implements openapi's hook.
func (RankingOptions) OpenAPIName() string { return "AssistantRankingOptions" }

// OpenAPIName implements openapi's hook.
func (Function) OpenAPIName() string { return "AssistantFunction" }

// search is the name of file search in a generation.
func (v Version) search() string {
	if v == V1 {
		return "retrieval"
	}
	return object.FileSearch
}

// tools writes tools.
func (v Version) tools(tools []object.Tool) []Tool {
	out := make([]Tool, len(tools))
	for i, t := range tools {
		out[i] = Tool{Type: t.Type}
		switch t.Type {
		case object.FileSearch:
			out[i].Type = v.search()
			if o := t.Search; o != nil && v == V2 {
				out[i].FileSearch = &FileSearch{MaxNumResults: o.MaxResults}
				if o.Ranker != "" || o.Threshold != nil {
					out[i].FileSearch.RankingOptions = &RankingOptions{Ranker: o.Ranker, ScoreThreshold: o.Threshold}
				}
			}
		case object.FunctionTool:
			f := t.Function
			out[i].Function = &Function{Name: f.Name, Description: f.Description, Parameters: f.Parameters}
			if v == V2 {
				out[i].Function.Strict = f.Strict
			} else if f.Parameters == nil {
				out[i].Function.Parameters = jsontext.Value("{}")
			}
		}
	}
	return out
}

// Tools reads tools; nil stays nil. Names, schemas and how many they are is the core's to check.
func (v Version) Tools(tools []Tool) ([]object.Tool, error) {
	if tools == nil {
		return nil, nil
	}
	out := make([]object.Tool, len(tools))
	for i, t := range tools {
		switch t.Type {
		case object.CodeInterpreter, v.search(), object.FunctionTool:
		default:
			return nil, choice(at("tools[%d].type", i), t.Type, object.CodeInterpreter, object.FunctionTool, v.search())
		}
		out[i] = object.Tool{Type: t.Type}
		switch t.Type {
		case v.search():
			out[i].Type = object.FileSearch
			if t.FileSearch != nil {
				if v == V1 {
					return nil, unknown(at("tools[%d].file_search", i))
				}
				o := &object.SearchOptions{MaxResults: t.FileSearch.MaxNumResults}
				if r := t.FileSearch.RankingOptions; r != nil {
					o.Ranker, o.Threshold = r.Ranker, r.ScoreThreshold
				}
				out[i].Search = o
			}
		case object.FunctionTool:
			if t.Function == nil {
				return nil, required(at("tools[%d].function", i))
			}
			f := t.Function
			out[i].Function = &object.Function{Name: f.Name, Description: f.Description, Strict: f.Strict}
			if len(f.Parameters) > 0 && f.Parameters.Kind() != 'n' {
				out[i].Function.Parameters = f.Parameters.Clone()
			}
		}
	}
	return out, nil
}

// ResponseFormat is the word auto, or an object with a type.
type ResponseFormat struct {
	Type       string
	JSONSchema jsontext.Value
}

type formatObject struct {
	Type       string         `json:"type"`
	JSONSchema jsontext.Value `json:"json_schema,omitzero"`
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (f *ResponseFormat) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*f = ResponseFormat{Type: "auto"}
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '"':
		if err := json.UnmarshalDecode(dec, &f.Type); err != nil {
			return err
		}
		if f.Type != "auto" {
			return choice("", f.Type, "auto")
		}
		return nil
	case '{':
		var o formatObject
		if err := json.UnmarshalDecode(dec, &o); err != nil {
			return err
		}
		*f = ResponseFormat{Type: o.Type, JSONSchema: o.JSONSchema.Clone()}
		return nil
	default:
		return httpapi.WrongType("one of a string or an object", k)
	}
}

// MarshalJSONTo implements json.MarshalerTo.
func (f ResponseFormat) MarshalJSONTo(enc *jsontext.Encoder) error {
	if f.Type == "auto" || f.Type == "" {
		return enc.WriteToken(jsontext.String("auto"))
	}
	return json.MarshalEncode(enc, formatObject(f))
}

// OpenAPISchema implements openapi's hook.
func (ResponseFormat) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string", "enum": []string{"auto"}},
		map[string]any{"type": "object", "required": []string{"type"}, "properties": map[string]any{
			"type": map[string]any{"type": "string", "enum": []string{"text", "json_object", "json_schema"}}, "json_schema": map[string]any{"type": "object"},
		}},
	}}
}

// Format reads a response_format; nil is auto.
func (f *ResponseFormat) Format() *object.ResponseFormat {
	if f == nil || f.Type == "auto" {
		return nil
	}
	return &object.ResponseFormat{Type: f.Type, JSONSchema: f.JSONSchema}
}

func responseFormat(f *object.ResponseFormat) ResponseFormat {
	if f == nil {
		return ResponseFormat{Type: "auto"}
	}
	return ResponseFormat{Type: f.Type, JSONSchema: f.JSONSchema}
}

// ToolChoice is the word none, auto or required, or an object that names a tool.
type ToolChoice struct {
	Type string
	Name string // of a function
}

type choiceObject struct {
	Type     string       `json:"type"`
	Function *namedObject `json:"function,omitzero"`
}

type namedObject struct {
	Name string `json:"name"`
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *ToolChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*c = ToolChoice{Type: "auto"}
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '"':
		if err := json.UnmarshalDecode(dec, &c.Type); err != nil {
			return err
		}
		switch c.Type {
		case "none", "auto", "required":
			return nil
		}
		return choice("", c.Type, "none", "auto", "required")
	case '{':
		var o choiceObject
		if err := json.UnmarshalDecode(dec, &o); err != nil {
			return err
		}
		switch o.Type {
		case object.CodeInterpreter, object.FileSearch:
		case object.FunctionTool:
			if o.Function == nil || o.Function.Name == "" {
				return required("function.name")
			}
			c.Name = o.Function.Name
		default:
			return choice("type", o.Type, object.CodeInterpreter, object.FileSearch, object.FunctionTool)
		}
		c.Type = o.Type
		return nil
	default:
		return httpapi.WrongType("one of a string or an object", k)
	}
}

// MarshalJSONTo implements json.MarshalerTo.
func (c ToolChoice) MarshalJSONTo(enc *jsontext.Encoder) error {
	switch c.Type {
	case "none", "auto", "required":
		return enc.WriteToken(jsontext.String(c.Type))
	case object.FunctionTool:
		return json.MarshalEncode(enc, choiceObject{c.Type, &namedObject{c.Name}})
	}
	return json.MarshalEncode(enc, choiceObject{Type: c.Type})
}

// OpenAPISchema implements openapi's hook.
func (ToolChoice) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string", "enum": []string{"none", "auto", "required"}},
		map[string]any{"type": "object", "required": []string{"type"}, "properties": map[string]any{
			"type":     map[string]any{"type": "string", "enum": []string{"function", "code_interpreter", "file_search"}},
			"function": map[string]any{"type": "object", "required": []string{"name"}, "properties": map[string]any{"name": map[string]any{"type": "string"}}},
		}},
	}}
}

// Truncation says what of a thread the model sees.
type Truncation struct {
	Type         string `json:"type" enum:"auto,last_messages"`
	LastMessages *int   `json:"last_messages" doc:"How many, with last_messages." min:"1"`
}

// OpenAPIName implements openapi's hook.
func (Truncation) OpenAPIName() string { return "RunTruncation" }
