package httpapi

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/fault"
)

// First returns the first error that is not nil, so that a request's checks read as a list:
//
//	err := httpapi.First(
//		httpapi.Model(req.Model),
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

// The texts are those of January 2024, when OpenAI's server was a JSON Schema validator written in Python:
// values are written as Python does, paths with dots. `code` and `param` are those of today, which that
// server left null. docs/API.md gives the rule, contract/errors.yaml the sources.

// placed is a fault whose text names the place that it is about. An UnmarshalJSONFrom method returns one with
// a place relative to itself, and Decode makes it whole.
type placed struct {
	fault *fault.Error
	text  func(param string) string
}

func (e *placed) Error() string { return e.fault.Error() }
func (e *placed) Unwrap() error { return e.fault }

// within returns the fault of a value that stands at outer.
func (e *placed) within(outer string) *fault.Error {
	param := joinParam(outer, e.fault.Param)
	return fault.Param(param, "%s", e.text(param)).WithCode(e.fault.Code)
}

func place(param, code string, text func(param string) string) error {
	return &placed{fault.Param(param, "%s", text(param)).WithCode(code), text}
}

// invalid is a fault that JSON Schema's validator in Python would report: what is wrong, then where.
func invalid(param, code, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	return place(param, code, func(param string) string { return what + " - '" + dotted(param) + "'" })
}

// Required reports a missing parameter unless present.
func Required(param string, present bool) error {
	if present {
		return nil
	}
	return place(param, "missing_required_parameter", func(param string) string {
		if i := strings.LastIndexByte(param, '.'); i >= 0 {
			return fmt.Sprintf("'%s' is a required property - '%s'", param[i+1:], dotted(param[:i]))
		}
		return fmt.Sprintf("'%s' is a required property", param)
	})
}

// Model reports a missing model: it was asked for before anything else, in words of its own.
func Model(model string) error {
	if model != "" {
		return nil
	}
	return fault.New(fault.Invalid, "you must provide a model parameter")
}

// Range reports a number outside lo…hi, both included. nil is fine: the parameter was left out.
func Range[T int | int64 | float64](param string, v *T, lo, hi T) error {
	if v == nil || *v <= hi {
		return Min(param, v, lo)
	}
	return limitError(param, *v, "greater than the maximum", hi, "above_max_value")
}

// Min reports a number below lo. nil is fine.
func Min[T int | int64 | float64](param string, v *T, lo T) error {
	if v == nil || *v >= lo {
		return nil
	}
	return limitError(param, *v, "less than the minimum", lo, "below_min_value")
}

func limitError[T int | int64 | float64](param string, v T, what string, limit T, code string) error {
	kind := "integer_"
	if _, ok := any(v).(float64); ok {
		kind = "decimal_"
	}
	return invalid(param, kind+code, "%s is %s of %s", number(v), what, number(limit))
}

func number[T int | int64 | float64](v T) string { return strconv.FormatFloat(float64(v), 'g', -1, 64) }

// MaxItems reports an array of n items where max are allowed.
func MaxItems(param string, n, max int) error {
	if n <= max {
		return nil
	}
	return place(param, "array_above_max_length", func(param string) string {
		return fmt.Sprintf("[...] is too long - '%s'. Expected an array with maximum length %d, but got an array with length %d instead.", dotted(param), max, n)
	})
}

// NotEmpty reports an array of n items when n is 0.
func NotEmpty(param string, n int) error {
	if n > 0 {
		return nil
	}
	return invalid(param, "empty_array", "[] is too short")
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
	return place(param, "string_above_max_length", func(param string) string {
		return fmt.Sprintf("%s is too long - '%s'. Expected a string with maximum length %d, but got a string with length %d instead.",
			pythonString(s), dotted(param), max, n)
	})
}

// OneOf reports a value that is not among the allowed ones. The empty string is fine: it was left out.
func OneOf(param, v string, allowed ...string) error {
	if v == "" || slices.Contains(allowed, v) {
		return nil
	}
	return invalid(param, "invalid_value", "%s is not one of ['%s']", pythonString(v), strings.Join(allowed, "', '"))
}

// Matches reports a value that does not match form. The empty string is fine.
func Matches(param, v string, form *regexp.Regexp) error {
	if v == "" || form.MatchString(v) {
		return nil
	}
	return invalid(param, "invalid_value", "%s does not match '%s'", pythonString(v), form)
}

// AnyOf reports a value that fits none of the forms that a parameter may have; should says what it ought to
// be. The text of that time sent its readers to the API reference instead.
func AnyOf(param, code, should string, args ...any) error {
	sentence := fmt.Sprintf(should, args...)
	return place(param, code, func(param string) string { return "'$." + param + "' is invalid. " + sentence })
}

// dotted writes "messages[0].role" as "messages.0.role".
func dotted(param string) string {
	return strings.NewReplacer("[", ".", "]", "").Replace(param)
}

// clip keeps a caller's text in a message short.
func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
