package convert

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/models/gguf"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tiny is a BERT of one layer and width 32, with weights that count up.
type tiny struct {
	config  map[string]any
	vocab   []string
	tensors map[string][]int64 // shapes
	drop    string
}

func newTiny() *tiny {
	m := &tiny{
		config: map[string]any{
			"model_type": "bert", "num_hidden_layers": 1, "max_position_embeddings": 8, "hidden_size": 32, "intermediate_size": 64,
			"num_attention_heads": 4, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "type_vocab_size": 2, "vocab_size": 8,
		},
		vocab:   []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "##ing", "##"},
		tensors: map[string][]int64{},
	}
	vector := func(name string, n int64) { m.tensors[name] = []int64{n} }
	matrix := func(name string, out, in int64) {
		m.tensors[name+".weight"] = []int64{out, in}
		vector(name+".bias", out)
	}
	m.tensors["embeddings.word_embeddings.weight"] = []int64{8, 32}
	m.tensors["embeddings.token_type_embeddings.weight"] = []int64{2, 32}
	m.tensors["embeddings.position_embeddings.weight"] = []int64{8, 32}
	m.tensors["pooler.dense.weight"] = []int64{32, 32}
	for _, name := range []string{"embeddings.LayerNorm", "encoder.layer.0.attention.output.LayerNorm", "encoder.layer.0.output.LayerNorm"} {
		vector(name+".weight", 32)
		vector(name+".bias", 32)
	}
	for _, name := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"} {
		matrix("encoder.layer.0."+name, 32, 32)
	}
	matrix("encoder.layer.0.intermediate.dense", 64, 32)
	matrix("encoder.layer.0.output.dense", 32, 64)
	return m
}

// write puts the model into a directory. kind is the safetensors type of its weights.
func (m *tiny) write(t testing.TB, kind string) Files {
	t.Helper()
	dir := t.TempDir()
	head, data := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, []byte{}
	for _, name := range slices.Sorted(maps.Keys(m.tensors)) {
		if name == m.drop {
			continue
		}
		begin := len(data)
		n := int64(1)
		for _, d := range m.tensors[name] {
			n *= d
		}
		for i := range n {
			v := float32(i%17) / 8
			switch kind {
			case "F32":
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			case "F16":
				data = binary.LittleEndian.AppendUint16(data, half(v))
			case "BF16":
				data = binary.LittleEndian.AppendUint16(data, uint16(math.Float32bits(v)>>16))
			}
		}
		head["bert."+name] = map[string]any{"dtype": kind, "shape": m.tensors[name], "data_offsets": []int{begin, len(data)}}
	}
	put := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	headText, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(m.config)
	if err != nil {
		t.Fatal(err)
	}
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(headText))), headText...)
	put("model.safetensors", append(file, data...))
	put("config.json", config)
	put("vocab.txt", []byte(strings.Join(m.vocab, "\n")+"\n"))
	files, err := InDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (m *tiny) convert(t *testing.T, kind string, o Options) (*gguf.File, []byte) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.gguf")
	if err := BERT(context.Background(), m.write(t, kind), out, o); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(out, gguf.Options{Arrays: true})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return f, data
}

// TestHeadGolden pins what llama.cpp reads: keys, tensor names, shapes and types.
func TestHeadGolden(t *testing.T) {
	f, _ := newTiny().convert(t, "F32", Options{Weights: gguf.F16, Name: "Tiny", Licence: "MIT"})
	var b strings.Builder
	for _, kv := range f.Meta {
		fmt.Fprintf(&b, "%s = %v\n", kv.Key, kv.Value.V)
	}
	for _, tensor := range f.Tensors {
		fmt.Fprintf(&b, "%s %v %s at %d\n", tensor.Name, tensor.Dims, tensor.Type, tensor.Offset)
	}
	path := filepath.Join("testdata", "head.golden")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the head changed:\n%s", b.String())
	}
}

func TestWeightsComeThroughFromEveryType(t *testing.T) {
	for _, kind := range []string{"F32", "F16", "BF16"} {
		for _, weights := range []gguf.Type{gguf.F32, gguf.F16, gguf.Q8_0} {
			t.Run(kind+" to "+weights.String(), func(t *testing.T) {
				f, data := newTiny().convert(t, kind, Options{Weights: weights})
				for _, tensor := range f.Tensors {
					got := values(t, data[f.DataOffset+tensor.Offset:][:tensor.Size], tensor.Type)
					for i, v := range got {
						// Eighths up to 2 are exact in 16 bits; Q8_0 has steps of 2/127.
						want, slack := float32(i%17)/8, 0.0
						if tensor.Type == gguf.Q8_0 {
							slack = 0.009
						}
						if math.Abs(float64(v-want)) > slack {
							t.Fatalf("%s[%d] = %g, want %g", tensor.Name, i, v, want)
						}
					}
				}
			})
		}
	}
}

func values(t *testing.T, data []byte, kind gguf.Type) (out []float32) {
	t.Helper()
	le := binary.LittleEndian
	switch kind {
	case gguf.F32:
		for ; len(data) > 0; data = data[4:] {
			out = append(out, math.Float32frombits(le.Uint32(data)))
		}
	case gguf.F16:
		for ; len(data) > 0; data = data[2:] {
			out = append(out, single(le.Uint16(data)))
		}
	case gguf.Q8_0:
		for ; len(data) > 0; data = data[34:] {
			for _, q := range data[2:34] {
				out = append(out, single(le.Uint16(data))*float32(int8(q)))
			}
		}
	default:
		t.Fatalf("type %s", kind)
	}
	return out
}

