package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/gguf"
	"github.com/parley-ai/parley/internal/models/hub"
	"github.com/parley-ai/parley/internal/models/pull"
)

// Progress says how far a pull or preparation is.
type Progress = pull.Progress

// PullOptions say how to bring a model in.
type PullOptions struct {
	Name     string          // served name; empty is the catalog's, or made from the file's
	Layout   string          // LayoutLossless (also when empty), LayoutFast or LayoutAsIs
	Preparer engine.Preparer // from engine/child; nil leaves the weights as they are
	Progress func(Progress)  // may be nil; called from one goroutine at a time
	Began    func(string)    // may be nil; see pull.Options
	Python   string          // program; see pull.Options
	NPM      string
	Public   bool // an https address has to be public: who names it is not on this machine
}

func (r *Registry) pullOptions(o PullOptions) pull.Options {
	return pull.Options{Store: r.store, HTTP: r.http, Progress: o.Progress, Began: o.Began, Python: o.Python, NPM: o.NPM}
}

// Pull brings a model or library here, converts and prepares it for this machine, and installs it in
// the home. ref is a catalog name, "hf:OWNER/REPO[:FILE]" (with "@REVISION" after the repository if
// wanted), an https URL of a GGUF file, or the path of one, which stays where it is.
func (r *Registry) Pull(ctx context.Context, ref string, o PullOptions) (in Installed, err error) {
	defer fault.Wrap(&err, "models.Pull(%s)", SafeRef(ref))
	if err := checkLayout(o.Layout); err != nil {
		return Installed{}, err
	}
	in, err = r.fetch(ctx, ref, o)
	if err != nil {
		return Installed{}, err
	}
	in.Ref, in.PulledAt = SafeRef(ref), r.clock.Now().UnixMilli()
	in.Name = cmp.Or(o.Name, in.Name)
	if in.Engine == "llama" && in.Kind != catalog.Library {
		if in, err = r.prepare(ctx, in, o); err != nil {
			return Installed{}, err
		}
		if err := in.describe(); err != nil {
			return Installed{}, err
		}
	}
	return in, r.put(ctx, in)
}

// PullLibrary brings llama.cpp's libraries for this platform here.
func (r *Registry) PullLibrary(ctx context.Context, o PullOptions) (Installed, error) {
	e := r.catalog.LibraryFor("llama", Platform)
	if e == nil {
		return Installed{}, fault.New(fault.NotFound, "The catalog has no %s: set the directory of llama.cpp's libraries in the configuration, or serve through a remote endpoint", r.libraryName())
	}
	return r.Pull(ctx, e.Name, o)
}

func checkLayout(layout string) error {
	if slices.Contains([]string{"", LayoutAsIs, LayoutLossless, LayoutFast}, layout) {
		return nil
	}
	return fault.Param("layout", "layout %q: %s, %s or %s", layout, LayoutLossless, LayoutFast, LayoutAsIs)
}

