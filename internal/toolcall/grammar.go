package toolcall

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/jsonschema"
)

// Grammar is what holds a model to the calls that a request wants; nil when it wants none. With Auto it sleeps until a call begins.
// Errors are *jsonschema.FunctionError.
//
// A schema that cannot be expressed is an error where a call is certain; with Auto what cannot be expressed is left out, unless the
// function is strict.
func (s *Syntax) Grammar(r Request) (*engine.Grammar, error) {
	if r.Choice.Mode == None || len(r.Tools) == 0 {
		return nil, nil
	}
	var b strings.Builder
	root, err := s.calls(&b, r)
	if err != nil {
		return nil, err
	}
	if r.Choice.Mode == Auto {
		return &engine.Grammar{GBNF: "root ::= " + root + "\n" + b.String(), Root: jsonschema.Root, Triggers: s.triggers(r)}, nil
	}
	return &engine.Grammar{GBNF: "root ::= " + s.literal(s.lead) + " " + root + "\n" + b.String(), Root: jsonschema.Root}, nil
}

// Combine is a grammar of an answer in the form that answer describes, or of calls. With a call that is certain only calls are left.
func (s *Syntax) Combine(answer *engine.Grammar, r Request) (*engine.Grammar, error) {
	if answer == nil || r.Choice.Mode == Required || r.Choice.Mode == Named {
		return s.Grammar(r)
	}
	if r.Choice.Mode == None || len(r.Tools) == 0 {
		return answer, nil
	}
	var b strings.Builder
	root, err := s.calls(&b, r)
	if err != nil {
		return nil, err
	}
	b.WriteString(renamed(answer.GBNF, "answer-"))
	form := "answer-" + answer.Root
	if s.channels {
		form, root = s.literal("<|channel|>final<|message|>")+" "+form, s.literal(strings.TrimSuffix(s.head, recipient))+" "+root
	}
	return &engine.Grammar{GBNF: "root ::= " + root + " | " + form + "\n" + b.String(), Root: jsonschema.Root}, nil
}

// maxCalls is how many calls an answer may have: small models repeat themselves without end.
const maxCalls = 16

// calls writes the rules of one or more calls, and returns what root is.
func (s *Syntax) calls(b *strings.Builder, r Request) (string, error) {
	var functions []string
	for i, t := range r.Tools {
		if r.Choice.Mode == Named && t.Name != r.Choice.Name {
			continue
		}
		prefix := "f" + strconv.Itoa(i) + "-"
		g, err := jsonschema.Arguments(jsonschema.Function{Name: t.Name, Parameters: t.Parameters, Strict: t.Strict},
			jsonschema.Options{Lenient: r.Choice.Mode == Auto, Notation: s.notation})
		if err != nil {
			var e *jsonschema.FunctionError
			if errors.As(err, &e) {
				e.Index = i
			}
			return "", err
		}
		b.WriteString(renamed(g.GBNF, prefix))
		functions = append(functions, s.literal(s.named(t.Name))+" mid "+prefix+jsonschema.Root)
	}
	if s.channels {
		return s.channelCalls(b, functions, r.Choice.Mode == Auto), nil
	}
	var mids []string
	for _, p := range s.midPatterns() {
		mids = append(mids, s.literal(p))
	}
	fmt.Fprintf(b, "mid ::= %s\ncall ::= %s (%s) %s\n", strings.Join(mids, " | "), s.literal(s.head), strings.Join(functions, " | "), s.literal(s.tail))
	more := ""
	if r.Parallel && !s.single && r.Choice.Mode != Named { // a named function is called once
		more = fmt.Sprintf(" (%s call){0,%d}", s.literal(s.between), maxCalls-1)
	}
	end := s.literal(s.close)
	if loc := token.FindStringIndex(s.close); loc != nil && loc[0] == 0 && loc[1] == len(s.close) {
		end = "(" + end + ")?" // it may be the token that ends the answer, which no grammar has
	}
	if r.Choice.Mode == Auto && !s.bare {
		// What a token brings behind the mark has woken the grammar and cannot be taken back: any white space goes.
		mark := s.triggers(r)[0]
		rest := strings.TrimLeft((s.open + s.head)[len(mark):], " \t\r\n")
		fmt.Fprintf(b, "first ::= %s [ \\x09\\x0A]{0,8} %s (%s) %s\n", s.literal(mark), s.literal(rest), strings.Join(functions, " | "), s.literal(s.tail))
		return "first" + more + " " + end, nil
	}
	return s.literal(s.open) + " call" + more + " " + end, nil
}

// named is a function's name as it stands in a call.
func (s *Syntax) named(name string) string {
	if s.object == nil {
		return name
	}
	quoted := string(plainJSON(name))
	return quoted[1 : len(quoted)-1]
}

// triggers are the texts with which a call begins.
func (s *Syntax) triggers(r Request) []string {
	if s.channels {
		return []string{recipient}
	}
	if !s.bare {
		start := s.open + s.head
		if at := token.FindStringIndex(start); at != nil && at[0] == 0 {
			return []string{start[:at[1]]}
		}
		if at := strings.IndexAny(start, slots); at >= 0 {
			start = start[:at]
		}
		if s.object != nil {
			start = start[:strings.LastIndexByte(start, '{')]
		}
		return []string{strings.TrimSpace(start)}
	}
	var out []string
	for _, t := range r.Tools {
		out = append(out, s.open+s.head+s.named(t.Name)+`"`)
	}
	return slices.Compact(out)
}

// literal writes a pattern as GBNF.
func (s *Syntax) literal(pattern string) string {
	var b strings.Builder
	open := false
	quote := func(want bool) {
		if open != want {
			b.WriteByte('"')
			open = want
		}
	}
	for _, r := range pattern {
		switch {
		case r == indexSlot:
			quote(false)
			b.WriteString(" [0-9]{1,3} ")
			continue
		case r == idSlot && s.letter != "":
			quote(false)
			b.WriteString(" " + s.letter + "{9} ")
			continue
		case r == idSlot:
			quote(false)
			b.WriteString(" [a-zA-Z0-9_-]{1,40} ")
			continue
		}
		quote(true)
		switch {
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08X`, r)
		case r > '~':
			fmt.Fprintf(&b, `\u%04X`, r)
		case r < ' ' || r == '"' || r == '\\':
			fmt.Fprintf(&b, `\x%02X`, r)
		default:
			b.WriteRune(r)
		}
	}
	quote(false)
	if b.Len() == 0 {
		return `""`
	}
	return b.String()
}

// words of a grammar: literals, classes and the names of rules.
var words = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|\{[0-9, ]*\}|[a-zA-Z][a-zA-Z0-9-]*`)

// renamed puts a prefix before the names of all rules.
func renamed(gbnf, prefix string) string {
	return words.ReplaceAllStringFunc(gbnf, func(word string) string {
		if word[0] == '"' || word[0] == '[' || word[0] == '{' {
			return word
		}
		return prefix + word
	})
}
