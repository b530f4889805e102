package server

import (
	"context"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/toolcall"
)

// typist is a fake model with a template: a token is a byte, and it writes what it is told to.
type typist struct {
	engine.Backend
	template string
	writes   string
	prompt   string
	asked    engine.GenerateRequest
}

func (m *typist) Info(context.Context) (engine.Info, error) {
	return engine.Info{Name: "typist", ContextWindow: 1 << 20, CanGenerate: true, ChatTemplate: m.template, BOS: "<s>", EOS: "</s>"}, nil
}

func (m *typist) Tokenize(_ context.Context, req engine.TokenizeRequest) ([]engine.Token, error) {
	m.prompt = req.Text
	return make([]engine.Token, len(req.Text)), nil
}

func (m *typist) Generate(_ context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	m.asked = req
	return func(yield func(engine.Event, error) bool) {
		if !yield(engine.Started{PromptTokens: len(req.Tokens)}, nil) {
			return
		}
		for i := range m.writes {
			if !yield(engine.Delta{Text: m.writes[i : i+1], Tokens: []engine.TokenLogprob{{Bytes: []byte{m.writes[i]}}}}, nil) {
				return
			}
		}
		yield(engine.Done{Reason: engine.FinishStop, PromptTokens: len(req.Tokens), CompletionTokens: len(m.writes)}, nil)
	}
}

func (m *typist) Resolve(context.Context, actor.Actor, string) (generate.Target, error) {
	return generate.Target{Name: "m", Model: "m", Served: "typist", Native: true}, nil
}

func (m *typist) Use(context.Context, engine.Spec) (engine.Backend, func(), error) {
	return m, func() {}, nil
}

func (m *typist) Admit(context.Context, actor.Actor, generate.Demand) (generate.Grant, error) {
	return generate.Grant{}, nil
}

func (m *typist) Record(context.Context, actor.Actor, generate.Record) {}

// TestEveryTemplateSpeaksOfCalls: with the template of each known model the definitions, a call and its result are in the prompt; and
// calls that are written as the template writes them come out as calls, where their arguments are JSON (package toolcall reads the others).
func TestEveryTemplateSpeaksOfCalls(t *testing.T) {
	var forms map[string]struct{ Call string }
	data, err := os.ReadFile(filepath.FromSlash("../toolcall/testdata/forms.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &forms); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.FromSlash("../chattemplate/testdata/templates/*.jinja"))
	if err != nil || len(paths) < 60 {
		t.Fatalf("%d templates, %v", len(paths), err)
	}
	native := 0
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(strings.TrimSuffix(name, ".jinja"), func(t *testing.T) {
			if strings.HasPrefix(name, "fireworks-ai") {
				t.Skip("it wants functions in a variable of its own, and fails without, in Python too")
			}
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			form := forms[name].Call
			m := &typist{template: string(source), writes: "Cold."}
			if inJSON := strings.Contains(form, `: "NAME"`) || strings.Contains(form, "[TOOL_CALLS]NAME"); inJSON || form == "" {
				m.writes = filled(form)
				if inJSON {
					native++
				}
			}
			s := &generate.Service{Models: m, Pool: m, Limits: m, Usage: m, Compile: compile(clock.System)}
			speakOfCalls(t, s, m)
		})
	}
	if native < 15 {
		t.Errorf("only %d of %d templates have JSON in a form of their own", native, len(paths))
	}
}

// filled writes two calls in a template's form; the general one when it has none.
func filled(form string) string {
	if form == "" {
		form = "<tool_call>\n{\"name\": \"NAME\", \"arguments\": ARGUMENTS}\n</tool_call>\n<tool_call>\n{\"name\": \"NAME\", \"arguments\": ARGUMENTS}\n</tool_call>"
	}
	for _, call := range [][2]string{{"get_weather", `{"city": "Oslo"}`}, {"get_time", `{}`}} {
		form = strings.Replace(form, "NAME", call[0], 1)
		form = strings.Replace(form, "ARGUMENTS", call[1], 1)
		form = strings.Replace(form, `"ID"`, `"abcdefgh1"`, 1)
		form = strings.Replace(form, "]ID[", "]abcdefgh1[", 1)
	}
	return form
}

func speakOfCalls(t *testing.T, s *generate.Service, m *typist) {
	t.Helper()
	const id = "call_aBcDeFgHiJkLmNoPqRsTuVwX" // as OpenAI's are
	messages := []engine.Message{
		{Role: "system", Content: "Be brief."},
		{Role: "user", Content: "How warm is it?"},
		{Role: "assistant", ToolCalls: []engine.ToolCall{{ID: id, Name: "get_weather", Arguments: `{"city": "Rome"}`}}},
		{Role: "tool", ToolCallID: id, Content: "31 degrees"},
		{Role: "assistant", Content: "Warm."},
		{Role: "user", Content: "And in Oslo?"},
	}
	tools := &toolcall.Request{Parallel: true, Tools: []toolcall.Tool{
		{Name: "get_weather", Description: "The weather.", Parameters: []byte(`{"type":"object","properties":{"city":{"type":"string","description":"Which city."}},"required":["city"]}`)},
		{Name: "get_time"},
	}}
	var text string
	var calls []engine.ToolCall
	var reason engine.FinishReason
	for ev, err := range s.Run(t.Context(), actor.Actor{}, generate.Request{Model: "m", Param: "messages", Tools: tools}, generate.FromMessages(messages)) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev := ev.(type) {
		case generate.Delta:
			text += ev.Text
		case generate.ToolCallDelta:
			if ev.Index == len(calls) {
				calls = append(calls, engine.ToolCall{Name: ev.Name})
			}
			calls[ev.Index].Arguments += ev.Arguments
		case generate.Done:
			reason = ev.Reason
		}
	}
	for _, want := range []string{"get_weather", "The weather.", "Which city.", "get_time", "How warm is it?", "Rome", "31 degrees", "Warm.", "And in Oslo?", "Be brief."} {
		if !strings.Contains(m.prompt, want) {
			t.Errorf("the model does not read %q:\n%s", want, m.prompt)
		}
	}
	want := []engine.ToolCall{{Name: "get_weather", Arguments: `{"city": "Oslo"}`}, {Name: "get_time", Arguments: `{}`}}
	words, end := "", engine.FinishToolCalls
	switch {
	case m.writes == "Cold.":
		want, words, end = nil, m.writes, engine.FinishStop
	case !strings.Contains(m.writes, "get_time"):
		want = want[:1] // the form has one call
	}
	if !reflect.DeepEqual(calls, want) || text != words || reason != end {
		t.Errorf("of %q: calls %+v, text %q, %s", m.writes, calls, text, reason)
	}
	if m.asked.Sampling.Grammar == nil || len(m.asked.Sampling.Grammar.Triggers) == 0 {
		t.Errorf("nothing holds the model to the functions: %+v", m.asked.Sampling)
	}
}
