package chattemplate

import (
	"strings"

	"github.com/parley-ai/parley/internal/chattemplate/jinja"
)

// RenderAdapted is Render for conversations in the form that OpenAI's clients send. Templates were written for the form that their authors
// had in mind, and fail on or misprint another one; what this one cannot take is changed into what it can:
//
//   - arguments of tool calls become objects or JSON text,
//   - null content becomes "", and "" beside tool calls null,
//   - content in text parts becomes a string, or the other way round,
//   - a developer message becomes a system message, and that, if need be, the beginning of the first user message.
func (t *Template) RenderAdapted(in Input) (string, error) {
	vars, err := in.variables()
	if err != nil {
		return "", err
	}
	caps := t.Caps()
	messages, _ := vars.Get("messages")
	vars.Set("messages", caps.adapt(messages.(*jinja.List)))
	if caps.NoNullTools && in.Tools == nil {
		vars.Set("tools", list())
	}
	return t.render(vars, jinja.Options{Now: in.Now})
}

func (c Caps) adapt(in *jinja.List) *jinja.List {
	out := &jinja.List{}
	var system []string
	for _, v := range in.Items {
		m := v.(*jinja.Dict).Copy()
		if m.Str("role") == "developer" && !c.DeveloperRole {
			m.Set("role", "system")
		}
		c.adaptContent(m)
		c.adaptCalls(m)
		switch {
		case m.Str("role") == "system" && !c.SystemRole:
			system = append(system, plainText(m))
			continue
		case m.Str("role") == "user" && system != nil:
			c.prepend(m, strings.Join(system, "\n\n")+"\n\n")
			system = nil
		}
		out.Items = append(out.Items, m)
	}
	if system != nil { // nobody has spoken yet
		m := jinja.NewDict("role", "user", "content", strings.Join(system, "\n\n"))
		c.adaptContent(m)
		out.Items = append(out.Items, m)
	}
	return out
}

func (c Caps) adaptContent(m *jinja.Dict) {
	content, given := m.Get("content")
	v, _ := m.Get("tool_calls")
	calls, _ := v.(*jinja.List)
	called := calls != nil && len(calls.Items) > 0
	switch content := content.(type) {
	case nil:
		if !called || !c.NullContent || !given && c.EmptyContent {
			m.Set("content", "")
		}
	case string:
		switch {
		case content == "" && called && !c.EmptyContent && c.NullContent:
			m.Set("content", nil)
		case !c.Strings && c.Parts:
			m.Set("content", part(content))
		}
	case *jinja.List:
		if s, ok := joined(content); ok && !c.Parts {
			m.Set("content", s)
		}
	}
}

func (c Caps) adaptCalls(m *jinja.Dict) {
	v, _ := m.Get("tool_calls")
	calls, ok := v.(*jinja.List)
	if !ok || !c.ToolCalls {
		return
	}
	adapted := &jinja.List{}
	for _, v := range calls.Items {
		if call, ok := v.(*jinja.Dict); ok {
			v = c.adaptCall(call)
		}
		adapted.Items = append(adapted.Items, v)
	}
	m.Set("tool_calls", adapted)
}

func (c Caps) adaptCall(call *jinja.Dict) *jinja.Dict {
	v, _ := call.Get("function")
	function, ok := v.(*jinja.Dict)
	if !ok {
		return call
	}
	function = function.Copy()
	switch arguments, _ := function.Get("arguments"); arguments := arguments.(type) {
	case string:
		// What a model wrote need not be JSON; then the text is all there is.
		if v, err := jinja.DecodeJSON([]byte(arguments)); err == nil && c.ObjectArguments {
			if object, ok := v.(*jinja.Dict); ok {
				function.Set("arguments", object)
			}
		}
	case *jinja.Dict:
		if !c.ObjectArguments {
			function.Set("arguments", jinja.EncodeJSON(arguments))
		}
	}
	call = call.Copy()
	call.Set("function", function)
	return call
}

// prepend puts text before what a user says.
func (c Caps) prepend(m *jinja.Dict, text string) {
	switch content, _ := m.Get("content"); content := content.(type) {
	case *jinja.List:
		m.Set("content", list(append(part(text).Items, content.Items...)...))
	case string:
		m.Set("content", text+content)
	}
}

func plainText(m *jinja.Dict) string {
	content, _ := m.Get("content")
	if parts, ok := content.(*jinja.List); ok {
		s, _ := joined(parts)
		return s
	}
	return m.Str("content")
}

// joined gives the text of parts; false when some are not text.
func joined(parts *jinja.List) (string, bool) {
	var texts []string
	for _, v := range parts.Items {
		part, ok := v.(*jinja.Dict)
		if !ok || part.Str("type") != "text" {
			return "", false
		}
		texts = append(texts, part.Str("text"))
	}
	return strings.Join(texts, "\n"), true
}
