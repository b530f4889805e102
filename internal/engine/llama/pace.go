package llama

import "time"

// pace chooses how many prompt tokens go into a step beside streams that decode, so that a step
// stays near the target: a long prompt then delays the other streams' next token by one short step.
// It learns what a prompt token and a bare decode step cost from the steps themselves.
type pace struct {
	target   time.Duration
	least    int
	perToken float64 // seconds per prompt token in a mixed step
	alone    float64 // and in a step of prompt tokens only
	bare     float64 // seconds of a step without prompt tokens
}

const paceMemory = 0.3 // weight of the newest step in the averages

func newPace(target time.Duration) *pace {
	return &pace{target: target, least: 8, perToken: 1.0 / 500, alone: 1.0 / 500, bare: 0.02}
}

// observe learns from a step that took d and held so many prompt and decode tokens.
func (p *pace) observe(d time.Duration, prompt, decode int) {
	s := d.Seconds()
	if prompt == 0 {
		p.bare += paceMemory * (s - p.bare)
		return
	}
	base := 0.0
	if decode > 0 {
		base = p.bare
	}
	// Very small chunks say little about the cost of a token, and a step cannot be free.
	if prompt < p.least && decode > 0 {
		return
	}
	cost := max(s-base, 0.1*s) / float64(prompt)
	if decode == 0 && prompt >= tile {
		p.alone += paceMemory * (cost - p.alone)
	}
	if cost > 3*p.perToken { // an outlier: the machine was busy elsewhere
		cost = 3 * p.perToken
	}
	p.perToken += paceMemory * (cost - p.perToken)
}

// price is after how many computed tokens a cached cell has cost half as much as a prompt token, which
// is what it is worth when every second prefix is used again. Looking at a cell takes about scanCost
// per head, layer and computed token, of prompts as of answers.
func (p *pace) price(heads, threads int) int {
	return int(p.alone / 2 / (scanCost * float64(max(heads, 1)) / float64(max(threads, 1))))
}

// scanCost was measured on an EPYC with AVX-512: 2,000 cells more cost 16 streams of SmolLM2-135M, 270
// heads, 10 ms per step on 2 threads.
const scanCost = 2.3e-9 // seconds

// chunk is how many prompt tokens may join a step of so many decode tokens; most without any. When
// more prompts wait than streams decode, as after a burst of requests, the step may take longer.
func (p *pace) chunk(decode, prompts, most int) int {
	if decode == 0 {
		return most
	}
	patience := min(max(1, float64(prompts)/float64(decode)), burstPatience)
	n := int((patience*p.target.Seconds() - p.bare) / p.perToken)
	switch whole := (n + decode) / tile * tile; {
	case whole > 0:
		n = whole - decode
	case float64(tile)*p.perToken+p.bare < 1.6*p.target.Seconds():
		n = tile - decode
	}
	return min(max(n, p.least), most)
}

// burstPatience times the target is the longest step that streams are meant to wait for.
const burstPatience = 1.75

// tile is how many rows ggml's attention computes together. With fewer in a step it takes each row
// alone, which is several times slower on long prompts, so that steps hold whole tiles where they can.
const tile = 64

// whole takes a tile off a step's budget of prompt tokens when less than a tile would be left for the
// last step.
func whole(budget int, needs []int) int {
	total := 0
	for _, n := range needs {
		total += n
	}
	if rest := total % budget; total > budget && rest > 0 && rest < tile && budget >= 2*tile {
		return budget - tile
	}
	return budget
}

// share divides a budget of prompt tokens among prompts by what each still needs, oldest first. The
// oldest gets at least half, so that it cannot starve; the rest goes to the shortest first, so that
// short prompts need not wait for a long one and several of them share a step.
func share(budget int, needs []int) []int {
	out := make([]int, len(needs))
	if len(needs) == 0 {
		return out
	}
	give := func(i, most int) {
		n := min(needs[i]-out[i], most, budget)
		out[i] += n
		budget -= n
	}
	if len(needs) > 1 {
		give(0, (budget+1)/2)
		order := make([]int, 0, len(needs)-1)
		for i := 1; i < len(needs); i++ {
			at := len(order)
			for at > 0 && needs[order[at-1]] > needs[i] {
				at--
			}
			order = append(order, 0)
			copy(order[at+1:], order[at:])
			order[at] = i
		}
		for _, i := range order {
			give(i, budget)
		}
	}
	give(0, budget)
	return out
}
