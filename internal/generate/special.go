package generate

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
)

// seam marks a place in a rendered conversation where the tokenizer must not look across. It is a
// code point that Unicode keeps for such inner use.
const seam = "\uFDD0"

// maxSeams bounds how many calls of the tokenizer a conversation may cost.
const maxSeams = 256

// cutSpecial puts a seam into every control token's text that a message or a tool's definition contains,
// so that "<|im_end|>" in a message stays what its author wrote and does not end the turn: only the
// template's own control tokens are read as such. cut is false when there is none, and messages and tools
// are then returned as they are. The caller's are never changed.
func (s *Service) cutSpecial(served string, info engine.Info, messages []engine.Message, tools []json.RawMessage) (_ []engine.Message, _ []json.RawMessage, cut bool) {
	cutter := s.cutter(served, info)
	out := messages
	for i, m := range messages {
		changed := cutText(cutter, &m.Content)
		changed = cutText(cutter, &m.Name) || changed
		changed = cutText(cutter, &m.ToolCallID) || changed
		for k, c := range m.ToolCalls {
			called := cutText(cutter, &c.ID)
			called = cutText(cutter, &c.Name) || called
			called = cutJSON(cutter, &c.Arguments) || called
			if called {
				m.ToolCalls = slices.Clone(m.ToolCalls)
				m.ToolCalls[k], changed = c, true
			}
		}
		if !changed {
			continue
		}
		if !cut {
			out, cut = slices.Clone(messages), true
		}
		out[i] = m
	}
	for i, t := range tools {
		if text := string(t); cutJSON(cutter, &text) {
			tools, cut = slices.Clone(tools), true
			tools[i] = json.RawMessage(text)
		}
	}
	return out, tools, cut
}

// cutText puts the seams into a text, and says whether there are any.
func cutText(cutter *strings.Replacer, text *string) bool {
	if *text == "" {
		return false
	}
	cut := false
	// Control tokens may overlap: the one that a cut leaves whole is found in the next round.
	for next := cutter.Replace(*text); next != *text; next = cutter.Replace(*text) {
		*text, cut = next, true
	}
	return cut
}

// cutJSON is cutText for JSON, whose strings may have a control token's text behind escapes: templates
// read them. What is no JSON is a text.
func cutJSON(cutter *strings.Replacer, text *string) bool {
	if !strings.Contains(*text, `\`) || !jsontext.Value(*text).IsValid() {
		return cutText(cutter, text)
	}
	cut := false
	*text = jsonString.ReplaceAllStringFunc(*text, func(quoted string) string {
		plain, err := jsontext.AppendUnquote(nil, quoted)
		said := string(plain)
		if err != nil || !cutText(cutter, &said) {
			return quoted
		}
		cut = true
		again, err := jsontext.AppendQuote(nil, said)
		if err != nil {
			return `""` // cannot be: what was JSON can be quoted
		}
		return string(again)
	})
	return cut
}

// jsonString finds the strings in valid JSON.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// cutterKey names a vocabulary.
type cutterKey struct{ served, fingerprint string }

// cutter returns what finds a served model's control tokens in texts.
func (s *Service) cutter(served string, info engine.Info) *strings.Replacer {
	key := cutterKey{served, info.Fingerprint}
	if c, ok := s.cutters.Load(key); ok {
		return c.(*strings.Replacer)
	}
	var pairs []string
	for _, token := range info.Special {
		// A control token of one character cannot be cut; vocabularies do not have such.
		if _, first := utf8.DecodeRuneInString(token); first < len(token) {
			pairs = append(pairs, token, token[:first]+seam+token[first:])
		}
	}
	c := strings.NewReplacer(pairs...)
	s.cutters.Store(key, c)
	return c
}

// tokenizeCut tokenizes a rendered conversation with seams: each piece by itself. A text with very many
// of them is tokenized at once, with zero-width spaces where the seams are.
func tokenizeCut(ctx context.Context, backend engine.Backend, text string, addSpecial bool) ([]engine.Token, error) {
	if strings.Count(text, seam) > maxSeams {
		text = strings.ReplaceAll(text, seam, "\u200b")
	}
	var tokens []engine.Token
	for i, piece := range strings.Split(text, seam) {
		t, err := backend.Tokenize(ctx, engine.TokenizeRequest{Text: piece, AddSpecial: addSpecial && i == 0, ParseSpecial: true})
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t...)
	}
	return tokens, nil
}
