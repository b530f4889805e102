package models

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/convert"
	"github.com/parley-ai/parley/internal/models/gguf"
	"github.com/parley-ai/parley/internal/models/pull"
)

// ScoreText is the fixed text whose log-likelihood is measured before and after a preparation.
//
//go:embed score.txt
var ScoreText string

// slow are the formats that ggml does not repack for the CPU at load time: a model in one of them
// gains from a preparation. Q4_0, Q8_0 and the K-quants are left as they are; so are 16- and 32-bit
// weights, which a person pulled for a reason.
func slow(t gguf.Type) bool {
	return t == gguf.Q4_1 || t == gguf.Q5_0 || t == gguf.Q5_1
}

// layoutFor decides what a file becomes: "" leaves it.
func layoutFor(asked string, t gguf.Type) string {
	switch asked {
	case LayoutAsIs:
		return ""
	case LayoutFast:
		if t == gguf.Q4_0 {
			return ""
		}
		return LayoutFast
	}
	if slow(t) {
		return LayoutLossless
	}
	return ""
}

// Prepare makes a pulled model's weights anew in another layout, from the file as it was pulled.
func (r *Registry) Prepare(ctx context.Context, name string, o PullOptions) (out Installed, err error) {
	defer fault.Wrap(&err, "models.Prepare(%s)", name)
	if err := checkLayout(o.Layout); err != nil {
		return Installed{}, err
	}
	for _, in := range r.Installed() {
		if in.Name != name {
			continue
		}
		if in.Kind == catalog.Library || in.Engine != "llama" || len(in.Files) != 1 {
			return Installed{}, fault.New(fault.Invalid, "%s has no weights that can be prepared", name)
		}
		in, err := r.prepare(ctx, in.asPulled(), o)
		if err != nil {
			return Installed{}, err
		}
		if err := in.describe(); err != nil {
			return Installed{}, err
		}
		return in, r.put(ctx, in)
	}
	return Installed{}, notInstalled(name)
}

// prepare lays a pulled model's weights as asked. Made once per (file, layout, library): the cache
// remembers what came out.
func (r *Registry) prepare(ctx context.Context, in Installed, o PullOptions) (Installed, error) {
	if in.Kind == catalog.Embeddings || in.Kind == catalog.Reranker || o.Preparer == nil {
		return in, nil
	}
	g, err := gguf.Open(in.Path, gguf.Options{})
	if err != nil {
		return Installed{}, unreadable(in.Path, err)
	}
	if g.Encoder() {
		return in, nil
	}
	layout := layoutFor(o.Layout, g.Weights())
	if layout == "" {
		return in, nil
	}
	library, version, err := r.libraryFor(ctx, o)
	if err != nil {
		return Installed{}, err
	}
	key := in.SHA256 + " " + layout + " " + version
	unlock, err := r.store.Lock(ctx, "prepare "+key, func() { report(o, "waiting", 0, 0) })
	if err != nil {
		return Installed{}, err
	}
	defer unlock()
	made, ok := r.recall(key)
	if !ok {
		if made, err = r.quantize(ctx, in, "prepare "+key, layout, library, o); err != nil {
			return Installed{}, err
		}
		if err := r.remember(key, made); err != nil {
			return Installed{}, err
		}
	}
	in.Prepared = &made.Preparation
	in.Path, in.SHA256, in.Bytes, in.Layout = r.store.Path(made.SHA256), made.SHA256, made.Bytes, layout
	return in, nil
}

func report(o PullOptions, stage string, done, total int64) {
	if o.Progress != nil {
		o.Progress(Progress{Stage: stage, Done: done, Total: total})
	}
}

