package llama

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestLongTextsAreCutBeforeControlTokens(t *testing.T) {
	at := regexp.MustCompile(`<a>|<b>`)
	turn := "<a>user\nHi<b>\n"
	for name, text := range map[string]string{
		"many":          strings.Repeat(turn, 20_000),
		"none":          strings.Repeat("x", 5*longText),
		"one at first":  "<a>" + strings.Repeat("x", 5*longText),
		"one at last":   strings.Repeat("x", 5*longText) + "<a>",
		"far apart":     strings.Repeat(strings.Repeat("x", 2*longText)+"<b>", 4),
		"nothing":       "",
		"short":         turn,
		"begins inside": strings.Repeat("x", longText-1) + "<a>" + strings.Repeat("y", longText) + "<b>z",
	} {
		pieces := cutLong(text, at)
		if strings.Join(pieces, "") != text {
			t.Errorf("%s: the pieces are another text", name)
		}
		for i, piece := range pieces {
			if i > 0 && !strings.HasPrefix(piece, "<a>") && !strings.HasPrefix(piece, "<b>") {
				t.Errorf("%s: piece %d begins with %.10q", name, i, piece)
			}
			if len(piece) > longText && at.FindAllStringIndex(piece[1:], -1) != nil {
				t.Errorf("%s: piece %d has %d bytes", name, i, len(piece))
			}
		}
		if name == "many" && len(pieces) != len(text)/longText+1 {
			t.Errorf("%d pieces of %d bytes", len(pieces), len(text))
		}
	}
	// What lies in another one, begins in its end, or begins in its own end.
	if got := apart([]string{"<s>", "<a>", "<a><b>", "aa", "<|x|>", ">"}); !slices.Equal(got, []string{"<s>", "<a><b>", "<|x|>"}) {
		t.Errorf("apart: %q", got)
	}
	if got := apart([]string{"<s>", "d<", "", "[x]"}); !slices.Equal(got, []string{"d<", "[x]"}) {
		t.Errorf("apart: %q", got)
	}
}

// TestPiecesHaveTheSameTokens compares what a long text is in pieces with what it is at once.
func TestPiecesHaveTheSameTokens(t *testing.T) {
	b := openTest(t, nil)
	rnd := rand.New(rand.NewPCG(1, 2))
	parts := append([]string{" ", "\n", "\n\n", "a", " the", "한국", "🙂", "<", "<|", "|>", "im_start", "\xff", "\t"}, b.info.Special...)
	for range 5 {
		var text strings.Builder
		for text.Len() < 3*longText {
			text.WriteString(parts[rnd.IntN(len(parts))])
		}
		for _, addSpecial := range []bool{false, true} {
			whole, err := b.model.Tokenize(text.String(), addSpecial, true)
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.tokenize(t.Context(), text.String(), addSpecial, true)
			if err != nil || !slices.Equal(got, whole) {
				t.Errorf("%d tokens in pieces, %d at once: %v", len(got), len(whole), err)
			}
		}
		if pieces := cutLong(text.String(), b.cutter.at); len(pieces) < 3 {
			t.Errorf("%d pieces: nothing was tested", len(pieces))
		}
	}
}
