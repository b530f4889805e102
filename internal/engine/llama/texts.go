package llama

import (
	"slices"
	"sync"

	"github.com/parley-ai/parley/internal/engine"
)

// texts remembers the tokens of long texts that were tokenized lately: an answer that is asked for again,
// and each of several answers to one prompt, bring the same text, and 2,000 words take 2 ms.
type texts struct {
	mu    sync.Mutex
	size  int         // bytes of all texts
	known []knownText // longest unused first
}

type knownText struct {
	req    engine.TokenizeRequest
	tokens []engine.Token
}

const (
	textsLeast = 1 << 10 // bytes of the shortest text that is remembered
	textsMost  = 1 << 20 // bytes of all remembered texts together
)

// find returns the tokens of a text, which the caller may change.
func (t *texts) find(req engine.TokenizeRequest) ([]engine.Token, bool) {
	if len(req.Text) < textsLeast {
		return nil, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, k := range t.known {
		if k.req == req {
			t.known = append(slices.Delete(t.known, i, i+1), k)
			return slices.Clone(k.tokens), true
		}
	}
	return nil, false
}

// add remembers the tokens of a text.
func (t *texts) add(req engine.TokenizeRequest, tokens []engine.Token) {
	if len(req.Text) < textsLeast || len(req.Text) > textsMost {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = append(t.known, knownText{req, slices.Clone(tokens)})
	for t.size += len(req.Text); t.size > textsMost; t.known = slices.Delete(t.known, 0, 1) {
		t.size -= len(t.known[0].req.Text)
	}
}