// made is the result of a preparation as the cache remembers it, in CACHE/prepared.
type made struct {
	Preparation
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

func (r *Registry) recallPath(key string) string {
	return filepath.Join(r.store.Dir, "prepared", filepath.Base(r.store.Partial(key))+".json")
}

func (r *Registry) recall(key string) (made, bool) {
	var m made
	data, err := os.ReadFile(r.recallPath(key))
	if err != nil || json.Unmarshal(data, &m) != nil || !r.store.Has(m.SHA256, m.Bytes) {
		return made{}, false
	}
	return m, true
}

func (r *Registry) remember(key string, m made) error {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return blobs.WriteFile(r.recallPath(key), data, 0o644)
}

// quantize makes the file of a layout; the caller holds the lock.
func (r *Registry) quantize(ctx context.Context, in Installed, lock, layout, library string, o PullOptions) (made, error) {
	if err := r.store.Verify(ctx, in.Path, in.SHA256, in.Bytes, nil); err != nil {
		return made{}, err
	}
	// Q8_0 of a 4-bit file is less than twice as large.
	if free, err := blobs.Free(r.store.Dir); err == nil && free < 2*in.Bytes {
		return made{}, &pull.DiskError{Dir: r.store.Dir, Need: 2 * in.Bytes, Free: free}
	}
	tmp, err := r.store.TempDir(lock)
	if err != nil {
		return made{}, err
	}
	defer os.RemoveAll(tmp)
	before, err := r.scoreOnce(ctx, in, library, o)
	if err != nil {
		return made{}, fmt.Errorf("measuring %s: %w", in.Name, err)
	}
	out := filepath.Join(tmp, "prepared.gguf")
	err = o.Preparer.Quantize(ctx, engine.QuantizeRequest{
		Library: library, Source: in.Path, Target: out, Layout: layout, Threads: r.settings.Threads,
	}, func(f float64) { report(o, "prepare", int64(f*float64(in.Bytes)), in.Bytes) })
	if err != nil {
		// llama.cpp does not say that the disk was full.
		if free, ferr := blobs.Free(r.store.Dir); ferr == nil && free < in.Bytes/10 {
			err = &pull.DiskError{Dir: r.store.Dir, Need: 2 * in.Bytes, Free: free}
		}
		return made{}, fmt.Errorf("preparing %s: %w", in.Name, err)
	}
	after, err := r.score(ctx, out, in.Bytes, library, o)
	if err != nil {
		return made{}, fmt.Errorf("measuring %s: %w", in.Name, err)
	}
	sha, size, err := r.store.Adopt(ctx, out, "", nil)
	if err != nil {
		return made{}, err
	}
	return made{
		Preparation: Preparation{From: in.SHA256, Layout: layout, Library: filepath.Base(library), ScoreBefore: &before.LogLikelihood, ScoreAfter: &after.LogLikelihood, ScoreTokens: before.Tokens},
		SHA256:      sha, Bytes: size,
	}, nil
}

// scoreOnce is score of a pulled file, which is remembered for the next layout.
func (r *Registry) scoreOnce(ctx context.Context, in Installed, library string, o PullOptions) (engine.Score, error) {
	key := "score " + in.SHA256 + " " + filepath.Base(library)
	if m, ok := r.recall(key); ok && m.ScoreBefore != nil {
		return engine.Score{LogLikelihood: *m.ScoreBefore, Tokens: m.ScoreTokens}, nil
	}
	s, err := r.score(ctx, in.Path, in.Bytes, library, o)
	if err != nil {
		return s, err
	}
	return s, r.remember(key, made{
		Preparation: Preparation{From: in.SHA256, Layout: LayoutAsIs, Library: filepath.Base(library), ScoreBefore: &s.LogLikelihood, ScoreTokens: s.Tokens},
		SHA256:      in.SHA256, Bytes: in.Bytes,
	})
}

// score measures how likely ScoreText is to a model file; its progress is shown as a share of size.
func (r *Registry) score(ctx context.Context, path string, size int64, library string, o PullOptions) (engine.Score, error) {
	return o.Preparer.Score(ctx, engine.ScoreRequest{
		Spec: engine.Spec{Name: "score", Driver: "llama", Path: path, Library: library, ContextWindow: scoreWindow, Slots: 1, Threads: r.settings.Threads},
		Text: ScoreText,
	}, func(f float64) { report(o, "score", int64(f*float64(size)), size) })
}

// scoreWindow holds ScoreText in any tokenizer.
const scoreWindow = 1024

// libraryFor returns the engine's libraries, pulled first when they are not here, and their version.
func (r *Registry) libraryFor(ctx context.Context, o PullOptions) (dir, version string, err error) {
	m, err := loadManifest(r.home, r.store)
	if err != nil {
		return "", "", err
	}
	if dir = r.library(m); dir == "" {
		in, err := r.PullLibrary(ctx, PullOptions{Progress: o.Progress, NPM: o.NPM})
		if err != nil {
			return "", "", err
		}
		dir = in.Dir
	}
	return dir, filepath.Base(dir), nil
}

// convert turns an entry's files into what the engine reads, once per content.
func (r *Registry) convert(ctx context.Context, in Installed, e *catalog.Entry, o PullOptions) (Installed, error) {
	if e.Convert != "bert-gguf" {
		return Installed{}, fault.New(fault.Invalid, "catalog entry %s: conversion %q is not known", e.Name, e.Convert)
	}
	key := "bert-gguf f16 " + convert.Version
	files := convert.Files{}
	for _, f := range in.Files {
		key += " " + f.SHA256
		switch f.Name {
		case "model.safetensors":
			files.Weights = f.Path
		case "config.json":
			files.Config = f.Path
		case "vocab.txt":
			files.Vocab = f.Path
		case "tokenizer.json":
			files.Tokenizer = f.Path
		case "tokenizer_config.json":
			files.TokenizerConfig = f.Path
		}
	}
	unlock, err := r.store.Lock(ctx, "convert "+key, func() { report(o, "waiting", 0, 0) })
	if err != nil {
		return Installed{}, err
	}
	defer unlock()
	m, ok := r.recall(key)
	if !ok {
		for _, f := range in.Files {
			if err := r.store.Verify(ctx, f.Path, f.SHA256, f.Bytes, nil); err != nil {
				return Installed{}, err
			}
		}
		if m, err = r.bert(ctx, files, "convert "+key, e, o); err != nil {
			return Installed{}, err
		}
		m.Preparation = Preparation{From: in.Files[0].SHA256, Layout: "bert-gguf f16", Library: convert.Version}
		if err := r.remember(key, m); err != nil {
			return Installed{}, err
		}
	}
	in.Prepared = &m.Preparation
	in.Path, in.SHA256, in.Bytes = r.store.Path(m.SHA256), m.SHA256, m.Bytes
	return in, nil
}

// bert makes the GGUF file of a sentence encoder; the caller holds the lock.
func (r *Registry) bert(ctx context.Context, files convert.Files, lock string, e *catalog.Entry, o PullOptions) (made, error) {
	tmp, err := r.store.TempDir(lock)
	if err != nil {
		return made{}, err
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, "model.gguf")
	err = convert.BERT(ctx, files, out, convert.Options{
		Weights: gguf.F16, Name: e.Title, Licence: e.Licence,
		Progress: func(done, total int64) { report(o, "convert", done, total) },
	})
	if err != nil {
		return made{}, fmt.Errorf("converting %s: %w", e.Name, err)
	}
	sha, size, err := r.store.Adopt(ctx, out, "", nil)
	return made{SHA256: sha, Bytes: size}, err
}

// Verified wraps an opener of local models: the file, and the libraries that will run it, are checked
// against their pins before anything is loaded. A file that was hashed before and did not change is
// not read again.
func (r *Registry) Verified(next engine.Opener) engine.Opener {
	return func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		if spec.Driver == "llama" && spec.SHA256 != "" {
			if err := r.store.Verify(ctx, spec.Path, spec.SHA256, 0, nil); err != nil {
				return nil, fault.New(fault.Unavailable, "The model `%s` cannot be loaded: %s. Run `parley pull` again", spec.Name, err).WithCause(err)
			}
		}
		for _, in := range r.Installed() {
			if in.Kind == catalog.Library && in.Dir == spec.Library && spec.Library != "" {
				if err := r.VerifyInstalled(ctx, in, nil); err != nil {
					return nil, fault.New(fault.Unavailable, "The engine's libraries cannot be loaded: %s. Remove that directory and run `parley pull %s`", err, in.Ref).WithCause(err)
				}
			}
		}
		return next(ctx, spec, progress)
	}
}
