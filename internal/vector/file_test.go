package vector_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/vector"
)

func TestSaveAndOpen(t *testing.T) {
	const dims = 70
	path := filepath.Join(t.TempDir(), "index")
	x := newIndex(t, dims)
	all := clustered(11, 5000, dims, 50)
	for i, v := range all {
		add(t, x, uint64(i)<<32, v)
	}
	if err := x.Save(path, []byte("revision 7")); err != nil {
		t.Fatal(err)
	}
	y, note, err := vector.Open(path)
	if err != nil || string(note) != "revision 7" || y.Len() != x.Len() || y.Dims() != dims {
		t.Fatalf("%v, note %q, %d vectors", err, note, y.Len())
	}
	for _, q := range all[:50] {
		o := vector.Options{K: 10}
		if a, b := search(t, x, q, o), search(t, y, q, o); !slices.Equal(a, b) {
			t.Fatalf("found %v before and %v after", a, b)
		}
	}
	// It goes on as an index.
	add(t, y, 99, all[0])
	if !y.Remove(0) || y.Len() != len(all) {
		t.Fatal("the opened index does not change")
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
	empty := newIndex(t, 3)
	if err := empty.Save(path, nil); err != nil {
		t.Fatal(err)
	}
	if z, _, err := vector.Open(path); err != nil || z.Len() != 0 {
		t.Fatal(err)
	}
	if err := empty.Save(path, make([]byte, 5000)); err == nil {
		t.Error("a note of 5,000 bytes was taken")
	}
	if err := empty.Save(filepath.Join(t.TempDir(), "no", "such", "folder"), nil); err == nil {
		t.Error("saved into a folder that is not there")
	}
	if _, _, err := vector.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// saved returns the file of a small index.
func saved(t testing.TB) []byte {
	t.Helper()
	x := newIndex(t, 5)
	for i, v := range clustered(1, 30, 5, 3) {
		add(t, x, uint64(i), v)
	}
	path := filepath.Join(t.TempDir(), "index")
	if err := x.Save(path, []byte("note")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, content []byte) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := vector.Open(path)
	return err
}

func TestBrokenFilesAreRefused(t *testing.T) {
	whole := saved(t)
	if err := open(t, whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := open(t, whole[:n]); !errors.Is(err, vector.ErrBroken) {
			t.Fatalf("torn at %d of %d: %v", n, len(whole), err)
		}
		flipped := slices.Clone(whole)
		flipped[n] ^= 1 << (n % 8)
		if err := open(t, flipped); !errors.Is(err, vector.ErrBroken) {
			t.Fatalf("bit %d of byte %d of %d turned: %v", n%8, n, len(whole), err)
		}
	}
	if err := open(t, append(slices.Clone(whole), 0)); !errors.Is(err, vector.ErrBroken) {
		t.Errorf("a byte too many: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(saved(f))
	f.Add([]byte("parley vectors 1\n\x05\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := open(t, content); err != nil && !errors.Is(err, vector.ErrBroken) {
			t.Fatal(err)
		}
	})
}

// TestKilled kills a process that adds and saves, at moments by chance: the file is always one that it saved whole,
// no older than the last save that it told of.
func TestKilled(t *testing.T) {
	if path := os.Getenv("PARLEY_VECTOR_KILLED"); path != "" {
		addAndSave(t, path)
		return
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	path := filepath.Join(t.TempDir(), "index")
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	last := uint64(0)
	for range 25 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "PARLEY_VECTOR_KILLED="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// It tells of each save by its number in eight bytes, and is killed some time after the first.
		told := make([]byte, 8)
		if _, err := io.ReadFull(out, told); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(r.IntN(60))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for {
			last = max(last, binary.LittleEndian.Uint64(told))
			if _, err := io.ReadFull(out, told); err != nil {
				break
			}
		}
		kill.Stop()
		_ = cmd.Wait()
		x, note, err := vector.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var n uint64
		if _, err := fmt.Sscan(string(note), &n); err != nil || n < last || uint64(x.Len()) != n {
			t.Fatalf("note %q, %d vectors, told of %d: %v", note, x.Len(), last, err)
		}
		for id := range n {
			if !x.Has(id) {
				t.Fatalf("%d is missing of %d", id, n)
			}
		}
	}
}

// addAndSave goes on where the file ends, until it is killed.
func addAndSave(t *testing.T, path string) {
	x, _, err := vector.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		x, err = newIndex(t, 16), nil
	}
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(x.Len()), 5))
	for {
		for range 20 {
			add(t, x, uint64(x.Len()), random(r, 16))
		}
		if err := x.Save(path, fmt.Append(nil, x.Len())); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stdout.Write(binary.LittleEndian.AppendUint64(nil, uint64(x.Len()))); err != nil {
			t.Fatal(err)
		}
	}
}
