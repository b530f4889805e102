package contract

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/testkit"
)

const (
	chat       = "POST /chat/completions"
	completion = "POST /completions"
	edit       = "POST /edits"
	embedding  = "POST /embeddings"
	search     = "POST /engines/{}/search"
	question   = "POST /answers"
	labeling   = "POST /classifications"
	hello      = `"messages": [{"role": "user", "content": "Hello"}]`
	puppies    = `"model": "gpt-4", "search_model": "text-embedding-ada-002", "question": "which puppy is happy?", "documents": ["Puppy A is happy.", "Puppy B is sad."], "examples_context": "In 2017, U.S. life expectancy was 78.6 years.", "examples": [["What is human life expectancy in the United States?", "78 years."]]`
	moments    = `"model": "gpt-4", "search_model": "text-embedding-ada-002", "query": "It is a raining day :(", "examples": [["A happy moment", "Positive"], ["I am sad.", "Negative"]], "labels": ["Positive", "Negative", "Neutral"]`
	// Of the server's own project.
	projectLimits = "GET /organization/projects/{}/rate_limits"
	projectLimit  = "POST /organization/projects/{}/rate_limits/{}"
	function      = `{"name": "f", "description": "A function.", "parameters": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "required": ["a"]}}`
	tools         = `"tools": [{"type": "function", "function": ` + function + `}], `
	functions     = `"functions": [` + function + `], `
	// The fake engine says what it hears: here a call, as a model without a form of its own is taught to write it.
	calling = `"messages": [{"role": "user", "content": "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"b\"}}\n</tool_call>"}]`
)

// failing is the seed at which the fake engine fails after three tokens.
const failing = 99

// exchange is a request, and the operation of the documents that its answers are judged by.
type exchange struct {
	name      string
	operation string
	path      string // below /v1; empty: the operation's
	body      string
	status    int // 0: 200
}

