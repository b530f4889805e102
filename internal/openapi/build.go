package openapi

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/httpapi"
)

// Info heads the document.
type Info struct {
	Title   string
	Version string
}

// Build returns the OpenAPI 3.1 document of the routes as indented JSON. An error is a mistake in the
// table: two types of one name, a tag that is no number, a type without a JSON form.
func Build(routes []httpapi.Route, info Info) ([]byte, error) {
	d := newDocument(routes)
	if d.schemas.err != nil {
		return nil, d.schemas.err
	}
	out, err := json.Marshal(d.object(info), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return append(out, '\n'), nil
}

// document is the routes with their schemas.
type document struct {
	schemas    *schemas
	operations []operation
}

// operation is one route, described.
type operation struct {
	route      httpapi.Route
	parameters []*object
	in         *object // nil: no body
	out        *object // nil: no JSON
	stream     *object // nil: does not stream
}

func newDocument(routes []httpapi.Route) *document {
	d := &document{schemas: newSchemas()}
	for _, rt := range routes {
		op := operation{route: rt}
		for _, name := range wildcards(rt.Path) {
			op.parameters = append(op.parameters, obj("name", name, "in", "path", "required", true, "schema", obj("type", "string")))
		}
		if rt.Query != nil {
			op.parameters = append(op.parameters, d.query(reflect.TypeOf(rt.Query))...)
		}
		if rt.In != nil {
			op.in = d.schemas.of(reflect.TypeOf(rt.In))
		}
		if rt.Out != nil {
			op.out = d.schemas.of(reflect.TypeOf(rt.Out))
		}
		if rt.Stream != nil {
			op.stream = d.schemas.of(reflect.TypeOf(rt.Stream))
		}
		d.operations = append(d.operations, op)
	}
	d.schemas.of(reflect.TypeFor[httpapi.ErrorBody]())
	return d
}

// wildcards returns the names in a pattern of net/http.
func wildcards(pattern string) []string {
	var names []string
	for part := range strings.SplitSeq(pattern, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok && part != "{$}" {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(name, "}"), "..."))
		}
	}
	return names
}

// cleanPath writes a pattern of net/http as OpenAPI does.
func cleanPath(pattern string) string {
	return strings.ReplaceAll(strings.TrimSuffix(pattern, "{$}"), "...}", "}")
}

func (d *document) query(t reflect.Type) []*object {
	var out []*object
	for _, f := range reflect.VisibleFields(t) { // also those of structs that it embeds
		name := f.Tag.Get("query")
		if name == "" {
			continue
		}
		schema := d.schemas.of(f.Type)
		d.schemas.describe(schema, f)
		p := obj("name", name, "in", "query")
		if text, ok := schema.get("description").(string); ok {
			p.set("description", text)
			plain := obj()
			for _, k := range schema.keys {
				if k != "description" {
					plain.set(k, schema.get(k))
				}
			}
			schema = plain
		}
		p.set("schema", schema)
		out = append(out, p)
	}
	return out
}

func (d *document) object(info Info) *object {
	paths := obj()
	tags, seen := []any{}, []string{}
	for _, op := range d.operations {
		p := cleanPath(op.route.Path)
		if !paths.has(p) {
			paths.set(p, obj())
		}
		paths.get(p).(*object).set(strings.ToLower(op.route.Method), op.object())
		if !slices.Contains(seen, op.route.Tag) {
			seen = append(seen, op.route.Tag)
			tags = append(tags, obj("name", op.route.Tag))
		}
	}
	components := obj()
	names := slices.Sorted(slices.Values(d.schemas.order))
	for _, name := range names {
		components.set(name, d.schemas.done[name])
	}
	return obj(
		"openapi", "3.1.0",
		"info", obj("title", info.Title, "version", info.Version,
			"description", "The OpenAI platform's API, served by open models on your own machine.",
			"license", obj("name", "Apache-2.0", "identifier", "Apache-2.0")),
		"servers", []any{obj("url", "/")},
		"security", []any{obj("bearer", []any{}), obj("basic", []any{}), obj("session", []any{})},
		"tags", tags,
		"paths", paths,
		"components", obj(
			"securitySchemes", obj(
				"bearer", obj("type", "http", "scheme", "bearer", "description", "An API key: Authorization: Bearer sk-…"),
				"basic", obj("type", "http", "scheme", "basic", "description", "An API key as the password, with an empty user: curl -u :sk-…"),
				"session", obj("type", "apiKey", "in", "cookie", "name", "parley_session", "description", "A browser that was signed in.")),
			"responses", obj("Error", obj("description", "What went wrong and what to do.",
				"content", obj("application/json", obj("schema", obj("$ref", "#/components/schemas/ErrorResponse"))))),
			"schemas", components),
	)
}

func (op operation) object() *object {
	rt := op.route
	o := obj("operationId", rt.Op, "tags", []string{rt.Tag}, "summary", rt.Summary)
	if rt.Doc != "" {
		o.set("description", rt.Doc)
	}
	if rt.Auth == httpapi.AuthNone {
		o.set("security", []any{})
	}
	if rt.Scope != "" {
		o.set("x-scope", rt.Scope)
	}
	if rt.LimitClass != "" {
		o.set("x-limit-class", rt.LimitClass)
	}
	if len(op.parameters) > 0 {
		o.set("parameters", op.parameters)
	}
	if op.in != nil {
		media := "application/json"
		if rt.Form {
			media = "multipart/form-data"
		}
		o.set("requestBody", obj("required", true, "content", obj(media, obj("schema", op.in))))
	}
	content := obj()
	if op.out != nil {
		content.set("application/json", obj("schema", op.out))
	}
	if op.stream != nil {
		content.set("text/event-stream", obj("schema", op.stream))
	}
	if rt.Produces != "" {
		content.set(rt.Produces, obj("schema", obj("type", "string")))
	}
	ok := obj("description", "OK")
	status := "204"
	if len(content.keys) > 0 {
		status = "200"
		ok.set("content", content)
	}
	if op.stream != nil {
		ok.set("description", "One JSON object, or with \"stream\": true server-sent events: one JSON object of the streamed type in each data line.")
	}
	return setResponses(o, status, ok)
}

func setResponses(o *object, status string, ok *object) *object {
	o.set("responses", obj(status, ok, "default", obj("$ref", "#/components/responses/Error")))
	return o
}

// Routes returns GET /openapi.json and GET /docs for a table, and for themselves.
func Routes(routes []httpapi.Route, info Info) ([]httpapi.Route, error) {
	var doc, page []byte
	own := []httpapi.Route{
		{Method: http.MethodGet, Path: "/openapi.json", Op: "getOpenAPI", Tag: "System", Auth: httpapi.AuthNone, Produces: "application/json",
			Summary: "This API as an OpenAPI 3.1 document.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				return static(w, r, "application/json", doc)
			}},
		{Method: http.MethodGet, Path: "/docs", Op: "getDocs", Tag: "System", Auth: httpapi.AuthNone, Produces: "text/html",
			Summary: "This API as a page to read.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
				return static(w, r, "text/html; charset=utf-8", page)
			}},
	}
	all := slices.Concat(routes, own)
	var err error
	if doc, err = Build(all, info); err != nil {
		return nil, err
	}
	if page, err = Docs(all, info); err != nil {
		return nil, err
	}
	return own, nil
}
