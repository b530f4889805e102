package capi

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/ebitengine/purego"
)

// Model is a loaded model file. Its methods are safe for concurrent use until Free.
type Model struct {
	lib   *Library
	p     ptr
	vocab ptr
	size  int // tokens in the vocabulary
}

// ModelOptions says how to load a model.
type ModelOptions struct {
	Mmap      bool          // map the file; when weights are repacked, reading is smaller in memory
	VocabOnly bool          // tokenizer without weights
	Progress  func(float32) // 0–1, called on the loading thread
}

var progress struct {
	sync.Mutex
	once     sync.Once
	callback uintptr
	next     uintptr
	waiting  map[uintptr]func(float32)
}

func onProgress(fraction float32, id uintptr) bool {
	progress.Lock()
	f := progress.waiting[id]
	progress.Unlock()
	if f != nil {
		f(fraction)
	}
	return true
}

// watchProgress registers f and returns the callback's address, its argument and an unregister.
func watchProgress(f func(float32)) (callback, id uintptr, done func()) {
	progress.Lock()
	defer progress.Unlock()
	progress.once.Do(func() {
		progress.callback = purego.NewCallback(onProgress)
		progress.waiting = map[uintptr]func(float32){}
	})
	progress.next++
	id = progress.next
	progress.waiting[id] = f
	return progress.callback, id, func() {
		progress.Lock()
		defer progress.Unlock()
		delete(progress.waiting, id)
	}
}

// LoadModel loads a GGUF file.
func (l *Library) LoadModel(path string, o ModelOptions) (*Model, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("model file: %w", err)
	}
	params := l.fn.modelDefaults()
	set := func(name string, v float64) { l.layout.model.set(&params, name, v) }
	set("vocab_only", truth(o.VocabOnly))
	set("load_mode", truth(o.Mmap))
	if o.Progress != nil && floatCallbacks {
		callback, id, done := watchProgress(o.Progress)
		defer done()
		l.layout.model.setPointer(&params, "progress_callback", uint64(callback))
		l.layout.model.setPointer(&params, "progress_callback_user_data", uint64(id))
	}
	takeErrors()
	p := l.fn.modelLoad(path, params)
	if p == 0 {
		return nil, fmt.Errorf("llama.cpp cannot load %s: %s", path, takeErrors())
	}
	m := &Model{lib: l, p: p, vocab: l.fn.modelVocab(p)}
	m.size = int(l.fn.vocabSize(m.vocab))
	return m, nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Free unloads the model; its contexts must be freed before.
func (m *Model) Free() {
	if m.p != 0 {
		m.lib.fn.modelFree(m.p)
		m.p = 0
	}
}

// VocabSize is the number of tokens.
func (m *Model) VocabSize() int { return m.size }

// TrainedWindow is the context that the model was trained for, in tokens.
func (m *Model) TrainedWindow() int { return int(m.lib.fn.modelCtx(m.p)) }

// EmbeddingSize is the width of the model.
func (m *Model) EmbeddingSize() int { return int(m.lib.fn.modelEmbd(m.p)) }

// WeightBytes is the size of all tensors.
func (m *Model) WeightBytes() int64 { return int64(m.lib.fn.modelSize(m.p)) }

// Encoder says that the model has no decoder: it embeds and does not generate.
func (m *Model) Encoder() bool {
	return m.Meta("tokenizer.ggml.model") == "bert" || !m.lib.fn.hasDecoder(m.p)
}

// KeepsPrefixes says whether a sequence's memory can be cut at any position. Sliding windows and
// recurrent states cannot.
func (m *Model) KeepsPrefixes() bool {
	return !m.lib.fn.modelRecur(m.p) && !m.lib.fn.modelHybrid(m.p) && m.lib.fn.modelSWA(m.p) <= 0
}

// Description is llama.cpp's own, e.g. "llama 256M Q4_1".
func (m *Model) Description() string {
	buf := make([]byte, 256)
	n := m.lib.fn.modelDesc(m.p, &buf[0], uint64(len(buf)))
	return string(buf[:min(max(int(n), 0), len(buf)-1)])
}