var exchanges = []exchange{
	{"plain", chat, "", `{"model": "gpt-4", ` + hello + `}`, 0},
	{"n", chat, "", `{"model": "gpt-4", "n": 3, ` + hello + `}`, 0},
	{"length", chat, "", `{"model": "gpt-4", "max_tokens": 2, ` + hello + `}`, 0},
	{"max_completion_tokens", chat, "", `{"model": "gpt-4", "max_completion_tokens": 2, ` + hello + `}`, 0},
	{"logprobs", chat, "", `{"model": "gpt-4", "max_tokens": 3, "logprobs": true, ` + hello + `}`, 0},
	{"top_logprobs", chat, "", `{"model": "gpt-4", "max_tokens": 3, "logprobs": true, "top_logprobs": 2, ` + hello + `}`, 0},
	{"text parts", chat, "", `{"model": "gpt-4", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]}`, 0},
	{"json_object", chat, "", `{"model": "gpt-4", "max_tokens": 200, "response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "JSON"}]}`, 0},
	{"json_schema", chat, "", `{"model": "gpt-4", "response_format": {"type": "json_schema", "json_schema": {"name": "b", "strict": true, "schema": {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"], "additionalProperties": false}}}, ` + hello + `}`, 0},
	{"tools, words", chat, "", `{"model": "gpt-4", ` + tools + hello + `}`, 0},
	{"tools, a call behind words", chat, "", `{"model": "gpt-4", ` + tools + calling + `}`, 0},
	{"tools, required", chat, "", `{"model": "gpt-4", "tool_choice": "required", "parallel_tool_calls": false, "logprobs": true, ` + tools + hello + `}`, 0},
	{"tools, named", chat, "", `{"model": "gpt-4", "n": 2, "tool_choice": {"type": "function", "function": {"name": "f"}}, ` + tools + hello + `}`, 0},
	{"tools, results", chat, "", `{"model": "gpt-4", ` + tools + `"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "call_1", "content": "1"}]}`, 0},
	{"functions", chat, "", `{"model": "gpt-4", ` + functions + calling + `}`, 0},
	{"functions, named", chat, "", `{"model": "gpt-4", "function_call": {"name": "f"}, ` + functions + hello + `}`, 0},
	{"functions, results", chat, "", `{"model": "gpt-4", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}}, {"role": "function", "name": "f", "content": "1"}]}`, 0},
	{"stream, tools, words", chat, "", `{"model": "gpt-4", "stream": true, ` + tools + hello + `}`, 0},
	{"stream, tools, a call behind words", chat, "", `{"model": "gpt-4", "stream": true, ` + tools + calling + `}`, 0},
	{"stream, tools, required", chat, "", `{"model": "gpt-4", "stream": true, "n": 2, "tool_choice": "required", ` + tools + hello + `}`, 0},
	{"stream, functions", chat, "", `{"model": "gpt-4", "stream": true, ` + functions + calling + `}`, 0},
	{"stream, functions, named", chat, "", `{"model": "gpt-4", "stream": true, "function_call": {"name": "f"}, ` + functions + hello + `}`, 0},
	{"a schema that is none", chat, "", `{"model": "gpt-4", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}], ` + hello + `}`, 400},
	{"stream", chat, "", `{"model": "gpt-4", "stream": true, ` + hello + `}`, 0},
	{"stream, n", chat, "", `{"model": "gpt-4", "stream": true, "n": 2, "max_tokens": 3, ` + hello + `}`, 0},
	{"stream, usage", chat, "", `{"model": "gpt-4", "stream": true, "stream_options": {"include_usage": true}, ` + hello + `}`, 0},
	{"stream, logprobs", chat, "", `{"model": "gpt-4", "stream": true, "max_tokens": 3, "logprobs": true, "top_logprobs": 1, ` + hello + `}`, 0},
	{"stream that fails", chat, "", `{"model": "gpt-4", "stream": true, "seed": 99, ` + hello + `}`, 0},
	{"no messages", chat, "", `{"model": "gpt-4"}`, 400},
	{"unknown model", chat, "", `{"model": "nothing", ` + hello + `}`, 404},
	{"fails", chat, "", `{"model": "gpt-4", "seed": 99, ` + hello + `}`, 500},

	{"plain", completion, "", `{"model": "gpt-4", "prompt": "Hi"}`, 0},
	{"list, n", completion, "", `{"model": "gpt-4", "prompt": ["one", "two"], "n": 2}`, 0},
	{"token ids", completion, "", `{"model": "echo", "prompt": [[72, 105], [72]], "max_tokens": 2}`, 0},
	{"best_of", completion, "", `{"model": "gpt-4", "prompt": "Hi", "best_of": 3}`, 0},
	{"echo", completion, "", `{"model": "gpt-4", "prompt": "Hi", "echo": true}`, 0},
	{"logprobs", completion, "", `{"model": "gpt-4", "prompt": "Hi", "logprobs": 2, "max_tokens": 3}`, 0},
	{"logprobs 0", completion, "", `{"model": "gpt-4", "prompt": "Hi", "logprobs": 0, "max_tokens": 3}`, 0},
	{"scoring", completion, "", `{"model": "gpt-4", "prompt": "Hi", "echo": true, "logprobs": 1, "max_tokens": 0}`, 0},
	{"suffix", completion, "", `{"model": "gpt-4", "prompt": "Once ", "suffix": " a time"}`, 0},
	{"stream", completion, "", `{"model": "gpt-4", "prompt": "Hi", "stream": true}`, 0},
	{"stream, usage", completion, "", `{"model": "gpt-4", "prompt": "Hi", "stream": true, "stream_options": {"include_usage": true}}`, 0},
	{"stream, logprobs", completion, "", `{"model": "gpt-4", "prompt": "Hi", "stream": true, "logprobs": 1, "max_tokens": 3}`, 0},
	{"stream that fails", completion, "", `{"model": "gpt-4", "prompt": "Hi", "stream": true, "seed": 99}`, 0},
	{"engine in the path", completion, "/engines/davinci/completions", `{"prompt": "Hi"}`, 0},
	{"best_of below n", completion, "", `{"model": "gpt-4", "prompt": "Hi", "best_of": 1, "n": 2}`, 400},

	{"plain", edit, "", `{"model": "text-davinci-edit-001", "input": "teh", "instruction": "Fix it."}`, 0},
	{"n", edit, "", `{"model": "text-davinci-edit-001", "instruction": "Write.", "n": 2}`, 0},
	{"engine in the path", edit, "/engines/text-davinci-edit-001/edits", `{"input": "teh", "instruction": "Fix it."}`, 0},
	{"no instruction", edit, "", `{"model": "text-davinci-edit-001"}`, 400},

	{"plain", embedding, "", `{"model": "text-embedding-ada-002", "input": "Hi"}`, 0},
	{"list", embedding, "", `{"model": "text-embedding-ada-002", "input": ["Hi", "Ho"]}`, 0},
	{"token ids", embedding, "", `{"model": "text-embedding-ada-002", "input": [13347]}`, 0},
	{"base64", embedding, "", `{"model": "text-embedding-ada-002", "input": "Hi", "encoding_format": "base64"}`, 0},
	{"dimensions", embedding, "", `{"model": "text-embedding-ada-002", "input": "Hi", "dimensions": 8}`, 0},
	{"engine in the path", embedding, "/engines/text-embedding-ada-002/embeddings", `{"input": "Hi"}`, 0},
	{"no input", embedding, "", `{"model": "text-embedding-ada-002"}`, 400},

	{"plain", search, "/engines/text-embedding-ada-002/search", `{"query": "a", "documents": ["b", "c"]}`, 0},
	{"no documents", search, "/engines/text-embedding-ada-002/search", `{"query": "a"}`, 400},

	{"plain", question, "", "{" + puppies + "}", 0},
	{"prompt", question, "", `{"return_prompt": true, ` + puppies + `}`, 0},
	{"expanded", question, "", `{"expand": ["completion"], "n": 2, ` + puppies + `}`, 0},
	{"logprobs", question, "", `{"logprobs": 2, ` + puppies + `}`, 0},
	{"no documents", question, "", strings.Replace("{"+puppies+"}", "documents", "user", 1), 400},
	{"plain", labeling, "", "{" + moments + "}", 0},
	{"prompt", labeling, "", `{"return_prompt": true, ` + moments + `}`, 0},
	{"expanded", labeling, "", `{"expand": ["completion"], ` + moments + `}`, 0},
	{"unknown model", labeling, "", strings.Replace("{"+moments+"}", "gpt-4", "nothing", 1), 404},

	{"plain", projectLimits, "/organization/projects/{own_project}/rate_limits", "", 0},
	{"a page", projectLimits, "/organization/projects/{own_project}/rate_limits?limit=2&after=rl-gpt-4", "", 0},
	{"another's project", projectLimits, "/organization/projects/proj_x/rate_limits", "", 404},
	{"plain", projectLimit, "/organization/projects/{own_project}/rate_limits/rl-gpt-4", `{"max_requests_per_1_minute": 500000, "max_requests_per_1_day": 900000}`, 0},
	{"set", projectLimits, "/organization/projects/{own_project}/rate_limits", "", 0},
	{"negative", projectLimit, "/organization/projects/{own_project}/rate_limits/rl-gpt-4", `{"max_requests_per_1_minute": -1}`, 400},

	{"plain", "GET /models", "", "", 0},
	{"plain", "GET /models/{}", "/models/gpt-4", "", 0},
	{"shut down", "GET /models/{}", "/models/text-davinci-003", "", 0},
	{"unknown", "GET /models/{}", "/models/nothing", "", 404},
	{"plain", "GET /engines", "", "", 0},
	{"plain", "GET /engines/{}", "/engines/davinci", "", 0},
	{"unknown", "GET /engines/{}", "/engines/nothing", "", 404},

	{"plain", chatUsage, "/organization/usage/completions" + today, "", 0},
	{"in groups", chatUsage, "/organization/usage/completions" + today + "&group_by=project_id,user_id,api_key_id,model,batch,service_tier", "", 0},
	{"no time", chatUsage, "/organization/usage/completions", "", 400},
	{"plain", vectorUsage, "/organization/usage/embeddings" + today, "", 0},
	{"in groups", vectorUsage, "/organization/usage/embeddings" + today + "&group_by=project_id,user_id,api_key_id,model", "", 0},
	{"a group of others", vectorUsage, "/organization/usage/embeddings" + today + "&group_by=batch", "", 400},
	{"plain", costs, "/organization/costs" + today, "", 0},
	{"in groups", costs, "/organization/costs" + today + "&group_by=project_id,line_item,api_key_id", "", 0},
	{"too many", costs, "/organization/costs" + today + "&limit=181", "", 400},
}

