package vector

import "math"

// rows are vectors in 16 bits for each dimension, split into a high and a low byte: the high bytes alone are
// scanned, low bytes are read of the few rows that are compared exactly. A row's value in dimension j is
// scale · (256·hi[j] + lo[j]).
type rows struct {
	width int // bytes of a row in hi and in lo: the dimensions, padded to a multiple of block
	hi    []int8
	lo    []uint8
	scale []float32
	sum   []int32 // of hi
	lsum  []int32 // of lo
}

func (r *rows) len() int { return len(r.scale) }

// query is a vector as rows are compared with it: 16 bits, whose high byte is moved to be unsigned.
type query struct {
	scale float32
	up    []uint8 // high byte + 128
	hi    []int8  // high byte
	lo    []uint8
	sum   float32 // of 256·hi + lo
	low   float32 // mean of lo
}

// quantize writes v in 16 bits. All of v is finite.
func quantize(v []float32, hi []int8, lo []uint8) (scale float32, hsum, lsum int32) {
	var top float32
	for _, x := range v {
		top = max(top, x, -x)
	}
	clear(hi[len(v):])
	clear(lo[len(v):])
	if top == 0 {
		clear(hi)
		clear(lo)
		return 0, 0, 0
	}
	scale = top / 32512 // 127·256, so that rounding never leaves 16 bits
	inverse := 32512 / top
	for j, x := range v {
		n := int32(math.Floor(float64(x*inverse) + 0.5))
		h, l := n>>8, n&255
		hi[j], lo[j] = int8(h), uint8(l)
		hsum += h
		lsum += l
	}
	return scale, hsum, lsum
}

// set makes q of a vector.
func (q *query) set(v []float32, width int) {
	if len(q.up) != width {
		q.up, q.hi, q.lo = make([]uint8, width), make([]int8, width), make([]uint8, width)
	}
	scale, hsum, lsum := quantize(v, q.hi, q.lo)
	q.scale, q.sum, q.low = scale, float32(256*hsum+lsum), float32(lsum)/float32(len(v))
	for j, h := range q.hi {
		q.up[j] = uint8(int(h) + 128)
	}
}

// add appends a vector.
func (r *rows) add(v []float32) {
	n := r.len()
	r.hi = grow(r.hi, r.width)
	r.lo = grow(r.lo, r.width)
	scale, hsum, lsum := quantize(v, r.hi[n*r.width:], r.lo[n*r.width:])
	r.scale, r.sum, r.lsum = append(r.scale, scale), append(r.sum, hsum), append(r.lsum, lsum)
}

// grow makes s longer by n, with an eighth of slack at most: append's doubling would double the index.
func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) < n {
		t := make([]T, len(s), len(s)+n+len(s)/8)
		copy(t, s)
		s = t
	}
	return s[:len(s)+n]
}

// copyFrom appends row i of other.
func (r *rows) copyFrom(other *rows, i int) {
	n, w := r.len(), r.width
	r.hi = grow(r.hi, w)
	r.lo = grow(r.lo, w)
	copy(r.hi[n*w:], other.hi[i*w:(i+1)*w])
	copy(r.lo[n*w:], other.lo[i*w:(i+1)*w])
	r.scale, r.sum, r.lsum = append(r.scale, other.scale[i]), append(r.sum, other.sum[i]), append(r.lsum, other.lsum[i])
}

// drop removes row i; the last row takes its place.
func (r *rows) drop(i int) {
	n, w := r.len()-1, r.width
	copy(r.hi[i*w:(i+1)*w], r.hi[n*w:])
	copy(r.lo[i*w:(i+1)*w], r.lo[n*w:])
	r.scale[i], r.sum[i], r.lsum[i] = r.scale[n], r.sum[n], r.lsum[n]
	r.hi, r.lo = r.hi[:n*w], r.lo[:n*w]
	r.scale, r.sum, r.lsum = r.scale[:n], r.sum[:n], r.lsum[:n]
}

// set replaces row i.
func (r *rows) set(i int, v []float32) {
	w := r.width
	r.scale[i], r.sum[i], r.lsum[i] = quantize(v, r.hi[i*w:(i+1)*w], r.lo[i*w:(i+1)*w])
}

// vector writes row i as numbers into v.
func (r *rows) vector(i int, v []float32) {
	hi, lo := r.hi[i*r.width:], r.lo[i*r.width:]
	for j := range v {
		v[j] = r.scale[i] * float32(int32(hi[j])<<8|int32(lo[j]))
	}
}

// scores writes the products of q with all rows into out, from the high bytes alone: wrong by about a
// thousandth. sums is scratch. Both are as long as there are rows.
func (r *rows) scores(q *query, sums []int32, out []float32) {
	dots(q.up, r.hi, sums)
	// The low bytes are taken for their mean: 128 in rows, q.low in the query.
	base, low, f := q.sum*128, q.low*256, q.scale
	scale, sum := r.scale[:len(sums)], r.sum[:len(sums)]
	out = out[:len(sums)]
	for i, d := range sums {
		x := sum[i]
		out[i] = f * scale[i] * (float32(d-128*x)*65536 + low*float32(x) + base)
	}
}

// fromSum is the score of row i, whose product with the query's high byte is d.
func (r *rows) fromSum(q *query, i int, d int32) float32 {
	x := r.sum[i]
	return q.scale * r.scale[i] * (float32(d-128*x)*65536 + q.low*256*float32(x) + q.sum*128)
}

// exact is the product of q with row i from all 16 bits, wrong by some hundred-thousandths at most.
func (r *rows) exact(q *query, i int) float32 {
	w := r.width
	hi, lo := r.hi[i*w:(i+1)*w], r.lo[i*w:(i+1)*w]
	var hh, lh, hl [1]int32
	dots(q.up, hi, hh[:])
	dots(q.lo, hi, lh[:])
	dots(lo, q.hi, hl[:])
	sum := float64(hh[0]-128*r.sum[i])*65536 + float64(lh[0])*256 + float64(hl[0])*256 + float64(r.lsum[i])*float64(q.low)
	return float32(float64(q.scale) * float64(r.scale[i]) * sum)
}
