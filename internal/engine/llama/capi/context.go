package capi

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// ContextOptions sizes a context.
type ContextOptions struct {
	Cells      int // KV cells shared by all sequences; for embeddings, most tokens per batch
	Batch      int // most tokens per Decode
	MicroBatch int // tokens computed at once
	Outputs    int // most tokens per Decode whose logits are asked for
	Sequences  int // sequence ids are 0 … Sequences-1
	Threads    int
	Poll       int  // how long idle threads spin between steps, 0–100
	Embedding  bool // pooled embeddings instead of logits
	Flash      int  // flash attention: -1 the library's choice, 0 off, 1 on
}

// Context is a model's working memory. It is not safe for concurrent use.
type Context struct {
	lib  *Library
	m    *Model
	p    ptr
	mem  ptr
	pool ptr
	o    ContextOptions

	n      int
	token  []int32
	pos    []int32
	nSeq   []int32
	seq    []int32
	seqPtr []unsafe.Pointer
	output []int8
	pin    runtime.Pinner
}

// NewContext makes a context.
func (m *Model) NewContext(o ContextOptions) (*Context, error) {
	l := m.lib
	params := l.fn.contextDefaults()
	set := func(name string, v int) { l.layout.context.set(&params, name, float64(v)) }
	set("n_ctx", o.Cells)
	set("n_batch", o.Batch)
	set("n_ubatch", o.MicroBatch)
	set("n_seq_max", o.Sequences)
	set("n_outputs_max", o.Outputs)
	set("n_outputs_max_per_seq", 0)
	set("n_threads", o.Threads)
	set("n_threads_batch", o.Threads)
	set("flash_attn_type", o.Flash)
	set("kv_unified", 1)
	set("swa_full", 0)
	if o.Embedding {
		set("embeddings", 1)
	}
	takeErrors()
	c := &Context{lib: l, m: m, o: o}
	if c.p = l.fn.contextNew(m.p, params); c.p == 0 {
		return nil, fmt.Errorf("llama.cpp cannot make a context of %d cells: %s", o.Cells, takeErrors())
	}
	if err := c.startThreads(); err != nil {
		c.Free()
		return nil, err
	}
	c.mem = l.fn.memory(c.p)
	c.token, c.pos = make([]int32, o.Batch), make([]int32, o.Batch)
	c.nSeq, c.seq = make([]int32, o.Batch), make([]int32, o.Batch)
	c.seqPtr, c.output = make([]unsafe.Pointer, o.Batch), make([]int8, o.Batch)
	for _, p := range []unsafe.Pointer{unsafe.Pointer(&c.token[0]), unsafe.Pointer(&c.pos[0]), unsafe.Pointer(&c.nSeq[0]),
		unsafe.Pointer(&c.seq[0]), unsafe.Pointer(&c.seqPtr[0]), unsafe.Pointer(&c.output[0])} {
		c.pin.Pin(p)
	}
	for i := range c.seqPtr {
		c.nSeq[i] = 1
		c.seqPtr[i] = unsafe.Pointer(&c.seq[i])
	}
	return c, nil
}

// startThreads gives the context a thread pool of its own: without one, ggml starts and ends threads
// at every step.
func (c *Context) startThreads() error {
	var p poolParams
	c.lib.fn.poolParams(unsafe.Pointer(&p), int32(c.o.Threads))
	if p.threads != int32(c.o.Threads) {
		return errors.New("ggml_threadpool_params is not laid out as expected")
	}
	p.poll = uint32(c.o.Poll)
	if c.pool = c.lib.poolNew(&p); c.pool == 0 {
		return errors.New("ggml cannot start threads")
	}
	c.lib.fn.attachPool(c.p, c.pool, c.pool)
	return nil
}

// Free releases the context.
func (c *Context) Free() {
	if c.p != 0 {
		if c.pool != 0 {
			c.lib.fn.detachPool(c.p)
		}
		c.lib.fn.contextFree(c.p)
		c.p = 0
	}
	if c.pool != 0 {
		c.lib.poolEnd(c.pool)
		c.pool = 0
	}
	c.pin.Unpin()
}

