package jsonschema

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

var tools = []Function{
	{Name: "get_weather", Parameters: []byte(`{"type":"object","properties":{"location":{"type":"string"},"unit":{"enum":["c","f"]}},"required":["location"]}`)},
	{Name: "get_time"},
	{Name: "tree", Parameters: []byte(`{"type":"object","properties":{"left":{"$ref":"#"},"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`)},
}

func TestCalls(t *testing.T) {
	hermes := Form{Before: "<tool_call>\n", After: "\n</tool_call>", Between: "\n"}
	mistral := Form{Open: "[TOOL_CALLS][", Close: "]", Between: ", "}
	for _, tt := range []struct {
		name    string
		form    Form
		most    int
		yes, no []string
	}{
		{"one, bare", Bare, 1, []string{`{"name": "get_weather", "arguments": {"location": "Paris"}}`, `{"name":"get_time","arguments":{}}`, `{"name": "tree", "arguments": {"left": {"n": 1}, "n": 2}}`},
			[]string{`{"name": "get_weather", "arguments": {}}`, `{"name": "get_rain", "arguments": {}}`, `{"name": "get_time", "arguments": {"location": "Paris"}}`, `{"name":"get_time","arguments":{}}{"name":"get_time","arguments":{}}`, `{"name":"tree","arguments":{"left":{},"n":1}}`}},
		{"Hermes, several", hermes, -1, []string{"<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>", "<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"location\": \"x\", \"unit\": \"c\"}}\n</tool_call>"},
			[]string{`{"name": "get_time", "arguments": {}}`, "<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}"}},
		{"Mistral, two at most", mistral, 2, []string{`[TOOL_CALLS][{"name": "get_time", "arguments": {}}]`, `[TOOL_CALLS][{"name": "get_time", "arguments": {}}, {"name": "get_time", "arguments": {}}]`},
			[]string{`[TOOL_CALLS][]`, `[TOOL_CALLS][{"name": "get_time", "arguments": {}}, {"name": "get_time", "arguments": {}}, {"name": "get_time", "arguments": {}}]`}},
		{"Llama 3", Form{Arguments: "parameters"}, 1, []string{`{"name": "get_time", "parameters": {}}`}, []string{`{"name": "get_time", "arguments": {}}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Calls(tools, tt.form, tt.most, Options{})
			if err != nil {
				t.Fatal(err)
			}
			m := mustParse(t, g.GBNF)
			for _, text := range tt.yes {
				if ok, n := m.Match(text); !ok {
					t.Errorf("refuses %q after %d", text, n)
				}
			}
			for _, text := range tt.no {
				if ok, _ := m.Match(text); ok {
					t.Errorf("lets through %q", text)
				}
			}
		})
	}
}

// TestCallsAlwaysParse draws calls and checks each one's arguments by the schema of its name.
func TestCallsAlwaysParse(t *testing.T) {
	g, err := Calls(tools, Bare, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := mustParse(t, g.GBNF)
	rnd := rand.New(rand.NewPCG(1, 9))
	seen := map[string]bool{}
	for range 300 {
		text := m.Sample(rnd, 60)
		var call struct {
			Name      string
			Arguments json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &call); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		seen[call.Name] = true
		for _, f := range tools {
			if f.Name != call.Name || f.Parameters == nil {
				continue
			}
			var v any
			if err := json.Unmarshal(call.Arguments, &v); err != nil {
				t.Fatal(err)
			}
			if err := reference(t, string(f.Parameters)).Validate(v); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	if len(seen) != len(tools) {
		t.Errorf("of %d functions only %v are called", len(tools), seen)
	}
}

func TestArguments(t *testing.T) {
	g, err := Arguments(tools[0], Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := mustParse(t, g.GBNF)
	if ok, _ := m.Match(`{"location": "Paris", "unit": "f"}`); !ok {
		t.Error("refuses arguments")
	}
	if ok, _ := m.Match(`{"unit": "f"}`); ok {
		t.Error("lets through arguments without a required one")
	}
}

func TestBadFunctions(t *testing.T) {
	for _, tt := range []struct {
		f    Function
		text string
	}{
		{Function{Name: "f", Parameters: []byte(`{"type":"string"}`)}, `Invalid schema for function 'f': schema must be a JSON Schema of 'type: "object"', got 'type: "string"'.`},
		{Function{Name: "f", Parameters: []byte(`{"type":"object","properties":{"a":{"not":{}}}}`)}, "Invalid schema for function 'f': In context=('properties', 'a'), 'not' is not permitted"},
		{Function{Name: "f", Strict: true, Parameters: []byte(`{"type":"object","properties":{"a":{"type":"string"}}}`)}, "'additionalProperties' is required to be supplied and to be false."},
		{Function{Name: "f", Parameters: []byte(`{"type":"object","properties":{"a":false},"required":["a"]}`)}, "no JSON value satisfies the schema."},
	} {
		_, err := Calls([]Function{tools[0], tt.f}, Bare, 1, Options{})
		var e *FunctionError
		if !errors.As(err, &e) || e.Index != 1 || !strings.Contains(e.Error(), tt.text) {
			t.Errorf("%s: %v", tt.f.Parameters, err)
		}
		if _, err := Arguments(tt.f, Options{}); !errors.As(err, &e) || e.Index != 0 || !strings.Contains(e.Error(), tt.text) {
			t.Errorf("%s alone: %v", tt.f.Parameters, err)
		}
	}
	g, err := Calls([]Function{{Name: "f", Parameters: []byte(`{"type":"object","properties":{"a":{"not":{}}}}`)}}, Bare, 1, Options{Lenient: true})
	if err != nil || len(g.Ignored) != 1 {
		t.Errorf("lenient: %v, ignored %q", err, g.Ignored)
	}
}
