package bpe

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestSettledTokensStay: of each beginning of a text, what is settled has the tokens that the whole text
// begins with, and the rest has the others.
func TestSettledTokensStay(t *testing.T) {
	parts := []string{"we", "'", "'ll", "'re", "I", " ", "  ", "\n", "\r\n", "\t", "!", "?!", "Ab", "ABC", "12", "3", "é", "한국어", "言", "🦜", "\u0301", "/", "x\u00a0", "_", "."}
	rng := rand.New(rand.NewPCG(7, 7))
	for _, name := range Names() {
		e, err := Get(name)
		if err != nil {
			t.Fatal(err)
		}
		settled, bytes := 0, 0
		for range 300 {
			var b strings.Builder
			for range 1 + rng.IntN(24) {
				b.WriteString(parts[rng.IntN(len(parts))])
			}
			text := b.String()
			whole := e.EncodeOrdinary(nil, text)
			for i := range text {
				again, n := e.EncodeSettled(nil, text[:i])
				if again = e.EncodeOrdinary(again, text[n:]); !slices.Equal(again, whole) {
					t.Fatalf("%s: %q is settled of %q, and %q has other tokens: %v, not %v", name, text[:n], text[:i], text, again, whole)
				}
				settled, bytes = settled+n, bytes+i
			}
		}
		// Something has to be settled for the rule to be of use.
		if 2*settled < bytes {
			t.Errorf("%s: of texts of %d bytes only %d are settled", name, bytes, settled)
		}
	}
}
