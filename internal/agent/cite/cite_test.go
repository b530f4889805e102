package cite

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/agent"
)

var sources = []Source{
	{Text: "【4:0†a.txt】", File: "file-a", Name: "a.txt"},
	{Text: "【4:1†b.txt】", File: "file-b", Name: "b.txt"},
	{Text: "sandbox:/mnt/data/x.csv", File: "file-x", Path: true},
	{Text: "sandbox:/mnt/data/x.csv.gz", File: "file-z", Path: true},
}

// TestFindInPieces: however the words come, the same things are found at the same places.
func TestFindInPieces(t *testing.T) {
	words := "한국 is nice【4:1†b.txt】, see [x](sandbox:/mnt/data/x.csv.gz) and 【4:9†c.txt】【4:0†a.txt】"
	want, upto := Find(words, 0, sources, true)
	if len(want) != 3 || want[0].File != "file-b" || want[1].File != "file-z" || want[2].File != "file-a" || upto != len(words) {
		t.Fatalf("%+v %d", want, upto)
	}
	runes := []rune(words)
	for _, f := range want {
		if got := string(runes[f.Start:f.End]); got != f.Text || words[f.At:f.At+len(f.Text)] != f.Text {
			t.Errorf("%q stands at %q", f.Text, got)
		}
	}
	for size := 1; size < len(words); size += 3 {
		var got []Found
		upto := 0
		for end := size; ; end = min(end+size, len(words)) {
			piece := strings.ToValidUTF8(words[:end], "")
			if len(piece) >= upto {
				found, next := Find(piece, upto, sources, end == len(words))
				got, upto = append(got, found...), next
			}
			if end == len(words) {
				break
			}
		}
		if len(got) != len(want) {
			t.Fatalf("in pieces of %d: %+v", size, got)
		}
		for i := range got {
			if got[i].At != want[i].At || got[i].End != want[i].End {
				t.Errorf("in pieces of %d: %+v, want %+v", size, got[i], want[i])
			}
		}
	}
}

// TestFindWrittenAgain: a path that a later program wrote again stands for what it has now.
func TestFindWrittenAgain(t *testing.T) {
	twice := Learn(nil, agent.Result{Files: []agent.File{{ID: "file-old", Path: "/mnt/data/x.csv"}, {ID: "file-y", Path: "/mnt/data/y.csv"}}})
	twice = Learn(twice, agent.Result{Files: []agent.File{{ID: "file-new", Path: "/mnt/data/x.csv"}, {ID: "file-y", Path: "/mnt/data/y.csv"}}})
	if len(twice) != 2 {
		t.Errorf("%+v", twice)
	}
	found, _ := Find("[x](sandbox:/mnt/data/x.csv)", 0, twice, true)
	if len(found) != 1 || found[0].File != "file-new" {
		t.Errorf("%+v", found)
	}
}

func TestLearn(t *testing.T) {
	got := Learn(nil, agent.Result{
		Hits:  []agent.Hit{{FileID: "file-a", Filename: "a.txt", Marker: "【0†a.txt】", Text: "words"}, {FileID: "file-b"}},
		Files: []agent.File{{ID: "file-c", Path: "/mnt/data/c.png"}},
	})
	if len(got) != 2 || got[0].Quote != "words" || got[1].Text != "sandbox:/mnt/data/c.png" || got[1].Name != "c.png" || !got[1].Path {
		t.Errorf("%+v", got)
	}
}

func TestFirstText(t *testing.T) {
	whole := `{"code": "print(\"a\\n\")\n# 한 😀"}`
	want := "print(\"a\\n\")\n# 한 😀"
	for _, arguments := range []string{whole, strings.NewReplacer("한", `\ud55c`, "😀", `\ud83d\ude00`).Replace(whole)} {
		for i := range len(arguments) + 1 {
			if got := FirstText(arguments[:i]); !strings.HasPrefix(want, got) {
				t.Fatalf("of %q: %q", arguments[:i], got)
			}
		}
		if got := FirstText(arguments); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzFirstText: what is shown of a program while it is written is never taken back.
func FuzzFirstText(f *testing.F) {
	f.Add(`{"code": "a\"b\u00e9\ud83d\ude00"}`)
	f.Add(`{"code": "\\`)
	f.Fuzz(func(t *testing.T, arguments string) {
		before := ""
		for i := range len(arguments) + 1 {
			got := FirstText(arguments[:i])
			if got != "" && !strings.HasPrefix(got, before) && !strings.Contains(got, "�") {
				t.Fatalf("%q, then %q", before, got)
			}
			before = got
		}
	})
}

// FuzzFirstTextWhole: what is shown of a call that a model is writing only grows, and ends as what the call says.
func FuzzFirstTextWhole(f *testing.F) {
	for _, s := range []string{"print(1)", "a\n\tb\"c\\", "é 한 🙂", "</script>\u2028", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, code string) {
		if !utf8.ValidString(code) {
			t.Skip()
		}
		plain, err := json.Marshal(map[string]string{"code": code})
		if err != nil {
			t.Fatal(err)
		}
		var escaped strings.Builder
		escaped.WriteString(`{"code" : "`)
		for _, r := range code {
			if r > 0xffff {
				r -= 0x10000
				fmt.Fprintf(&escaped, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else {
				fmt.Fprintf(&escaped, `\u%04x`, r)
			}
		}
		escaped.WriteString(`"}`)
		for _, arguments := range []string{string(plain), escaped.String()} {
			before := ""
			for i := range len(arguments) + 1 {
				now := FirstText(arguments[:i])
				if !strings.HasPrefix(now, before) {
					t.Fatalf("%q, and before that %q", now, before)
				}
				before = now
			}
			if before != code {
				t.Errorf("%q ends as %q", code, before)
			}
		}
	})
}