// Usage of the day that the server's clock shows.
const (
	chatUsage   = "GET /organization/usage/completions"
	vectorUsage = "GET /organization/usage/embeddings"
	costs       = "GET /organization/costs"
	today       = "?start_time=1699228800&end_time=1699315200"
)

// sums follow the answers that they are made of within a second; until then a day has no results.
func sums(t *testing.T, s *testkit.Server, path string) (*http.Response, string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, text := s.Call(http.MethodGet, path, nil)
		if resp.StatusCode != http.StatusOK || !strings.Contains(text, `"results":[]`) {
			return resp, text
		}
		if time.Now().After(deadline) {
			t.Fatalf("GET %s: no usage: %s", path, text)
		}
	}
}

// difference is an entry of differences.yaml.
type difference struct {
	Operations []string `yaml:"operations"`
	Answer     string   `yaml:"answer"` // response, event or error
	Dates      []string `yaml:"dates"`
	At         []string `yaml:"at"`
	What       string   `yaml:"what"`
	Reason     string   `yaml:"reason"`
}

// place is where one difference was found, or is allowed; then at may have * for any name.
type place struct{ operation, answer, date, at, what string }

// allows reports whether what was found at q is what p allows.
func (p place) allows(q place) bool {
	ok, err := path.Match(p.at, q.at)
	p.at, q.at = "", ""
	return err == nil && ok && p == q
}

