package responses

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// What the model calls its built-in tools by, also where they are not offered any more.
const (
	searchName = "file_search"
	codeName   = "python"
)

// How much text of files a model is told, in bytes: of one, and of all in a response's input and what it continues. What is longer belongs
// into a vector store.
const (
	maxFileText = 1 << 20
	maxTexts    = 16 << 20
)

// speech is what items say to a model.
type speech struct {
	s    *Service
	who  actor.Actor
	out  []engine.Message
	open []string // ids of calls without a result
	read int      // bytes of files' texts so far
}

// messages are the items as the model sees them. own is where the request's own input begins, which errors name.
func (s *Service) messages(ctx context.Context, who actor.Actor, items []Item, own int) ([]engine.Message, error) {
	sp := &speech{s: s, who: who}
	for i := range items {
		at := "input"
		if i >= own {
			at = fmt.Sprintf("input[%d]", i-own)
		}
		if err := sp.add(ctx, &items[i], at); err != nil {
			return nil, err
		}
	}
	if len(sp.open) > 0 {
		return nil, fault.Param("input", "No tool output found for function call %s.", sp.open[0])
	}
	return sp.out, nil
}

func (sp *speech) add(ctx context.Context, t *Item, at string) error {
	switch t.Type {
	case MessageItem:
		text, err := sp.text(ctx, t.Content, at+".content")
		if err != nil {
			return err
		}
		role := t.Role
		if role == "developer" {
			role = "system"
		}
		sp.out = append(sp.out, engine.Message{Role: role, Content: text})
	case FunctionCall:
		sp.call(t.CallID, t.Name, *t.Arguments)
		sp.open = append(sp.open, t.CallID)
	case CallOutput:
		text := t.Output.Text
		if t.Output.Parts != nil {
			var err error
			if text, err = sp.text(ctx, t.Output.Parts, at+".output"); err != nil {
				return err
			}
		}
		if !slices.Contains(sp.open, t.CallID) {
			return fault.Param("input", "No tool call found for function call output with call_id %.64s.", t.CallID)
		}
		sp.open = slices.DeleteFunc(sp.open, func(id string) bool { return id == t.CallID })
		sp.result(t.CallID, text)
	case SearchCall:
		arguments, err := json.Marshal(map[string][]string{"queries": t.Queries})
		if err != nil {
			return err
		}
		sp.call(t.ID, searchName, string(arguments))
		sp.result(t.ID, sp.found(t))
	case CodeCall:
		code := ""
		if t.Code != nil {
			code = *t.Code
		}
		arguments, err := json.Marshal(map[string]string{"code": code})
		if err != nil {
			return err
		}
		sp.call(t.ID, codeName, string(arguments))
		sp.result(t.ID, printed(t))
	}
	return nil
}

// call adds a call to the assistant's turn that is under way: its words, and the calls before, are the same turn.
func (sp *speech) call(id, name, arguments string) {
	n := len(sp.out)
	if n == 0 || sp.out[n-1].Role != "assistant" {
		sp.out = append(sp.out, engine.Message{Role: "assistant"})
		n++
	}
	last := &sp.out[n-1]
	last.ToolCalls = append(last.ToolCalls, engine.ToolCall{ID: id, Name: name, Arguments: arguments})
}

func (sp *speech) result(id, text string) {
	name := ""
	for _, m := range sp.out {
		for _, c := range m.ToolCalls {
			if c.ID == id {
				name = c.Name
			}
		}
	}
	sp.out = append(sp.out, engine.Message{Role: "tool", ToolCallID: id, Name: name, Content: text})
}

// found are the passages of an earlier search.
func (sp *speech) found(t *Item) string {
	var hits []SearchResult
	if len(t.Results) > 0 && json.Unmarshal(t.Results, &hits) != nil || len(hits) == 0 {
		return "Nothing of what was found then is kept. Search again if it is needed."
	}
	var b strings.Builder
	for _, h := range hits {
		fmt.Fprintf(&b, "%s:\n%s\n\n", h.Filename, h.Text)
	}
	return agent.Fence(b.String())
}

// printed is what an earlier program gave.
func printed(t *Item) string {
	var outputs []CodeOutput
	if len(t.Outputs) > 0 && json.Unmarshal(t.Outputs, &outputs) != nil {
		outputs = nil
	}
	var b strings.Builder
	for _, o := range outputs {
		if o.Type == "image" {
			b.WriteString("[an image]\n")
		}
		b.WriteString(o.Logs)
	}
	if b.Len() == 0 {
		return "(no output)"
	}
	return b.String()
}

// text is what parts say.
func (sp *speech) text(ctx context.Context, parts []Part, at string) (string, error) {
	texts := make([]string, 0, len(parts))
	for i := range parts {
		p := &parts[i]
		switch p.Type {
		case "refusal":
			texts = append(texts, *p.Refusal)
		case "input_file":
			text, err := sp.file(ctx, p, fmt.Sprintf("%s[%d]", at, i))
			if err != nil {
				return "", err
			}
			texts = append(texts, text)
		default:
			texts = append(texts, *p.Text)
		}
	}
	return strings.Join(texts, "\n"), nil
}

// file is the text of a file, fenced.
func (sp *speech) file(ctx context.Context, p *Part, at string) (string, error) {
	name, content := p.Filename, []byte(nil)
	var err error
	if p.FileID != "" {
		name, content, err = sp.s.files(ctx, sp.who, p.FileID)
		if fault.KindOf(err) == fault.NotFound {
			return "", fault.Param(at+".file_id", "No file found with id '%.80s'.", p.FileID).WithCode("file_not_found")
		}
	} else {
		content, err = p.data(at)
	}
	if err != nil {
		return "", err
	}
	text, err := sp.s.reader(ctx, name, bytes.NewReader(content))
	if err != nil {
		if e := fault.As(err); e != nil && e.Kind == fault.Invalid && e.Param == "" {
			e.Param = at
		}
		return "", err
	}
	if len(text) > maxFileText {
		return "", fault.Param(at, "The file %q has %d bytes of text; a message may have %d. Put it into a vector store and use the tool file_search.", name, len(text), maxFileText).WithCode("file_too_large")
	}
	// Each is small, and a request can name one many thousand times.
	if sp.read += len(text); sp.read > maxTexts {
		return "", fault.Param(at, "The files of the input have more than %d bytes of text together. Put them into a vector store and use the tool file_search.", maxTexts).WithCode("file_too_large")
	}
	return fmt.Sprintf("File %q:\n%s", name, agent.Fence(text)), nil
}
