// Package catalog knows which models Parley can pull, and from where.
//
// The catalog is a YAML text in the binary (catalog.yaml), extended and overridden entry by entry,
// by name, by the user's own HOME/catalog.yaml. An entry is what a model is (licence, size, window,
// memory) and the files it consists of, each pinned by sha256 where that is known; its sources are
// places that hold these very files, tried in order. Entries say honestly whether the project has
// ever pulled them and, when not, in which public source their name and licence were found.
package catalog

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed catalog.yaml
var embedded []byte

// Kind is what a model is for.
type Kind string

// The kinds.
const (
	Chat          Kind = "chat"
	Code          Kind = "code" // chat models made for programs; they serve chat as well
	Embeddings    Kind = "embeddings"
	Reranker      Kind = "reranker"
	Transcription Kind = "transcription"
	Speech        Kind = "speech"
	Library       Kind = "library" // native libraries of an engine
)

var kinds = []Kind{Chat, Code, Embeddings, Reranker, Transcription, Speech, Library}

// Verified says whether the project itself has pulled an entry.
type Verified string

// The two honest answers.
const (
	PulledHere      Verified = "pulled-here"
	NeverPulledHere Verified = "never-pulled-here"
)

// SourceKind is a way of getting files.
type SourceKind string

// The ways.
const (
	PyPI SourceKind = "pypi" // packages fetched by the user's own pip
	NPM  SourceKind = "npm"  // a package fetched by the user's own npm
	HF   SourceKind = "hf"   // a repository of a model hub
	URL  SourceKind = "url"
	Path SourceKind = "file" // a local file or directory
)

// Package is one package of an index.
type Package struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Bytes   int64  `yaml:"bytes,omitempty"` // of the archive, for progress and disk space; 0 when not known
	// SHA256 (pypi) or Integrity (npm, "sha512-…") pins the archive; empty leaves that to the
	// package manager and to the pins of the files inside.
	SHA256    string `yaml:"sha256,omitempty"`
	Integrity string `yaml:"integrity,omitempty"`
}

// Source is one place that has all files of an entry.
type Source struct {
	Kind     SourceKind `yaml:"kind"`
	Packages []Package  `yaml:"packages,omitempty"` // pypi, npm
	Repo     string     `yaml:"repo,omitempty"`     // hf: OWNER/NAME
	Revision string     `yaml:"revision,omitempty"` // hf: a commit, tag or branch; empty is main
	Gated    bool       `yaml:"gated,omitempty"`    // hf: terms must be accepted on the site, and a token set
	URL      string     `yaml:"url,omitempty"`      // url: for a single file
	Path     string     `yaml:"path,omitempty"`     // file
	// Prefix stands before each file's name inside the source.
	Prefix string `yaml:"prefix,omitempty"`
	// Files maps a file of the entry to the paths inside the source that make it, joined in order.
	// Files not named here are found at Prefix + name.
	Files map[string][]string `yaml:"files,omitempty"`
	// Directory is the folder inside an npm package whose files make up a library.
	Directory string `yaml:"directory,omitempty"`
}

// File is one file of an entry.
type File struct {
	Name   string `yaml:"name"`
	Bytes  int64  `yaml:"bytes,omitempty"`  // 0 when not known before the pull
	SHA256 string `yaml:"sha256,omitempty"` // empty when not known before the pull: then the hub's own is pinned
}

// Entry is one model or library.
type Entry struct {
	Name       string   `yaml:"name"`
	Title      string   `yaml:"title"`
	Kind       Kind     `yaml:"kind"`
	Licence    string   `yaml:"licence"`
	Notes      string   `yaml:"notes,omitempty"`
	Parameters int64    `yaml:"parameters,omitempty"`
	Active     int64    `yaml:"active,omitempty"`     // parameters used per token, for mixtures of experts
	Context    int      `yaml:"context,omitempty"`    // tokens
	Dimensions int      `yaml:"dimensions,omitempty"` // of embeddings
	Matryoshka []int    `yaml:"matryoshka,omitempty"` // lengths to which vectors may be cut, as the model was trained; descending
	Memory     int64    `yaml:"memory,omitempty"`     // bytes: weights, and KV cells of a window of 8,192 (or all, if fewer)
	Languages  []string `yaml:"languages,omitempty"`
	Platform   string   `yaml:"platform,omitempty"` // libraries: GOOS/GOARCH
	Device     string   `yaml:"device,omitempty"`   // libraries: cpu, cuda, vulkan, metal
	Engine     string   `yaml:"engine,omitempty"`   // what runs it: llama, whisper, onnx
	Convert    string   `yaml:"convert,omitempty"`  // how the files become what the engine reads: bert-gguf
	Page       *Page    `yaml:"page,omitempty"`     // how Parley's own chats ask it, when it needs more than their defaults
	Rank       int      `yaml:"rank,omitempty"`     // among those that fit, the highest is recommended; 0 is never
	Verified   Verified `yaml:"verified"`
	Found      string   `yaml:"found,omitempty"` // where name, file and licence were found, when never pulled here
	Files      []File   `yaml:"files,omitempty"`
	Sources    []Source `yaml:"sources"`
}

