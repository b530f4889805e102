package jsonschema

import (
	"encoding/binary"
	"errors"
	"slices"
)

// dfa is a deterministic automaton over code points. A missing edge refuses.
type dfa struct {
	edges  [][]edge // per state, in order, disjoint
	accept []bool
	start  int
}

// edge leads over the code points from lo to hi.
type edge struct {
	span
	to int
}

// maxStates bounds one automaton.
const maxStates = 6000

// budget is how much work is left for the automata of one schema: about 100 ns each.
type budget int

const wholeBudget = 8_000_000

func (b *budget) spend(n int) error {
	if *b -= budget(n); *b < 0 {
		return errTooLarge
	}
	return nil
}

// errTooLarge says that an automaton would need more states than that.
var errTooLarge = errors.New("it would need too large an automaton")

func (d *dfa) add(accept bool) int {
	d.edges, d.accept = append(d.edges, nil), append(d.accept, accept)
	return len(d.accept) - 1
}

// match says whether the automaton accepts a text.
func (d *dfa) match(text string) bool {
	s := d.start
	for _, r := range text {
		if s = d.next(s, r); s < 0 {
			return false
		}
	}
	return d.accept[s]
}

// next is the state after r, or -1.
func (d *dfa) next(s int, r rune) int {
	for _, e := range d.edges[s] {
		if r >= e.lo && r <= e.hi {
			return e.to
		}
	}
	return -1
}

// tidy orders and joins edges, drops what leads nowhere, and merges states that accept the same. The
// result has no states and start -1 when nothing is accepted.
func (d *dfa) tidy() *dfa {
	alive := d.alive()
	if d.start < 0 || !alive[d.start] {
		return &dfa{start: -1}
	}
	class := d.classes(alive)
	out := &dfa{}
	number := map[int]int{}
	var visit func(s int) int
	visit = func(s int) int {
		if id, ok := number[class[s]]; ok {
			return id
		}
		id := out.add(d.accept[s])
		number[class[s]] = id
		var edges []edge
		for _, e := range d.edges[s] {
			if alive[e.to] {
				edges = append(edges, edge{e.span, visit(e.to)})
			}
		}
		out.edges[id] = joined(edges)
		return id
	}
	out.start = visit(d.start)
	return out
}

// joined orders edges and joins neighbours with the same end.
func joined(edges []edge) []edge {
	slices.SortFunc(edges, func(a, b edge) int { return int(a.lo) - int(b.lo) })
	out := edges[:0]
	for _, e := range edges {
		if n := len(out); n > 0 && out[n-1].to == e.to && out[n-1].hi+1 == e.lo {
			out[n-1].hi = e.hi
		} else {
			out = append(out, e)
		}
	}
	return out
}

// alive says from which states something can be accepted.
func (d *dfa) alive() []bool {
	from := make([][]int, len(d.edges))
	for s, edges := range d.edges {
		for _, e := range edges {
			from[e.to] = append(from[e.to], s)
		}
	}
	alive := slices.Clone(d.accept)
	var work []int
	for s, a := range alive {
		if a {
			work = append(work, s)
		}
	}
	for len(work) > 0 {
		s := work[len(work)-1]
		work = work[:len(work)-1]
		for _, f := range from[s] {
			if !alive[f] {
				alive[f] = true
				work = append(work, f)
			}
		}
	}
	return alive
}

// classes numbers states so that equal numbers accept the same. Without cycles one pass from the ends
// finds all; otherwise classes are refined round by round (Moore), and long automata, for which that
// would take too many rounds, are left as they are.
func (d *dfa) classes(alive []bool) []int {
	class := make([]int, len(d.edges))
	if d.classesFromEnds(alive, class) {
		return class
	}
	for s, a := range d.accept {
		class[s] = 0
		if a {
			class[s] = 1
		}
	}
	count, size := 0, 1
	for _, edges := range d.edges {
		size += len(edges) + 1
	}
	for range min(64, 2_000_000/size) {
		next := make([]int, len(class))
		known := map[string]int{}
		for s := range class {
			next[s] = number(known, d.signature(s, class[s], class, alive))
		}
		class = next
		if len(known) == count {
			return class
		}
		count = len(known)
	}
	for s := range class {
		class[s] = s
	}
	return class
}

// signature tells states of different classes apart.
func (d *dfa) signature(s, own int, class []int, alive []bool) string {
	edges := make([]edge, 0, len(d.edges[s]))
	for _, e := range d.edges[s] {
		if alive[e.to] {
			edges = append(edges, edge{e.span, class[e.to]})
		}
	}
	key := binary.AppendVarint(nil, int64(own))
	for _, e := range joined(edges) {
		key = binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(key, int64(e.lo)), int64(e.hi)), int64(e.to))
	}
	return string(key)
}

func number(known map[string]int, key string) int {
	id, ok := known[key]
	if !ok {
		id = len(known)
		known[key] = id
	}
	return id
}