// TestResponses: every answer satisfies the schema of every document that has the operation, but for the
// listed differences. Schemas are taken as complete: a member that they do not name is a difference.
func TestResponses(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Echo: echo.Options{BeforeToken: func(_ context.Context, req engine.GenerateRequest, n int) error {
		if req.Sampling.Seed == failing && n == 3 {
			return errors.New("the engine was told to fail")
		}
		return nil
	}}})
	docs := documents(t)
	shown := map[place]bool{} // what is allowed, and whether an answer showed it
	var allowed []difference
	readYAML(t, "differences.yaml", &allowed)
	for _, a := range allowed {
		if a.Reason == "" {
			t.Errorf("a difference without a reason: %+v", a)
		}
		for _, operation := range a.Operations {
			for _, date := range a.Dates {
				for _, at := range a.At {
					// December 2022 had no chat, and today there are no edits.
					if d := slices.IndexFunc(docs, func(d *document) bool { return d.Date == date }); d < 0 {
						t.Errorf("differences.yaml names %s, of which there is no document", date)
					} else if _, ok := docs[d].operation(operation); ok {
						shown[place{operation, a.Answer, date, at, a.What}] = false
					}
				}
			}
		}
	}
	found := map[place]bool{}
	checked := map[string]int{} // by document and kind of answer
	tried := map[string]bool{}
	kept := map[string]string{"own_project": project(t, s)}
	importHistory(t, s)
	for _, x := range slices.Concat(exchanges, files, stores, assistants, runsOfBoth, newest, organization) {
		t.Run(x.operation+" "+x.name, func(t *testing.T) {
			tried[x.operation] = true
			for _, a := range x.answers(t, s, kept) {
				for _, d := range docs {
					schema := a.schemaIn(d, x.operation)
					if _, date := x.generation(); schema == "" || date != "" && date != d.Date {
						continue
					}
					checked[d.Date+" "+a.kind]++
					for _, f := range findings(d.schema(t, schema).Validate(a.value)) {
						p := place{x.operation, a.kind, d.Date, f.At, f.What}
						listed := false
						for allowed := range shown {
							if allowed.allows(p) {
								listed, shown[allowed] = true, true
							}
						}
						if !listed && !found[p] { // each once
							t.Errorf("%s, %s: %s %s. Mend it, or list it with a reason in differences.yaml.\n%.600s", d.Date, a.kind, f.At, f.What, a.text)
						}
						found[p] = true
					}
				}
			}
		})
	}
	for p, ok := range shown {
		if !ok {
			t.Errorf("differences.yaml lists what no answer shows any more: %+v", p)
		}
	}
	served, _ := routes(t, s)
	for _, d := range docs {
		for op := range d.Operations {
			if _, ok := served[anonymous(op)]; ok && !tried[anonymous(op)] {
				t.Errorf("%s of %s is served, and no answer of it was checked", op, d.Date)
			}
		}
	}
	for _, key := range sorted(checked) {
		t.Logf("%s: %d checked", key, checked[key])
	}
	t.Logf("%d differences, listed in %d entries", len(shown), len(allowed))
}

// answer is one JSON value that the server sent: the body, one event of a stream, or an error.
type answer struct {
	kind  string // response, event or error
	text  string
	value any
}

