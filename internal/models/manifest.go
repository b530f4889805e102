package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/pull"
)

// Layouts of weights, as engine.Info and `parley models` show them.
const (
	LayoutAsIs     = "as-is"    // the file as it was pulled
	LayoutLossless = "lossless" // Q8_0: keeps what the original knows, and fast on a CPU
	LayoutFast     = "fast"     // Q4_0: smallest and fastest, loses a little
)

// Installed is a model, or an engine's native libraries, that a home has.
type Installed struct {
	Name       string       `json:"name"` // served model
	Title      string       `json:"title,omitempty"`
	Kind       catalog.Kind `json:"kind"`
	Engine     string       `json:"engine"` // llama, whisper, onnx
	Licence    string       `json:"licence,omitempty"`
	Ref        string       `json:"ref"`                // what was asked for
	Source     string       `json:"source"`             // where it came from
	Files      []pull.File  `json:"files,omitempty"`    // as pulled, pinned
	Dir        string       `json:"dir,omitempty"`      // libraries
	Platform   string       `json:"platform,omitempty"` // libraries: GOOS/GOARCH
	Path       string       `json:"path,omitempty"`     // what the engine loads
	SHA256     string       `json:"sha256,omitempty"`
	Bytes      int64        `json:"bytes"`
	Layout     string       `json:"layout,omitempty"`
	Weights    string       `json:"weights,omitempty"` // format of the loaded file: "Q8_0"
	Arch       string       `json:"arch,omitempty"`
	Parameters int64        `json:"parameters,omitempty"`
	Context    int          `json:"context,omitempty"`    // tokens that the model was made for
	KVBytes    int64        `json:"kv_bytes,omitempty"`   // of one token in the KV cache
	Dimensions int          `json:"dimensions,omitempty"` // of its vectors
	Template   bool         `json:"template,omitempty"`   // the file carries a chat template
	Prepared   *Preparation `json:"prepared,omitempty"`
	PulledAt   int64        `json:"pulled_at"` // milliseconds since 1970
}

// Preparation tells how the loaded file was made from the pulled one.
type Preparation struct {
	From    string `json:"from"`    // sha256 of the pulled file
	Layout  string `json:"layout"`  // lossless, fast; for conversions the target, "bert-gguf f16"
	Library string `json:"library"` // library or converter that made it, with its version
	// Log-likelihood of ScoreText in nats, summed over its tokens, before and after. Nil when it was
	// not measured.
	ScoreBefore *float64 `json:"score_before,omitempty"`
	ScoreAfter  *float64 `json:"score_after,omitempty"`
	ScoreTokens int      `json:"score_tokens,omitempty"` // how many tokens these are sums over
}

// manifest is HOME/models.json.
type manifest struct {
	Version  int                     `json:"version"`
	Models   []Installed             `json:"models"`
	Defaults map[catalog.Kind]string `json:"defaults,omitempty"`
	Declined []string                `json:"declined,omitempty"` // offers of better models that got a no; see Decline
}

const manifestVersion = 1

func manifestPath(home string) string { return filepath.Join(home, "models.json") }

func loadManifest(home string, store blobs.Store) (manifest, error) {
	m := manifest{Version: manifestVersion}
	data, err := os.ReadFile(manifestPath(home))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s cannot be read (%w): repair it, or remove it and pull the models again; their files are kept", manifestPath(home), err)
	}
	if m.Version != manifestVersion {
		return m, fmt.Errorf("%s has version %d, this Parley knows %d: use the Parley that wrote it", manifestPath(home), m.Version, manifestVersion)
	}
	for i := range m.Models {
		m.Models[i].fill(store)
	}
	return m, nil
}

// fill completes what is not written: files of the store stand by their hash alone, so that the cache
// can be moved.
func (m *Installed) fill(store blobs.Store) {
	if m.Path == "" && m.SHA256 != "" {
		m.Path = store.Path(m.SHA256)
	}
	if m.Kind == catalog.Library {
		m.Dir = store.Library(filepath.Base(m.Dir))
	}
	for i := range m.Files {
		f := &m.Files[i]
		switch {
		case f.Path != "":
		case m.Kind == catalog.Library:
			f.Path = filepath.Join(m.Dir, f.Name)
		default:
			f.Path = store.Path(f.SHA256)
		}
	}
}

func (m Installed) stripped(store blobs.Store) Installed {
	if m.Path == store.Path(m.SHA256) {
		m.Path = ""
	}
	if m.Kind == catalog.Library {
		m.Dir = filepath.Base(m.Dir)
	}
	m.Files = slices.Clone(m.Files)
	for i := range m.Files {
		if m.Kind == catalog.Library || m.Files[i].Path == store.Path(m.Files[i].SHA256) {
			m.Files[i].Path = ""
		}
	}
	return m
}

// update changes the manifest under its lock: read, change, replace.
func (r *Registry) update(ctx context.Context, change func(*manifest) error) error {
	// Keys and chats will lie beside it.
	if err := os.MkdirAll(r.home, 0o700); err != nil {
		return err
	}
	unlock, err := blobs.LockFile(ctx, manifestPath(r.home)+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	m, err := loadManifest(r.home, r.store)
	if err != nil {
		return err
	}
	if err := change(&m); err != nil {
		return err
	}
	out := m
	out.Models = make([]Installed, len(m.Models))
	for i, in := range m.Models {
		out.Models[i] = in.stripped(r.store)
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	if err := blobs.WriteFile(manifestPath(r.home), append(data, '\n'), 0o644); err != nil {
		return err
	}
	return r.Reload()
}

// put adds or replaces an installed model.
func (r *Registry) put(ctx context.Context, in Installed) error {
	if err := r.store.NoteHome(r.home); err != nil {
		return err
	}
	return r.update(ctx, func(m *manifest) error {
		if i := slices.IndexFunc(m.Models, func(x Installed) bool { return x.Name == in.Name }); i >= 0 {
			m.Models[i] = in
		} else {
			m.Models = append(m.Models, in)
		}
		return nil
	})
}
