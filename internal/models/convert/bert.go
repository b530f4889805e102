package convert

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/models/gguf"
)

// Files are the parts of a published encoder. Weights and Config are needed, and one of Vocab and
// Tokenizer; the rest refine.
type Files struct {
	Weights         string // model.safetensors
	Config          string // config.json
	Vocab           string // vocab.txt
	Tokenizer       string // tokenizer.json
	TokenizerConfig string // tokenizer_config.json
	Pooling         string // 1_Pooling/config.json; without it vectors are means over tokens
}

// Options of a conversion.
type Options struct {
	Weights  gguf.Type               // of matrices: F32 (the zero value), F16 or Q8_0
	Name     string                  // general.name
	Licence  string                  // general.license
	Progress func(done, total int64) // bytes read
}

// InDirectory finds the files of an encoder in a directory, as hubs lay them out.
func InDirectory(dir string) (Files, error) {
	f := Files{}
	for name, to := range map[string]*string{
		"model.safetensors": &f.Weights, "config.json": &f.Config, "vocab.txt": &f.Vocab, "tokenizer.json": &f.Tokenizer,
		"tokenizer_config.json": &f.TokenizerConfig, filepath.Join("1_Pooling", "config.json"): &f.Pooling,
	} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			*to = path
		}
	}
	if f.Weights == "" || f.Config == "" || f.Vocab == "" && f.Tokenizer == "" {
		return f, fmt.Errorf("%s: a sentence encoder has model.safetensors, config.json, and vocab.txt or tokenizer.json; not all are there", dir)
	}
	return f, nil
}

// config is what config.json says of a BERT.
type config struct {
	ModelType  string  `json:"model_type"`
	Layers     int64   `json:"num_hidden_layers"`
	Context    int64   `json:"max_position_embeddings"`
	Width      int64   `json:"hidden_size"`
	Inner      int64   `json:"intermediate_size"`
	Heads      int64   `json:"num_attention_heads"`
	Epsilon    float64 `json:"layer_norm_eps"`
	Activation string  `json:"hidden_act"`
	Positions  string  `json:"position_embedding_type"`
	VocabSize  int64   `json:"vocab_size"`
	TokenTypes int64   `json:"type_vocab_size"`
}

// check refuses what llama.cpp's `bert` would compute wrongly.
func (c config) check() error {
	switch {
	case c.ModelType != "bert":
		return fmt.Errorf("model_type %q: only bert is converted; for other encoders take a GGUF from the hub", c.ModelType)
	case c.Activation != "gelu":
		return fmt.Errorf("hidden_act %q: only gelu is computed by the engine", c.Activation)
	case c.Positions != "" && c.Positions != "absolute":
		return fmt.Errorf("position_embedding_type %q: only absolute", c.Positions)
	case c.Layers < 1 || c.Layers > 1000 || c.Width < 1 || c.Width > 1<<16 || c.Inner < 1 || c.Heads < 1 || c.Width%c.Heads != 0 || c.Context < 1:
		return errors.New("config.json has sizes that no BERT has")
	}
	return nil
}

// BERT writes an encoder as GGUF of architecture `bert` to out, which must not exist.
func BERT(ctx context.Context, files Files, out string, o Options) (err error) {
	var c config
	if err := readJSON(files.Config, &c); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("%s: %w", files.Config, err)
	}
	words, err := vocabulary(files)
	if err != nil {
		return err
	}
	pooling, err := pooling(files.Pooling)
	if err != nil {
		return err
	}
	src, err := openSafetensors(files.Weights)
	if err != nil {
		return err
	}
	defer src.file.Close()
	plan, err := c.plan(src, o.Weights, int64(len(words)))
	if err != nil {
		return fmt.Errorf("%s: %w", files.Weights, err)
	}
	meta, err := c.meta(words, pooling, o)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			err = errors.Join(err, os.Remove(out))
		}
	}()
	return plan.write(ctx, f, meta, src, o.Progress)
}

// tensors is what goes into the file, and where each comes from.
type tensors struct {
	out  []gguf.Tensor
	from []entry
}

