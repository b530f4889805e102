package chat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/jsonschema"
)

// answers are the texts and finish reasons of a whole answer's choices.
func answers(t *testing.T, body string) (texts, finished []string) {
	t.Helper()
	var r Response
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, c := range r.Choices {
		if c.Message.Content == nil {
			t.Fatalf("an answer without words: %s", body)
		}
		texts, finished = append(texts, *c.Message.Content), append(finished, c.FinishReason)
	}
	return texts, finished
}

const askJSON = `"messages":[{"role":"user","content":"Give me JSON."}]`

// prefix says whether a text is the beginning of JSON.
func prefix(text string) bool {
	d := jsontext.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.ReadToken(); err != nil {
			return errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF
		}
	}
}

func TestJSONMode(t *testing.T) {
	_, srv := serve(t, echo.Options{Reply: func(string) string { return `{"a": [1, null]}` }})
	resp, body := post(t, srv, `{"model":"gpt-4","response_format":{"type":"json_object"},`+askJSON+`}`)
	if texts, finished := answers(t, body); resp.StatusCode != 200 || texts[0] != `{"a": [1, null]}` || finished[0] != "stop" {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}

	// A model that wants to say something else.
	_, srv = serve(t, echo.Options{})
	for seed, body := range []string{
		`{"model":"gpt-4","n":5,"response_format":{"type":"json_object"},` + askJSON + `}`,
		`{"model":"gpt-4","n":2,"temperature":0,"logprobs":true,"top_logprobs":3,"frequency_penalty":1,"logit_bias":{"123":-100},"response_format":{"type":"json_object"},` + askJSON + `}`,
	} {
		_, body := post(t, srv, body)
		texts, finished := answers(t, body)
		for i, text := range texts {
			if finished[i] == "stop" && (!json.Valid([]byte(text)) || text[0] != '{') || finished[i] == "length" && !prefix(text) {
				t.Errorf("request %d, choice %d (%s): %q", seed, i, finished[i], text)
			}
		}
	}
	for n := 1; n < 12; n++ {
		_, body := post(t, srv, strings.Replace(`{"model":"gpt-4","seed":1,"max_tokens":N,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"long":{"const":"abcdefghij"}},"required":["long"]}}},`+askJSON+`}`, "N", string(rune('0'+n%10)), 1))
		if n == 10 {
			continue // max_tokens 0
		}
		texts, finished := answers(t, body)
		if finished[0] != "length" || !prefix(texts[0]) || !strings.HasPrefix(`{"long":"abcdefghij"}`, strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(texts[0])) {
			t.Errorf("max_tokens %d: %q, %s", n, texts[0], finished[0])
		}
	}
}

func TestSchemasHoldAnswers(t *testing.T) {
	const format = `"response_format":{"type":"json_schema","json_schema":{"name":"event","strict":true,"schema":{"type":"object","properties":{"day":{"type":"string","enum":["mon","tue"]},"n":{"type":"integer","minimum":1,"maximum":9}},"required":["day","n"],"additionalProperties":false}}}`
	_, srv := serve(t, echo.Options{})
	for _, more := range []string{"", `"stream":true,`, `"stop":["zzz"],`, `"temperature":0,`} {
		resp, body := post(t, srv, `{"model":"gpt-4","n":4,`+more+format+`,`+hi+`}`)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%d: %s", resp.StatusCode, body)
		}
		texts := map[int]string{}
		if strings.Contains(more, "stream") {
			for line := range strings.SplitSeq(body, "\n") {
				if data, ok := strings.CutPrefix(line, "data: {"); ok {
					var c Chunk
					if err := json.Unmarshal([]byte("{"+data), &c); err != nil {
						t.Fatal(err)
					}
					if d := c.Choices[0].Delta.Content; d != nil {
						texts[c.Choices[0].Index] += **d
					}
				}
			}
		} else {
			list, _ := answers(t, body)
			for i, text := range list {
				texts[i] = text
			}
		}
		for i := range 4 {
			var v struct {
				Day string
				N   int
			}
			if err := json.Unmarshal([]byte(texts[i]), &v); err != nil || v.Day != "mon" && v.Day != "tue" || v.N < 1 || v.N > 9 {
				t.Errorf("%s choice %d: %q, %v", more, i, texts[i], err)
			}
		}
	}
}

func TestModelReadsTheSchema(t *testing.T) {
	var mu sync.Mutex
	var last engine.GenerateRequest
	_, srv := serve(t, echo.Options{BeforeToken: func(_ context.Context, req engine.GenerateRequest, _ int) error {
		mu.Lock()
		defer mu.Unlock()
		last = req
		return nil
	}})
	ask := func(messages, schema string) string {
		t.Helper()
		resp, body := post(t, srv, `{"model":"gpt-4","response_format":{"type":"json_schema","json_schema":{"name":"x","description":"An answer.","schema":`+schema+`}},"messages":[`+messages+`]}`)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%d: %s", resp.StatusCode, body)
		}
		mu.Lock()
		defer mu.Unlock()
		var text []byte
		for _, token := range last.Tokens {
			if token < 256 {
				text = append(text, byte(token))
			} else {
				text = append(text, '|')
			}
		}
		return string(text)
	}
	const note = "Answer with JSON that satisfies this JSON Schema, and with nothing else (An answer.):\n" + `{"type":"object"}`
	if got, want := ask(`{"role":"user","content":"Hi"}`, `{ "type": "object" }`), "|"+note+"||Hi||"; got != want {
		t.Errorf("without a system message the prompt is %q, want %q", got, want)
	}
	if got, want := ask(`{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}`, `{"type":"object"}`), "|Be kind.\n\n"+note+"||Hi||"; got != want {
		t.Errorf("with a system message the prompt is %q, want %q", got, want)
	}
	if got, want := ask(`{"role":"user","content":"Hi"}`, `{"type":"object","description":"`+strings.Repeat("long ", 2000)+`"}`), "|Hi||"; got != want {
		t.Errorf("with a long schema the prompt is %.200q", got)
	}
	if last.Sampling.Grammar == nil || last.Sampling.Grammar.Root != jsonschema.Root {
		t.Error("the grammar is not with the request")
	}
	if resp, body := post(t, srv, `{"model":"gpt-4","response_format":{"type":"text"},`+hi+`}`); resp.StatusCode != 200 || last.Sampling.Grammar != nil {
		t.Errorf("text: %s", body)
	}
}

