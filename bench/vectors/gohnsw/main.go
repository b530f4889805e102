// Command gohnsw is the yardstick of Go's HNSW library coder/hnsw in `bench/run.sh vectors`: the file's first 1,000
// vectors are the questions, the next N the index. It is a module of its own, so that Parley does not depend on it.
package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/coder/hnsw"
)

const dims, questions, k = 384, 1000, 10

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: gohnsw FILE N")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	all := make([][]float32, min(len(raw)/(4*dims), questions+n))
	for i := range all {
		all[i] = make([]float32, dims)
		for j := range all[i] {
			all[i][j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[(i*dims+j)*4:]))
		}
	}
	base, asked := all[questions:], all[:questions/5]
	g := hnsw.NewGraph[int]()
	g.Distance = hnsw.CosineDistance
	began := time.Now()
	for i, v := range base {
		g.Add(hnsw.MakeNode(i, v))
	}
	built := time.Since(began)
	for _, width := range []int{20, 64, 128, 256} {
		g.EfSearch = width
		found, began := make([][]int, len(asked)), time.Now()
		for i, v := range asked {
			for _, node := range g.Search(v, k) {
				found[i] = append(found[i], node.Key)
			}
		}
		rate := float64(len(asked)) / time.Since(began).Seconds()
		hits := 0
		for i, v := range asked {
			for _, id := range nearest(base, v) {
				if slices.Contains(found[i], id) {
					hits++
				}
			}
		}
		fmt.Printf("| coder/hnsw of %d, efSearch %d | %.1f | %.3f | – | %.0f |\n", len(base), width, built.Seconds(), float64(hits)/float64(len(asked)*k), rate)
	}
	return nil
}

// nearest are the true nearest of v.
func nearest(base [][]float32, v []float32) []int {
	order, scores := make([]int, len(base)), make([]float32, len(base))
	for i, b := range base {
		order[i] = i
		for j := range b {
			scores[i] += b[j] * v[j]
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order[:k]
}
