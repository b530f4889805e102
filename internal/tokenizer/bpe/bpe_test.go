package bpe

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// TestVocabularies rebuilds the original files and compares the sums that tiktoken 0.14.0 expects of them.
func TestVocabularies(t *testing.T) {
	for name, want := range map[string]string{
		"r50k_base":   "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
		"p50k_base":   "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
		"cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
		"o200k_base":  "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
	} {
		e := get(t, name)
		sum := sha256.New()
		for id := range e.t.ends {
			if text := e.t.token(uint32(id)); text != "" {
				fmt.Fprintf(sum, "%s %d\n", base64.StdEncoding.EncodeToString([]byte(text)), id)
			}
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != want {
			t.Errorf("%s: SHA-256 %s, want %s", name, got, want)
		}
	}
}

// TestEveryTokenEncodesToItself goes through all tables: lookups of each length, and merging from bytes.
func TestEveryTokenEncodesToItself(t *testing.T) {
	for _, name := range Names() {
		e, w := get(t, name), new(scratch)
		for id := range e.t.ends {
			text := e.t.token(uint32(id))
			if text == "" {
				continue
			}
			if got, ok := e.Token(text); !ok || got != Token(id) {
				t.Fatalf("%s: Token(%q) = %d, %v; want %d", name, text, got, ok, id)
			}
			if got := e.t.mergeLong(nil, text); len(got) != 1 || got[0] != Token(id) {
				t.Fatalf("%s: %q merges to %v, want %d", name, text, got, id)
			}
			if got := e.t.merge(nil, text, w); utf8.ValidString(text) && (len(got) != 1 || got[0] != Token(id)) {
				t.Fatalf("%s: %q merges to %v by searching, want %d", name, text, got, id)
			}
		}
	}
}

func TestKnownTexts(t *testing.T) {
	for _, c := range []struct {
		encoding, text string
		want           []Token
	}{
		{"cl100k_base", "ChatGPT is great!", []Token{16047, 38, 2898, 374, 2294, 0}},
		{"o200k_base", "ChatGPT is great!", []Token{14065, 162016, 382, 2212, 0}},
		{"p50k_base", "ChatGPT is great!", []Token{30820, 38, 11571, 318, 1049, 0}},
		{"p50k_edit", "a  \n  ", []Token{64, 50257, 198, 50257}},
		{"r50k_base", "a  \n  ", []Token{64, 220, 220, 198, 220, 220}},
		{"gpt2", "a  \n  ", []Token{64, 220, 220, 198, 220, 220}},
		{"cl100k_base", "a  \n  ", []Token{64, 2355, 256}},
		{"o200k_base", "", nil},
	} {
		if got := get(t, c.encoding).EncodeOrdinary(nil, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q gives %v, want %v", c.encoding, c.text, got, c.want)
		}
	}
}

func TestSizes(t *testing.T) {
	for name, want := range map[string]int{
		"gpt2": 50257, "r50k_base": 50257, "p50k_base": 50281, "p50k_edit": 50284, "cl100k_base": 100277, "o200k_base": 200019,
	} {
		if got := get(t, name).Size(); got != want {
			t.Errorf("%s has size %d, want %d", name, got, want)
		}
	}
}

func TestSpecialTokens(t *testing.T) {
	e := get(t, "cl100k_base")
	const text = "a<|endoftext|>b<|fim_prefix|>"
	for _, c := range []struct {
		name                string
		allowed, disallowed Special
		want                []Token
		refused             string
	}{
		{name: "plain text", want: []Token{64, 27, 91, 8862, 728, 428, 91, 29, 65, 27, 91, 69, 318, 14301, 91, 29}},
		{name: "all allowed", allowed: All, disallowed: All, want: []Token{64, 100257, 65, 100258}},
		{name: "one allowed", allowed: Only(EndOfText), want: []Token{64, 100257, 65, 27, 91, 69, 318, 14301, 91, 29}},
		{name: "the rest disallowed", allowed: Only(EndOfText), disallowed: All, refused: FIMPrefix},
		{name: "the first one is named", disallowed: All, refused: EndOfText},
		{name: "one disallowed", disallowed: Only(FIMPrefix), refused: FIMPrefix},
		{name: "disallowed comes before allowed", allowed: All, disallowed: Only(EndOfText), refused: EndOfText},
	} {
		got, err := e.Encode(nil, text, c.allowed, c.disallowed)
		var special *SpecialError
		if c.refused != "" {
			if !errors.As(err, &special) || special.Token != c.refused {
				t.Errorf("%s: error %v, want one that names %s", c.name, err, c.refused)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	if id, ok := e.Token(EndOfPrompt); !ok || id != 100276 {
		t.Errorf("Token(%s) = %d, %v", EndOfPrompt, id, ok)
	}
}

func TestDecode(t *testing.T) {
	e := get(t, "cl100k_base")
	if got, err := e.Decode(nil, []Token{16047, 38, 2898, 374, 2294, 0, 100257}); err != nil || string(got) != "ChatGPT is great!<|endoftext|>" {
		t.Errorf("decoded %q, %v", got, err)
	}
	for _, id := range []Token{-1, 100256, 100261, 100277, 1 << 30, -1 << 31} {
		var unknown *UnknownTokenError
		if _, err := e.Decode(nil, []Token{64, id}); !errors.As(err, &unknown) || unknown.Index != 1 || unknown.ID != id {
			t.Errorf("decoding %d: %v", id, err)
		}
	}
	if _, err := get(t, "p50k_base").Decode(nil, []Token{50256}); err != nil {
		t.Errorf("the special token inside of the vocabulary: %v", err)
	}
}

func TestUnknownEncodingNamesTheKnown(t *testing.T) {
	if _, err := Get("cl200k"); err == nil || !strings.Contains(err.Error(), "cl100k_base, gpt2, o200k_base") {
		t.Errorf("error %v", err)
	}
}

// TestClassesContainGos holds the table against Go's own, which is of an older Unicode version: what was
// assigned then has the same class now, apart from the few code points whose category was changed since.
func TestClassesContainGos(t *testing.T) {
	table := classes()
	differ := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := uint8(0)
		switch {
		case r >= 0xd800 && r < 0xe000 || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.White_Space):
			continue
		case r == '\r' || r == '\n':
			want = 1 << newline
		case unicode.Is(unicode.White_Space, r):
			want = 1 << space
		case unicode.Is(unicode.M, r):
			want = 1 << mark
		case unicode.Is(unicode.N, r):
			want = 1 << number
		case unicode.In(r, unicode.Lu, unicode.Lt):
			want = 1 << upper
		case unicode.Is(unicode.Ll, r):
			want = 1 << lower
		default:
			want = 1 << letter
		}
		if table.of(r) != want {
			differ++
		}
		if r < 128 && ascii[r] != table.of(r) {
			t.Errorf("%U: the ASCII table has %b, the other %b", r, ascii[r], table.of(r))
		}
	}
	if differ > 20 {
		t.Errorf("%d code points have another class than in Go's tables", differ)
	}
}

// TestClassesArePinned notices any change of the table: new classes mean other tokens.
func TestClassesArePinned(t *testing.T) {
	sum := fnv.New64a()
	sum.Write([]byte(classRuns))
	if got := sum.Sum64(); got != 0x83aa3ed4141d88a6 {
		t.Errorf("the classes changed: FNV %#x", got)
	}
}

// TestMergeWaysAgree compares two ways on the same texts: the search through all pairs, which begins with
// whole characters where it may, and the heap, which begins with bytes.
func TestMergeWaysAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range Names() {
		e, w := get(t, name), new(scratch)
		var whole []string // the characters that are tokens, the ones in question
		for char, id := range e.t.runes {
			if id != none {
				whole = append(whole, string(rune(char)))
			}
		}
		for range 20000 {
			var text string
			for range 1 + r.IntN(12) {
				switch r.IntN(4) {
				case 0:
					text += whole[r.IntN(len(whole))]
				case 1:
					text += "aab e\n'"[r.IntN(7):][:1]
				case 2:
					text += string(rune(0xac00 + r.IntN(11172)))
				default:
					text += string(rune(1 + r.IntN(0xd7ff)))
				}
			}
			text = text[:min(len(text), scanLimit)]
			if !utf8.ValidString(text) {
				continue
			}
			short, long := e.t.merge(nil, text, w), e.t.mergeLong(nil, text)
			if !slices.Equal(short, long) {
				t.Fatalf("%s: %q: %v by searching, %v by the heap", name, text, short, long)
			}
		}
	}
}

// TestShortCutsAgreeWithScanners holds the fast ways to find a word against the scanners, where they decide.
func TestShortCutsAgreeWithScanners(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	parts := []string{" ", " ", "가", "힣", "각", "\uabff", "\ud7a4", "ㄱ", "\u0301", "a", "Zb", "'s", "'", ".", ",", "\n", "1", "é", "漢", "𐐀", "\u00a0"}
	for _, name := range Names() {
		e := get(t, name)
		hangul, ascii := 0, 0
		for range 20000 {
			text := ""
			for range 2 + r.IntN(10) {
				switch r.IntN(3) {
				case 0:
					text += string(rune(firstSyllable + r.IntN(syllables)))
				case 1:
					text += string(rune('a' + r.IntN(26)))
				default:
					text += parts[r.IntN(len(parts))]
				}
			}
			text += "                " // as many bytes as the fast ways want
			want := e.next(e.cls, text, 0)
			if end := e.hangulWord(text, 0); end > 0 {
				if hangul++; end != want {
					t.Fatalf("%s: %q: a word of Hangul ends at %d, not %d", name, text, end, want)
				}
			}
			if n := e.asciiWord(text, 0, load8(text, 0)); n > 0 {
				if ascii++; n != want {
					t.Fatalf("%s: %q: a word of ASCII ends at %d, not %d", name, text, n, want)
				}
			}
		}
		if hangul < 1000 || ascii < 1000 {
			t.Errorf("%s: only %d words of Hangul and %d of ASCII were found", name, hangul, ascii)
		}
	}
}

// TestRememberedWords encodes words that are new, come again, and drive each other out, into slices with and
// without room.
func TestRememberedWords(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, name := range []string{"r50k_base", "cl100k_base", "o200k_base"} {
		e := get(t, name)
		for range 60000 {
			word := " "
			for range 1 + r.IntN(8) {
				word += string(rune(firstSyllable + r.IntN(40)))
			}
			want := e.t.mergeLong(nil, word)
			for _, dst := range [][]Token{nil, make([]Token, 3, 40)} {
				if got := e.EncodeOrdinary(dst, word)[len(dst):]; !slices.Equal(got, want) {
					t.Fatalf("%s: %q gives %v, want %v", name, word, got, want)
				}
			}
		}
	}
}

// TestLongPieces: texts of one piece take time that grows about as their length does. The bound only
// tells that from the square, which would be hours.
func TestLongPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	random := make([]byte, 1<<20)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	for _, name := range []string{"r50k_base", "cl100k_base", "o200k_base"} {
		e := get(t, name)
		for kind, text := range map[string]string{
			"letters": strings.Repeat("a", 1<<20), "capitals": strings.Repeat("A", 1<<20), "spaces": strings.Repeat(" ", 1<<20),
			"newlines": strings.Repeat("\n", 1<<20), "newline and spaces": "\n" + strings.Repeat(" ", 1<<20) + "x",
			"marks": strings.Repeat("\u0301", 1<<19), "caseless before capitals": strings.Repeat("가A", 1<<18),
			"random bytes": string(random), "apostrophes": strings.Repeat("'", 1<<20), "broken in the end": strings.Repeat("a b ", 1<<18) + "\xff",
			"unfinished special tokens": strings.Repeat("<|", 1<<19),
		} {
			start := time.Now()
			got, err := e.Encode(nil, text, All, Special{})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("%s: a megabyte of %s took %v", name, kind, took)
			}
			if back, err := e.Decode(nil, got); err != nil || string(back) != text {
				t.Errorf("%s: %s do not come back: %v", name, kind, err)
			}
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", "ChatGPT is great!", "안녕하세요", "a\xffb", "<|endoftext|>", " \n\t ", "I'Ve 1234 x\u0301", "\xf0\x9f\x98"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range Names() {
			e := get(t, name)
			for _, allowed := range []Special{{}, All} {
				ids, err := e.Encode(nil, text, allowed, Special{})
				if err != nil {
					t.Fatal(err)
				}
				back, err := e.Decode(nil, ids)
				if err != nil || string(back) != text {
					t.Fatalf("%s: %q gives %v, which is %q, %v", name, text, ids, back, err)
				}
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ids []Token
		for i := 0; i+4 <= len(raw); i += 4 {
			ids = append(ids, Token(uint32(raw[i])|uint32(raw[i+1])<<8|uint32(raw[i+2])<<16|uint32(raw[i+3])<<24))
		}
		for _, name := range Names() {
			e := get(t, name)
			text, err := e.Decode(nil, ids)
			var unknown *UnknownTokenError
			if err != nil && !errors.As(err, &unknown) {
				t.Fatalf("%s: %v: %v", name, ids, err)
			}
			if err == nil && len(text) < len(ids) {
				t.Fatalf("%s: %d ids are only %d bytes", name, len(ids), len(text))
			}
		}
	})
}
