package llama

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/chattemplate"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/toolcall"
)

// TestCallsInAllForms holds a small model to the forms in which other models write calls: llama.cpp takes every grammar, and what the
// model writes under it is read back as calls of the function with arguments that parse.
func TestCallsInAllForms(t *testing.T) {
	b := openTest(t, nil)
	prompt := b.tokens(t, chatPrompt("How is the weather in Paris and in Rome?"))
	r := toolcall.Request{
		Tools:  []toolcall.Tool{{Name: "get_weather", Parameters: []byte(`{"type":"object","properties":{"city":{"enum":["Paris","Rome"]},"days":{"type":"integer","minimum":1,"maximum":9},"when":{"type":"string","maxLength":8}},"required":["city","days","when"],"additionalProperties":false}`)}},
		Choice: toolcall.Choice{Mode: toolcall.Required}, Parallel: true,
	}
	paths, err := filepath.Glob("../../chattemplate/testdata/templates/*.jinja")
	if err != nil || len(paths) == 0 {
		t.Fatal("no templates: ", err)
	}
	forms, grammars := map[string]*toolcall.Syntax{"generic": toolcall.Generic()}, []string{}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := chattemplate.Parse(string(source))
		if err != nil {
			t.Fatal(err)
		}
		if s := toolcall.Detect(tmpl); s.Native() {
			forms[filepath.Base(path)] = s
		}
	}
	for name, s := range forms {
		g, err := s.Grammar(r)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(grammars, g.GBNF) {
			continue // another family's form
		}
		grammars = append(grammars, g.GBNF)
		auto := r
		auto.Choice = toolcall.Choice{}
		if free, err := s.Grammar(auto); err != nil {
			t.Error(name, err)
		} else if made, err := b.model.NewGrammar(free.GBNF, free.Root); err != nil {
			t.Errorf("%s, auto: %v\n%s", name, err, free.GBNF)
		} else {
			made.Free()
		}
		got := collect(t.Context(), b, engine.GenerateRequest{Tokens: prompt, MaxTokens: 100, ShowSpecial: s.ShowSpecial(),
			Sampling: engine.Sampling{Temperature: 1, TopP: 0.9, Seed: 7, Grammar: g}})
		if got.err != nil {
			t.Errorf("%s: %v\n%s", name, got.err, g.GBNF)
			continue
		}
		p := s.Parser(r)
		var words string
		var arguments []string
		for _, e := range append(p.Write(got.text), p.Close()...) {
			words += e.Text
			if e.Call == nil {
				continue
			}
			if e.Call.Index == len(arguments) {
				arguments = append(arguments, "")
			}
			arguments[e.Call.Index] += e.Call.Arguments
		}
		if strings.TrimSpace(words) != "" || len(arguments) == 0 {
			t.Errorf("%s: %q gives the words %q and %d calls", name, got.text, words, len(arguments))
			continue
		}
		if got.done.Reason == engine.FinishLength {
			arguments = arguments[:len(arguments)-1]
		}
		for _, a := range arguments {
			var v struct {
				City string
				Days int
				When *string
			}
			if err := json.Unmarshal([]byte(a), &v); err != nil || v.City != "Paris" && v.City != "Rome" || v.Days < 1 || v.Days > 9 || v.When == nil {
				t.Errorf("%s: %q gives the arguments %s: %v", name, got.text, a, err)
			}
		}
	}
	t.Logf("%d forms", len(grammars))
}
