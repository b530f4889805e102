package models_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/convert"
	"github.com/parley-ai/parley/internal/models/gguf"
)

// pulled opens the home that `make models` filled, or skips.
func pulled(t *testing.T) *models.Registry {
	t.Helper()
	home := os.Getenv("PARLEY_TEST_HOME")
	if home == "" {
		t.Skip("set PARLEY_TEST_HOME to a home with the default models (`make models` makes one)")
	}
	r, err := models.Open(models.Options{Home: home, Cache: os.Getenv("PARLEY_TEST_CACHE")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func installed(t *testing.T, r *models.Registry, is func(models.Installed) bool) models.Installed {
	t.Helper()
	for _, in := range r.Installed() {
		if is(in) {
			return in
		}
	}
	t.Fatal("PARLEY_TEST_HOME lacks a default model or the libraries: run `make models`")
	return models.Installed{}
}

// TestConvertedEmbeddingsEqualTheReference holds the converter's output, run by llama.cpp, against
// vectors that testdata/reference.py computed from the same weights without either.
func TestConvertedEmbeddingsEqualTheReference(t *testing.T) {
	r := pulled(t)
	library := installed(t, r, func(in models.Installed) bool { return in.Kind == catalog.Library && in.Engine == "llama" })
	minilm := installed(t, r, func(in models.Installed) bool { return in.Name == "all-minilm-l6-v2" })
	if err := r.VerifyInstalled(t.Context(), minilm, nil); err != nil {
		t.Fatal(err)
	}
	var files convert.Files
	for _, f := range minilm.Files {
		switch f.Name {
		case "model.safetensors":
			files.Weights = f.Path
		case "config.json":
			files.Config = f.Path
		case "vocab.txt":
			files.Vocab = f.Path
		case "tokenizer_config.json":
			files.TokenizerConfig = f.Path
		}
	}
	for _, row := range []struct {
		weights gguf.Type
		cosine  float64
	}{{gguf.F16, 0.9999}, {gguf.Q8_0, 0.998}} {
		t.Run(row.weights.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "minilm.gguf")
			if err := convert.BERT(t.Context(), files, path, convert.Options{Weights: row.weights}); err != nil {
				t.Fatal(err)
			}
			compare(t, engine.Spec{Name: "minilm", Driver: "llama", Path: path, Library: library.Dir, Embedding: true}, row.cosine)
		})
	}
}

// TestLosslessPreparationKeepsWhatTheModelKnows prepares the real default model with llama.cpp itself.
func TestLosslessPreparationKeepsWhatTheModelKnows(t *testing.T) {
	r := pulled(t)
	library := installed(t, r, func(in models.Installed) bool { return in.Kind == catalog.Library && in.Engine == "llama" })
	smol := installed(t, r, func(in models.Installed) bool { return in.Name == "smollm2-135m-instruct" })
	fresh, err := models.Open(models.Options{Home: t.TempDir(), Cache: t.TempDir(), Settings: models.Settings{Library: library.Dir}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := fresh.Pull(t.Context(), smol.Files[0].Path, models.PullOptions{Name: "smol", Preparer: llama.Preparer{}})
	if err != nil {
		t.Fatal(err)
	}
	if in.Layout != models.LayoutLossless || in.Weights != "Q8_0" || in.Prepared == nil {
		t.Fatalf("%+v", in)
	}
	before, after := *in.Prepared.ScoreBefore, *in.Prepared.ScoreAfter
	t.Logf("log-likelihood of %d tokens: %.2f before, %.2f after", in.Prepared.ScoreTokens, before, after)
	if before >= 0 || in.Prepared.ScoreTokens < 200 || math.Abs(after-before) > 0.015*math.Abs(before) {
		t.Errorf("log-likelihood of %d tokens %.2f became %.2f", in.Prepared.ScoreTokens, before, after)
	}
}

func compare(t *testing.T, spec engine.Spec, least float64) {
	t.Helper()
	b, err := llama.Open(t.Context(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	data, err := os.ReadFile(filepath.Join("convert", "testdata", "minilm.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Text   string
		IDs    []engine.Token
		Vector string
	}
	if err := json.Unmarshal(data, &rows); err != nil || len(rows) != 20 {
		t.Fatal(len(rows), err)
	}
	worst := 1.0
	for _, row := range rows {
		ids, err := b.Tokenize(t.Context(), engine.TokenizeRequest{Text: row.Text, AddSpecial: true})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids, row.IDs) {
			t.Errorf("%q: tokens %v, want %v", row.Text, ids, row.IDs)
			continue
		}
		res, err := b.Embed(t.Context(), engine.EmbedRequest{Tokens: [][]engine.Token{ids}})
		if err != nil {
			t.Fatal(err)
		}
		want, err := base64.StdEncoding.DecodeString(row.Vector)
		if err != nil {
			t.Fatal(err)
		}
		got := res.Vectors[0]
		if len(got)*4 != len(want) {
			t.Fatalf("%d dimensions, want %d", len(got), len(want)/4)
		}
		var dot, length float64
		for i, v := range got {
			dot += float64(v) * float64(math.Float32frombits(binary.LittleEndian.Uint32(want[4*i:])))
			length += float64(v) * float64(v)
		}
		if cosine := dot / math.Sqrt(length); cosine < least {
			t.Errorf("%q: cosine %.6f, want at least %.4f", row.Text, cosine, least)
		} else {
			worst = min(worst, cosine)
		}
		if math.Abs(length-1) > 1e-4 {
			t.Errorf("%q: length %f", row.Text, math.Sqrt(length))
		}
	}
	t.Logf("worst cosine of %d texts: %.6f", len(rows), worst)
}
