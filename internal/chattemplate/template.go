package chattemplate

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/chattemplate/jinja"
)

// Template is a compiled chat template, safe for concurrent use.
type Template struct {
	compiled *jinja.Template
	caps     func() Caps
}

// Parse compiles the Jinja source of a chat template.
func Parse(source string) (*Template, error) {
	compiled, err := jinja.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("chat template: %w", err)
	}
	t := &Template{compiled: compiled}
	t.caps = sync.OnceValue(func() Caps { return probe(t, source) })
	return t, nil
}

// Input is what a template renders: the arguments of transformers' apply_chat_template.
type Input struct {
	// Messages are JSON objects as the client sent them. Absent keys stay absent and keys keep their order, because templates
	// look at both.
	Messages []json.RawMessage
	// Tools and Documents are JSON objects too; nil is Python's None.
	Tools, Documents []json.RawMessage
	// AddGenerationPrompt ends the prompt with the beginning of the assistant's turn.
	AddGenerationPrompt bool
	// BOS and EOS are the texts of the model's special tokens; a model without one leaves it empty.
	BOS, EOS string
	// Now is what strftime_now tells.
	Now time.Time
	// Extra are further variables, such as enable_thinking. Their values are those that encoding/json knows, or JSON as
	// json.RawMessage.
	Extra map[string]any
}

// Render renders a conversation. When the template itself refuses it, the error is a *Refusal.
func (t *Template) Render(in Input) (string, error) {
	vars, err := in.variables()
	if err != nil {
		return "", err
	}
	return t.render(vars, jinja.Options{Now: in.Now})
}

func (t *Template) render(vars *jinja.Dict, o jinja.Options) (string, error) {
	out, err := t.compiled.Render(vars, o)
	if err != nil {
		if e, ok := err.(*jinja.Error); ok && e.Raised() {
			return "", &Refusal{Reason: e.Message}
		}
		return "", fmt.Errorf("chat template: %w", err)
	}
	return out, nil
}

// Refusal is the error of a template that called raise_exception: the conversation is not one this model takes.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return "chat template refuses the conversation: " + r.Reason }

func (in Input) variables() (*jinja.Dict, error) {
	messages, err := decodeList("messages", in.Messages)
	if err != nil {
		return nil, err
	}
	for i, m := range messages.Items {
		d, ok := m.(*jinja.Dict)
		if !ok {
			return nil, fmt.Errorf("chat template: messages[%d] is not an object", i)
		}
		messages.Items[i] = aliasReasoning(d)
	}
	vars := jinja.NewDict("messages", messages, "tools", nil, "documents", nil, "add_generation_prompt", in.AddGenerationPrompt)
	for name, raw := range map[string][]json.RawMessage{"tools": in.Tools, "documents": in.Documents} {
		if raw != nil {
			l, err := decodeList(name, raw)
			if err != nil {
				return nil, err
			}
			vars.Set(name, l)
		}
	}
	// A tokenizer without such a token leaves the variable undefined in transformers.
	if in.BOS != "" {
		vars.Set("bos_token", in.BOS)
	}
	if in.EOS != "" {
		vars.Set("eos_token", in.EOS)
	}
	for name, v := range in.Extra {
		data, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("chat template: %s: %w", name, err)
		}
		decoded, err := jinja.DecodeJSON(data)
		if err != nil {
			return nil, fmt.Errorf("chat template: %s: %w", name, err)
		}
		vars.Set(name, decoded)
	}
	return vars, nil
}

func decodeList(name string, raw []json.RawMessage) (*jinja.List, error) {
	l := &jinja.List{Items: make([]any, len(raw))}
	for i, data := range raw {
		v, err := jinja.DecodeJSON(data)
		if err != nil {
			return nil, fmt.Errorf("chat template: %s[%d]: %w", name, i, err)
		}
		l.Items[i] = v
	}
	return l, nil
}

// aliasReasoning gives a message's reasoning under each name that templates read it by, as transformers does.
func aliasReasoning(m *jinja.Dict) *jinja.Dict {
	for _, name := range []string{"reasoning_content", "thinking", "reasoning"} {
		reasoning, ok := m.Get(name)
		if !ok || reasoning == nil {
			continue
		}
		out := jinja.NewDict("thinking", reasoning)
		m.Each(out.Set)
		out.Set("reasoning_content", reasoning)
		return out
	}
	return m
}
