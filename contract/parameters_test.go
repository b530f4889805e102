package contract

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
)

// requests are whole requests to the operations that take a body, with the path below /v1.
var requests = map[string]struct{ path, body string }{
	chat:       {"/chat/completions", `"model": "gpt-4", ` + hello},
	completion: {"/completions", `"model": "gpt-4", "prompt": "Hi"`},
	edit:       {"/edits", `"model": "text-davinci-edit-001", "instruction": "Write."`},
	embedding:  {"/embeddings", `"model": "text-embedding-ada-002", "input": "Hi"`},
	search:     {"/engines/text-embedding-ada-002/search", `"query": "a", "documents": ["b"]`},
	question:   {"/answers", puppies},
	labeling:   {"/classifications", moments},
}

// samples are members to add to a request, by parameter. What else the parameter needs stands before it.
var samples = map[string]string{
	"best_of":                `"best_of": 2`,
	"dimensions":             `"dimensions": 8`,
	"documents":              `"documents": ["b", "c"]`,
	"echo":                   `"echo": true`,
	"encoding_format":        `"encoding_format": "base64"`,
	"examples":               `"examples": [["a", "b"], ["c", "d"]]`,
	"examples_context":       `"examples_context": "a"`,
	"expand":                 `"expand": ["completion"]`,
	"file":                   `"file": "file-1"`,
	"frequency_penalty":      `"frequency_penalty": 0.5`,
	"input":                  `"input": "Hi"`,
	"instruction":            `"instruction": "Write."`,
	"labels":                 `"labels": ["a", "b"]`,
	"logit_bias":             `"logit_bias": {"50": -100}`,
	"max_completion_tokens":  `"max_completion_tokens": 5`,
	"max_examples":           `"max_examples": 10`,
	"max_rerank":             `"max_rerank": 10`,
	"max_tokens":             `"max_tokens": 5`,
	"messages":               hello,
	"metadata":               `"metadata": {"a": "b"}`,
	"model":                  `"model": "gpt-4"`,
	"n":                      `"n": 2`,
	"presence_penalty":       `"presence_penalty": 0.5`,
	"prompt":                 `"prompt": ["a", "b"]`,
	"prompt_cache_key":       `"prompt_cache_key": "a"`,
	"prompt_cache_options":   `"prompt_cache_options": {}`,
	"prompt_cache_retention": `"prompt_cache_retention": "24h"`,
	"query":                  `"query": "a"`,
	"question":               `"question": "a"`,
	"response_format":        `"response_format": {"type": "text"}`,
	"return_metadata":        `"return_metadata": true`,
	"return_prompt":          `"return_prompt": true`,
	"safety_identifier":      `"safety_identifier": "a"`,
	"search_model":           `"search_model": "text-embedding-ada-002"`,
	"seed":                   `"seed": 7`,
	"service_tier":           `"service_tier": "auto"`,
	"stop":                   `"stop": ["a", "b"]`,
	"stream":                 `"stream": true`,
	"stream_options":         `"stream": true, "stream_options": {"include_usage": true}`,
	"suffix":                 `"suffix": "a"`,
	"temperature":            `"temperature": 0.5`,
	"timeout":                `"timeout": 20`,
	"top_p":                  `"top_p": 0.5`,
	"user":                   `"user": "a"`,

	chat + " logprobs":            `"logprobs": true`,
	chat + " top_logprobs":        `"logprobs": true, "top_logprobs": 2`,
	chat + " audio":               `"audio": {"voice": "alloy", "format": "wav"}`,
	chat + " function_call":       `"function_call": "auto", "functions": [{"name": "f", "parameters": {"type": "object", "properties": {}}}]`,
	chat + " functions":           `"functions": [{"name": "f", "parameters": {"type": "object", "properties": {}}}]`,
	chat + " modalities":          `"modalities": ["text", "audio"]`,
	chat + " moderation":          `"moderation": {"model": "omni-moderation-latest"}`,
	chat + " parallel_tool_calls": `"parallel_tool_calls": false, "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]`,
	chat + " prediction":          `"prediction": {"type": "content", "content": "a"}`,
	chat + " reasoning_effort":    `"reasoning_effort": "low"`,
	chat + " store":               `"store": true`,
	chat + " tool_choice":         `"tool_choice": "auto", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]`,
	chat + " tools":               `"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]`,
	chat + " verbosity":           `"verbosity": "low"`,
	chat + " web_search_options":  `"web_search_options": {"search_context_size": "low"}`,
	completion + " logprobs":      `"logprobs": 2`,
	question + " logprobs":        `"logprobs": 2`,
	labeling + " logprobs":        `"logprobs": 2`,
	embedding + " model":          `"model": "text-embedding-ada-002"`,
	edit + " model":               `"model": "text-davinci-edit-001"`,
}

