package vector

import "math/bits"

// planes are how many bits a query's numbers have when they are compared with signs.
const planes = 4

// lanes are how many rows' signs lie beside one another: what the widest kernel takes at once.
const lanes = 8

// signs are vectors of a list in one bit for each dimension: whether the vector lies above the list's middle there.
// They are what a search scans. With r the vector less the middle and s its signs (±1), q·r is about
// factor·(q·s), factor = |r|²/Σ|r| (RaBitQ's estimate), wrong by two or three hundredths.
type signs struct {
	words  int      // of a row
	bits   []uint64 // word w of row i is bits[(i/lanes*words+w)*lanes + i%lanes]
	factor []float32
	ones   []float32 // how many bits of a row are set
}

// signQuery is a query as signs are compared with it: q[j] ≈ low + step·u[j], with u of four bits, by planes.
type signQuery struct {
	planes    []uint64 // bit p of u[64w…64w+63] is planes[w*planes+p]
	step, low float32
	sum       float32
}

func (q *signQuery) set(v []float32, words int) {
	if len(q.planes) != words*planes {
		q.planes = make([]uint64, words*planes)
	}
	clear(q.planes)
	least, most := v[0], v[0]
	q.sum = 0
	for _, x := range v {
		least, most = min(least, x), max(most, x)
		q.sum += x
	}
	const top = 1<<planes - 1
	q.low, q.step = least, (most-least)/top
	if q.step <= 0 {
		return
	}
	inverse := 1 / q.step
	for j, x := range v {
		u := min(top, uint64((x-least)*inverse+0.5))
		w, b := j/64*planes, j%64
		for p := range uint64(planes) {
			q.planes[w+int(p)] |= u >> p & 1 << b
		}
	}
}

// append adds the signs of r.
func (s *signs) append(r []float32) {
	i := len(s.factor)
	if i%lanes == 0 {
		s.bits = grow(s.bits, s.words*lanes)
		clear(s.bits[len(s.bits)-s.words*lanes:])
		s.factor, s.ones = grow(s.factor, lanes)[:i], grow(s.ones, lanes)[:i]
	}
	var sum, square float32
	ones := 0
	at := i/lanes*s.words*lanes + i%lanes
	for w := range s.words {
		var word uint64
		part := r[w*64 : min(len(r), w*64+64)]
		for b, x := range part {
			square += x * x
			if x > 0 {
				word |= 1 << b
				sum += x
			} else {
				sum -= x
			}
		}
		s.bits[at+w*lanes] = word
		ones += bits.OnesCount64(word)
	}
	factor := float32(0)
	if sum > 0 {
		factor = square / sum
	}
	s.factor, s.ones = append(s.factor, factor), append(s.ones, float32(ones))
}

// drop removes row i; the last row takes its place.
func (s *signs) drop(i int) {
	n := len(s.factor) - 1
	to, from := i/lanes*s.words*lanes+i%lanes, n/lanes*s.words*lanes+n%lanes
	for w := range s.words {
		s.bits[to+w*lanes], s.bits[from+w*lanes] = s.bits[from+w*lanes], 0
	}
	s.factor[i], s.ones[i] = s.factor[n], s.ones[n]
	s.factor, s.ones = s.factor[:n], s.ones[:n]
	if n%lanes == 0 {
		s.bits = s.bits[:len(s.bits)-s.words*lanes]
	}
}

// estimates writes about q·x of all rows into out, base being q·middle, and into above, in a bit for each row,
// whether that is more than worst. out is as long as there are rows and has room for whole groups of lanes.
func (s *signs) estimates(q *signQuery, base, worst float32, out []float32, above []uint8) {
	// q·s = 2·Σ of q where bits are set − Σ q, and Σ of q there = low·ones + step·count.
	estimate(q, s, base, 2*q.step, 2*q.low, -q.sum, worst, out, above)
}

var estimate = estimateGo

func estimateGo(q *signQuery, s *signs, base, a, b, c, worst float32, out []float32, above []uint8) {
	clear(above)
	for i := range out {
		at := i/lanes*s.words*lanes + i%lanes
		count := 0
		for w := range s.words {
			x := s.bits[at+w*lanes]
			p := q.planes[w*planes : w*planes+planes : w*planes+planes]
			count += bits.OnesCount64(x&p[0]) + 2*bits.OnesCount64(x&p[1]) + 4*bits.OnesCount64(x&p[2]) + 8*bits.OnesCount64(x&p[3])
		}
		out[i] = base + s.factor[i]*(a*float32(count)+b*s.ones[i]+c)
		if out[i] > worst {
			above[i/lanes] |= 1 << (i % lanes)
		}
	}
}
