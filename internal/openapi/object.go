package openapi

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object that keeps the order in which its members were set.
type object struct {
	keys   []string
	values map[string]any
}

// obj makes an object of names and values in turn.
func obj(pairs ...any) *object {
	o := &object{values: map[string]any{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func (o *object) set(key string, value any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

func (o *object) get(key string) any { return o.values[key] }

func (o *object) has(key string) bool {
	_, ok := o.values[key]
	return ok
}

// clone copies one level, so that a member can be added for one place only.
func (o *object) clone() *object {
	c := obj()
	for _, k := range o.keys {
		c.set(k, o.values[k])
	}
	return c
}

// MarshalJSONTo implements json.MarshalerTo.
func (o *object) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, k := range o.keys {
		if err := enc.WriteToken(jsontext.String(k)); err != nil {
			return err
		}
		if err := json.MarshalEncode(enc, o.values[k]); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}
