package jinja

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// filterFunc is a filter: v | name(args).
type filterFunc func(r *run, v any, a *args) any

// viaMethod makes a filter that is the string method of the same name, after soft_str.
func viaMethod(name string) filterFunc {
	return func(r *run, v any, a *args) any { return stringMethods[name](r, softStr(v), a) }
}

// softStr is markupsafe.soft_str: a string, which stays Markup.
func softStr(v any) any {
	if _, ok := v.(markup); ok {
		return v
	}
	return str(v)
}

func plain(name string, f func(r *run, v any) any) filterFunc {
	return func(r *run, v any, a *args) any {
		a.bind(name, 0)
		return f(r, v)
	}
}

var filters map[string]filterFunc

func init() {
	filters = map[string]filterFunc{
		"abs": plain("abs", func(r *run, v any) any {
			if isNumber(v) && compareNumbers(v, int64(0)) < 0 {
				return r.binary("*", v, int64(-1))
			}
			if !isNumber(v) {
				raise("TypeError", "bad operand type for abs(): '%s'", typeName(v))
			}
			return (&unaryExpr{"+", &constExpr{v}}).eval(r)
		}),
		"attr": func(_ *run, v any, a *args) any {
			name := orText(a.bind("attr", 1, "name")[0], "")
			if x, ok := attribute(v, name); ok {
				return x
			}
			return noAttribute(v, name)
		},
		"capitalize": viaMethod("capitalize"),
		"lower":      viaMethod("lower"),
		"upper":      viaMethod("upper"),
		"trim":       viaMethod("strip"),
		"title":      plain("title", filterTitle),
		"center": func(r *run, v any, a *args) any {
			width := or[any](a.bind("center", 0, "width")[0], int64(80))
			return stringMethods["center"](r, softStr(v), &args{positional: []any{width}})
		},
		"count":       plain("count", filterLength),
		"length":      plain("length", filterLength),
		"default":     filterDefault,
		"d":           filterDefault,
		"escape":      plain("escape", func(r *run, v any) any { return markup(r.made(string(escape(v)))) }),
		"e":           plain("e", func(r *run, v any) any { return markup(r.made(string(escape(v)))) }),
		"forceescape": plain("forceescape", func(r *run, v any) any { return markup(r.made(string(escape(str(v))))) }),
		"safe":        plain("safe", func(_ *run, v any) any { return markup(str(v)) }),
		"string":      plain("string", func(r *run, v any) any { return softStr(v) }),
		"float": func(_ *run, v any, a *args) any {
			otherwise := or[any](a.bind("float", 0, "default")[0], 0.0)
			if f, ok := asFloat(v); ok {
				return f
			}
			return otherwise
		},
		"int":       filterInt,
		"format":    filterFormat,
		"indent":    filterIndent,
		"replace":   filterReplace,
		"round":     filterRound,
		"tojson":    filterToJSON,
		"truncate":  filterTruncate,
		"urlencode": plain("urlencode", filterURLEncode),
		"wordcount": plain("wordcount", func(_ *run, v any) any {
			words := strings.FieldsFunc(str(v), func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c) })
			return int64(len(words))
		}),
	}
	addSequenceFilters()
}

func filterLength(_ *run, v any) any {
	n, ok := length(v)
	if !ok {
		raise("TypeError", "object of type '%s' has no len()", typeName(v))
	}
	return int64(n)
}

func filterDefault(_ *run, v any, a *args) any {
	p := a.bind("default", 0, "default_value", "boolean")
	_, missing := v.(*undefined)
	if missing || orTruth(p[1], false) && !truth(v) {
		return or[any](p[0], "")
	}
	return v
}

func filterTitle(r *run, v any) any {
	var b strings.Builder
	start := true
	for _, c := range r.made(str(v)) {
		if strings.ContainsRune("-({[<", c) || isSpace(c) {
			b.WriteRune(c)
			start = true
			continue
		}
		if start {
			b.WriteString(upper(string(c)))
		} else {
			b.WriteString(lower(string(c)))
		}
		start = false
	}
	return b.String()
}

