package bpe

// node is a part of a long piece while it is merged: a token, its neighbours, and what it and the next
// one merge to. A part that was merged into its left neighbour has rank none.
type node struct {
	id, rank   uint32
	prev, next int32
}

// mergeLong is merge for pieces of any length and any bytes: the pairs wait in a heap, ordered by rank and then by
// place. Entries are not removed when a pair changes; they are known by a rank that no longer fits.
func (t *tables) mergeLong(dst []Token, text string) []Token {
	nodes := make([]node, len(text))
	heap := make(pairHeap, 0, len(text))
	for i := range nodes {
		n := node{id: t.single[text[i]], rank: none, prev: int32(i) - 1, next: int32(i) + 1}
		if i+1 < len(text) {
			n.rank = t.byte2[n.id<<8|t.single[text[i+1]]]
		}
		if n.rank != none {
			heap = append(heap, entry(n.rank, int32(i)))
		}
		nodes[i] = n
	}
	heap.order()
	update := func(i int32) {
		n := &nodes[i]
		n.rank = none
		if int(n.next) < len(nodes) {
			if n.rank = t.merged(n.id, nodes[n.next].id); n.rank != none {
				heap.push(entry(n.rank, i))
			}
		}
	}
	for len(heap) > 0 {
		e := heap.pop()
		i, rank := int32(uint32(e)), uint32(e>>32)
		n := &nodes[i]
		if n.rank != rank {
			continue
		}
		gone := &nodes[n.next]
		gone.rank = none
		n.id, n.next = rank, gone.next
		if int(n.next) < len(nodes) {
			nodes[n.next].prev = i
		}
		update(i)
		if n.prev >= 0 {
			update(n.prev)
		}
	}
	for i := int32(0); int(i) < len(nodes); i = nodes[i].next {
		dst = append(dst, Token(nodes[i].id))
	}
	return dst
}

// pairHeap is a binary heap of entries, the lowest first.
type pairHeap []uint64

func entry(rank uint32, at int32) uint64 { return uint64(rank)<<32 | uint64(uint32(at)) }

func (h pairHeap) order() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h pairHeap) down(i int) {
	v := h[i]
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1] < h[c] {
			c++
		}
		if v <= h[c] {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = v
}

func (h *pairHeap) push(v uint64) {
	s := append(*h, v)
	i := len(s) - 1
	for i > 0 && v < s[(i-1)/2] {
		s[i] = s[(i-1)/2]
		i = (i - 1) / 2
	}
	s[i] = v
	*h = s
}

func (h *pairHeap) pop() uint64 {
	s := *h
	v, n := s[0], len(s)-1
	s[0] = s[n]
	*h = s[:n]
	if n > 0 {
		s[:n].down(0)
	}
	return v
}
