package retrieval

import "slices"

// Filter is a condition on the attributes of a file: a comparison, or several filters joined by and, or.
type Filter struct {
	Type    string // eq, ne, gt, gte, lt, lte, in, nin; and, or
	Key     string
	Value   any // a text, a float64, a boolean; of in and nin a []any of these
	Filters []Filter
}

// Operators of filters.
var (
	comparisons = []string{"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"}
	compounds   = []string{"and", "or"}
)

// matches reports whether attributes satisfy the filter. What a file does not have equals nothing, and is not in any list.
func (f *Filter) matches(attributes map[string]any) bool {
	if f == nil {
		return true
	}
	switch f.Type {
	case "and":
		return !slices.ContainsFunc(f.Filters, func(g Filter) bool { return !g.matches(attributes) })
	case "or":
		return slices.ContainsFunc(f.Filters, func(g Filter) bool { return g.matches(attributes) })
	}
	have, ok := attributes[f.Key]
	switch f.Type {
	case "eq":
		return ok && have == f.Value
	case "ne":
		return !ok || have != f.Value
	case "in", "nin":
		list, _ := f.Value.([]any)
		return (ok && slices.Contains(list, have)) == (f.Type == "in")
	}
	order, comparable := compare(have, f.Value)
	if !comparable {
		return false
	}
	switch f.Type {
	case "gt":
		return order > 0
	case "gte":
		return order >= 0
	case "lt":
		return order < 0
	case "lte":
		return order <= 0
	}
	return false
}

// compare orders two numbers or two texts; nothing else has an order.
func compare(a, b any) (int, bool) {
	switch a := a.(type) {
	case float64:
		if b, ok := b.(float64); ok {
			switch {
			case a < b:
				return -1, true
			case a > b:
				return 1, true
			}
			return 0, true
		}
	case string:
		if b, ok := b.(string); ok {
			switch {
			case a < b:
				return -1, true
			case a > b:
				return 1, true
			}
			return 0, true
		}
	}
	return 0, false
}
