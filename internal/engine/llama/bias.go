package llama

import "github.com/parley-ai/parley/internal/engine"

// biasTrie finds which tokens would complete a biased sequence after what was produced so far
// (engine.BiasSequence).
type biasTrie struct {
	next map[engine.Token]*biasTrie
	bias float32 // of the sequence that ends here
	ends bool
}

func newBiasTrie(sequences []engine.BiasSequence) *biasTrie {
	root := &biasTrie{}
	for _, s := range sequences {
		n := root
		for _, t := range s.Tokens {
			if n.next == nil {
				n.next = map[engine.Token]*biasTrie{}
			}
			if n.next[t] == nil {
				n.next[t] = &biasTrie{}
			}
			n = n.next[t]
		}
		if n != root {
			n.bias += s.Bias
			n.ends = true
		}
	}
	return root
}

// biasState follows the sequences that are under way.
type biasState struct {
	root   *biasTrie
	active []*biasTrie
}

// each calls add for every token that would complete a sequence now.
func (b *biasState) each(add func(engine.Token, float32)) {
	ending := func(n *biasTrie) {
		for t, child := range n.next {
			if child.ends {
				add(t, child.bias)
			}
		}
	}
	ending(b.root)
	for _, n := range b.active {
		ending(n)
	}
}

// accept tells that t was produced.
func (b *biasState) accept(t engine.Token) {
	keep := b.active[:0]
	for _, n := range b.active {
		if child := n.next[t]; child != nil && child.next != nil {
			keep = append(keep, child)
		}
	}
	b.active = keep
	if child := b.root.next[t]; child != nil && child.next != nil {
		b.active = append(b.active, child)
	}
}
