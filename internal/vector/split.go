package vector

import (
	"math"
	"slices"
)

// An index grows without ever being trained: a list that became too long is split in two, and vectors of the
// lists around it move to where they are now nearer. Searches stay as good as if all had been clustered at once
// (measured in bench/vectors), and no call of Add takes long.

const (
	exactBelow = 2048  // vectors: up to here there is one list, and a search compares all
	splitTurns = 6     // of the two-means that splits a list
	around     = 24    // lists whose vectors are looked at after a split
	worthIt    = 0.003 // of a product: less is what rounding makes, and vectors that are equal would wander for ever
	refreshing = 8     // calls of Add after which the next list is refreshed
)

// listMax is how long a list may become in an index of n vectors: lists grow with the root, so that choosing
// lists and scanning them stay in balance.
func listMax(n int) int {
	if n <= exactBelow {
		return exactBelow
	}
	return max(64, int(math.Sqrt(float64(n))/2))
}

// split divides list i.
func (x *Index) split(i int) {
	old := x.lists[i]
	n := old.len()
	side, a, b := x.halves(old)
	if side == nil {
		return
	}
	before := x.heads.vectorOf(i, x.dims)
	x.lists[i] = x.listAround(a)
	head := slices.Clone(a)
	normalize(head)
	x.heads.set(i, head)
	j := len(x.lists)
	x.newList(b)
	for k := range n {
		to := i
		if side[k] {
			to = j
		}
		x.put(to, &old.rows, k, old.ids[k])
	}
	x.settle(before, i, j)
}

// halves divides the vectors of a list by two-means. side says which are of the second half; nil when it
// cannot be divided.
func (x *Index) halves(l *list) (side []bool, a, b []float32) {
	n, s := l.len(), &x.grown
	s.fit(n)
	v := make([]float32, x.dims)
	// Begin with two vectors that are far from one another: the farthest of the first, and the farthest of that.
	l.vector(0, v)
	s.query.set(v, x.width)
	l.scores(&s.query, s.sums, s.scores)
	b = l.vectorOf(worst(s.scores), x.dims)
	s.query.set(b, x.width)
	l.scores(&s.query, s.sums, s.scores)
	a = l.vectorOf(worst(s.scores), x.dims)
	side = make([]bool, n)
	first := make([]float32, n)
	margin := make([]float32, n)
	suma, sumb := make([]float32, x.dims), make([]float32, x.dims)
	for range splitTurns {
		s.query.set(a, x.width)
		l.scores(&s.query, s.sums, first)
		s.query.set(b, x.width)
		l.scores(&s.query, s.sums, s.scores)
		count := 0
		for k := range n {
			margin[k] = s.scores[k] - first[k]
			if side[k] = margin[k] > 0; side[k] {
				count++
			}
		}
		// A half that is nearly empty would be split again at once: then the middle of the order decides.
		if count < n/8 || n-count < n/8 {
			order := slices.Clone(margin)
			slices.Sort(order)
			middle, left := order[n/2], n-n/2
			for k := range n {
				side[k] = margin[k] >= middle && left > 0
				if side[k] {
					left--
				}
			}
		}
		clear(suma)
		clear(sumb)
		for k := range n {
			sum := suma
			if side[k] {
				sum = sumb
			}
			l.addTo(k, sum)
		}
		copy(a, suma)
		copy(b, sumb)
		normalize(a)
		normalize(b)
	}
	// Signs are relative to the mean, which is shorter than one.
	ones := 0
	for _, second := range side {
		if second {
			ones++
		}
	}
	for j := range a {
		a[j], b[j] = suma[j]/float32(n-ones), sumb[j]/float32(ones)
	}
	return side, a, b
}

