package echo

import (
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/engine"
)

// writer turns tokens into Deltas: whole UTF-8 only, nothing of a stop sequence.
type writer struct {
	stops    []string
	logprobs bool
	yield    func(engine.Event) bool

	text    []byte // not yet sent
	tokens  []engine.TokenLogprob
	stopped bool
}

// add takes a token; stopped says that a stop sequence was completed and all before it sent.
func (w *writer) add(t engine.TokenLogprob) (stopped bool, err error) {
	if !w.logprobs {
		t.Logprob, t.Top = 0, nil
	}
	w.tokens = append(w.tokens, t)
	w.text = append(w.text, t.Bytes...)
	for _, stop := range w.stops {
		if stop == "" {
			continue
		}
		if i := strings.Index(string(w.text), stop); i >= 0 {
			w.text, w.stopped = w.text[:i], true
		}
	}
	if w.stopped {
		return true, w.send(len(w.text))
	}
	if n := w.sendable(); n > 0 {
		return false, w.send(n)
	}
	return false, nil
}

// sendable is how much of the text is whole UTF-8 and cannot be the beginning of a stop sequence.
func (w *writer) sendable() int {
	n := len(w.text)
	for _, stop := range w.stops {
		for l := min(len(stop)-1, len(w.text)); l > 0; l-- {
			if strings.HasSuffix(string(w.text), stop[:l]) {
				n = min(n, len(w.text)-l)
				break
			}
		}
	}
	for back := 1; back <= 3 && back <= n; back++ {
		if c := w.text[n-back]; utf8.RuneStart(c) {
			if !utf8.FullRune(w.text[n-back : n]) {
				n -= back
			}
			break
		}
	}
	return n
}

// send sends the first n bytes and the tokens that they are made of. A token that is cut stays, unless
// it is a stop sequence that cuts it: then its beginning goes out and the rest is dropped.
func (w *writer) send(n int) error {
	count, size := 0, 0
	for count < len(w.tokens) && size+len(w.tokens[count].Bytes) <= n {
		size += len(w.tokens[count].Bytes)
		count++
	}
	switch {
	case size < n && w.stopped:
		count++
	case size < n:
		n = size
	}
	if n == 0 && count == 0 {
		return nil
	}
	delta := engine.Delta{Text: strings.ToValidUTF8(string(w.text[:n]), "\uFFFD"), Tokens: w.tokens[:count:count]}
	w.text, w.tokens = w.text[n:], w.tokens[count:]
	if !w.yield(delta) {
		return errBroken
	}
	return nil
}

// flush sends what was held back, when the answer ends without a stop sequence.
func (w *writer) flush() error {
	if w.stopped {
		return nil
	}
	return w.send(len(w.text))
}
