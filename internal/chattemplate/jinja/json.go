package jinja

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// DecodeJSON gives the value that Python's json.loads gives: objects keep the order of their keys, integers are exact.
func DecodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("jinja: text after the JSON value")
	}
	return v, nil
}

// maxJSONDepth bounds the nesting of what comes in, so that what walks over it need not fear.
const maxJSONDepth = maxNesting / 2

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, errors.New("jinja: decode JSON: nested too deeply")
	}
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("jinja: decode JSON: %w", err)
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			l := &List{}
			for d.More() {
				v, err := decodeValue(d, depth+1)
				if err != nil {
					return nil, err
				}
				l.Items = append(l.Items, v)
			}
			_, err := d.Token()
			return l, err
		}
		o := &Dict{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("jinja: decode JSON: %w", err)
			}
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			o.Set(k, v)
		}
		_, err := d.Token()
		return o, err
	case json.Number:
		return decodeNumber(string(t))
	}
	return t, nil
}

func decodeNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, fmt.Errorf("jinja: decode JSON: %w", err)
		}
		return f, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if len(s) > maxBits/4 {
		return nil, errors.New("jinja: decode JSON: number is too long")
	}
	n, _ := new(big.Int).SetString(s, 10)
	return n, nil
}

// EncodeJSON is Python's json.dumps(v, ensure_ascii=False) for what DecodeJSON gave.
func EncodeJSON(v any) string {
	w := &jsonWriter{itemMark: ", ", valueMark: ": "}
	w.value(v, 0)
	return w.b.String()
}

// jsonWriter is Python's json.dumps.
type jsonWriter struct {
	b                   strings.Builder
	ascii, sorted       bool
	indent              string
	lines               bool // whether values go on lines of their own
	itemMark, valueMark string
}

func (w *jsonWriter) value(v any, depth int) {
	writable(&w.b, depth)
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		w.b.WriteString(strconv.FormatBool(v))
	case int64, *big.Int:
		w.b.WriteString(str(v))
	case float64:
		w.b.WriteString(jsonFloat(v))
	case string:
		w.quote(v)
	case markup:
		w.quote(string(v))
	case *List:
		w.list(v.Items, depth)
	case Tuple:
		w.list(v, depth)
	case *Dict:
		w.dict(v, depth)
	default:
		raise("TypeError", "Object of type %s is not JSON serializable", typeName(v))
	}
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return formatFloat(f)
}

func (w *jsonWriter) line(depth int) {
	if w.lines {
		w.b.WriteByte('\n')
		for range depth {
			w.b.WriteString(w.indent)
		}
	}
}

func (w *jsonWriter) list(items []any, depth int) {
	if len(items) == 0 {
		w.b.WriteString("[]")
		return
	}
	w.b.WriteByte('[')
	for i, v := range items {
		if i > 0 {
			w.b.WriteString(w.itemMark)
		}
		w.line(depth + 1)
		w.value(v, depth+1)
	}
	w.line(depth)
	w.b.WriteByte(']')
}

func (w *jsonWriter) dict(d *Dict, depth int) {
	if d.Len() == 0 {
		w.b.WriteString("{}")
		return
	}
	order := make([]int, d.Len())
	for i := range order {
		order[i] = i
	}
	if w.sorted {
		slices.SortStableFunc(order, func(i, j int) int { return compare(d.keys[i], d.keys[j], "<") })
	}
	w.b.WriteByte('{')
	for n, i := range order {
		if n > 0 {
			w.b.WriteString(w.itemMark)
		}
		w.line(depth + 1)
		switch k := d.keys[i].(type) {
		case string:
			w.quote(k)
		case markup:
			w.quote(string(k))
		case nil, bool, int64, *big.Int, float64:
			key := &jsonWriter{}
			key.value(k, 0)
			w.quote(key.b.String())
		default:
			raise("TypeError", "keys must be str, int, float, bool or None, not %s", typeName(k))
		}
		w.b.WriteString(w.valueMark)
		w.value(d.vals[i], depth+1)
	}
	w.line(depth)
	w.b.WriteByte('}')
}

func (w *jsonWriter) quote(s string) {
	w.b.WriteByte('"')
	from := 0
	for i, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' && (!w.ascii || c < 0x7f) {
			continue
		}
		w.b.WriteString(s[from:i])
		from = i + len(string(c))
		if at := strings.IndexRune("\"\\\n\r\t\f\b", c); at >= 0 {
			w.b.WriteByte('\\')
			w.b.WriteByte(`"\nrtfb`[at])
		} else if c > 0xffff {
			c -= 0x10000
			fmt.Fprintf(&w.b, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		} else {
			fmt.Fprintf(&w.b, `\u%04x`, c)
		}
	}
	w.b.WriteString(s[from:])
	w.b.WriteByte('"')
}

// filterToJSON is the filter that transformers defines, not jinja2's own, which escapes HTML.
func filterToJSON(r *run, v any, a *args) any {
	p := a.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys")
	w := &jsonWriter{ascii: orTruth(p[0], false), sorted: orTruth(p[3], false), itemMark: ", ", valueMark: ": "}
	switch indent := or[any](p[1], nil).(type) {
	case nil:
	case string:
		w.indent, w.lines = indent, true
	default:
		n := orInt(indent, 0)
		r.charge(n)
		w.indent, w.lines = strings.Repeat(" ", max(n, 0)), true
	}
	if w.lines {
		w.itemMark = ","
	}
	if v := or[any](p[2], nil); v != nil {
		marks := r.items(v)
		if len(marks) != 2 {
			raise("ValueError", "not enough values to unpack (expected 2, got %d)", len(marks))
		}
		w.itemMark, w.valueMark = orText(marks[0], ""), orText(marks[1], "")
	}
	w.value(v, 0)
	return r.made(w.b.String())
}