// settle moves vectors to where they are nearer after list i became i and j.
func (x *Index) settle(before []float32, i, j int) {
	s := &x.grown
	s.query.set(before, x.width)
	s.fit(x.heads.len())
	x.heads.scores(&s.query, s.sums, s.scores)
	near := topOf(s.scores, around)
	type move struct {
		id uint64
		to int
	}
	var moves []move
	var qi, qj query
	qi.set(x.heads.vectorOf(i, x.dims), x.width)
	qj.set(x.heads.vectorOf(j, x.dims), x.width)
	for _, k := range near {
		if k == i || k == j {
			continue
		}
		l := x.lists[k]
		s.query.set(x.heads.vectorOf(k, x.dims), x.width)
		n := l.len()
		s.fit(3 * n)
		own, toi, toj := s.scores[:n], s.scores[n:2*n], s.scores[2*n:]
		l.scores(&s.query, s.sums[:n], own)
		l.scores(&qi, s.sums[:n], toi)
		l.scores(&qj, s.sums[:n], toj)
		for r := range n {
			if to, score := i, toi[r]; max(score, toj[r]) > own[r]+worthIt {
				if toj[r] > score {
					to = j
				}
				moves = append(moves, move{l.ids[r], to})
			}
		}
	}
	for _, m := range moves {
		x.move(m.id, m.to)
	}
	x.spread(i, near)
	x.spread(j, near)
}

// spread moves the vectors of list i that are nearer to one of the others there.
func (x *Index) spread(i int, others []int) {
	l := x.lists[i]
	n := l.len()
	s := &x.grown
	s.fit(n)
	top, to := make([]float32, n), make([]int, n)
	s.query.set(x.heads.vectorOf(i, x.dims), x.width)
	l.scores(&s.query, s.sums, top)
	for r := range to {
		to[r] = i
	}
	for _, other := range others {
		s.query.set(x.heads.vectorOf(other, x.dims), x.width)
		l.scores(&s.query, s.sums, s.scores)
		for r, score := range s.scores {
			if score > top[r]+worthIt {
				top[r], to[r] = score, other
			}
		}
	}
	for r := n - 1; r >= 0; r-- { // from the end: a row that leaves is replaced by the last
		if to[r] != i {
			x.move(l.ids[r], to[r])
		}
	}
}

// move puts a vector into another list.
func (x *Index) move(id uint64, to int) {
	p := x.at[id]
	x.put(to, &x.lists[p.list].rows, int(p.row), id)
	x.take(p)
}

// refresh moves the middle of a list to where its vectors are by now, and those that are nearer to another list there.
func (x *Index) refresh(i int) {
	old := x.lists[i]
	n := old.len()
	if n == 0 {
		return
	}
	middle := make([]float32, x.dims)
	for r := range n {
		old.addTo(r, middle)
	}
	for j := range middle {
		middle[j] /= float32(n)
	}
	l := x.listAround(middle)
	l.rows, l.ids = old.rows, old.ids
	v := x.buffer()
	for r := range n {
		l.vector(r, v)
		x.sign(l, v)
	}
	x.lists[i] = l
	head := slices.Clone(middle)
	normalize(head)
	x.heads.set(i, head)
	s := &x.grown
	s.query.set(head, x.width)
	s.fit(x.heads.len())
	x.heads.scores(&s.query, s.sums, s.scores)
	s.scores[i] = -2
	x.spread(i, topOf(s.scores, around))
}

// dissolve gives the vectors of a list that became short to others and removes it.
func (x *Index) dissolve(i int) {
	if len(x.lists) == 1 {
		if x.lists[0].len() == 0 {
			x.lists, x.heads = nil, rows{width: x.width}
		}
		return
	}
	old := x.lists[i]
	last := len(x.lists) - 1
	x.lists[i] = x.lists[last]
	x.lists = x.lists[:last]
	x.heads.drop(i)
	if i < last {
		for r, id := range x.lists[i].ids {
			x.at[id] = place{uint32(i), uint32(r)}
		}
	}
	s := &x.grown
	v := make([]float32, x.dims)
	for r, id := range old.ids {
		old.vector(r, v)
		s.query.set(v, x.width)
		s.fit(x.heads.len())
		x.heads.scores(&s.query, s.sums, s.scores)
		x.put(best(s.scores), &old.rows, r, id)
	}
}

// vectorOf is row i as numbers.
func (r *rows) vectorOf(i, dims int) []float32 {
	v := make([]float32, dims)
	r.vector(i, v)
	return v
}

// addTo adds row i to a sum.
func (r *rows) addTo(i int, sum []float32) {
	hi, scale := r.hi[i*r.width:][:len(sum)], r.scale[i]*256
	for j, h := range hi {
		sum[j] += scale * (float32(h) + 0.5)
	}
}

func worst(scores []float32) int {
	at := 0
	for i, s := range scores {
		if s < scores[at] {
			at = i
		}
	}
	return at
}
