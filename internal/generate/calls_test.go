package generate

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/chattemplate"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/textstream"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/toolcall"
)

var twoTools = []toolcall.Tool{
	{Name: "get_weather", Description: "The <weather>.", Parameters: []byte(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}`), Strict: true},
	{Name: "now"},
}

// told runs a request for calls and returns its events but for Admitted, the calls' ids apart.
func told(t *testing.T, s *Service, req Request) (events []Event, ids []string) {
	t.Helper()
	req.Model, req.Param = "gpt-4", "messages"
	prompt := FromMessages([]engine.Message{{Role: "user", Content: "Hi"}})
	for ev, err := range s.Run(t.Context(), actor.Actor{}, req, prompt) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev := ev.(type) {
		case Admitted:
			continue
		case ToolCallDelta:
			if ev.ID != "" {
				ids = append(ids, ev.ID)
				ev.ID = "id"
			}
			events = append(events, ev)
			continue
		}
		events = append(events, ev)
	}
	return events, ids
}

func TestCallsAreReadFromText(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) {
		w.backend.info.ContextWindow = 2000
		w.backend.script = []string{"Wait", ".\n<tool", "_call>\n", `{"name": "now", "arguments": {`, "}}\n</tool_call>"}
	})
	events, ids := told(t, s, Request{Stop: []string{"now", "!"}, Tools: &toolcall.Request{Tools: twoTools, Parallel: true}})
	usage := Usage{PromptTokens: w.records[0].Usage.PromptTokens, CachedTokens: 1, CompletionTokens: 6}
	want := []Event{
		Started{PromptTokens: usage.PromptTokens, CachedTokens: 1}, Delta{Text: "Wait"}, Delta{Text: "."},
		ToolCallDelta{ID: "id", Name: "now"}, ToolCallDelta{Arguments: "{"}, ToolCallDelta{Arguments: "}"},
		Done{Reason: engine.FinishToolCalls, Usage: usage},
	}
	if !reflect.DeepEqual(events, want) {
		t.Errorf("got  %+v\nwant %+v", events, want)
	}
	if len(ids) != 1 || !strings.HasPrefix(ids[0], "call_") {
		t.Errorf("ids %q", ids)
	}
	req := w.backend.requests[0]
	if req.Stop != nil || req.Sampling.Grammar == nil || len(req.Sampling.Grammar.Triggers) == 0 || req.Tools != "" {
		t.Errorf("the engine was asked %+v", req)
	}
}

func TestStopTextsEndWords(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) {
		w.backend.info.ContextWindow = 2000
		w.backend.script = []string{"One. ", "Two", ". Th", "ree.", " Four."}
	})
	events, _ := told(t, s, Request{Stop: []string{"Three"}, Tools: &toolcall.Request{Tools: twoTools}})
	text := ""
	for _, ev := range events {
		if d, ok := ev.(Delta); ok {
			text += d.Text
		}
	}
	done, _ := events[len(events)-1].(Done)
	if text != "One. Two. " && text != "One. Two." || done.Reason != engine.FinishStop || done.Usage.CompletionTokens != 4 || w.records[0].Outcome != Completed || w.leases != 0 {
		t.Errorf("%q, %+v, %+v", text, done, w.records)
	}
}

func TestWithoutCallsTheModelIsFree(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.backend.script = []string{call("now")} })
	events, _ := told(t, s, Request{Stop: []string{"!"}, Tools: &toolcall.Request{Tools: twoTools, Choice: toolcall.Choice{Mode: toolcall.None}}})
	req := w.backend.requests[0]
	if d, ok := events[1].(Delta); !ok || d.Text != call("now") || req.Sampling.Grammar != nil || !reflect.DeepEqual(req.Stop, []string{"!"}) {
		t.Errorf("%+v of %+v", events, req)
	}
}

func call(name string) string {
	return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": {}}\n</tool_call>"
}

func TestBadSchemasAreTheCallers(t *testing.T) {
	w, s := newWorld()
	tools := []toolcall.Tool{{Name: "now"}, {Name: "f", Parameters: []byte(`{"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}}`)}}
	req := Request{Model: "gpt-4", ToolParam: "tools[%d].function.parameters", Tools: &toolcall.Request{Tools: tools, Choice: toolcall.Choice{Mode: toolcall.Required}}}
	for _, err := range s.Run(t.Context(), actor.Actor{}, req, FromMessages([]engine.Message{{Role: "user", Content: "Hi"}})) {
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid || f.Param != "tools[1].function.parameters" || f.Code != "invalid_function_parameters" || !strings.Contains(f.Message, "Invalid schema for function 'f': ") {
			t.Errorf("%#v", err)
		}
	}
	if len(w.backend.requests) != 0 || w.leases != 0 {
		t.Errorf("%d requests, %d leases", len(w.backend.requests), w.leases)
	}
}

// otherServer is a backend that tells calls itself, as remote ones do.
type otherServer struct {
	*fakeBackend
	deltas []engine.Delta
	reason engine.FinishReason
}

func (o *otherServer) Generate(_ context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		o.requests = append(o.requests, req)
		if !yield(engine.Started{}, nil) {
			return
		}
		for _, d := range o.deltas {
			if !yield(d, nil) {
				return
			}
		}
		yield(engine.Done{Reason: o.reason, PromptTokens: 3, CompletionTokens: 4}, nil)
	}
}

type otherPool struct{ backend engine.Backend }

func (p otherPool) Use(context.Context, engine.Spec) (engine.Backend, func(), error) {
	return p.backend, func() {}, nil
}

func TestCallsOfOtherServers(t *testing.T) {
	_, s := newWorld(func(w *fakeWorld) { w.backend.info.Input = engine.InputMessages })
	other := &otherServer{
		fakeBackend: s.Pool.(*fakeWorld).backend, reason: engine.FinishToolCalls,
		deltas: []engine.Delta{
			{Text: "Wait."},
			{Calls: []engine.ToolCallDelta{{Index: 0, ID: "call_theirs", Name: "now"}}},
			{Calls: []engine.ToolCallDelta{{Index: 0, ID: "call_theirs", Name: "now", Arguments: "{}"}, {Index: 1, Name: "get_weather", Arguments: `{"city":`}}},
			{Calls: []engine.ToolCallDelta{{Index: 1, Arguments: `"Rome"}`}}},
		},
	}
	s.Pool = otherPool{other}
	tools := &toolcall.Request{Tools: twoTools, Choice: toolcall.Choice{Mode: toolcall.Named, Name: "now"}}
	events, ids := told(t, s, Request{Stop: []string{"!"}, Tools: tools})
	want := []Event{
		Started{}, Delta{Text: "Wait."}, ToolCallDelta{ID: "id", Name: "now"}, ToolCallDelta{Arguments: "{}"},
		ToolCallDelta{Index: 1, ID: "id", Name: "get_weather", Arguments: `{"city":`}, ToolCallDelta{Index: 1, Arguments: `"Rome"}`},
		Done{Reason: engine.FinishToolCalls, Usage: Usage{PromptTokens: 3, CompletionTokens: 4}},
	}
	if !reflect.DeepEqual(events, want) || len(ids) != 2 || ids[0] != "call_theirs" || !strings.HasPrefix(ids[1], "call_") {
		t.Errorf("got  %+v, ids %q\nwant %+v", events, ids, want)
	}
	var sent, meant any
	req := other.requests[0]
	if err := json.Unmarshal([]byte(req.Tools), &sent); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`[{"type":"function","function":{"name":"get_weather","description":"The <weather>.","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false},"strict":true}},{"type":"function","function":{"name":"now"}}]`), &meant); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(sent, meant) || req.ToolChoice != `{"type":"function","function":{"name":"now"}}` || !req.SingleCall || len(req.Stop) != 1 || req.Sampling.Grammar != nil {
		t.Errorf("the other server was asked %+v", req)
	}
	for mode, choice := range map[toolcall.Mode]string{toolcall.Auto: `"auto"`, toolcall.None: `"none"`, toolcall.Required: `"required"`} {
		events, _ := told(t, s, Request{Tools: &toolcall.Request{Tools: twoTools, Choice: toolcall.Choice{Mode: mode}, Parallel: true}})
		if req := other.requests[len(other.requests)-1]; req.ToolChoice != choice || req.SingleCall {
			t.Errorf("mode %d: %+v", mode, req)
		}
		if mode == toolcall.None { // it calls all the same
			if done := events[len(events)-1].(Done); done.Reason != engine.FinishStop || len(events) > 6 {
				t.Errorf("%+v", events)
			}
			for _, ev := range events {
				if _, called := ev.(ToolCallDelta); called {
					t.Errorf("a call where none is wanted: %+v", events)
				}
			}
		}
	}
}

// TestTokensOfWords: the words have their own tokens, whatever else the model wrote before them and how it came.
func TestTokensOfWords(t *testing.T) {
	source, err := os.ReadFile("../chattemplate/testdata/templates/openai-gpt-oss-120b.jinja")
	if err != nil {
		t.Fatal(err)
	}
	channels, err := chattemplate.Parse(string(source))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		syntax *toolcall.Syntax
		stop   []string
		pieces []string // tokens
		want   string   // texts and their tokens, by their numbers
	}{
		// A token belongs to the words that it begins in.
		{"letters in parts", toolcall.Generic(), nil, []string{"Yes", ", ", "\xec\x95", "\x88", "", ".\n<", "a>", " So"}, `"Yes"[0] ","[1] " 안"[2 3] "."[4 5] "\n<a>"[6] " So"[7]`},
		{"a call", toolcall.Generic(), nil, []string{"now", ": ", "<tool_call>\n", `{"name": "now", "argu`, `ments": {}}`, "\n</tool_call>"}, `"now"[0] ":"[1]`},
		{"a stop text", toolcall.Generic(), []string{"END"}, []string{"go", " E", "N", " on", " EN", "D."}, `"go"[0] " "[1] "EN on"[2 3] " "[4]`},
		{
			"reasoning with the same words", toolcall.Detect(channels), nil,
			[]string{"<|channel|>", "analysis", "<|message|>", "It", " is", " 3", "?", "<|end|>", "<|start|>", "assistant", "<|channel|>", "final", "<|message|>", "It", " is", " 3", "<|return|>"},
			`"It"[13] " is"[14] " 3"[15]`,
		},
		{
			"two messages", toolcall.Detect(channels), nil,
			[]string{"<|channel|>", "commentary", "<|message|>", "One", "<|end|>", "<|start|>", "assistant", "<|channel|>", "final", "<|message|>", "Two"},
			`"One"[3] "\n\n"[] "Two"[10]`,
		},
	} {
		r := &callReader{parser: tt.syntax.Parser(toolcall.Request{Tools: twoTools}), stop: tt.stop, words: textstream.New(tt.stop), tokens: &wordTokens{}}
		var all []string
		say := func(events []Event) {
			for _, e := range events {
				if d, ok := e.(Delta); ok {
					numbers := []engine.Token{}
					for _, token := range d.Tokens {
						numbers = append(numbers, token.Token)
					}
					all = append(all, fmt.Sprintf("%q%v", d.Text, numbers))
				}
			}
		}
		whole := textstream.Stream{} // as the engine gives text and tokens
		var tokens []engine.TokenLogprob
		for i, piece := range tt.pieces {
			tokens = append(tokens, engine.TokenLogprob{Token: engine.Token(i), Bytes: []byte(piece)})
			text, n, _ := whole.Push([]byte(piece))
			if !r.stopped {
				say(r.read(engine.Delta{Text: text, Tokens: tokens[:n]}))
			}
			tokens = tokens[n:]
		}
		say(r.end())
		if got := strings.Join(all, " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestControlTokensInJSONAreCut(t *testing.T) {
	_, s := newWorld()
	cutter := s.cutter("m", engine.Info{Fingerprint: "fp_json", Special: []string{"<|end|>", "[/X]"}})
	for in, want := range map[string]string{
		`{"a": 1.50,  "b":"x\ny"}`:           `{"a": 1.50,  "b":"x\ny"}`,
		`{"a": "<|end|>"}`:                   `{"a": "<` + seam + `|end|>"}`,
		`{"\u003c|end|>": 1.0, "k" :"\""}`:   `{"<` + seam + `|end|>": 1.0, "k" :"\""}`,
		`["\\u003c|end|>", "[\/X]\\"]`:       `["\\u003c|end|>", "[` + seam + `/X]\\"]`,
		`no JSON \ <|end|>`:                  `no JSON \ <` + seam + `|end|>`,
		`["<<|end|>|end|>", "\u00ed\ud83d"]`: `["<<` + seam + `|end|>|end|>", "\u00ed\ud83d"]`,
	} {
		got := in
		if cut := cutJSON(cutter, &got); got != want || cut != (in != want) {
			t.Errorf("%s becomes %s (%v), want %s", in, got, cut, want)
		}
	}
}

// A model that goes on making the same call is stopped; what it was to answer is there.
func TestARepeatedCallEndsTheAnswer(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) {
		w.backend.info.ContextWindow = 2000
		w.backend.script = []string{call("now"), "\n", call("now"), "\n", call("now")}
	})
	events, ids := told(t, s, Request{Tools: &toolcall.Request{Tools: twoTools, Choice: toolcall.Choice{Mode: toolcall.Required}, Parallel: true}})
	done, _ := events[len(events)-1].(Done)
	if len(ids) != 1 || done.Reason != engine.FinishToolCalls || done.Usage.CompletionTokens != 3 || w.records[0].Outcome != Completed || w.leases != 0 {
		t.Errorf("%d calls, %+v, %+v", len(ids), done, w.records)
	}
}
