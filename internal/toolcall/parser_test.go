package toolcall

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo/gbnf"
)

func detected(t testing.TB, template string) *Syntax {
	t.Helper()
	s := Detect(allTemplates(t)[template])
	if !s.Native() {
		t.Fatalf("%s: %s", template, s.reason)
	}
	return s
}

func TestParser(t *testing.T) {
	forced, single := request, request
	forced.Choice.Mode, single.Parallel = Required, false
	none := request
	none.Choice.Mode = None
	llama, mistral, nemo := detected(t, "meta-llama-Llama-3.1-8B-Instruct.jinja"), detected(t, "mistralai-Ministral-3-14B-Reasoning-2512.jinja"), detected(t, "mistralai-Mistral-Nemo-Instruct-2407.jinja")
	callID := detected(t, "Mistral-Small-3.2-24B-Instruct-2506.jinja")
	coder, dsml, glm, gemma := detected(t, "Qwen3-Coder.jinja"), detected(t, "deepseek-ai-DeepSeek-V3.2.jinja"), detected(t, "GLM-4.7-Flash.jinja"), detected(t, "google-gemma-4-31B-it.jinja")
	kinds := Request{Tools: []Tool{{Name: "get", Parameters: []byte(`{"type":"object","properties":{"text":{"type":"string"},"n":{"type":"integer"},"maybe":{"type":["string","null"]},"list":{"type":"array"},"any":{}}}`)}}, Parallel: true}
	oss := detected(t, "openai-gpt-oss-120b.jinja")
	nano := detected(t, "NVIDIA-Nemotron-Nano-v2.jinja")
	paris := calls("get", `{"city": "Paris"}`)
	for _, tt := range []struct {
		name   string
		syntax *Syntax
		r      Request
		in     string
		text   string
		calls  []engine.ToolCall
	}{
		{"words with white space", Generic(), request, " Hello \n there. \n", " Hello \n there. \n", nil},
		{"other white space", Generic(), request, "Yes.\n\n<tool_call>{ \"name\" :\"get\",\n\"arguments\":{\"city\": \"Paris\"} } </tool_call>\n", "Yes.", paris},
		{"arguments first", Generic(), request, `<tool_call>{"arguments": {"city": "Paris"}, "name": "get"}</tool_call>`, "", paris},
		{"other members", Generic(), request, `<tool_call>{"id": [1, "}"], "name": "get", "arguments": {"city": "Paris"}, "type": "function", "x": {"y": null}}</tool_call>`, "", paris},
		{"arguments as text", Generic(), request, `<tool_call>{"name": "get", "arguments": "{\"city\": \"Paris\"}"}</tool_call>`, "", paris},
		{"no arguments", Generic(), request, `<tool_call>{"name": "get"}</tool_call>`, "", calls("get", "{}")},
		{"null arguments", Generic(), request, `<tool_call>{"name": "get", "arguments": null}</tool_call>`, "", calls("get", "{}")},
		{"no end of the frame", Generic(), request, `<tool_call>{"name": "get", "arguments": {"city": "Paris"}}`, "", paris},
		{"one brace too few", Generic(), request, `<tool_call>{"name": "get", "arguments": {"city": "Paris"}</tool_call>`, "", paris},
		{"words behind", Generic(), request, `<tool_call>{"name": "get", "arguments": {"city": "Paris"}}</tool_call> Done.`, " Done.", paris},
		{"words between", Generic(), request, `A<tool_call>{"name": "get", "arguments": {}}</tool_call>B<tool_call>{"name": "get", "arguments": {"n": 1}}</tool_call>`, "AB", calls("get", "{}", "get", `{"n": 1}`)},
		{"unknown function", Generic(), request, `<tool_call>{"name": "nope", "arguments": {}}</tool_call>`, `<tool_call>{"name": "nope", "arguments": {}}</tool_call>`, nil},
		{"unknown, then known", Generic(), request, `<tool_call>{"name": "no <tool_call>{"name": "get", "arguments": {"city": "Paris"}}</tool_call>`, `<tool_call>{"name": "no`, paris},
		{"arguments are a list", Generic(), request, `<tool_call>{"name": "get", "arguments": [1]}</tool_call>`, `<tool_call>{"name": "get", "arguments": [1]}</tool_call>`, nil},
		{"talk about the frame", Generic(), request, "Calls stand between <tool_call> and </tool_call>.", "Calls stand between <tool_call> and </tool_call>.", nil},
		{"one call too many", Generic(), single, `<tool_call>{"name": "get", "arguments": {"city": "Paris"}}</tool_call><tool_call>{"name": "get", "arguments": {}}</tool_call>`, "", paris},
		{"no calls wanted", Generic(), none, `<tool_call>{"name": "get", "arguments": {}}</tool_call>`, `<tool_call>{"name": "get", "arguments": {}}</tool_call>`, nil},
		{"cut in the mark", Generic(), request, "See <tool_", "See <tool_", nil},
		{"cut in the mark of a certain call", Generic(), forced, "<tool_", "", nil},
		{"cut in the name", Generic(), request, `See. <tool_call>{"name": "ge`, "See.", nil},
		{"cut behind the name", Generic(), request, `<tool_call>{"name": "get", "argu`, "", calls("get", "")},
		{"cut in the arguments", Generic(), request, `<tool_call>{"name": "get", "arguments": {"city": "Pa`, "", calls("get", `{"city": "Pa`)},
		{"cut behind the arguments", Generic(), request, "<tool_call>{\"name\": \"get\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_c", "", paris},
		{"broken arguments", Generic(), request, `<tool_call>{"name": "get", "arguments": {"city": ["Paris"}}</tool_call>`, "}</tool_call>", calls("get", `{"city": ["Paris"`)},

		{"bare", llama, request, `{"name": "get", "parameters": {"city": "Paris"}}`, "", paris},
		{"bare with a type", llama, request, `{"type": "function", "name": "get", "parameters": {"city": "Paris"}}`, "", paris},
		{"bare, two", llama, request, `{"name": "get", "parameters": {"city": "Paris"}}; {"name": "get", "parameters": {}}`, "", calls("get", `{"city": "Paris"}`, "get", "{}")},
		{"behind the tag", llama, request, `<|python_tag|>{"name": "get", "parameters": {"city": "Paris"}}`, "", paris},
		{"the tag before code", llama, request, `<|python_tag|>print(1)`, "print(1)", nil},
		{"on a line of its own", llama, request, "I call:\n{\"name\": \"get\", \"parameters\": {\"city\": \"Paris\"}}", "I call:", paris},
		{"within a line", llama, request, `Write {"name": "get", "parameters": {}} to call.`, `Write {"name": "get", "parameters": {}} to call.`, nil},
		{"an answer in JSON", llama, request, `{"name": "Ann", "parameters": {"age": 3}}`, `{"name": "Ann", "parameters": {"age": 3}}`, nil},
		{"an answer in JSON with a function's name", llama, request, `{"name": "get"}`, `{"name": "get"}`, nil},
		{"JSON cut off", llama, request, `{"title": "A`, `{"title": "A`, nil},

		{"name in the frame", mistral, request, `Now.[TOOL_CALLS]get[ARGS]{"city": "Paris"}`, "Now.", paris},
		{"one name begins the other", mistral, request, `[TOOL_CALLS]get_weather[ARGS]{}[TOOL_CALLS] get [ARGS] {"city": "Paris"}`, "", calls("get_weather", "{}", "get", `{"city": "Paris"}`)},
		{"no arguments behind the name", mistral, request, `[TOOL_CALLS]get[ARGS]none`, "[TOOL_CALLS]get[ARGS]none", nil},
		{"cut behind the name in the frame", mistral, request, `[TOOL_CALLS]get[ARGS]`, "", calls("get", "")},
		{"with an id", callID, request, `[TOOL_CALLS]get[CALL_ID]abcdefghi[ARGS]{"city": "Paris"}`, "", paris},
		{"without an id", callID, request, `[TOOL_CALLS]get[ARGS]{"city": "Paris"}`, "", paris},
		{"a list", nemo, request, `[TOOL_CALLS] [{"name": "get", "arguments": {"city": "Paris"}, "id": "abcdefghi"}, {"name": "get", "arguments": {}}] Ok`, " Ok", calls("get", `{"city": "Paris"}`, "get", "{}")},
		{"arguments one by one", coder, kinds, "Ok.\n<tool_call>\n<function=get>\n<parameter=text>\nline 1\nline \"2\"\n</parameter>\n<parameter=n>\n12\n</parameter>\n<parameter=list>\n[\"</parameter>\", {}]\n</parameter>\n</function>\n</tool_call>", "Ok.",
			calls("get", `{"text": "line 1\nline \"2\"", "n": 12, "list": ["</parameter>", {}]}`)},
		{"without lines", coder, kinds, "<tool_call><function=get><parameter=text> a </parameter><parameter=n>12</parameter></function></tool_call>", "", calls("get", `{"text": " a ", "n": 12}`)},
		{"a word for a number", coder, kinds, "<tool_call>\n<function=get>\n<parameter=n>\ntwelve\n</parameter>\n</function>\n</tool_call>", "", calls("get", `{"n": "twelve"}`)},
		{"numbers and words that are text", coder, kinds, "<tool_call>\n<function=get>\n<parameter=text>\n12\n</parameter>\n<parameter=maybe>\n12\n</parameter>\n</function>\n</tool_call>", "", calls("get", `{"text": "12", "maybe": "12"}`)},
		{"null or text", coder, kinds, "<tool_call>\n<function=get>\n<parameter=maybe>\nNone\n</parameter>\n<parameter=any>\n{\"a\": 1}\n</parameter>\n</function>\n</tool_call>", "", calls("get", `{"maybe": null, "any": {"a": 1}}`)},
		{"text that begins as an object", coder, kinds, "<tool_call>\n<function=get>\n<parameter=any>\n{a} and [b]\n</parameter>\n</function>\n</tool_call>", "", calls("get", `{"any": "{a} and [b]"}`)},
		{"an argument without a name in the schema", coder, kinds, "<tool_call>\n<function=get>\n<parameter=x>\n5\n</parameter>\n</function>\n</tool_call>", "", calls("get", `{"x": 5}`)},
		{"no arguments, one by one", coder, kinds, "<tool_call>\n<function=get>\n</function>\n</tool_call>", "", calls("get", `{}`)},
		{"two, one by one", coder, kinds, "<tool_call>\n<function=get>\n<parameter=n>\n1\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=get>\n</function>\n</tool_call>", "", calls("get", `{"n": 1}`, "get", "{}")},
		{"cut in a text", coder, kinds, "<tool_call>\n<function=get>\n<parameter=text>\nline\n</para", "", calls("get", `{"text": "line`)},
		{"cut in a number", coder, kinds, "<tool_call>\n<function=get>\n<parameter=n>\n12", "", calls("get", `{"n": `)},
		{"an unknown function, one by one", coder, kinds, "<tool_call>\n<function=nope>\n</function>\n</tool_call>", "<tool_call>\n<function=nope>\n</function>\n</tool_call>", nil},
		{"marks that tell texts", dsml, kinds, "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"get\">\n<｜DSML｜parameter name=\"any\" string=\"true\">12</｜DSML｜parameter>\n<｜DSML｜parameter name=\"n\" string=\"false\">12</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>", "", calls("get", `{"any": "12", "n": 12}`)},
		{"cut within a character", dsml, kinds, "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"get\">\n<｜DSML｜parameter name=\"n\" string=\"false\">12</｜DSML｜parameter>\n<\uFFFD\uFFFD", "", calls("get", `{"n": 12`)},
		{"names and values in tags", glm, kinds, "Hm.<tool_call>get<arg_key>text</arg_key><arg_value>a < b</arg_value><arg_key>n</arg_key><arg_value>3</arg_value></tool_call>", "Hm.", calls("get", `{"text": "a < b", "n": 3}`)},
		{"quotes of its own", gemma, kinds, `<|tool_call>call:get{text:<|"|>say "hi"` + "\n" + `<|"|>,n:3,any:{k:[<|"|>x<|"|>,true,None]},list:[]}<tool_call|>`, "", calls("get", `{"text": "say \"hi\"\n", "n": 3, "any": {"k": ["x", true, null]}, "list": []}`)},
		{"cut in quotes", gemma, kinds, `<|tool_call>call:get{text:<|"|>say <|`, "", calls("get", `{"text": "say `)},
		{"a channel", oss, request, `<|channel|>analysis<|message|>Which city?<|end|><|start|>assistant<|channel|>commentary to=functions.get <|constrain|>json<|message|>{"city": "Paris"}<|call|>`, "", paris},
		{"a preamble", oss, request, `<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>commentary to=functions.get <|constrain|>json<|message|>{"city": "Paris"}`, "I look.", paris},
		{"the final channel", oss, request, `<|channel|>analysis<|message|>Easy, 1 <|2.<|end|><|start|>assistant<|channel|>final<|message|>It is <3.<|return|>`, "It is <3.", nil},
		{"two channels for the reader", oss, request, `<|channel|>commentary<|message|>First.<|end|><|start|>assistant<|channel|>final<|message|>Then.`, "First.\n\nThen.", nil},
		{"reasoning cut off", oss, request, `<|channel|>analysis<|message|>I wonder`, "", nil},
		{"no channels", oss, request, "Hello.", "Hello.", nil},
		{"an unknown recipient", oss, request, `<|channel|>commentary to=functions.nope <|constrain|>json<|message|>{"a": 1}`, `{"a": 1}`, nil},
		{"a channel as the template writes it", oss, request, ` to=functions.get<|channel|>commentary json<|message|>{"city": "Paris"}<|call|>`, "", paris},
		{"behind reasoning that the prompt began", nano, forced, `</think>

<TOOLCALL>[{"name": "get", "arguments": {"city": "Paris"}}]</TOOLCALL>`, "", paris},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := parse(t, tt.syntax, tt.r, tt.in)
			want := collected{text: tt.text, calls: slices.Clone(tt.calls)}
			for i := range want.calls {
				want.calls[i].ID = ""
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("\n got %+v\nwant %+v", got, want)
			}
			rnd := rand.New(rand.NewPCG(3, 4))
			for range 50 {
				pieces := split(rnd, tt.in)
				if again := parse(t, tt.syntax, tt.r, pieces...); !reflect.DeepEqual(again, want) {
					t.Fatalf("in pieces %q:\n got %+v\nwant %+v", pieces, again, want)
				}
			}
		})
	}
}

