package openapi

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/httpapi"
)

//go:embed docs.html
var docsHTML string

var docsTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{"breakable": breakable}).Parse(docsHTML))

// breakable lets a long path break before its slashes.
func breakable(path string) template.HTML {
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(path), "/", "<wbr>/"))
}

// notSupported begins the doc tag of fields that the original knows and this release refuses.
const notSupported = "Not supported by this release"

// page is what docs.html shows.
type page struct {
	Info   Info
	Groups []group
}

type group struct {
	Name, Anchor string
	Operations   []entry
}

type entry struct {
	Method, Path, ID, Summary, Doc, Scope string
	Public, Streams                       bool
	Parameters                            []parameter
	Missing                               []parameter // those that this release refuses
	Curl, Answer                          string
}

type parameter struct {
	Name, Place, Type, Doc, Default string
	Required                        bool
	Enum                            []string
}

// Docs returns the page of documentation: one HTML file without anything from elsewhere.
func Docs(routes []httpapi.Route, info Info) ([]byte, error) {
	d := newDocument(routes)
	if d.schemas.err != nil {
		return nil, d.schemas.err
	}
	p := page{Info: info}
	index := map[string]int{}
	for _, op := range d.operations {
		e, err := d.entry(op)
		if err != nil {
			return nil, err
		}
		tag := op.route.Tag
		if _, ok := index[tag]; !ok {
			index[tag] = len(p.Groups)
			p.Groups = append(p.Groups, group{Name: tag, Anchor: strings.ReplaceAll(strings.ToLower(tag), " ", "-")})
		}
		g := &p.Groups[index[tag]]
		g.Operations = append(g.Operations, e)
	}
	var out bytes.Buffer
	if err := docsTemplate.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return out.Bytes(), nil
}

