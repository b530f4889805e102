package wire

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/httpapi"
)

// Prompts is `prompt` and `input`: a text, a list of texts, a list of token ids (which is one
// prompt), or a list of those. Texts or Tokens is set; neither when it was absent or null.
type Prompts struct {
	Texts  []string
	Tokens [][]engine.Token
}

// Len is how many prompts there are.
func (p *Prompts) Len() int { return len(p.Texts) + len(p.Tokens) }

const promptForms = "one of a string, an array of strings, an array of token ids, or an array of arrays of token ids"

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (p *Prompts) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*p = Prompts{}
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '"':
		p.Texts = []string{""}
		return json.UnmarshalDecode(dec, &p.Texts[0])
	case '[':
	default:
		return httpapi.WrongType(promptForms, k)
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch k := firstKind(raw); k {
	case ']':
		return empty("")
	case '"':
		return mixed(json.Unmarshal(raw, &p.Texts))
	case '0':
		p.Tokens = [][]engine.Token{nil}
		return mixed(json.Unmarshal(raw, &p.Tokens[0]))
	case '[':
		if err := mixed(json.Unmarshal(raw, &p.Tokens)); err != nil {
			return err
		}
		for i, t := range p.Tokens {
			if len(t) == 0 {
				return empty(fmt.Sprintf("[%d]", i))
			}
		}
		return nil
	default:
		return httpapi.WrongType(promptForms, k)
	}
}

// firstKind is the kind of an array's first element, or ']' when there is none.
func firstKind(array jsontext.Value) jsontext.Kind {
	for _, c := range array[1:] {
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		case c == '-' || c >= '0' && c <= '9':
			return '0'
		default:
			return jsontext.Kind(c)
		}
	}
	return ']'
}

// mixed explains an array whose elements are not all of one kind.
func mixed(err error) error {
	if err == nil {
		return nil
	}
	return httpapi.AnyOf("", "invalid_type", "Expected %s, all of one kind; token ids are whole numbers.", promptForms)
}

// empty reports a list of nothing at a place within the prompts.
func empty(at string) error {
	return httpapi.AnyOf(at, "empty_array", "Expected an array with minimum length 1, but got an empty array instead.")
}

// OpenAPISchema implements openapi's hook.
func (Prompts) OpenAPISchema() map[string]any {
	list := func(items map[string]any) map[string]any {
		return map[string]any{"type": "array", "items": items, "minItems": 1}
	}
	text, id := map[string]any{"type": "string"}, map[string]any{"type": "integer", "minimum": 0}
	return map[string]any{"oneOf": []any{text, list(text), list(id), list(list(id))}}
}