// asFloat is Python's float(v); false when it would raise TypeError or ValueError.
func asFloat(v any) (float64, bool) {
	failUndefined(v)
	if s, ok := text(v); ok {
		return parseFloat(s)
	}
	if isNumber(v) {
		return toFloat(v), true
	}
	return 0, false
}

func filterInt(_ *run, v any, a *args) any {
	p := a.bind("int", 0, "default", "base")
	otherwise, base := or[any](p[0], int64(0)), orInt(p[1], 10)
	failUndefined(v)
	if base < 0 || base == 1 || base > 36 {
		return otherwise
	}
	if s, ok := text(v); ok {
		if n, ok := parseInt(s, base); ok {
			return n
		}
	} else if n, ok := integer(v); ok {
		return n
	}
	f, ok := asFloat(v)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		if _, isFloat := v.(float64); isFloat && math.IsInf(f, 0) {
			floatToInt(f) // raises, as int(inf) is neither TypeError nor ValueError
		}
		return otherwise
	}
	return floatToInt(f)
}

func filterFormat(r *run, v any, a *args) any {
	if len(a.positional) > 0 && len(a.names) > 0 {
		raise("FilterArgumentError", "can't handle positional and keyword arguments at the same time")
	}
	self := softStr(v)
	s, _ := text(self)
	if len(a.names) > 0 {
		return like(self, r.printf(s, self, r.dict(a)))
	}
	return like(self, r.printf(s, self, Tuple(a.positional)))
}

func filterIndent(r *run, v any, a *args) any {
	p := a.bind("indent", 0, "width", "first", "blank")
	indent, ok := text(p[0])
	if !ok {
		n := max(orInt(p[0], 4), 0)
		r.charge(n)
		indent = strings.Repeat(" ", n)
	}
	s, ok := text(v)
	if !ok {
		failUndefined(v)
		raise("TypeError", "unsupported operand type(s) for +=: '%s' and 'str'", typeName(v))
	}
	first, blank := orTruth(p[1], false), orTruth(p[2], false)
	// The newline makes a trailing newline survive as an empty last line.
	lines := splitLines(s+"\n", false)
	r.charge(len(s) + len(lines)*len(indent))
	for i, line := range lines {
		if i > 0 && (line != "" || blank) {
			lines[i] = indent + line
		}
	}
	if first {
		lines[0] = indent + lines[0]
	}
	return like(v, strings.Join(lines, "\n"))
}

func filterReplace(r *run, v any, a *args) any {
	p := a.bind("replace", 2, "old", "new", "count")
	count := -1
	if c := or[any](p[2], nil); c != nil {
		count = orInt(c, -1)
	}
	return r.replace(str(v), str(p[0]), str(p[1]), count)
}

func filterRound(r *run, v any, a *args) any {
	p := a.bind("round", 0, "precision", "method")
	precision, method := orInt(p[0], 0), orText(p[1], "common")
	if method != "common" && method != "ceil" && method != "floor" {
		raise("FilterArgumentError", "method must be common, ceil or floor")
	}
	if !isNumber(v) {
		raise("TypeError", "type %s doesn't define __round__ method", typeName(v))
	}
	if method != "common" {
		scale := arithmetic("**", int64(10), int64(precision))
		f := toFloat(arithmetic("*", v, scale))
		if method == "ceil" {
			f = math.Ceil(f)
		} else {
			f = math.Floor(f)
		}
		return arithmetic("/", floatToInt(f), scale)
	}
	if n, ok := integer(v); ok {
		if precision >= 0 {
			return n
		}
		// round(1234, -2) is 1200, and halves go to the even neighbour.
		scale := toBig(arithmetic("**", int64(10), int64(-precision)))
		quotient, rest := new(big.Int).DivMod(toBig(n), scale, new(big.Int))
		double := new(big.Int).Lsh(rest, 1)
		if c := double.Cmp(scale); c > 0 || c == 0 && quotient.Bit(0) == 1 {
			quotient.Add(quotient, big.NewInt(1))
		}
		return fromBig(quotient.Mul(quotient, scale))
	}
	f := v.(float64)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0) || precision > 320:
		return f
	case precision < -320:
		return math.Copysign(0, f)
	case precision < 0:
		scale := math.Pow(10, float64(-precision))
		return math.RoundToEven(f/scale) * scale
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
	return rounded
}

