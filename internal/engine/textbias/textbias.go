// Package textbias applies biases on texts (engine.BiasText) while a model of another vocabulary decodes:
// it says after each token which tokens are biased now.
//
// A text that is one token of the model is a bias on that token, and on any other token with the same
// bytes. A text of several tokens is a unit that the model has no token for:
//
//   - A negative bias acts where the text would be completed, however it was split: a token is biased when
//     its bytes and those of the tokens before it, from the beginning of one of them, are the text. What
//     begins inside of a token, or goes on in the same token beyond the text's end, is another word. -100
//     never lets the text be completed.
//   - A positive bias leads along the text's tokens, as the model itself splits it: the first one is
//     biased wherever a text may begin, and after it the next one, to the end. Inside of such a text no
//     other text begins, so that no positive bias but those of the ways on counts there. +100 on the way
//     goes before a ban of the same token.
//
// Texts with the same beginning do not add up: the greatest bias counts.
package textbias

import (
	"slices"

	"github.com/parley-ai/parley/internal/engine"
)

// Ban is the bias at and below which a token is never chosen.
const Ban = -100

// force is the bias at which a text is to appear whatever else is asked.
const force = 100

// Vocabulary is what a model can write. It is asked about texts of at most some hundred bytes.
type Vocabulary interface {
	// Find returns the tokens that write exactly these bytes; control tokens write nothing.
	Find(text string) []engine.Token
	// Split returns the tokens into which the model itself splits a text; nil when it cannot.
	Split(text string) []engine.Token
}

// State follows the output of one sequence.
type State struct {
	fixed  map[engine.Token]float32 // biases that always count
	banned []text                   // with negative bias
	led    []text                   // with positive bias
	idle   []engine.TokenBias       // Now where nothing is under way

	under []begun // banned texts of which the output's end may be the beginning
	ways  []begun // led texts of which it is
	open  bool    // a text may begin here
	now   []engine.TokenBias
	moved bool // now is of an earlier place
}

// text is a biased text of several tokens.
type text struct {
	text string
	bias float32
	ends map[int][]engine.Token // banned: the tokens that complete it from so many bytes on
	path []engine.Token         // led
}

// begun is a text of which a part was produced: so many bytes of a banned one, so many tokens of a led one.
type begun struct {
	text *text
	n    int
}

// New returns the state before the first token; nil when nothing is biased. ends are the tokens that end an
// answer.
func New(v Vocabulary, s *engine.Sampling, ends []engine.Token) *State {
	if len(s.Bias) == 0 && len(s.BiasTexts) == 0 && s.EndBias == 0 {
		return nil
	}
	b := &State{fixed: map[engine.Token]float32{}, open: true}
	for _, x := range s.Bias {
		add(b.fixed, x.Token, x.Bias)
	}
	if s.EndBias != 0 {
		for _, t := range ends {
			add(b.fixed, t, s.EndBias)
		}
	}
	for _, x := range s.BiasTexts {
		if x.Text == "" || x.Bias == 0 {
			continue
		}
		if same := v.Find(x.Text); len(same) > 0 {
			for _, t := range same {
				add(b.fixed, t, x.Bias)
			}
			continue
		}
		if x.Bias > 0 {
			if path := split(v, x.Text); path != nil {
				b.led = append(b.led, text{text: x.Text, bias: x.Bias, path: path})
			}
			continue
		}
		ends := map[int][]engine.Token{}
		for n := 1; n < len(x.Text); n++ {
			if same := v.Find(x.Text[n:]); len(same) > 0 {
				ends[n] = same
			}
		}
		b.banned = append(b.banned, text{text: x.Text, bias: x.Bias, ends: ends})
	}
	b.idle = b.compute()
	b.now = b.idle
	return b
}

// add adds biases on one token; a ban stays one.
func add(to map[engine.Token]float32, t engine.Token, bias float32) {
	if to[t] <= Ban || bias <= Ban {
		to[t] = Ban
		return
	}
	to[t] += bias
}

