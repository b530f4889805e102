package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/convert"
	"github.com/parley-ai/parley/internal/models/discover"
	"github.com/parley-ai/parley/internal/models/gguf"
	"github.com/parley-ai/parley/internal/models/hub"
)

// HubReachable reports whether the model hub answers within two seconds.
func (r *Registry) HubReachable(ctx context.Context) bool {
	if r.http == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return hub.Client{HTTP: r.http}.Reachable(ctx)
}

// Recommend returns the best model of a kind (chat, code, embeddings) that this machine's memory runs
// well, or nil. Without the hub only what is reachable otherwise counts. At most three fifths of the
// memory go to a model: the rest is for the system, and for a second model.
func (r *Registry) Recommend(kind catalog.Kind, hubReachable bool) *catalog.Entry {
	var best *catalog.Entry
	for _, e := range r.catalog.Entries {
		if e.Kind != kind || e.Rank == 0 || e.Gated() || !r.Fits(e.Memory) {
			continue
		}
		elsewhere := slices.ContainsFunc(e.Sources, func(s catalog.Source) bool { return s.Kind != catalog.HF && s.Kind != catalog.URL })
		if !hubReachable && !elsewhere {
			continue
		}
		if best == nil || e.Rank > best.Rank {
			best = e
		}
	}
	return best
}

// Fits reports whether a model of so many bytes leaves enough memory for the rest.
func (r *Registry) Fits(bytes int64) bool { return r.memory == 0 || bytes <= r.memory/5*3 }

// Declined returns the offers of better models that this home said no to.
func (r *Registry) Declined() []string { return slices.Clone(r.snap.Load().declined) }

// Decline remembers a no to offers, each named by any text that is the same when it is offered again.
func (r *Registry) Decline(ctx context.Context, offers []string) error {
	return r.update(ctx, func(m *manifest) error {
		for _, offer := range offers {
			if !slices.Contains(m.Declined, offer) {
				m.Declined = append(m.Declined, offer)
			}
		}
		return nil
	})
}

// Upgrade pulls a model and makes it the default of its kind, and of code where that has no model of
// its own. Until it is ready, and for requests that are under way then, the old one answers.
func (r *Registry) Upgrade(ctx context.Context, ref string, o PullOptions) (Installed, error) {
	in, err := r.PullReady(ctx, ref, o)
	if err != nil {
		return Installed{}, err
	}
	return in, r.SetDefault(ctx, in.Kind, in.Name)
}

// PullReady is Pull of a model that is to answer at once: the engine's libraries come first where there are none.
func (r *Registry) PullReady(ctx context.Context, ref string, o PullOptions) (Installed, error) {
	if e := r.catalog.Find(ref); e == nil || e.Kind != catalog.Library {
		if _, _, err := r.libraryFor(ctx, o); err != nil {
			return Installed{}, err
		}
	}
	return r.Pull(ctx, ref, o)
}

// Discover looks for models that this machine has already. self is our own address, HOST:PORT.
func (r *Registry) Discover(ctx context.Context, self string) []discover.Found {
	return discover.Look(ctx, discover.Options{HTTP: r.http, Self: self})
}

// Remotes turns the endpoints among what was found into remotes; their names are the programs', in
// small letters ("ollama", "lm-studio").
func Remotes(found []discover.Found) []Remote {
	var out []Remote
	for _, f := range found {
		if f.URL == "" || f.Skipped != "" {
			continue
		}
		remote := Remote{Name: strings.ToLower(strings.ReplaceAll(f.Program, " ", "-")), URL: f.URL}
		for _, m := range f.Models {
			remote.Models = append(remote.Models, RemoteModel{Name: m.Name, Kind: m.Kind, Window: m.Window})
		}
		out = append(out, remote)
	}
	return out
}

// Import installs a discovered file where it lies.
func (r *Registry) Import(ctx context.Context, f discover.Found, o PullOptions) (Installed, error) {
	if f.Skipped != "" || f.File == "" {
		return Installed{}, fault.New(fault.Invalid, "%s cannot be used: %s", f.Name, f.Skipped)
	}
	if _, _, err := r.libraryFor(ctx, o); err != nil {
		return Installed{}, err
	}
	o.Name = cmp.Or(o.Name, f.Name)
	return r.Pull(ctx, f.File, o)
}

// RefreshRemotes asks the configured endpoints that name no models what they have. What does not
// answer keeps what it had; the errors are for the log.
func (r *Registry) RefreshRemotes(ctx context.Context) error {
	var errs []error
	for _, remote := range r.settings.Remotes {
		if len(remote.Models) > 0 {
			continue
		}
		listed, err := discover.Models(ctx, r.http, remote.URL, remote.APIKey)
		if err != nil {
			errs = append(errs, fmt.Errorf("remote %s: %w", remote.Name, err))
			continue
		}
		models := make([]RemoteModel, 0, len(listed))
		for _, m := range listed {
			models = append(models, RemoteModel{Name: m.Name, Kind: m.Kind, Window: m.Window})
		}
		r.mu.Lock()
		if r.listed == nil {
			r.listed = map[string][]RemoteModel{}
		}
		r.listed[remote.URL] = models
		r.mu.Unlock()
	}
	return errors.Join(append(errs, r.Reload())...)
}

// Convert turns the directory of a published sentence encoder (model.safetensors, config.json,
// vocab.txt or tokenizer.json) into a GGUF file. weights is "f16" (also when empty), "q8_0" or "f32".
func Convert(ctx context.Context, dir, out, weights string, progress func(Progress)) error {
	types := map[string]gguf.Type{"": gguf.F16, "f16": gguf.F16, "q8_0": gguf.Q8_0, "f32": gguf.F32}
	t, ok := types[weights]
	if !ok {
		return fault.Param("weights", "weights %q: f16, q8_0 or f32", weights)
	}
	files, err := convert.InDirectory(dir)
	if err != nil {
		return fault.New(fault.Invalid, "%s", err)
	}
	return convert.BERT(ctx, files, out, convert.Options{Weights: t, Progress: func(done, total int64) {
		if progress != nil {
			progress(Progress{Stage: "convert", Done: done, Total: total})
		}
	}})
}
