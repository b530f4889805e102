package openapi

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// foundations are packages whose names say nothing to users of the API.
var foundations = []string{"httpapi", "identity", "wire", "server", "openapi"}

// schemer is a type that knows its own schema.
type schemer interface{ OpenAPISchema() map[string]any }

// namer is a type that knows its own name.
type namer interface{ OpenAPIName() string }

// own returns what t's method says, or the zero value when t has none of its own: a method that comes
// from an embedded field speaks of that field.
func own[I, V any](t reflect.Type, method func(I) V) (zero V) {
	v, ok := reflect.New(t).Interface().(I)
	if !ok {
		return zero
	}
	said := method(v)
	if t.Kind() == reflect.Struct {
		for f := range fields(t) {
			if !f.Anonymous {
				continue
			}
			in := f.Type
			if in.Kind() == reflect.Pointer {
				in = in.Elem()
			}
			if inner, ok := reflect.New(in).Interface().(I); ok && reflect.DeepEqual(method(inner), said) {
				return zero
			}
		}
	}
	return said
}

// schemas collects components while operations refer to them.
type schemas struct {
	types map[string]reflect.Type
	done  map[string]*object
	order []string
	err   error
}

func newSchemas() *schemas {
	return &schemas{types: map[string]reflect.Type{}, done: map[string]*object{}}
}

func (s *schemas) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("openapi: "+format, args...)
	}
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	valueType = reflect.TypeFor[jsontext.Value]()
)

// of returns the schema of t: a reference for structs with a name.
func (s *schemas) of(t reflect.Type) *object {
	if t == nil {
		return obj()
	}
	if t.Kind() == reflect.Pointer {
		if t.Elem().Kind() == reflect.Pointer {
			return nullable(s.of(t.Elem())) // left out, null, or there
		}
		return s.of(t.Elem())
	}
	if schema := own(t, schemer.OpenAPISchema); schema != nil {
		return s.convert(schema)
	}
	switch {
	case t == timeType:
		return obj("type", "string", "format", "date-time")
	case t == valueType || t.Kind() == reflect.Interface || t.PkgPath() == "encoding/json" && t.Name() == "RawMessage":
		return obj()
	}
	switch t.Kind() {
	case reflect.String:
		return obj("type", "string")
	case reflect.Bool:
		return obj("type", "boolean")
	case reflect.Float32, reflect.Float64:
		return obj("type", "number")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return obj("type", "integer")
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return obj("type", "string", "format", "byte")
		}
		return obj("type", "array", "items", s.item(t.Elem()))
	case reflect.Map:
		return obj("type", "object", "additionalProperties", s.item(t.Elem()))
	case reflect.Struct:
		return s.reference(t)
	default:
		s.fail("%s has no JSON form", t)
		return obj()
	}
}

// item is the schema of what lists and maps have in them: nothing is left out there, so a pointer may be null.
func (s *schemas) item(t reflect.Type) *object {
	if t.Kind() == reflect.Pointer {
		return nullable(s.of(t.Elem()))
	}
	return s.of(t)
}

// reference puts a struct among the components and refers to it. Two types of one name that look the
// same are one schema.
func (s *schemas) reference(t reflect.Type) *object {
	if t.Name() == "" {
		return s.structure(t)
	}
	name := s.name(t)
	if other, ok := s.types[name]; ok {
		if other != t && !reflect.DeepEqual(s.done[name], s.structure(t)) {
			s.fail("%s and %s are both called %s: give one of them a method OpenAPIName", other, t, name)
		}
	} else {
		s.types[name] = t
		s.order = append(s.order, name)
		s.done[name] = s.structure(t)
	}
	return obj("$ref", "#/components/schemas/"+name)
}

func (s *schemas) name(t reflect.Type) string {
	if name := own(t, namer.OpenAPIName); name != "" {
		return name
	}
	name, _, generic := strings.Cut(t.Name(), "[")
	if generic {
		data, ok := t.FieldByName("Data")
		if !ok || data.Type.Kind() != reflect.Slice {
			s.fail("%s is generic: give it a method OpenAPIName", t)
			return name
		}
		elem := data.Type.Elem()
		for elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		return s.name(elem) + name
	}
	pkg := path.Base(t.PkgPath())
	title := strings.ToUpper(pkg[:1]) + pkg[1:]
	switch {
	case slices.Contains(foundations, pkg), strings.HasPrefix(name, strings.TrimSuffix(title, "s")):
		return strings.ToUpper(name[:1]) + name[1:]
	default:
		return title + strings.ToUpper(name[:1]) + name[1:]
	}
}

