package files_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
)

// TestManyAtOnce: those who send at once are refused as soon as they are over the organization's limit together, not when each is whole.
func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := context.Background()
		first, to := io.Pipe()
		sent := make(chan error)
		go func() {
			_, err := b.Create(ctx, ann, files.New{Name: "slow.txt", Purpose: files.Assistants, Body: first})
			sent <- err
		}()
		for _, piece := range [][]byte{make([]byte, 600), nil} { // the second is read when the first is counted
			if _, err := to.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		endless := &counted{}
		_, err := b.Create(ctx, ann, files.New{Name: "endless.txt", Purpose: files.Assistants, Body: iotest.OneByteReader(endless)})
		if e := fault.As(err); e == nil || e.Code != "storage_limit_exceeded" {
			t.Errorf("%v", err)
		}
		if endless.n > 401 {
			t.Errorf("%d bytes were read", endless.n)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Errorf("the first one: %v", err)
		}
		// What has ended, well or not, counts no more than what is stored.
		if _, err := b.Create(ctx, ann, files.New{Name: "b.txt", Purpose: files.Assistants, Body: strings.NewReader(strings.Repeat("x", 400))}); err != nil {
			t.Errorf("as much as there is room for: %v", err)
		}
	})
}

// counted gives bytes without end.
type counted struct{ n int }

func (c *counted) Read(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}
