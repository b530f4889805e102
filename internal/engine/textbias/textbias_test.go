package textbias

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

// words is a vocabulary for these tests: a token is its place. It splits texts into the longest words.
type words []string

func (w words) Find(text string) []engine.Token {
	var out []engine.Token
	for i, word := range w {
		if word == text {
			out = append(out, engine.Token(i))
		}
	}
	return out
}

func (w words) Split(text string) []engine.Token {
	var out []engine.Token
	for text != "" {
		best := -1
		for i, word := range w {
			if word != "" && strings.HasPrefix(text, word) && (best < 0 || len(word) > len(w[best])) {
				best = i
			}
		}
		if best < 0 {
			return nil
		}
		out, text = append(out, engine.Token(best)), text[len(w[best]):]
	}
	return out
}

// say tells the state what was produced and returns what is biased after that, by word.
func (w words) say(b *State, produced ...string) map[string]float32 {
	for _, p := range produced {
		b.Accept(w.Find(p)[0], []byte(p))
	}
	out := map[string]float32{}
	for _, x := range b.Now() {
		out[w[x.Token]] = x.Bias
	}
	return out
}

var few = words{"", "un", "believ", "able", "ably", "unbel", "iev", "a", "b", "un do", "able ", "yes", " yes", "a", "stop"}

