package wire

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// Stop is a text or a list of texts. Empty texts, which old programs send for "none", are left out.
type Stop []string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (s *Stop) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*s = nil
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '"':
		var one string
		if err := json.UnmarshalDecode(dec, &one); err != nil {
			return err
		}
		*s = Stop{one}
	case '[':
		var list []string
		if err := json.UnmarshalDecode(dec, &list); err != nil {
			return err
		}
		*s = list
	default:
		return httpapi.WrongType("one of a string or an array of strings", k)
	}
	*s = slices.DeleteFunc(*s, func(text string) bool { return text == "" })
	return nil
}

func (s Stop) check() error {
	if len(s) <= MaxStop {
		return nil
	}
	return httpapi.AnyOf("stop", "array_above_max_length", "Expected an array with maximum length %d, but got an array with length %d instead.", MaxStop, len(s))
}

// OpenAPISchema implements openapi's hook.
func (Stop) OpenAPISchema() map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{"oneOf": []any{
		text, map[string]any{"type": "array", "items": text, "maxItems": MaxStop}, map[string]any{"type": "null"},
	}}
}

// LogitBias maps token ids, which are strings on the wire, to biases. It is kept in the order of ids,
// so that the same request is the same work.
type LogitBias []engine.TokenBias

// maxBias bounds the entries: the original takes about this many too.
const maxBias = 1024

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *LogitBias) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*l = nil
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '{':
	default:
		return httpapi.WrongType("object", k)
	}
	var m map[string]float64
	if err := json.UnmarshalDecode(dec, &m); err != nil {
		return err
	}
	out := make(LogitBias, 0, len(m))
	for key, bias := range m {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil || id < 0 {
			return fault.New(fault.Invalid, "Invalid key in 'logit_bias': %s. You should only be submitting non-negative integers.", clip(key))
		}
		out = append(out, engine.TokenBias{Token: engine.Token(id), Bias: float32(bias)})
	}
	slices.SortFunc(out, func(a, b engine.TokenBias) int { return int(a.Token) - int(b.Token) })
	*l = out
	return nil
}

// OpenAPISchema implements openapi's hook.
func (LogitBias) OpenAPISchema() map[string]any {
	return map[string]any{"type": []string{"object", "null"}, "additionalProperties": map[string]any{"type": "number", "minimum": -100, "maximum": 100}}
}

func (l LogitBias) check() error {
	if len(l) > maxBias {
		return fault.Param("logit_bias", "Invalid 'logit_bias': too many entries. Expected at most %d, but got %d instead.", maxBias, len(l))
	}
	for _, b := range l {
		if b.Bias < -100 || b.Bias > 100 {
			bias, _ := strconv.ParseFloat(strconv.FormatFloat(float64(b.Bias), 'g', -1, 32), 64) // as it was written
			return httpapi.Range(fmt.Sprintf("logit_bias.%d", b.Token), &bias, -100, 100)
		}
	}
	return nil
}

// Refused is a parameter that this release knows and does not do: null, false, an empty list and what fine
// lists are taken as "not asked for"; anything else is refused, because ignoring it would change the answer
// silently. An empty object asks for something: "web_search_options": {} is how programs turn a search on.
func Refused(param string, v jsontext.Value, fine ...string) error {
	if len(v) == 0 {
		return nil
	}
	v = v.Clone()
	if err := v.Compact(); err != nil {
		return fault.Param(param, "Invalid '%s': this is not JSON.", param).WithCause(err)
	}
	text := string(v)
	if text == "null" || text == "false" || text == "[]" || slices.Contains(fine, text) {
		return nil
	}
	return Unsupported(param, fmt.Sprintf("The parameter '%s'", param))
}

// Unsupported refuses what this release does not do; what begins the sentence.
func Unsupported(param, what string) error {
	return fault.Param(param, "%s is not supported by this release of Parley. Leave it out: it is refused here rather than ignored, because the answer would not be what you ask for.", what).
		WithCode("unsupported_parameter")
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
