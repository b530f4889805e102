package models

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/models/gguf"
)

// model is what a test's GGUF file is like; it holds the head that this package reads, and no model.
type model struct {
	name     string
	arch     string // llama when empty
	context  uint32 // 8192 when 0
	weights  gguf.Type
	pooling  uint32
	template string
	rows     int64 // of its one matrix, 2 when 0: the number of parameters / 32
}

func (m model) bytes(t *testing.T) []byte {
	t.Helper()
	if m.arch == "" {
		m.arch = "llama"
	}
	if m.context == 0 {
		m.context = 8192
	}
	if m.rows == 0 {
		m.rows = 2
	}
	kv := func(key string, v any) gguf.KV { return gguf.KV{Key: key, Value: gguf.Value{V: v}} }
	meta := []gguf.KV{
		kv("general.architecture", m.arch), kv("general.name", m.name), kv("general.license", "apache-2.0"),
		kv(m.arch+".context_length", m.context), kv(m.arch+".block_count", uint32(2)), kv(m.arch+".embedding_length", uint32(64)),
		kv(m.arch+".attention.head_count", uint32(4)), kv(m.arch+".attention.head_count_kv", uint32(4)),
	}
	if m.pooling > 0 {
		meta = append(meta, kv(m.arch+".pooling_type", m.pooling))
	}
	if m.template != "" {
		meta = append(meta, kv("tokenizer.chat_template", m.template))
	}
	tensors := []gguf.Tensor{{Name: "w", Dims: []int64{32, m.rows}, Type: m.weights}}
	var buf bytes.Buffer
	err := gguf.Write(&buf, meta, tensors, func(_ int, w io.Writer) error {
		size, _ := m.weights.Size(32 * m.rows)
		_, err := w.Write(make([]byte, size))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// file writes the model to a new file.
func (m model) file(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, m.bytes(t), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

var testTime = time.Date(2024, 1, 25, 12, 0, 0, 0, time.UTC)

// open opens a new home with libraries that are a directory of nothing.
func open(t *testing.T, change func(*Options)) *Registry {
	t.Helper()
	o := Options{
		Home: t.TempDir(), Cache: t.TempDir(), HTTP: http.DefaultClient, Clock: clock.NewFake(testTime), Memory: 16 << 30,
		Settings: Settings{Library: t.TempDir()},
	}
	if change != nil {
		change(&o)
	}
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Registry) mustPull(t *testing.T, ref string, o PullOptions) Installed {
	t.Helper()
	in, err := r.Pull(t.Context(), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// fakePreparer plays llama.cpp: it writes a file of the layout's type, and scores by a table. It
// counts what it was asked.
type fakePreparer struct {
	t       *testing.T
	made    int
	scored  []engine.ScoreRequest
	failing error
}

func (p *fakePreparer) Quantize(_ context.Context, req engine.QuantizeRequest, progress engine.Progress) error {
	if p.failing != nil {
		return p.failing
	}
	p.made++
	progress(0.5)
	types := map[string]gguf.Type{LayoutLossless: gguf.Q8_0, LayoutFast: gguf.Q4_0}
	return os.WriteFile(req.Target, model{weights: types[req.Layout], template: "{{ x }}"}.bytes(p.t), 0o644)
}

func (p *fakePreparer) Score(_ context.Context, req engine.ScoreRequest, _ engine.Progress) (engine.Score, error) {
	p.scored = append(p.scored, req)
	g, err := gguf.Open(req.Spec.Path, gguf.Options{})
	if err != nil {
		return engine.Score{}, err
	}
	return engine.Score{LogLikelihood: map[gguf.Type]float64{gguf.Q4_1: -800, gguf.Q8_0: -801, gguf.Q4_0: -830}[g.Weights()], Tokens: 300}, nil
}

var _ engine.Preparer = (*fakePreparer)(nil)

var chatModel = model{name: "Test", weights: gguf.Q4_1, template: "{{ messages }}"}
