package chunk

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

func cut(t testing.TB, o Options, blocks ...documents.Block) ([]Chunk, []Passage) {
	t.Helper()
	chunks, passages, err := Cut(blocks, o)
	if err != nil {
		t.Fatal(err)
	}
	return chunks, passages
}

func para(text string) documents.Block { return documents.Block{Kind: documents.Paragraph, Text: text} }

func head(level int, text string) documents.Block {
	return documents.Block{Kind: documents.Heading, Level: level, Text: text}
}

var standard = Options{Tokens: 800, Overlap: 400}

func TestShortDocumentIsOneChunk(t *testing.T) {
	chunks, _ := cut(t, standard, head(1, "Title"), para("First."), para("Second."))
	if len(chunks) != 1 || chunks[0].Text != "Title\n\nFirst.\n\nSecond." {
		t.Fatalf("%+v", chunks)
	}
	if chunks, _ := cut(t, standard, para(" \n "), para("")); len(chunks) != 0 {
		t.Errorf("%+v", chunks)
	}
}

func TestHeadingsAndPages(t *testing.T) {
	long := strings.Repeat("Some words of a sentence that goes on. ", 12)
	chunks, passages := cut(t, Options{Tokens: 150, Overlap: 0},
		head(1, "Book"), head(2, "One"), documents.Block{Kind: documents.Paragraph, Text: long, Page: 1}, head(2, "Two"), documents.Block{Kind: documents.Paragraph, Text: long, Page: 2})
	if len(chunks) != 2 {
		t.Fatalf("%d chunks: %+v", len(chunks), chunks)
	}
	if !strings.HasPrefix(chunks[0].Text, "Book\n\nOne\n\nSome") || !strings.HasPrefix(chunks[1].Text, "Two\n\nSome") || chunks[1].Heading != "Book" {
		t.Errorf("%q %q", chunks[0].Text[:30], chunks[1].Text[:30])
	}
	if last := passages[len(passages)-1]; last.Page != 2 {
		t.Errorf("%+v", last)
	}
	if chunks[1].Page != 2 {
		t.Errorf("page %d", chunks[1].Page)
	}
}

func TestTablesRepeatTheirFirstRow(t *testing.T) {
	var b strings.Builder
	b.WriteString("| Name | Price |\n|---|---|")
	for i := range 200 {
		fmt.Fprintf(&b, "\n| thing %d | %d.50 |", i, i)
	}
	chunks, _ := cut(t, Options{Tokens: 300, Overlap: 100}, documents.Block{Kind: documents.Table, Text: b.String()})
	if len(chunks) < 5 {
		t.Fatalf("%d chunks", len(chunks))
	}
	rows := map[string]bool{}
	for i, c := range chunks {
		if !strings.HasPrefix(c.Text, "| Name | Price |\n|---|---|\n|") || strings.Count(c.Text, "| Name |") != 1 {
			t.Errorf("chunk %d: %.80q", i, c.Text)
		}
		for line := range strings.SplitSeq(c.Text, "\n") {
			rows[line] = true
		}
	}
	for i := range 200 {
		if !rows[fmt.Sprintf("| thing %d | %d.50 |", i, i)] {
			t.Errorf("row %d is cut or missing", i)
		}
	}
}

func TestOverlap(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "This is sentence number %d of the text. ", i)
	}
	chunks, passages := cut(t, standard, para(b.String()))
	enc, err := bpe.Get("cl100k_base")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range chunks {
		if n := enc.Count(c.Text); n > 800 || n > c.Tokens+8 {
			t.Errorf("chunk %d has %d tokens, said %d", i, n, c.Tokens)
		}
		if i == 0 {
			continue
		}
		before := chunks[i-1]
		shared := 0
		for p := c.First; p <= before.Last; p++ {
			shared += passages[p].Tokens
		}
		if c.First <= before.First || c.Last <= before.Last || shared == 0 || shared > 400 || shared < 200 {
			t.Errorf("chunk %d shares %d tokens with the one before", i, shared)
		}
	}
}

