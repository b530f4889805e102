package capi

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// Candidate is llama_token_data: a token with its score; P is set by the sampler.
type Candidate struct {
	ID    int32
	Logit float32
	P     float32
}

// ChainOptions are the parameters of a sampler chain. Logits biases and penalties are not among
// them: they are sparse additions that the caller makes on the candidates before.
type ChainOptions struct {
	TopK        int     // 0 is off
	TopP        float32 // 1 is off
	MinP        float32 // 0 is off
	Temperature float32 // 0 is greedy
	Seed        uint32
}

// Sampler is a chain in C. It is not safe for concurrent use.
type Sampler struct {
	lib *Library
	p   ptr
	arr candidates
	pin runtime.Pinner
}

// NewChain makes a chain of top_k, top_p, min_p, temperature and a draw by seed.
func (l *Library) NewChain(o ChainOptions) *Sampler {
	s := &Sampler{lib: l, p: l.fn.chainInit(true)}
	s.pin.Pin(&s.arr)
	add := func(p ptr) { l.fn.chainAdd(s.p, p) }
	if o.Temperature <= 0 {
		add(l.fn.initGreedy())
		return s
	}
	if o.TopK > 0 {
		add(l.fn.initTopK(int32(o.TopK)))
	}
	if o.TopP < 1 {
		add(l.fn.initTopP(o.TopP, 1))
	}
	if o.MinP > 0 {
		add(l.fn.initMinP(o.MinP, 1))
	}
	if o.Temperature != 1 {
		add(l.fn.initTemp(o.Temperature))
	}
	add(l.fn.initDist(o.Seed))
	return s
}

// ErrGrammar says that a grammar does not parse.
var ErrGrammar = errors.New("the grammar does not parse")

// NewGrammar makes a sampler that allows only what a GBNF grammar allows.
func (m *Model) NewGrammar(gbnf, root string) (*Sampler, error) {
	if strings.ContainsRune(gbnf, 0) || strings.ContainsRune(root, 0) {
		return nil, fmt.Errorf("%w: it holds a NUL byte", ErrGrammar)
	}
	if strings.TrimSpace(gbnf) == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrGrammar) // C++ takes that as no grammar
	}
	if root == "" {
		root = "root"
	}
	takeErrors()
	s := &Sampler{lib: m.lib, p: m.lib.fn.initGrammar(m.vocab, gbnf, root)}
	if s.p == 0 {
		return nil, fmt.Errorf("%w: %s", ErrGrammar, takeErrors())
	}
	s.pin.Pin(&s.arr)
	return s, nil
}

// Pick applies the chain to the candidates, which it may reorder and cut, and returns the token that
// it chose.
func (s *Sampler) Pick(c []Candidate, sorted bool) (int32, error) {
	n, err := s.apply(c, sorted)
	if err != nil {
		return 0, err
	}
	if s.arr.selected < 0 || s.arr.selected >= int64(n) {
		return 0, errors.New("the sampler chose nothing")
	}
	return c[s.arr.selected].ID, nil
}

// Filter applies a grammar: what it forbids gets a logit of -Inf.
func (s *Sampler) Filter(c []Candidate) error {
	_, err := s.apply(c, false)
	return err
}

func (s *Sampler) apply(c []Candidate, sorted bool) (int, error) {
	if len(c) == 0 || s.p == 0 {
		return 0, errors.New("no candidates")
	}
	s.arr = candidates{data: unsafe.Pointer(&c[0]), size: uint64(len(c)), selected: -1, sorted: sorted}
	s.lib.fn.samplerApply(s.p, &s.arr)
	runtime.KeepAlive(c)
	n := int(s.arr.size)
	if s.arr.data != unsafe.Pointer(&c[0]) || n > len(c) {
		return 0, errors.New("the sampler moved the candidates")
	}
	s.arr.data = nil
	return n, nil
}

// Allows says whether a grammar allows a token now.
func (s *Sampler) Allows(token int32) bool {
	one := []Candidate{{ID: token}}
	return s.Filter(one) == nil && one[0].Logit == 0
}

// Accept tells a grammar that a token was produced. It must be one that the grammar allows: C++
// would end the process otherwise.
func (s *Sampler) Accept(token int32) { s.lib.fn.samplerTake(s.p, token) }

// Free releases the sampler.
func (s *Sampler) Free() {
	if s.p != 0 {
		s.lib.fn.samplerFree(s.p)
		s.p = 0
		s.pin.Unpin()
	}
}
