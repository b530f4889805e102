package gguf

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func sample() ([]KV, []Tensor, [][]byte) {
	kv := func(key string, v any) KV { return KV{Key: key, Value: Value{V: v}} }
	meta := []KV{
		kv("general.architecture", "llama"),
		kv("llama.block_count", uint32(2)),
		kv("llama.context_length", uint32(4096)),
		kv("llama.embedding_length", uint32(64)),
		kv("llama.attention.head_count", uint32(4)),
		kv("llama.attention.head_count_kv", uint32(2)),
		kv("llama.attention.layer_norm_rms_epsilon", float32(1e-5)),
		kv("llama.attention.causal", true),
		kv("offset", int32(-3)),
		kv("large", uint64(1<<40)),
		kv("tokenizer.ggml.tokens", []string{"a", "", "▁b"}),
		kv("tokenizer.ggml.token_type", []int32{1, -1, 3}),
		kv("scales", []float32{0.5, -2}),
	}
	tensors := []Tensor{
		{Name: "weight", Dims: []int64{32, 2}, Type: Q8_0},
		{Name: "norm.weight", Dims: []int64{3}, Type: F32},
	}
	return meta, tensors, [][]byte{bytes.Repeat([]byte{1}, 68), bytes.Repeat([]byte{2}, 12)}
}

func encoded(t testing.TB) []byte {
	t.Helper()
	meta, tensors, data := sample()
	var buf bytes.Buffer
	err := Write(&buf, meta, tensors, func(i int, w io.Writer) error {
		_, err := w.Write(data[i])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestWriteGolden(t *testing.T) {
	got := hex.Dump(encoded(t))
	path := filepath.Join("testdata", "sample.hex")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the bytes changed:\n%s", got)
	}
}

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	data := encoded(t)
	f, err := Read(bytes.NewReader(data), int64(len(data)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	meta, tensors, _ := sample()
	for i, kv := range meta {
		if f.Meta[i].Key != kv.Key || !reflect.DeepEqual(f.Meta[i].Value.V, kv.Value.V) {
			t.Errorf("%s: %v, want %v", kv.Key, f.Meta[i].Value.V, kv.Value.V)
		}
	}
	for i, want := range tensors {
		if got := f.Tensors[i]; got.Name != want.Name || !reflect.DeepEqual(got.Dims, want.Dims) || got.Type != want.Type {
			t.Errorf("tensor %+v, want %+v", got, want)
		}
	}
	if f.Tensors[1].Offset != 96 || f.Tensors[1].Size != 12 || f.DataOffset%DefaultAlignment != 0 {
		t.Errorf("offsets: %+v, data at %d", f.Tensors[1], f.DataOffset)
	}
	if at := f.DataOffset + f.Tensors[1].Offset; data[at] != 2 || data[at-29] != 1 || data[at-1] != 0 {
		t.Error("the data is not where the table says")
	}
	if f.Architecture() != "llama" || f.Context() != 4096 || f.Encoder() || f.Weights() != Q8_0 || f.Parameters() != 67 {
		t.Errorf("%s %d %v %s %d", f.Architecture(), f.Context(), f.Encoder(), f.Weights(), f.Parameters())
	}
	if got := f.KVBytes(); got != 2*2*2*(16+16) {
		t.Errorf("KV bytes of a token: %d", got)
	}
}

func TestLongArraysAreSkippedUnlessWanted(t *testing.T) {
	words := make([]string, keepArray+1)
	for i := range words {
		words[i] = strings.Repeat("x", i%7)
	}
	var buf bytes.Buffer
	meta := []KV{{"words", Value{V: words}}, {"types", Value{V: make([]int32, keepArray+1)}}, {"after", Value{V: "here"}}}
	if err := Write(&buf, meta, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, all := range []bool{false, true} {
		f, err := Read(bytes.NewReader(buf.Bytes()), int64(buf.Len()), Options{Arrays: all})
		if err != nil {
			t.Fatal(err)
		}
		v, _ := f.Get("words")
		if (v.V != nil) != all || v.Len != len(words) || f.Text("after") != "here" {
			t.Errorf("all=%v: kept %v, length %d, after %q", all, v.V != nil, v.Len, f.Text("after"))
		}
	}
}

func TestBadFiles(t *testing.T) {
	good := encoded(t)
	at := func(offset int, value uint64) []byte {
		data := bytes.Clone(good)
		binary.LittleEndian.PutUint64(data[offset:], value)
		return data
	}
	for name, row := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                 {nil, "not a GGUF"},
		"something else":        {[]byte("PK\x03\x04 and more bytes"), "not a GGUF"},
		"version 1":             {append([]byte("GGUF\x01\x00\x00\x00"), good[8:]...), "version 1"},
		"cut in the head":       {good[:100], "cut short"},
		"cut in the data":       {good[:len(good)-40], "cut short"},
		"tensors without end":   {at(8, 1<<50), "more than"},
		"tensors beyond file":   {at(8, 1<<19), "cut short"},
		"metadata without end":  {at(16, 1<<40), "more than"},
		"a key of exabytes":     {at(24, 1<<60), "more than"},
		"a key beyond the file": {at(24, 60_000), "cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(row.data), int64(len(row.data)), Options{Arrays: true})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("err = %v, want one about %q", err, row.want)
			}
		})
	}
	if _, err := Read(bytes.NewReader([]byte("RIFF")), 4, Options{}); !errors.Is(err, ErrNotGGUF) {
		t.Errorf("err = %v", err)
	}
}

func TestWriteRefusesWhatDoesNotFit(t *testing.T) {
	_, tensors, _ := sample()
	short := func(int, io.Writer) error { return nil }
	if err := Write(io.Discard, nil, tensors, short); err == nil || !strings.Contains(err.Error(), "68") {
		t.Errorf("too few bytes: %v", err)
	}
	if err := Write(io.Discard, nil, []Tensor{{Name: "odd", Dims: []int64{33}, Type: Q8_0}}, short); err == nil {
		t.Error("33 values as Q8_0 were taken")
	}
	if err := Write(io.Discard, []KV{{"x", Value{V: struct{}{}}}}, nil, nil); err == nil {
		t.Error("a struct was written as metadata")
	}
}

// FuzzRead: no input may panic, hang or make the reader allocate beyond what the input holds.
func FuzzRead(f *testing.F) {
	f.Add(encoded(f))
	f.Add([]byte("GGUF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Read(bytes.NewReader(data), int64(len(data)), Options{Arrays: true})
		if err != nil {
			return
		}
		g.Architecture()
		g.KVBytes()
		g.Weights()
		g.Parameters()
		g.Encoder()
		for _, tensor := range g.Tensors {
			if tensor.Size > 0 && g.DataOffset+tensor.Offset+tensor.Size > int64(len(data)) {
				t.Fatalf("tensor %+v reaches beyond %d bytes", tensor, len(data))
			}
		}
	})
}
