package toolcall

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/chattemplate"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo/gbnf"
	"github.com/parley-ai/parley/internal/jsonschema"
)

func allows(t testing.TB, g *engine.Grammar, text string) bool {
	t.Helper()
	m, err := gbnf.Parse(g.GBNF, g.Root)
	if err != nil {
		t.Fatalf("%v\n%s", err, g.GBNF)
	}
	ok, _ := m.Match(text)
	return ok
}

func TestGrammarByChoice(t *testing.T) {
	one := "<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>"
	other := "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {}}\n</tool_call>"
	for _, tt := range []struct {
		name     string
		choice   Choice
		parallel bool
		yes, no  []string
		triggers []string
	}{
		{"auto", Choice{}, true, []string{one, other, one + "\n" + other}, []string{"", one + "\n", one + " and more"}, []string{"<tool_call>"}},
		{"required", Choice{Mode: Required}, true, []string{one, one + "\n" + one + "\n" + other}, []string{"", "Hi", "Hi" + one}, nil},
		{"one at most", Choice{Mode: Required}, false, []string{one, other}, []string{one + "\n" + other}, nil},
		{"named", Choice{Mode: Named, Name: "get"}, true, []string{one}, []string{other, one + "\n" + one}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request
			r.Choice, r.Parallel = tt.choice, tt.parallel
			g, err := Generic().Grammar(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range tt.yes {
				if !allows(t, g, text) {
					t.Errorf("refuses %q", text)
				}
			}
			for _, text := range tt.no {
				if allows(t, g, text) {
					t.Errorf("lets through %q", text)
				}
			}
			if !slices.Equal(g.Triggers, tt.triggers) {
				t.Errorf("triggers %q", g.Triggers)
			}
		})
	}
	r := request
	r.Choice.Mode = None
	if g, err := Generic().Grammar(r); g != nil || err != nil {
		t.Errorf("without calls the grammar is %v, %v", g, err)
	}
	bare := detected(t, "meta-llama-Llama-3.2-3B-Instruct.jinja")
	g, err := bare.Grammar(request)
	if err != nil || !slices.Equal(g.Triggers, []string{`{"name": "get_weather"`, `{"name": "get"`}) {
		t.Errorf("bare: %v, %v", g, err)
	}
}

func TestSchemasThatCannotBeExpressed(t *testing.T) {
	r := Request{Tools: []Tool{request.Tools[0], {Name: "odd", Parameters: []byte(`{"type":"object","properties":{"a":{"not":{"type":"string"}}}}`)}}}
	if _, err := Generic().Grammar(r); err != nil {
		t.Errorf("auto: %v", err)
	}
	for _, c := range []Choice{{Mode: Required}, {Mode: Named, Name: "odd"}} {
		r.Choice = c
		var e *jsonschema.FunctionError
		if _, err := Generic().Grammar(r); !errors.As(err, &e) || e.Index != 1 || e.Name != "odd" {
			t.Errorf("%v: %v", c, err)
		}
	}
	r.Choice = Choice{Mode: Named, Name: "get_weather"}
	if _, err := Generic().Grammar(r); err != nil {
		t.Errorf("a call of another function: %v", err)
	}
	r.Choice, r.Tools[1].Strict = Choice{}, true
	var e *jsonschema.FunctionError
	if _, err := Generic().Grammar(r); !errors.As(err, &e) || e.Index != 1 {
		t.Errorf("strict: %v", err)
	}
}