// treatment is an entry of parameters.yaml.
type treatment struct {
	Operations []string `yaml:"operations"`
	Treatment  string   `yaml:"treatment"` // refused, without effect, or ours
	Parameters []string `yaml:"parameters"`
	Reason     string   `yaml:"reason"`
}

// TestParameters: every parameter of a document is taken, or listed as refused; what is taken and in no
// document is listed as ours; anything else is refused with the original's words.
func TestParameters(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	served, own := routes(t, s)
	docs := documents(t)
	var entries []treatment
	readYAML(t, "parameters.yaml", &entries)
	treated := map[string]string{} // operation and parameter
	for _, e := range entries {
		if e.Reason == "" || !slices.Contains([]string{"refused", "without effect", "ours"}, e.Treatment) {
			t.Errorf("an entry without a reason or of no known treatment: %+v", e)
		}
		for _, operation := range e.Operations {
			for _, p := range e.Parameters {
				if key := operation + " " + p; treated[key] == "" {
					treated[key] = e.Treatment
				} else {
					t.Errorf("parameters.yaml lists %s twice", key)
				}
			}
		}
	}
	counts, seen := map[string]int{}, map[string]bool{}
	for operation, request := range requests {
		known := map[string]*document{} // parameters, with the newest document that has them
		for _, d := range docs {
			if full, ok := d.operation(operation); ok {
				for name := range d.properties(full) {
					known[name] = d
				}
			}
		}
		ours := map[string]any{}
		own.collect(served[operation], ours)
		all := sorted(known)
		for _, name := range sorted(ours) {
			if known[name] == nil && treated[operation+" "+name] == "ours" {
				all = append(all, name)
			} else if known[name] == nil && name != "model" { // the engine in the path is one
				t.Errorf("%s takes %s, which is in no document: list it as ours in parameters.yaml", operation, name)
			}
		}
		for _, name := range all {
			t.Run(operation+" "+name, func(t *testing.T) {
				key := operation + " " + name
				seen[key] = true
				sample, ok := samples[key]
				if !ok {
					sample, ok = samples[name]
				}
				if !ok {
					t.Fatalf("there is no sample of %s: add one", name)
				}
				if d := known[name]; d != nil {
					valid(t, d, operation, name, sample)
				}
				resp, text := s.Call(http.MethodPost, "/v1"+request.path, merge(t, request.body, sample))
				how := treated[key]
				switch {
				case how == "refused" && (resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, `"param":"`+name+`","code":"unsupported_parameter"`)):
					t.Errorf("%s is listed as refused, and the answer is %d: %.300s", name, resp.StatusCode, text)
				case how != "refused" && resp.StatusCode != http.StatusOK:
					t.Errorf("%s gives %d: take it, or list it as refused in parameters.yaml: %.300s", name, resp.StatusCode, text)
				}
				if how == "" {
					how = "taken"
				}
				counts[how]++
			})
		}
		t.Run(operation+" unknown", func(t *testing.T) {
			resp, text := s.Call(http.MethodPost, "/v1"+request.path, merge(t, request.body, `"best_off": 2`))
			if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, `"message":"Unrecognized request argument supplied: best_off"`) ||
				!strings.Contains(text, `"type":"invalid_request_error"`) {
				t.Errorf("an unknown parameter gives %d: %.300s", resp.StatusCode, text)
			}
		})
	}
	for key := range treated {
		if !seen[key] {
			t.Errorf("parameters.yaml lists %s, which is neither in a document nor taken", key)
		}
	}
	for _, how := range sorted(counts) {
		t.Logf("%s: %d", how, counts[how])
	}
}

