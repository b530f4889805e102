package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	schemas "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/chat"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/testkit"
)

// startReal starts a server whose model is the pulled small one, opened in this process.
func startReal(t *testing.T) *testkit.Server {
	t.Helper()
	home := os.Getenv("PARLEY_TEST_HOME")
	if home == "" {
		t.Skip("PARLEY_TEST_HOME names no home with the default models: `make test` pulls them and names it")
	}
	reg, err := models.Open(models.Options{Home: home, Cache: os.Getenv("PARLEY_TEST_CACHE")})
	if err != nil {
		t.Fatal(err)
	}
	found, err := reg.Resolve(t.Context(), actor.Actor{}, "smollm2-135m-instruct")
	if err != nil {
		t.Fatal(err)
	}
	return testkit.Start(t, testkit.Options{Opener: func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		real := found.Spec
		real.Name, real.Queue = spec.Name, spec.Queue
		real.Threads = 1 // other tests run beside this one
		return llama.Open(ctx, real, progress)
	}})
}

// real are functions with schemas of different kinds.
var realFunctions = []string{
	`{"name":"get_weather","description":"The weather of a city.","parameters":{"type":"object","properties":{"city":{"type":"string","maxLength":40},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city"]}}`,
	`{"name":"book_table","description":"Books a table in a restaurant.","strict":true,"parameters":{"type":"object","properties":{"people":{"type":"integer","minimum":1,"maximum":12},"at":{"type":"string","format":"date-time"},"outside":{"type":"boolean"},"guests":{"type":"array","maxItems":3,"items":{"type":"object","properties":{"name":{"type":"string","pattern":"^[A-Z][a-z]{1,12}$"}},"required":["name"],"additionalProperties":false}}},"required":["people","at","outside","guests"],"additionalProperties":false}}`,
	`{"name":"add","parameters":{"type":"object","properties":{"a":{"$ref":"#/$defs/n"},"b":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["a","b"],"$defs":{"n":{"type":"number","minimum":-1000,"maximum":1000}}}}`,
	`{"name":"now"}`,
}

// validators check the arguments of a function by its name; another implementation than the one under test.
func validators(t *testing.T) map[string]func(string) error {
	t.Helper()
	out := map[string]func(string) error{}
	for _, raw := range realFunctions {
		var f struct {
			Name       string
			Parameters json.RawMessage
		}
		if err := json.Unmarshal([]byte(raw), &f); err != nil {
			t.Fatal(err)
		}
		if f.Parameters == nil {
			f.Parameters = json.RawMessage(`{"type":"object","additionalProperties":false}`)
		}
		doc, err := schemas.UnmarshalJSON(strings.NewReader(string(f.Parameters)))
		if err != nil {
			t.Fatal(err)
		}
		c := schemas.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(f.Name+".json", doc); err != nil {
			t.Fatal(err)
		}
		schema, err := c.Compile(f.Name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name] = func(arguments string) error {
			v, err := schemas.UnmarshalJSON(strings.NewReader(arguments))
			if err != nil {
				return err
			}
			return schema.Validate(v)
		}
	}
	return out
}

func realTools() string {
	return `"tools":[{"type":"function","function":` + strings.Join(realFunctions, `},{"type":"function","function":`) + `}]`
}

const question = `"messages":[{"role":"user","content":"Please book a table for two in Rome tomorrow evening, and tell me how warm it will be."}]`

// answerOf sends a chat and returns its choices.
func answerOf(t *testing.T, s *testkit.Server, body string) []chat.Choice {
	t.Helper()
	resp, got := s.Call(http.MethodPost, "/v1/chat/completions", `{"model":"echo",`+body+`}`)
	var r chat.Response
	if err := json.Unmarshal([]byte(got), &r); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d: %s", resp.StatusCode, got)
	}
	return r.Choices
}

// TestForcedCallsOfARealModel: whatever the seed and however hot, forced calls parse and satisfy their schemas.
func TestForcedCallsOfARealModel(t *testing.T) {
	s, valid := startReal(t), validators(t)
	choices := map[string]string{"required": `,"parallel_tool_calls":false,` + realTools() + `,"tool_choice":"required"`}
	for _, f := range realFunctions {
		var named struct{ Name string }
		if err := json.Unmarshal([]byte(f), &named); err != nil {
			t.Fatal(err)
		}
		choices[named.Name] = `,"tools":[{"type":"function","function":` + f + `}],"tool_choice":{"type":"function","function":{"name":"` + named.Name + `"}}`
	}
	for want, with := range choices {
		t.Run(want, func(t *testing.T) {
			for i, c := range answerOf(t, s, `"n":20,"seed":1,"temperature":1.5,"max_tokens":400`+with+`,`+question) {
				if len(c.Message.ToolCalls) != 1 || c.Message.Content != nil || c.FinishReason != map[bool]string{true: "tool_calls", false: "stop"}[want == "required"] {
					t.Errorf("choice %d: %+v, %s", i, c.Message, c.FinishReason)
					continue
				}
				f := c.Message.ToolCalls[0].Function
				if want != "required" && f.Name != want {
					t.Errorf("choice %d calls %s", i, f.Name)
				}
				if err := valid[f.Name](f.Arguments); err != nil {
					t.Errorf("choice %d: %s(%s): %v", i, f.Name, f.Arguments, err)
				}
			}
		})
	}
}

