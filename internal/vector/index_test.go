package vector_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/vector"
)

// clustered returns n unit vectors around centers, as embeddings of texts on some subjects lie.
func clustered(seed uint64, n, dims, centers int) [][]float32 {
	r := rand.New(rand.NewPCG(seed, 7))
	middle := make([][]float32, centers)
	for i := range middle {
		middle[i] = random(r, dims)
	}
	out := make([][]float32, n)
	for i := range out {
		v := random(r, dims)
		for j, m := range middle[r.IntN(centers)] {
			v[j] = v[j]*0.8 + m
		}
		out[i] = unit(v)
	}
	return out
}

func random(r *rand.Rand, dims int) []float32 {
	v := make([]float32, dims)
	for j := range v {
		v[j] = float32(r.NormFloat64())
	}
	return v
}

func unit(v []float32) []float32 {
	var sum float64
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	out := make([]float32, len(v))
	for j, f := range v {
		out[j] = float32(float64(f) / math.Sqrt(sum))
	}
	return out
}

func cosine(a, b []float32) (sum float64) {
	for j := range a {
		sum += float64(a[j]) * float64(b[j])
	}
	return sum
}

// nearest is the exact answer: the ids of the k nearest of those allowed.
func nearest(vectors map[uint64][]float32, q []float32, k int, allow func(uint64) bool) []uint64 {
	type scored struct {
		id    uint64
		score float64
	}
	var all []scored
	for id, v := range vectors {
		if allow == nil || allow(id) {
			all = append(all, scored{id, cosine(q, v)})
		}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id)) })
	ids := make([]uint64, min(k, len(all)))
	for i := range ids {
		ids[i] = all[i].id
	}
	return ids
}

