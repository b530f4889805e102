package llama

import (
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestWordPieceTextTakesKoreanApartAndNothingElse(t *testing.T) {
	// Accents stay composed: llama.cpp's own table takes them off.
	for text, want := range map[string]string{"": "", "plain": "plain", "é 안녕! 東京": "é " + norm.NFD.String("안녕") + "! 東京"} {
		if got := wordPieceText(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for r := rune(0xAC00); r <= 0xD7A3; r++ {
		if got, want := wordPieceText(string(r)), norm.NFD.String(string(r)); got != want {
			t.Fatalf("%c: %x, want %x", r, got, want)
		}
	}
}
