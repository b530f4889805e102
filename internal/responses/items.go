package responses

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
)

// Input is a text of the user's, or a list of items.
type Input struct {
	Given bool
	Items []Item
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (in *Input) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*in = Input{}
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '"':
		in.Given = true
		var text string
		if err := json.UnmarshalDecode(dec, &text); err != nil {
			return err
		}
		in.Items = []Item{{Type: MessageItem, Role: "user", Content: Content{{Type: "input_text", Text: &text}}}}
		return nil
	case '[':
		in.Given = true
		return json.UnmarshalDecode(dec, &in.Items)
	default:
		return httpapi.WrongType("one of a string or an array of input items", k)
	}
}

// OpenAPISchema implements openapi's hook.
func (Input) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string"},
		map[string]any{"type": "array", "items": map[string]any{"type": "object"}},
	}}
}

// Content is a message's parts; on the way in it may be a text.
type Content []Part

// UnmarshalJSONFrom implements json.UnmarshalerFrom. A text has the type "" until its message's role is known.
func (c *Content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	parts, err := parts(dec)
	*c = parts
	return err
}

func parts(dec *jsontext.Decoder) ([]Part, error) {
	switch k := dec.PeekKind(); k {
	case 'n':
		return nil, dec.SkipValue()
	case '"':
		var text string
		if err := json.UnmarshalDecode(dec, &text); err != nil {
			return nil, err
		}
		return []Part{{Text: &text}}, nil
	case '[':
		out := []Part{}
		return out, json.UnmarshalDecode(dec, &out)
	default:
		return nil, httpapi.WrongType("one of a string or an array of objects", k)
	}
}

// OpenAPISchema implements openapi's hook.
func (Content) OpenAPISchema() map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"type": "object"}}
}

// Output is a function's result: a text, or parts. It is shown as it was sent.
type Output struct {
	Text  string
	Parts []Part // nil for a text
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (o *Output) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if k := dec.PeekKind(); k == '"' {
		*o = Output{}
		return json.UnmarshalDecode(dec, &o.Text)
	}
	parts, err := parts(dec)
	*o = Output{Parts: parts}
	return err
}

// MarshalJSONTo implements json.MarshalerTo.
func (o Output) MarshalJSONTo(enc *jsontext.Encoder) error {
	if o.Parts == nil {
		return json.MarshalEncode(enc, o.Text)
	}
	return json.MarshalEncode(enc, o.Parts)
}

// OpenAPISchema implements openapi's hook.
func (Output) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{map[string]any{"type": "string"}, map[string]any{"type": "array", "items": map[string]any{"type": "object"}}}}
}

// prefixes of ids, by type.
var prefixes = map[string]string{
	MessageItem: "msg_", FunctionCall: "fc_", CallOutput: "fco_", SearchCall: "fs_", CodeCall: "ci_", ReasonItem: "rs_",
}

// complete checks item i of an input, and fills in what may be left out. What a client sends back as it got it keeps its id, unless an
// item of the same input has it already.
func (t *Item) complete(at string, taken map[string]bool) error {
	switch {
	case t.Type == "" && t.Role != "":
		t.Type = MessageItem
	case t.Type == "" && t.ID != "":
		t.Type = Reference
	case t.Type == "":
		return httpapi.Required(at+".type", false)
	}
	var err error
	switch t.Type {
	case MessageItem:
		err = t.message(at)
	case FunctionCall:
		if t.Arguments == nil {
			return httpapi.Required(at+".arguments", false)
		}
		err = httpapi.First(httpapi.Required(at+".call_id", t.CallID != ""), httpapi.Required(at+".name", t.Name != ""), httpapi.Matches(at+".name", t.Name, nameForm))
	case CallOutput:
		if t.Output == nil {
			return httpapi.Required(at+".output", false)
		}
		if err = httpapi.Required(at+".call_id", t.CallID != ""); err == nil {
			err = checkParts(t.Output.Parts, at+".output", "input_text")
		}
	case Reference:
		return httpapi.Required(at+".id", t.ID != "")
	case SearchCall, CodeCall, ReasonItem:
	default:
		return fault.Param(at+".type", "Invalid value: '%.64s'. Supported values are: 'message', 'function_call', 'function_call_output', 'file_search_call', 'code_interpreter_call', 'reasoning', and 'item_reference'.", t.Type).
			WithCode("invalid_value")
	}
	if err != nil {
		return err
	}
	if !ids.Valid(prefixes[t.Type], t.ID) || taken[t.ID] {
		t.ID = ids.New(prefixes[t.Type])
	}
	taken[t.ID] = true
	if t.Status == "" {
		t.Status = Completed
	}
	return httpapi.OneOf(at+".status", t.Status, InProgress, Completed, Incomplete, "searching", "interpreting", Failed)
}

