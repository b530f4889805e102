package manage

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/store"
)

// Pool is where models are loaded; *pool.Pool is one.
type Pool interface {
	Statuses() []engine.Status
	Leaving() map[string]int
	Preload(ctx context.Context, spec engine.Spec) error
	Unload(name string) bool
}

// Options are what New needs. All fields but Preparer are required.
type Options struct {
	DB       *store.DB
	Clock    clock.Clock
	Logger   *slog.Logger
	Models   *models.Registry
	Pool     Pool
	Queue    int             // requests that may wait for one model: engine.Spec.Queue, as requests set it
	Budget   int64           // bytes that all loaded models may take together; 0: no limit
	Preparer engine.Preparer // makes weights ready for this machine; nil leaves them as they are
}

// Service looks after the models of this process. Close ends its pulls.
type Service struct {
	o     Options
	audit *audit.Log
	ctx   context.Context // of pulls and loads; ends with Close
	end   context.CancelFunc
	wg    sync.WaitGroup
	pulls pulls
}

// New returns the service.
func New(o Options) *Service {
	s := &Service{o: o, audit: audit.New(o.DB, o.Clock)}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.wg.Go(s.tidy)
	return s
}

// forgottenFor is how long a download may lie that was cut and did not go on: nobody waits for it any more.
const forgottenFor = 14 * 24 * time.Hour

// tidy removes such downloads, once for a start of the server.
func (s *Service) tidy() {
	freed, err := s.o.Models.Store().Tidy(s.o.Clock.Now().Add(-forgottenFor))
	if err != nil {
		s.o.Logger.Warn("downloads that were cut long ago could not be removed", "error", err)
	}
	if freed > 0 {
		s.o.Logger.Info("downloads that were cut long ago were removed", "bytes", freed)
	}
}

// Close cancels what is being pulled and waits for it, at most until ctx ends.
func (s *Service) Close(ctx context.Context) error {
	s.end()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// record writes what the operator does into the audit log; act runs in the same transaction, so that what fails leaves
// no line.
func (s *Service) record(ctx context.Context, who actor.Actor, e audit.Event, act func() error) error {
	return s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := s.audit.Record(ctx, tx, who, e); err != nil {
			return err
		}
		return act()
	})
}

// StateUnloading is a model that is gone when its last request has ended. The others are those of package engine.
const StateUnloading engine.State = "unloading"

// Model is an installed model, or one of a remote server, with what it is doing.
type Model struct {
	Object     string         `json:"object" enum:"managed_model" doc:"Always managed_model."`
	Name       string         `json:"name"`
	Title      string         `json:"title,omitempty"`
	Kind       catalog.Kind   `json:"kind" doc:"chat, code, embeddings, reranker; library for an engine's native libraries."`
	Remote     string         `json:"remote,omitempty" doc:"The remote server that runs it; none when it runs here."`
	Layout     string         `json:"layout,omitempty" doc:"How its weights lie: as-is, lossless, fast."`
	Weights    string         `json:"weights,omitempty" doc:"Format of the loaded file, such as Q8_0."`
	Parameters int64          `json:"parameters,omitzero"`
	Bytes      int64          `json:"bytes,omitzero" doc:"Size of the file."`
	Window     int            `json:"context_window,omitzero" doc:"Tokens of prompt and answer together, as it is served here; none when it is not known."`
	Needs      int64          `json:"memory_needed,omitzero" doc:"Bytes when it is loaded, with one full window: an estimate."`
	Memory     int64          `json:"memory_bytes" doc:"Bytes that it is counted with now."`
	State      engine.State   `json:"state" enum:"cold,loading,ready,failed,unloading" doc:"A cold model is loaded with the first request."`
	Progress   float64        `json:"progress" doc:"0 to 1 while loading."`
	Active     int            `json:"active" doc:"Requests that it works on."`
	Queued     int            `json:"queued" doc:"Requests that wait for it."`
	Error      string         `json:"error,omitempty" doc:"What failed last, or why it cannot answer."`
	Defaults   []catalog.Kind `json:"default_for" doc:"Of which kinds of names it is the default."`
	Aliases    []string       `json:"aliases" doc:"Names that it answers for."`
	Licence    string         `json:"licence,omitempty"`
	Source     string         `json:"source,omitempty" doc:"Where it was pulled from."`
	PulledAt   int64          `json:"pulled_at,omitzero" doc:"Seconds since 1970."`
	Before     *float64       `json:"log_likelihood_before,omitempty" doc:"Of a fixed text, before the weights were laid as they lie."`
	After      *float64       `json:"log_likelihood_after,omitempty" doc:"And after it."`
}

