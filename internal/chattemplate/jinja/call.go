package jinja

import (
	"slices"
	"strings"
	"time"
)

// args are evaluated arguments.
type args struct {
	positional []any
	names      []string
	named      []any
}

// absent stands for a parameter that was not given, which is not None.
type absent struct{}

func (a *argExprs) eval(r *run) *args {
	out := &args{}
	if len(a.positional) > 0 {
		out.positional = r.evalAll(a.positional)
	}
	if len(a.named) > 0 {
		out.names = slices.Clone(a.names)
		out.named = r.evalAll(a.named)
	}
	if a.star != nil {
		out.positional = append(slices.Clip(out.positional), r.items(a.star.eval(r))...)
	}
	if a.kwstar != nil {
		d, ok := a.kwstar.eval(r).(*Dict)
		if !ok {
			raise("TypeError", "argument after ** must be a mapping")
		}
		d.Each(func(k, v any) {
			name, ok := text(k)
			if !ok {
				raise("TypeError", "keywords must be strings")
			}
			if slices.Contains(out.names, name) {
				raise("TypeError", "got multiple values for keyword argument %s", repr(name))
			}
			out.names, out.named = append(out.names, name), append(out.named, v)
		})
	}
	return out
}

// bind puts arguments in the order of params. The first required ones must be given; others are absent{} when they are not.
func (a *args) bind(function string, required int, params ...string) []any {
	if len(a.positional) > len(params) {
		raise("TypeError", "%s() takes at most %d arguments (%d given)", function, len(params), len(a.positional))
	}
	out := make([]any, len(params))
	for i := range out {
		out[i] = absent{}
	}
	copy(out, a.positional)
	for i, name := range a.names {
		at := slices.Index(params, name)
		if at < 0 {
			raise("TypeError", "%s() got an unexpected keyword argument '%s'", function, name)
		}
		if _, free := out[at].(absent); !free {
			raise("TypeError", "%s() got multiple values for argument '%s'", function, name)
		}
		out[at] = a.named[i]
	}
	for i := range required {
		if _, missing := out[i].(absent); missing {
			raise("TypeError", "%s() missing required argument: '%s'", function, params[i])
		}
	}
	return out
}

// or gives v, or otherwise when v was not given.
func or[T any](v any, otherwise T) any {
	if _, missing := v.(absent); missing {
		return otherwise
	}
	return v
}

func orInt(v any, otherwise int) int {
	v = or(v, int64(otherwise))
	n, ok := index(v)
	if !ok {
		raise("TypeError", "'%s' object cannot be interpreted as an integer", typeName(v))
	}
	return n
}

func orText(v any, otherwise string) string {
	v = or(v, otherwise)
	s, ok := text(v)
	if !ok {
		raise("TypeError", "expected str, not %s", typeName(v))
	}
	return s
}

func orTruth(v any, otherwise bool) bool { return truth(or(v, otherwise)) }

func (x *callExpr) eval(r *run) any {
	fn := x.fn.eval(r)
	return r.call(fn, x.args.eval(r))
}

func (r *run) call(fn any, a *args) any {
	r.step()
	switch fn := fn.(type) {
	case *function:
		return fn.call(r, a)
	case *macro:
		return fn.call(r, a)
	case *loop:
		if fn.again == nil {
			raise("TypeError", "The loop must have the 'recursive' marker to be called recursively.")
		}
		return fn.again(a.bind("loop", 1, "iterable")[0])
	}
	failUndefined(fn)
	raise("TypeError", "'%s' object is not callable", typeName(fn))
	return nil
}

// globals are the names that every template has.
var globals *scope

func init() {
	globals = &scope{}
	for name, call := range map[string]func(r *run, a *args) any{
		"raise_exception": func(_ *run, a *args) any {
			panic(&Error{Kind: "TemplateError", Message: str(a.bind("raise_exception", 1, "message")[0])})
		},
		"strftime_now": func(r *run, a *args) any {
			return strftime(r.now, orText(a.bind("strftime_now", 1, "format")[0], ""))
		},
		"namespace": func(r *run, a *args) any {
			ns := &namespace{&Dict{}}
			r.dict(a).Each(func(k, v any) {
				name, _ := text(k)
				ns.set(name, v)
			})
			return ns
		},
		"dict":  func(r *run, a *args) any { return r.dict(a) },
		"range": makeRange,
	} {
		globals.set(name, &function{name, call})
	}
}

// dict is Python's dict(...).
func (r *run) dict(a *args) *Dict {
	d := &Dict{}
	if len(a.positional) > 1 {
		raise("TypeError", "dict expected at most 1 argument, got %d", len(a.positional))
	}
	for _, v := range a.positional {
		if from, ok := v.(*Dict); ok {
			from.Each(d.Set)
			continue
		}
		next := r.iter(v)
		for i := 0; ; i++ {
			pair, ok := next()
			if !ok {
				break
			}
			kv := r.items(pair)
			if len(kv) != 2 {
				raise("ValueError", "dictionary update sequence element #%d has length %d; 2 is required", i, len(kv))
			}
			r.charge(64)
			d.Set(kv[0], kv[1])
		}
	}
	for i, name := range a.names {
		d.Set(name, a.named[i])
	}
	return d
}

// maxRange is the sandbox's bound for range().
const maxRange = 100000

func makeRange(_ *run, a *args) any {
	if len(a.names) > 0 {
		raise("TypeError", "range() takes no keyword arguments")
	}
	n := make([]int64, len(a.positional))
	for i, v := range a.positional {
		x, ok := index(v)
		if !ok {
			raise("TypeError", "'%s' object cannot be interpreted as an integer", typeName(v))
		}
		n[i] = int64(x)
	}
	v := rangeValue{step: 1}
	switch len(n) {
	case 1:
		v.stop = n[0]
	case 3:
		v.step = n[2]
		fallthrough
	case 2:
		v.start, v.stop = n[0], n[1]
	default:
		raise("TypeError", "range expected 1 to 3 arguments, got %d", len(n))
	}
	if v.step == 0 {
		raise("ValueError", "range() arg 3 must not be zero")
	}
	if v.len() > maxRange {
		raise("OverflowError", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
	}
	return v
}

// strftime is Python's datetime.strftime in the C locale.
func strftime(t time.Time, format string) string {
	layouts := map[byte]string{'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'd': "02", 'e': "_2", 'm': "01", 'y': "06",
		'Y': "2006", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'j': "002", 'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05",
		'R': "15:04", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05"}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		c := format[i]
		if c == '-' && i+1 < len(format) { // glibc: without padding
			i++
			s := strings.TrimLeft(strftime(t, "%"+format[i:i+1]), "0 ")
			if s == "" {
				s = "0"
			}
			b.WriteString(s)
			continue
		}
		switch layout, ok := layouts[c]; {
		case c == 'f':
			b.WriteString(t.Format(".000000")[1:])
		case ok:
			b.WriteString(t.Format(layout))
		case c == '%':
			b.WriteByte('%')
		case c == 'n':
			b.WriteByte('\n')
		case c == 't':
			b.WriteByte('\t')
		case c == 'w':
			b.WriteByte(byte('0' + t.Weekday()))
		case c == 'u':
			b.WriteByte(byte('0' + (t.Weekday()+6)%7 + 1))
		case c == 'z', c == 'Z': // datetime.now() knows no zone
		default:
			b.WriteByte('%')
			b.WriteByte(c)
		}
	}
	return b.String()
}