func (t *Item) message(at string) error {
	kind := "input_text"
	switch t.Role {
	case "assistant":
		kind = "output_text"
	case "user", "system", "developer":
	default:
		return httpapi.First(httpapi.Required(at+".role", t.Role != ""), httpapi.OneOf(at+".role", t.Role, "assistant", "system", "developer", "user"))
	}
	if t.Content == nil {
		return httpapi.Required(at+".content", false)
	}
	return checkParts(t.Content, at+".content", kind)
}

// checkParts checks parts, of which texts without a type get kind.
func checkParts(parts []Part, at, kind string) error {
	for i := range parts {
		p, at := &parts[i], fmt.Sprintf("%s[%d]", at, i)
		if p.Type == "" && p.Text != nil {
			p.Type = kind
		}
		switch p.Type {
		case "":
			return httpapi.Required(at+".type", false)
		case "input_text", "output_text", "text":
			if p.Text == nil {
				return httpapi.Required(at+".text", false)
			}
			if p.Type = kind; kind == "output_text" {
				p.output()
			}
		case "refusal":
			if p.Refusal == nil {
				return httpapi.Required(at+".refusal", false)
			}
		case "input_file":
			if (p.FileID == "") == (p.FileData == "") {
				return fault.Param(at, "Invalid '%s': expected 'file_id' or 'file_data', one of them.", at).WithCode("invalid_value")
			}
		case "input_image", "input_audio":
			return wire.Unsupported(at, "A content part of type '"+p.Type+"'")
		default:
			return httpapi.OneOf(at+".type", p.Type, "input_text", "output_text", "input_file", "refusal")
		}
	}
	return nil
}

// output fills in what parts of answers always have.
func (p *Part) output() {
	if p.Annotations == nil {
		p.Annotations = &[]Annotation{}
	}
	p.Logprobs = &[]struct{}{}
}

// completeAll checks the items of an input.
func completeAll(items []Item, param string, most int) error {
	if err := httpapi.MaxItems(param, len(items), most); err != nil {
		return err
	}
	taken := map[string]bool{}
	for i := range items {
		if err := items[i].complete(fmt.Sprintf("%s[%d]", param, i), taken); err != nil {
			return err
		}
	}
	return nil
}

// shown is an item as the API shows it: without what was not asked for.
func (t Item) shown(include map[string]bool) Item {
	switch t.Type {
	case SearchCall:
		if !include["file_search_call.results"] {
			t.Results = jsontext.Value("null")
		}
		if t.Queries == nil {
			t.Queries = []string{}
		}
	case CodeCall:
		if !include["code_interpreter_call.outputs"] || len(t.Outputs) == 0 {
			t.Outputs = jsontext.Value("null")
		}
	}
	return t
}

func shownAll(items []Item, include map[string]bool) []Item {
	out := make([]Item, len(items))
	for i := range items {
		out[i] = items[i].shown(include)
	}
	return out
}

// data is the content of a file that stands in the request.
func (p *Part) data(at string) ([]byte, error) {
	text := p.FileData
	if rest, ok := strings.CutPrefix(text, "data:"); ok {
		_, text, ok = strings.Cut(rest, ";base64,")
		if !ok {
			return nil, badData(at)
		}
	}
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, badData(at)
	}
	return out, nil
}

func badData(at string) error {
	return fault.Param(at+".file_data", "Invalid '%s.file_data': expected a base64-encoded content, as data:application/pdf;base64,….", at).WithCode("invalid_value")
}