func TestTextsAreBiased(t *testing.T) {
	type biases = []engine.BiasText
	type want = map[string]float32
	for _, c := range []struct {
		name  string
		texts biases
		bias  []engine.TokenBias
		said  []string
		want  want
	}{
		{"one token", biases{{Text: "yes", Bias: -100}}, nil, nil, want{"yes": -100}},
		{"each token of the same bytes", biases{{Text: "a", Bias: 7}}, nil, nil, want{"a": 7}},
		{"nothing", biases{{Text: "", Bias: 100}, {Text: "un", Bias: 0}}, nil, nil, want{}},
		{"what cannot be written", biases{{Text: "xyz", Bias: 100}, {Text: "xyz", Bias: -100}}, nil, nil, want{}},

		{"ban, before", biases{{Text: "unbelievable", Bias: -100}}, nil, nil, want{}},
		{"ban, on the way", biases{{Text: "unbelievable", Bias: -100}}, nil, []string{"un"}, want{}},
		{"ban, at the end", biases{{Text: "unbelievable", Bias: -100}}, nil, []string{"un", "believ"}, want{"able": -100}},
		{"ban, split otherwise", biases{{Text: "unbelievable", Bias: -100}}, nil, []string{"unbel", "iev"}, want{"able": -100}},
		{"ban, after other words", biases{{Text: "unbelievable", Bias: -100}}, nil, []string{"un", "believ", "a", "yes", "un", "believ"}, want{"able": -100}},
		{"ban, begun twice", biases{{Text: "unable", Bias: -100}}, nil, []string{"un", "un"}, want{"able": -100}},
		{"ban, another word", biases{{Text: "unbelievable", Bias: -100}}, nil, []string{"un do", "believ"}, want{}},
		{"malus", biases{{Text: "unbelievable", Bias: -4}}, nil, []string{"un", "believ"}, want{"able": -4}},
		{"malus and ban", biases{{Text: "unable", Bias: -4}, {Text: "able", Bias: -100}}, nil, []string{"un"}, want{"able": -100}},
		{"two maluses", biases{{Text: "unable", Bias: -4}, {Text: "able", Bias: -5}}, nil, []string{"un"}, want{"able": -9}},

		{"lead, before", biases{{Text: "unbelievable", Bias: 100}}, nil, nil, want{"unbel": 100}},
		{"lead, on the way", biases{{Text: "unbelievable", Bias: 100}}, nil, []string{"unbel"}, want{"iev": 100}},
		{"lead, the end", biases{{Text: "unbelievable", Bias: 100}}, nil, []string{"unbel", "iev", "able"}, want{"unbel": 100}},
		{"lead, left", biases{{Text: "unbelievable", Bias: 3}}, nil, []string{"unbel", "a"}, want{"unbel": 3}},
		{"lead, begun anew", biases{{Text: "unbelievable", Bias: 3}}, nil, []string{"unbel", "unbel"}, want{"iev": 3}},
		{"lead, not by another way", biases{{Text: "unbelievable", Bias: 3}}, nil, []string{"un"}, want{"unbel": 3}},
		{"lead, common beginning", biases{{Text: "unable", Bias: 20}, {Text: "unably", Bias: 30}}, nil, nil, want{"un": 30}},
		{"lead, where they part", biases{{Text: "unable", Bias: 20}, {Text: "unably", Bias: 30}}, nil, []string{"un"}, want{"able": 20, "ably": 30}},
		{"lead, one within the other", biases{{Text: "una", Bias: 20}, {Text: "unab", Bias: 30}}, nil, []string{"un", "a"}, want{"b": 30, "un": 30}},
		{"lead beside a token", biases{{Text: "unable", Bias: 20}, {Text: "yes", Bias: 30}}, nil, nil, want{"un": 20, "yes": 30}},
		{"no other within it", biases{{Text: "unable", Bias: 20}, {Text: "yes", Bias: 30}}, nil, []string{"un"}, want{"able": 20}},
		{"a token that begins it", biases{{Text: "unable", Bias: 20}, {Text: "un", Bias: 30}}, nil, []string{"un"}, want{"able": 20, "un": 30}},
		{"bans count within it", biases{{Text: "unable", Bias: 20}, {Text: "yes", Bias: -100}}, nil, []string{"un"}, want{"able": 20, "yes": -100}},
		{"a ban stops what is drawn", biases{{Text: "unable", Bias: 20}, {Text: "able", Bias: -100}}, nil, []string{"un"}, want{"able": -100}},
		{"a ban does not stop what is forced", biases{{Text: "unable", Bias: 100}, {Text: "able", Bias: -100}}, nil, []string{"un"}, want{"able": 100}},
		{"nor at the beginning", biases{{Text: "unable", Bias: 100}, {Text: "un", Bias: -100}}, nil, nil, want{"un": 100}},
		{"nor that of a longer text", biases{{Text: "unable", Bias: 100}, {Text: "una", Bias: -100}}, nil, []string{"un"}, want{"able": 100, "a": -100}},

		{"tokens add up", nil, []engine.TokenBias{{Token: 1, Bias: 2}, {Token: 1, Bias: 3}}, nil, want{"un": 5}},
		{"a ban stays", nil, []engine.TokenBias{{Token: 1, Bias: -100}, {Token: 1, Bias: 100}}, nil, want{"un": -100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New(few, &engine.Sampling{Bias: c.bias, BiasTexts: c.texts}, nil)
			if got := few.say(b, c.said...); !maps.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestTheEnd(t *testing.T) {
	end := []engine.Token{0, 14}
	if New(few, &engine.Sampling{}, end) != nil {
		t.Error("nothing is biased, and there is a state")
	}
	b := New(few, &engine.Sampling{EndBias: -100}, end)
	if got := b.Now(); !slices.Equal(got, []engine.TokenBias{{Token: 0, Bias: -100}, {Token: 14, Bias: -100}}) {
		t.Errorf("%v", got)
	}
}

// TestAnotherSplit: where the model's own tokens write something else, as few tokens as can write it.
func TestAnotherSplit(t *testing.T) {
	v := deaf{few}
	b := New(v, &engine.Sampling{BiasTexts: []engine.BiasText{{Text: "unbelievable", Bias: 100}}}, nil)
	var said []string
	for range 3 {
		next := few[b.Now()[0].Token]
		said = append(said, next)
		few.say(b, next)
	}
	if got := strings.Join(said, "|"); got != "un|believ|able" && got != "unbel|iev|able" {
		t.Errorf("led along %q", got)
	}
}

// deaf is a vocabulary whose own split writes something else.
type deaf struct{ words }

func (deaf) Split(string) []engine.Token { return nil }

// TestNoBannedTextIsCompleted walks at random where nothing is banned and looks for the banned texts in the
// whole output, at the borders of tokens.
func TestNoBannedTextIsCompleted(t *testing.T) {
	letters := words{"a", "b", "ab", "ba", "aa", "aba", "abab"}
	banned := []string{"abb", "baab", "aaaa"}
	var texts []engine.BiasText
	for _, s := range banned {
		texts = append(texts, engine.BiasText{Text: s, Bias: -100})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	b := New(letters, &engine.Sampling{BiasTexts: texts}, nil)
	var said []string
	for range 5000 {
		free := make([]engine.Token, 0, len(letters))
		for i := range letters {
			if !slices.Contains(b.Now(), engine.TokenBias{Token: engine.Token(i), Bias: -100}) {
				free = append(free, engine.Token(i))
			}
		}
		next := free[rng.IntN(len(free))]
		said = append(said, letters[next])
		b.Accept(next, []byte(letters[next]))
	}
	refused := 0
	for i := range said {
		for n := 1; n <= 4 && i+n <= len(said); n++ {
			text := strings.Join(said[i:i+n], "")
			if slices.Contains(banned, text) {
				t.Fatalf("said %q as %q", text, said[i:i+n])
			}
			if text == "abba" {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("what only begins with a banned text never came either")
	}
}
