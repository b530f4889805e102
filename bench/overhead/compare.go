package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/bench/internal/load"
)

// target is a server that is compared: NAME=HOST:PORT, then its headers and its model's name, each behind a ";".
type target struct {
	name, addr string
	model      string
	headers    []string
}

func parseTarget(text string) (target, error) {
	name, rest, ok := strings.Cut(text, "=")
	parts := strings.Split(rest, ";")
	if !ok || name == "" || parts[0] == "" {
		return target{}, fmt.Errorf("%q is not NAME=HOST:PORT[;model=NAME][;Header: value]…", text)
	}
	t := target{name: name, addr: parts[0], model: "bench"}
	for _, p := range parts[1:] {
		if model, ok := strings.CutPrefix(p, "model="); ok {
			t.model = model
			continue
		}
		t.headers = append(t.headers, p)
	}
	return t, nil
}

// runCompare loads targets in turn and prints a table: the first is ours, and its ratio to each of the others is the median over the
// rounds. A target that answers with an error is left out from there on, and standard error says why.
func runCompare(args []string) error {
	fs := flag.NewFlagSet("compare", flag.ExitOnError)
	seconds := fs.Float64("seconds", 2, "length of one measurement")
	rounds := fs.Int("rounds", 5, "measurements of each target")
	conns := fs.String("conns", "1,32,256", "connections")
	stream := fs.Bool("stream", false, "ask for streams")
	fs.Parse(args)
	var targets []target
	for _, arg := range fs.Args() {
		t, err := parseTarget(arg)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	if len(targets) < 2 {
		return errors.New("compare needs two targets or more")
	}
	fmt.Print("| connections |")
	for _, t := range targets {
		fmt.Printf(" %s |", t.name)
	}
	for _, t := range targets[1:] {
		fmt.Printf(" %s / %s |", targets[0].name, t.name)
	}
	fmt.Printf("\n|---%s\n", strings.Repeat("|---", 2*len(targets)-1)+"|")
	length := time.Duration(*seconds * float64(time.Second))
	failed := make([]bool, len(targets)) // and not asked again
	for _, text := range strings.Split(*conns, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		rates, p50s, p99s, ratios := make([][]float64, len(targets)), make([][]float64, len(targets)), make([][]float64, len(targets)), make([][]float64, len(targets))
		for i, t := range targets { // the first requests of some take seconds
			if _, err := load.Hammer(t.addr, load.RequestWith(t.model, *stream, t.headers...), n, length/4); err != nil {
				fmt.Fprintf(os.Stderr, "%s failed with %d connections: %.300v\n", t.name, n, err)
				failed[i] = true
			}
		}
		for round := range *rounds {
			seen := make([]float64, len(targets))
			for i := range targets {
				// Each round begins with another one: whoever comes second finds the machine as the first left it.
				at := (i + round) % len(targets)
				t := targets[at]
				if failed[at] {
					continue
				}
				r, err := load.Hammer(t.addr, load.RequestWith(t.model, *stream, t.headers...), n, length)
				if err != nil {
					fmt.Fprintf(os.Stderr, "%s failed with %d connections: %.300v\n", t.name, n, err)
					failed[at] = true
					continue
				}
				seen[at] = r.PerSecond
				rates[at] = append(rates[at], r.PerSecond)
				p50s[at] = append(p50s[at], float64(r.P50.Microseconds())/1000)
				p99s[at] = append(p99s[at], float64(r.P99.Microseconds())/1000)
			}
			for i := range targets[1:] {
				if failed[0] || failed[i+1] {
					continue
				}
				ratios[i+1] = append(ratios[i+1], seen[0]/seen[i+1])
			}
		}
		fmt.Printf("| %d |", n)
		for i := range targets {
			if failed[i] {
				fmt.Print(" failed |")
				continue
			}
			fmt.Printf(" %.0f/s, %.2f ms (p99 %.1f) |", load.Median(rates[i]), load.Median(p50s[i]), load.Median(p99s[i]))
		}
		for i := range targets[1:] {
			if failed[0] || failed[i+1] {
				fmt.Print(" – |")
				continue
			}
			fmt.Printf(" %.2f |", load.Median(ratios[i+1]))
		}
		fmt.Println()
	}
	return nil
}
