package tokenizer

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/toolcall"
)

// TestChatsThatTheOriginalCounted has prompts and the prompt_tokens that OpenAI's API answered for them.
func TestChatsThatTheOriginalCounted(t *testing.T) {
	const (
		hello    = `[{"role":"user","content":"hello"}]`
		hiThere  = `[{"role":"system","content":"Hello"},{"role":"user","content":"Hi there"}]`
		hiThere2 = `[{"role":"system","content":"Hello:"},{"role":"system","content":"Hello"},{"role":"user","content":"Hi there"}]`
		foo      = `{"name":"foo","parameters":{"type":"object","properties":{}}}`
		doStuff  = `{"name":"do_stuff","parameters":{"type":"object","properties":{}}}`
		other    = `{"name":"do_other_stuff","parameters":{"type":"object","properties":{}}}`
		weather  = `[{"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},{"role":"user","content":"What's the weather like in San Francisco?"}],
			"tools":[{"type":"function","function":{"name":"get_current_weather","description":"Get the current weather in a given location","parameters":{"type":"object",
			"properties":{"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},"unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},"required":["location"]}}}]`
		call = `{"id":"%","type":"function","function":{"name":"calculator","arguments":"{\"a\":2, \"b\":2}"}}`
		plus = `[{"role":"user","content":[{"type":"text","text":"How much is 2 plus 2?"}]},{"role":"assistant","tool_calls":[`
	)
	id := func(s, id string) string { return strings.Replace(s, "%", id, 1) }
	result := func(id string) string { return `,{"role":"tool","tool_call_id":"` + id + `","content":"4"}` }
	// Measured by hmarr's openai-chat-tokens with gpt-3.5-turbo, July 2023 to June 2024 (tests/token-counts.test.ts).
	for _, c := range []struct {
		messages, more string
		want           int
	}{
		{hello, ``, 8},
		{`[{"role":"system","content":"# Important: you're the best robot"},{"role":"user","content":"hello robot"},{"role":"assistant","content":"hello world"}]`, ``, 27},
		{hello, `"functions":[` + foo + `]`, 31},
		{hello, `"functions":[` + foo + `],"function_call":"none"`, 32},
		{hello, `"functions":[` + foo + `],"function_call":"auto"`, 31},
		{hello, `"functions":[` + foo + `],"function_call":{"name":"foo"}`, 36},
		{hello, `"functions":[{"name":"foo","description":"Do a foo","parameters":{"type":"object","properties":{}}}]`, 36},
		{hello, `"functions":[{"name":"bing_bong","description":"Do a bing bong","parameters":{"type":"object","properties":{"foo":{"type":"string"}}}}]`, 49},
		{hello, `"functions":[{"name":"bing_bong","description":"Do a bing bong","parameters":{"type":"object","properties":{"foo":{"type":"string"},"bar":{"type":"number","description":"A number"}}}}]`, 57},
		{hello, `"functions":[{"name":"bing_bong","description":"Do a bing bong","parameters":{"type":"object","properties":{"foo":{"type":"object","properties":{"bar":{"type":"string","enum":["a","b","c"]},"baz":{"type":"boolean"}}}}}}]`, 68},
		{`[{"role":"user","content":"hello world"},{"role":"function","name":"do_stuff","content":"{}"}]`, ``, 15},
		{`[{"role":"user","content":"hello world"},{"role":"function","name":"do_stuff","content":"{\"foo\": \"bar\", \"baz\": 1.5}"}]`, ``, 28},
		{`[{"role":"function","name":"dance_the_tango","content":"{\"a\": { \"b\" : { \"c\": false}}}"}]`, ``, 24},
		{`[{"role":"assistant","content":"","function_call":{"name":"do_stuff","arguments":"{\"foo\": \"bar\", \"baz\": 1.5}"}}]`, ``, 26},
		{`[{"role":"assistant","content":null,"function_call":{"name":"do_stuff","arguments":"{\"foo\":\"bar\", \"baz\":\n\n 1.5}"}}]`, ``, 25},
		{hiThere, `"functions":[` + doStuff + `]`, 35},
		{strings.Replace(hiThere, "Hello", "Hello:", 1), `"functions":[` + doStuff + `]`, 35},
		{hiThere2, `"functions":[` + doStuff + `]`, 40},
		{hiThere2, `"functions":[` + doStuff + `,` + other + `]`, 49},
		{hiThere2, `"functions":[` + doStuff + `,` + other + `],"function_call":{"name":"do_stuff"}`, 55},
		{hiThere, `"functions":[{"name":"do_stuff","parameters":{"type":"object","properties":{"foo":{"anyOf":[{"type":"string","const":"a"},{"type":"number"}]}}}}]`, 44},
		{hiThere, `"functions":[{"name":"do_stuff","parameters":{"type":"object","properties":{"foo":{"anyOf":[{"type":"object","properties":{"kind":{"type":"string","const":"a"},"baz":{"type":"boolean"}}},{"type":"object","properties":{"kind":{"type":"string","const":"b"},"qux":{"type":"number"}}},{"type":"object","properties":{"kind":{"type":"string","const":"c"},"idk":{"type":"string"}}}]}}}}]`, 80},
		{hello, `"functions":[{"name":"get_recipe","parameters":{"type":"object","required":["ingredients","instructions","time_to_cook"],"properties":{"ingredients":{"type":"array","items":{"type":"object","required":["name","unit","amount"],"properties":{"name":{"type":"string"},"unit":{"enum":["grams","ml","cups","pieces","teaspoons"],"type":"string"},"amount":{"type":"number"}}}},"instructions":{"type":"array","items":{"type":"string"},"description":"Steps to prepare the recipe (no numbering)"},"time_to_cook":{"type":"number","description":"Total time to prepare the recipe in minutes"}}}}]`, 106},
		{hello, `"functions":[{"name":"function","description":"description","parameters":{"type":"object","properties":{"quality":{"type":"object","properties":{"pros":{"type":"array","items":{"type":"string"},"description":"Write 3 points why this text is well written"}}}}}}]`, 46},
		{hello, `"functions":[{"name":"function","description":"desctiption1","parameters":{"type":"object","description":"desctiption2","properties":{"mainField":{"type":"string","description":"description3"},"field number one":{"type":"object","description":"description4","properties":{"yesNoField":{"type":"string","description":"description5","enum":["Yes","No"]},"howIsInteresting":{"type":"string","description":"description6"},"scoreInteresting":{"type":"number","description":"description7"},"isInteresting":{"type":"string","description":"description8","enum":["Yes","No"]}}}}}}]`, 96},
		{hiThere, `"functions":[{"name":"do_stuff","parameters":{"type":"object","properties":{"foo":{"anyOf":[{"type":"object","properties":{"kind":{"type":"string","const":"a"},"baz":{"type":"boolean"}}}]}}}}]`, 52},
		{`[{"role":"system","content":"You are an AI assistant trained to foo or bar"},{"role":"user","content":"My name is suzie"},{"role":"function","name":"foo","content":"{\"res\":{\"kind\":\"user\",\"name\":\"suzie\"}}"},{"role":"user","content":"I want to post a message with the text \"hello world\""},{"role":"function","name":"foo","content":"{\"res\":{\"kind\":\"post\",\"text\":\"hello world\"}}"}]`,
			`"functions":[{"name":"foo","description":"Return the foo or the bar","parameters":{"type":"object","properties":{"res":{"anyOf":[{"type":"object","properties":{"kind":{"type":"string","const":"post"},"text":{"type":"string"}},"required":["kind","text"],"additionalProperties":false},{"type":"object","properties":{"kind":{"type":"string","const":"user"},"name":{"type":"string","enum":["jane","suzie","adam"]}},"required":["kind","name"],"additionalProperties":false}],"description":"The foo or the bar"}},"required":["res"],"additionalProperties":false}}],"function_call":{"name":"foo"}`, 158},
		// By OpenAI's cookbook for gpt-3.5-turbo and gpt-4.
		{weather, ``, 105},
		// By community.openai.com/t/538914 for gpt-3.5-turbo: one call, two, three.
		{plus + id(call, "a") + `]}` + result("a") + `]`, ``, 40},
		{plus + id(call, "a") + `,` + id(call, "b") + `]}` + result("a") + result("b") + `]`, ``, 89},
		{plus + id(call, "a") + `,` + id(call, "b") + `,` + id(call, "c") + `]}` + result("a") + result("b") + result("c") + `]`, ``, 114},
	} {
		body := `{"encoding":"cl100k_base","messages":` + c.messages
		if c.more != "" {
			body += "," + c.more
		}
		if status, a := ask(t, "/v1/tokenize", body+"}"); status != http.StatusOK || a.Count != c.want {
			t.Errorf("%.300s: %d, %d tokens, want %d %s", c.more+c.messages, status, a.Count, c.want, a.Error.Message)
		}
	}
	if status, a := ask(t, "/v1/tokenize", `{"encoding":"o200k_base","messages":`+weather+`}`); status != http.StatusOK || a.Count != 101 {
		t.Errorf("o200k_base: %d, %d tokens, want 101 %s", status, a.Count, a.Error.Message)
	}
}