// Page is how the chat page and `parley chat` ask a model, so that it reads well there. The API knows
// nothing of it: its defaults are OpenAI's. What is left out is the page's own default.
type Page struct {
	System           string   `yaml:"system,omitempty"` // the first message of each conversation
	Temperature      *float32 `yaml:"temperature,omitempty"`
	TopP             *float32 `yaml:"top_p,omitempty"`
	PresencePenalty  float32  `yaml:"presence_penalty,omitempty"`
	FrequencyPenalty float32  `yaml:"frequency_penalty,omitempty"`
	MaxTokens        int      `yaml:"max_tokens,omitempty"` // of one answer; 0 is what is left of the window
}

// check holds the ranges that the API has for the same parameters.
func (p *Page) check() error {
	within := func(v, low, high float32) bool { return low <= v && v <= high }
	switch {
	case p.Temperature != nil && !within(*p.Temperature, 0, 2):
		return fmt.Errorf("page: temperature %v is not within 0 and 2", *p.Temperature)
	case p.TopP != nil && !within(*p.TopP, 0, 1):
		return fmt.Errorf("page: top_p %v is not within 0 and 1", *p.TopP)
	case !within(p.PresencePenalty, -2, 2) || !within(p.FrequencyPenalty, -2, 2):
		return errors.New("page: penalties are within -2 and 2")
	case p.MaxTokens < 0:
		return fmt.Errorf("page: max_tokens %d is negative", p.MaxTokens)
	}
	return nil
}

// Bytes is the size of all files; 0 when one is not known.
func (e *Entry) Bytes() int64 {
	var n int64
	for _, f := range e.Files {
		if f.Bytes == 0 {
			return 0
		}
		n += f.Bytes
	}
	return n
}

// Gated reports whether every source asks for terms to be accepted.
func (e *Entry) Gated() bool {
	for _, s := range e.Sources {
		if !s.Gated {
			return false
		}
	}
	return len(e.Sources) > 0
}

// Catalog is all entries, in order.
type Catalog struct{ Entries []*Entry }

// Load returns the catalog of the binary, extended by HOME/catalog.yaml when that exists.
func Load(home string) (*Catalog, error) {
	c, err := parse(embedded, "built-in catalog")
	if err != nil || home == "" {
		return c, err
	}
	path := filepath.Join(home, "catalog.yaml")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	own, err := parse(data, path)
	if err != nil {
		return nil, err
	}
	for _, e := range own.Entries {
		if i := slices.IndexFunc(c.Entries, func(x *Entry) bool { return x.Name == e.Name }); i >= 0 {
			c.Entries[i] = e
		} else {
			c.Entries = append(c.Entries, e)
		}
	}
	return c, nil
}