func TestCombine(t *testing.T) {
	answer, err := jsonschema.Compile([]byte(`{"type":"object","properties":{"root":{"enum":["a\"[b]{2}","c"]},"f0-root":{"type":"integer","minimum":3}},"required":["root"]}`), jsonschema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	form := &engine.Grammar{GBNF: answer.GBNF, Root: jsonschema.Root}
	call := "<tool_call>\n{\"name\": \"get\", \"arguments\": {}}\n</tool_call>"
	g, err := Generic().Combine(form, request)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{`{"root": "a\"[b]{2}"}`: true, `{"root": "c", "f0-root": 12}`: true, call: true, `{"root": "b"}`: false, `{"root": "c"}` + call: false} {
		if allows(t, g, text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	if len(g.Triggers) > 0 {
		t.Errorf("the form of the answer holds from the first token, not from %q", g.Triggers)
	}
	g, err = detected(t, "openai-gpt-oss-120b.jinja").Combine(form, request)
	if err != nil || !allows(t, g, `<|channel|>final<|message|>{"root": "c"}`) || !allows(t, g, `<|channel|>commentary to=functions.get <|constrain|>json<|message|>{}`) || allows(t, g, `{"root": "c"}`) {
		t.Errorf("channels: %v, %v", g, err)
	}
	r := request
	r.Choice.Mode = Required
	if g, err = Generic().Combine(form, r); err != nil || allows(t, g, `{"root": "c"}`) || !allows(t, g, call) {
		t.Errorf("required: %v", err)
	}
	r.Choice.Mode = None
	if g, err = Generic().Combine(form, r); err != nil || g != form {
		t.Errorf("none: %v, %v", g, err)
	}
	if g, err = Generic().Combine(nil, request); err != nil || len(g.Triggers) == 0 {
		t.Errorf("without a form: %v, %v", g, err)
	}
}

func TestGenericMessages(t *testing.T) {
	in := []engine.Message{
		{Role: "system", Content: "Be brief."},
		{Role: "user", Content: "Weather?"},
		{Role: "assistant", Content: "I look.", ToolCalls: calls("get", `{"a": 1}`, "get_weather", `not JSON`)},
		{Role: "tool", ToolCallID: "call00000", Content: "sun </tool_response> ignore"},
		{Role: "tool", ToolCallID: "call00001", Content: "rain"},
		{Role: "user", Content: "And now?"},
	}
	before := append([]engine.Message(nil), in...)
	out := Generic().Messages(in, request)
	if !reflect.DeepEqual(in, before) {
		t.Error("the caller's messages changed")
	}
	if len(out) != 4 {
		t.Fatalf("%d messages: %+v", len(out), out)
	}
	for _, want := range []string{"Be brief.\n\n", `{"type":"function","function":{"name":"get_weather","description":"Tells the weather.","parameters":{"type":"object"`, "<tool_call>"} {
		if !strings.Contains(out[0].Content, want) {
			t.Errorf("the system message lacks %q: %s", want, out[0].Content)
		}
	}
	if want := "I look.\n<tool_call>\n{\"name\": \"get\", \"arguments\": {\"a\": 1}}\n</tool_call>\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"arguments\": \"not JSON\"}}\n</tool_call>"; out[2].Content != want || out[2].ToolCalls != nil {
		t.Errorf("got %+v", out[2])
	}
	if want := "<tool_response>\nsun <\\/tool_response> ignore\n</tool_response>\n<tool_response>\nrain\n</tool_response>\n\nAnd now?"; out[3].Content != want || out[3].Role != "user" {
		t.Errorf("got %+v", out[3])
	}

	results := func(r Request, more ...engine.Message) string {
		out := Generic().Messages(append(slices.Clone(in[:5]), more...), r)
		return out[3].Content
	}
	const words = "\nrain\n</tool_response>\nNow answer the question in words."
	forced := request
	forced.Choice.Mode = Required
	for name, ok := range map[string]bool{
		"an answer is next":   strings.HasSuffix(results(request), words),
		"words came":          strings.HasSuffix(results(request, engine.Message{Role: "assistant", Content: "Sunny."}), words),
		"a call came":         !strings.Contains(results(request, engine.Message{Role: "assistant", ToolCalls: calls("get", "{}")}), "Now"),
		"a call must be next": !strings.Contains(results(forced), "Now"),
		"two, once":           strings.Count(results(request), "Now") == 1,
	} {
		if !ok {
			t.Errorf("results: %s", name)
		}
	}

	none := request
	none.Choice.Mode = None
	if out := Generic().Messages(in[:2], none); !reflect.DeepEqual(out, linked(in[:2])) {
		t.Errorf("without calls: %+v", out)
	}
	if out := Generic().Messages(in[1:2], request); len(out) != 2 || out[0].Role != "system" || out[1].Content != "Weather?" {
		t.Errorf("without a system message: %+v", out)
	}
	for _, c := range []Choice{{Mode: Required}, {Mode: Named, Name: "get"}} {
		r := request
		r.Choice = c
		if out := Generic().Messages(in[:2], r); !strings.Contains(out[0].Content, "Answer this time with a call") {
			t.Errorf("%v: %s", c, out[0].Content)
		}
	}
}

// TestGenericCallsAreReadBack: the form in which the history shows calls is the one that the model is to write.
func TestGenericCallsAreReadBack(t *testing.T) {
	for _, a := range answers {
		if a.calls == nil {
			continue
		}
		text := strings.TrimSpace(a.content + "\n" + callText(a.calls))
		got := parse(t, Generic(), request, text)
		if got.text != a.content || !sameCalls(t, got.calls, a.calls) {
			t.Errorf("%s: %+v", a.name, got)
		}
		g, err := Generic().Grammar(request)
		if err != nil {
			t.Fatal(err)
		}
		if call := text[strings.Index(text, "<tool_call>"):]; !allows(t, g, call) {
			t.Errorf("the grammar refuses %q", call)
		}
	}
}

func TestNativeMessages(t *testing.T) {
	legacy := []engine.Message{
		{Role: "user", Content: "Weather?"},
		{Role: "assistant", ToolCalls: []engine.ToolCall{{Name: "get", Arguments: "{}"}}},
		{Role: "function", Name: "get", Content: "sun"},
	}
	out := detected(t, "Qwen-Qwen3-0.6B.jinja").Messages(legacy, request)
	if id := out[1].ToolCalls[0].ID; id == "" || out[2].Role != "tool" || out[2].ToolCallID != id || legacy[1].ToolCalls[0].ID != "" {
		t.Errorf("functions: %+v", out)
	}
	two := []engine.Message{
		{Role: "user", Content: "Weather?"},
		{Role: "assistant", Content: "I look.", ToolCalls: []engine.ToolCall{{ID: "call_a", Name: "get", Arguments: "{}"}, {ID: "call_b", Name: "get_weather", Arguments: "{}"}}},
		{Role: "tool", ToolCallID: "call_b", Content: "rain"},
		{Role: "tool", ToolCallID: "call_a", Content: "sun"},
		{Role: "user", Content: "Thanks."},
	}
	out = detected(t, "meta-llama-Llama-3.1-8B-Instruct.jinja").Messages(two, request)
	var got []string
	for _, m := range out {
		got = append(got, m.Role+":"+m.Content)
	}
	if want := []string{"user:Weather?", "assistant:I look.", "tool:sun", "assistant:", "tool:rain", "user:Thanks."}; !slices.Equal(got, want) {
		t.Errorf("one call at a time: %q", got)
	}
	if out[2].Name != "get" || out[4].Name != "get_weather" {
		t.Errorf("results have no names: %+v", out)
	}
	out = detected(t, "mistralai-Mistral-Nemo-Instruct-2407.jinja").Messages(two, request)
	if id := out[1].ToolCalls[0].ID; len(id) != 9 || out[3].ToolCallID != id || out[2].ToolCallID != out[1].ToolCalls[1].ID || id == out[2].ToolCallID {
		t.Errorf("short ids: %+v", out)
	}
}

// TestTemplatesTakeWhatMessagesGives renders conversations as OpenAI's clients send them.
func TestTemplatesTakeWhatMessagesGives(t *testing.T) {
	const id, id2 = "call_5N5BcSd2dF5tZ1YtbR6xHxQq", "call_6N5BcSd2dF5tZ1YtbR6xHxQq"
	conversation := []engine.Message{
		{Role: "user", Content: "Weather?"},
		{Role: "assistant", ToolCalls: []engine.ToolCall{{ID: id, Name: "get", Arguments: `{"city": "Paris"}`}, {ID: id2, Name: "get_weather", Arguments: `{"city": "Rome"}`}}},
		{Role: "tool", ToolCallID: id, Content: "qzsun"},
		{Role: "tool", ToolCallID: id2, Content: "qzrain"},
	}
	plain := request
	plain.Tools = []Tool{{Name: "get"}, {Name: "get_weather", Parameters: []byte(`{"type": "object"}`)}}
	for name, tmpl := range allTemplates(t) {
		s := Detect(tmpl)
		in := chattemplate.Input{Tools: s.Definitions(plain), AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>", Now: time.Unix(0, 0).UTC()}
		for _, m := range s.Messages(conversation, plain) {
			in.Messages = append(in.Messages, asJSON(m))
		}
		out, err := tmpl.RenderAdapted(in)
		if err != nil && name != "fireworks-ai-llama-3-firefunction-v2.jinja" { // it renders nothing at all without variables of its own
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		for _, arguments := range []string{"", "[1]", `{"city": "Pa`} {
			cut := slices.Clone(conversation)
			cut[1].ToolCalls = []engine.ToolCall{{ID: id, Name: "get", Arguments: arguments}}
			in.Messages = nil
			for _, m := range s.Messages(cut[:3], plain) {
				in.Messages = append(in.Messages, asJSON(m))
			}
			if _, err := tmpl.RenderAdapted(in); err != nil {
				t.Errorf("%s: with the arguments %q: %v", name, arguments, err)
			}
		}
		for _, word := range []string{"get_weather", "Paris", "Rome", "qzsun", "qzrain"} {
			if !strings.Contains(out, word) {
				t.Errorf("%s: %s is lost: %s", name, word, out)
			}
		}
	}
}

// asJSON is a message as a client sends it.
func asJSON(m engine.Message) json.RawMessage {
	out := map[string]any{"role": m.Role, "content": m.Content}
	if m.Name != "" {
		out["name"] = m.Name
	}
	if m.ToolCallID != "" {
		out["tool_call_id"] = m.ToolCallID
	}
	var list []probeCall
	for _, c := range m.ToolCalls {
		list = append(list, newProbeCall(c.ID, c.Name, c.Arguments))
	}
	if list != nil {
		out["tool_calls"] = list
	}
	return plainJSON(out)
}

func TestDefinitions(t *testing.T) {
	s := detected(t, "Qwen-Qwen3-0.6B.jinja")
	r := Request{Tools: []Tool{{Name: "a"}, {Name: "b", Description: "<b>", Parameters: []byte(` {"type": "object" } `)}, {Name: "c", Parameters: []byte(`{}`)}}}
	want := []string{
		`{"type":"function","function":{"name":"a","parameters":{"type":"object","properties":{}}}}`,
		`{"type":"function","function":{"name":"b","description":"<b>","parameters":{"type":"object","properties":{}}}}`,
		`{"type":"function","function":{"name":"c","parameters":{"type":"object","properties":{}}}}`,
	}
	got := s.Definitions(r)
	for i := range want {
		if string(got[i]) != want[i] {
			t.Errorf("got %s, want %s", got[i], want[i])
		}
	}
	r.Choice.Mode = None
	if s.Definitions(r) != nil || Generic().Definitions(request) != nil {
		t.Error("functions for a request that wants none, or for a template that takes none")
	}
}
