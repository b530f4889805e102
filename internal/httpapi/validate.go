package httpapi

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/fault"
)

// First returns the first error that is not nil, so that a request's checks read as a list:
//
//	err := httpapi.First(
//		httpapi.Required("model", req.Model != ""),
//		httpapi.Range("temperature", req.Temperature, 0, 2),
//	)
func First(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Required reports a missing parameter unless present.
func Required(param string, present bool) error {
	if present {
		return nil
	}
	return fault.Param(param, "Missing required parameter: '%s'.", param).WithCode("missing_required_parameter")
}

// Range reports a number outside lo…hi, both included. nil is fine: the parameter was left out.
func Range[T int | int64 | float64](param string, v *T, lo, hi T) error {
	switch {
	case v == nil || *v >= lo && *v <= hi:
		return nil
	case *v > hi:
		return limitError(param, *v, "above maximum", "<=", hi, "above_max_value")
	default:
		return limitError(param, *v, "below minimum", ">=", lo, "below_min_value")
	}
}

// Min reports a number below lo. nil is fine.
func Min[T int | int64 | float64](param string, v *T, lo T) error {
	if v == nil || *v >= lo {
		return nil
	}
	return limitError(param, *v, "below minimum", ">=", lo, "below_min_value")
}

func limitError[T int | int64 | float64](param string, v T, what, op string, limit T, code string) error {
	kind := "integer"
	if _, ok := any(v).(float64); ok {
		kind = "decimal"
	}
	return fault.Param(param, "Invalid '%s': %s %s value. Expected a value %s %s, but got %s instead.",
		param, kind, what, op, number(limit), number(v)).WithCode(kind + "_" + code)
}

func number[T int | int64 | float64](v T) string { return strconv.FormatFloat(float64(v), 'g', -1, 64) }

// MaxItems reports an array of n items where max are allowed.
func MaxItems(param string, n, max int) error {
	if n <= max {
		return nil
	}
	return fault.Param(param, "Invalid '%s': array too long. Expected an array with maximum length %d, but got an array with length %d instead.",
		param, max, n).WithCode("array_above_max_length")
}

// NotEmpty reports an array of n items when n is 0.
func NotEmpty(param string, n int) error {
	if n > 0 {
		return nil
	}
	return fault.Param(param, "Invalid '%s': empty array. Expected an array with minimum length 1, but got an empty array instead.", param).
		WithCode("empty_array")
}

// MaxLength reports a string of more than max characters.
func MaxLength(param, s string, max int) error {
	if len(s) <= max {
		return nil
	}
	n := utf8.RuneCountInString(s)
	if n <= max {
		return nil
	}
	return fault.Param(param, "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.",
		param, max, n).WithCode("string_above_max_length")
}

// OneOf reports a value that is not among the allowed ones. The empty string is fine: it was left out.
func OneOf(param, v string, allowed ...string) error {
	if v == "" || slices.Contains(allowed, v) {
		return nil
	}
	quoted := make([]string, len(allowed))
	for i, a := range allowed {
		quoted[i] = "'" + a + "'"
	}
	list := quoted[0]
	switch n := len(quoted); {
	case n == 2:
		list = quoted[0] + " and " + quoted[1]
	case n > 2:
		list = strings.Join(quoted[:n-1], ", ") + ", and " + quoted[n-1]
	}
	return fault.Param(param, "Invalid value: '%s'. Supported values are: %s.", clip(v), list).WithCode("invalid_value")
}

// clip keeps a caller's text in a message short.
func clip(s string) string {
	if len(s) <= 100 {
		return s
	}
	cut := 100
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