// TestSeveralCallsOfARealModel: a call that is required may be followed by more, and all of them satisfy their schemas.
func TestSeveralCallsOfARealModel(t *testing.T) {
	s, valid := startReal(t), validators(t)
	for i, c := range answerOf(t, s, `"n":4,"seed":1,"max_tokens":300,`+realTools()+`,"tool_choice":"required",`+question) {
		for k, call := range c.Message.ToolCalls {
			last := k == len(c.Message.ToolCalls)-1
			if err := valid[call.Function.Name](call.Function.Arguments); err != nil && (!last || c.FinishReason != "length") {
				t.Errorf("choice %d, call %d of %d: %+v: %v", i, k, len(c.Message.ToolCalls), call.Function, err)
			}
		}
		if len(c.Message.ToolCalls) == 0 || c.FinishReason != "tool_calls" && c.FinishReason != "length" {
			t.Errorf("choice %d: %+v, %s", i, c.Message, c.FinishReason)
		}
	}
}

// TestStreamedCallsOfARealModel: the pieces make the same calls as the whole answer, on two servers whose caches go through the same
// requests.
func TestStreamedCallsOfARealModel(t *testing.T) {
	one, other := startReal(t), startReal(t)
	for _, with := range []string{
		realTools() + `,"tool_choice":"required","parallel_tool_calls":false`,
		`"functions":[` + strings.Join(realFunctions, ",") + `],"function_call":{"name":"book_table"}`,
		realTools() + `,"tool_choice":"none"`,
		realTools(),
	} {
		body := `"seed":3,"temperature":0.8,"max_tokens":200,` + with + `,` + question
		whole := answerOf(t, one, body)[0]
		_, got := other.Call(http.MethodPost, "/v1/chat/completions", `{"model":"echo","stream":true,`+body+`}`)
		var text, finish string
		var calls []chat.FunctionCall
		add := func(index int, f chat.FunctionCallChunk) {
			if index == len(calls) {
				calls = append(calls, chat.FunctionCall{Name: f.Name})
			}
			calls[index].Arguments += f.Arguments
		}
		for line := range strings.SplitSeq(got, "\n") {
			data, ok := strings.CutPrefix(line, "data: {")
			if !ok {
				continue
			}
			var c chat.Chunk
			if err := json.Unmarshal([]byte("{"+data), &c); err != nil {
				t.Fatal(err)
			}
			d := c.Choices[0].Delta
			if d.Content != nil && *d.Content != nil {
				text += **d.Content
			}
			for _, c := range d.ToolCalls {
				add(c.Index, c.Function)
			}
			if d.FunctionCall != nil {
				add(0, *d.FunctionCall)
			}
			if c.Choices[0].FinishReason != nil {
				finish = *c.Choices[0].FinishReason
			}
		}
		var want []chat.FunctionCall
		for _, c := range whole.Message.ToolCalls {
			want = append(want, c.Function)
		}
		if whole.Message.FunctionCall != nil {
			want = append(want, *whole.Message.FunctionCall)
		}
		words := ""
		if whole.Message.Content != nil {
			words = *whole.Message.Content
		}
		if !reflect.DeepEqual(calls, want) || text != words || finish != whole.FinishReason {
			t.Errorf("%.60s: streamed %+v %q (%s), whole %+v %q (%s)", with, calls, text, finish, want, words, whole.FinishReason)
		}
	}
}

// TestConversationsWithCallsOfARealModel: results of calls are read, and an answer comes.
func TestConversationsWithCallsOfARealModel(t *testing.T) {
	s := startReal(t)
	for i, messages := range []string{
		`{"role":"user","content":"How warm is it in Rome?"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Rome\"}"}}]},{"role":"tool","tool_call_id":"call_1","content":"31 degrees, sunny"}`,
		`{"role":"user","content":"How warm is it in Rome?"},{"role":"assistant","content":null,"function_call":{"name":"get_weather","arguments":"{\"city\":\"Rome\"}"}},{"role":"function","name":"get_weather","content":"31 degrees, sunny"}`,
	} {
		c := answerOf(t, s, `"temperature":0,"max_tokens":60,"messages":[`+messages+`]`)[0]
		if c.Message.Content == nil || !strings.Contains(*c.Message.Content, "31") {
			t.Errorf("conversation %d: %+v", i, c.Message)
		}
	}
}
