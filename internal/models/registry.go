package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// Remote is an OpenAI-compatible endpoint that the operator configured, or that was discovered.
type Remote struct {
	Name   string        `yaml:"name" json:"name" koanf:"name"`
	URL    string        `yaml:"url" json:"url" koanf:"url"` // base, ending in /v1
	APIKey string        `yaml:"api_key" json:"-" koanf:"api_key"`
	Models []RemoteModel `yaml:"models" json:"models" koanf:"models"`
}

// RemoteModel is one model of a remote endpoint.
type RemoteModel struct {
	Name     string       `yaml:"name" json:"name" koanf:"name"`             // served name here; empty is Upstream
	Upstream string       `yaml:"upstream" json:"upstream" koanf:"upstream"` // name to send; empty is Name
	Kind     catalog.Kind `yaml:"kind" json:"kind" koanf:"kind"`             // empty is chat
	Window   int          `yaml:"window" json:"window" koanf:"window"`       // tokens; 0 is not known
}

// Settings are what the configuration says of models.
type Settings struct {
	Aliases  []Alias                 // laid over the built-in table
	Remotes  []Remote                // endpoints
	Defaults map[catalog.Kind]string // served model by kind; wins over what SetDefault chose
	// Completion is the served model behind the completion names; empty is the one behind chat.
	Completion string
	Window     int    // largest window to serve, tokens; 0 is what memory allows
	Library    string // directory with llama.cpp's libraries; empty is the pulled one
	Threads    int    // per model; 0 is the number of physical cores
	Slots      int    // sequences at once per model; 0 is the engine's default
	Cells      int    // KV cells of a model; 0 is the engine's choice
	// PrefixMemory is how many bytes a model may take for idle prefixes; 0 is the engine's choice.
	PrefixMemory int64
}

// Options open a Registry.
type Options struct {
	Home     string // empty: DefaultHome
	Cache    string // empty: blobs.DefaultDir
	HTTP     *http.Client
	Public   *http.Client // reaches public addresses alone, for PullOptions.Public
	Clock    clock.Clock  // nil: the system's
	Log      *slog.Logger // nil: none
	Memory   int64        // bytes for models; 0: Memory()
	Settings Settings
}

// Registry is a home's models. It is safe for concurrent use.
type Registry struct {
	home     string
	store    blobs.Store
	http     *http.Client
	public   *http.Client
	clock    clock.Clock
	log      *slog.Logger
	memory   int64
	settings Settings

	mu      sync.Mutex               // guards rebuilding, and the next four
	extra   []Remote                 // discovered endpoints that were taken over
	listed  map[string][]RemoteModel // by URL: what endpoints without configured models say they have
	aliases []Alias
	edits   map[string][]Alias // rows that were changed while running, by organization; "" is for all
	catalog *catalog.Catalog
	snap    atomic.Pointer[snapshot]
}

// DefaultHome is PARLEY_HOME, else .parley in the user's home directory.
func DefaultHome() (string, error) {
	if dir := os.Getenv("PARLEY_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home directory: set PARLEY_HOME: %w", err)
	}
	return filepath.Join(dir, ".parley"), nil
}

