package llama

import "github.com/parley-ai/parley/internal/engine"

// A row is one sequence id of the KV memory. It holds the tokens that were computed, and while its
// owner's prompt is being prefilled also those that are planned. Rows without an owner are cached
// prefixes.
type row struct {
	tokens  []engine.Token // computed, then planned
	cells   []int32        // cells[i] holds tokens[i]; its length is what was computed
	owner   *sequence
	private bool // never shared: prompts that are scored, models that keep no prefixes
	used    uint64
	left    int // rent paid by all when the owner left
}

// rows mirrors the KV memory of llama.cpp in unified mode: which sequence sees which cells. Prefixes
// are shared between rows, so a cell is free when no row sees it.
type rows struct {
	row   []row
	refs  []int32
	free  []int32
	clock uint64
	// rent counts the tokens computed so far, of prompts and answers. Each of them looks at every cell in
	// use, also at those of other sequences, to find that it may not see them.
	rent int
}

func newRows(n, cells int) *rows {
	r := &rows{row: make([]row, n), refs: make([]int32, cells), free: make([]int32, cells)}
	for i := range r.free {
		r.free[i] = int32(cells - 1 - i)
	}
	return r
}

// touch marks a row as used now.
func (r *rows) touch(i int) {
	r.clock++
	r.row[i].used = r.clock
	r.row[i].left = r.rent
}

// extend records that the row's next n tokens were computed. There must be free cells.
func (r *rows) extend(i, n int) {
	for range n {
		c := r.free[len(r.free)-1]
		r.free = r.free[:len(r.free)-1]
		r.refs[c] = 1
		r.row[i].cells = append(r.row[i].cells, c)
	}
}

// cut forgets all but the first n tokens of a row.
func (r *rows) cut(i, n int) {
	w := &r.row[i]
	for _, c := range w.cells[min(n, len(w.cells)):] {
		if r.refs[c]--; r.refs[c] == 0 {
			r.free = append(r.free, c)
		}
	}
	w.cells = w.cells[:min(n, len(w.cells))]
	w.tokens = w.tokens[:min(n, len(w.tokens))]
}

// lend lets the empty row dst see the first n cells of src.
func (r *rows) lend(src, dst, n int) {
	s, d := &r.row[src], &r.row[dst]
	d.tokens = append(d.tokens[:0], s.tokens[:n]...)
	d.cells = append(d.cells[:0], s.cells[:n]...)
	for _, c := range d.cells {
		r.refs[c]++
	}
}

// fill gives an empty row what was brought back into the cells. There must be free cells.
func (r *rows) fill(i int, tokens []engine.Token) {
	r.row[i].tokens = append(r.row[i].tokens[:0], tokens...)
	r.extend(i, len(tokens))
	r.touch(i)
}

// oldest returns the idle row that was used longest ago and that keep does not name, or -1. An empty
// row comes first, unless filled asks for rows that hold tokens.
func (r *rows) oldest(filled bool, keep int) int {
	best := -1
	for i := range r.row {
		w := &r.row[i]
		if w.owner != nil || i == keep {
			continue
		}
		if len(w.cells) == 0 {
			if filled {
				continue
			}
			return i
		}
		if best < 0 || w.used < r.row[best].used {
			best = i
		}
	}
	return best
}

// placement is where a prompt starts: in row, after `have` tokens that come from row `from`. When
// wait is set, `from` is still computing these tokens and the prompt waits for it.
type placement struct {
	row  int // -1 while waiting
	from int // -1 when nothing is reused
	have int
	wait bool
}

// waitFor is how many tokens must be saved for a prompt to wait for another one that computes them.
const waitFor = 32

// place finds the best start for a prompt. At least its last token is computed anew, for its logits.
func (r *rows) place(prompt []engine.Token) placement {
	p := placement{row: -1, from: -1}
	ready, from := 0, -1 // best prefix that is computed
	plan, planned := 0, -1
	for i := range r.row {
		w := &r.row[i]
		if w.private {
			continue
		}
		n := min(commonPrefix(w.tokens, prompt), len(prompt)-1)
		if done := min(n, len(w.cells)); done > ready || done == ready && done > 0 && w.owner == nil && r.row[from].owner != nil {
			ready, from = done, i
		}
		if n > plan && n > len(w.cells) && w.owner != nil {
			plan, planned = n, i
		}
	}
	if planned >= 0 && plan-ready >= waitFor {
		return placement{row: -1, from: planned, have: plan, wait: true}
	}
	p.from, p.have = from, ready
	if from >= 0 && r.row[from].owner == nil && r.continues(from, ready) {
		p.row = from
		return p
	}
	if p.row = r.oldest(false, from); p.row < 0 && from >= 0 && r.row[from].owner == nil {
		p.row = from
	}
	return p
}

// continues says whether a row's cached tokens beyond n are few enough to be given up in favour of
// a prompt that goes on from n, rather than kept beside it.
func (r *rows) continues(i, n int) bool { return (len(r.row[i].cells)-n)*4 <= len(r.row[i].cells) }

// smallCache is how many cells may be in use without costing other sequences anything worth mentioning.
const smallCache = 256

// expired returns an idle row that has cost others as much as it is worth, or -1. Rows of up to most
// tokens can be parked and expire after cheap computed tokens, others after dear.
func (r *rows) expired(cheap, dear, most int) int {
	if len(r.refs)-len(r.free) <= smallCache {
		return -1
	}
	for i := range r.row {
		w := &r.row[i]
		price := dear
		if len(w.cells) <= most {
			price = cheap
		}
		if w.owner == nil && len(w.cells) > 0 && r.rent-w.left > price {
			return i
		}
	}
	return -1
}

func commonPrefix(a, b []engine.Token) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