// schemaIn is the name of the definition that the answer must satisfy; "" when the document has none.
func (a answer) schemaIn(d *document, operation string) string {
	full, ok := d.operation(operation)
	if !ok {
		return ""
	}
	op := d.Operations[full]
	switch {
	case a.kind == "error" && d.Schemas["ErrorResponse"] == nil:
		return "" // December 2022 does not say what errors look like
	case a.kind == "error":
		return "ErrorResponse"
	case a.kind == "response" && len(op.Response) == 0:
		return "" // the document does not say what comes
	case a.kind == "event" && op.Response["text/event-stream"] != nil:
		return full + " event"
	case a.kind == "event" && operation == chat:
		return "CreateChatCompletionStreamResponse" // which the older documents name in prose
	}
	return full + " response" // "both the streamed and non-streamed response objects share the same shape"
}

func (x exchange) answers(t *testing.T, s *testkit.Server, kept map[string]string) []answer {
	t.Helper()
	for name, id := range kept {
		x.path, x.body = strings.ReplaceAll(x.path, "{"+name+"}", id), strings.ReplaceAll(x.body, "{"+name+"}", id)
	}
	method, below, _ := strings.Cut(x.operation, " ")
	if x.path != "" {
		below = x.path
	}
	var body any
	if x.body != "" {
		body = x.body
	}
	call := func() (*http.Response, string) { return s.Call(method, "/v1"+below, body) }
	if word, _ := x.generation(); word != "" {
		call = func() (*http.Response, string) {
			return s.CallWith(map[string]string{"Authorization": "Bearer " + s.Key, "OpenAI-Beta": "assistants=" + word}, method, "/v1"+below, body)
		}
	}
	if slices.Contains([]string{chatUsage, vectorUsage, costs}, x.operation) {
		call = func() (*http.Response, string) { return sums(t, s, "/v1"+below) }
	}
	if x.operation == storeContent {
		call = func() (*http.Response, string) { return read(t, s, "/v1"+below) }
	}
	if strings.HasPrefix(x.body, formStart) {
		call = func() (*http.Response, string) {
			return s.CallWith(map[string]string{"Authorization": "Bearer " + s.Key, "Content-Type": "multipart/form-data; boundary=form"}, method, "/v1"+below, body)
		}
	}
	resp, text := call()
	want := x.status
	if want == 0 {
		want = http.StatusOK
	}
	if resp.StatusCode != want {
		t.Fatalf("status %d, want %d: %.600s", resp.StatusCode, want, text)
	}
	if want != http.StatusOK {
		return []answer{parse(t, "error", text)}
	}
	if resp.Header.Get("Content-Type") == "application/octet-stream" {
		return []answer{{kind: "response", text: text, value: text}} // the documents say: a string
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		a := parse(t, "response", text)
		if name := makes[x.operation+" "+x.name]; name != "" {
			m := a.value.(map[string]any)
			if list, ok := m["data"].([]any); ok {
				m = list[0].(map[string]any)
			}
			kept[name] = m["id"].(string)
		}
		return []answer{a}
	}
	var out []answer
	done := false
	for line := range strings.Lines(text) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		switch {
		case !ok:
		case data == "[DONE]":
			done = true
		default:
			a := parse(t, "event", data)
			if m, ok := a.value.(map[string]any); ok && m["error"] != nil {
				a.kind, done = "error", true
			} else if ok && m["type"] != nil {
				done = lastEvents[m["type"].(string)]
			}
			out = append(out, a)
		}
	}
	if !done || len(out) == 0 {
		t.Fatalf("the stream does not end: %.600s", text)
	}
	return out
}

// project is the id of the project that the server's key belongs to.
func project(t *testing.T, s *testkit.Server) string {
	t.Helper()
	resp, text := s.Call(http.MethodGet, "/api/session", nil)
	var session struct{ Project struct{ ID string } }
	if err := json.Unmarshal([]byte(text), &session); err != nil || session.Project.ID == "" {
		t.Fatalf("GET /api/session: %s %s", resp.Status, text)
	}
	return session.Project.ID
}

func parse(t *testing.T, kind, text string) answer {
	t.Helper()
	a := answer{kind: kind, text: text}
	if err := json.Unmarshal([]byte(text), &a.value); err != nil {
		t.Fatalf("not JSON: %.600s", text)
	}
	return a
}