// check holds what is true of every document.
func check(t *testing.T, text string, o Options, kind documents.Kind) {
	t.Helper()
	chunks, passages := cut(t, o, head(1, "H"), documents.Block{Kind: kind, Text: text}, para("End."))
	enc, err := bpe.Get("cl100k_base")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	next := 0
	for i, c := range chunks {
		if !utf8.ValidString(c.Text) || strings.ContainsRune(c.Text, 0) {
			t.Fatalf("chunk %d is no text: %q", i, c.Text)
		}
		// Passages are counted one by one: together they may be a few tokens more.
		if n := enc.Count(c.Text); n > o.Tokens+o.Tokens/50+8 {
			t.Fatalf("chunk %d has %d tokens, more than %d", i, n, o.Tokens)
		}
		if c.First > next || c.Last < c.First || i > 0 && c.First <= chunks[i-1].First {
			t.Fatalf("chunk %d: passages %d…%d after %d", i, c.First, c.Last, next)
		}
		next = c.Last + 1
	}
	if next != len(passages) {
		t.Fatalf("%d of %d passages are in chunks", next, len(passages))
	}
	for _, p := range passages {
		all.WriteString(p.Text)
	}
	// Every letter and digit is there, in its order.
	got, at := []rune(all.String()), 0
	for _, r := range strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "") {
		if r <= ' ' || r == 0x85 || r == 0xa0 || r > 0x2000 && r < 0x2070 || r == 0x3000 || r == 0x1680 || r == 0xfffd {
			continue
		}
		for at < len(got) && got[at] != r {
			at++
		}
		if at == len(got) {
			t.Fatalf("%q is missing", r)
		}
		at++
	}
}

func TestNothingIsLost(t *testing.T) {
	for name, text := range map[string]string{
		"one word":  strings.Repeat("a", 5000),
		"no blanks": strings.Repeat("서울은대한민국의수도이다", 300),
		"japanese":  strings.Repeat("これは文です。次の文です。", 200),
		"lines":     strings.Repeat("line\n", 900),
		"emoji":     strings.Repeat("👩‍👩‍👧‍👦", 400),
		"blanks":    strings.Repeat(" ", 20000) + "x" + strings.Repeat("\t", 9000) + "y",
		"mixed":     strings.Repeat("One. Two! Three? e.g. four… ", 200),
	} {
		t.Run(name, func(t *testing.T) {
			for _, o := range []Options{standard, {100, 0}, {100, 50}, {4096, 2048}} {
				check(t, text, o, documents.Paragraph)
				check(t, text, o, documents.Code)
			}
		})
	}
}

func FuzzCut(f *testing.F) {
	f.Add("One. Two.\nThree", 100, 50, false)
	f.Add("| a | b |\n|---|---|\n| 1 | 2 |", 100, 0, true)
	f.Fuzz(func(t *testing.T, text string, tokens, overlap int, table bool) {
		tokens = 100 + max(tokens, -tokens, 0)%400
		overlap = max(overlap, -overlap, 0) % (tokens / 2)
		if len(text) > 20_000 {
			return
		}
		kind := documents.Paragraph
		if table {
			kind = documents.Table
		}
		if _, _, err := Cut([]documents.Block{{Kind: kind, Text: text}}, Options{tokens, overlap}); err != nil {
			t.Fatal(err)
		}
		if !table {
			check(t, text, Options{tokens, overlap}, kind)
		}
	})
}

func BenchmarkCut(b *testing.B) {
	var blocks []documents.Block
	size := 0
	for i := range 2000 {
		text := fmt.Sprintf("Paragraph %d. ", i) + strings.Repeat("It has several sentences of some length. ", 12)
		size += len(text)
		blocks = append(blocks, para(text))
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, _, err := Cut(blocks, standard); err != nil {
			b.Fatal(err)
		}
	}
}