// split returns the model's own tokens of a text, or, where the model would write something else for them,
// as few tokens as can write it; nil when none can.
func split(v Vocabulary, text string) []engine.Token {
	if path := v.Split(text); path != nil {
		return path
	}
	least := make([][]engine.Token, len(text)+1) // of the text from there on
	for from := len(text) - 1; from >= 0; from-- {
		for to := len(text); to > from; to-- {
			rest := least[to]
			if to < len(text) && rest == nil || least[from] != nil && len(rest)+1 >= len(least[from]) {
				continue
			}
			if same := v.Find(text[from:to]); len(same) > 0 {
				least[from] = append([]engine.Token{same[0]}, rest...)
			}
		}
	}
	return least[0]
}

// Now returns the tokens that are biased at this place, each once, in the order of their ids. A bias of Ban
// forbids the token. The slice is valid until the next Accept.
func (b *State) Now() []engine.TokenBias {
	if b.moved {
		b.moved = false
		if b.open && len(b.under) == 0 && len(b.ways) == 0 {
			b.now = b.idle
		} else {
			b.now = b.compute()
		}
	}
	return b.now
}

// Accept tells that a token was produced, and the bytes that it writes.
func (b *State) Accept(t engine.Token, piece []byte) {
	if len(b.banned) == 0 && len(b.led) == 0 {
		return
	}
	b.acceptBanned(string(piece))
	b.acceptLed(t)
	b.moved = true
}

func (b *State) acceptBanned(piece string) {
	if piece == "" {
		b.under = b.under[:0]
		return
	}
	keep := b.under[:0]
	for _, u := range b.under {
		if end := u.n + len(piece); end < len(u.text.text) && u.text.text[u.n:end] == piece {
			keep = append(keep, begun{u.text, end})
		}
	}
	for i := range b.banned {
		if s := b.banned[i].text; len(s) > len(piece) && s[:len(piece)] == piece {
			keep = append(keep, begun{&b.banned[i], len(piece)})
		}
	}
	b.under = keep
}

func (b *State) acceptLed(t engine.Token) {
	ended, kept := false, false
	keep := b.ways[:0]
	for _, w := range b.ways {
		if w.text.path[w.n] != t {
			continue
		}
		kept = true
		if w.n++; w.n == len(w.text.path) {
			ended = true
		} else {
			keep = append(keep, w)
		}
	}
	if b.open || !kept { // a text may have begun with it
		ended = ended || b.fixed[t] > 0
		for i := range b.led {
			if b.led[i].path[0] == t {
				keep = append(keep, begun{&b.led[i], 1})
			}
		}
	}
	b.ways = keep
	b.open = ended || len(keep) == 0
}

// compute finds the biases of this place.
func (b *State) compute() []engine.TokenBias {
	lead := map[engine.Token]float32{}
	for _, w := range b.ways {
		lead[w.text.path[w.n]] = max(lead[w.text.path[w.n]], w.text.bias)
	}
	if b.open {
		for _, l := range b.led {
			lead[l.path[0]] = max(lead[l.path[0]], l.bias)
		}
	}
	sum := make(map[engine.Token]float32, len(b.fixed)+len(lead))
	for t, bias := range b.fixed {
		if b.open || bias < 0 {
			sum[t] = bias
		}
	}
	for _, u := range b.under {
		for _, t := range u.text.ends[u.n] {
			add(sum, t, u.text.bias)
		}
	}
	for t, bias := range lead {
		switch before := sum[t]; {
		case bias >= force || before > 0:
			sum[t] = max(before, bias)
		default:
			add(sum, t, bias)
		}
	}
	out := make([]engine.TokenBias, 0, len(sum))
	for t, bias := range sum {
		if bias != 0 {
			out = append(out, engine.TokenBias{Token: t, Bias: bias})
		}
	}
	slices.SortFunc(out, func(x, y engine.TokenBias) int { return int(x.Token) - int(y.Token) })
	return out
}