// fetch gets the files of a reference, unprepared.
func (r *Registry) fetch(ctx context.Context, ref string, o PullOptions) (Installed, error) {
	if rest, ok := strings.CutPrefix(ref, "hf:"); ok {
		return r.fetchHub(ctx, rest, o)
	}
	if strings.HasPrefix(ref, "https://") || strings.HasPrefix(ref, "http://") {
		return r.fetchURL(ctx, ref, o)
	}
	if e := r.catalog.Find(ref); e != nil {
		return r.fetchEntry(ctx, e, o)
	}
	if strings.ContainsAny(ref, `/\`) || strings.HasSuffix(strings.ToLower(ref), ".gguf") {
		return r.fetchPath(ctx, ref, o)
	}
	return Installed{}, fault.New(fault.NotFound, "%q is not in the catalog%s Give a catalog name (see `parley models --catalog`), hf:OWNER/REPO[:FILE], an https URL or the path of a GGUF file",
		ref, r.similar(ref)).WithCode("model_not_found")
}

// similar suggests catalog names that are spelled like what was asked for.
func (r *Registry) similar(ref string) string {
	var names []string
	for _, e := range r.catalog.Entries {
		if e.Kind != catalog.Library {
			names = append(names, e.Name)
		}
	}
	if names = Similar(ref, names); len(names) > 0 {
		return "; did you mean " + strings.Join(names, " or ") + "?"
	}
	return "."
}

// Similar returns at most three of the names that are spelled like a wrong one, the most alike first:
// those that share at least half of its pairs of letters.
func Similar(wrong string, names []string) []string {
	pairs := func(s string) map[string]bool {
		s = strings.ToLower(s)
		out := map[string]bool{}
		for i := range max(0, len(s)-1) {
			out[s[i:i+2]] = true
		}
		return out
	}
	type match struct {
		name  string
		score float64
	}
	asked := pairs(wrong)
	var list []match
	for _, name := range names {
		has, shared := pairs(name), 0.0
		for p := range asked {
			if has[p] {
				shared++
			}
		}
		if shared > 0 && 2*shared >= float64(len(asked)) {
			list = append(list, match{name, shared / float64(len(has))})
		}
	}
	slices.SortStableFunc(list, func(a, b match) int { return cmp.Compare(b.score, a.score) })
	var out []string
	for _, m := range list[:min(3, len(list))] {
		out = append(out, m.name)
	}
	return out
}

func (r *Registry) fetchEntry(ctx context.Context, e *catalog.Entry, o PullOptions) (Installed, error) {
	if in, ok := r.pinned(e); ok {
		return in, nil
	}
	got, err := pull.Entry(ctx, e, r.pullOptions(o))
	if err != nil {
		return Installed{}, err
	}
	in := Installed{
		Name: e.Name, Title: e.Title, Kind: e.Kind, Engine: e.Engine, Licence: e.Licence, Source: got.Source, Files: got.Files,
		Dir: got.Dir, Platform: e.Platform, Parameters: e.Parameters, Context: e.Context, Dimensions: e.Dimensions, Layout: LayoutAsIs,
	}
	for _, f := range got.Files {
		in.Bytes += f.Bytes
	}
	// A pull again finds everything in the cache; where it once came from stays known.
	for _, was := range r.Installed() {
		if was.Name == e.Name && got.Source == pull.FromCache && len(was.Files) == len(got.Files) && was.Files[0].SHA256 == got.Files[0].SHA256 {
			in.Source = was.Source
		}
	}
	switch {
	case e.Kind == catalog.Library:
		in.Layout = ""
	case e.Convert != "":
		return r.convert(ctx, in, e, o)
	default:
		in.Path, in.SHA256 = got.Files[0].Path, got.Files[0].SHA256
	}
	return in, nil
}

// pinned takes an entry whose hashes are not in the catalog from an earlier pull of this home, so that
// a pull again needs no network.
func (r *Registry) pinned(e *catalog.Entry) (Installed, bool) {
	i := slices.IndexFunc(r.Installed(), func(in Installed) bool { return in.Name == e.Name && in.Ref == e.Name })
	if i < 0 || e.Kind == catalog.Library || e.Convert != "" || len(e.Files) != 1 || e.Files[0].SHA256 != "" {
		return Installed{}, false
	}
	in := r.Installed()[i]
	if len(in.Files) != 1 || !r.store.Has(in.Files[0].SHA256, in.Files[0].Bytes) {
		return Installed{}, false
	}
	return in.asPulled(), true
}

// asPulled is the model before it was prepared.
func (in Installed) asPulled() Installed {
	in.Path, in.SHA256, in.Bytes = in.Files[0].Path, in.Files[0].SHA256, in.Files[0].Bytes
	in.Layout, in.Prepared = LayoutAsIs, nil
	return in
}

// hubRef is "OWNER/REPO[@REVISION][:FILE]".
var hubRef = regexp.MustCompile(`^([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?(?::(.+))?$`)

func (r *Registry) fetchHub(ctx context.Context, ref string, o PullOptions) (Installed, error) {
	parts := hubRef.FindStringSubmatch(ref)
	if parts == nil {
		return Installed{}, fault.New(fault.Invalid, "hf:%s: write hf:OWNER/REPO or hf:OWNER/REPO:FILE.gguf", ref)
	}
	repo, revision, file := parts[1], parts[2], parts[3]
	po := r.pullOptions(o)
	if file == "" {
		files, err := po.Hub().List(ctx, repo, revision)
		if err != nil {
			return Installed{}, err
		}
		chosen, err := hub.Choose(repo, files)
		if err != nil {
			return Installed{}, err
		}
		file = chosen.Path
	}
	if hub.Split(file) {
		return Installed{}, fault.New(fault.Invalid, "%s is one part of a model in several files, which Parley does not load: choose a whole file", file)
	}
	got, commit, err := pull.HubFile(ctx, repo, revision, file, "", po)
	if err != nil {
		return Installed{}, err
	}
	source := "hf:" + repo + ":" + file
	if commit != "" {
		source = "hf:" + repo + "@" + commit + ":" + file
	}
	return single(got, source, ""), nil
}

func (r *Registry) fetchURL(ctx context.Context, ref string, o PullOptions) (Installed, error) {
	u, err := url.Parse(ref)
	if err != nil || u.Host == "" {
		return Installed{}, fault.New(fault.Invalid, "%s is not an address", SafeRef(ref))
	}
	// A #sha256=… pins what is not pinned elsewhere.
	want := ""
	if sum, ok := strings.CutPrefix(u.Fragment, "sha256="); ok {
		want = strings.ToLower(sum)
	}
	u.Fragment = ""
	po := r.pullOptions(o)
	if o.Public {
		po.HTTP = r.public
	}
	got, err := pull.Download(ctx, pull.Remote{URL: u.String(), Name: path.Base(u.Path), SHA256: want}, po)
	if errors.Is(err, egress.ErrRefused) {
		return Installed{}, fault.New(fault.Invalid, "%s may not be reached from a browser: it is private or reserved. On the server's machine, `parley pull` fetches from it.", u.Host).WithCause(err)
	}
	if err != nil {
		return Installed{}, err
	}
	return single(got, SafeRef(ref), ""), nil
}

// fetchPath installs a file where it lies: it is the person's own, and copying gigabytes would only
// fill the disk. Its hash is pinned, so a later change is noticed.
func (r *Registry) fetchPath(ctx context.Context, ref string, o PullOptions) (Installed, error) {
	full, err := filepath.Abs(ref)
	if err != nil {
		return Installed{}, err
	}
	info, err := os.Stat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return Installed{}, fault.New(fault.NotFound, "there is no file %s", full)
	}
	if err != nil {
		return Installed{}, err
	}
	if info.IsDir() {
		return Installed{}, fault.New(fault.Invalid, "%s is a directory: name a GGUF file, or turn safetensors into one with `parley convert`", full)
	}
	if _, err := gguf.Open(full, gguf.Options{}); err != nil {
		return Installed{}, unreadable(full, err)
	}
	sha, size, err := r.store.Hash(ctx, full, func(done int64) {
		if o.Progress != nil {
			o.Progress(Progress{Stage: "verify", Done: done, Total: info.Size()})
		}
	})
	if err != nil {
		return Installed{}, err
	}
	return single(pull.File{Name: filepath.Base(full), Path: full, SHA256: sha, Bytes: size}, full, ""), nil
}

// single is a model of one GGUF file; what it is for is read from the file by describe.
func single(f pull.File, source, licence string) Installed {
	return Installed{
		Name: nameOf(f.Name), Engine: "llama", Licence: licence, Source: source, Files: []pull.File{f},
		Path: f.Path, SHA256: f.SHA256, Bytes: f.Bytes, Layout: LayoutAsIs,
	}
}

var notInName = regexp.MustCompile(`[^a-z0-9._-]+`)

// nameOf makes a served name from a file's: "Qwen3-8B-Q4_K_M.gguf" is "qwen3-8b-q4_k_m".
func nameOf(file string) string {
	name := strings.ToLower(file)
	name = strings.TrimSuffix(name, ".gguf")
	name = strings.Trim(notInName.ReplaceAllString(name, "-"), "-.")
	return cmp.Or(name, "model")
}

// describe completes an installed model from its file's own metadata.
func (in *Installed) describe() error {
	g, err := gguf.Open(in.Path, gguf.Options{})
	if err != nil {
		return unreadable(in.Path, err)
	}
	in.Arch, in.Weights, in.KVBytes = g.Architecture(), g.Weights().String(), g.KVBytes()
	if n := g.Context(); n > 0 && (in.Context == 0 || n < in.Context) {
		in.Context = n
	}
	in.Parameters = cmp.Or(in.Parameters, g.Parameters())
	in.Template = g.Text("tokenizer.chat_template") != ""
	in.Title = cmp.Or(in.Title, g.Text("general.name"))
	in.Licence = cmp.Or(in.Licence, g.Text("general.license"), "not stated in the file")
	if in.Kind == "" {
		switch {
		case g.Reranker():
			in.Kind = catalog.Reranker
		case g.Encoder():
			in.Kind = catalog.Embeddings
		default:
			in.Kind = catalog.Chat
		}
	}
	if in.Kind == catalog.Embeddings || in.Kind == catalog.Reranker {
		in.KVBytes = 0
		if in.Kind == catalog.Embeddings {
			in.Dimensions = cmp.Or(in.Dimensions, g.Embedding())
		}
	}
	return nil
}

func unreadable(path string, err error) error {
	if errors.Is(err, gguf.ErrNotGGUF) {
		return fault.New(fault.Invalid, "%s is not a GGUF file", path)
	}
	return fault.New(fault.Invalid, "%s cannot be used: %s", path, strings.TrimPrefix(err.Error(), path+": ")).WithCause(err)
}

// SafeRef is a reference without what must not be written down: credentials and signatures of URLs.
func SafeRef(ref string) string {
	if !strings.HasPrefix(ref, "http://") && !strings.HasPrefix(ref, "https://") {
		return ref
	}
	u, err := url.Parse(ref)
	if err != nil {
		return "a URL"
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

// VerifyInstalled checks every file of an installed model or library.
func (r *Registry) VerifyInstalled(ctx context.Context, in Installed, progress func(Progress)) error {
	files := slices.Clone(in.Files)
	if in.Kind != catalog.Library && in.SHA256 != "" && !slices.ContainsFunc(files, func(f pull.File) bool { return f.SHA256 == in.SHA256 }) {
		files = append(files, pull.File{Name: in.Name, Path: in.Path, SHA256: in.SHA256, Bytes: in.Bytes})
	}
	for _, f := range files {
		err := r.store.Verify(ctx, f.Path, f.SHA256, f.Bytes, func(done int64) {
			if progress != nil {
				progress(Progress{Stage: "verify", Done: done, Total: f.Bytes})
			}
		})
		if err != nil {
			return fmt.Errorf("%s: %w", in.Name, err)
		}
	}
	return nil
}
