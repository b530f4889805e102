package blobs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	hello    = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // sha256 of "hello"
	anything = "0000000000000000000000000000000000000000000000000000000000000000"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func tempDir(t *testing.T, s Store, key string) string {
	t.Helper()
	dir, err := s.TempDir(key)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWhatAKilledPullLeftIsRemovedByTheNext(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	other, killed := tempDir(t, s, "another"), tempDir(t, s, "model")
	write(t, filepath.Join(killed, "half"), "hel")
	dir := tempDir(t, s, "model")
	if dir == killed {
		t.Error("the directory has the name of the killed pull's, into which a child may still be writing")
	}
	left, err := os.ReadDir(filepath.Join(s.Dir, "partial"))
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v %v", left, err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("another pull's directory: %v", err)
	}
}

func TestWriterCommitsOnlyWhatIsPinned(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	w, err := s.Create(tempDir(t, s, "x"), 5)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("!")); err == nil {
		t.Error("more bytes than announced were taken")
	}
	var bad *MismatchError
	if _, _, err := w.Commit(anything); !errors.As(err, &bad) || bad.Got != hello || bad.Want != anything {
		t.Fatalf("commit with a wrong pin: %v", err)
	}
	if !strings.Contains(bad.Error(), hello) || !strings.Contains(bad.Error(), anything) || !strings.Contains(bad.Error(), bad.Path) {
		t.Errorf("the message lacks path or a hash: %s", bad)
	}
	sha, size, err := w.Commit(hello)
	if err != nil || sha != hello || size != 5 || !s.Has(hello, 5) || s.Has(hello, 6) {
		t.Fatalf("commit: %s %d %v", sha, size, err)
	}
}

func TestUncommittedBlobsLeaveNothing(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	dir := tempDir(t, s, "x")
	w, err := s.Create(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestVerifyRefusesAlteredAndCutFiles(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	path := filepath.Join(t.TempDir(), "model.gguf")
	ctx := context.Background()
	write(t, path, "hello")
	if err := s.Verify(ctx, path, hello, 5, nil); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"altered": "hellO", "cut short": "hell"} {
		t.Run(name, func(t *testing.T) {
			write(t, path, text)
			var bad *MismatchError
			if err := s.Verify(ctx, path, hello, 5, nil); !errors.As(err, &bad) {
				t.Fatalf("err = %v", err)
			}
			for _, part := range []string{path, hello, bad.Got} {
				if !strings.Contains(bad.Error(), part) {
					t.Errorf("%q lacks %s", bad, part)
				}
			}
		})
	}
}

func TestVerifyReadsAnUnchangedFileOnce(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	path := filepath.Join(t.TempDir(), "model.gguf")
	ctx := context.Background()
	write(t, path, "hello")
	reads := 0
	check := func() {
		t.Helper()
		if err := s.Verify(ctx, path, hello, 0, func(int64) { reads++ }); err != nil {
			t.Fatal(err)
		}
	}
	check()
	check()
	if reads != 1 {
		t.Errorf("read %d times, want once", reads)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	check()
	if reads != 2 {
		t.Errorf("read %d times after it was touched, want twice", reads)
	}
}

func TestLockLetsOneInAndTellsTheOthers(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	ctx := context.Background()
	unlock, err := s.Lock(ctx, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Lock(ctx, "b", nil)
	if err != nil {
		t.Fatal("a lock of another thing is not free: ", err)
	}
	other()
	waiting := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		unlock, err := s.Lock(ctx, "a", func() { close(waiting) })
		if err == nil {
			unlock()
		}
		got <- err
	}()
	<-waiting
	select {
	case err := <-got:
		t.Fatal("the second got in while the first was there: ", err)
	default:
	}
	short, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Lock(short, "a", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait ended with %v", err)
	}
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestWriteFileIsWholeUnderConcurrency(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir", "file")
	texts := []string{strings.Repeat("a", 1000), strings.Repeat("b", 2000)}
	var wg sync.WaitGroup
	for _, text := range texts {
		wg.Go(func() {
			if err := WriteFile(path, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	data, err := os.ReadFile(path)
	if err != nil || string(data) != texts[0] && string(data) != texts[1] {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestIncomingTakesPlainNamesOnly(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	if err := os.MkdirAll(s.Incoming(), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.Incoming(), "a.gguf"), "hello")
	write(t, filepath.Join(s.Dir, "outside"), "hello")
	if _, ok := s.FindIncoming("a.gguf"); !ok {
		t.Error("a.gguf was not found")
	}
	if _, ok := s.FindIncoming("../outside"); ok {
		t.Error("a path out of incoming was taken")
	}
}