// Find returns the entry with a name, or nil.
func (c *Catalog) Find(name string) *Entry {
	for _, e := range c.Entries {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// LibraryFor returns the native libraries of an engine that every machine of a platform ("linux/amd64")
// can run: those with Metal on macOS where there are such, otherwise the ones for the CPU; or nil. What
// needs a certain graphics card is pulled by its own name.
func (c *Catalog) LibraryFor(engine, platform string) *Entry {
	for _, device := range []string{"metal", "cpu"} {
		for _, e := range c.Entries {
			if e.Kind == Library && e.Engine == engine && e.Platform == platform && e.Device == device {
				return e
			}
		}
	}
	return nil
}

func parse(data []byte, where string) (*Catalog, error) {
	var doc struct {
		Entries []*Entry `yaml:"models"`
	}
	if err := readYAML(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	seen := map[string]bool{}
	for i, e := range doc.Entries {
		if e == nil {
			return nil, fmt.Errorf("%s: entry %d is empty", where, i+1)
		}
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("%s: entry %d (%s): %w", where, i+1, e.Name, err)
		}
		if seen[e.Name] {
			return nil, fmt.Errorf("%s: %s is there twice", where, e.Name)
		}
		seen[e.Name] = true
	}
	return &Catalog{Entries: doc.Entries}, nil
}

// readYAML reads a catalog. The library panics at some texts that are no YAML, which is an error like others.
func readYAML(data []byte, into any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it cannot be read as YAML: %v", p)
		}
	}()
	return yaml.UnmarshalWithOptions(data, into, yaml.Strict())
}

var (
	nameRE   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,95}$`)
	sha256RE = regexp.MustCompile(`^[0-9a-f]{64}$`)
	repoRE   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$`)
	// A package name becomes an argument of pip or npm, so it must not look like an option or a URL.
	packageRE = regexp.MustCompile(`^(@[a-z0-9][a-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*$`)
	versionRE = regexp.MustCompile(`^[0-9][A-Za-z0-9.+-]*$`)
)

func (e *Entry) check() error {
	switch {
	case !nameRE.MatchString(e.Name):
		return fmt.Errorf("name %q: small letters, digits, dots and dashes only", e.Name)
	case !slices.Contains(kinds, e.Kind):
		return fmt.Errorf("kind %q is not one of %v", e.Kind, kinds)
	case e.Licence == "":
		return errors.New("licence is missing")
	case e.Verified != PulledHere && e.Verified != NeverPulledHere:
		return fmt.Errorf("verified %q: pulled-here or never-pulled-here", e.Verified)
	case e.Kind == Library && e.Platform == "":
		return errors.New("a library needs its platform")
	case e.Kind != Library && len(e.Files) == 0:
		return errors.New("files are missing")
	case len(e.Sources) == 0:
		return errors.New("sources are missing")
	}
	for _, f := range e.Files {
		if f.Name == "" || strings.ContainsAny(f.Name, `/\`) || f.Name == ".." {
			return fmt.Errorf("file name %q", f.Name)
		}
		if f.SHA256 != "" && !sha256RE.MatchString(f.SHA256) {
			return fmt.Errorf("file %s: sha256 %q is not 64 hex digits", f.Name, f.SHA256)
		}
	}
	for i, s := range e.Sources {
		if err := s.check(e); err != nil {
			return fmt.Errorf("source %d: %w", i+1, err)
		}
	}
	for i, n := range e.Matryoshka {
		if n < 1 || n > e.Dimensions || i > 0 && n >= e.Matryoshka[i-1] {
			return fmt.Errorf("matryoshka %v: lengths up to dimensions (%d), descending", e.Matryoshka, e.Dimensions)
		}
	}
	if e.Page != nil {
		return e.Page.check()
	}
	return nil
}

func (s *Source) check(e *Entry) error {
	switch s.Kind {
	case PyPI, NPM:
		if len(s.Packages) == 0 {
			return errors.New("packages are missing")
		}
		for _, p := range s.Packages {
			if !packageRE.MatchString(p.Name) || !versionRE.MatchString(p.Version) {
				return fmt.Errorf("package %q version %q", p.Name, p.Version)
			}
		}
	case HF:
		if !repoRE.MatchString(s.Repo) {
			return fmt.Errorf("repo %q is not OWNER/NAME", s.Repo)
		}
	case URL:
		if !strings.HasPrefix(s.URL, "https://") && !strings.HasPrefix(s.URL, "http://") {
			return fmt.Errorf("url %q", s.URL)
		}
		if len(e.Files) != 1 {
			return errors.New("a url source is for one file")
		}
	case Path:
		if s.Path == "" {
			return errors.New("path is missing")
		}
	default:
		return fmt.Errorf("kind %q is not one of pypi, npm, hf, url, file", s.Kind)
	}
	return nil
}

// PathsOf returns the paths inside the source that make a file of the entry.
func (s *Source) PathsOf(name string) []string {
	if paths := s.Files[name]; len(paths) > 0 {
		return paths
	}
	return []string{s.Prefix + name}
}