// TestNothingIsHeldBack: words come out at once, and so do arguments.
func TestNothingIsHeldBack(t *testing.T) {
	p := Generic().Parser(request)
	for _, tt := range []struct{ in, text, arguments string }{
		{"Hello", "Hello", ""},
		{" you < ", " you <", ""},
		{"b <tool", " b", ""},
		{"box>", " <toolbox>", ""},
		{" 안녕", " 안녕", ""},
		{"\n<tool_call>\n{\"name\": \"get\", \"argum", "", ""},
		{`ents": {"ci`, "", `{"ci`},
		{`ty": "한`, "", `ty": "한`},
		{"국", "", "국"},
		{"\"}}\n</tool_call>", "", `"}`},
	} {
		var got collected
		for _, e := range p.Write(tt.in) {
			got.text += e.Text
			if e.Call != nil {
				got.calls = append(got.calls, engine.ToolCall{Arguments: e.Call.Arguments})
			}
		}
		arguments := ""
		for _, c := range got.calls {
			arguments += c.Arguments
		}
		if got.text != tt.text || arguments != tt.arguments {
			t.Errorf("%q gives %q and %q, want %q and %q", tt.in, got.text, arguments, tt.text, tt.arguments)
		}
	}
}

// FuzzParser: the same events in whatever pieces, and nothing but what the model wrote.
func FuzzParser(f *testing.F) {
	all := allTemplates(f)
	forms := []*Syntax{Generic()}
	for _, name := range []string{"meta-llama-Llama-3.1-8B-Instruct.jinja", "mistralai-Ministral-3-14B-Reasoning-2512.jinja", "mistralai-Mistral-Nemo-Instruct-2407.jinja",
		"CohereForAI-c4ai-command-r7b-12-2024-tool_use.jinja", "Apertus-8B-Instruct.jinja", "moonshotai-Kimi-K2.jinja", "MiniMax-M1.jinja", "Mistral-Small-3.2-24B-Instruct-2506.jinja",
		"Qwen3-Coder.jinja", "deepseek-ai-DeepSeek-V3.2.jinja", "GLM-4.7-Flash.jinja", "google-gemma-4-31B-it.jinja", "openai-gpt-oss-120b.jinja"} {
		forms = append(forms, Detect(all[name]))
	}
	for i, s := range forms {
		arguments := `{"city": "Paris", "n": [1, {}]}`
		if p := s.notation.Parameters; p != nil {
			arguments = p.Before + "city" + p.Text + "Paris" + p.After + p.Before + "n" + p.Other + "[1, {}]" + p.After
		} else if q := s.notation.Quote; q != "" {
			arguments = "{city:" + q + "Paris" + q + ",n:[1,{}]}"
		}
		one := strings.NewReplacer(string(idSlot), "abcdefghi", string(indexSlot), "1").Replace(s.open + s.head + "get" + s.mid + arguments + s.tail + s.close)
		f.Add(uint8(i), uint64(1), "Well. "+one+" So.")
		f.Add(uint8(i), uint64(2), one+one)
		f.Add(uint8(i), uint64(3), one[:len(one)/2])
	}
	for seed := range uint64(8) { // white space behind a call, cut in two
		f.Add(uint8(1), seed, "{\"name\": \"get\", \"parameters\": {}}\n\t \n s")
	}
	f.Fuzz(func(t *testing.T, which uint8, seed uint64, text string) {
		text = strings.ToValidUTF8(text, "\uFFFD") // as the engine's deltas are
		s := forms[int(which)%len(forms)]
		r := request
		r.Parallel = seed%2 == 0
		whole := parse(t, s, r, text)
		rnd := rand.New(rand.NewPCG(seed, 1))
		for range 4 {
			pieces := split(rnd, text)
			if got := parse(t, s, r, pieces...); !reflect.DeepEqual(got, whole) {
				t.Fatalf("%q in pieces %q:\n got %+v\nwant %+v", text, pieces, got, whole)
			}
		}
		if len(whole.calls) == 0 && !s.channels && !strings.HasPrefix(strings.ReplaceAll(text, pythonTag, ""), strings.ReplaceAll(whole.text, pythonTag, "")) {
			t.Fatalf("%q without a call gives %q", text, whole.text)
		}
		for _, c := range whole.calls {
			if c.Arguments != "" && c.Arguments[0] != '{' {
				t.Fatalf("%q gives the arguments %q", text, c.Arguments)
			}
		}
	})
}

