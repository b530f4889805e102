package llama

import (
	"math/rand/v2"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

func seqOf(from, n int) []engine.Token {
	out := make([]engine.Token, n)
	for i := range out {
		out[i] = engine.Token(from + i)
	}
	return out
}

// fill puts tokens into a row as if computed up to done.
func fill(r *rows, i int, tokens []engine.Token, done int, owner *sequence) {
	r.row[i].tokens = append([]engine.Token(nil), tokens...)
	r.extend(i, done)
	r.row[i].owner = owner
	r.touch(i)
}

func TestPlace(t *testing.T) {
	busy := &sequence{}
	for _, c := range []struct {
		name   string
		set    func(r *rows)
		prompt []engine.Token
		want   placement
	}{
		{"nothing cached", func(*rows) {}, seqOf(0, 50), placement{row: 0, from: -1}},
		{"a chat goes on in its own row", func(r *rows) { fill(r, 1, seqOf(0, 100), 100, nil) }, seqOf(0, 150), placement{row: 1, from: 1, have: 100}},
		{"the same prompt again computes its last token", func(r *rows) { fill(r, 1, seqOf(0, 100), 100, nil) }, seqOf(0, 100), placement{row: 1, from: 1, have: 99}},
		{"a short common beginning is shared and the rest kept", func(r *rows) { fill(r, 1, seqOf(0, 100), 100, nil) },
			append(seqOf(0, 40), 7, 7, 7), placement{row: 0, from: 1, have: 40}},
		{"the longest of several", func(r *rows) {
			fill(r, 0, append(seqOf(0, 60), 1, 1), 62, nil)
			fill(r, 1, seqOf(0, 90), 90, nil)
		}, seqOf(0, 95), placement{row: 1, from: 1, have: 90}},
		{"a busy row is shared", func(r *rows) { fill(r, 0, seqOf(0, 100), 100, busy) }, seqOf(0, 120), placement{row: 1, from: 0, have: 100}},
		{"an idle one is preferred to a busy one", func(r *rows) {
			fill(r, 0, seqOf(0, 100), 100, busy)
			fill(r, 1, seqOf(0, 100), 100, nil)
		}, seqOf(0, 120), placement{row: 1, from: 1, have: 100}},
		{"what is being computed is waited for", func(r *rows) { fill(r, 0, seqOf(0, 1000), 100, busy) }, seqOf(0, 900), placement{row: -1, from: 0, have: 899, wait: true}},
		{"not for a few tokens", func(r *rows) { fill(r, 0, seqOf(0, 120), 100, busy) }, seqOf(0, 900), placement{row: 1, from: 0, have: 100}},
		{"nor when another row has as much", func(r *rows) {
			fill(r, 0, seqOf(0, 1000), 100, busy)
			fill(r, 1, seqOf(0, 890), 890, nil)
		}, seqOf(0, 900), placement{row: 1, from: 1, have: 890}},
		{"private rows are not looked at", func(r *rows) {
			fill(r, 0, seqOf(0, 100), 100, nil)
			r.row[0].private = true
		}, seqOf(0, 120), placement{row: 1, from: -1}},
		{"the row unused longest is given up", func(r *rows) {
			for i := range r.row {
				fill(r, i, seqOf(1000*(i+1), 50), 50, nil)
			}
			r.touch(0)
		}, seqOf(0, 10), placement{row: 1, from: -1}},
		{"no row free", func(r *rows) {
			for i := range r.row {
				fill(r, i, seqOf(1000*(i+1), 50), 50, busy)
			}
		}, seqOf(0, 10), placement{row: -1, from: -1}},
		{"the prefix's own row when there is no other", func(r *rows) {
			fill(r, 0, seqOf(0, 100), 100, nil)
			for i := 1; i < len(r.row); i++ {
				fill(r, i, seqOf(1000*(i+1), 50), 50, busy)
			}
		}, append(seqOf(0, 20), 5, 5), placement{row: 0, from: 0, have: 20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRows(3, 4096)
			c.set(r)
			if got := r.place(c.prompt); got != c.want {
				t.Errorf("placed at %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestCellsAreCountedRight does random work on rows and recounts the free cells each time.
func TestCellsAreCountedRight(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	r := newRows(6, 500)
	for step := range 5000 {
		i := rng.IntN(len(r.row))
		switch rng.IntN(4) {
		case 0:
			n := min(rng.IntN(40), len(r.free))
			r.row[i].tokens = append(r.row[i].tokens[:len(r.row[i].cells)], seqOf(step, n)...)
			r.extend(i, n)
		case 1:
			r.cut(i, rng.IntN(len(r.row[i].cells)+1))
		case 2:
			r.cut(i, 0)
		case 3:
			if j := rng.IntN(len(r.row)); j != i {
				r.cut(i, 0)
				r.lend(j, i, rng.IntN(len(r.row[j].cells)+1))
			}
		}
		used := map[int32]int32{}
		for _, w := range r.row {
			if len(w.cells) > len(w.tokens) {
				t.Fatalf("step %d: %d cells for %d tokens", step, len(w.cells), len(w.tokens))
			}
			for _, c := range w.cells {
				used[c]++
			}
		}
		if len(used)+len(r.free) != 500 {
			t.Fatalf("step %d: %d cells used and %d free of 500", step, len(used), len(r.free))
		}
		for c, n := range used {
			if r.refs[c] != n {
				t.Fatalf("step %d: cell %d is seen by %d rows and counted %d times", step, c, n, r.refs[c])
			}
		}
	}
}

func TestExpired(t *testing.T) {
	r := newRows(3, 4096)
	fill(r, 0, seqOf(0, 1500), 1500, nil)
	fill(r, 1, seqOf(0, 1500), 1500, &sequence{})
	check := func(cheap, dear, most, want int, why string) {
		t.Helper()
		if i := r.expired(cheap, dear, most); i != want {
			t.Errorf("row %d expired, want %d: %s", i, want, why)
		}
	}
	r.rent = 900
	check(100, 1000, 1000, -1, "too long to be parked, after 900 tokens")
	check(100, 1000, 1500, 0, "can be parked, after 900 tokens")
	fill(r, 2, seqOf(5000, 100), 100, nil)
	r.rent = 1001
	check(1000, 2000, 1500, 0, "after 1,001 tokens")
	check(1000, 1000, 0, 0, "after 1,001 tokens")
	r.cut(0, 0)
	r.rent = 3000
	check(1000, 9000, 1500, 2, "after 3,000 tokens")
	r.cut(1, 100)
	check(1000, 1000, 0, -1, "few cells are in use")
}

func TestWhole(t *testing.T) {
	for _, c := range []struct {
		needs []int
		want  int
	}{{[]int{500}, 512}, {[]int{512}, 512}, {[]int{561}, 448}, {[]int{2097}, 448}, {[]int{300, 250}, 448}, {[]int{600}, 512}, {[]int{1024}, 512}} {
		if got := whole(512, c.needs); got != c.want {
			t.Errorf("a step for %v takes %d tokens, want %d", c.needs, got, c.want)
		}
	}
}
