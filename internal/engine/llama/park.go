package llama

import (
	"log/slog"
	"slices"

	"github.com/parley-ai/parley/internal/engine"
)

// parked is a prefix whose KV memory lies outside of the cells, where no attention looks at it.
type parked struct {
	tokens []engine.Token
	data   []byte // as llama.cpp saved it
	used   uint64
}

// parking holds prefixes up to a budget of bytes; those that were used longest ago leave first.
type parking struct {
	budget int
	size   int
	clock  uint64
	spots  []*parked
}

// touch marks a prefix as used now.
func (p *parking) touch(k *parked) {
	p.clock++
	k.used = p.clock
}

// find returns the prefix that has the longest beginning in common with a prompt, of at least so many
// tokens, and how long that is; nil without one. The prompt's last token does not count: it is computed
// anew for its logits.
func (p *parking) find(prompt []engine.Token, least int) (best *parked, n int) {
	for _, k := range p.spots {
		if c := min(commonPrefix(k.tokens, prompt), len(prompt)-1); c >= least && (best == nil || c > n || c == n && len(k.tokens) < len(best.tokens)) {
			best, n = k, c
		}
	}
	return best, n
}

// holding returns a prefix that begins with the tokens, or nil.
func (p *parking) holding(tokens []engine.Token) *parked {
	for _, k := range p.spots {
		if len(k.tokens) >= len(tokens) && commonPrefix(k.tokens, tokens) == len(tokens) {
			return k
		}
	}
	return nil
}

// take returns memory of n bytes, for which others may have to leave; nil when the budget is smaller or
// the system has none.
func (p *parking) take(n int) []byte {
	if n <= 0 || n > p.budget {
		return nil
	}
	for p.size+n > p.budget {
		if len(p.spots) == 0 {
			return nil
		}
		oldest := p.spots[0]
		for _, k := range p.spots {
			if k.used < oldest.used {
				oldest = k
			}
		}
		p.drop(oldest)
	}
	data := takeMemory(n)
	p.size += len(data)
	return data
}

// put parks a prefix in memory from take. Those that it continues are not needed any more.
func (p *parking) put(tokens []engine.Token, data []byte) {
	for i := len(p.spots) - 1; i >= 0; i-- {
		if k := p.spots[i]; len(k.tokens) <= len(tokens) && commonPrefix(k.tokens, tokens) == len(k.tokens) {
			p.drop(k)
		}
	}
	k := &parked{tokens: append([]engine.Token(nil), tokens...), data: data}
	p.settle(k)
}

// drop forgets a prefix.
func (p *parking) drop(k *parked) {
	p.lift(k)
	p.giveBack(k.data)
}

// lift takes a prefix out without giving its memory back, so that others cannot displace it.
func (p *parking) lift(k *parked) {
	p.spots = slices.DeleteFunc(p.spots, func(other *parked) bool { return other == k })
}

// settle puts a lifted prefix back.
func (p *parking) settle(k *parked) {
	p.touch(k)
	p.spots = append(p.spots, k)
}

func (p *parking) giveBack(data []byte) {
	p.size -= len(data)
	giveMemory(data)
}

// close forgets all.
func (p *parking) close() {
	for len(p.spots) > 0 {
		p.drop(p.spots[0])
	}
}

// parkLeast is the shortest prefix that is worth a place; computing fewer tokens takes about as long as
// the administration.
const parkLeast = 16

// vacate empties an idle row after parking what it holds.
func (l *loop) vacate(i int) {
	l.park(i)
	l.empty(i)
}

// park copies an idle row's memory out of the cells, unless a copy is there or the budget is too small.
func (l *loop) park(i int) {
	w := &l.rows.row[i]
	tokens := w.tokens[:len(w.cells)]
	if w.private || len(tokens) < parkLeast {
		return
	}
	if k := l.parking.holding(tokens); k != nil {
		l.parking.touch(k)
		return
	}
	data := l.parking.take(l.ctx.StateSize(int32(i)))
	if data == nil {
		return
	}
	if _, err := l.ctx.SaveState(int32(i), data); err != nil {
		slog.Warn("an idle prefix is lost", "tokens", len(tokens), "err", err)
		l.parking.giveBack(data)
		return
	}
	l.parking.put(tokens, data)
}

// unpark brings the parked prefix into an idle row that helps a prompt more than what the cells hold, of
// which it could use have tokens. It says whether it did.
func (l *loop) unpark(prompt []engine.Token, have int) bool {
	k, n := l.parking.find(prompt, have+parkLeast/2)
	if k == nil || n-have < len(k.tokens)/unparkShare {
		return false
	}
	i := l.rows.oldest(false, -1)
	if i < 0 {
		return false
	}
	// Prefixes that it displaces must not take its place in turn.
	l.parking.lift(k)
	l.vacate(i)
	if !l.reserve(max(len(k.tokens), len(prompt)), -1) {
		l.parking.settle(k)
		return false
	}
	if err := l.ctx.RestoreState(int32(i), k.data); err != nil {
		slog.Warn("a parked prefix cannot be used", "tokens", len(k.tokens), "err", err)
		l.parking.giveBack(k.data)
		return false
	}
	l.parking.settle(k)
	l.rows.fill(i, k.tokens)
	return true
}

// unparkShare: copying a token back takes a hundredth of the time of computing it or less.
const unparkShare = 64