func filterTruncate(_ *run, v any, a *args) any {
	p := a.bind("truncate", 0, "length", "killwords", "end", "leeway")
	limit, kill, end := orInt(p[0], 255), orTruth(p[1], false), orText(p[2], "...")
	leeway := 5
	if v := or[any](p[3], nil); v != nil {
		leeway = orInt(v, 5)
	}
	n := filterLength(nil, v).(int64)
	s, _ := text(v)
	keep := limit - utf8.RuneCountInString(end)
	if keep < 0 || leeway < 0 {
		raise("AssertionError", "expected length >= %d, got %d", utf8.RuneCountInString(end), limit)
	}
	if int(n) <= limit+leeway {
		return v
	}
	s = substring(s, 0, keep)
	if at := strings.LastIndexByte(s, ' '); at >= 0 && !kill {
		s = s[:at]
	}
	return like(v, s+end)
}

// filterURLEncode quotes all but unreserved characters and slashes; of a mapping or pairs it makes a query.
func filterURLEncode(r *run, v any) any {
	quote := func(v any, safe string) string {
		var b strings.Builder
		for _, c := range []byte(str(v)) {
			if c < utf8.RuneSelf && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)) || strings.IndexByte("-_.~"+safe, c) >= 0) {
				b.WriteByte(c)
			} else {
				const hex = "0123456789ABCDEF"
				b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			}
		}
		return r.made(b.String())
	}
	if _, ok := text(v); ok || iterate(v) == nil {
		return quote(v, "/")
	}
	pairs := v
	if d, ok := v.(*Dict); ok {
		pairs = &dictView{"items", d}
	}
	var parts []string
	for _, pair := range r.items(pairs) {
		kv := r.items(pair)
		if len(kv) != 2 {
			raise("ValueError", "not enough values to unpack (expected 2, got %d)", len(kv))
		}
		parts = append(parts, strings.ReplaceAll(quote(kv[0], ""), "%20", "+")+"="+strings.ReplaceAll(quote(kv[1], ""), "%20", "+"))
	}
	return strings.Join(parts, "&")
}

// path makes a function that follows an attribute such as "a.b.0" with the sandbox's rules; None is the item itself.
func (r *run) path(attribute any, otherwise any) func(v any) any {
	var parts []any
	if s, ok := text(attribute); ok {
		for part := range strings.SplitSeq(s, ".") {
			if n, ok := parseInt(part, 10); ok && strings.IndexFunc(part, func(c rune) bool { return !unicode.IsDigit(c) }) < 0 {
				parts = append(parts, n)
			} else {
				parts = append(parts, part)
			}
		}
	} else if attribute != nil {
		parts = []any{attribute}
	}
	return func(v any) any {
		for _, part := range parts {
			r.step()
			v = r.getItem(v, part)
			if _, missing := v.(*undefined); missing && otherwise != nil {
				v = otherwise
			}
		}
		return v
	}
}

// folded makes strings lower case unless sensitive: how jinja2 compares when it sorts.
func folded(get func(v any) any, sensitive bool) func(v any) any {
	if sensitive {
		return get
	}
	return func(v any) any {
		v = get(v)
		if s, ok := text(v); ok {
			return lower(s)
		}
		return v
	}
}

// sorted is Python's sorted(items, key, reverse).
func (r *run) sorted(items []any, key func(v any) any, reverse bool) []any {
	r.charge(48 * len(items))
	type keyed struct{ key, item any }
	out := make([]keyed, len(items))
	for i, v := range items {
		out[i] = keyed{key(v), v}
	}
	slices.SortStableFunc(out, func(a, b keyed) int {
		r.step()
		if reverse { // keeps the order of equal ones
			a, b = b, a
		}
		return compare(a.key, b.key, "<")
	})
	sorted := make([]any, len(items))
	for i, k := range out {
		sorted[i] = k.item
	}
	return sorted
}
