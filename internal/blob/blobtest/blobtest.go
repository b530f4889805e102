// Package blobtest is the exam that every blob.Store passes.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/fault"
)

// Conform runs the exam; open returns an empty store for each part.
func Conform(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	for _, part := range []struct {
		name string
		run  func(t *testing.T, s blob.Store)
	}{
		{"round trip", roundTrip}, {"replace", replace}, {"absent", absent}, {"keys", keys},
		{"failed put", failedPut}, {"list", list}, {"concurrent", concurrent},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, open(t)) })
	}
}

func put(t *testing.T, s blob.Store, key, content string) blob.Info {
	t.Helper()
	info, err := s.Put(context.Background(), key, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func get(s blob.Store, key string) (string, error) {
	r, _, err := s.Get(context.Background(), key)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), errors.Join(err, r.Close())
}

func roundTrip(t *testing.T, s blob.Store) {
	for _, content := range []string{"", "hello", strings.Repeat("\x00\xff\r\n", 300_000)} {
		sum := sha256.Sum256([]byte(content))
		info := put(t, s, "a/b-1.bin", content)
		if info.Key != "a/b-1.bin" || info.Size != int64(len(content)) || info.SHA256 != hex.EncodeToString(sum[:]) || info.Modified.IsZero() {
			t.Errorf("Put: %+v", info)
		}
		if got, err := get(s, "a/b-1.bin"); err != nil || got != content {
			t.Errorf("Get: %d bytes of %d, %v", len(got), len(content), err)
		}
		st, err := s.Stat(context.Background(), "a/b-1.bin")
		if err != nil || st.Size != info.Size || st.Key != info.Key || st.Modified.IsZero() {
			t.Errorf("Stat: %+v, %v", st, err)
		}
	}
	r, info, err := s.Get(context.Background(), "a/b-1.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if end, err := r.Seek(0, io.SeekEnd); err != nil || end != info.Size {
		t.Errorf("seek to the end: %d, %v", end, err)
	}
	if _, err := r.Seek(4, io.SeekStart); err != nil {
		t.Error(err)
	}
	part := make([]byte, 4)
	if _, err := io.ReadFull(r, part); err != nil || string(part) != "\x00\xff\r\n" {
		t.Errorf("after Seek: %q, %v", part, err)
	}
}

func replace(t *testing.T, s blob.Store) {
	put(t, s, "k", "old content")
	r, _, err := s.Get(context.Background(), "k")
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "k", "new")
	if got, err := get(s, "k"); err != nil || got != "new" {
		t.Errorf("got %q, %v", got, err)
	}
	if old, err := io.ReadAll(r); err != nil || string(old) != "old content" {
		t.Errorf("a reader of the old content got %q, %v", old, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Delete(context.Background(), "k"); err != nil {
		t.Error(err)
	}
	if _, err := get(s, "k"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("after Delete: %v", err)
	}
}

func absent(t *testing.T, s blob.Store) {
	ctx := context.Background()
	put(t, s, "there/x", "1")
	for _, key := range []string{"none", "there", "there/x/y"} {
		if _, err := get(s, key); fault.KindOf(err) != fault.NotFound {
			t.Errorf("Get(%s): %v", key, err)
		}
		if _, err := s.Stat(ctx, key); fault.KindOf(err) != fault.NotFound {
			t.Errorf("Stat(%s): %v", key, err)
		}
		if err := s.Delete(ctx, key); err != nil {
			t.Errorf("Delete(%s): %v", key, err)
		}
	}
}

func keys(t *testing.T, s blob.Store) {
	ctx := context.Background()
	for _, bad := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "a/.b", ".hidden", "a\\b", "a b", "ä", "a\x00", "a\nb", "a:b", "a%2Fb", "a+b",
		strings.Repeat("x", 513),
	} {
		if _, err := s.Put(ctx, bad, strings.NewReader("x")); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Put(%q): %v", bad, err)
		}
		if _, err := get(s, bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Get(%q): %v", bad, err)
		}
		if _, err := s.Stat(ctx, bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Stat(%q): %v", bad, err)
		}
		if err := s.Delete(ctx, bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Delete(%q): %v", bad, err)
		}
	}
	// All different, though they look alike or one is the beginning of another.
	good := []string{"a", "A", "a/b", "a/b/c", "a.b", "a-b", "a_b", "incoming", "incoming/x", "con", strings.Repeat("x", 512), strings.Repeat("x", 511), strings.Repeat("x", 200),
		strings.Repeat("Xy/", 170) + "z"}
	for _, key := range good {
		put(t, s, key, "content of "+key)
	}
	for _, key := range good {
		if got, err := get(s, key); err != nil || got != "content of "+key {
			t.Errorf("%s holds %q, %v", key, got, err)
		}
	}
	n := 0
	for info, err := range s.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if got, err := get(s, info.Key); err != nil || got != "content of "+info.Key {
			t.Errorf("listed %s holds %q, %v", info.Key, got, err)
		}
	}
	if n != len(good) {
		t.Errorf("%d listed, want %d", n, len(good))
	}
}

// cut is a reader that fails after some bytes.
type cut struct {
	r   io.Reader
	err error
}

func (c cut) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF {
		err = c.err
	}
	return n, err
}

func failedPut(t *testing.T, s blob.Store) {
	boom := errors.New("the client went away")
	big := bytes.Repeat([]byte("x"), 100_000)
	if _, err := s.Put(context.Background(), "k", cut{bytes.NewReader(big), boom}); !errors.Is(err, boom) {
		t.Errorf("Put: %v", err)
	}
	if _, err := get(s, "k"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("half a content is there: %v", err)
	}
	put(t, s, "k", "whole")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Put(ctx, "k", bytes.NewReader(big)); !errors.Is(err, context.Canceled) {
		t.Errorf("Put with an ended context: %v", err)
	}
	if _, err := s.Put(context.Background(), "k", cut{bytes.NewReader(big), boom}); !errors.Is(err, boom) {
		t.Errorf("Put: %v", err)
	}
	if got, err := get(s, "k"); err != nil || got != "whole" {
		t.Errorf("the content before was lost: %q, %v", got, err)
	}
	for info, err := range s.List(context.Background(), "") {
		if err != nil || info.Key != "k" {
			t.Errorf("listed: %+v, %v", info, err)
		}
	}
}

func list(t *testing.T, s blob.Store) {
	for _, key := range []string{"b/2", "a/1", "b/1", "b/10", "bb", "c"} {
		put(t, s, key, key)
	}
	for prefix, want := range map[string]string{"": "a/1 b/1 b/10 b/2 bb c", "b": "b/1 b/10 b/2 bb", "b/": "b/1 b/10 b/2", "b/1": "b/1 b/10", "z": ""} {
		var got []string
		for info, err := range s.List(context.Background(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			if info.Size != int64(len(info.Key)) {
				t.Errorf("%+v", info)
			}
			got = append(got, info.Key)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("List(%q) = %v, want %s", prefix, got, want)
		}
	}
	for range s.List(context.Background(), "") {
		break // leaving early is allowed
	}
}

func concurrent(t *testing.T, s blob.Store) {
	// Many write the same key; each reader sees one whole content.
	var wg sync.WaitGroup
	put(t, s, "k", strings.Repeat("0", 50_000))
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				content := strings.Repeat(fmt.Sprint((w*10+i)%10), 50_000)
				if _, err := s.Put(context.Background(), "k", strings.NewReader(content)); err != nil {
					t.Error(err)
				}
				got, err := get(s, "k")
				if err != nil || len(got) != 50_000 || strings.Count(got, got[:1]) != len(got) {
					t.Errorf("a torn content: %d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
}