// plan maps the names. position_ids and the pooler are dropped: llama.cpp counts positions itself,
// and sentence vectors do not use the pooler.
func (c config) plan(src *source, weights gguf.Type, words int64) (*tensors, error) {
	p := &tensors{}
	var missing []string
	add := func(from, to string, shape ...int64) error {
		e, ok := src.tensors[from]
		if !ok {
			missing = append(missing, from)
			return nil
		}
		if !slices.Equal(e.Shape, shape) {
			return fmt.Errorf("tensor %s has shape %v, expected %v", from, e.Shape, shape)
		}
		t := gguf.Tensor{Name: to, Type: weights}
		// Small tables and vectors stay exact: they are a thousandth of the bytes.
		if len(shape) < 2 || to == "token_types.weight" || to == "position_embd.weight" || weights == gguf.Q8_0 && shape[1]%32 != 0 {
			t.Type = gguf.F32
		}
		t.Dims = slices.Clone(shape)
		slices.Reverse(t.Dims)
		p.out, p.from = append(p.out, t), append(p.from, e)
		return nil
	}
	var err error
	must := func(e error) { err = errors.Join(err, e) }
	must(add("embeddings.word_embeddings.weight", "token_embd.weight", words, c.Width))
	must(add("embeddings.token_type_embeddings.weight", "token_types.weight", c.TokenTypes, c.Width))
	must(add("embeddings.position_embeddings.weight", "position_embd.weight", c.Context, c.Width))
	must(add("embeddings.LayerNorm.weight", "token_embd_norm.weight", c.Width))
	must(add("embeddings.LayerNorm.bias", "token_embd_norm.bias", c.Width))
	for i := range c.Layers {
		for _, row := range []struct {
			from, to string
			out, in  int64
		}{
			{"attention.self.query", "attn_q", c.Width, c.Width},
			{"attention.self.key", "attn_k", c.Width, c.Width},
			{"attention.self.value", "attn_v", c.Width, c.Width},
			{"attention.output.dense", "attn_output", c.Width, c.Width},
			{"attention.output.LayerNorm", "attn_output_norm", c.Width, 0},
			{"intermediate.dense", "ffn_up", c.Inner, c.Width},
			{"output.dense", "ffn_down", c.Width, c.Inner},
			{"output.LayerNorm", "layer_output_norm", c.Width, 0},
		} {
			from, to := fmt.Sprintf("encoder.layer.%d.%s", i, row.from), fmt.Sprintf("blk.%d.%s", i, row.to)
			if row.in > 0 {
				must(add(from+".weight", to+".weight", row.out, row.in))
			} else {
				must(add(from+".weight", to+".weight", row.out))
			}
			must(add(from+".bias", to+".bias", row.out))
		}
	}
	if err == nil && len(missing) > 0 {
		return nil, fmt.Errorf("tensors are missing: %s", strings.Join(missing[:min(len(missing), 5)], ", "))
	}
	return p, err
}

func (p *tensors) write(ctx context.Context, w io.Writer, meta []gguf.KV, src *source, progress func(done, total int64)) error {
	var done, total int64
	for _, e := range p.from {
		total += e.Offsets[1] - e.Offsets[0]
	}
	buf := make([]byte, 0, 4*step)
	return gguf.Write(w, meta, p.out, func(i int, w io.Writer) error {
		return src.each(ctx, p.from[i], func(values []float32) error {
			var err error
			if buf, err = encode(buf[:0], p.out[i].Type, values); err != nil {
				return err
			}
			done += int64(len(values)) * widths[p.from[i].Type]
			if progress != nil {
				progress(done, total)
			}
			_, err = w.Write(buf)
			return err
		})
	})
}

// Numbers of general.file_type and of llama.cpp's pooling.
var fileTypes = map[gguf.Type]uint32{gguf.F32: 0, gguf.F16: 1, gguf.Q8_0: 7}

const (
	poolMean uint32 = 1
	poolCLS  uint32 = 2
)

func (c config) meta(words []string, pooling uint32, o Options) ([]gguf.KV, error) {
	fileType, ok := fileTypes[o.Weights]
	if !ok {
		return nil, fmt.Errorf("weights as %s: f32, f16 or q8_0", o.Weights)
	}
	tokens, types, special, err := wordPiece(words)
	if err != nil {
		return nil, err
	}
	var meta []gguf.KV
	add := func(key string, v any) { meta = append(meta, gguf.KV{Key: key, Value: gguf.Value{V: v}}) }
	add("general.architecture", "bert")
	add("general.type", "model")
	if o.Name != "" {
		add("general.name", o.Name)
	}
	if o.Licence != "" {
		add("general.license", strings.ToLower(o.Licence))
	}
	add("general.file_type", fileType)
	add("general.quantization_version", uint32(2))
	add("bert.block_count", uint32(c.Layers))
	add("bert.context_length", uint32(c.Context))
	add("bert.embedding_length", uint32(c.Width))
	add("bert.feed_forward_length", uint32(c.Inner))
	add("bert.attention.head_count", uint32(c.Heads))
	add("bert.attention.layer_norm_epsilon", float32(c.Epsilon))
	add("bert.attention.causal", false)
	add("bert.pooling_type", pooling)
	add("tokenizer.ggml.model", "bert")
	add("tokenizer.ggml.token_type_count", uint32(c.TokenTypes))
	add("tokenizer.ggml.tokens", tokens)
	add("tokenizer.ggml.token_type", types)
	for _, row := range []struct{ key, token string }{
		{"bos", "[CLS]"}, {"cls", "[CLS]"}, {"eos", "[SEP]"}, {"seperator", "[SEP]"}, // so spelled in the format
		{"unknown", "[UNK]"}, {"padding", "[PAD]"}, {"mask", "[MASK]"},
	} {
		add("tokenizer.ggml."+row.key+"_token_id", special[row.token])
	}
	return meta, nil
}

