// Command extract writes the parts of OpenAI's reference documents that the tests of package contract read:
//
//	go run ./contract/extract contract/testdata openapi-2022-12.yaml openapi-2023-10-25.yaml …
//
// The documents are versions of openapi.yaml in github.com/openai/openai-openapi (MIT), named by date. Kept
// are the list of all operations, and the schemas that the operations of served reach, without prose.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// served are the first parts of the paths whose schemas are kept.
var served = []string{"/answers", "/assistants", "/chat/completions", "/classifications", "/completions", "/conversations", "/edits", "/embeddings", "/engines", "/files", "/models", "/organization", "/responses", "/threads", "/uploads", "/vector_stores"}

// roots are schemas that no operation of the older documents refers to, but their prose.
var roots = []string{"CreateChatCompletionStreamResponse", "ErrorResponse"}

// prose are the members of a schema that say nothing about which values are valid.
var prose = []string{"description", "title", "example", "examples", "default", "deprecated", "externalDocs", "xml", "readOnly", "writeOnly"}

// Document is what is written for one date.
type Document struct {
	Source     string               `json:"source"`
	OpenAPI    string               `json:"openapi"` // version of the OpenAPI specification
	Operations map[string]Operation `json:"operations"`
	Schemas    map[string]any       `json:"schemas"`
}

// Operation is one method and path. Of those that are not served only the id is kept.
type Operation struct {
	ID       string         `json:"id,omitempty"`
	Request  any            `json:"request,omitempty"`  // schema of the JSON body
	Response map[string]any `json:"response,omitempty"` // schema by media type, of status 200
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: extract OUTPUT-DIRECTORY openapi-DATE.yaml…")
		os.Exit(2)
	}
	for _, name := range os.Args[2:] {
		if err := extract(os.Args[1], name); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
	}
}

var date = regexp.MustCompile(`\d{4}-\d{2}(-\d{2})?`)

func extract(dir, name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var in struct {
		OpenAPI    string                    `yaml:"openapi"`
		Paths      map[string]map[string]any `yaml:"paths"`
		Components struct {
			Schemas map[string]any `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(data, &in); err != nil {
		return err
	}
	day := date.FindString(filepath.Base(name))
	if day == "" {
		return fmt.Errorf("the name has no date, as openapi-2024-01-25.yaml has")
	}
	out := Document{
		Source: filepath.Base(name) + " of github.com/openai/openai-openapi, MIT licence", OpenAPI: in.OpenAPI,
		Operations: map[string]Operation{}, Schemas: map[string]any{},
	}
	var open []string // names of schemas to keep
	for path, item := range in.Paths {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			op, ok := item[method].(map[string]any)
			if !ok {
				continue
			}
			kept := Operation{}
			kept.ID, _ = op["operationId"].(string)
			if slices.ContainsFunc(served, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") }) {
				kept.Request = clean(at(op, "requestBody", "content", "application/json", "schema"))
				content, _ := at(op, "responses", "200", "content").(map[string]any)
				for media := range content {
					if kept.Response == nil {
						kept.Response = map[string]any{}
					}
					kept.Response[media] = clean(at(content, media, "schema"))
				}
				open = append(open, refs(kept.Request)...)
				open = append(open, refs(kept.Response)...)
			}
			out.Operations[strings.ToUpper(method)+" "+path] = kept
		}
	}
	for _, root := range roots {
		if in.Components.Schemas[root] != nil {
			open = append(open, root)
		}
	}
	for len(open) > 0 {
		name := open[0]
		open = open[1:]
		if out.Schemas[name] != nil {
			continue
		}
		schema := in.Components.Schemas[name]
		if schema == nil {
			return fmt.Errorf("there is no schema %s", name)
		}
		out.Schemas[name] = clean(schema)
		open = append(open, refs(out.Schemas[name])...)
	}
	return write(filepath.Join(dir, day+".json"), out)
}

// at goes down the members of v; nil when one is missing.
func at(v any, path ...string) any {
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// clean returns a schema without prose. Under properties the names are the API's, whatever they are.
func clean(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			switch {
			case slices.Contains(prose, name) || strings.HasPrefix(name, "x-"):
			case name == "properties":
				members, _ := member.(map[string]any)
				kept := map[string]any{}
				for property, schema := range members {
					kept[property] = clean(schema)
				}
				out[name] = kept
			case name == "minimum" || name == "maximum":
				out[name] = number(member)
			default:
				out[name] = clean(member)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = clean(item)
		}
		return out
	default:
		return v
	}
}

// number returns bounds that are too large for an int64 as numbers too: the parser leaves them as text.
func number(v any) any {
	if text, ok := v.(string); ok {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	}
	return v
}

const component = "#/components/schemas/"

// refs returns the names of the schemas that v refers to.
func refs(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if ref, ok := member.(string); ok && name == "$ref" {
				out = append(out, strings.TrimPrefix(ref, component))
				continue
			}
			out = append(out, refs(member)...)
		}
	case []any:
		for _, item := range v {
			out = append(out, refs(item)...)
		}
	}
	return out
}

// write writes a document with one line for each operation and schema, in the order of their names.
func write(name string, d Document) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"source\": %q, \"openapi\": %q,\n\"operations\": {", d.Source, d.OpenAPI)
	if err := lines(&b, d.Operations); err != nil {
		return err
	}
	b.WriteString("},\n\"schemas\": {")
	if err := lines(&b, d.Schemas); err != nil {
		return err
	}
	b.WriteString("}}\n")
	return os.WriteFile(name, b.Bytes(), 0o644)
}

func lines[T any](b *bytes.Buffer, m map[string]T) error {
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(m[key])
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n%q: %s", key, value)
	}
	return nil
}
