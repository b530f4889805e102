package documents

import (
	"context"
	"errors"
	"testing"
)

func TestMemoryAndFilesAreLimited(t *testing.T) {
	needs(t, "python3")
	dir := t.TempDir()
	// The limits are set right after the start: the program waits a moment, as one that reads a file would.
	for name, script := range map[string]string{
		"memory": `python3 -c 'import time; time.sleep(0.3); b"x" * (3 << 30)'`,
		"a file": `sleep 0.3; head -c 70000000 /dev/zero > big`,
	} {
		_, err := runIn(context.Background(), dir, fake(t, script))
		var exit *failed
		if !errors.As(err, &exit) && !errors.Is(err, errLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