// Models returns all models: what is installed, in the order of their names, libraries after them, then remote ones.
func (s *Service) Models(ctx context.Context) ([]Model, error) {
	var out []Model
	known := map[string]bool{}
	serving := map[string]models.Serving{}
	for _, v := range s.o.Models.Serving() {
		serving[v.Name] = v
	}
	for _, in := range s.o.Models.Installed() {
		m := Model{Name: in.Name, Title: in.Title, Kind: in.Kind, Layout: in.Layout, Weights: in.Weights, Parameters: in.Parameters, Bytes: in.Bytes,
			Licence: in.Licence, Source: in.Source, PulledAt: in.PulledAt / 1000}
		if in.Prepared != nil {
			m.Before, m.After = in.Prepared.ScoreBefore, in.Prepared.ScoreAfter
		}
		if v, ok := serving[in.Name]; ok {
			m.Window, m.Needs, m.Error = v.Window, v.Memory, v.Broken
		}
		known[in.Name] = true
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Model) int {
		return cmp.Or(libraryLast(a)-libraryLast(b), cmp.Compare(a.Name, b.Name))
	})
	for _, v := range s.o.Models.Serving() {
		if !known[v.Name] {
			out = append(out, Model{Name: v.Name, Kind: v.Kind, Remote: v.Owner, Window: v.Window, Error: v.Broken})
		}
	}
	return out, s.live(ctx, out)
}

func libraryLast(m Model) int {
	if m.Kind == catalog.Library {
		return 1
	}
	return 0
}

// live fills in what the models are doing, and which names lead to them.
func (s *Service) live(ctx context.Context, list []Model) error {
	names, err := s.o.Models.List(ctx, actor.Actor{})
	if err != nil {
		return err
	}
	aliases := map[string][]string{}
	for _, n := range names {
		if n.Alias {
			aliases[n.Served] = append(aliases[n.Served], n.ID)
		}
	}
	status, leaving := map[string]engine.Status{}, s.o.Pool.Leaving()
	for _, st := range s.o.Pool.Statuses() {
		status[st.Name] = st
	}
	for i := range list {
		m := &list[i]
		st := status[m.Name]
		m.Object, m.State, m.Progress, m.Active, m.Queued, m.Memory = "managed_model", cmp.Or(st.State, engine.StateCold), st.Progress, st.Active, st.Queued, st.Memory
		m.Error, m.Window = cmp.Or(st.Error, m.Error), cmp.Or(m.Window, st.Info.ContextWindow)
		if n, ok := leaving[m.Name]; ok && m.State == engine.StateCold {
			m.State, m.Active = StateUnloading, n
		}
		m.Aliases, m.Defaults = append([]string{}, aliases[m.Name]...), []catalog.Kind{}
		for _, kind := range answering {
			if s.o.Models.Default(kind) == m.Name {
				m.Defaults = append(m.Defaults, kind)
			}
		}
	}
	return nil
}

// answering are the kinds that have a default.
var answering = []catalog.Kind{catalog.Chat, catalog.Code, catalog.Embeddings}

// Model returns one of them.
func (s *Service) Model(ctx context.Context, name string) (Model, error) {
	all, err := s.Models(ctx)
	if err != nil {
		return Model{}, err
	}
	for _, m := range all {
		if m.Name == name {
			return m, nil
		}
	}
	return Model{}, unknown(name)
}