// Open reads a home's models. It needs no network, and the home need not exist yet.
func Open(o Options) (*Registry, error) {
	var err error
	if o.Home == "" {
		if o.Home, err = DefaultHome(); err != nil {
			return nil, err
		}
	}
	if o.Cache == "" {
		if o.Cache, err = blobs.DefaultDir(); err != nil {
			return nil, err
		}
	}
	if o.Memory == 0 {
		o.Memory = Memory()
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{
		home: o.Home, store: blobs.Store{Dir: o.Cache}, http: o.HTTP, public: o.Public, clock: o.Clock, log: o.Log,
		memory: o.Memory, settings: o.Settings,
	}
	base, err := builtinAliases()
	if err != nil {
		return nil, err
	}
	for _, a := range o.Settings.Aliases {
		if a.Name == "" {
			return nil, errors.New("aliases: a row has no name")
		}
	}
	r.aliases = mergeAliases(base, o.Settings.Aliases)
	if r.catalog, err = catalog.Load(o.Home); err != nil {
		return nil, err
	}
	if err := r.Reload(); err != nil {
		return nil, err
	}
	if len(r.Installed()) > 0 {
		// Homes of before notes were made; a cache that cannot be written keeps its files anyway.
		_ = r.store.NoteHome(r.home)
	}
	return r, nil
}

// Catalog returns what can be pulled.
func (r *Registry) Catalog() *catalog.Catalog { return r.catalog }

// Store returns where model files lie.
func (r *Registry) Store() blobs.Store { return r.store }

func notInstalled(name string) error {
	return fault.New(fault.NotFound, "No model `%s` is installed in this home; `parley models` lists those that are", name).WithCode("model_not_found")
}

// Installed returns the models and libraries of this home.
func (r *Registry) Installed() []Installed { return slices.Clone(r.snap.Load().installed) }

// Default returns the served model that answers for a kind; empty when none does.
func (r *Registry) Default(kind catalog.Kind) string { return r.snap.Load().defaults[kind] }

// SetDefault makes a served model the one that a kind's aliases lead to, and remembers it. Requests
// under way are not disturbed: they hold the Spec that they resolved. A default in the configuration
// stays above it.
func (r *Registry) SetDefault(ctx context.Context, kind catalog.Kind, served string) error {
	row, ok := r.current().names[served]
	if !ok || row.model.Alias {
		return notFound(served)
	}
	return r.update(ctx, func(m *manifest) error {
		if m.Defaults == nil {
			m.Defaults = map[catalog.Kind]string{}
		}
		m.Defaults[kind] = served
		return nil
	})
}

// SetRemotes replaces the endpoints that were discovered; the configured ones stay.
func (r *Registry) SetRemotes(remotes []Remote) error {
	r.mu.Lock()
	r.extra = slices.Clone(remotes)
	r.mu.Unlock()
	return r.Reload()
}

// Reload reads the manifest again and puts a new snapshot in place.
func (r *Registry) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := stampOf(manifestPath(r.home))
	m, err := loadManifest(r.home, r.store)
	if err != nil {
		return err
	}
	r.snap.Store(r.build(m, st, r.clock.Now().Unix()))
	return nil
}

// stamp tells whether a file was replaced.
type stamp struct {
	size int64
	time time.Time
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime()}
}

// Watch reloads when another process (a `parley pull` beside the server) changed the manifest, until
// ctx ends.
func (r *Registry) Watch(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if stampOf(manifestPath(r.home)) == r.snap.Load().stamp {
			continue
		}
		if err := r.Reload(); err != nil {
			r.log.Error("models.json changed and cannot be read; the models stay as they were", "error", err)
		}
	}
}

// served is a model that can answer, before names are given.
type served struct {
	name       string
	kind       catalog.Kind
	parameters int64 // 0 for remote ones
	window     int
	created    int64
	owner      string
	spec       engine.Spec
	broken     string
}

