package lexical

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// common are English words that tell nothing about a text, by their stems.
var common = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`a about an and any are as at be been but by can could did do does for from had has have how i if in into is it its
		may me my no not of on or our shall should so than that the their them then there these they this to was we were what when where which who
		whom why will with would you your`) {
		m[stem(w)] = true
	}
	return m
}()

// Words are the words of a text as they are compared.
func Words(text string) []string {
	var out []string
	text = norm.NFKC.String(text) // the same word is written in several ways: composed or not, wide or not
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case joined(r):
			run := 0
			for run < len(text) {
				r, n := utf8.DecodeRuneInString(text[run:])
				if !joined(r) {
					break
				}
				run += n
			}
			out = pairs(out, text[:run])
			text = text[run:]
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			run := 0
			for run < len(text) {
				r, n := utf8.DecodeRuneInString(text[run:])
				if joined(r) || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
					break
				}
				run += n
			}
			out = append(out, stem(fold(text[:run])))
			text = text[run:]
		default:
			text = text[n:]
		}
	}
	return out
}

// joined says that a character is of a script whose words are found by pairs of characters.
func joined(r rune) bool {
	return r > 0x0e00 && (unicode.In(r, unicode.Hangul, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) || r == 'ー')
}

// pairs adds all two characters that stand together; one that stands alone is itself.
func pairs(out []string, run string) []string {
	_, n := utf8.DecodeRuneInString(run)
	if n == len(run) {
		return append(out, run)
	}
	for len(run) > n {
		_, m := utf8.DecodeRuneInString(run[n:])
		out = append(out, run[:n+m])
		run, n = run[n:], m
	}
	return out
}

// fold is lower case, with the accents of Latin letters that are one character left as they are.
func fold(word string) string {
	for i := range len(word) {
		if c := word[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.ToLower(word)
		}
	}
	return word
}

// stem cuts an English word to its stem, as M. F. Porter described in 1980. Words with other characters stay as they are.
func stem(word string) string {
	if len(word) < 3 {
		return word
	}
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return word
		}
	}
	w := stemmer(word)
	w.plurals()
	w.past()
	if w.has("y") && w.vowel(len(w)-1) {
		w[len(w)-1] = 'i'
	}
	w.replace(step2, 0)
	w.replace(step3, 0)
	w.suffixes()
	if w.has("e") {
		if m := w.measure(len(w) - 1); m > 1 || m == 1 && !w.short(len(w)-1) {
			w = w[:len(w)-1]
		}
	}
	if w.has("ll") && w.measure(len(w)) > 1 {
		w = w[:len(w)-1]
	}
	return string(w)
}

// stemmer is a word on its way to its stem.
type stemmer []byte

func (w stemmer) has(suffix string) bool { return strings.HasSuffix(string(w), suffix) }

func (w stemmer) consonant(i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return false
	case 'y':
		return i == 0 || !w.consonant(i-1)
	}
	return true
}

// vowel says that one of the first n letters is a vowel.
func (w stemmer) vowel(n int) bool {
	for i := range n {
		if !w.consonant(i) {
			return true
		}
	}
	return false
}

// measure counts how often vowels are followed by consonants in the first n letters.
func (w stemmer) measure(n int) (m int) {
	for i := 1; i < n; i++ {
		if w.consonant(i) && !w.consonant(i-1) {
			m++
		}
	}
	return m
}

// short says that the first n letters end in consonant, vowel, consonant, the last not w, x or y.
func (w stemmer) short(n int) bool {
	if n < 3 || !w.consonant(n-1) || w.consonant(n-2) || !w.consonant(n-3) {
		return false
	}
	c := w[n-1]
	return c != 'w' && c != 'x' && c != 'y'
}

func (w stemmer) double() bool {
	n := len(w)
	return n > 1 && w[n-1] == w[n-2] && w.consonant(n-1)
}

func (w *stemmer) cut(n int) { *w = (*w)[:len(*w)-n] }

func (w *stemmer) plurals() {
	switch {
	case w.has("sses"), w.has("ies"):
		w.cut(2)
	case w.has("ss"):
	case w.has("s"):
		w.cut(1)
	}
}

func (w *stemmer) past() {
	switch {
	case w.has("eed"):
		if w.measure(len(*w)-3) > 0 {
			w.cut(1)
		}
		return
	case w.has("ed") && w.vowel(len(*w)-2):
		w.cut(2)
	case w.has("ing") && w.vowel(len(*w)-3):
		w.cut(3)
	default:
		return
	}
	switch {
	case w.has("at"), w.has("bl"), w.has("iz"):
		*w = append(*w, 'e')
	case w.double() && !w.has("l") && !w.has("s") && !w.has("z"):
		w.cut(1)
	case w.measure(len(*w)) == 1 && w.short(len(*w)):
		*w = append(*w, 'e')
	}
}

var step2 = []string{
	"ational", "ate", "tional", "tion", "enci", "ence", "anci", "ance", "izer", "ize", "abli", "able", "alli", "al", "entli", "ent", "eli", "e",
	"ousli", "ous", "ization", "ize", "ation", "ate", "ator", "ate", "alism", "al", "iveness", "ive", "fulness", "ful", "ousness", "ous",
	"aliti", "al", "iviti", "ive", "biliti", "ble",
}

var step3 = []string{"icate", "ic", "ative", "", "alize", "al", "iciti", "ic", "ical", "ic", "ful", "", "ness", ""}

// replace puts the second of a pair into the place of the first at the word's end, where what is before has a measure above least.
func (w *stemmer) replace(pairs []string, least int) {
	for i := 0; i < len(pairs); i += 2 {
		if w.has(pairs[i]) {
			if n := len(*w) - len(pairs[i]); w.measure(n) > least {
				*w = append((*w)[:n], pairs[i+1]...)
			}
			return
		}
	}
}

var step4 = []string{"al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ou", "ism", "ate", "iti", "ous", "ive", "ize"}

func (w *stemmer) suffixes() {
	for _, s := range step4 {
		if w.has(s) {
			if w.measure(len(*w)-len(s)) > 1 {
				w.cut(len(s))
			}
			return
		}
	}
	if n := len(*w) - 3; w.has("ion") && n > 0 && ((*w)[n-1] == 's' || (*w)[n-1] == 't') && w.measure(n) > 1 {
		w.cut(3)
	}
}
