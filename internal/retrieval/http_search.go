package retrieval

import (
	"fmt"
	"math"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// Question is a text, or several.
type Question []string

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (q *Question) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '"':
		var text string
		err := json.UnmarshalDecode(dec, &text)
		*q = Question{text}
		return err
	case '[':
		var texts []string
		err := json.UnmarshalDecode(dec, &texts)
		*q = texts
		return err
	default:
		return httpapi.WrongType("one of a string or array of strings", k)
	}
}

// OpenAPISchema implements openapi's hook.
func (Question) OpenAPISchema() map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{"oneOf": []any{text, map[string]any{"type": "array", "items": text, "minItems": 1, "maxItems": MaxQueries}}}
}

// FilterBody is a filter in a request.
type FilterBody struct{ Filter }

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (f *FilterBody) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	left := maxFilters
	f.Filter, err = filter(raw, "", maxDepth, &left)
	return err
}

// OpenAPISchema implements openapi's hook.
func (FilterBody) OpenAPISchema() map[string]any {
	scalars := []any{map[string]any{"type": "string"}, map[string]any{"type": "number"}, map[string]any{"type": "boolean"}}
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "object", "required": []string{"type", "key", "value"}, "properties": map[string]any{
			"type": map[string]any{"type": "string", "enum": comparisons}, "key": map[string]any{"type": "string"},
			"value": map[string]any{"oneOf": append(scalars, map[string]any{"type": "array", "items": map[string]any{"oneOf": scalars[:2]}})},
		}},
		map[string]any{"type": "object", "required": []string{"type", "filters"}, "properties": map[string]any{
			"type": map[string]any{"type": "string", "enum": compounds}, "filters": map[string]any{"type": "array", "items": map[string]any{"type": "object"}},
		}},
	}}
}

// filter reads a filter of a request, or of a model's or an assistant's tool.
func filter(raw jsontext.Value, at string, depth int, left *int) (f Filter, err error) {
	in := func(name string) string { return strings.TrimPrefix(at+"."+name, ".") }
	if k := raw.Kind(); k != '{' {
		return f, httpapi.WrongType("object", k)
	}
	if *left--; *left < 0 || depth == 0 {
		return f, fault.Param(at, "The filter has more than %d conditions, or more than %d within each other. Make it simpler.", maxFilters, maxDepth).WithCode("invalid_value")
	}
	var body struct {
		Type    string           `json:"type"`
		Key     *string          `json:"key"`
		Value   jsontext.Value   `json:"value"`
		Filters []jsontext.Value `json:"filters"`
	}
	if err := json.Unmarshal(raw, &body, json.RejectUnknownMembers(true)); err != nil {
		return f, fault.Param(at, "A filter has 'type', 'key' and 'value', or 'type' and 'filters'.").WithCode("invalid_value").WithCause(err)
	}
	f.Type = body.Type
	if err := httpapi.First(httpapi.Required(in("type"), f.Type != ""), httpapi.OneOf(in("type"), f.Type, append(comparisons[:len(comparisons):len(comparisons)], compounds...)...)); err != nil {
		return f, err
	}
	if f.Type == "and" || f.Type == "or" {
		if err := httpapi.Required(in("filters"), body.Filters != nil); err != nil {
			return f, err
		}
		for i, inner := range body.Filters {
			g, err := filter(inner, in(fmt.Sprintf("filters[%d]", i)), depth-1, left)
			if err != nil {
				return f, err
			}
			f.Filters = append(f.Filters, g)
		}
		return f, httpapi.NotEmpty(in("filters"), len(f.Filters))
	}
	if err := httpapi.First(httpapi.Required(in("key"), body.Key != nil), httpapi.Required(in("value"), body.Value != nil)); err != nil {
		return f, err
	}
	f.Key = *body.Key
	f.Value, err = operand(f.Type, in("value"), body.Value)
	return f, err
}

// operand reads what attributes are compared with.
func operand(op, at string, raw jsontext.Value) (any, error) {
	list := op == "in" || op == "nin"
	if list != (raw.Kind() == '[') {
		want := "a text, a number or true or false"
		if list {
			want = "a list of texts and numbers"
		}
		return nil, fault.Param(at, "'%s' compares with %s.", op, want).WithCode("invalid_type")
	}
	if !list {
		v, err := scalar(raw)
		if err != nil {
			return nil, fault.Param(at, "'%s' compares with a text, a number or true or false.", op).WithCode("invalid_type")
		}
		return v, nil
	}
	var items []jsontext.Value
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, fault.Param(at, "'%s' compares with a list of texts and numbers.", op).WithCode("invalid_type").WithCause(err)
	}
	out := make([]any, len(items))
	for i, item := range items {
		v, err := scalar(item)
		if err != nil {
			return nil, fault.Param(fmt.Sprintf("%s[%d]", at, i), "'%s' compares with a list of texts and numbers.", op).WithCode("invalid_type")
		}
		out[i] = v
	}
	return out, nil
}

// ParseFilter reads a filter as requests write it: {"type": "eq", "key": …, "value": …}, or {"type": "and", "filters": […]}. nil and
// null are no filter. Its errors name the place relative to the filter.
func ParseFilter(raw []byte) (*Filter, error) {
	v := jsontext.Value(raw)
	if len(raw) == 0 || v.Kind() == 'n' {
		return nil, nil
	}
	left := maxFilters
	f, err := filter(v, "", maxDepth, &left)
	return &f, err
}

func (b SearchBody) check() (Query, error) {
	q := Query{Texts: b.Query}
	var threshold *float64
	if r := b.RankingOptions; r != nil {
		threshold = r.ScoreThreshold
		if err := httpapi.OneOf("ranking_options.ranker", r.Ranker, "none", "auto", "default-2024-11-15"); err != nil {
			return q, err
		}
		if h := r.HybridSearch; h != nil {
			if h.EmbeddingWeight < 0 || h.TextWeight < 0 || math.IsInf(h.EmbeddingWeight+h.TextWeight, 0) {
				return q, fault.Param("ranking_options.hybrid_search", "Weights are 0 or more.").WithCode("invalid_value")
			}
			q.Weights = &Weights{h.EmbeddingWeight, h.TextWeight}
		}
	}
	if err := httpapi.First(httpapi.Required("query", b.Query != nil), httpapi.NotEmpty("query", len(b.Query)), httpapi.MaxItems("query", len(b.Query), MaxQueries),
		httpapi.Range("max_num_results", b.MaxNumResults, 1, MaxHits), httpapi.Range("ranking_options.score_threshold", threshold, 0, 1)); err != nil {
		return q, err
	}
	for i, text := range b.Query {
		param := "query"
		if len(b.Query) > 1 {
			param = fmt.Sprintf("query[%d]", i)
		}
		if strings.TrimSpace(text) == "" {
			return q, fault.Param(param, "The question is empty: say what to look for.").WithCode("invalid_value")
		}
		if err := httpapi.MaxLength(param, text, maxText); err != nil {
			return q, err
		}
	}
	if b.MaxNumResults != nil {
		q.Max = *b.MaxNumResults
	}
	if threshold != nil {
		q.Threshold = *threshold
	}
	if b.Filters != nil {
		q.Filter = &b.Filters.Filter
	}
	return q, nil
}
