package jinja

import (
	"math/big"
)

// testFunc is a test: v is name(args).
type testFunc func(r *run, v any, a *args) bool

// is makes a test without arguments.
func is(name string, f func(v any) bool) testFunc {
	return func(_ *run, v any, a *args) bool {
		a.bind(name, 0)
		return f(v)
	}
}

func comparison(op string) testFunc {
	return func(r *run, v any, a *args) bool {
		return r.compareOp(op, v, a.bind(op, 1, "other")[0])
	}
}

var tests map[string]testFunc

func init() {
	isUndefined := func(v any) bool { _, ok := v.(*undefined); return ok }
	isInteger := func(v any) bool {
		switch v.(type) {
		case int64, *big.Int:
			return true
		}
		return false
	}
	modulo := func(name string, by, want int64) testFunc {
		return func(r *run, v any, a *args) bool {
			a.bind(name, 0)
			return equal(r.binary("%", v, by), want)
		}
	}
	method := func(name string) testFunc {
		return func(r *run, v any, a *args) bool {
			return truth(stringMethods[name](r, str(v), a))
		}
	}
	tests = map[string]testFunc{
		"odd":  modulo("odd", 2, 1),
		"even": modulo("even", 2, 0),
		"divisibleby": func(r *run, v any, a *args) bool {
			return equal(r.binary("%", v, a.bind("divisibleby", 1, "num")[0]), int64(0))
		},
		"defined":   is("defined", func(v any) bool { return !isUndefined(v) }),
		"undefined": is("undefined", isUndefined),
		"filter":    is("filter", func(v any) bool { s, _ := text(v); return filters[s] != nil }),
		"test":      is("test", func(v any) bool { s, _ := text(v); return tests[s] != nil }),
		"none":      is("none", func(v any) bool { return v == nil }),
		"boolean":   is("boolean", func(v any) bool { _, ok := v.(bool); return ok }),
		"false":     is("false", func(v any) bool { b, ok := v.(bool); return ok && !b }),
		"true":      is("true", func(v any) bool { b, ok := v.(bool); return ok && b }),
		"integer":   is("integer", isInteger),
		"float":     is("float", func(v any) bool { _, ok := v.(float64); return ok }),
		"number":    is("number", isNumber),
		"string":    is("string", func(v any) bool { _, ok := text(v); return ok }),
		"mapping":   is("mapping", func(v any) bool { _, ok := v.(*Dict); return ok }),
		"iterable":  is("iterable", func(v any) bool { _, isLoop := v.(*loop); return isLoop || iterate(v) != nil }),
		"sequence": is("sequence", func(v any) bool {
			switch v.(type) {
			case string, markup, *List, Tuple, *Dict, rangeValue, *undefined:
				return true
			}
			return false
		}),
		"callable": is("callable", func(v any) bool {
			switch v.(type) {
			case *function, *macro, *loop, *undefined:
				return true
			}
			return false
		}),
		"escaped": is("escaped", func(v any) bool { _, ok := v.(markup); return ok }),
		"lower":   method("islower"),
		"upper":   method("isupper"),
		"sameas":  func(_ *run, v any, a *args) bool { return same(v, a.bind("sameas", 1, "other")[0]) },
		"in":      func(r *run, v any, a *args) bool { return r.contains(a.bind("in", 1, "seq")[0], v) },
	}
	for op, names := range map[string][]string{
		"==": {"==", "eq", "equalto"},
		"!=": {"!=", "ne"},
		">":  {">", "gt", "greaterthan"},
		">=": {">=", "ge"},
		"<":  {"<", "lt", "lessthan"},
		"<=": {"<=", "le"},
	} {
		for _, name := range names {
			tests[name] = comparison(op)
		}
	}
}
