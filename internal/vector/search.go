package vector

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Hit is a vector that was found.
type Hit struct {
	ID    uint64
	Score float32 // the cosine: 1 is the same direction
}

// Options of a search.
type Options struct {
	K int // how many are wanted
	// Allow says whether a vector may be found; nil: all may. It is called for those that would be among the best,
	// often, and must be fast.
	Allow func(id uint64) bool
	// Effort is how far around a search looks: more finds more of the true nearest and takes longer. 0 is Thorough.
	Effort Effort
}

// Effort is how many spreads (standard deviations of the question's products with all lists' middles) below the last
// candidate so far the middle of a list may lie for the list to be scanned.
type Effort float32

// Efforts by the share of the true ten nearest that they find, as measured in docs/BENCHMARKS.md.
const (
	Quick    Effort = 2.2  // about 0.95
	Thorough Effort = 3.0  // about 0.99
	Exact    Effort = 1000 // all: every vector is compared
)

// scratch is the memory of one search.
type scratch struct {
	query  query
	signs  signQuery
	sums   []int32
	scores []float32
	lists  []int32
	counts [buckets]int32
	above  []uint8
	found  []scored
	better []scored
	heads  []float32
}

type scored struct {
	score float32
	list  int32
	row   int32
}

func (s *scratch) fit(n int) {
	if room := n + lanes; cap(s.sums) < room { // kernels write whole groups
		s.sums, s.scores = make([]int32, room+n/4), make([]float32, room+n/4)
		s.above = make([]uint8, cap(s.scores)/lanes)
	}
	s.above = s.above[:(n+lanes-1)/lanes]
	s.sums, s.scores = s.sums[:n], s.scores[:n]
}

// Search returns the vectors nearest to v, the nearest first. Fewer than K come back when there are fewer that are
// allowed. Its error is that of a question with other dimensions or with a number that is not finite.
func (x *Index) Search(v []float32, o Options) ([]Hit, error) {
	unit, err := x.unit(v)
	if err != nil || o.K < 1 {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := x.pool.Get().(*scratch)
	defer x.pool.Put(s)
	s.query.set(unit, x.width)
	s.signs.set(unit, x.width/64)
	x.candidates(s, o)
	return x.exactly(s, o.K), nil
}

// candidates fills s.found, a heap with the worst on top, with the best by high bytes: more than K of them, since
// high bytes are a little wrong.
func (x *Index) candidates(s *scratch, o Options) {
	k := min(o.K, len(x.at))
	if o.Effort <= 0 {
		o.Effort = Thorough
	}
	exact := o.Effort >= Exact || len(x.at) <= exactBelow
	keep := max(50, int(float32(5*k)*float32(min(o.Effort, 5)-1)))
	if exact {
		keep = 2*k + 16
	}
	s.found = s.found[:0]
	n := x.heads.len()
	if n == 0 {
		return
	}
	if cap(s.lists) < n {
		s.lists = make([]int32, n+n/4)
	}
	s.fit(n)
	x.heads.scores(&s.query, s.sums, s.scores)
	s.heads = append(s.heads[:0], s.scores...)
	order(s.heads, s.lists[:n], &s.counts)
	margin := float32(o.Effort) * deviation(s.heads)
	for _, next := range s.lists[:n] {
		if !exact && len(s.found) == keep && s.heads[next] < s.found[0].score-margin {
			return
		}
		x.scan(s, int(next), keep, exact, o.Allow)
	}
}

// deviation is the standard deviation of scores.
func deviation(scores []float32) float32 {
	var sum, square float64
	for _, s := range scores {
		sum += float64(s)
		square += float64(s) * float64(s)
	}
	n := float64(len(scores))
	return float32(math.Sqrt(max(0, square/n-sum/n*sum/n)))
}

// order writes the indexes of scores, the greatest first, exact to a buckets' part of their range.
func order(scores []float32, out []int32, counts *[buckets]int32) {
	least, most := scores[0], scores[0]
	for _, s := range scores {
		least, most = min(least, s), max(most, s)
	}
	factor := float32(0)
	if most > least {
		factor = (buckets - 1) / (most - least)
	}
	*counts = [buckets]int32{}
	for _, s := range scores {
		counts[uint8((most-s)*factor)]++
	}
	at := int32(0)
	for i, n := range counts {
		counts[i] = at
		at += n
	}
	for i, s := range scores {
		b := uint8((most - s) * factor)
		out[counts[b]] = int32(i)
		counts[b]++
	}
}

const buckets = 256

// scan compares with the vectors of one list: by their signs, or by their high bytes when it has to be exact.
func (x *Index) scan(s *scratch, list, keep int, exact bool, allow func(uint64) bool) {
	l := x.lists[list]
	s.fit(l.len())
	worst := float32(math.Inf(-1))
	if len(s.found) == keep {
		worst = s.found[0].score
	}
	if exact {
		l.scores(&s.query, s.sums, s.scores)
		for g := range s.above {
			s.above[g] = 0xff
		}
	} else {
		l.signs.estimates(&s.signs, s.heads[list]*l.length, worst, s.scores, s.above)
	}
	for g, m := range s.above {
		for ; m != 0; m &= m - 1 {
			r := g*lanes + bits.TrailingZeros8(m)
			if r >= len(s.scores) || s.scores[r] <= worst || allow != nil && !allow(l.ids[r]) {
				continue
			}
			hit := scored{s.scores[r], int32(list), int32(r)}
			if len(s.found) < keep {
				s.found = append(s.found, hit)
				up(s.found)
			} else {
				s.found[0] = hit
				down(s.found, 0)
			}
			if len(s.found) == keep {
				worst = s.found[0].score
			}
		}
	}
}

// exactly makes hits of the k best candidates: those by high bytes by all 16 bits.
func (x *Index) exactly(s *scratch, k int) []Hit {
	const ahead = 6
	var sum [1]int32
	w, most := x.width, k+8+k/4
	better := s.better[:0]
	for i, f := range s.found {
		if i+ahead < len(s.found) {
			next := s.found[i+ahead]
			prefetch(&x.lists[next.list].hi[int(next.row)*w], w)
		}
		r := &x.lists[f.list].rows
		row := int(f.row)
		dots(s.query.up, r.hi[row*w:(row+1)*w], sum[:])
		f.score = r.fromSum(&s.query, row, sum[0])
		switch {
		case len(better) < most:
			better = append(better, f)
			up(better)
		case f.score > better[0].score:
			better[0] = f
			down(better, 0)
		}
	}
	s.better = better
	for i := range better {
		f := &better[i]
		f.score = x.lists[f.list].exact(&s.query, int(f.row))
	}
	slices.SortFunc(better, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	hits := make([]Hit, min(k, len(better)))
	for i := range hits {
		f := better[i]
		hits[i] = Hit{ID: x.lists[f.list].ids[f.row], Score: max(-1, min(1, f.score))}
	}
	return hits
}

// A heap with the least score on top.

func down(h []scored, i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].score < h[child].score {
			child++
		}
		if h[i].score <= h[child].score {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// up puts the last element where it belongs.
func up(h []scored) {
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if h[parent].score <= h[i].score {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// topOf returns the indexes of the n greatest scores, in no order.
func topOf(scores []float32, n int) []int {
	var h []scored
	for i, s := range scores {
		switch {
		case len(h) < n:
			h = append(h, scored{score: s, list: int32(i)})
			up(h)
		case s > h[0].score:
			h[0] = scored{score: s, list: int32(i)}
			down(h, 0)
		}
	}
	out := make([]int, len(h))
	for i, e := range h {
		out[i] = int(e.list)
	}
	return out
}
