package llama

import "github.com/parley-ai/parley/internal/engine/llama/capi"

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