// TestFirstSnapshot has the cookbook's chat and its count for the first snapshot.
func TestFirstSnapshot(t *testing.T) {
	const messages = `"messages":[
		{"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
		{"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
		{"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
		{"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
		{"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
		{"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]`
	for model, want := range map[string]int{"gpt-3.5-turbo-0301": 127, "gpt-4": 129} {
		if status, a := ask(t, "/v1/tokenize", `{"encoding":"cl100k_base","model":"`+model+`",`+messages+`}`); status != http.StatusOK || a.Count != want || a.Model != model || a.Served != "" {
			t.Errorf("%s: %d %+v", model, status, a)
		}
	}
}

func TestPrices(t *testing.T) {
	type row struct {
		model  string
		tokens int // -1: not counted
	}
	for _, c := range []struct {
		body string
		want []row
	}{
		// 안 is two tokens in cl100k_base and three in r50k_base; the rest is seven in both.
		{`{"text":"안<|endoftext|>"}`, []row{{"gpt-4", 9}, {"gpt-3.5-turbo-0301", 9}, {"davinci", 10}, {"ours", -1}}},
		{`{"messages":[{"role":"user","name":"a","content":"hello"}]}`, []row{{"gpt-4", 10}, {"gpt-3.5-turbo-0301", 9}, {"ours", -1}}},
		{`{"messages":[{"role":"user","content":"hello"}],"functions":[{"name":"foo","parameters":{}}]}`, []row{{"gpt-4", 31}, {"ours", -1}}},
	} {
		srv, b := serve(t)
		resp, text := generatetest.Do(t, srv, http.MethodPost, "/api/tokenizer/prices", c.body)
		var a Prices
		if err := json.Unmarshal([]byte(text), &a); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		var got []row
		for _, p := range a.Data {
			r := row{p.Model, -1}
			if p.Tokens != nil {
				r.tokens = *p.Tokens
			}
			got = append(got, r)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.body, got, c.want)
		}
		if p := a.Data[0]; *p.Input != 0.03 || *p.Output != 0.06 || p.Window != 8192 || p.Kind != "chat" || p.Encoding != "cl100k_base" {
			t.Errorf("%+v", p)
		}
		if want := []string{"tokenize   true"}; !slices.Equal(b.records, want) || !slices.Equal(b.admitted, []string{"tokenize prices"}) {
			t.Errorf("%q %q", b.admitted, b.records)
		}
	}
}

