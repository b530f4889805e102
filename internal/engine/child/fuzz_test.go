package child

import (
	"log/slog"
	"strings"
	"testing"
)

// FuzzLog feeds anything as what an engine's process writes to stderr, native libraries included: it goes
// to the log, and the last words stay short.
func FuzzLog(f *testing.F) {
	f.Add("{\"level\":\"INFO\",\"msg\":\"x\",\"n\":{\"a\":[1]}}\nplain\r\n")
	f.Add("{\"level\":7,\"msg\":null}\n{\"level\":\"\",\"msg\":\"\"}")
	f.Add(strings.Repeat("line\n", 100))
	f.Add("{\"level\":\"DEBUG+1\",\"msg\":\"\\ud800\"}\n\xff\n\n\n")
	f.Add(strings.Repeat("x", 3*maxLine))
	f.Fuzz(func(t *testing.T, stderr string) {
		p := &process{log: slog.New(slog.NewTextHandler(discard{}, nil))}
		p.copyLog(strings.NewReader(stderr))
		if n := strings.Count(p.lastWords(), "\n") + 1; n > 2*keptLines || len(p.lastWords()) > 2*keptLines*(maxLine+1) {
			t.Errorf("%d lines, %d bytes", n, len(p.lastWords()))
		}
	})
}

// discard takes what is written, unlike slog.DiscardHandler, which formats nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
