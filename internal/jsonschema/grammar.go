package jsonschema

import (
	"fmt"
	"strings"
)

// sym is one element of a rule: a terminal as GBNF writes it, or a reference to a rule, repeated from
// least to most times (most < 0: without end).
type sym struct {
	text        string
	rule        int // -1 for a terminal
	least, most int
}

func terminal(text string) sym { return sym{text: text, rule: -1, least: 1, most: 1} }
func to(rule int) sym          { return sym{rule: rule, least: 1, most: 1} }

func (s sym) times(least, most int) sym {
	s.least, s.most = least, most
	return s
}

// literal is a terminal that is a text.
func literal(text string) sym {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		writeRune(&b, r, `"\`)
	}
	b.WriteByte('"')
	return terminal(b.String())
}

// oneOf is a terminal that is a set of characters.
func oneOf(set runes) sym {
	var b strings.Builder
	b.WriteByte('[')
	for _, s := range set {
		writeRune(&b, s.lo, `[]\^-`)
		if s.hi > s.lo {
			if s.hi > s.lo+1 {
				b.WriteByte('-')
			}
			writeRune(&b, s.hi, `[]\^-`)
		}
	}
	b.WriteByte(']')
	return terminal(b.String())
}

// writeRune writes a character of a literal or class. What is special there, and what does not show,
// is written by its number: not all escapes of one character are known to every version of llama.cpp.
func writeRune(b *strings.Builder, r rune, special string) {
	switch {
	case r > 0xFFFF:
		fmt.Fprintf(b, `\U%08X`, r)
	case r > '~':
		fmt.Fprintf(b, `\u%04X`, r)
	case r < ' ' || strings.ContainsRune(special, r):
		fmt.Fprintf(b, `\x%02X`, r)
	default:
		b.WriteRune(r)
	}
}

// maxSyms bounds a grammar's size.
const maxSyms = 60_000

// rules is a grammar in the making.
type rules struct {
	names  []string
	alts   [][][]sym
	syms   int
	blocks map[block]int
	shared map[string]int // rules that many places use, by name
}

func newRules() *rules { return &rules{blocks: map[block]int{}, shared: map[string]int{}} }

// block is a rule that is another one's 64^level-fold repetition.
type block struct {
	rule, level int
}

// new makes a rule without alternatives: it matches nothing yet.
func (g *rules) new(name string) int {
	n := len(g.names)
	if name == "" {
		name = fmt.Sprint("r", n)
	}
	g.names, g.alts = append(g.names, name), append(g.alts, nil)
	return n
}

// alt adds an alternative to a rule.
func (g *rules) alt(rule int, syms ...sym) {
	g.alts[rule] = append(g.alts[rule], syms)
	g.syms += len(syms) + 1
}

// full says that the grammar has grown beyond its bound.
func (g *rules) full() bool { return g.syms > maxSyms }

// many is a rule repeated from least to most times, whatever these are: llama.cpp writes repetitions
// out, so large ones are made of blocks of 64, 4096 and so on.
func (g *rules) many(rule, least, most int) []sym {
	if most >= 0 && most < least {
		return []sym{to(g.new(""))} // never
	}
	if most < blockSize && least < blockSize {
		return []sym{to(rule).times(least, most)}
	}
	out := g.exactly(rule, least)
	switch {
	case most < 0:
		out = append(out, to(rule).times(0, -1))
	case most > least:
		out = append(out, to(g.upTo(rule, most-least)))
	}
	return out
}

const blockSize = 64

// block returns the rule of 64^level repetitions.
func (g *rules) block(rule, level int) int {
	if level == 0 {
		return rule
	}
	key := block{rule, level}
	if n, ok := g.blocks[key]; ok {
		return n
	}
	inner := g.block(rule, level-1)
	n := g.new("")
	g.alt(n, to(inner).times(blockSize, blockSize))
	g.syms += blockSize
	g.blocks[key] = n
	return n
}

func (g *rules) exactly(rule, n int) []sym {
	var out []sym
	for level := 0; n > 0; level, n = level+1, n/blockSize {
		if d := n % blockSize; d > 0 {
			out = append(out, to(g.block(rule, level)).times(d, d))
			g.syms += d
		}
	}
	return out
}

// upTo is a rule of 0 to n repetitions: of some whole blocks and fewer than a block, or of all of the
// whole blocks and the rest.
func (g *rules) upTo(rule, n int) int {
	out := g.new("")
	g.syms += blockSize
	if n < blockSize {
		g.alt(out, to(rule).times(0, n))
		return out
	}
	level, size := 0, 1
	for size <= n/blockSize {
		level, size = level+1, size*blockSize
	}
	q, r := n/size, n%size
	g.alt(out, to(g.block(rule, level)).times(0, q-1), to(g.upTo(rule, size-1)))
	all := []sym{to(g.block(rule, level)).times(q, q)}
	if r > 0 {
		all = append(all, to(g.upTo(rule, r)))
	}
	g.alt(out, all...)
	return out
}

// productive says which rules match something.
func (g *rules) productive() []bool {
	ok := make([]bool, len(g.alts))
	users := make([][]int, len(g.alts))
	var work []int
	for r, alts := range g.alts {
		work = append(work, r)
		for _, alt := range alts {
			for _, s := range alt {
				if s.rule >= 0 && s.least > 0 {
					users[s.rule] = append(users[s.rule], r)
				}
			}
		}
	}
	for len(work) > 0 {
		r := work[len(work)-1]
		work = work[:len(work)-1]
		if ok[r] {
			continue
		}
		for _, alt := range g.alts[r] {
			if possible(alt, ok) {
				ok[r] = true
				work = append(work, users[r]...)
				break
			}
		}
	}
	return ok
}

func possible(alt []sym, ok []bool) bool {
	for _, s := range alt {
		if s.rule >= 0 && s.least > 0 && !ok[s.rule] {
			return false
		}
	}
	return true
}

// text writes the grammar from a root, without what matches nothing. It is empty when the root does.
func (g *rules) text(root int) string {
	ok := g.productive()
	if !ok[root] {
		return ""
	}
	var b strings.Builder
	seen := make([]bool, len(g.alts))
	seen[root] = true
	for work := []int{root}; len(work) > 0; {
		r := work[0]
		work = work[1:]
		b.WriteString(g.names[r])
		b.WriteString(" ::= ")
		first := true
		for _, alt := range g.alts[r] {
			if !possible(alt, ok) {
				continue
			}
			if !first {
				b.WriteString(" | ")
			}
			first = false
			written := false
			for _, s := range alt {
				if s.rule >= 0 && !ok[s.rule] || s.most == 0 {
					continue
				}
				if written {
					b.WriteByte(' ')
				}
				written = true
				if s.rule < 0 {
					b.WriteString(s.text)
				} else {
					b.WriteString(g.names[s.rule])
					if !seen[s.rule] {
						seen[s.rule] = true
						work = append(work, s.rule)
					}
				}
				b.WriteString(s.repetition())
			}
			if !written {
				b.WriteString(`""`)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (s sym) repetition() string {
	switch {
	case s.least == 1 && s.most == 1:
		return ""
	case s.least == 0 && s.most == 1:
		return "?"
	case s.least == 0 && s.most < 0:
		return "*"
	case s.least == 1 && s.most < 0:
		return "+"
	case s.least == s.most:
		return fmt.Sprintf("{%d}", s.least)
	case s.most < 0:
		return fmt.Sprintf("{%d,}", s.least)
	}
	return fmt.Sprintf("{%d,%d}", s.least, s.most)
}
