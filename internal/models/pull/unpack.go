package pull

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// unpackWheels copies an entry's files out of wheels, joining parts, each checked against its pin.
func unpackWheels(ctx context.Context, archives []string, e *catalog.Entry, src *catalog.Source, o Options) ([]File, error) {
	members := map[string]*zip.File{}
	for _, path := range archives {
		z, err := zip.OpenReader(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		defer z.Close()
		for _, f := range z.File {
			members[f.Name] = f
		}
	}
	var files []File
	var done int64
	for _, want := range e.Files {
		w, err := o.Store.Create(o.tmp, want.Bytes)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		for _, name := range src.PathsOf(want.Name) {
			member := members[name]
			if member == nil {
				return nil, fmt.Errorf("%s: no file %s inside", describe(src), name)
			}
			r, err := member.Open()
			if err != nil {
				return nil, err
			}
			_, err = io.Copy(w, &reporting{ctx: ctx, r: r, n: &done, report: func(n int64) { o.report("unpack", n, e.Bytes()) }})
			if cerr := r.Close(); err == nil {
				err = cerr
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", describe(src), name, err)
			}
		}
		sha, size, err := w.Commit(want.SHA256)
		var bad *blobs.MismatchError
		if errors.As(err, &bad) {
			bad.Path, bad.WantSize = describe(src)+": "+want.Name, want.Bytes
		}
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: want.Name, Path: o.Store.Path(sha), SHA256: sha, Bytes: size})
	}
	return files, nil
}

// reporting counts what is read, and ends with the context.
type reporting struct {
	ctx    context.Context
	r      io.Reader
	n      *int64
	report func(int64)
}

func (r *reporting) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	*r.n += int64(n)
	r.report(*r.n)
	return n, err
}

// libraryName is the directory of a library: one per pinned package.
func libraryName(e *catalog.Entry, src *catalog.Source) string {
	return e.Name + "-" + src.Packages[0].Version
}

// libraryPins is the name of the file in a library's directory that pins its files.
const libraryPins = "parley-files.json"

// maxLibrary bounds what a library package may unpack to (a CUDA build is about 1 GB).
const maxLibrary = 4 << 30

func cachedLibrary(e *catalog.Entry, o Options) (Result, bool) {
	for i := range e.Sources {
		src := &e.Sources[i]
		if src.Kind != catalog.NPM {
			continue
		}
		dir := o.Store.Library(libraryName(e, src))
		data, err := os.ReadFile(filepath.Join(dir, libraryPins))
		if err != nil {
			continue
		}
		var files []File
		if json.Unmarshal(data, &files) != nil || len(files) == 0 {
			continue
		}
		whole := true
		for j := range files {
			files[j].Path = filepath.Join(dir, filepath.Base(files[j].Name))
			info, err := os.Stat(files[j].Path)
			whole = whole && err == nil && info.Size() == files[j].Bytes
		}
		if whole {
			return Result{Source: FromCache, Dir: dir, Files: files}, true
		}
	}
	return Result{}, false
}

// unpackLibrary unpacks the library files of an npm package into their own directory, which appears
// by rename and carries a list of its files' hashes.
func unpackLibrary(ctx context.Context, archive string, e *catalog.Entry, src *catalog.Source, o Options) (string, []File, error) {
	tmp, err := os.MkdirTemp(o.tmp, "library-")
	if err != nil {
		return "", nil, err
	}
	dir := o.Store.Library(libraryName(e, src))
	files, err := untar(ctx, archive, "package/"+strings.Trim(src.Directory, "/")+"/", tmp, o)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", describe(src), err)
	}
	if len(files) == 0 {
		return "", nil, fmt.Errorf("%s: no files in %s", describe(src), src.Directory)
	}
	data, err := json.MarshalIndent(files, "", " ")
	if err != nil {
		return "", nil, err
	}
	if err := blobs.WriteFile(filepath.Join(tmp, libraryPins), data, 0o444); err != nil {
		return "", nil, err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", nil, err
	}
	// Only a directory that failed its check can be in the way here.
	if err := os.RemoveAll(dir); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", nil, err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return "", nil, err
	}
	for i := range files {
		files[i].Path = filepath.Join(dir, files[i].Name)
	}
	return dir, files, nil
}

// untar copies the plain files directly below prefix into dir. Links and sub-directories are no part
// of a library and are left out, so nothing can be written outside dir.
func untar(ctx context.Context, archive, prefix, dir string, o Options) ([]File, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var files []File
	var done int64
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name, ok := strings.CutPrefix(h.Name, prefix)
		if !ok || h.Typeflag != tar.TypeReg || name == "" || name != filepath.Base(name) || strings.ContainsAny(name, `/\`) || name == ".." {
			continue
		}
		if h.Size < 0 || done+h.Size > maxLibrary {
			return nil, fmt.Errorf("%s: more than %d bytes", h.Name, int64(maxLibrary))
		}
		out, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		_, err = io.Copy(io.MultiWriter(out, sum), &reporting{ctx: ctx, r: t, n: &done, report: func(n int64) { o.report("unpack", n, 0) }})
		if cerr := out.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: name, SHA256: hex.EncodeToString(sum.Sum(nil)), Bytes: h.Size})
	}
	o.report("unpack", done, done)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}
