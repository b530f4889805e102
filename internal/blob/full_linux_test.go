package blob_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

// A full disk is told as such, leaves no half content behind, and what was stored stays.
func TestDirFull(t *testing.T) {
	path := t.TempDir()
	if err := syscall.Mount("parley-test", path, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("mounting a small tmpfs needs root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	ctx := context.Background()
	d := open(t, path)
	if _, err := d.Put(ctx, "small", strings.NewReader("stays")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := d.Put(ctx, "big", bytes.NewReader(make([]byte, 1<<20)))
		if e := fault.As(err); e == nil || e.Kind != fault.Full || !strings.Contains(e.Message, "full") {
			t.Fatalf("a Put of more than there is: %v", err)
		}
	}
	// The failed ones gave their space back.
	if _, err := d.Put(ctx, "medium", bytes.NewReader(make([]byte, 100<<10))); err != nil {
		t.Error(err)
	}
	r, _, err := d.Get(ctx, "small")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if b, err := io.ReadAll(r); err != nil || string(b) != "stays" {
		t.Errorf("%q, %v", b, err)
	}
}
