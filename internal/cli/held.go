package cli

import (
	"bytes"
	"io"
	"sync"
)

// held keeps what is logged while something else has the screen, until release writes it out. Safe for
// concurrent use.
type held struct {
	mu  sync.Mutex
	buf bytes.Buffer
	out io.Writer // nil while it is held
}

// maxHeld bounds what is kept, in bytes; later lines are dropped.
const maxHeld = 64 << 10

func (h *held) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.out != nil {
		return h.out.Write(p)
	}
	if h.buf.Len()+len(p) <= maxHeld {
		h.buf.Write(p)
	}
	return len(p), nil
}

// release writes what was kept to out, and all that comes later too.
func (h *held) release(out io.Writer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out = out
	_, err := h.buf.WriteTo(out)
	return err
}