// Token types of GGUF.
const (
	typeNormal  int32 = 1
	typeControl int32 = 3
)

// wordPiece rewrites a vocabulary as llama.cpp wants it: beginnings of words carry "▁", continuations
// nothing.
func wordPiece(words []string) (tokens []string, types []int32, special map[string]uint32, err error) {
	special = map[string]uint32{"[CLS]": 0, "[SEP]": 0, "[UNK]": 0, "[PAD]": 0, "[MASK]": 0}
	found := 0
	for i, word := range words {
		kind := typeNormal
		if _, ok := special[word]; ok {
			special[word] = uint32(i)
			kind = typeControl
			found++
		}
		switch {
		case strings.HasPrefix(word, "##") && len(word) > 2:
			word = word[2:]
		case strings.HasPrefix(word, "[") && strings.HasSuffix(word, "]"):
		default:
			word = "▁" + word
		}
		tokens, types = append(tokens, word), append(types, kind)
	}
	if found != len(special) {
		return nil, nil, nil, errors.New("the vocabulary lacks one of [CLS], [SEP], [UNK], [PAD], [MASK]: it is no WordPiece of BERT")
	}
	return tokens, types, special, nil
}

// vocabulary reads the words in order of their ids.
func vocabulary(files Files) ([]string, error) {
	if files.TokenizerConfig != "" {
		var c struct {
			Lower *bool `json:"do_lower_case"`
		}
		if err := readJSON(files.TokenizerConfig, &c); err != nil {
			return nil, err
		}
		if c.Lower != nil && !*c.Lower {
			return nil, fmt.Errorf("%s: a vocabulary that keeps capital letters; the engine's tokenizer lowers them, so vectors would be wrong", files.TokenizerConfig)
		}
	}
	if files.Vocab == "" {
		return vocabularyJSON(files.Tokenizer)
	}
	f, err := os.Open(files.Vocab)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var words []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		words = append(words, strings.TrimSuffix(s.Text(), "\r"))
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", files.Vocab, err)
	}
	return words, nil
}

func vocabularyJSON(path string) ([]string, error) {
	var doc struct {
		Model struct {
			Type  string         `json:"type"`
			Vocab map[string]int `json:"vocab"`
		} `json:"model"`
		Normalizer struct {
			Lower *bool `json:"lowercase"`
		} `json:"normalizer"`
	}
	if err := readJSON(path, &doc); err != nil {
		return nil, err
	}
	if doc.Model.Type != "WordPiece" {
		return nil, fmt.Errorf("%s: tokenizer %q: only WordPiece", path, doc.Model.Type)
	}
	if doc.Normalizer.Lower != nil && !*doc.Normalizer.Lower {
		return nil, fmt.Errorf("%s: a vocabulary that keeps capital letters, which the engine's tokenizer would lower", path)
	}
	words := make([]string, len(doc.Model.Vocab))
	for word, id := range doc.Model.Vocab {
		if id < 0 || id >= len(words) || words[id] != "" {
			return nil, fmt.Errorf("%s: ids of the vocabulary are not 0 to %d", path, len(words)-1)
		}
		words[id] = word
	}
	return words, nil
}

func pooling(path string) (uint32, error) {
	if path == "" {
		return poolMean, nil
	}
	var c struct {
		CLS  bool `json:"pooling_mode_cls_token"`
		Mean bool `json:"pooling_mode_mean_tokens"`
	}
	if err := readJSON(path, &c); err != nil {
		return 0, err
	}
	switch {
	case c.Mean && !c.CLS:
		return poolMean, nil
	case c.CLS && !c.Mean:
		return poolCLS, nil
	}
	return 0, fmt.Errorf("%s: only mean or CLS pooling", path)
}

// readJSON reads a small file of a stranger.
func readJSON(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxHeader)).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
