package jsonschema

import (
	"slices"
	"strconv"
)

// CheckStrict holds a schema to what OpenAI asks of those with "strict": true: the root is an object,
// every object says "additionalProperties": false and requires all of its properties, and every schema
// has a type. Errors are *Error, with the original's texts.
func CheckStrict(schema []byte) error {
	root, err := parse(schema)
	if err != nil {
		return err
	}
	if err := CheckObject(schema); err != nil {
		return err
	}
	for _, keyword := range []string{"anyOf", "oneOf", "allOf", "enum", "not"} {
		if root.get(keyword) != nil {
			return &Error{Whole: true, Keyword: keyword, Reason: "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."}
		}
	}
	return strict(root)
}

// CheckObject checks that a schema is one of objects, as those of arguments and strict answers are.
func CheckObject(schema []byte) error {
	root, err := parse(schema)
	if err != nil {
		return err
	}
	kind := "None"
	if t := root.get("type"); t != nil {
		kind = string(appendJSON(nil, t))
		if t.kind == '"' {
			kind = t.text
		}
	}
	if kind != "object" {
		return &Error{Whole: true, Keyword: "type", Reason: "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"" + kind + "\"'."}
	}
	return nil
}

// strict checks a schema and those in it.
func strict(n *node) error {
	if n.kind != '{' {
		return n.fail("", "schema must have a 'type' key.")
	}
	typ := n.get("type")
	if typ == nil && n.get("$ref") == nil && n.get("anyOf") == nil && n.get("enum") == nil && n.get("const") == nil && n.get("allOf") == nil && n.get("oneOf") == nil {
		return n.fail("type", "schema must have a 'type' key.")
	}
	is := func(name string) bool {
		return typ != nil && (typ.text == name || slices.ContainsFunc(typ.values, func(v *node) bool { return v.text == name }))
	}
	properties := n.get("properties")
	if is("object") || properties != nil {
		if more := n.get("additionalProperties"); more == nil || more.kind != 'f' {
			return n.fail("additionalProperties", "'additionalProperties' is required to be supplied and to be false.")
		}
		if err := allRequired(n, properties); err != nil {
			return err
		}
	}
	if is("array") && n.get("items") == nil && n.get("prefixItems") == nil {
		return n.fail("items", "array schema missing items.")
	}
	return strictInside(n)
}

func allRequired(n, properties *node) error {
	if properties == nil {
		return nil
	}
	required := n.get("required")
	for _, name := range properties.names {
		if required == nil || !slices.ContainsFunc(required.values, func(v *node) bool { return v.text == name }) {
			return n.fail("required", "'required' is required to be supplied and to be an array including every key in properties. Missing '%s'.", name)
		}
	}
	if required != nil {
		for _, v := range required.values {
			if properties.get(v.text) == nil {
				return n.fail("required", "'required' is required to be supplied and to be an array including every key in properties. Extra required key '%s' supplied.", v.text)
			}
		}
	}
	return nil
}

func strictInside(n *node) error {
	for _, keyword := range []string{"properties", "$defs", "definitions"} {
		if group := n.get(keyword); group != nil && group.kind == '{' {
			for _, sub := range group.values {
				if err := strict(sub); err != nil {
					return err
				}
			}
		}
	}
	for _, keyword := range []string{"items", "anyOf", "oneOf", "allOf", "prefixItems"} {
		sub := n.get(keyword)
		switch {
		case sub == nil:
		case sub.kind == '[':
			for _, one := range sub.values {
				if err := strict(one); err != nil {
					return err
				}
			}
		case keyword == "items":
			if err := strict(sub); err != nil {
				return err
			}
		default:
			return n.fail(keyword, "%s is not of type 'array'.", strconv.Quote(keyword))
		}
	}
	return nil
}
