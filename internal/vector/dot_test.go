package vector

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestKernels compares every kernel that this machine has with plain Go.
func TestKernels(t *testing.T) {
	t.Log("kernel:", Kernel())
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{64, 128, 384, 1536} {
		for _, n := range []int{0, 1, 3, 4, 5, 17} {
			u, s := make([]uint8, size), make([]int8, size*n)
			for turn := range 3 {
				for i := range u {
					u[i] = uint8(r.Uint32())
					if turn == 1 {
						u[i] = 255
					}
				}
				for i := range s {
					s[i] = int8(r.Uint32())
					if turn == 1 {
						s[i] = -128
					}
				}
				want, got := make([]int32, n), make([]int32, n+1)
				dotsGo(u, s, want)
				for name, f := range kernelsOfDots() {
					got[n] = 12345
					f(u, s, got[:n])
					for i := range want {
						if got[i] != want[i] {
							t.Fatalf("%s: %d bytes, row %d of %d: %d, want %d", name, size, i, n, got[i], want[i])
						}
					}
					if got[n] != 12345 {
						t.Fatalf("%s wrote behind its end", name)
					}
				}
			}
		}
	}
}

func TestEstimates(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, dims := range []int{1, 5, 64, 100, 384} {
		s := signs{words: (dims + 63) / 64}
		v := func() []float32 {
			out := make([]float32, dims)
			for i := range out {
				out[i] = float32(r.NormFloat64())
			}
			normalize(out)
			return out
		}
		var rows [][]float32
		for range 43 {
			rows = append(rows, v())
			s.append(rows[len(rows)-1])
		}
		for _, gone := range []int{42, 0, 7, 39} {
			s.drop(gone)
			rows[gone] = rows[len(rows)-1]
			rows = rows[:len(rows)-1]
		}
		var q signQuery
		ask := v()
		q.set(ask, s.words)
		n := len(rows)
		want, got := make([]float32, n, n+lanes), make([]float32, n, n+lanes)
		aboveWant, aboveGot := make([]uint8, (n+lanes-1)/lanes), make([]uint8, (n+lanes-1)/lanes)
		var wrong float64
		estimateGo(&q, &s, 0.5, 2*q.step, 2*q.low, -q.sum, 0.5, want, aboveWant)
		s.estimates(&q, 0.5, 0.5, got, aboveGot)
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Fatalf("%d dimensions, row %d: %v, want %v", dims, i, got[i], want[i])
			}
			if above := aboveGot[i/lanes]>>(i%lanes)&1 == 1; above != (got[i] > 0.5) {
				t.Fatalf("%d dimensions, row %d: above is %v for %v", dims, i, above, got[i])
			}
			var exact float64
			for j := range ask {
				exact += float64(ask[j]) * float64(rows[i][j])
			}
			wrong += (float64(want[i]) - 0.5 - exact) * (float64(want[i]) - 0.5 - exact)
		}
		if wrong = math.Sqrt(wrong / float64(n)); dims >= 64 && wrong > 1.2/math.Sqrt(float64(dims)) {
			t.Errorf("%d dimensions: estimates are wrong by %.3f", dims, wrong)
		}
	}
}

// TestPlainGo runs the index without kernels: it finds the same.
func TestPlainGo(t *testing.T) {
	build := func() []Hit {
		r := rand.New(rand.NewPCG(9, 9))
		x, err := New(48)
		if err != nil {
			t.Fatal(err)
		}
		v := make([]float32, 48)
		for i := range uint64(4000) {
			for j := range v {
				v[j] = float32(r.NormFloat64())
			}
			if err := x.Add(i, v); err != nil {
				t.Fatal(err)
			}
		}
		hits, err := x.Search(v, Options{K: 10, Effort: Exact})
		if err != nil {
			t.Fatal(err)
		}
		return hits
	}
	with := build()
	defer func(d func([]uint8, []int8, []int32), e func(*signQuery, *signs, float32, float32, float32, float32, float32, []float32, []uint8)) {
		dots, estimate = d, e
	}(dots, estimate)
	dots, estimate = dotsGo, estimateGo
	without := build()
	for i := range with {
		if with[i] != without[i] {
			t.Errorf("hit %d: %v with kernels, %v without", i, with[i], without[i])
		}
	}
}