func (s *schemas) structure(t reflect.Type) *object {
	properties, required := obj(), []string{}
	s.members(t, properties, &required)
	o := obj("type", "object", "properties", properties)
	if len(required) > 0 {
		o.set("required", required)
	}
	return o
}

func (s *schemas) members(t reflect.Type, properties *object, required *[]string) {
	for f := range fields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			in := f.Type
			if in.Kind() == reflect.Pointer {
				in = in.Elem()
			}
			if in.Kind() == reflect.Struct {
				s.members(in, properties, required)
				continue
			}
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if properties.has(name) {
			continue // declared before, further out, which hides this one
		}
		optional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		schema := s.of(f.Type)
		s.describe(schema, f)
		if f.Type.Kind() == reflect.Pointer && !optional {
			schema = nullable(schema)
		}
		properties.set(name, schema)
		if !optional {
			*required = append(*required, name)
		}
	}
}

func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// describe adds what a field's tags say. Beside a $ref, OpenAPI 3.1 allows further members.
func (s *schemas) describe(o *object, f reflect.StructField) {
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v := f.Tag.Get("doc"); v != "" {
		o.set("description", v)
	}
	if v := f.Tag.Get("enum"); v != "" {
		target := o
		if items, ok := o.get("items").(*object); ok {
			target = items
		}
		target.set("enum", strings.Split(v, ","))
	}
	low, high := "minimum", "maximum"
	switch t.Kind() {
	case reflect.String:
		low, high = "minLength", "maxLength"
	case reflect.Slice, reflect.Array:
		low, high = "minItems", "maxItems"
	}
	for _, bound := range [][2]string{{"min", low}, {"max", high}} {
		tag, key := bound[0], bound[1]
		v := f.Tag.Get(tag)
		if v == "" {
			continue
		}
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			s.fail("%s: tag %s is %q, not a number", f.Name, tag, v)
		}
		o.set(key, n)
	}
	if v, ok := f.Tag.Lookup("default"); ok {
		o.set("default", literal(v, t))
	}
	if v, ok := f.Tag.Lookup("example"); ok {
		o.set("examples", []any{literal(v, t)})
	}
}

// literal reads a tag's value: texts as they are, everything else as JSON if it is.
func literal(v string, t reflect.Type) any {
	raw := jsontext.Value(v)
	if t.Kind() != reflect.String && raw.IsValid() {
		return raw
	}
	return v
}

func nullable(o *object) *object {
	if typ, ok := o.get("type").(string); ok {
		o.set("type", []string{typ, "null"})
		if enum, ok := o.get("enum").([]string); ok {
			with := make([]any, 0, len(enum)+1)
			for _, v := range enum {
				with = append(with, v)
			}
			o.set("enum", append(with, nil))
		}
		return o
	}
	if !o.has("$ref") {
		return o // anything: null is among it
	}
	n := obj("anyOf", []any{obj("$ref", o.get("$ref")), obj("type", "null")})
	for _, k := range o.keys {
		if k != "$ref" {
			n.set(k, o.get(k))
		}
	}
	return n
}

// convert turns a schema that a type wrote itself into ours: maps in a fixed order, Go values of struct
// and slice types into their schemas.
func (s *schemas) convert(m map[string]any) *object {
	o := obj()
	first := []string{"type", "oneOf", "anyOf", "items", "description"}
	for _, k := range first {
		if v, ok := m[k]; ok {
			o.set(k, s.convertValue(v))
		}
	}
	rest := make([]string, 0, len(m))
	for k := range m {
		if !slices.Contains(first, k) {
			rest = append(rest, k)
		}
	}
	slices.Sort(rest)
	for _, k := range rest {
		o.set(k, s.convertValue(m[k]))
	}
	return o
}

func (s *schemas) convertValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return s.convert(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = s.convertValue(e)
		}
		return out
	case []string, jsontext.Value:
		return v
	}
	if t := reflect.TypeOf(v); t != nil && (t.Kind() == reflect.Struct || t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer) {
		return s.of(t)
	}
	return v
}
