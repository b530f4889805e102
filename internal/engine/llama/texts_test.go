package llama

import (
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

func TestTextsAreRemembered(t *testing.T) {
	var known texts
	text := func(letter string, n int) engine.TokenizeRequest {
		return engine.TokenizeRequest{Text: strings.Repeat(letter, n)}
	}
	a := text("a", 400<<10)
	known.add(a, []engine.Token{1, 2, 3})
	known.add(text("b", 400<<10), []engine.Token{4})
	known.add(text("s", 10), []engine.Token{9})
	got, ok := known.find(a)
	if !ok || !slices.Equal(got, []engine.Token{1, 2, 3}) {
		t.Fatalf("found %v, %v", got, ok)
	}
	got[0] = 7
	if again, _ := known.find(a); again[0] != 1 {
		t.Error("a caller changed what is remembered")
	}
	special := a
	special.ParseSpecial = true
	if _, ok := known.find(special); ok {
		t.Error("the same text was found for another way to read it")
	}
	if _, ok := known.find(text("s", 10)); ok {
		t.Error("a short text was remembered")
	}
	// Of three texts that are too much together, the one unused longest goes.
	known.add(text("c", 400<<10), []engine.Token{5})
	if _, ok := known.find(text("b", 400<<10)); ok || known.size != 800<<10 {
		t.Errorf("%d bytes are remembered, want 800 KiB without the second text", known.size)
	}
	if _, ok := known.find(a); !ok {
		t.Error("a text that was used again was forgotten")
	}
}
