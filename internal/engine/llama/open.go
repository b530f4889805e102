package llama

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
)

// Options tune the loop; the zero value of each field is its default.
type Options struct {
	QueueLimit int           // most sequences that wait for a slot; 256
	StepTarget time.Duration // how long a step may take while streams decode; 120 ms
	MicroBatch int           // most tokens of a step; 512
	Poll       int           // how long compute threads spin between steps, 0–100; 50
}

func (o Options) withDefaults() Options {
	o.QueueLimit = cmp.Or(o.QueueLimit, 256)
	o.StepTarget = cmp.Or(o.StepTarget, 120*time.Millisecond)
	o.MicroBatch = cmp.Or(o.MicroBatch, 512)
	o.Poll = cmp.Or(o.Poll, 50)
	return o
}

// Open loads a model file with the libraries that the spec names. It is engine.Opener.
func Open(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
	return OpenWith(ctx, spec, Options{QueueLimit: spec.Queue}, progress)
}

// OpenWith is Open with options.
func OpenWith(ctx context.Context, spec engine.Spec, o Options, progress engine.Progress) (engine.Backend, error) {
	b, err := open(ctx, spec, o.withDefaults(), progress)
	if err != nil {
		return nil, err // a nil *Backend must not become a non-nil interface
	}
	return b, nil
}

func open(ctx context.Context, spec engine.Spec, o Options, progress engine.Progress) (*Backend, error) {
	report := func(f float64) {
		if progress != nil {
			progress(f)
		}
	}
	before := residentBytes()
	lib, err := capi.Open(spec.Library)
	if err != nil {
		return nil, err
	}
	// llama.cpp repacks Q4_0 weights into memory of its own; a mapped file would stay resident beside it.
	m, err := lib.LoadModel(spec.Path, capi.ModelOptions{Mmap: spec.Layout != "fast", Progress: func(f float32) { report(0.95 * float64(f)) }})
	if err != nil {
		return nil, withHash(err, spec)
	}
	b := &Backend{lib: lib, model: m, spec: spec, o: o, threads: cmp.Or(spec.Threads, PhysicalCores())}
	if err := ctx.Err(); err != nil {
		m.Free()
		return nil, err
	}
	if err := b.start(); err != nil {
		m.Free()
		return nil, err
	}
	b.info.MemoryBytes = max(residentBytes()-before, m.WeightBytes())
	if b.loop != nil {
		b.info.MemoryBytes += int64(b.loop.parking.budget) // not taken yet
	}
	report(1)
	slog.Info("model loaded", "model", b.String(), "window", b.info.ContextWindow, "bytes", b.info.MemoryBytes)
	return b, nil
}

// start makes the context and, for a model that generates, the loop.
func (b *Backend) start() error {
	m, spec := b.model, b.spec
	trained := m.TrainedWindow()
	window := cmp.Or(spec.ContextWindow, trained)
	if trained > 0 {
		window = min(window, trained)
	}
	embedding := spec.Embedding || m.Encoder()
	if embedding {
		b.embed = &embedder{window: window, turn: make(chan struct{}, 1)}
		if err := b.startEmbedder(); err != nil {
			return err
		}
	} else {
		cells := spec.Cells
		if cells == 0 {
			cells = chooseCells(window, kvBytesPerToken(m), totalMemory())
		}
		window = min(window, cells)
		if err := b.startLoop(cells); err != nil {
			return err
		}
	}
	name := cmp.Or(spec.Name, m.Meta("general.name"))
	b.info = engine.Info{
		Name: name, Backend: "llama", ContextWindow: window, VocabSize: m.VocabSize(),
		CanGenerate: !embedding, CanEmbed: embedding, Input: engine.InputTokens,
		ChatTemplate: m.ChatTemplate(), BOS: m.Text(m.BOS()), EOS: m.Text(m.EOS()), AddBOS: m.AddsBOS(), Layout: cmp.Or(spec.Layout, "as-is"),
	}
	if embedding {
		b.info.EmbeddingSize = m.EmbeddingSize()
	} else {
		b.info.Special = controlTexts(m)
	}
	b.info.Fingerprint = b.fingerprint()
	return nil
}