func TestBooks(t *testing.T) {
	srv, b := serve(t)
	for _, body := range []string{`{"encoding":"cl100k_base","text":"a"}`, `{"model":"gpt-4","text":"a"}`, `{"encoding":"cl100k_base","text":"<|endoftext|>"}`, `{"text":"a"}`} {
		resp, _ := generatetest.Do(t, srv, http.MethodPost, "/v1/tokenize", body)
		if has := resp.Header.Get("X-Ratelimit-Limit-Requests") == "60"; has != (body != `{"text":"a"}`) {
			t.Errorf("%s: headers %v", body, resp.Header)
		}
	}
	generatetest.Do(t, srv, http.MethodPost, "/v1/detokenize", `{"model":"gpt-4","tokens":[72]}`)
	b.refuse = fault.New(fault.RateLimited, "Rate limit reached.")
	if resp, _ := generatetest.Do(t, srv, http.MethodPost, "/v1/tokenize", `{"model":"gpt-4","text":"a"}`); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("refused with %d", resp.StatusCode)
	}
	if want := []string{"tokenize cl100k_base", "tokenize gpt-4", "tokenize cl100k_base", "tokenize gpt-4", "tokenize gpt-4"}; !slices.Equal(b.admitted, want) {
		t.Errorf("admitted %q", b.admitted)
	}
	want := []string{"tokenize cl100k_base cl100k_base true", "tokenize gpt-4 echo true", "tokenize cl100k_base cl100k_base false", "detokenize gpt-4 echo true"}
	if !slices.Equal(b.records, want) {
		t.Errorf("records %q", b.records)
	}
}

