package toolcall

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/jsonschema"
)

// Syntax is how one model writes calls. It is immutable and safe for concurrent use.
//
// An answer with calls is [content] open call (between call)* close, where a call is head NAME mid ARGUMENTS tail. All of these are
// patterns, byte for byte what the template writes.
type Syntax struct {
	native bool
	reason string // why not native

	open, head, mid, tail, between, close string

	lead string // ends the reasoning that the prompt begins, before a call that is certain

	// notation of arguments that are no JSON: the zero Notation is JSON.
	notation jsonschema.Notation

	object *object // a call is a JSON object, and the braces around it are in head and tail; nil when the name stands in the frame
	single bool    // the template takes one call in a message
	letter string  // ids have to be nine letters and digits, as Mistral's templates demand, when not empty
	bare   bool    // nothing but the JSON object tells a call

	channels bool // answers are messages on channels: see channels.go

	describe bool // the template wants a description of every function

	starts, nexts, closes, afters []mark
	mids                          []mark
	befores, texts, others        []mark // of parameters
}

// object is the form of a call that is a JSON object.
type object struct {
	name, arguments string // the members; no name when the function's name is the only member's
}

// Generic is the form for models whose template knows no functions.
func Generic() *Syntax { return generic("") }

func generic(reason string) *Syntax {
	s := &Syntax{
		reason: reason,
		head:   "<tool_call>\n{\"name\": \"", mid: `", "arguments": `, tail: "}\n</tool_call>", between: "\n",
		object: &object{name: "name", arguments: "arguments"},
	}
	s.compile()
	return s
}

// Native says that this is the model's own form.
func (s *Syntax) Native() bool { return s.native }

// compile makes the marks from the patterns.
func (s *Syntax) compile() {
	if s.channels {
		return
	}
	before, after := s.head, s.tail
	if s.object != nil {
		before, after = s.head[:strings.LastIndexByte(s.head, '{')], s.tail[strings.LastIndexByte(s.tail, '}')+1:]
	}
	start := newMark(s.open + before)
	s.bare = len(start) == 0
	s.starts = []mark{start}
	s.nexts = []mark{newMark(s.between + before), start}
	if s.bare {
		// Llama's models write the token before code as well as before calls, and several calls although their template has one.
		s.starts = append(s.starts, mark{pythonTag})
		s.nexts = append(s.nexts, mark{pythonTag}, mark{";"})
	}
	if m := newMark(s.close); len(m) > 0 {
		s.closes = []mark{m}
	}
	if m := newMark(after); len(m) > 0 {
		s.afters = []mark{m}
	}
	for _, p := range s.midPatterns() {
		s.mids = append(s.mids, newMark(p))
	}
	if p := s.notation.Parameters; p != nil {
		s.befores, s.texts, s.others = []mark{newMark(p.Before)}, []mark{newMark(p.Text)}, []mark{newMark(p.Other)}
	}
}

const pythonTag = "<|python_tag|>"

// callID is a part of a frame that holds nothing but the call's id. Models leave it out: only the history has ids.
var callID = regexp.MustCompile(`\[[A-Z_]+\]` + string(idSlot))

// midPatterns are the texts that may stand between the name and the arguments.
func (s *Syntax) midPatterns() []string {
	if without := callID.ReplaceAllString(s.mid, ""); without != s.mid {
		return []string{s.mid, without}
	}
	return []string{s.mid}
}

// ShowSpecial lists texts that may be control tokens of the model and that have to be in the text that Parser gets.
func (s *Syntax) ShowSpecial() []string {
	var out []string
	if s.channels {
		return append(out, headerBegin[:7]...)
	}
	patterns := []string{s.open, s.head, s.mid, s.tail, s.between, s.close, s.notation.Quote}
	if p := s.notation.Parameters; p != nil {
		patterns = append(patterns, p.Before, p.Text, p.Other, p.After)
	}
	for _, p := range patterns {
		out = append(out, token.FindAllString(p, -1)...)
	}
	if s.bare {
		out = append(out, pythonTag)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Definitions are the functions as the template takes them; none when the request wants no calls or the form is not native.
func (s *Syntax) Definitions(r Request) []json.RawMessage {
	if !s.native || r.Choice.Mode == None {
		return nil
	}
	return definitions(r.Tools, s.describe)
}

func definitions(tools []Tool, describe bool) []json.RawMessage {
	var out []json.RawMessage
	for _, t := range tools {
		type function struct {
			Name        string          `json:"name"`
			Description *string         `json:"description,omitempty"`
			Parameters  json.RawMessage `json:"parameters"`
		}
		f := function{Name: t.Name, Parameters: parameters(t.Parameters)}
		if t.Description != "" || describe {
			f.Description = &t.Description
		}
		out = append(out, plainJSON(struct {
			Type     string   `json:"type"`
			Function function `json:"function"`
		}{"function", f}))
	}
	return out
}

// parameters is a schema that has properties, since templates go through them without asking.
func parameters(schema []byte) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(schema, &members) != nil || members == nil {
		return json.RawMessage(`{"type": "object", "properties": {}}`)
	}
	text := strings.TrimSpace(string(schema))
	switch {
	case members["properties"] != nil:
		return json.RawMessage(text)
	case len(members) == 0:
		return json.RawMessage(`{"type": "object", "properties": {}}`)
	}
	return json.RawMessage(strings.TrimRight(text[:len(text)-1], " \t\r\n") + `, "properties": {}}`)
}

// plainJSON is JSON without Go's escapes for HTML.
func plainJSON(v any) json.RawMessage {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return json.RawMessage("null") // what is not JSON is no schema either, and refused before
	}
	return json.RawMessage(strings.TrimSpace(b.String()))
}

// Messages is the conversation as the template takes it. For the generic form it holds the functions, the calls and their results as
// text. The caller's slice stays as it is.
func (s *Syntax) Messages(messages []engine.Message, r Request) []engine.Message {
	out := linked(messages)
	if !s.native {
		return written(out, r)
	}
	if s.single {
		out = oneByOne(out)
	}
	if s.letter != "" {
		shortIDs(out)
	}
	return out
}