func (d *document) entry(op operation) (entry, error) {
	rt := op.route
	e := entry{Method: rt.Method, Path: cleanPath(rt.Path), ID: rt.Op, Summary: rt.Summary, Doc: rt.Doc, Scope: rt.Scope,
		Public: rt.Auth == httpapi.AuthNone, Streams: rt.Stream != nil}
	for _, p := range op.parameters {
		required, _ := p.get("required").(bool)
		schema := p.get("schema").(*object)
		described := schema.clone()
		if text, ok := p.get("description").(string); ok {
			described.set("description", text)
		}
		e.Parameters = append(e.Parameters, d.parameter(p.get("name").(string), p.get("in").(string), required, described))
	}
	if op.in != nil {
		e.Parameters = append(e.Parameters, d.members("", op.in, 0)...)
	}
	e.Missing = slices.Clone(e.Parameters)
	e.Missing = slices.DeleteFunc(e.Missing, func(p parameter) bool { return !strings.HasPrefix(p.Doc, notSupported) })
	e.Parameters = slices.DeleteFunc(e.Parameters, func(p parameter) bool { return strings.HasPrefix(p.Doc, notSupported) })
	var err error
	if e.Curl, err = d.curl(op, e.Path); err != nil {
		return e, err
	}
	if op.out != nil {
		if e.Answer, err = indented(d.example(op.out, true, 0)); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (d *document) resolve(o *object) *object {
	if ref, ok := o.get("$ref").(string); ok {
		return d.schemas.done[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	return o
}

// members lists what a request's object holds, and what objects in it hold: messages, messages[].role.
func (d *document) members(prefix string, in *object, depth int) []parameter {
	in = d.resolve(in)
	properties, ok := in.get("properties").(*object)
	if !ok || depth > 2 {
		return nil
	}
	required, _ := in.get("required").([]string)
	var out []parameter
	for _, name := range properties.keys {
		schema := properties.get(name).(*object)
		out = append(out, d.parameter(prefix+name, "body", slices.Contains(required, name), schema))
		if items, ok := schema.get("items").(*object); ok {
			out = append(out, d.members(prefix+name+"[].", items, depth+1)...)
		} else {
			out = append(out, d.members(prefix+name+".", schema, depth+1)...)
		}
	}
	return out
}

func (d *document) parameter(name, place string, required bool, schema *object) parameter {
	p := parameter{Name: name, Place: place, Required: required, Type: d.typeText(schema)}
	p.Doc, _ = schema.get("description").(string)
	p.Enum, _ = schema.get("enum").([]string)
	if v, ok := schema.values["default"]; ok {
		p.Default = fmt.Sprint(v)
	}
	return p
}

// typeText says a schema's type in a word or two.
func (d *document) typeText(o *object) string {
	if o == nil {
		return "any"
	}
	if ref, ok := o.get("$ref").(string); ok {
		return strings.TrimPrefix(ref, "#/components/schemas/")
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if list, ok := o.get(key).([]any); ok {
			words := make([]string, 0, len(list))
			for _, v := range list {
				if alt, ok := v.(*object); ok {
					words = append(words, d.typeText(alt))
				}
			}
			return strings.Join(words, " or ")
		}
	}
	switch t := o.get("type").(type) {
	case string:
		if t == "array" {
			items, _ := o.get("items").(*object)
			return "list of " + d.typeText(items)
		}
		return t
	case []string:
		return strings.Join(t, " or ")
	default:
		return "any"
	}
}

// example makes a value that fits the schema: of requests the required members, of answers all.
func (d *document) example(o *object, all bool, depth int) any {
	if list, ok := o.get("examples").([]any); ok && len(list) > 0 {
		return list[0]
	}
	if v, ok := o.values["example"]; ok {
		return v
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		if list, ok := o.get(key).([]any); ok && len(list) > 0 {
			if first, ok := list[0].(*object); ok {
				return d.example(first, all, depth)
			}
		}
	}
	if enum, ok := o.get("enum").([]string); ok {
		return enum[0]
	}
	if v, ok := o.values["default"]; ok {
		return v
	}
	o = d.resolve(o)
	typ, _ := o.get("type").(string)
	if types, ok := o.get("type").([]string); ok {
		typ = types[0]
	}
	switch typ {
	case "string":
		return "string"
	case "integer", "number":
		return 0
	case "boolean":
		return true
	case "array":
		items, ok := o.get("items").(*object)
		if !ok || depth > 4 {
			return []any{}
		}
		return []any{d.example(items, all, depth+1)}
	case "object":
		out := obj()
		properties, _ := o.get("properties").(*object)
		if properties == nil || depth > 4 {
			return out
		}
		required, _ := o.get("required").([]string)
		for _, name := range properties.keys {
			if all || slices.Contains(required, name) {
				out.set(name, d.example(properties.get(name).(*object), all, depth+1))
			}
		}
		return out
	default:
		return nil
	}
}

func indented(v any) (string, error) {
	b, err := json.Marshal(v, jsontext.WithIndent("  "))
	return string(b), err
}

// curl is a line to paste into a shell where PARLEY_URL and PARLEY_KEY are set; the page fills in its own address.
func (d *document) curl(op operation, path string) (string, error) {
	var b strings.Builder
	b.WriteString("curl $PARLEY_URL" + strings.NewReplacer("{", "", "}", "").Replace(path))
	if op.route.Method != http.MethodGet && (op.route.Method != http.MethodPost || op.in == nil) {
		b.WriteString(" \\\n  -X " + op.route.Method)
	}
	if op.route.Auth != httpapi.AuthNone {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $PARLEY_KEY\"")
	}
	if op.in != nil && op.route.Form {
		in := d.resolve(op.in)
		required, _ := in.get("required").([]string)
		for _, name := range required {
			schema := in.get("properties").(*object).get(name).(*object)
			value := fmt.Sprint(d.example(schema, false, 1))
			if schema.get("format") == "binary" {
				value = "@FILE"
			}
			b.WriteString(" \\\n  -F " + name + "=" + value)
		}
	} else if op.in != nil {
		body, err := indented(d.example(op.in, false, 0))
		if err != nil {
			return "", err
		}
		b.WriteString(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '" + strings.ReplaceAll(body, "'", `'\''`) + "'")
	}
	return b.String(), nil
}
