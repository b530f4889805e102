package jinja

import (
	"math"
	"math/big"
)

// Dict is Python's dict: it keeps the order in which keys were first set.
type Dict struct {
	keys, vals []any
	index      map[any]int // by hashKey; only once there are more than a few keys
}

// scanLimit is the size up to which looking at each key beats a map.
const scanLimit = 8

// NewDict makes a dict of key, value, key, value, ...
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(pairs[i], pairs[i+1])
	}
	return d
}

// Len gives the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// Get gives the value of key.
func (d *Dict) Get(key any) (any, bool) {
	if i := d.find(key); i >= 0 {
		return d.vals[i], true
	}
	return nil, false
}

// Str gives the value of key when that is a string, else "".
func (d *Dict) Str(key string) string {
	v, _ := d.Get(key)
	s, _ := text(v)
	return s
}

// Set sets the value of key; a new key comes last.
func (d *Dict) Set(key, value any) {
	if i := d.find(key); i >= 0 {
		d.vals[i] = value
		return
	}
	d.keys, d.vals = append(d.keys, key), append(d.vals, value)
	switch n := len(d.keys); {
	case n > scanLimit+1:
		d.index[hashKey(key)] = n - 1
	case n == scanLimit+1:
		d.index = make(map[any]int, 2*n)
		for i, k := range d.keys {
			d.index[hashKey(k)] = i
		}
	}
}

// Copy gives a dict that can be changed without changing d; the values are shared.
func (d *Dict) Copy() *Dict {
	out := &Dict{keys: make([]any, 0, len(d.keys)+1), vals: make([]any, 0, len(d.keys)+1)}
	for i, k := range d.keys {
		out.Set(k, d.vals[i])
	}
	return out
}

// Each calls f for each pair in order.
func (d *Dict) Each(f func(key, value any)) {
	for i, k := range d.keys {
		f(k, d.vals[i])
	}
}

func (d *Dict) find(key any) int {
	s, isString := text(key)
	if d.index == nil && isString {
		for i, k := range d.keys {
			if t, ok := text(k); ok && s == t {
				return i
			}
		}
		return -1
	}
	h := hashKey(key)
	if d.index != nil {
		if i, ok := d.index[h]; ok {
			return i
		}
		return -1
	}
	for i, k := range d.keys {
		if hashKey(k) == h {
			return i
		}
	}
	return -1
}

type (
	noneKey      struct{}
	undefinedKey struct{}
	bigKey       string
	tupleKey     struct{ head, tail any }
)

// hashKey gives a Go value that is equal for keys which are equal in Python: 1, 1.0 and True are one key.
func hashKey(v any) any {
	key, ok := tryHash(v, new(int))
	if !ok {
		raise("TypeError", "unhashable type: '%s'", typeName(v))
	}
	return key
}

// hashable says whether v can be a key.
func hashable(v any) bool {
	_, ok := tryHash(v, new(int))
	return ok
}

// tryHash is hashKey; false when v cannot be a key. It counts the parts of tuples in n.
func tryHash(v any, n *int) (any, bool) {
	switch v := v.(type) {
	case nil:
		return noneKey{}, true
	case markup:
		return string(v), true
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int64(v), true
		}
	case *big.Int:
		return bigKey(v.String()), true
	case Tuple:
		var key any = tupleKey{}
		for _, x := range v {
			if *n++; *n > maxNesting {
				raise("LimitError", "tuple is too large for a key")
			}
			part, ok := tryHash(x, n)
			if !ok {
				return nil, false
			}
			key = tupleKey{key, part}
		}
		return key, true
	case *undefined:
		return undefinedKey{}, true
	case *List, *Dict, *dictView:
		return nil, false
	}
	return v, true
}
