package generate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/parley-ai/parley/internal/chattemplate"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// LeftOfWindow as a GenerateRequest's MaxTokens lets a remote backend produce as much as it can.
const LeftOfWindow = -1

// measured is a prompt in the form that the backend takes, with the room for its answer.
type measured struct {
	tokens    []engine.Token
	text      string
	messages  []engine.Message
	decoded   string // what token ids say, with Request.PromptText
	size      int    // in the tokens that the name counts in; 0 when unknown (remote)
	most      int    // tokens of the answer, in these
	maxTokens int    // the most that the engine is asked for
}

// window is the smaller of two windows where 0 is unknown or unlimited.
func window(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// measure brings a prompt into the backend's form and checks it against the window.
func (j *job) measure(ctx context.Context, target Target, p Prompt) (measured, error) {
	original := p
	p, decoded, err := j.read(ctx, target, p)
	if err != nil {
		return measured{}, err
	}
	if j.info.Input == engine.InputMessages {
		m, err := j.measureRemote(target, p, original)
		m.decoded = decoded
		return m, err
	}
	m := measured{decoded: decoded}
	switch p.kind {
	case promptMessages:
		m.tokens, err = j.renderMessages(ctx, target.Served, p.Messages)
	case promptText:
		m.tokens, err = j.backend.Tokenize(ctx, engine.TokenizeRequest{Text: p.Text, AddSpecial: true, ParseSpecial: true})
	case promptTokens:
		m.tokens = p.Tokens
	}
	if err != nil {
		return measured{}, err
	}
	if len(m.tokens) == 0 {
		// A model without a BOS token cannot start from nothing; one space is the nearest to it.
		if m.tokens, err = j.backend.Tokenize(ctx, engine.TokenizeRequest{Text: " "}); err != nil {
			return measured{}, err
		}
	}
	return m, j.fit(target, &m, original)
}

// read returns a prompt as the backend is to read it: token ids of the name's own encoding as text, and a
// prompt with a suffix in the form for gaps. decoded is what token ids say, where that was needed.
func (j *job) read(ctx context.Context, target Target, p Prompt) (_ Prompt, decoded string, err error) {
	suffix := p.suffix
	switch {
	case p.kind != promptTokens:
	case target.Encoding != "":
		if decoded, err = textOf(j.req.Param, target, p.Tokens); err != nil {
			return p, "", err
		}
		p = FromText(decoded)
	case j.info.Input == engine.InputMessages:
		return p, "", nil // is refused
	default:
		if err := CheckTokens(j.req.Param, target, j.info, p.Tokens); err != nil {
			return p, "", err
		}
		if !j.req.PromptText && suffix == "" {
			break
		}
		b, err := j.backend.Detokenize(ctx, p.Tokens)
		if err != nil {
			return p, "", err
		}
		decoded = strings.ToValidUTF8(string(b), "\uFFFD")
	}
	switch {
	case suffix == "":
	case p.kind == promptTokens:
		p = infill(j.info, decoded, suffix)
	default:
		p = infill(j.info, p.Text, suffix)
	}
	return p, decoded, nil
}

// measureRemote passes messages and text on: the remote side tokenizes, and checks its own window.
func (j *job) measureRemote(target Target, p, original Prompt) (measured, error) {
	m := measured{maxTokens: LeftOfWindow}
	switch {
	case p.kind == promptTokens:
		return m, fault.Param(j.req.Param, "The model `%s` is answered by another server (%s), which takes text, not token ids. Please send the text.", j.req.Model, target.Served)
	case p.kind == promptMessages:
		m.messages = p.Messages
	default:
		m.text = p.Text
	}
	if j.req.MaxTokens != nil {
		m.maxTokens = *j.req.MaxTokens
	} else if j.req.DefaultMaxTokens > 0 {
		m.maxTokens = j.req.DefaultMaxTokens
	}
	return m, j.fitRemote(target, &m, original)
}

// room returns how many tokens the answer may have, or context_length_exceeded with both counts.
func (j *job) room(kind promptKind, prompt int) (int, error) {
	left := j.admitted.Window - prompt
	if j.admitted.Window == 0 {
		left = math.MaxInt32 // unknown: the engine itself ends at its window
	}
	if j.req.MaxTokens == nil {
		if left <= j.req.Reserve {
			completion := max(j.req.DefaultMaxTokens, j.req.Reserve)
			if left == 0 {
				completion = max(completion, 1)
			}
			return 0, j.tooLong(kind, j.admitted.Window, prompt, completion)
		}
		if j.req.DefaultMaxTokens > 0 {
			return min(left, j.req.DefaultMaxTokens), nil
		}
		return left, nil
	}
	if *j.req.MaxTokens > left {
		return 0, j.tooLong(kind, j.admitted.Window, prompt, *j.req.MaxTokens)
	}
	return *j.req.MaxTokens, nil
}

// tooLong is the original's error, in its words for messages and for prompts.
func (j *job) tooLong(kind promptKind, limit, prompt, completion int) error {
	var err *fault.Error
	switch {
	case kind == promptMessages && completion == 0:
		err = fault.Param(j.req.Param, "This model's maximum context length is %d tokens. However, your messages resulted in %d tokens. Please reduce the length of the messages.", limit, prompt)
	case kind == promptMessages:
		err = fault.Param(j.req.Param, "This model's maximum context length is %d tokens. However, you requested %d tokens (%d in the messages, %d in the completion). Please reduce the length of the messages or completion.", limit, prompt+completion, prompt, completion)
	default:
		err = fault.Param(j.req.Param, "This model's maximum context length is %d tokens, however you requested %d tokens (%d in your prompt; %d for the completion). Please reduce your prompt; or completion length.", limit, prompt+completion, prompt, completion)
	}
	return err.WithCode("context_length_exceeded")
}

// renderMessages makes tokens of a conversation with the model's own chat template.
func (j *job) renderMessages(ctx context.Context, served string, messages []engine.Message) ([]engine.Token, error) {
	var text string
	messages, tools, err := j.speak(j.req.Format.tell(messages))
	if err != nil {
		return nil, err
	}
	messages, tools, cut := j.service.cutSpecial(served, j.info, messages, tools)
	if j.info.ChatTemplate == "" {
		j.admitted.Fallback = true
		text = fallbackTemplate(messages)
	} else {
		t, err := j.service.template(j.info.ChatTemplate)
		if err != nil {
			return nil, err
		}
		text, err = t.Render(messages, tools, j.info.BOS, j.info.EOS)
		if _, refuses := errors.AsType[*chattemplate.Refusal](err); refuses && messages[0].Role == "system" && len(messages) > 1 {
			// Some models (Gemma) were trained without a system role: what it says goes before the first question.
			text, err = t.Render(mergeSystem(messages), tools, j.info.BOS, j.info.EOS)
		}
		if err != nil {
			return nil, refused(j.req, err)
		}
	}
	// Most templates write BOS themselves; two of them would shift every position.
	special := j.info.BOS == "" || !strings.HasPrefix(text, j.info.BOS)
	if cut {
		return tokenizeCut(ctx, j.backend, text, special)
	}
	return j.backend.Tokenize(ctx, engine.TokenizeRequest{Text: text, AddSpecial: special, ParseSpecial: true})
}

// mergeSystem puts the first message, a system message, before the text of the one that follows.
func mergeSystem(messages []engine.Message) []engine.Message {
	out := append([]engine.Message(nil), messages[1:]...)
	if out[0].Role == "user" {
		out[0].Content = messages[0].Content + "\n\n" + out[0].Content
	} else {
		out = append([]engine.Message{{Role: "user", Content: messages[0].Content}}, out...)
	}
	return out
}

// refused explains a template's refusal: templates raise when they do not know a role or want user
// and assistant to alternate, which the caller can mend. A template that breaks is the model's fault.
func refused(req Request, err error) error {
	if r, ok := errors.AsType[*chattemplate.Refusal](err); ok {
		return fault.Param(req.Param, "The chat template of `%s` does not take these messages: %s", req.Model, r.Reason).WithCause(err)
	}
	return fmt.Errorf("render the chat template of %s: %w", req.Model, err)
}

// template returns the compiled form of a template's source.
func (s *Service) template(source string) (Template, error) {
	if t, ok := s.templates.Load(source); ok {
		return t.(Template), nil
	}
	t, err := s.Compile(source)
	if err != nil {
		return nil, err
	}
	s.templates.Store(source, t)
	return t, nil
}

// fallbackTemplate is plain ChatML, for models that carry no template of their own.
func fallbackTemplate(messages []engine.Message) string {
	var b strings.Builder
	for _, m := range messages {
		b.WriteString("<|im_start|>")
		b.WriteString(m.Role)
		if m.Name != "" {
			b.WriteString(" name=")
			b.WriteString(m.Name)
		}
		b.WriteByte('\n')
		b.WriteString(m.Content)
		b.WriteString("<|im_end|>\n")
	}
	b.WriteString("<|im_start|>assistant\n")
	return b.String()
}