// ChatTemplate is the model's own Jinja source, or empty.
func (m *Model) ChatTemplate() string { return goString(m.lib.fn.template(m.p, 0)) }

// Meta is a metadata value of the model file as text, or empty.
func (m *Model) Meta(key string) string {
	buf := make([]byte, 4096)
	n := int(m.lib.fn.metaVal(m.p, key, &buf[0], uint64(len(buf))))
	if n < 0 {
		return ""
	}
	return string(buf[:min(n, len(buf)-1)])
}

// valid says whether a token id may be handed to C.
func (m *Model) valid(t int32) bool { return t >= 0 && int(t) < m.size }

// Text is how the vocabulary writes a token; -1 (none) is empty.
func (m *Model) Text(t int32) string {
	if !m.valid(t) {
		return ""
	}
	return goString(m.lib.fn.vocabText(m.vocab, t))
}

// BOS and EOS are the ids of the special tokens, -1 for none.
func (m *Model) BOS() int32 { return m.lib.fn.vocabBOS(m.vocab) }

// EOS is the end-of-sequence token, -1 for none.
func (m *Model) EOS() int32 { return m.lib.fn.vocabEOS(m.vocab) }

// AddsBOS says whether the tokenizer puts BOS first.
func (m *Model) AddsBOS() bool { return m.lib.fn.addBOS(m.vocab) }

// EndsTurn says whether a token ends the generation.
func (m *Model) EndsTurn(t int32) bool { return m.valid(t) && m.lib.fn.vocabEOG(m.vocab, t) }

// Control says whether a token is a control token such as <|im_start|>.
func (m *Model) Control(t int32) bool { return m.valid(t) && m.lib.fn.vocabCtrl(m.vocab, t) }

// Tokenize turns text into tokens.
func (m *Model) Tokenize(text string, addSpecial, parseSpecial bool) ([]int32, error) {
	if len(text) > 1<<30 {
		return nil, errors.New("text over 1 GiB")
	}
	in := append([]byte(text), 0)
	out := make([]int32, len(text)/3+16)
	for range 2 {
		n := m.lib.fn.tokenize(m.vocab, &in[0], int32(len(text)), &out[0], int32(len(out)), addSpecial, parseSpecial)
		if n >= 0 {
			return out[:n], nil
		}
		if n == -1<<31 {
			break
		}
		out = make([]int32, -n)
	}
	return nil, errors.New("the text cannot be tokenized")
}

// Piece appends a token's bytes to buf; special tokens give their text when special is set.
func (m *Model) Piece(buf []byte, t int32, special bool) ([]byte, error) {
	if !m.valid(t) {
		return buf, fmt.Errorf("token %d is outside of the vocabulary of %d", t, m.size)
	}
	var small [64]byte
	tmp := small[:]
	n := m.lib.fn.tokenPiece(m.vocab, t, &tmp[0], int32(len(tmp)), 0, special)
	if n < 0 {
		tmp = make([]byte, -n)
		n = m.lib.fn.tokenPiece(m.vocab, t, &tmp[0], int32(len(tmp)), 0, special)
	}
	if n < 0 {
		return buf, fmt.Errorf("token %d has no text", t)
	}
	return append(buf, tmp[:n]...), nil
}

// Quantize file types of llama.cpp.
const (
	FileQ4_0 = 2
	FileQ8_0 = 7
)

// Quantize rewrites a model file with another weight layout; threads 0 is all.
func (l *Library) Quantize(in, out string, fileType, threads int) error {
	params := l.fn.quantizeDefaults()
	l.layout.quantize.set(&params, "ftype", float64(fileType))
	l.layout.quantize.set(&params, "nthread", float64(threads))
	l.layout.quantize.set(&params, "allow_requantize", 1)
	takeErrors()
	if rc := l.fn.quantize(in, out, &params); rc != 0 {
		return fmt.Errorf("llama.cpp cannot rewrite %s (code %d): %s", in, rc, takeErrors())
	}
	return nil
}
