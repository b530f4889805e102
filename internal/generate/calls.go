package generate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/textstream"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/jsonschema"
	"github.com/parley-ai/parley/internal/toolcall"
)

// calling is how the model that answers is asked for calls. The zero calling asks for none.
type calling struct {
	request *toolcall.Request
	syntax  *toolcall.Syntax // how the model writes calls; nil when another server answers
	grammar *engine.Grammar  // of the answer, Request.Format included
	tools   string           // for another server: OpenAI's tools and tool_choice
	choice  string
}

// prepareCalls finds out how the model that answers is asked for calls. Schemas that it cannot be held to are errors of the caller.
func (j *job) prepareCalls() (err error) {
	r := j.req.Tools
	remote := j.info.Input == engine.InputMessages
	if r == nil || !remote && r.Choice.Mode == toolcall.None {
		return nil
	}
	j.calls.request = r
	if remote {
		j.calls.tools, j.calls.choice, err = openAITools(r)
		return err
	}
	if j.calls.syntax, err = j.syntax(); err != nil {
		return err
	}
	if j.req.Format != nil {
		j.calls.grammar, err = j.calls.syntax.Combine(&j.req.Format.Grammar, *r)
	} else {
		j.calls.grammar, err = j.calls.syntax.Grammar(*r)
	}
	if e, ok := errors.AsType[*jsonschema.FunctionError](err); ok {
		return fault.Param(fmt.Sprintf(j.req.ToolParam, e.Index), "%s", e).WithCode("invalid_function_parameters")
	}
	return err
}

// speak brings the calls in a conversation, their results and the functions that may be called into the form that the served model
// knows. A conversation without any stays as it is.
func (j *job) speak(messages []engine.Message) ([]engine.Message, []json.RawMessage, error) {
	if j.req.Tools == nil && !slices.ContainsFunc(messages, speaksOfCalls) {
		return messages, nil, nil
	}
	syntax, err := j.syntax()
	if err != nil {
		return nil, nil, err
	}
	r := toolcall.Request{Choice: toolcall.Choice{Mode: toolcall.None}}
	if j.req.Tools != nil {
		r = *j.req.Tools
	}
	return syntax.Messages(messages, r), syntax.Definitions(r), nil
}

// speaksOfCalls says that a message has calls or the result of one.
func speaksOfCalls(m engine.Message) bool {
	return len(m.ToolCalls) > 0 || m.Role == "tool" || m.Role == "function"
}

// syntax is how the served model writes calls.
func (j *job) syntax() (*toolcall.Syntax, error) {
	if j.info.ChatTemplate == "" {
		return toolcall.Generic(), nil
	}
	t, err := j.service.template(j.info.ChatTemplate)
	if err != nil {
		return nil, err
	}
	return t.Syntax(), nil
}

// apply brings the functions into an engine's request.
func (c *calling) apply(r *engine.GenerateRequest) {
	switch {
	case c.request == nil:
	case c.syntax == nil:
		r.Tools, r.ToolChoice, r.SingleCall = c.tools, c.choice, !c.request.Parallel
	default:
		r.Sampling.Grammar, r.ShowSpecial = c.grammar, c.syntax.ShowSpecial()
		// Stop texts are looked for in the words for the reader (callReader): a call is never cut by one.
		r.Stop = nil
	}
}

// openAITools are the functions and the choice in the form of OpenAI's API.
func openAITools(r *toolcall.Request) (tools, choice string, err error) {
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
		Strict      bool            `json:"strict,omitempty"`
	}
	type tool struct {
		Type     string   `json:"type"`
		Function function `json:"function"`
	}
	list := make([]tool, len(r.Tools))
	for i, t := range r.Tools {
		list[i] = tool{"function", function{t.Name, t.Description, t.Parameters, t.Strict}}
	}
	all, err := json.Marshal(list)
	if err != nil {
		return "", "", err
	}
	switch r.Choice.Mode {
	case toolcall.None:
		choice = `"none"`
	case toolcall.Required:
		choice = `"required"`
	case toolcall.Named:
		named, err := json.Marshal(tool{"function", function{Name: r.Choice.Name}})
		if err != nil {
			return "", "", err
		}
		choice = string(named)
	default:
		choice = `"auto"`
	}
	return string(all), choice, nil
}

// callReader finds the calls in the output of one sequence.
type callReader struct {
	parser *toolcall.Parser   // nil when the backend tells the calls itself
	stop   []string           // texts that end the answer, with a parser
	words  *textstream.Stream // of the text for the reader, up to a stop text
	tokens *wordTokens        // nil when nobody asks for logprobs

	calls     int             // begun
	arguments strings.Builder // of the newest call
	stopped   bool            // a stop text was read, or a call that was made before
	repeated  bool            // it was a call
}