func TestCountOnly(t *testing.T) {
	for _, vocabulary := range []string{`"encoding":"cl100k_base"`, `"model":"echo"`} {
		if status, a := ask(t, "/v1/tokenize", `{`+vocabulary+`,"text":"aaa","count_only":true}`); status != http.StatusOK || a.Count == 0 || a.Tokens != nil {
			t.Errorf("%s: %d %+v", vocabulary, status, a)
		}
	}
}

// TestFunctionsWithAModel compares counts with those of the prompts that the same requests become.
func TestFunctionsWithAModel(t *testing.T) {
	function := toolcall.Tool{Name: "add", Description: "Adds.", Parameters: []byte(`{"type":"object","properties":{"a":{"type":"number"}}}`)}
	const definition = `{"name":"add","description":"Adds.","parameters":{"type":"object","properties":{"a":{"type":"number"}}}}`
	asked := engine.Message{Role: "user", Content: "2+2"}
	for _, c := range []struct {
		name, body string
		messages   []engine.Message
		tools      *toolcall.Request
	}{
		{"tools", `"messages":[{"role":"user","content":"2+2"}],"tools":[{"type":"function","function":` + definition + `}]`,
			[]engine.Message{asked}, &toolcall.Request{Tools: []toolcall.Tool{function}, Parallel: true}},
		{"a function that is chosen", `"messages":[{"role":"user","content":"2+2"}],"functions":[` + definition + `],"function_call":{"name":"add"}`,
			[]engine.Message{asked}, &toolcall.Request{Tools: []toolcall.Tool{function}, Choice: toolcall.Choice{Mode: toolcall.Named, Name: "add"}}},
		{"calls and results", `"messages":[{"role":"user","content":"2+2"},{"role":"assistant","content":null,"tool_calls":[{"id":"x","type":"function","function":{"name":"add","arguments":"{}"}}]},{"role":"tool","tool_call_id":"x","content":"4"}]`,
			[]engine.Message{asked, {Role: "assistant", ToolCalls: []engine.ToolCall{{ID: "x", Name: "add", Arguments: "{}"}}}, {Role: "tool", Name: "add", ToolCallID: "x", Content: "4"}}, nil},
		{"a call of 2023", `"messages":[{"role":"user","content":"2+2"},{"role":"assistant","content":null,"function_call":{"name":"add","arguments":"{}"}},{"role":"function","name":"add","content":"4"}]`,
			[]engine.Message{asked, {Role: "assistant", ToolCalls: []engine.ToolCall{{ID: "call_1", Name: "add", Arguments: "{}"}}}, {Role: "tool", Name: "add", ToolCallID: "call_1", Content: "4"}}, nil},
	} {
		w := generatetest.New(t, echo.Options{})
		want := 0
		for ev, err := range w.Run(t.Context(), generatetest.Who, generate.Request{Op: "chat", Class: "chat", Model: "gpt-4", Param: "messages", Tools: c.tools, ToolParam: "tools"}, generate.FromMessages(c.messages)) {
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if admitted, ok := ev.(generate.Admitted); ok {
				want = admitted.PromptTokens
				break
			}
		}
		status, a := ask(t, "/v1/tokenize", `{"model":"gpt-4",`+c.body+`}`)
		if _, plain := ask(t, "/v1/tokenize", `{"model":"gpt-4","messages":[{"role":"user","content":"2+2"}]}`); a.Count <= plain.Count+10 {
			t.Errorf("%s: %d tokens, %d without", c.name, a.Count, plain.Count)
		}
		if status != http.StatusOK || a.Count != want || len(a.Tokens) != want {
			t.Errorf("%s: %d, %d tokens, want %d: %s", c.name, status, a.Count, want, a.Error.Message)
		}
	}
}
