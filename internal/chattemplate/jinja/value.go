package jinja

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

// List is Python's list. Templates cannot change it.
type List struct{ Items []any }

// Tuple is Python's tuple.
type Tuple []any

// markup is markupsafe.Markup, what the safe filter gives: a string that escapes what is added to it.
type markup string

// undefined is what a name, attribute or item that does not exist evaluates to. Printing and iterating it gives nothing, using it raises.
type undefined struct{ kind, message string }

// namespace is the one mutable value a template has.
type namespace struct{ attrs *Dict }

// generator is a lazy sequence that can be walked once.
type generator struct{ next func() (any, bool) }

// rangeValue is Python's range.
type rangeValue struct{ start, stop, step int64 }

func (v rangeValue) len() int64 {
	switch {
	case v.step > 0 && v.start < v.stop:
		return (v.stop-v.start-1)/v.step + 1
	case v.step < 0 && v.start > v.stop:
		return (v.start-v.stop-1)/-v.step + 1
	}
	return 0
}

// dictView is what keys, values and items of a dict give.
type dictView struct {
	kind string // "keys", "values" or "items"
	dict *Dict
}

func (v *dictView) at(i int) any {
	switch v.kind {
	case "keys":
		return v.dict.keys[i]
	case "values":
		return v.dict.vals[i]
	}
	return Tuple{v.dict.keys[i], v.dict.vals[i]}
}

// function is something callable: a global, a method bound to its value, a macro.
type function struct {
	name string
	call func(r *run, a *args) any
}

// truth is Python's bool(v).
func truth(v any) bool {
	switch v := v.(type) {
	case nil, *undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	}
	if n, ok := length(v); ok {
		return n > 0
	}
	return true
}

// length is Python's len(v); false when v has none.
func length(v any) (int, bool) {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), true
	case markup:
		return utf8.RuneCountInString(string(v)), true
	case *List:
		return len(v.Items), true
	case Tuple:
		return len(v), true
	case *Dict:
		return v.Len(), true
	case *dictView:
		return v.dict.Len(), true
	case rangeValue:
		return int(v.len()), true
	case *undefined:
		return 0, true
	case *loop:
		return v.length(), true
	}
	return 0, false
}

// text gives the string in v when v is a str or Markup.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case markup:
		return string(v), true
	}
	return "", false
}

// like wraps s as what v is: methods of Markup give Markup.
func like(v any, s string) any {
	if _, ok := v.(markup); ok {
		return markup(s)
	}
	return s
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

// escape is markupsafe.escape.
func escape(v any) markup {
	if m, ok := v.(markup); ok {
		return m
	}
	return markup(htmlEscaper.Replace(str(v)))
}

// typeName is type(v).__name__.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case markup:
		return "Markup"
	case *List:
		return "list"
	case Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case *undefined:
		return "Undefined"
	case *namespace:
		return "Namespace"
	case *generator:
		return "generator"
	case rangeValue:
		return "range"
	case *dictView:
		return "dict_" + v.kind
	case *loop:
		return "LoopContext"
	case *macro:
		return "Macro"
	}
	return "function"
}

// objectRepr is how jinja2 names v in messages about missing attributes.
func objectRepr(v any) string {
	switch v.(type) {
	case nil:
		return "None"
	case markup:
		return "markupsafe.Markup object"
	case *loop:
		return "jinja2.runtime.LoopContext object"
	case *macro:
		return "jinja2.runtime.Macro object"
	case *namespace:
		return "jinja2.utils.Namespace object"
	}
	return typeName(v) + " object"
}

// iterate is Python's iter(v); nil when v cannot be iterated.
func iterate(v any) func() (any, bool) {
	i := 0
	indexed := func(n int, at func(int) any) func() (any, bool) {
		return func() (any, bool) {
			if i >= n {
				return nil, false
			}
			i++
			return at(i - 1), true
		}
	}
	switch v := v.(type) {
	case *List:
		return indexed(len(v.Items), func(i int) any { return v.Items[i] })
	case Tuple:
		return indexed(len(v), func(i int) any { return v[i] })
	case *Dict:
		return indexed(v.Len(), func(i int) any { return v.keys[i] })
	case *dictView:
		return indexed(v.dict.Len(), v.at)
	case rangeValue:
		return indexed(int(v.len()), func(i int) any { return v.start + int64(i)*v.step })
	case string, markup:
		s, _ := text(v)
		return func() (any, bool) {
			if i >= len(s) {
				return nil, false
			}
			_, n := utf8.DecodeRuneInString(s[i:])
			i += n
			return s[i-n : i], true
		}
	case *generator:
		return v.next
	case *undefined:
		return func() (any, bool) { return nil, false }
	}
	return nil
}

// items is Python's list(v).
func (r *run) items(v any) []any {
	switch v := v.(type) {
	case *List:
		return v.Items
	case Tuple:
		return v
	}
	next := r.iter(v)
	var out []any
	for x, ok := next(); ok; x, ok = next() {
		r.charge(16)
		out = append(out, x)
	}
	return out
}