func TestBadFormats(t *testing.T) {
	_, srv := serve(t, echo.Options{})
	schema := func(s string) string {
		return `{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":` + s + `}}`
	}
	for _, tt := range []struct{ name, format, param, code, text string }{
		{"a text", `"json_object"`, "response_format", "invalid_type", "'json_object' is not of type 'object' - 'response_format'"},
		{"no type", `{}`, "response_format.type", "missing_required_parameter", "'type' is a required property - 'response_format'"},
		{"unknown type", `{"type":"xml"}`, "response_format.type", "invalid_value", "'xml' is not one of ['json_object', 'json_schema', 'text'] - 'response_format.type'"},
		{"unknown member", `{"type":"text","x":1}`, "response_format.x", "unknown_parameter", ""},
		{"JSON without the word", `{"type":"json_object"}`, "messages", "", "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."},
		{"no schema", `{"type":"json_schema"}`, "response_format.json_schema", "missing_required_parameter", ""},
		{"no name", `{"type":"json_schema","json_schema":{"schema":{}}}`, "response_format.json_schema.name", "missing_required_parameter", ""},
		{"bad name", `{"type":"json_schema","json_schema":{"name":"a b"}}`, "response_format.json_schema.name", "invalid_value", "'^[a-zA-Z0-9_-]+$'"},
		{"long name", `{"type":"json_schema","json_schema":{"name":"` + strings.Repeat("x", 65) + `"}}`, "response_format.json_schema.name", "string_above_max_length", "maximum length 64, but got a string with length 65 instead"},
		{"schema of another type", `{"type":"json_schema","json_schema":{"name":"x","schema":[]}}`, "response_format.json_schema.schema", "invalid_type", "expected an object"},
		{"strict root", schema(`{"type":"array","items":{"type":"string"}}`), "response_format", "", `Invalid schema for response_format 'x': schema must be a JSON Schema of 'type: "object"', got 'type: "array"'.`},
		{"strict without a root type", schema(`{"properties":{}}`), "response_format", "", `got 'type: "None"'.`},
		{"strict root union", schema(`{"type":"object","anyOf":[]}`), "response_format", "", "not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level"},
		{"strict and open", schema(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`), "response_format", "", "Invalid schema for response_format 'x': In context=(), 'additionalProperties' is required to be supplied and to be false."},
		{"strict and open inside", schema(`{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{}}}},"required":["a"],"additionalProperties":false}`), "response_format", "", "In context=('properties', 'a', 'items'), 'additionalProperties'"},
		{"strict and optional", schema(`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"],"additionalProperties":false}`), "response_format", "", "In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'b'."},
		{"strict and required beyond", schema(`{"type":"object","properties":{},"required":["a"],"additionalProperties":false}`), "response_format", "", "Extra required key 'a' supplied."},
		{"strict without a type", schema(`{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}`), "response_format", "", "In context=('properties', 'a'), schema must have a 'type' key."},
		{"strict without items", schema(`{"type":"object","properties":{"a":{"type":"array"}},"required":["a"],"additionalProperties":false}`), "response_format", "", "In context=('properties', 'a'), array schema missing items."},
		{"strict with what cannot be followed", schema(`{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"},"uniqueItems":true}},"required":["a"],"additionalProperties":false}`), "response_format", "", "In context=('properties', 'a'), 'uniqueItems' is not permitted"},
		{"strict in $defs", schema(`{"type":"object","properties":{},"required":[],"additionalProperties":false,"$defs":{"d":{"type":"object","properties":{}}}}`), "response_format", "", "In context=('$defs', 'd'), 'additionalProperties'"},
		{"impossible", `{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","required":["a"],"properties":{"a":false}}}}`, "response_format", "", "no JSON value satisfies the schema"},
		{"unknown type in a schema", `{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"text"}}}`, "response_format", "", "is not valid under any of the given types"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := post(t, srv, `{"model":"gpt-4","response_format":`+tt.format+`,`+hi+`}`)
			var e struct {
				Error struct{ Message, Type, Param, Code string }
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != 400 || e.Error.Type != "invalid_request_error" || e.Error.Param != tt.param || e.Error.Code != tt.code || !strings.Contains(e.Error.Message, tt.text) {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
		})
	}
	// Not strict: what cannot be followed is left out.
	resp, body := post(t, srv, `{"model":"gpt-4","response_format":{"type":"json_schema","json_schema":{"name":"x","strict":null,"schema":{"type":"object","properties":{"a":{"type":"array","items":{"const":1},"uniqueItems":true}},"required":["a"]}}},`+hi+`}`)
	if texts, _ := answers(t, body); resp.StatusCode != 200 || !strings.HasPrefix(texts[0], "{") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
