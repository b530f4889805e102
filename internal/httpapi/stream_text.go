package httpapi

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TextEvent is an event that is sent again and again with another text in one place: all else of it is encoded once. Most events of a
// streamed answer are of this kind.
type TextEvent struct{ head, tail []byte }

// NewTextEvent encodes v, in which the text mark stands where the texts will. It fails when mark is not in v exactly once.
func NewTextEvent(v any, mark string) (*TextEvent, error) {
	data, err := json.Marshal(v, encodeOptions)
	if err != nil {
		return nil, err
	}
	quoted, err := jsontext.AppendQuote(nil, mark)
	if err != nil {
		return nil, err
	}
	head, tail, found := bytes.Cut(data, quoted)
	if !found || bytes.Contains(tail, quoted) {
		return nil, fmt.Errorf("httpapi: the mark is not in the event exactly once")
	}
	return &TextEvent{head, tail}, nil
}

// SendText queues the event with this text. It is what Send would queue.
func (s *Stream) SendText(e *TextEvent, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.WriteString("data: ")
	s.queue.Write(e.head)
	// What is no UTF-8 becomes U+FFFD, as encodeOptions say: the error tells of that alone.
	quoted, _ := jsontext.AppendQuote(s.queue.AvailableBuffer(), text)
	s.queue.Write(quoted)
	s.queue.Write(e.tail)
	s.queue.WriteString("\n\n")
	return s.queued()
}
