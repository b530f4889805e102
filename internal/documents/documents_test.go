package documents_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"

	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/fault"
)

func read(t *testing.T, name, content string) documents.Document {
	t.Helper()
	d, err := documents.Read(context.Background(), name, strings.NewReader(content))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

// outline is a document as lines "kind level page text".
func outline(d documents.Document) string {
	var s strings.Builder
	for _, b := range d.Blocks {
		s.WriteString(string(b.Kind))
		if b.Level > 0 {
			s.WriteString(strings.Repeat("!", b.Level))
		}
		if b.Page > 0 {
			s.WriteString("@" + string(rune('0'+b.Page)))
		}
		if b.Lang != "" {
			s.WriteString("(" + b.Lang + ")")
		}
		s.WriteString(": " + strings.ReplaceAll(b.Text, "\n", "⏎") + "\n")
	}
	return s.String()
}

func want(t *testing.T, d documents.Document, format, lines string) {
	t.Helper()
	if d.Format != format {
		t.Errorf("format %q, want %q", d.Format, format)
	}
	if got := outline(d); got != strings.TrimLeft(lines, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, lines)
	}
}

func TestText(t *testing.T) {
	d := read(t, "notes.txt", "First line\r\nof one.\r\n\r\n\r\nSecond.\fOn page two.")
	want(t, d, "text", `
paragraph@1: First line⏎of one.
paragraph@1: Second.
paragraph@2: On page two.
`)
	if d.Pages != 2 {
		t.Errorf("%d pages", d.Pages)
	}
}

func TestMarkdown(t *testing.T) {
	d := read(t, "README.md", "# Title #\nSome *words*\nmore\n\nUnder\n-----\n\n- one\n- two\n  deep\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```go\nfunc x() {\n\n# not a heading\n}\n```\n###### six\n#nospace\n")
	want(t, d, "markdown", `
heading!: Title
paragraph: Some *words*⏎more
heading!!: Under
list: - one⏎- two⏎  deep
table: | a | b |⏎|---|---|⏎| 1 | 2 |
code(go): func x() {⏎⏎# not a heading⏎}
heading!!!!!!: six
paragraph: #nospace
`)
	if d.Title != "Title" {
		t.Errorf("title %q", d.Title)
	}
}

func TestHTML(t *testing.T) {
	d := read(t, "page.bin", `<!DOCTYPE html><html><head><title>A &amp; B</title><style>p{}</style></head><body><nav>menu</nav><h1>Head <b>line</b></h1>
<p>One   two<br>three.</p><script>var x = "<p>no</p>"</script>bare<div>in div</div>
<ul><li>a<li>b<ol><li>b1</ol></ul><table><tr><th>n<th>v</tr><tr><td>1<td>x | y<table><tr><td>in</table></tr></table><pre>  code
    more</pre></body></html>`)
	want(t, d, "html", `
heading!: Head line
paragraph: One two⏎three.
paragraph: bare
paragraph: in div
list: - a⏎- b⏎  1. b1
table: | n | v |⏎| --- | --- |⏎| 1 | x \| y in |
code:   code⏎    more
`)
	if d.Title != "A & B" {
		t.Errorf("title %q", d.Title)
	}
}

func TestCSV(t *testing.T) {
	want(t, read(t, "t.csv", "name;price\n\"Tea; green\";3\n;;\nx\n"), "csv", `
table: | name | price |⏎| --- | --- |⏎| Tea; green | 3 |⏎| x |
`)
	long := read(t, "long.csv", "id,text\n"+strings.Repeat("1,some text that goes on\n", 400))
	if len(long.Blocks) < 3 {
		t.Fatalf("a long table is in %d blocks", len(long.Blocks))
	}
	rows := 0
	for _, b := range long.Blocks {
		if !strings.HasPrefix(b.Text, "| id | text |\n| --- |") {
			t.Errorf("a block begins without the header: %.40q", b.Text)
		}
		rows += strings.Count(b.Text, "some text")
	}
	if rows != 400 {
		t.Errorf("%d rows of 400", rows)
	}
}

func TestJSON(t *testing.T) {
	want(t, read(t, "a.json", `{"b":[1,"x"]}`), "json", "code(json): {⏎  \"b\": [⏎    1,⏎    \"x\"⏎  ]⏎}\n")
	want(t, read(t, "a.jsonl", "{\"a\":1}\n\n{\"a\":2}\n"), "jsonl", "code(json): {\"a\":1}\ncode(json): {\"a\":2}\n")
	want(t, read(t, "broken.json", "{not json"), "json", "paragraph: {not json\n")
	want(t, read(t, "n.ipynb", `{"cells":[{"cell_type":"markdown","source":["# T\n","x"]},{"cell_type":"code","source":"1+1","outputs":[{"data":{"text/plain":["2"]}}]}],"metadata":{"language_info":{"name":"python"}}}`),
		"json", "heading!: T\nparagraph: x\ncode(python): 1+1\ncode: 2\n")
}

func TestCode(t *testing.T) {
	d := read(t, "main.go", "package main\n\nfunc main() {\n\n\tx := 1\n}\n")
	want(t, d, "code", "code(go): package main⏎⏎func main() {⏎⏎\tx := 1⏎}\n")
	if long := read(t, "l.py", strings.Repeat("def f():\n    return 1\n\n", 500)); len(long.Blocks) < 5 {
		t.Errorf("long code is in %d blocks", len(long.Blocks))
	}
}