// TestGrammarsAreReadBack draws answers from the grammars and reads them: what a grammar lets through is calls whose arguments satisfy
// the schema, and nothing else.
func TestGrammarsAreReadBack(t *testing.T) {
	const schema = `{"type":"object","$defs":{"tree":{"type":"object","properties":{"v":{"type":"string"},"next":{"$ref":"#/$defs/tree"}},"required":["v"],"additionalProperties":false}},
		"properties":{"name":{"type":"string"},"short":{"type":"string","minLength":1,"maxLength":5},"day":{"type":"string","format":"date"},"maybe":{"type":["string","null"]},
		"size":{"enum":["1","2",3,null,true]},"count":{"type":"integer","minimum":-3,"maximum":12},"ratio":{"type":"number"},"on":{"type":"boolean"},
		"either":{"anyOf":[{"type":"integer","minimum":5},{"type":"string","pattern":"^[0-9a-z<]+$"}]},"list":{"type":"array","items":{"type":"string"},"maxItems":3},"tree":{"$ref":"#/$defs/tree"}},
		"required":["name","count"],"additionalProperties":false}`
	forced := Request{Tools: []Tool{{Name: "make", Parameters: []byte(schema)}}, Choice: Choice{Mode: Required}, Parallel: true}
	doc, err := validator.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:schema", doc); err != nil {
		t.Fatal(err)
	}
	check := c.MustCompile("mem:schema")
	forms := map[string]*Syntax{"generic": Generic()}
	for name, tmpl := range allTemplates(t) {
		if s := Detect(tmpl); s.Native() {
			forms[name] = s
		}
	}
	for name, s := range forms {
		g, err := s.Grammar(forced)
		if err != nil {
			t.Fatal(err)
		}
		m, err := gbnf.Parse(g.GBNF, g.Root)
		if err != nil {
			t.Fatalf("%v\n%s", err, g.GBNF)
		}
		rnd := rand.New(rand.NewPCG(5, 6))
		most := 0
		for i := range 60 {
			text := m.Sample(rnd, 2*i)
			got := parse(t, s, forced, split(rnd, text)...)
			most = max(most, len(got.calls))
			if got.text != "" || len(got.calls) == 0 {
				t.Errorf("%s: %q gives %+v", name, text, got)
				continue
			}
			for _, c := range got.calls {
				var v any
				err := json.Unmarshal([]byte(c.Arguments), &v)
				if err == nil {
					err = check.Validate(v)
				}
				if err != nil {
					t.Errorf("%s: %q gives the arguments %s: %v", name, text, c.Arguments, err)
				}
			}
		}
		if want := !s.single; most > 1 != want {
			t.Errorf("%s: %d calls at most", name, most)
		}
	}
}