// TestBounds: what the documents say is allowed is taken: null where a parameter may be null, the least and
// the greatest number, each of the listed values.
func TestBounds(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	var entries []treatment
	readYAML(t, "parameters.yaml", &entries)
	refused := map[string]bool{}
	for _, e := range entries {
		for _, operation := range e.Operations {
			for _, p := range e.Parameters {
				refused[operation+" "+p] = e.Treatment == "refused"
			}
		}
	}
	tried := map[string]bool{}
	for operation, request := range requests {
		for _, d := range documents(t) {
			full, ok := d.operation(operation)
			if !ok {
				continue
			}
			for name, schema := range d.properties(full) {
				for _, value := range d.allowed(schema) {
					key := operation + " " + name
					switch {
					case tried[key+value] || refused[key] && value != "null":
						continue
					case name == "model" && value != "null": // models are the operator's
						continue
					case (key == search+" documents" || key == question+" documents" || key == labeling+" examples") && value == "null": // when there is a file, which is refused
						continue
					}
					tried[key+value] = true
					sample, ok := samples[key]
					if !ok {
						sample = samples[name]
					}
					body := merge(t, merged(t, request.body, sample), `"`+name+`": `+value)
					resp, text := s.Call(http.MethodPost, "/v1"+request.path, body)
					if resp.StatusCode != http.StatusOK {
						t.Errorf("%s: %s may be %s in %s, and the answer is %d: %.300s", operation, name, value, d.Date, resp.StatusCode, text)
					}
				}
			}
		}
	}
	t.Logf("%d values tried", len(tried))
}

// allowed lists the values at the edges of what a schema allows, as JSON.
func (d *document) allowed(v any) []string {
	schema, _ := v.(map[string]any)
	var out []string
	if ref, ok := schema["$ref"].(string); ok {
		out = d.allowed(d.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")])
	}
	if schema["nullable"] == true || schema["type"] == "null" {
		out = append(out, "null")
	}
	for _, name := range []string{"minimum", "maximum"} {
		if n, ok := schema[name].(float64); ok {
			// A seed is an int64, whose bounds the documents round away from zero.
			if n >= math.MaxInt64 {
				out = append(out, strconv.Itoa(math.MaxInt64))
			} else if n <= math.MinInt64 {
				out = append(out, strconv.Itoa(math.MinInt64))
			} else {
				out = append(out, strconv.FormatFloat(n, 'f', -1, 64))
			}
		}
	}
	for _, value := range list(schema["enum"]) {
		if text, ok := value.(string); ok {
			out = append(out, strconv.Quote(text))
		}
	}
	for _, part := range slices.Concat(list(schema["anyOf"]), list(schema["oneOf"]), list(schema["allOf"])) {
		out = append(out, d.allowed(part)...)
	}
	return out
}

// merged is merge without the braces.
func merged(t *testing.T, body, sample string) string {
	t.Helper()
	return strings.TrimSuffix(strings.TrimPrefix(merge(t, body, sample), "{"), "}")
}

// valid checks that a sample is what the document means by the parameter.
func valid(t *testing.T, d *document, operation, name, sample string) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte("{"+sample+"}"), &members); err != nil {
		t.Fatalf("%s: %v", sample, err)
	}
	full, _ := d.operation(operation)
	if found := findings(d.schema(t, full+" request "+name).Validate(members[name])); len(found) > 0 {
		t.Errorf("the sample %s is not valid in %s: %v", sample, d.Date, found)
	}
}

// merge adds members to a request, in the place of those of the same name.
func merge(t *testing.T, body, sample string) string {
	t.Helper()
	members := map[string]json.RawMessage{}
	for _, part := range []string{body, sample} {
		if err := json.Unmarshal([]byte("{"+part+"}"), &members); err != nil {
			t.Fatalf("%s: %v", part, err)
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