// reader returns the reader of a sequence; nil when no calls are asked for.
func (j *job) reader() *callReader {
	if j.calls.request == nil || j.calls.request.Choice.Mode == toolcall.None {
		return nil
	}
	r := &callReader{}
	if j.req.Logprobs {
		r.tokens = &wordTokens{}
	}
	if s := j.calls.syntax; s != nil {
		r.parser, r.stop = s.Parser(*j.calls.request), j.req.Stop
		r.words = textstream.New(r.stop)
	}
	return r
}

// read returns what a piece of output brings.
func (r *callReader) read(d engine.Delta) (out []Event) {
	if r.parser == nil {
		if d.Text != "" || len(d.Tokens) > 0 {
			out = append(out, Delta{Text: d.Text, Tokens: d.Tokens})
		}
		for _, c := range d.Calls {
			out = append(out, r.call(c))
		}
		return out
	}
	r.tokens.add(d)
	out = r.pieces(nil, r.parser.Write(d.Text))
	if !r.stopped && r.parser.Repeats() {
		r.stopped, r.repeated = true, true
	}
	return out
}

// end returns what was held back.
func (r *callReader) end() []Event {
	if r == nil || r.parser == nil || r.stopped {
		return nil
	}
	out := r.pieces(nil, r.parser.Close())
	if !r.stopped {
		out = r.flush(out)
	}
	return out
}

func (r *callReader) pieces(out []Event, events []toolcall.Event) []Event {
	for _, e := range events {
		if e.Call != nil {
			out = append(r.flush(out), r.call(*e.Call))
			continue
		}
		r.tokens.expect(e)
		text, _, stopped := r.words.Push([]byte(e.Text))
		out = r.say(out, text)
		if stopped {
			r.stopped = true
			break
		}
	}
	return out
}

// flush gives out what could have been the beginning of a stop text.
func (r *callReader) flush(out []Event) []Event {
	text, _ := r.words.Flush()
	r.words = textstream.New(r.stop)
	return r.say(out, text)
}

func (r *callReader) say(out []Event, text string) []Event {
	if text == "" {
		return out
	}
	return append(out, Delta{Text: text, Tokens: r.tokens.of(len(text))})
}

func (r *callReader) call(c engine.ToolCallDelta) Event {
	if c.Index >= r.calls {
		r.calls = c.Index + 1
		r.arguments.Reset()
		if c.ID == "" {
			c.ID = ids.New("call_") // servers as of 2023 give none
		}
	} else {
		c.ID, c.Name = "", "" // which some servers say again
	}
	r.arguments.WriteString(c.Arguments)
	return ToolCallDelta(c)
}

// reason is why the answer ended: for calls when it ended by itself behind whole ones.
func (r *callReader) reason(of engine.FinishReason) engine.FinishReason {
	switch {
	case of == engine.FinishLength:
		return of
	case r == nil || r.calls == 0 || r.stopped && !r.repeated:
		return engine.FinishStop
	}
	if last := r.arguments.String(); r.parser != nil && !jsontext.Value(last).IsValid() {
		return engine.FinishStop
	}
	return engine.FinishToolCalls
}

// wordTokens are the tokens of an answer, of which those that are words for the reader are given out.
type wordTokens struct {
	tokens []engine.TokenLogprob // not looked at yet
	begin  int                   // where in the answer the first of them begins
	words  []span                // read and not given out yet
}

// span is a part of an answer, in bytes.
type span struct {
	at  int // negative for what the model did not write
	len int
}

func (w *wordTokens) add(d engine.Delta) {
	if w != nil {
		w.tokens = append(w.tokens, d.Tokens...)
	}
}

// expect tells where the words stand that are to be given out.
func (w *wordTokens) expect(e toolcall.Event) {
	if w != nil {
		w.words = append(w.words, span{e.At, len(e.Text)})
	}
}

// of returns the tokens of the next words, so many bytes of them, and forgets all up to their end.
func (w *wordTokens) of(n int) (out []engine.TokenLogprob) {
	if w == nil {
		return nil
	}
	for n > 0 && len(w.words) > 0 {
		s := &w.words[0]
		part := span{s.at, min(s.len, n)}
		if n -= part.len; s.at >= 0 {
			out = append(out, w.in(part)...)
			s.at += part.len
		}
		if s.len -= part.len; s.len == 0 {
			w.words = w.words[1:]
		}
	}
	return out
}

// in returns the tokens of a part of the answer. A token belongs to the part that it begins in.
func (w *wordTokens) in(s span) (out []engine.TokenLogprob) {
	for len(w.tokens) > 0 && w.begin < s.at+s.len {
		end := w.begin + len(w.tokens[0].Bytes)
		if end > s.at || end == s.at && w.begin == end {
			out = append(out, w.tokens[0])
		}
		w.begin, w.tokens = end, w.tokens[1:]
	}
	return out
}
