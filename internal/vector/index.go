package vector

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// MaxDims is the most dimensions that a vector can have.
const MaxDims = 16384

// Index finds the vectors that are nearest to another one. Make it with New or Open. Its methods may be called at
// the same time.
type Index struct {
	dims  int
	width int

	mu    sync.RWMutex
	lists []*list
	heads rows // the middle of each list
	at    map[uint64]place
	pool  sync.Pool // *scratch
	grown scratch   // for changes, which come one at a time
	one   []float32 // likewise
	added int       // calls of Add
}

// list are vectors that lie near one another.
type list struct {
	rows
	signs  signs
	middle []float32 // what signs are relative to
	length float32   // of middle
	ids    []uint64
}

// place is where a vector lies.
type place struct{ list, row uint32 }

// New returns an empty index of vectors of dims dimensions.
func New(dims int) (*Index, error) {
	if dims < 1 || dims > MaxDims {
		return nil, fmt.Errorf("vectors of %d dimensions: 1 to %d are possible", dims, MaxDims)
	}
	x := &Index{dims: dims, width: (dims + block - 1) / block * block, at: map[uint64]place{}}
	x.heads.width = x.width
	x.pool.New = func() any { return &scratch{} }
	return x, nil
}

// Dims is how many dimensions vectors have.
func (x *Index) Dims() int { return x.dims }

// Len is how many vectors there are.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.at)
}

// Memory is about how many bytes the index holds in memory.
func (x *Index) Memory() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := int64(len(x.at))*40 + x.heads.bytes()
	for _, l := range x.lists {
		n += l.bytes() + int64(cap(l.ids)+cap(l.signs.bits))*8 + int64(cap(l.signs.factor)+cap(l.signs.ones)+cap(l.middle))*4
	}
	return n
}

func (r *rows) bytes() int64 {
	return int64(cap(r.hi) + cap(r.lo) + 4*(cap(r.scale)+cap(r.sum)+cap(r.lsum)))
}

// Has says whether there is a vector of that id.
func (x *Index) Has(id uint64) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, ok := x.at[id]
	return ok
}

// Add puts a vector into the index, in the place of one with the same id if there is one. Vectors are made to have
// unit length, so that products are cosines. One with another number of dimensions, or with a number that is not
// finite, is an error.
func (x *Index) Add(id uint64, v []float32) error {
	unit, err := x.unit(v)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(id)
	if len(x.lists) == 0 {
		x.newList(slices.Clone(unit))
	}
	s := &x.grown
	s.query.set(unit, x.width)
	s.fit(x.heads.len())
	x.heads.scores(&s.query, s.sums, s.scores)
	i := best(s.scores)
	l := x.lists[i]
	x.at[id] = place{uint32(i), uint32(l.len())}
	l.rows.add(unit)
	x.sign(l, unit)
	l.ids = append(l.ids, id)
	if l.len() > listMax(len(x.at)) {
		x.split(i)
	}
	if x.added++; x.added%refreshing == 0 && len(x.lists) > 1 {
		if i := x.added / refreshing % len(x.lists); x.lists[i].len() > listMax(len(x.at)) {
			x.split(i)
		} else {
			x.refresh(i)
		}
	}
	return nil
}

// Remove takes a vector out; false when there is none of that id.
func (x *Index) Remove(id uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.remove(id)
}

func (x *Index) remove(id uint64) bool {
	p, ok := x.at[id]
	if !ok {
		return false
	}
	x.take(p)
	delete(x.at, id)
	if n := x.lists[p.list].len(); n < listMax(len(x.at))/16 || n == 0 {
		x.dissolve(int(p.list))
	}
	return true
}

// take removes the row at p; the last row of the list takes its place.
func (x *Index) take(p place) {
	l := x.lists[p.list]
	l.rows.drop(int(p.row))
	l.signs.drop(int(p.row))
	n := len(l.ids) - 1
	l.ids[p.row] = l.ids[n]
	l.ids = l.ids[:n]
	if int(p.row) < n {
		x.at[l.ids[p.row]] = p
	}
}

// put appends row i of from to a list.
func (x *Index) put(to int, from *rows, i int, id uint64) {
	l := x.lists[to]
	x.at[id] = place{uint32(to), uint32(l.len())}
	l.copyFrom(from, i)
	v := x.buffer()
	from.vector(i, v)
	x.sign(l, v)
	l.ids = append(l.ids, id)
}

// sign appends the signs of v, whose place v is overwritten.
func (x *Index) sign(l *list, v []float32) {
	for j, m := range l.middle {
		v[j] -= m
	}
	l.signs.append(v)
}

// buffer is memory for one vector, for changes.
func (x *Index) buffer() []float32 {
	if x.one == nil {
		x.one = make([]float32, x.dims)
	}
	return x.one
}

// newList makes an empty list around a middle.
func (x *Index) newList(middle []float32) {
	x.lists = append(x.lists, x.listAround(middle))
	head := slices.Clone(middle)
	normalize(head)
	x.heads.add(head)
}

func (x *Index) listAround(middle []float32) *list {
	return &list{rows: rows{width: x.width}, signs: signs{words: x.width / 64}, middle: middle, length: length(middle)}
}

// unit returns v with length one; a vector of zeros stays.
func (x *Index) unit(v []float32) ([]float32, error) {
	if len(v) != x.dims {
		return nil, fmt.Errorf("a vector of %d dimensions, in an index of %d", len(v), x.dims)
	}
	out := make([]float32, len(v))
	copy(out, v)
	if !normalize(out) {
		return nil, fmt.Errorf("a vector with a number that is not finite")
	}
	return out, nil
}

// normalize makes v's length one; false when it cannot be.
func normalize(v []float32) bool {
	var top, sum float64
	for _, f := range v {
		top = max(top, math.Abs(float64(f)))
	}
	if math.IsNaN(top) || math.IsInf(top, 0) {
		return false
	}
	for _, f := range v {
		if f != f { // max keeps no NaN on all machines
			return false
		}
		if top > 0 {
			sum += float64(f) / top * (float64(f) / top)
		}
	}
	if sum == 0 {
		return true
	}
	factor := 1 / (math.Sqrt(sum) * top)
	if math.IsInf(factor, 0) { // denormal numbers
		clear(v)
		return true
	}
	for i, f := range v {
		v[i] = float32(float64(f) * factor)
	}
	return true
}

// best is the index of the greatest number.
func best(scores []float32) int {
	at := 0
	for i, s := range scores {
		if s > scores[at] {
			at = i
		}
	}
	return at
}

// length is v's.
func length(v []float32) float32 {
	var sum float64
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	return float32(math.Sqrt(sum))
}
