package scripted_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/remote"
	"github.com/parley-ai/parley/internal/testkit/scripted"
)

// ask has Parley's remote driver ask the server.
func ask(t *testing.T, s *scripted.Server, whole bool, messages ...engine.Message) (string, error) {
	t.Helper()
	b, err := remote.Open(t.Context(), engine.Spec{Name: scripted.Model, URL: s.URL, UpstreamName: scripted.Model}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for ev, err := range b.Generate(t.Context(), engine.GenerateRequest{Messages: messages, MaxTokens: -1, Whole: whole}) {
		if err != nil {
			return out.String(), err
		}
		switch ev := ev.(type) {
		case engine.Delta:
			out.WriteString(ev.Text)
			for _, c := range ev.Calls {
				fmt.Fprintf(&out, "[%d%s%s]", c.Index, c.Name, c.Arguments)
			}
		case engine.Done:
			fmt.Fprintf(&out, " %s %d", ev.Reason, ev.CompletionTokens)
		}
	}
	return out.String(), nil
}

func user(text string) engine.Message      { return engine.Message{Role: "user", Content: text} }
func assistant(text string) engine.Message { return engine.Message{Role: "assistant", Content: text} }

func TestTurns(t *testing.T) {
	s := scripted.Start(t, scripted.Options{Window: 500})
	script := user(scripted.Play(
		scripted.Turn{Text: "one two"},
		scripted.Turn{Calls: []scripted.Call{{Name: "f", Arguments: `{"a":1}`}, {Name: "g", Arguments: `{}`}}},
		scripted.Turn{Text: "cut", Finish: "length", Pieces: 2},
		scripted.Turn{Status: 429, Error: "busy"},
		scripted.Turn{Text: "so ", Error: "broke"},
		scripted.Turn{Text: "so ", Die: true},
	))
	said := assistant("x")
	for i, want := range []string{"one two stop 2", "[0f][0{\"a][0\":1}][1g][1{][1}] tool_calls 4", "cut length 1"} {
		messages := []engine.Message{script}
		for range i {
			messages = append(messages, said)
		}
		if got, err := ask(t, s, false, messages...); err != nil || got != want {
			t.Errorf("turn %d: %q, want %q: %v", i, got, want, err)
		}
	}
	for i := 3; i < 6; i++ {
		messages := []engine.Message{script}
		for range i {
			messages = append(messages, said)
		}
		if got, err := ask(t, s, false, messages...); err == nil {
			t.Errorf("turn %d: %q and no error", i, got)
		}
	}
	if got, err := ask(t, s, true, script); err != nil || got != "one two stop 2" {
		t.Errorf("whole: %q %v", got, err)
	}
	if got, err := ask(t, s, false, user("hello")); err != nil || !strings.Contains(got, "fake") {
		t.Errorf("without a script: %q %v", got, err)
	}
	if _, err := ask(t, s, false, user(strings.Repeat("long ", 500))); err == nil || errors.Unwrap(err) == nil && !strings.Contains(err.Error(), "maximum context length") {
		t.Errorf("too long: %v", err)
	}
	if n := s.Count(); n != 9 || len(s.Requests()) != 9 {
		t.Errorf("%d requests noted", n)
	}
}
