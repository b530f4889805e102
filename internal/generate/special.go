package generate

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/engine"
)

// seam marks a place in a rendered conversation where the tokenizer must not look across. It is a
// code point that Unicode keeps for such inner use.
const seam = "\uFDD0"

// maxSeams bounds how many calls of the tokenizer a conversation may cost.
const maxSeams = 256

// cutSpecial puts a seam into every control token's text that a message contains, so that "<|im_end|>"
// in a message stays what its author wrote and does not end the turn: only the template's own control
// tokens are read as such. cut is false when no message has any, and messages are then returned as
// they are. The caller's messages are never changed.
func (s *Service) cutSpecial(served string, info engine.Info, messages []engine.Message) (_ []engine.Message, cut bool) {
	cutter := s.cutter(served, info)
	out := messages
	for i, m := range messages {
		text := m.Content
		// Control tokens may overlap: the one that a cut leaves whole is found in the next round.
		for next := cutter.Replace(text); next != text; next = cutter.Replace(text) {
			text = next
		}
		if text == m.Content {
			continue
		}
		if !cut {
			out, cut = append([]engine.Message(nil), messages...), true
		}
		out[i].Content = text
	}
	return out, cut
}

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
