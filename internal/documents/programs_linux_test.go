package documents

import (
	"context"
	"errors"
	"testing"
)

func TestMemoryAndFilesAreLimited(t *testing.T) {
	needs(t, "python3")
	dir := t.TempDir()
	for name, script := range map[string]string{
		"memory": `python3 -c 'b"x" * (3 << 30)'`,
		"a file": `head -c 70000000 /dev/zero > big`,
	} {
		_, err := runIn(context.Background(), dir, fake(t, script))
		var exit *failed
		if !errors.As(err, &exit) && !errors.Is(err, errLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