// chooseDefault takes the configured model, then the chosen one, then the largest of the kind.
func chooseDefault(kind catalog.Kind, models []served, byName map[string]*served, configured, chosen string) string {
	for _, name := range []string{configured, chosen} {
		if v := byName[name]; v != nil && v.broken == "" {
			return name
		}
	}
	var best *served
	for i := range models {
		v := &models[i]
		if v.kind == kind && v.broken == "" && byName[v.name] == v && (best == nil || v.parameters > best.parameters) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.name
}

// serving lists what this home can serve: installed models, then remote ones.
func (r *Registry) serving(m manifest) []served {
	library := r.library(m)
	var out []served
	for _, in := range m.Models {
		if in.Engine != "llama" || in.Kind == catalog.Library {
			continue
		}
		v := served{name: in.Name, kind: in.Kind, parameters: in.Parameters, window: r.window(in), created: in.PulledAt / 1000, owner: "parley", spec: engine.Spec{
			Name: in.Name, Driver: "llama", Path: in.Path, SHA256: in.SHA256, Library: library, Layout: in.Layout,
			ContextWindow: r.window(in), Cells: r.settings.Cells, Slots: r.settings.Slots, Threads: r.settings.Threads,
			PrefixMemory: r.settings.PrefixMemory,
			Embedding:    in.Kind == catalog.Embeddings || in.Kind == catalog.Reranker,
			MemoryBytes:  in.Bytes + in.KVBytes*int64(r.window(in)),
		}}
		if _, err := os.Stat(in.Path); err != nil {
			v.broken = fmt.Sprintf("The file of the model `%s` is gone (%s): run `parley pull %s`", in.Name, in.Path, in.Ref)
		} else if library == "" {
			v.broken = "The engine's libraries are not installed: run `parley pull " + r.libraryName() + "`"
		}
		out = append(out, v)
	}
	return append(out, r.remoteModels()...)
}

func (r *Registry) remoteModels() []served {
	var out, plain []served
	for _, remote := range append(slices.Clone(r.settings.Remotes), r.extra...) {
		models := remote.Models
		if len(models) == 0 {
			models = r.listed[remote.URL]
		}
		for _, model := range models {
			name, upstream := cmp.Or(model.Name, model.Upstream), cmp.Or(model.Upstream, model.Name)
			kind := cmp.Or(model.Kind, catalog.Chat)
			full := remote.Name + "/" + name
			v := served{name: full, kind: kind, window: model.Window, owner: remote.Name, spec: engine.Spec{
				Name: full, Driver: "remote", URL: strings.TrimRight(remote.URL, "/"), APIKey: remote.APIKey,
				UpstreamName: upstream, ContextWindow: model.Window, Embedding: kind == catalog.Embeddings,
			}}
			out = append(out, v)
			// The bare name works as well where nothing else has it.
			v.name = name
			plain = append(plain, v)
		}
	}
	return append(out, plain...)
}

// libraryName is the catalog entry with this platform's libraries.
func (r *Registry) libraryName() string {
	if e := r.catalog.LibraryFor("llama", Platform); e != nil {
		return e.Name
	}
	return "llama-cpp for " + Platform
}

// library is the directory of the libraries to run with: the configured one, or those for this platform
// that were pulled last (a person who pulls the CUDA build wants it).
func (r *Registry) library(m manifest) string {
	if r.settings.Library != "" {
		return r.settings.Library
	}
	dir, last := "", int64(-1)
	for _, in := range m.Models {
		if in.Kind != catalog.Library || in.Engine != "llama" || cmp.Or(in.Platform, Platform) != Platform || in.PulledAt <= last {
			continue
		}
		if _, err := os.Stat(in.Dir); err == nil {
			dir, last = in.Dir, in.PulledAt
		}
	}
	return dir
}

// Platform is this machine's, as the catalog writes it.
const Platform = runtime.GOOS + "/" + runtime.GOARCH

// Windows that are served when memory decides: no model is served with less than the first.
const leastWindow = 4096

// window is how many tokens one sequence of a model may have: its own context, less when the KV cells
// of a full window would take more than a quarter of the memory, or the configuration says less.
func (r *Registry) window(in Installed) int {
	w := in.Context
	if w <= 0 {
		w = leastWindow
	}
	if r.settings.Window > 0 {
		w = min(w, r.settings.Window)
	}
	if in.KVBytes > 0 && r.memory > 0 && in.Kind != catalog.Embeddings && in.Kind != catalog.Reranker {
		for w > leastWindow && int64(w)*in.KVBytes > r.memory/4 {
			w = max(leastWindow, w/2)
		}
	}
	return w
}
