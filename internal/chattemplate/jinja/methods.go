package jinja

import (
	"math"
	"math/big"
	"strings"
)

// method is a method of a built-in type.
type method func(r *run, self any, a *args) any

// attribute is Python's getattr(v, name), under the sandbox; false when there is none.
func attribute(v any, name string) (any, bool) {
	failUndefined(v)
	if strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") {
		return unsafeAttribute(v, name), true
	}
	var methods map[string]method
	switch v := v.(type) {
	case string, markup:
		methods = stringMethods
	case *Dict:
		methods = dictMethods
	case *List, Tuple:
		methods = sequenceMethods
	case int64, *big.Int, bool:
		methods = intMethods
	case float64:
		methods = floatMethods
	case *namespace:
		return v.attrs.Get(name)
	case *loop:
		return v.attr(name)
	case *macro:
		if name == "name" {
			return v.node.name, true
		}
	}
	if m, ok := methods[name]; ok {
		return &function{name, func(r *run, a *args) any { return m(r, v, a) }}, true
	}
	if changes(v, name) {
		return unsafeAttribute(v, name), true
	}
	return nil, false
}

// unsafeAttribute is what the sandbox gives for attributes it hides: using it raises.
func unsafeAttribute(v any, name string) any {
	return &undefined{"SecurityError", "access to attribute " + repr(name) + " of " + repr(typeName(v)) + " object is unsafe."}
}

// changes says whether the method would change v, which ImmutableSandboxedEnvironment forbids.
func changes(v any, name string) bool {
	switch v.(type) {
	case *Dict:
		switch name {
		case "clear", "pop", "popitem", "setdefault", "update":
			return true
		}
	case *List:
		switch name {
		case "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove":
			return true
		}
	}
	return false
}

var dictMethods = map[string]method{
	"keys":   func(_ *run, self any, a *args) any { return view("keys", self, a) },
	"values": func(_ *run, self any, a *args) any { return view("values", self, a) },
	"items":  func(_ *run, self any, a *args) any { return view("items", self, a) },
	"get": func(_ *run, self any, a *args) any {
		noKeywords("get", a)
		p := a.bind("get", 1, "key", "default")
		if v, ok := self.(*Dict).Get(p[0]); ok {
			return v
		}
		return or[any](p[1], nil)
	},
	"copy": func(r *run, self any, a *args) any {
		a.bind("copy", 0)
		d := self.(*Dict)
		r.charge(64 * d.Len())
		return d.Copy()
	},
}

func view(kind string, self any, a *args) any {
	a.bind(kind, 0)
	return &dictView{kind, self.(*Dict)}
}

func noKeywords(name string, a *args) {
	if len(a.names) > 0 {
		raise("TypeError", "%s() takes no keyword arguments", name)
	}
}

var sequenceMethods = map[string]method{
	"count": func(r *run, self any, a *args) any {
		x, n := a.bind("count", 1, "value")[0], int64(0)
		for _, v := range *sequence(self) {
			if r.compareOp("==", v, x) {
				n++
			}
		}
		return n
	},
	"index": func(r *run, self any, a *args) any {
		x := a.bind("index", 1, "value")[0]
		for i, v := range *sequence(self) {
			if r.compareOp("==", v, x) {
				return int64(i)
			}
		}
		raise("ValueError", "%s is not in %s", repr(x), typeName(self))
		return nil
	},
	"copy": func(r *run, self any, a *args) any {
		l, ok := self.(*List)
		if !ok {
			failUndefined(noAttribute(self, "copy"))
		}
		a.bind("copy", 0)
		r.charge(16 * len(l.Items))
		return &List{append([]any(nil), l.Items...)}
	},
}

var intMethods = map[string]method{
	"bit_length": func(_ *run, self any, a *args) any {
		a.bind("bit_length", 0)
		return int64(toBig(self).BitLen())
	},
}

var floatMethods = map[string]method{
	"is_integer": func(_ *run, self any, a *args) any {
		a.bind("is_integer", 0)
		f := self.(float64)
		return f == math.Trunc(f) && !math.IsInf(f, 0)
	},
}
