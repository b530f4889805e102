package convert

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/models/gguf"
)

// FuzzBERT feeds anything as the files beside the weights: what is converted can be read, and what is not
// leaves no file behind.
func FuzzBERT(f *testing.F) {
	files := newTiny().write(f, "F32")
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		return string(data)
	}
	config, vocab := read(files.Config), read(files.Vocab)
	tokenizer := `{"model":{"type":"WordPiece","vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"hello":5,"##ing":6,"##":7}}}`
	f.Add(config, vocab, "", "", "")
	f.Add(config, "", tokenizer, `{"do_lower_case":true}`, `{"pooling_mode_cls_token":true}`)
	f.Add(strings.Replace(config, `"hidden_size":32`, `"hidden_size":-1`, 1), vocab, "", "", "")
	f.Add(config, "a\r\nb\n", "", `{"do_lower_case":false}`, `{}`)
	f.Add(config, "", `{"model":{"type":"WordPiece","vocab":{"a":1,"b":1}}}`, "", "")
	f.Fuzz(func(t *testing.T, config, vocab, tokenizer, tokenizerConfig, pooling string) {
		dir := t.TempDir()
		in := Files{Weights: files.Weights}
		for name, part := range map[string]struct {
			to   *string
			text string
		}{
			"config.json": {&in.Config, config}, "vocab.txt": {&in.Vocab, vocab}, "tokenizer.json": {&in.Tokenizer, tokenizer},
			"tokenizer_config.json": {&in.TokenizerConfig, tokenizerConfig}, "pooling.json": {&in.Pooling, pooling},
		} {
			if part.text == "" && name != "config.json" {
				continue
			}
			*part.to = filepath.Join(dir, name)
			if err := os.WriteFile(*part.to, []byte(part.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out := filepath.Join(dir, "out.gguf")
		if err := BERT(context.Background(), in, out, Options{Weights: gguf.F16}); err != nil {
			if _, err := os.Stat(out); err == nil {
				t.Error("a file was left behind")
			}
			return
		}
		if _, err := gguf.Open(out, gguf.Options{Arrays: true}); err != nil {
			t.Error(err)
		}
	})
}