// startLoop makes the decoding context and starts its goroutine.
func (b *Backend) startLoop(cells int) error {
	m := b.model
	slots := cmp.Or(b.spec.Slots, 16)
	n := min(2*slots, maxRows)
	slots = min(slots, n)
	c, err := m.NewContext(capi.ContextOptions{
		Cells: cells, Batch: b.o.MicroBatch, MicroBatch: b.o.MicroBatch, Outputs: max(scoreChunk+slots, n), Sequences: n,
		Threads: b.threads, Poll: b.o.Poll, Flash: -1,
	})
	if err != nil {
		return err
	}
	l := &loop{
		lib: b.lib, model: m, ctx: c, o: b.o, slots: slots, stopped: make(chan struct{}),
		rows: newRows(n, c.Cells()), pace: newPace(b.o.StepTarget), crowd: newCrowd(b.threads), plain: !m.KeepsPrefixes(),
		heads:   int(metaNumber(m, "block_count") * metaNumber(m, "attention.head_count")),
		kvBytes: int(kvBytesPerToken(m)),
		isEOG:   make([]bool, m.VocabSize()), pieces: make([][]byte, m.VocabSize()),
	}
	l.parking = &parking{budget: b.parkingBudget(c.Cells())}
	l.wake = sync.NewCond(&l.mu)
	l.writing.l = l
	for t := range l.isEOG {
		if m.EndsTurn(int32(t)) {
			l.isEOG[t] = true
			l.eog = append(l.eog, int32(t))
		}
	}
	for range max(b.threads, 1) {
		l.scratch = append(l.scratch, make([]capi.Candidate, m.VocabSize()))
	}
	l.publish()
	b.loop = l
	go l.run()
	return nil
}

// parkingBudget is how many bytes of idle prefixes are kept outside of the KV cells: a third of what
// these take, unless the spec says otherwise.
func (b *Backend) parkingBudget(cells int) int {
	switch n := b.spec.PrefixMemory; {
	case n < 0:
		return 0
	case n > 0:
		return int(n)
	}
	return int(kvBytesPerToken(b.model)) * cells / 3
}

// maxRows is the most sequence ids that llama.cpp allows in a context.
const maxRows = 256

// fingerprint changes with the weights, the library and what decides the floats.
func (b *Backend) fingerprint() string {
	weights := cmp.Or(b.spec.SHA256, b.model.Description()+strconv.FormatInt(b.model.WeightBytes(), 10))
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d %d", weights, b.lib.Release(), b.lib.Variant(), b.threads, b.o.MicroBatch))
	return "fp_" + hex.EncodeToString(sum[:5])
}

// kvBytesPerToken is what a token takes in the KV memory, at 2 bytes per number, as far as the model
// file says; 0 when it does not.
func kvBytesPerToken(m *capi.Model) int64 {
	num := func(key string) int64 { return metaNumber(m, key) }
	layers, heads, headsKV := num("block_count"), num("attention.head_count"), num("attention.head_count_kv")
	if layers == 0 || heads == 0 {
		return 0
	}
	headsKV = cmp.Or(headsKV, heads)
	each := int64(m.EmbeddingSize()) / heads
	k, v := cmp.Or(num("attention.key_length"), each), cmp.Or(num("attention.value_length"), each)
	return layers * headsKV * (k + v) * 2
}

// metaNumber is a number of the model file's architecture section; 0 when it has none.
func metaNumber(m *capi.Model, key string) int64 {
	n, err := strconv.ParseInt(m.Meta(m.Meta("general.architecture")+"."+key), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// chooseCells sizes the KV memory that all sequences share: one and a quarter windows, at least 4,096
// and at most 12,288 tokens unless one window needs more, and at most a quarter of the machine's memory.
func chooseCells(window int, perToken, memory int64) int {
	cells := max(window, min(max(window+window/4, 4096), 12288))
	if perToken > 0 && memory > 0 {
		cells = min(cells, int(max(memory/4/perToken, 2048)))
	}
	return (cells + 255) / 256 * 256
}
