package echo

import (
	"slices"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/textstream"
)

// writer turns tokens into Deltas: whole UTF-8 only, nothing of a stop sequence.
type writer struct {
	stream   *textstream.Stream
	logprobs bool
	shown    []string // special tokens that are written; others have no text
	yield    func(engine.Event) bool
	held     []engine.TokenLogprob // not yet sent
}

// add takes a token; stopped says that a stop sequence was completed and all before it sent.
func (w *writer) add(t engine.TokenLogprob) (stopped bool, err error) {
	if !w.logprobs {
		t.Logprob, t.Top = 0, nil
	}
	if t.Token >= end && !slices.Contains(w.shown, specials[t.Token-end]) {
		t.Bytes = nil
	}
	w.held = append(w.held, t)
	text, n, stopped := w.stream.Push(t.Bytes)
	return stopped, w.send(text, n)
}

func (w *writer) send(text string, n int) error {
	if text == "" && n == 0 {
		return nil
	}
	delta := engine.Delta{Text: text, Tokens: w.held[:n:n]}
	w.held = w.held[n:]
	if !w.yield(delta) {
		return errBroken
	}
	return nil
}

// flush sends what was held back; nothing after a stop sequence.
func (w *writer) flush() error { return w.send(w.stream.Flush()) }
