package gbnf

import "math/rand/v2"

// State is where a text is in a grammar: all ways in which it can go on. The zero State allows nothing.
type State struct {
	g      *Grammar
	stacks map[*frame]bool // each begins with a set of characters; nil is the end
	pool   map[frameKey]*frame
}

// frame is what is still to come: elements, then what next says.
type frame struct {
	elems []elem
	next  *frame
}

type frameKey struct {
	elem *elem // the first of elems
	n    int
	next *frame
}

// Start is the state before the first character.
func (g *Grammar) Start() *State {
	s := &State{g: g, stacks: map[*frame]bool{}, pool: map[frameKey]*frame{}}
	for _, alt := range g.rules[g.root].alts {
		s.push(s.stacks, alt, nil, map[*frame]bool{})
	}
	return s
}

// push adds the ways on from elems and what is behind them.
func (s *State) push(into map[*frame]bool, elems []elem, next *frame, seen map[*frame]bool) {
	for len(elems) == 0 {
		if next == nil {
			into[nil] = true
			return
		}
		elems, next = next.elems, next.next
	}
	key := frameKey{&elems[0], len(elems), next}
	f := s.pool[key]
	if f == nil {
		f = &frame{elems, next}
		s.pool[key] = f
	}
	if seen[f] {
		return
	}
	seen[f] = true
	if elems[0].rule < 0 {
		into[f] = true
		return
	}
	behind := next
	if len(elems) > 1 {
		key := frameKey{&elems[1], len(elems) - 1, next}
		if behind = s.pool[key]; behind == nil {
			behind = &frame{elems[1:], next}
			s.pool[key] = behind
		}
	}
	for _, alt := range s.g.rules[elems[0].rule].alts {
		s.push(into, alt, behind, seen)
	}
}

// Step moves on by a character and says whether the grammar allows it.
func (s *State) Step(r rune) bool {
	after := map[*frame]bool{}
	seen := map[*frame]bool{}
	for f := range s.stacks {
		if f != nil && f.elems[0].has(r) {
			s.push(after, f.elems[1:], f.next, seen)
		}
	}
	s.stacks = after
	return len(after) > 0
}

// Done says whether the text may end here.
func (s *State) Done() bool { return s.stacks[nil] }

// Ways is how many ways on there are, the end included: what following the grammar costs.
func (s *State) Ways() int { return len(s.stacks) }

// Match says whether the grammar allows a text as a whole, and how many characters of it in any case.
func (g *Grammar) Match(text string) (whole bool, allowed int) {
	s := g.Start()
	n := 0
	for _, r := range text {
		if !s.Step(r) {
			return false, n
		}
		n++
	}
	return s.Done(), n
}

// Sample draws a text that the grammar allows. It goes on at random for about size expansions of
// rules, and from there the shortest way to the end.
func (g *Grammar) Sample(rnd *rand.Rand, size int) string {
	cost := g.costs()
	var out []rune
	var expand func(e *elem)
	var stack []elem
	push := func(alt []elem) {
		for i := len(alt) - 1; i >= 0; i-- {
			stack = append(stack, alt[i])
		}
	}
	expand = func(e *elem) {
		if e.rule < 0 {
			out = append(out, e.draw(rnd))
			return
		}
		alts := g.rules[e.rule].alts
		pick := alts[rnd.IntN(len(alts))]
		if size--; size < 0 || costOf(pick, cost) >= never {
			for _, alt := range alts {
				if costOf(alt, cost) < costOf(pick, cost) {
					pick = alt
				}
			}
		}
		push(pick)
	}
	push([]elem{{rule: g.root}})
	for len(stack) > 0 {
		e := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		expand(&e)
	}
	return string(out)
}

const never = 1 << 30

// costs is the least number of expansions and characters from each rule to its end.
func (g *Grammar) costs() []int {
	cost := make([]int, len(g.rules))
	for i := range cost {
		cost[i] = never
	}
	for changed := true; changed; {
		changed = false
		for i, r := range g.rules {
			for _, alt := range r.alts {
				if c := costOf(alt, cost) + 1; c < cost[i] {
					cost[i], changed = c, true
				}
			}
		}
	}
	return cost
}

func costOf(alt []elem, cost []int) int {
	sum := 0
	for _, e := range alt {
		if e.rule < 0 {
			sum++
		} else {
			sum += cost[e.rule]
		}
		sum = min(sum, never)
	}
	return sum
}

// draw is a character of a set: near a border of one of its spans, or anywhere in it.
func (e *elem) draw(rnd *rand.Rand) rune {
	for range 100 {
		s := span{0x20, 0x2ff}
		if len(e.spans) > 0 && !e.negated {
			s = e.spans[rnd.IntN(len(e.spans))]
		}
		width := s.hi - s.lo + 1
		var r rune
		switch rnd.IntN(4) {
		case 0:
			r = s.lo
		case 1:
			r = s.hi
		case 2:
			r = s.lo + rnd.Int32N(min(width, 95))
		default:
			r = s.lo + rnd.Int32N(width)
		}
		if e.has(r) {
			return r
		}
	}
	return ' '
}
