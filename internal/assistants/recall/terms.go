package recall

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
)

const (
	maxTermBytes   = 40
	maxTerms       = 96 // of a message
	maxAsked       = 8  // of a question
	maxPositions   = 64 // of a term
	shortestTerm   = 3  // letters; shorter ones say little
	minimumOfScore = 1.0
)

// common are words that say nothing of what a message is about.
var common = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`the and for are but not you all any can had her was one our out has have him his how its may new now old see two who did get
		let say she too use that with this from they will would there their what when which your about could should into than then them these some such only
		other also been being were does doing just like more most much very here over after before because while where please thank thanks`) {
		m[w] = true
	}
	return m
}()

// terms are the distinct words of a text that say what it is about, those that say most (long ones, numbers) first. Scripts without
// spaces give pairs of letters.
func terms(text string, most int) []string {
	seen := map[string]bool{}
	var out []string
	add := func(w string) {
		if len(w) <= maxTermBytes && !seen[w] && !common[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	var word []rune
	flush := func() {
		if len(word) >= shortestTerm || len(word) > 0 && unicode.IsDigit(word[0]) {
			add(string(word))
		}
		word = word[:0]
	}
	var before rune // the letter before in a script without spaces
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
			flush()
			if before != 0 {
				add(string([]rune{before, r}))
			}
			before = r
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			word = append(word, unicode.ToLower(r))
		default:
			flush()
		}
		before = 0
	}
	flush()
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(weight(b), weight(a)) })
	return out[:min(len(out), most)]
}

func weight(term string) int {
	n := len(term)
	if strings.ContainsFunc(term, unicode.IsDigit) {
		n += 4
	}
	return n
}

// posting is where a term stands.
type posting struct {
	term      string
	positions []int64 // the newest, growing
	messages  int64   // how many messages have it
}

// rank returns the positions that have most of the terms, rare terms counting more; at most k, and none that has only common ones.
func rank(postings []posting, indexed int64, k int) []int64 {
	scores := map[int64]float64{}
	for _, p := range postings {
		w := math.Log(1 + float64(indexed)/float64(max(p.messages, 1)))
		for _, at := range p.positions {
			scores[at] += w
		}
	}
	var found []int64
	for at, score := range scores {
		if score >= minimumOfScore {
			found = append(found, at)
		}
	}
	slices.SortFunc(found, func(a, b int64) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(b, a))
	})
	found = found[:min(len(found), k)]
	slices.Sort(found)
	return found
}