// SetThreads changes how many of the context's threads compute.
func (c *Context) SetThreads(n int) {
	n = min(max(n, 1), c.o.Threads)
	c.lib.fn.setThreads(c.p, int32(n), int32(n))
}

// Cells is the number of KV cells that the library made.
func (c *Context) Cells() int { return int(c.lib.fn.nCtx(c.p)) }

// Len is the number of tokens in the batch.
func (c *Context) Len() int { return c.n }

// Clear empties the batch.
func (c *Context) Clear() { c.n = 0 }

// Add puts a token into the batch and returns its index. What does not fit is refused here, because
// C would read or write outside of its memory.
func (c *Context) Add(token, pos, seq int32, output bool) (int, error) {
	switch {
	case c.n == c.o.Batch:
		return 0, fmt.Errorf("the batch of %d tokens is full", c.o.Batch)
	case !c.m.valid(token):
		return 0, fmt.Errorf("token %d is outside of the vocabulary of %d", token, c.m.size)
	case seq < 0 || int(seq) >= c.o.Sequences:
		return 0, fmt.Errorf("sequence %d is outside of 0–%d", seq, c.o.Sequences-1)
	case pos < 0:
		return 0, fmt.Errorf("position %d is negative", pos)
	}
	i := c.n
	c.token[i], c.pos[i], c.seq[i], c.output[i] = token, pos, seq, 0
	if output {
		c.output[i] = 1
	}
	c.n++
	return i, nil
}

// ErrFull says that the KV cells do not suffice for the batch; nothing was computed.
var ErrFull = errors.New("no free KV cells")

// Decode computes the batch.
func (c *Context) Decode() error {
	if c.n == 0 {
		return nil
	}
	rc := c.lib.fn.decode(c.p, cBatch{
		N: int32(c.n), Token: unsafe.Pointer(&c.token[0]), Pos: unsafe.Pointer(&c.pos[0]), NSeq: unsafe.Pointer(&c.nSeq[0]),
		SeqID: unsafe.Pointer(&c.seqPtr[0]), Logits: unsafe.Pointer(&c.output[0]),
	})
	runtime.KeepAlive(c)
	switch rc {
	case 0:
		return nil
	case 1:
		takeErrors()
		return ErrFull
	}
	return fmt.Errorf("llama_decode answered %d: %s", rc, takeErrors())
}

// Logits are the raw scores after batch index i, valid until the next Decode.
func (c *Context) Logits(i int) ([]float32, error) {
	if i < 0 || i >= c.n || c.output[i] == 0 {
		return nil, fmt.Errorf("batch index %d has no output", i)
	}
	p := c.lib.fn.logits(c.p, int32(i))
	if p == nil {
		return nil, fmt.Errorf("batch index %d has no logits: %s", i, takeErrors())
	}
	return unsafe.Slice((*float32)(p), c.m.size), nil
}

// Embedding is the pooled vector of a sequence, valid until the next Decode.
func (c *Context) Embedding(seq int32) ([]float32, error) {
	if seq < 0 || int(seq) >= c.o.Sequences {
		return nil, fmt.Errorf("sequence %d is outside of 0–%d", seq, c.o.Sequences-1)
	}
	p := c.lib.fn.embdSeq(c.p, seq)
	if p == nil {
		return nil, fmt.Errorf("sequence %d has no embedding: %s", seq, takeErrors())
	}
	return unsafe.Slice((*float32)(p), c.m.EmbeddingSize()), nil
}

// Pooled says whether the context gives one vector per sequence.
func (c *Context) Pooled() bool { return c.lib.fn.pooling(c.p) > 0 }

// Remove forgets positions from ≥ p0 of a sequence and says whether the model could.
func (c *Context) Remove(seq int32, p0 int) bool {
	if c.mem == 0 || seq < 0 || int(seq) >= c.o.Sequences {
		return false
	}
	return c.lib.fn.seqRm(c.mem, seq, int32(p0), -1)
}

// Share lets dst see the first n positions of src; the cells are shared, nothing is computed. dst
// must be empty.
func (c *Context) Share(src, dst int32, n int) {
	if c.mem == 0 || min(src, dst) < 0 || int(max(src, dst)) >= c.o.Sequences {
		return
	}
	c.lib.fn.seqCp(c.mem, src, dst, 0, int32(n))
}
