package llama

import (
	"sync"

	"github.com/parley-ai/parley/internal/engine"
)

// writing finds tokens by the bytes that they write, for biases on texts (textbias.Vocabulary). It is made
// for the first request that needs it: 50,000 tokens take 60 ms.
type writing struct {
	l    *loop
	once sync.Once
	by   map[string]engine.Token
	more map[string][]engine.Token // further tokens of the same bytes, as where single bytes are tokens, too
}

func (w *writing) make() {
	w.by, w.more = make(map[string]engine.Token, len(w.l.pieces)), map[string][]engine.Token{}
	for t := range engine.Token(len(w.l.pieces)) {
		piece := string(w.l.piece(t))
		switch _, taken := w.by[piece]; {
		case piece == "": // control tokens
		case taken:
			w.more[piece] = append(w.more[piece], t)
		default:
			w.by[piece] = t
		}
	}
}

// Find implements textbias.Vocabulary.
func (w *writing) Find(text string) []engine.Token {
	w.once.Do(w.make)
	t, ok := w.by[text]
	if !ok {
		return nil
	}
	return append([]engine.Token{t}, w.more[text]...)
}

// Split implements textbias.Vocabulary.
func (w *writing) Split(text string) []engine.Token {
	tokens, err := w.l.model.Tokenize(text, false, false)
	if err != nil {
		return nil
	}
	var written []byte
	for _, t := range tokens {
		written = append(written, w.l.piece(t)...)
	}
	if string(written) != text { // a part of a letter, or a tokenizer that puts a space before each text
		return nil
	}
	return tokens
}
