package chattemplate

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/chattemplate/jinja"
)

var update = flag.Bool("update", false, "write testdata/caps.json anew")

// TestCaps compares what is found out about each template with what was found, and read in the templates, before.
func TestCaps(t *testing.T) {
	const golden = "testdata/caps.json"
	paths, err := filepath.Glob("testdata/templates/*.jinja")
	if err != nil || len(paths) == 0 {
		t.Fatal("no templates: ", err)
	}
	got := map[string]Caps{}
	for _, path := range paths {
		name := filepath.Base(path)
		tmpl, err := Parse(readTemplate(t, name))
		if err != nil {
			t.Fatal(err)
		}
		got[name] = tmpl.Caps()
	}
	if *update {
		f, err := os.Create(golden)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		e := json.NewEncoder(f)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(got); err != nil {
			t.Fatal(err)
		}
	}
	var want map[string]Caps
	readJSON(t, golden, &want)
	for name := range got {
		if got[name] != want[name] {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got[name], want[name])
		}
	}
}

const chatML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

func raw(messages ...string) []json.RawMessage {
	var out []json.RawMessage
	for _, m := range messages {
		out = append(out, json.RawMessage(m))
	}
	return out
}

func mustParse(t testing.TB, source string) *Template {
	t.Helper()
	tmpl, err := Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestRenderAdapted(t *testing.T) {
	const (
		hi     = `{"role": "user", "content": "Hi"}`
		system = `{"role": "system", "content": "Be brief."}`
		called = `{"role": "assistant", "content": null, "tool_calls": [{"id": "call00000", "type": "function", "function": {"name": "f", "arguments": "{\"b\": 1, \"a\": \"한\"}"}}]}`
		result = `{"role": "tool", "tool_call_id": "call00000", "content": "done"}`
	)
	tests := []struct {
		name, template string
		messages       []json.RawMessage
		want           string // part of the prompt
		without        string // not part of it
	}{
		{"parts become a string", chatML, raw(`{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}`), "user\na\nb<|im_end|>", "type"},
		{"developer becomes system", readTemplate(t, "Qwen-Qwen2.5-7B-Instruct.jinja"), raw(`{"role": "developer", "content": "Be brief."}`, hi), "<|im_start|>system\nBe brief.", "developer"},
		{"system goes to the user", readTemplate(t, "google-gemma-2-2b-it.jinja"), raw(system, hi), "user\nBe brief.\n\nHi<end_of_turn>", "system"},
		{"system alone", readTemplate(t, "google-gemma-2-2b-it.jinja"), raw(system), "user\nBe brief.<end_of_turn>", "system"},
		{"text arguments become an object", readTemplate(t, "Qwen-Qwen3-0.6B.jinja"), raw(hi, called, result), `{"name": "f", "arguments": {"b": 1, "a": "한"}}`, "None"},
		{"text arguments stay", readTemplate(t, "deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja"), raw(hi, called, result), `{"b": 1, "a": "한"}`, `\"`},
		{"object arguments become text", readTemplate(t, "deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja"),
			raw(hi, strings.Replace(called, `"{\"b\": 1, \"a\": \"한\"}"`, `{"b": 1, "a": "한"}`, 1), result), `{"b": 1, "a": "한"}`, "'"},
		{"broken arguments", readTemplate(t, "Qwen-Qwen3-0.6B.jinja"), raw(hi, strings.Replace(called, `{\"b`, `{b`, 1), result), `{"name": "f", "arguments": {b`, "None"},
		{"calls unknown to the template", chatML, raw(hi, called, result), "assistant\n<|im_end|>", "None"},
		{"null without calls", chatML, raw(hi, `{"role": "assistant", "content": null}`, hi), "assistant\n<|im_end|>", "None"},
		{"no tools", readTemplate(t, "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja"), raw(hi), "user\nHi<|im_end|>", ""},
		{"content absent", readTemplate(t, "Qwen-Qwen3-0.6B.jinja"), raw(hi, strings.Replace(called, `"content": null, `, "", 1), result), `"name": "f"`, "None"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tmpl := mustParse(t, tt.template)
			out, err := tmpl.RenderAdapted(Input{Messages: tt.messages, AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>", Now: now})
			if err != nil || !strings.Contains(out, tt.want) || tt.without != "" && strings.Contains(out, tt.without) {
				t.Errorf("got %q, %v\nwant %q and not %q", out, err, tt.want, tt.without)
			}
		})
	}
}

// TestAdaptedKeepsPlainChats: where a template takes the conversation as it is, adapting must not change the prompt.
func TestAdaptedKeepsPlainChats(t *testing.T) {
	paths, _ := filepath.Glob("testdata/templates/*.jinja")
	for _, path := range paths {
		tmpl := mustParse(t, readTemplate(t, filepath.Base(path)))
		for _, c := range cases(t) {
			if c.Name != "multi_turn_gen" && c.Name != "plain_nogen" && c.Name != "tools_gen" && c.Name != "korean" {
				continue
			}
			want, err := tmpl.Render(c.input())
			if err != nil {
				continue
			}
			if got, err := tmpl.RenderAdapted(c.input()); err != nil || got != want {
				t.Errorf("%s, %s: %s", filepath.Base(path), c.Name, difference(got, want, err))
			}
		}
	}
}

func TestHostileTemplateIsProbedSoon(t *testing.T) {
	start := time.Now()
	mustParse(t, "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}").Caps()
	if took := time.Since(start); took > 2*probeLimits.Time {
		t.Errorf("took %s", took)
	}
}

func FuzzRenderAdapted(f *testing.F) {
	for _, c := range cases(f) {
		for _, m := range c.Messages {
			f.Add(chatML, []byte(m))
		}
	}
	f.Add(readTemplate(f, "Qwen-Qwen3-0.6B.jinja"), []byte(`{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}, 1]}`))
	f.Fuzz(func(t *testing.T, source string, message []byte) {
		tmpl, err := Parse(source)
		if err != nil {
			return
		}
		_, err = tmpl.RenderAdapted(Input{Messages: []json.RawMessage{message}, Now: now})
		var e *jinja.Error
		if errors.As(err, &e) && e.Kind == "InternalError" {
			t.Fatalf("the interpreter broke: %v", err)
		}
	})
}

func TestRefusal(t *testing.T) {
	_, err := mustParse(t, "{{ raise_exception('Roles must alternate') }}").Render(Input{})
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Reason != "Roles must alternate" {
		t.Errorf("got %v, want the refusal", err)
	}
}

func TestBadInput(t *testing.T) {
	tmpl := mustParse(t, chatML)
	for name, in := range map[string]Input{
		"message is not JSON":      {Messages: raw(`{`)},
		"message is not an object": {Messages: raw(`1`)},
		"tool is not JSON":         {Tools: raw(`nope`)},
		"extra cannot be JSON":     {Extra: map[string]any{"f": func() {}}},
	} {
		if out, err := tmpl.Render(in); err == nil {
			t.Errorf("%s: got %q, want an error", name, out)
		}
	}
	if _, err := Parse("{% if %}"); err == nil {
		t.Error("Parse accepts a broken template")
	}
}
