package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// score counts what was right, over the cases of a group.
type score struct {
	cases, decided            int // decided: called when a call was wanted, and not when none was
	calls, parsed, valid      int // over all calls that were made
	functions, arguments, cut int // cases whose calls are those wanted: by name, and by their arguments too
	times                     []time.Duration
}

func (s *score) add(o score) {
	s.cases += o.cases
	s.decided += o.decided
	s.calls += o.calls
	s.parsed += o.parsed
	s.valid += o.valid
	s.functions += o.functions
	s.arguments += o.arguments
	s.cut += o.cut
	s.times = append(s.times, o.times...)
}

func (s *score) row(name string) {
	slices.Sort(s.times)
	median := s.times[len(s.times)/2].Round(10 * time.Millisecond)
	of := func(n, all int) string {
		if all == 0 {
			return "–"
		}
		return fmt.Sprintf("%d of %d", n, all)
	}
	fmt.Printf("| %s | %d | %s | %d | %s | %s | %s | %s | %d | %s |\n", name, s.cases, of(s.decided, s.cases), s.calls,
		of(s.parsed, s.calls), of(s.valid, s.calls), of(s.functions, s.cases), of(s.arguments, s.cases), s.cut, median)
}

// judge compares an answer with what its case wants.
func (s *suite) judge(c *testCase, got answer) score {
	out := score{cases: 1, calls: len(got.Message.ToolCalls)}
	if got.FinishReason == "length" {
		out.cut = 1
	}
	type made struct {
		name      string
		arguments any
	}
	var calls []made
	for _, call := range got.Message.ToolCalls {
		m := made{name: call.Function.Name}
		if err := json.Unmarshal([]byte(call.Function.Arguments), &m.arguments); err == nil {
			out.parsed++
			if f, ok := s.Tools[m.name]; ok && slices.Contains(c.Tools, m.name) && f.schema.Validate(m.arguments) == nil {
				out.valid++
			}
		}
		calls = append(calls, m)
	}
	if c.None {
		if len(calls) == 0 {
			out.decided, out.functions, out.arguments = 1, 1, 1
		}
		return out
	}
	if len(calls) > 0 {
		out.decided = 1
	}
	// Each wanted call takes the first call of that function whose arguments fit, else none.
	named, whole := len(calls) == len(c.Calls), len(calls) == len(c.Calls)
	left := slices.Clone(calls)
	for _, wanted := range c.Calls {
		for name, arguments := range wanted {
			at := slices.IndexFunc(left, func(m made) bool { return m.name == name && fits(m.arguments, arguments) })
			if at < 0 {
				whole = false
				at = slices.IndexFunc(left, func(m made) bool { return m.name == name })
			}
			if at < 0 {
				named = false
				continue
			}
			left = slices.Delete(left, at, at+1)
		}
	}
	if named {
		out.functions = 1
		if whole {
			out.arguments = 1
		}
	}
	return out
}

// fits says whether arguments have what is wanted of them.
func fits(arguments any, wanted map[string]any) bool {
	for path, want := range wanted {
		got, ok := at(arguments, strings.Split(path, "."))
		if !ok || !matches(got, want) {
			return false
		}
	}
	return true
}

// at follows a path through objects and lists.
func at(v any, path []string) (any, bool) {
	for _, step := range path {
		switch node := v.(type) {
		case map[string]any:
			next, ok := node[step]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			v = node[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// matches compares a value with a text that it contains, a number that it equals, or a list of such.
func matches(got, want any) bool {
	switch want := want.(type) {
	case []any:
		return slices.ContainsFunc(want, func(w any) bool { return matches(got, w) })
	case string:
		text, ok := got.(string)
		return ok && strings.Contains(strings.ToLower(text), strings.ToLower(want))
	}
	number, ok := got.(float64)
	return ok && fmt.Sprint(number) == fmt.Sprint(toFloat(want))
}

func toFloat(v any) float64 {
	switch v := v.(type) {
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case float64:
		return v
	}
	panic(fmt.Sprintf("cases.yaml wants a %T, which is neither text, number nor list", v))
}