func (r *run) iter(v any) func() (any, bool) {
	next := iterate(v)
	if next == nil {
		raise("TypeError", "'%s' object is not iterable", typeName(v))
	}
	return next
}

// equal is Python's a == b.
func equal(a, b any) bool { return new(equality).values(a, b) }

func equalItems(a, b []any) bool { return new(equality).items(a, b) }

// equality is one comparison. It counts, because a few lists that contain each other twice make many.
type equality struct{ steps, depth int }

func (e *equality) values(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case string, markup:
		s, _ := text(a)
		t, ok := text(b)
		return ok && s == t
	case *List:
		y, ok := b.(*List)
		return ok && (x == y || e.items(x.Items, y.Items))
	case Tuple:
		y, ok := b.(Tuple)
		return ok && e.items(x, y)
	case *Dict:
		y, ok := b.(*Dict)
		return ok && (x == y || x.Len() == y.Len() && e.pairs(x, y, true))
	case *undefined:
		_, ok := b.(*undefined)
		return ok
	case rangeValue:
		y, ok := b.(rangeValue)
		return ok && x.len() == y.len() && (x.len() == 0 || x.start == y.start && (x.len() == 1 || x.step == y.step))
	case *dictView:
		y, ok := b.(*dictView)
		if !ok || x.kind != y.kind || x.kind == "values" || x.dict.Len() != y.dict.Len() {
			return ok && x == y
		}
		return e.pairs(x.dict, y.dict, x.kind == "items")
	}
	if isNumber(a) {
		return isNumber(b) && !unordered(a, b) && compareNumbers(a, b) == 0
	}
	if _, ok := b.(Tuple); ok { // Go cannot compare these
		return false
	}
	return a == b
}

func (e *equality) items(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	defer e.enter(len(a))()
	for i := range a {
		if !e.values(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (e *equality) pairs(x, y *Dict, values bool) bool {
	defer e.enter(x.Len())()
	for i, k := range x.keys {
		v, ok := y.Get(k)
		if !ok || values && !e.values(x.vals[i], v) {
			return false
		}
	}
	return true
}

func (e *equality) enter(n int) func() {
	e.depth++
	if e.steps += 1 + n; e.depth > maxNesting || e.steps > 1<<22 {
		raise("RecursionError", "maximum recursion depth exceeded in comparison")
	}
	return func() { e.depth-- }
}

// same is Python's a is b, as far as a template can tell.
func same(a, b any) bool {
	switch a := a.(type) {
	case bool:
		y, ok := b.(bool)
		return ok && a == y
	case int64, float64, *big.Int, string, markup, Tuple:
		return typeName(a) == typeName(b) && equal(a, b)
	}
	if _, ok := b.(Tuple); ok {
		return false
	}
	return a == b
}

// compare orders a and b as Python's < does; op names the operator for the message.
func compare(a, b any, op string) int {
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b)
	}
	if s, ok := text(a); ok {
		if t, ok := text(b); ok {
			// Code point order is byte order in UTF-8.
			return strings.Compare(s, t)
		}
	}
	x, y := sequence(a), sequence(b)
	if x != nil && y != nil && typeName(a) == typeName(b) {
		for i := range min(len(*x), len(*y)) {
			if !equal((*x)[i], (*y)[i]) {
				return compare((*x)[i], (*y)[i], op)
			}
		}
		return len(*x) - len(*y)
	}
	failUndefined(a)
	failUndefined(b)
	raise("TypeError", "'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
	return 0
}

func sequence(v any) *[]any {
	switch v := v.(type) {
	case *List:
		return &v.Items
	case Tuple:
		return (*[]any)(&v)
	}
	return nil
}

// contains is Python's x in c.
func (r *run) contains(c, x any) bool {
	switch c := c.(type) {
	case string, markup:
		s, _ := text(c)
		sub, ok := text(x)
		r.spend(len(s) / bytesPerStep)
		if !ok {
			raise("TypeError", "'in <string>' requires string as left operand, not %s", typeName(x))
		}
		return strings.Contains(s, sub)
	case *Dict:
		_, ok := c.Get(x)
		return ok
	case *dictView:
		if c.kind == "keys" {
			_, ok := c.dict.Get(x)
			return ok
		}
	}
	next := iterate(c)
	r.step()
	if next == nil {
		raise("TypeError", "argument of type '%s' is not iterable", typeName(c))
	}
	for y, ok := next(); ok; y, ok = next() {
		if r.compareOp("==", y, x) {
			return true
		}
	}
	return false
}

// failUndefined raises v's own error when v is undefined, as every use of it does.
func failUndefined(v any) {
	if u, ok := v.(*undefined); ok {
		panic(&Error{Kind: u.kind, Message: u.message})
	}
}

// index turns v into an int as Python's __index__ does.
func index(v any) (int, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return int(max(min(v, math.MaxInt32), math.MinInt32)), true
	case *big.Int:
		return v.Sign() * math.MaxInt32, true
	}
	return 0, false
}