func newIndex(t testing.TB, dims int) *vector.Index {
	t.Helper()
	x, err := vector.New(dims)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func add(t testing.TB, x *vector.Index, id uint64, v []float32) {
	t.Helper()
	if err := x.Add(id, v); err != nil {
		t.Fatal(err)
	}
}

func search(t testing.TB, x *vector.Index, q []float32, o vector.Options) []vector.Hit {
	t.Helper()
	hits, err := x.Search(q, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range hits {
		if i > 0 && h.Score > hits[i-1].Score {
			t.Fatalf("hit %d scores %v, more than the one before it (%v)", i, h.Score, hits[i-1].Score)
		}
		if o.Allow != nil && !o.Allow(h.ID) {
			t.Fatalf("found %d, which is not allowed", h.ID)
		}
	}
	return hits
}

// recall is the share of the true nearest that searches find.
func recall(t testing.TB, x *vector.Index, vectors map[uint64][]float32, questions [][]float32, o vector.Options) float64 {
	t.Helper()
	found, all := 0, 0
	for _, q := range questions {
		want := nearest(vectors, q, o.K, o.Allow)
		all += len(want)
		for _, h := range search(t, x, q, o) {
			if slices.Contains(want, h.ID) {
				found++
			}
			if d := math.Abs(float64(h.Score) - cosine(q, vectors[h.ID])); d > 5e-5 {
				t.Fatalf("a score is wrong by %g", d)
			}
		}
	}
	return float64(found) / float64(all)
}

func TestSmallIndexIsExact(t *testing.T) {
	for _, dims := range []int{1, 3, 64, 65, 384} {
		vectors := map[uint64][]float32{}
		x := newIndex(t, dims)
		for i, v := range clustered(1, 700, dims, 9) {
			vectors[uint64(i)*3] = v
			add(t, x, uint64(i)*3, v)
		}
		if r := recall(t, x, vectors, clustered(2, 20, dims, 9), vector.Options{K: 10}); dims > 3 && r < 0.999 { // in one and three dimensions many are equally near
			t.Errorf("%d dimensions: recall %.4f", dims, r)
		}
	}
}

func TestRecall(t *testing.T) {
	const n, dims = 12000, 96
	all := clustered(3, n+60, dims, 300)
	questions, vectors := all[n:], map[uint64][]float32{}
	x := newIndex(t, dims)
	for i, v := range all[:n] {
		vectors[uint64(i)] = v
		add(t, x, uint64(i), v)
	}
	tenth := func(id uint64) bool { return id%10 == 3 }
	few := func(id uint64) bool { return id%1000 == 1 }
	for _, c := range []struct {
		name string
		o    vector.Options
		min  float64
	}{
		{"thorough", vector.Options{K: 10}, 0.97},
		{"quick", vector.Options{K: 10, Effort: vector.Quick}, 0.85},
		{"exact", vector.Options{K: 10, Effort: vector.Exact}, 0.999},
		{"a tenth is allowed", vector.Options{K: 10, Allow: tenth}, 0.95},
		{"twelve are allowed", vector.Options{K: 20, Allow: few}, 0.999},
		{"one", vector.Options{K: 1}, 0.97},
		{"a hundred", vector.Options{K: 100}, 0.95},
	} {
		if r := recall(t, x, vectors, questions, c.o); r < c.min {
			t.Errorf("%s: recall %.3f, less than %.3f", c.name, r, c.min)
		}
	}
	if got, most := float64(x.Memory()), 1.3*float64(n*dims*4); got > most {
		t.Errorf("%.0f bytes of memory, more than 1.3 times the vectors (%.0f)", got, most)
	}
	// Removing nine tenths leaves an index as good, and forgets them.
	for id := range vectors {
		if id%10 != 3 {
			if !x.Remove(id) {
				t.Fatalf("%d was not there", id)
			}
			delete(vectors, id)
		}
	}
	if x.Len() != len(vectors) {
		t.Fatalf("%d left, want %d", x.Len(), len(vectors))
	}
	if r := recall(t, x, vectors, questions, vector.Options{K: 10}); r < 0.97 {
		t.Errorf("after removal: recall %.3f", r)
	}
	for id := range vectors {
		x.Remove(id)
	}
	if hits := search(t, x, questions[0], vector.Options{K: 10}); len(hits) != 0 || x.Len() != 0 {
		t.Errorf("an empty index finds %v", hits)
	}
	add(t, x, 5, questions[0])
	if hits := search(t, x, questions[0], vector.Options{K: 10}); len(hits) != 1 || hits[0].ID != 5 || hits[0].Score < 0.9999 {
		t.Errorf("found %v", hits)
	}
}

func TestAddReplaces(t *testing.T) {
	x := newIndex(t, 4)
	add(t, x, 1, []float32{1, 0, 0, 0})
	add(t, x, 1, []float32{0, 9, 0, 0})
	hits := search(t, x, []float32{0, 1, 0, 0}, vector.Options{K: 5})
	if len(hits) != 1 || hits[0].Score < 0.9999 {
		t.Errorf("found %v", hits)
	}
	if !x.Has(1) || x.Has(2) || x.Remove(2) {
		t.Error("Has or Remove is wrong about ids")
	}
}

func TestManyEqualVectors(t *testing.T) {
	x := newIndex(t, 8)
	for i := range uint64(9000) {
		add(t, x, i, []float32{1, 2, 3, 4, 5, 6, 7, 8})
	}
	add(t, x, 9000, []float32{8, -7, 6, -5, 4, -3, 2, -1})
	if hits := search(t, x, []float32{8, -7, 6, -5, 4, -3, 2, -1}, vector.Options{K: 3}); len(hits) != 3 || hits[0].ID != 9000 {
		t.Errorf("found %v", hits)
	}
	add(t, x, 9001, make([]float32, 8))
	if x.Len() != 9002 {
		t.Errorf("%d vectors", x.Len())
	}
}

func TestBadVectors(t *testing.T) {
	x := newIndex(t, 2)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, v := range [][]float32{nil, {1}, {1, 2, 3}, {1, inf}, {nan, 1}, {-inf, 0}} {
		if err := x.Add(1, v); err == nil {
			t.Errorf("%v was taken", v)
		}
		if _, err := x.Search(v, vector.Options{K: 1}); err == nil {
			t.Errorf("%v was searched", v)
		}
	}
	for _, v := range [][]float32{{math.MaxFloat32, math.MaxFloat32}, {math.SmallestNonzeroFloat32, 0}, {0, 0}} {
		add(t, x, 1, v)
	}
	for _, dims := range []int{0, -1, vector.MaxDims + 1} {
		if _, err := vector.New(dims); err == nil {
			t.Errorf("%d dimensions were taken", dims)
		}
	}
	if hits := search(t, x, []float32{1, 1}, vector.Options{}); hits != nil {
		t.Errorf("none were wanted, %v came", hits)
	}
}

// TestAtTheSameTime adds, removes, searches and saves from many goroutines; run it with -race.
func TestAtTheSameTime(t *testing.T) {
	const dims = 32
	x := newIndex(t, dims)
	all := clustered(5, 6000, dims, 40)
	for i, v := range all[:3000] {
		add(t, x, uint64(i), v)
	}
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Go(func() {
			for i := 3000 + g; i < len(all); i += 2 {
				if err := x.Add(uint64(i), all[i]); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for i := g; i < 2000; i += 2 {
				x.Remove(uint64(i))
			}
		})
		wg.Go(func() {
			for i := range 500 {
				hits, err := x.Search(all[2000+i], vector.Options{K: 10})
				if err != nil || len(hits) != 10 || hits[0].ID != uint64(2000+i) {
					t.Errorf("%v, %v", hits, err)
					return
				}
			}
		})
	}
	path := t.TempDir() + "/x"
	for range 5 {
		if err := x.Save(path, nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := vector.Open(path); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if x.Len() != 4000 {
		t.Errorf("%d vectors, want 4000", x.Len())
	}
}

func BenchmarkSearch(b *testing.B) {
	const n, dims = 50000, 384
	x := newIndex(b, dims)
	all := clustered(3, n+500, dims, 1000)
	for i, v := range all[:n] {
		add(b, x, uint64(i), v)
	}
	i := 0
	for b.Loop() {
		search(b, x, all[n+i%500], vector.Options{K: 10})
		i++
	}
}

func BenchmarkAdd(b *testing.B) {
	const dims = 384
	all := clustered(3, 5000, dims, 1000)
	x := newIndex(b, dims)
	i := 0
	for b.Loop() {
		add(b, x, uint64(i), all[i%len(all)])
		i++
	}
}
