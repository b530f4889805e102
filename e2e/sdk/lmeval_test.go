package sdk

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/gguf"
)

func TestLMEval(t *testing.T) {
	p := python(t, "PARLEY_TEST_PYTHON_LMEVAL")
	s := binary.Start(t)
	t.Setenv("PARLEY_TOKENIZER", writeTokenizer(t, "smollm2-135m-instruct"))
	runClient(t, s, "lmeval", p, "-m", "pytest", "-q", "-p", "no:cacheprovider")
}

// writeTokenizer writes a model's tokenizer as Hugging Face's library reads it, from the GGUF file, and
// returns its directory. It knows the kind of SmolLM: byte pairs, digits apart.
func writeTokenizer(t *testing.T, name string) string {
	t.Helper()
	reg, err := models.Open(models.Options{Home: os.Getenv("PARLEY_TEST_HOME"), Cache: os.Getenv("PARLEY_TEST_CACHE")})
	if err != nil {
		t.Fatal(err)
	}
	var path string
	for _, in := range reg.Installed() {
		if in.Name == name {
			path = in.Path
		}
	}
	f, err := gguf.Open(path, gguf.Options{Arrays: true})
	if err != nil {
		t.Fatal(err)
	}
	if model, pre := f.Text("tokenizer.ggml.model"), f.Text("tokenizer.ggml.pre"); model != "gpt2" || pre != "smollm" {
		t.Fatalf("%s has a tokenizer of kind %s, %s", name, model, pre)
	}
	tokens, merges, kinds := list[string](t, f, "tokens"), list[string](t, f, "merges"), list[int32](t, f, "token_type")
	vocab := make(map[string]int, len(tokens))
	var control []map[string]any
	for id, token := range tokens {
		vocab[token] = id
		if kinds[id] == 3 { // control
			control = append(control, map[string]any{"id": id, "content": token, "special": true, "normalized": false, "lstrip": false, "rstrip": false, "single_word": false})
		}
	}
	bytes := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	dir := t.TempDir()
	for file, content := range map[string]any{
		"tokenizer.json": map[string]any{
			"version": "1.0", "added_tokens": control, "decoder": bytes,
			"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{map[string]any{"type": "Digits", "individual_digits": true}, bytes}},
			"model":         map[string]any{"type": "BPE", "vocab": vocab, "merges": merges},
		},
		"tokenizer_config.json": map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": tokens[f.Int("tokenizer.ggml.eos_token_id")]},
	} {
		data, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// list returns an array of the tokenizer's metadata.
func list[T any](t *testing.T, f *gguf.File, key string) []T {
	t.Helper()
	v, _ := f.Get("tokenizer.ggml." + key)
	out, ok := v.V.([]T)
	if !ok {
		t.Fatalf("tokenizer.ggml.%s is %T", key, v.V)
	}
	return out
}