func TestSameInputSameBytes(t *testing.T) {
	_, a := newTiny().convert(t, "F32", Options{Weights: gguf.F16})
	_, b := newTiny().convert(t, "F32", Options{Weights: gguf.F16})
	if !bytes.Equal(a, b) {
		t.Error("two conversions of one model differ")
	}
}

func TestVocabularyFromTokenizerJSON(t *testing.T) {
	m := newTiny()
	files := m.write(t, "F32")
	vocab := map[string]int{}
	for i, w := range m.vocab {
		vocab[w] = i
	}
	doc, err := json.Marshal(map[string]any{"model": map[string]any{"type": "WordPiece", "vocab": vocab}})
	if err != nil {
		t.Fatal(err)
	}
	files.Vocab, files.Tokenizer = "", filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(files.Tokenizer, doc, 0o644); err != nil {
		t.Fatal(err)
	}
	words, err := vocabulary(files)
	if err != nil || strings.Join(words, " ") != strings.Join(m.vocab, " ") {
		t.Errorf("%v %v", words, err)
	}
}

func TestPoolingFollowsItsFile(t *testing.T) {
	for text, want := range map[string]uint32{
		`{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}`: poolMean,
		`{"pooling_mode_mean_tokens": false, "pooling_mode_cls_token": true}`: poolCLS,
		`{"pooling_mode_max_tokens": true}`:                                   0,
	} {
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := pooling(path)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}

func TestWhatCannotBeConvertedIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*tiny)
		want   string
	}{
		"another family":     {func(m *tiny) { m.config["model_type"] = "roberta" }, "roberta"},
		"another activation": {func(m *tiny) { m.config["hidden_act"] = "relu" }, "relu"},
		"relative positions": {func(m *tiny) { m.config["position_embedding_type"] = "relative_key" }, "relative_key"},
		"no layers":          {func(m *tiny) { m.config["num_hidden_layers"] = 0 }, "sizes"},
		"a missing tensor":   {func(m *tiny) { m.drop = "encoder.layer.0.output.dense.weight" }, "encoder.layer.0.output.dense.weight"},
		"another shape":      {func(m *tiny) { m.config["intermediate_size"] = 32 }, "expected"},
		"a short vocabulary": {func(m *tiny) { m.vocab = m.vocab[:7] }, "expected"},
		"no [MASK]":          {func(m *tiny) { m.vocab[4] = "mask" }, "[MASK]"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTiny()
			row.change(m)
			out := filepath.Join(t.TempDir(), "out.gguf")
			err := BERT(context.Background(), m.write(t, "F32"), out, Options{Weights: gguf.F16})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("err = %v, want one about %q", err, row.want)
			}
			if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
				t.Error("a file was left behind")
			}
		})
	}
}

func TestCasedVocabulariesAreRefused(t *testing.T) {
	files := newTiny().write(t, "F32")
	files.TokenizerConfig = filepath.Join(t.TempDir(), "tokenizer_config.json")
	if err := os.WriteFile(files.TokenizerConfig, []byte(`{"do_lower_case": false}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := vocabulary(files); err == nil || !strings.Contains(err.Error(), "capital") {
		t.Errorf("err = %v", err)
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out := filepath.Join(t.TempDir(), "out.gguf")
	err := BERT(ctx, newTiny().write(t, "F32"), out, Options{Weights: gguf.F16, Progress: func(int64, int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Error("a file was left behind")
	}
}

func TestHalf(t *testing.T) {
	for v, want := range map[float32]uint16{
		0: 0, 1: 0x3c00, -2: 0xc000, 65504: 0x7bff, 65519: 0x7bff, 65520: 0x7c00, 1e10: 0x7c00, float32(math.Inf(-1)): 0xfc00,
		6.103515625e-05: 0x0400, 5.960464477539063e-08: 0x0001, 2.9802322387695312e-08: 0, 2.9802326e-08: 1, 1e-10: 0,
		1.00048828125: 0x3c00, 1.0014648: 0x3c02, // ties to even, and just above a tie
	} {
		if got := half(v); got != want {
			t.Errorf("half(%g) = %04x, want %04x", v, got, want)
		}
	}
	if h := half(float32(math.NaN())); h&0x7c00 != 0x7c00 || h&0x3ff == 0 {
		t.Errorf("half(NaN) = %04x", h)
	}
	for h := range 1 << 16 {
		v := single(uint16(h))
		if v == v && half(v) != uint16(h) {
			t.Fatalf("%04x became %g and then %04x", h, v, half(v))
		}
	}
}

// FuzzSafetensors: no head may panic, or make a tensor reach beyond the file.
func FuzzSafetensors(f *testing.F) {
	head := `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	f.Add(append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), make([]byte, 8)...))
	f.Add([]byte("12345678"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "f")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := openSafetensors(path)
		if err != nil {
			return
		}
		defer s.file.Close()
		for name, e := range s.tensors {
			if s.data+e.Offsets[1] > int64(len(data)) {
				t.Fatalf("%s reaches beyond the file", name)
			}
			if _, known := widths[e.Type]; !known {
				continue
			}
			var n int64
			if err := s.each(context.Background(), e, func(v []float32) error { n += int64(len(v)); return nil }); err == nil && n != e.elements() {
				t.Fatalf("%s: %d of %d values", name, n, e.elements())
			}
		}
	})
}
