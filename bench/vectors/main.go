// Command vectors measures package vector on embeddings of real text: how many questions a thread answers at which
// recall, how fast vectors are added, with a filter, and after a kill. bench/run.sh vectors runs it beside others.
//
//	vectors embed URL KEY MODEL FILE ROOT…   embeds passages of the comments and Markdown below the roots
//	vectors run FILE                         measures, one thread
//	vectors million FILE                     a million vectors made of those
//
// The first 1,000 vectors of a file are the questions. Times are of the CPU, so that what else the machine does
// counts as little as it can.
package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/parley-ai/parley/internal/vector"
)

const (
	dims      = 384
	count     = 100_000
	questions = 1000
	seed      = 1
	k         = 10
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) > 5 && args[0] == "embed":
		texts, err := passages(args[5:], count+questions, seed)
		if err != nil {
			return err
		}
		return embed(args[1], args[2], args[3], args[4], texts)
	case len(args) == 2 && args[0] == "run":
		all, err := load(args[1])
		if err != nil {
			return err
		}
		runtime.GOMAXPROCS(1)
		return measure(all[questions:], all[:questions])
	case len(args) == 2 && args[0] == "million":
		all, err := load(args[1])
		if err != nil {
			return err
		}
		runtime.GOMAXPROCS(1)
		return million(all[questions:], all[:200])
	}
	return errors.New("usage: vectors embed URL KEY MODEL FILE ROOT… | run FILE | million FILE")
}

func load(path string) ([][]float32, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := make([][]float32, len(raw)/(4*dims))
	for i := range all {
		v := make([]float32, dims)
		for j := range v {
			v[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[(i*dims+j)*4:]))
		}
		all[i] = v
	}
	if len(all) < 2*questions {
		return nil, fmt.Errorf("%s has %d vectors", path, len(all))
	}
	return all, nil
}

// nearest are the true k nearest of each question, by float32 products with all.
func nearest(base, asked [][]float32, allow func(uint64) bool) [][]uint64 {
	out := make([][]uint64, len(asked))
	type scored struct {
		id    uint64
		score float32
	}
	for q, v := range asked {
		var top []scored
		for i, b := range base {
			if allow != nil && !allow(uint64(i)) {
				continue
			}
			s := product(v, b)
			if len(top) == k && s <= top[k-1].score {
				continue
			}
			at, _ := slices.BinarySearchFunc(top, s, func(e scored, s float32) int { return cmp.Compare(s, e.score) })
			top = slices.Insert(top, at, scored{uint64(i), s})
			top = top[:min(k, len(top))]
		}
		for _, t := range top {
			out[q] = append(out[q], t.id)
		}
	}
	return out
}

func product(a, b []float32) float32 {
	var s, t, u, v float32
	for j := 0; j+3 < len(a); j += 4 {
		s += a[j] * b[j]
		t += a[j+1] * b[j+1]
		u += a[j+2] * b[j+2]
		v += a[j+3] * b[j+3]
	}
	return s + t + u + v
}

// ask searches for all questions and returns recall and questions a CPU-second: the best of three rounds.
func ask(x *vector.Index, asked [][]float32, want [][]uint64, o vector.Options) (recall, rate float64, err error) {
	o.K = k
	found := make([][]vector.Hit, len(asked))
	for range 3 {
		began := cpu()
		for i, v := range asked {
			if found[i], err = x.Search(v, o); err != nil {
				return 0, 0, err
			}
		}
		rate = max(rate, float64(len(asked))/(cpu()-began).Seconds())
	}
	hits, all := 0, 0
	for i, list := range found {
		all += len(want[i])
		for _, h := range list {
			if slices.Contains(want[i], h.ID) {
				hits++
			}
		}
	}
	return float64(hits) / float64(all), rate, nil
}

func row(name string, build time.Duration, recall, rate float64) {
	fmt.Printf("| %s | %.1f | %.3f | %.0f | %.0f |\n", name, build.Seconds(), recall, rate, rate)
}

func measure(base, asked [][]float32) error {
	truth := nearest(base, asked, nil)
	x, err := vector.New(dims)
	if err != nil {
		return err
	}
	began := cpu()
	for i, v := range base {
		if err := x.Add(uint64(i), v); err != nil {
			return err
		}
	}
	build := cpu() - began
	for _, effort := range []vector.Effort{2, vector.Quick, 2.4, 2.6, 2.8, vector.Thorough, 3.2, vector.Exact} {
		recall, rate, err := ask(x, asked, truth, vector.Options{Effort: effort})
		if err != nil {
			return err
		}
		row(fmt.Sprintf("Parley (%s), effort %.1f", vector.Kernel(), effort), build, recall, rate)
	}
	tenth := func(id uint64) bool { return id%10 == 3 }
	few := nearest(base, asked[:200], tenth)
	for _, effort := range []vector.Effort{vector.Quick, vector.Thorough} {
		recall, rate, err := ask(x, asked[:200], few, vector.Options{Effort: effort, Allow: tenth})
		if err != nil {
			return err
		}
		row(fmt.Sprintf("Parley, a tenth is allowed, effort %.1f", effort), build, recall, rate)
	}
	fmt.Fprintf(os.Stderr, "\nParley: %.0f added a CPU-second; memory %.2f of the raw vectors\n", float64(len(base))/build.Seconds(), float64(x.Memory())/float64(len(base)*dims*4))
	return saveAndOpen(x)
}

func saveAndOpen(x *vector.Index) error {
	dir, err := os.MkdirTemp("", "parley-vectors-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // scratch
	path := filepath.Join(dir, "index")
	began := time.Now()
	if err := x.Save(path, nil); err != nil {
		return err
	}
	saved := time.Since(began)
	began = time.Now()
	if _, _, err := vector.Open(path); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "saved in %.1f s, opened in %.1f s\n", saved.Seconds(), time.Since(began).Seconds())
	return nil
}

// million makes ten of each vector: itself and nine with as much of a random direction as texts on one subject differ by.
func million(base, asked [][]float32) error {
	x, err := vector.New(dims)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, 2))
	var spent time.Duration
	n := uint64(0)
	v := make([]float32, dims)
	for turn := range 10 {
		for _, b := range base {
			copy(v, b)
			if turn > 0 {
				for j := range v {
					v[j] += float32(r.NormFloat64()) * 0.03
				}
			}
			began := cpu()
			if err := x.Add(n, v); err != nil {
				return err
			}
			spent += cpu() - began
			n++
		}
	}
	fmt.Fprintf(os.Stderr, "%d vectors: %.0f added a CPU-second, %.2f GB\n", x.Len(), float64(n)/spent.Seconds(), float64(x.Memory())/1e9)
	var truth [][]uint64
	for _, q := range asked {
		hits, err := x.Search(q, vector.Options{K: k, Effort: vector.Exact})
		if err != nil {
			return err
		}
		var ids []uint64
		for _, h := range hits {
			ids = append(ids, h.ID)
		}
		truth = append(truth, ids)
	}
	for _, effort := range []vector.Effort{vector.Quick, vector.Thorough} {
		recall, rate, err := ask(x, asked, truth, vector.Options{Effort: effort})
		if err != nil {
			return err
		}
		row(fmt.Sprintf("Parley, a million, effort %.1f", effort), spent, recall, rate)
	}
	return saveAndOpen(x)
}