// classesFromEnds fills class when the automaton has no cycle.
func (d *dfa) classesFromEnds(alive []bool, class []int) bool {
	known := map[string]int{}
	state := make([]int8, len(d.edges)) // 1 on the way, 2 done
	var visit func(s int) bool
	visit = func(s int) bool {
		switch state[s] {
		case 1:
			return false
		case 2:
			return true
		}
		state[s] = 1
		for _, e := range d.edges[s] {
			if alive[e.to] && !visit(e.to) {
				return false
			}
		}
		own := 0
		if d.accept[s] {
			own = 1
		}
		class[s] = number(known, d.signature(s, own, class, alive))
		state[s] = 2
		return true
	}
	return visit(d.start)
}

// both accepts what a and b accept.
func both(a, b *dfa, work *budget) (*dfa, error) {
	if a.start < 0 || b.start < 0 {
		return &dfa{start: -1}, nil
	}
	out := &dfa{}
	number := map[[2]int]int{}
	var todo [][2]int
	id := func(p [2]int) int {
		n, ok := number[p]
		if !ok {
			n = out.add(a.accept[p[0]] && b.accept[p[1]])
			number[p] = n
			todo = append(todo, p)
		}
		return n
	}
	id([2]int{a.start, b.start})
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		s := number[p]
		if err := work.spend(len(a.edges[p[0]]) + len(b.edges[p[1]]) + 10); err != nil {
			return nil, err
		}
		for i, j, x, y := 0, 0, a.edges[p[0]], b.edges[p[1]]; i < len(x) && j < len(y); {
			if lo, hi := max(x[i].lo, y[j].lo), min(x[i].hi, y[j].hi); lo <= hi {
				to := id([2]int{x[i].to, y[j].to})
				out.edges[s] = append(out.edges[s], edge{span{lo, hi}, to})
			}
			if x[i].hi < y[j].hi {
				i++
			} else {
				j++
			}
		}
		if len(out.accept) > maxStates {
			return nil, errTooLarge
		}
	}
	return out.tidy(), nil
}

// texts accepts the given texts and no others.
func texts(list []string) *dfa {
	d := &dfa{}
	d.add(false)
	for _, text := range list {
		s := 0
		for _, r := range text {
			to := d.next(s, r)
			if to < 0 {
				to = d.add(false)
				d.edges[s] = append(d.edges[s], edge{span{r, r}, to})
			}
			s = to
		}
		d.accept[s] = true
	}
	return d
}

// others accepts every text but the given ones.
func others(list []string) *dfa {
	d := texts(list)
	sink := d.add(false)
	for s := range d.edges {
		var seen []span
		for _, e := range d.edges[s] {
			seen = append(seen, e.span)
		}
		for _, gap := range not(set(seen...)) {
			d.edges[s] = append(d.edges[s], edge{gap, sink})
		}
		slices.SortFunc(d.edges[s], func(a, b edge) int { return int(a.lo) - int(b.lo) })
		d.accept[s] = !d.accept[s]
	}
	return d.tidy()
}

// lengths accepts texts of min to max code points; max < 0 is no limit.
func lengths(least, most int) (*dfa, error) {
	if max(least, most) >= maxStates {
		return nil, errTooLarge
	}
	d := &dfa{}
	for n := 0; n <= max(least, most); n++ {
		d.add(n >= least && (most < 0 || n <= most))
		if n > 0 {
			d.edges[n-1] = anyTo(n)
		}
	}
	if most < 0 {
		d.edges[least] = anyTo(least)
	}
	return d, nil
}

func anyTo(to int) []edge {
	out := make([]edge, len(every))
	for i, s := range every {
		out[i] = edge{s, to}
	}
	return out
}

// free says that from state s on everything is accepted.
func (d *dfa) free(s int) bool {
	return d.accept[s] && slices.Equal(d.edges[s], anyTo(s))
}

// extent is the length of the shortest accepted text and of the longest, which is -1 when there is none.
func (d *dfa) extent() (shortest, longest int) {
	const unseen, open = -2, -3
	far := make([]int, len(d.edges)) // longest way to an end
	for i := range far {
		far[i] = unseen
	}
	var visit func(s int) int
	visit = func(s int) int {
		if far[s] == open {
			return -1 // a cycle, and tidy leaves only states that can end
		}
		if far[s] != unseen {
			return far[s]
		}
		far[s] = open
		best := 0
		for _, e := range d.edges[s] {
			n := visit(e.to)
			if n < 0 {
				best = -1
				break
			}
			best = max(best, n+1)
		}
		far[s] = best
		return best
	}
	longest = visit(d.start)
	dist := make([]int, len(d.edges))
	for i := range dist {
		dist[i] = -1
	}
	dist[d.start] = 0
	for queue := []int{d.start}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		if d.accept[s] {
			return dist[s], longest
		}
		for _, e := range d.edges[s] {
			if dist[e.to] < 0 {
				dist[e.to] = dist[s] + 1
				queue = append(queue, e.to)
			}
		}
	}
	return 0, longest
}
