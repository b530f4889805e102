package llama

import (
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
)

// controlTexts are the texts that the tokenizer reads as control tokens.
func controlTexts(m *capi.Model) []string {
	var out []string
	for t := range int32(m.VocabSize()) {
		if text := m.Text(t); text != "" && m.Control(t) {
			out = append(out, text)
		}
	}
	return out
}

// shownTokens are the control tokens with these texts; a text that is none is left out.
func shownTokens(m *capi.Model, texts []string) []engine.Token {
	var out []engine.Token
	for _, text := range texts {
		tokens, err := m.Tokenize(text, false, true)
		if err == nil && len(tokens) == 1 && m.Control(tokens[0]) {
			out = append(out, tokens[0])
		}
	}
	return out
}
