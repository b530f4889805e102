package lexical

import (
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"The Cats' 3.5 dogs, naïve":   "the cat 3 5 dog naïve",
		"서울은 수도":                      "서울 울은 수도",
		"가":                           "가",
		"東京タワー2024年":                  "東京 京タ タワ ワー 2024 年",
		"ＦＵＬＬ ｗｉｄｔｈ":                  "full width",
		"서울":                          "서울", // decomposed
		"":                            "",
		"--- !!":                      "",
		"running runner runs":         "run runner run",
		"relational conditional hope": "relat condit hope",
	} {
		if got := strings.Join(Words(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// The examples that Porter gives for his steps.
func TestStem(t *testing.T) {
	for word, want := range map[string]string{
		"caresses": "caress", "ponies": "poni", "ties": "ti", "caress": "caress", "cats": "cat", "feed": "feed", "agreed": "agre", "plastered": "plaster",
		"bled": "bled", "motoring": "motor", "sing": "sing", "conflated": "conflat", "troubled": "troubl", "sized": "size", "hopping": "hop", "tanned": "tan",
		"falling": "fall", "hissing": "hiss", "fizzed": "fizz", "failing": "fail", "filing": "file", "happy": "happi", "sky": "sky", "rational": "ration",
		"valenci": "valenc", "digitizer": "digit", "radicalli": "radic", "differentli": "differ", "vileli": "vile", "analogousli": "analog",
		"vietnamization": "vietnam", "predication": "predic", "operator": "oper", "feudalism": "feudal", "decisiveness": "decis", "hopefulness": "hope",
		"callousness": "callous", "formaliti": "formal", "sensitiviti": "sensit", "sensibiliti": "sensibl", "triplicate": "triplic", "formative": "form",
		"formalize": "formal", "electriciti": "electr", "electrical": "electr", "goodness": "good", "revival": "reviv", "allowance": "allow",
		"inference": "infer", "airliner": "airlin", "gyroscopic": "gyroscop", "adjustable": "adjust", "defensible": "defens", "irritant": "irrit",
		"replacement": "replac", "adjustment": "adjust", "dependent": "depend", "adoption": "adopt", "communism": "commun", "activate": "activ",
		"angulariti": "angular", "homologous": "homolog", "effective": "effect", "bowdlerize": "bowdler", "probate": "probat", "rate": "rate", "cease": "ceas",
		"controll": "control", "roll": "roll", "is": "is", "ion": "ion",
	} {
		if got := stem(word); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}

func open(t testing.TB, texts ...string) *Segment {
	t.Helper()
	s, err := Open(Build(texts))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSearch(t *testing.T) {
	a, b := open(t, "the cat sat on the mat", "dogs bark", "a cat and a cat"), open(t, "nothing of it", "cat")
	segments := []*Segment{a, b}
	scores, most := Search(segments, []bool{true, true}, Ask("which cats are here"))
	if scores[0][1] != 0 || scores[1][0] != 0 || scores[0][0] <= 0 || scores[0][2] <= scores[0][0] || scores[1][1] <= 0 || most <= scores[0][2] {
		t.Errorf("%v of %v", scores, most)
	}
	// A rare word weighs more than a common one.
	rare, _ := Search(segments, []bool{true, true}, Ask("cat bark"))
	if rare[0][1] <= rare[0][0] {
		t.Errorf("%v", rare)
	}
	// What is closed gets no score, and words are as rare as before.
	closed, again := Search(segments, []bool{false, true}, Ask("which cats are here"))
	if closed[0] != nil || closed[1][1] != scores[1][1] || again != most {
		t.Errorf("%v", closed)
	}
	if q := Ask("who is it"); len(q.hashes) == 0 {
		t.Error("a question of common words is one all the same")
	}
	if none, most := Search(nil, nil, Ask("x")); len(none) != 0 || most != 0 {
		t.Errorf("%v %v", none, most)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(Build([]string{"a b c", "", "b c d e"}))
	f.Add(Build(nil))
	f.Add([]byte("PLX1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Open(data)
		if err != nil {
			return
		}
		q := Ask("a b c d")
		if len(s.hashes) > 0 {
			q.hashes = append(q.hashes, s.hashes[0])
		}
		scores, _ := Search([]*Segment{s}, []bool{true}, q)
		if scores[0] != nil && len(scores[0]) != s.Len() {
			t.Errorf("%d scores of %d texts", len(scores[0]), s.Len())
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("The cats 서울은 東京タワー ＡＢＣ e\u0301")
	f.Fuzz(func(t *testing.T, text string) {
		words := Words(text)
		if slices.Contains(words, "") {
			t.Errorf("%q has an empty word", text)
		}
		if s := open(t, text); s.Len() != 1 || s.total != uint64(len(words)) {
			t.Errorf("%q: %d words, %d in the segment", text, len(words), s.total)
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	text := strings.Repeat("Cats sleep on warm roofs, while dogs bark at the postmen who deliver relational databases. ", 40)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Build([]string{text})
	}
}
