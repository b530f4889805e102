package httpapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
)

// Query reads query parameters into the fields of a T that have a `query:"name"` tag: string, int,
// int64, bool, []string, or pointers to the first four, which stay nil when the parameter is missing.
// Parameters that T does not have are ignored, as the original does.
func Query[T any](r *http.Request) (T, error) {
	var v T
	values := r.URL.Query()
	rv := reflect.ValueOf(&v).Elem()
	for _, f := range reflect.VisibleFields(rv.Type()) { // also those of structs that it embeds
		name := f.Tag.Get("query")
		if name == "" {
			continue
		}
		given, ok := values[name]
		if !ok {
			given, ok = values[name+"[]"] // how several clients write lists
		}
		if !ok || len(given) == 0 {
			continue
		}
		for _, s := range given {
			if !storable(s) {
				return v, fault.Param(name, "Invalid value for '%s': it has a NUL character or is not UTF-8, as nothing here is called.", name).WithCode("invalid_value")
			}
		}
		if err := setQuery(rv.FieldByIndex(f.Index), name, given); err != nil {
			return v, err
		}
	}
	return v, nil
}

func setQuery(f reflect.Value, name string, given []string) error {
	s := given[0]
	switch f.Kind() {
	case reflect.Pointer:
		if s == "" {
			return nil
		}
		p := reflect.New(f.Type().Elem())
		f.Set(p)
		return setQuery(p.Elem(), name, given)
	case reflect.String:
		f.SetString(s)
	case reflect.Slice:
		f.Set(reflect.ValueOf(strings.Split(strings.Join(given, ","), ",")))
	case reflect.Int, reflect.Int64:
		if s == "" {
			return nil
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fault.Param(name, "%s is not of type 'integer' - '%s'", pythonString(s), name).WithCode("invalid_type")
		}
		f.SetInt(n)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fault.Param(name, "%s is not of type 'boolean' - '%s'", pythonString(s), name).WithCode("invalid_type")
		}
		f.SetBool(b)
	default:
		panic("httpapi.Query: field of " + name + " has type " + f.Type().String() + ", which no query parameter fits")
	}
	return nil
}
