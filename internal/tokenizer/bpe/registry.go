package bpe

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed data/*_base.bin
var data embed.FS

// The special tokens of OpenAI's vocabularies.
const (
	EndOfText   = "<|endoftext|>"
	FIMPrefix   = "<|fim_prefix|>"
	FIMMiddle   = "<|fim_middle|>"
	FIMSuffix   = "<|fim_suffix|>"
	EndOfPrompt = "<|endofprompt|>"
)

var (
	r50k   = unpacked("r50k_base")
	p50k   = unpacked("p50k_base")
	cl100k = unpacked("cl100k_base")
	o200k  = unpacked("o200k_base")
)

// pattern is how an encoding cuts texts into pieces.
type pattern struct {
	next   scanner
	prefix func(c byte) bool // which ASCII bytes may come before the letters of a word
	cased  bool              // capitals and small letters are told apart
}

var (
	gpt2Pattern   = pattern{next: (*classTable).nextGPT2, prefix: func(c byte) bool { return c == ' ' }}
	cl100kPattern = pattern{next: (*classTable).nextCL100K, prefix: func(c byte) bool {
		return c != '\'' && ascii[c]&(1<<other|1<<space) != 0 // ' may begin a contraction
	}}
	o200kPattern = pattern{next: (*classTable).nextO200K, cased: true, prefix: func(c byte) bool {
		return ascii[c]&(1<<other|1<<space) != 0
	}}
)

var encodings = map[string]func() (*Encoding, error){
	"gpt2":      made("gpt2", r50k, gpt2Pattern, map[string]Token{EndOfText: 50256}),
	"r50k_base": made("r50k_base", r50k, gpt2Pattern, map[string]Token{EndOfText: 50256}),
	"p50k_base": made("p50k_base", p50k, gpt2Pattern, map[string]Token{EndOfText: 50256}),
	"p50k_edit": made("p50k_edit", p50k, gpt2Pattern, map[string]Token{
		EndOfText: 50256, FIMPrefix: 50281, FIMMiddle: 50282, FIMSuffix: 50283,
	}),
	"cl100k_base": made("cl100k_base", cl100k, cl100kPattern, map[string]Token{
		EndOfText: 100257, FIMPrefix: 100258, FIMMiddle: 100259, FIMSuffix: 100260, EndOfPrompt: 100276,
	}),
	"o200k_base": made("o200k_base", o200k, o200kPattern, map[string]Token{
		EndOfText: 199999, EndOfPrompt: 200018,
	}),
}

// unpacked returns a function that unpacks a vocabulary on its first call.
func unpacked(file string) func() (*tables, error) {
	return sync.OnceValues(func() (*tables, error) {
		packed, err := data.ReadFile("data/" + file + ".bin")
		if err != nil {
			return nil, err
		}
		return unpack(packed)
	})
}

func made(name string, vocabulary func() (*tables, error), p pattern, special map[string]Token) func() (*Encoding, error) {
	return sync.OnceValues(func() (*Encoding, error) {
		t, err := vocabulary()
		if err != nil {
			return nil, err
		}
		e := &Encoding{
			name: name, t: t, cls: classes(), next: p.next, starts: wordStarts(p.prefix), cased: p.cased, special: special,
			specials: slices.Sorted(maps.Keys(special)), texts: map[Token]string{},
		}
		for text, id := range special {
			e.texts[id] = text
		}
		return e, nil
	})
}

// Get returns an encoding by tiktoken's name. The first call unpacks it, which takes some ten milliseconds.
func Get(name string) (*Encoding, error) {
	open, ok := encodings[name]
	if !ok {
		return nil, fmt.Errorf("there is no encoding %q: it is one of %s", name, strings.Join(Names(), ", "))
	}
	return open()
}

// Names returns the names of all encodings, sorted.
func Names() []string { return slices.Sorted(maps.Keys(encodings)) }