func unknown(name string) error {
	return fault.New(fault.NotFound, "No model `%s` is installed or served by a remote server here.", clip(name)).WithCode("model_not_found")
}

// Load begins to load a model and returns what it is doing; one that is loaded or loading stays as it is.
func (s *Service) Load(ctx context.Context, who actor.Actor, name string) (_ Model, err error) {
	defer fault.Wrap(&err, "manage.Load(%s)", name)
	list := s.o.Models.Serving()
	i := slices.IndexFunc(list, func(v models.Serving) bool { return v.Name == name })
	if i < 0 {
		return Model{}, unknown(name)
	}
	if list[i].Broken != "" {
		return Model{}, fault.New(fault.Conflict, "%s.", list[i].Broken).WithCode("model_not_ready")
	}
	spec := list[i].Spec
	spec.Queue = s.o.Queue
	err = s.record(ctx, who, audit.Event{Type: "model.loaded", Object: name}, func() error {
		s.wg.Go(func() {
			if err := s.o.Pool.Preload(s.ctx, spec); err != nil && s.ctx.Err() == nil {
				s.o.Logger.Warn("a model that was to be loaded could not be", "model", name, "error", err)
			}
		})
		return nil
	})
	if err != nil {
		return Model{}, err
	}
	// The pool knows of the load at once, but this is not the goroutine that told it.
	for range 100 {
		m, err := s.Model(ctx, name)
		if err != nil || m.State != engine.StateCold && m.State != StateUnloading {
			return m, err
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return s.Model(ctx, name)
}

// Unload takes a model out of memory: at once when it is idle, else when its running requests have ended.
func (s *Service) Unload(ctx context.Context, who actor.Actor, name string) (_ Model, err error) {
	defer fault.Wrap(&err, "manage.Unload(%s)", name)
	if _, err := s.Model(ctx, name); err != nil {
		return Model{}, err
	}
	err = s.record(ctx, who, audit.Event{Type: "model.unloaded", Object: name}, func() error {
		if !s.o.Pool.Unload(name) {
			return fault.New(fault.Conflict, "The model `%s` is not loaded.", name).WithCode("model_not_loaded")
		}
		return nil
	})
	if err != nil {
		return Model{}, err
	}
	return s.Model(ctx, name)
}

// Removed is the answer to a removal.
type Removed struct {
	Object  string               `json:"object" enum:"managed_model.deleted"`
	Name    string               `json:"name"`
	Deleted bool                 `json:"deleted"`
	Freed   int64                `json:"freed_bytes" doc:"How much room was made in the cache."`
	Files   []models.RemovedFile `json:"files" doc:"What became of its files; none are named when they were to stay."`
}

// Remove takes an installed model out of the home and out of memory, and deletes its files in the cache when that was
// asked for and nobody else uses them.
func (s *Service) Remove(ctx context.Context, who actor.Actor, name string, files bool) (_ Removed, err error) {
	defer fault.Wrap(&err, "manage.Remove(%s)", name)
	out := Removed{Object: "managed_model.deleted", Name: name, Deleted: true, Files: []models.RemovedFile{}}
	if !slices.ContainsFunc(s.o.Models.Installed(), func(in models.Installed) bool { return in.Name == name }) {
		return out, unknown(name)
	}
	err = s.record(ctx, who, audit.Event{Type: "model.removed", Object: name, After: map[string]bool{"files": files}}, func() error {
		if !files {
			return s.o.Models.Remove(ctx, name)
		}
		out.Files, err = s.o.Models.RemoveWithFiles(ctx, name)
		return err
	})
	if err != nil {
		return out, err
	}
	for _, f := range out.Files {
		out.Freed += f.Bytes
	}
	s.o.Pool.Unload(name)
	return out, nil
}

// SetDefault makes a model the one that names of a kind lead to where nothing says another.
func (s *Service) SetDefault(ctx context.Context, who actor.Actor, kind catalog.Kind, name string) (_ Model, err error) {
	defer fault.Wrap(&err, "manage.SetDefault(%s, %s)", kind, name)
	if !slices.Contains(answering, kind) {
		return Model{}, fault.Param("kind", "Invalid value: '%s'. Supported values are: 'chat', 'code', and 'embeddings'.", clip(string(kind))).WithCode("invalid_value")
	}
	m, err := s.Model(ctx, name)
	if err != nil {
		return Model{}, err
	}
	if embeds := m.Kind == catalog.Embeddings; embeds != (kind == catalog.Embeddings) || m.Kind == catalog.Library || m.Kind == catalog.Reranker {
		return Model{}, fault.Param("model", "The model `%s` is for %s and cannot answer for %s.", name, m.Kind, kind).WithCode("invalid_value")
	}
	before := s.o.Models.Default(kind)
	err = s.record(ctx, who, audit.Event{Type: "model.default_updated", Object: string(kind), Before: before, After: name}, func() error {
		return s.o.Models.SetDefault(ctx, kind, name)
	})
	if err != nil {
		return Model{}, err
	}
	if s.o.Models.Default(kind) != name {
		return Model{}, fault.New(fault.Conflict, "The configuration says which model answers for %s (defaults.%s), which stays above this choice.", kind, kind).WithCode("default_configured")
	}
	return s.Model(ctx, name)
}

// Offer is a model, or a library for this machine, that the catalog has.
type Offer struct {
	Object      string       `json:"object" enum:"catalog_entry"`
	Name        string       `json:"name"`
	Title       string       `json:"title"`
	Kind        catalog.Kind `json:"kind"`
	Licence     string       `json:"licence"`
	Notes       string       `json:"notes,omitempty"`
	Parameters  int64        `json:"parameters,omitzero"`
	Window      int          `json:"context_window,omitzero" doc:"Tokens."`
	Dimensions  int          `json:"dimensions,omitzero" doc:"Of its vectors."`
	Languages   []string     `json:"languages"`
	Bytes       int64        `json:"bytes,omitzero" doc:"What is to be fetched; none when it is not known before."`
	Memory      int64        `json:"memory_bytes,omitzero" doc:"Weights and a window of 8,192 tokens."`
	Fits        bool         `json:"fits" doc:"It takes three fifths of this machine's memory at most."`
	Recommended bool         `json:"recommended" doc:"The best of its kind that fits."`
	Installed   bool         `json:"installed"`
	Gated       bool         `json:"gated" doc:"Its terms must be accepted on the hub's site first, and a token set."`
	Tried       bool         `json:"tried" doc:"Parley's project has pulled it; what it never did is described from public sources."`
}

// Catalog returns what can be pulled, without libraries for other platforms.
func (s *Service) Catalog() []Offer {
	installed := map[string]bool{}
	for _, in := range s.o.Models.Installed() {
		installed[in.Name] = true
		installed[in.Ref] = true
	}
	best := map[catalog.Kind]string{}
	for _, kind := range answering {
		if e := s.o.Models.Recommend(kind, true); e != nil {
			best[kind] = e.Name
		}
	}
	out := []Offer{}
	for _, e := range s.o.Models.Catalog().Entries {
		if e.Kind == catalog.Library && e.Platform != models.Platform {
			continue
		}
		out = append(out, Offer{
			Object: "catalog_entry", Name: e.Name, Title: e.Title, Kind: e.Kind, Licence: e.Licence, Notes: e.Notes, Parameters: e.Parameters, Window: e.Context,
			Dimensions: e.Dimensions, Languages: append([]string{}, e.Languages...), Bytes: e.Bytes(), Memory: e.Memory, Fits: s.o.Models.Fits(e.Memory),
			Recommended: best[e.Kind] == e.Name, Installed: installed[e.Name], Gated: e.Gated(), Tried: e.Verified == catalog.PulledHere,
		})
	}
	return out
}

// clip bounds what a message repeats of a request.
func clip(s string) string { return s[:min(len(s), 200)] }