func TestEncodings(t *testing.T) {
	const korean1, japanese1, french = "안녕하세요. 이것은 한국어 문서입니다.", "これは日本語の文書です。カタカナもあります。", "Où était le café à Noël ? Là-bas."
	bytes16 := func(s string, big, mark bool) string {
		var out []byte
		codes := utf16.Encode([]rune(s))
		if mark {
			codes = append([]uint16{0xFEFF}, codes...)
		}
		for _, c := range codes {
			if big {
				out = append(out, byte(c>>8), byte(c))
			} else {
				out = append(out, byte(c), byte(c>>8))
			}
		}
		return string(out)
	}
	must := func(s string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, c := range map[string]struct{ raw, want string }{
		"UTF-8 with a mark":        {"\xEF\xBB\xBF" + korean1, korean1},
		"EUC-KR":                   {must(korean.EUCKR.NewEncoder().String(korean1)), korean1},
		"CP949 beyond EUC-KR":      {must(korean.EUCKR.NewEncoder().String("똠방각하 펲시콜라 안녕하세요")), "똠방각하 펲시콜라 안녕하세요"},
		"Shift_JIS":                {must(japanese.ShiftJIS.NewEncoder().String(japanese1)), japanese1},
		"EUC-JP":                   {must(japanese.EUCJP.NewEncoder().String(japanese1)), japanese1},
		"Latin-1":                  {must(charmap.ISO8859_1.NewEncoder().String(french)), french},
		"Windows-1252":             {must(charmap.Windows1252.NewEncoder().String("“Quoted” – 5 €")), "“Quoted” – 5 €"},
		"UTF-16LE with a mark":     {bytes16(korean1, false, true), korean1},
		"UTF-16BE with a mark":     {bytes16(korean1, true, true), korean1},
		"UTF-16LE without":         {bytes16("plain words in wide bytes", false, false), "plain words in wide bytes"},
		"UTF-8 with broken bytes":  {korean1 + "\xff" + korean1, korean1 + "\uFFFD" + korean1},
		"control characters, NBSP": {"a\x00b"[:1] + "\x07b\u00a0c\u00add", "ab cd"},
	} {
		d, err := documents.Read(context.Background(), "x.txt", strings.NewReader(c.raw))
		if name == "control characters, NBSP" {
			c.raw = "long enough that one bell does not matter, and so on and on. " + c.raw
			c.want = "long enough that one bell does not matter, and so on and on. " + c.want
			d, err = documents.Read(context.Background(), "x.txt", strings.NewReader(c.raw))
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := d.Text(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	d := read(t, "k.html", `<html><head><meta charset="euc-kr"></head><body><p>`+must(korean.EUCKR.NewEncoder().String("가"))+`</p>`)
	want(t, d, "html", "paragraph: 가\n")
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ content, code, says string }{
		"empty.txt":  {"", documents.CodeInvalid, "empty"},
		"spaces.txt": {" \n\t\n", documents.CodeInvalid, "no text"},
		"prog":       {"\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 100), documents.CodeUnsupported, "a program"},
		"noise.txt":  {"\x01\x02\x03\x00\x05\x06\x07\x08\x00\x01\x02", documents.CodeUnsupported, "not known"},
		"song.mp3":   {"ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00", documents.CodeUnsupported, "sound"},
		"deep.json":  {strings.Repeat("[", 100000), documents.CodeInvalid, "deep"},
	} {
		_, err := documents.Read(context.Background(), name, strings.NewReader(c.content))
		f := fault.As(err)
		if f == nil || f.Code != c.code || !strings.Contains(f.Message, c.says) {
			t.Errorf("%s: %v, want %s with %q", name, err, c.code, c.says)
		}
	}
}

// TestJSONThatGrows: many small values deep inside one another would take hundreds of times their bytes when they are indented.
func TestJSONThatGrows(t *testing.T) {
	content := strings.Repeat("[", 250) + strings.Repeat("0,", 1_000_000) + "0" + strings.Repeat("]", 250)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, err := documents.Read(context.Background(), "a.json", strings.NewReader(content))
	runtime.ReadMemStats(&after)
	if err != nil || len(d.Text()) < len(content)/2 {
		t.Errorf("%d bytes of text, %v", len(d.Text()), err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 200<<20 {
		t.Errorf("%d MB for %d bytes", n>>20, len(content))
	}
}

// TestHostileTexts: inputs that make careless readers slow or deep end soon (the test's own limit), with text or an error.
func TestHostileTexts(t *testing.T) {
	for name, content := range map[string]string{
		"tags.html":   "<html>" + strings.Repeat("<div><ul><li><table><tr><td>x", 100000),
		"open.html":   "<html>" + strings.Repeat("<", 1000000),
		"attr.html":   "<html><p " + strings.Repeat("a=b ", 300000) + ">x",
		"marks.md":    strings.Repeat("*_`[", 300000),
		"bars.md":     strings.Repeat("|", 300000) + "\n" + strings.Repeat("|-", 300000),
		"fences.md":   strings.Repeat("```\n", 200000),
		"quotes.csv":  strings.Repeat(`"`, 1000000),
		"commas.csv":  strings.Repeat(",", 1000000) + "x\n",
		"oneline.py":  strings.Repeat("x", 5000000),
		"words.txt":   strings.Repeat("word ", 1000000),
		"strings.csv": "a,b\n" + strings.Repeat("\"x\n", 200000),
	} {
		_, err := documents.Read(context.Background(), name, strings.NewReader(content))
		if err != nil && fault.As(err) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var many strings.Builder
	for range 40 {
		many.WriteString(strings.Repeat("word ", 200000) + "\n\n")
	}
	if _, err := documents.Read(context.Background(), "big.txt", strings.NewReader(many.String())); fault.As(err) == nil || !strings.Contains(err.Error(), "split it") {
		t.Errorf("40 MB of text: %v", err)
	}
}
