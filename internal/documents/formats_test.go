package documents_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/fault"
)

// The files of testdata were made by python-docx, openpyxl, python-pptx, ebooklib and Python's email.

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Formats are found by the content: each file has a name that says something else.

func TestDocx(t *testing.T) {
	d := read(t, "report.txt", string(file(t, "report.docx")))
	want(t, d, "docx", `
heading!@1: Harbour report
heading!@1: Ships
paragraph@1: Seven ships came in May.
list@1: - tea⏎- coffee
table@1: | ship | tons |⏎| --- | --- |⏎| Aurora | 1200 |
paragraph@1: Before the break.
heading!!@2: 한국어 제목
paragraph@2: On page two.
`)
	if d.Title != "Harbour report" || d.Pages != 2 {
		t.Errorf("title %q, %d pages", d.Title, d.Pages)
	}
}

func TestDocxMarkup(t *testing.T) {
	d := read(t, "x", string(zipped(map[string]string{"word/document.xml": `<w:document><w:body>
<w:p><w:r><w:t>kept </w:t></w:r><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del><w:ins><w:r><w:t>inserted</w:t><w:tab/><w:t>tab</w:t></w:r></w:ins></w:p>
<w:p><w:r><w:instrText>HYPERLINK "x"</w:instrText><w:t>a &amp; b &lt;</w:t></w:r></w:p>
<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice><mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>
<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr><w:r><w:t>by outline</w:t></w:r></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>in</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl>
</w:body></w:document>`, "word/footnotes.xml": `<w:footnotes><w:footnote><w:p><w:r><w:t>a note</w:t></w:r></w:p></w:footnote></w:footnotes>`})))
	want(t, d, "docx", `
paragraph: kept inserted	tab
paragraph: a & b <
paragraph: box
heading!!: by outline
table: | x in |  |⏎| --- | --- |
paragraph: a note
`)
}

func TestXlsx(t *testing.T) {
	want(t, read(t, "book.csv", string(file(t, "book.xlsx"))), "xlsx", `
heading!: Prices
table: | item | price | since | sold |⏎| --- | --- | --- | --- |⏎| tea | 3.5 | 2023-11-06 | TRUE |⏎| 차, "green" | 4 | 2024-01-31 13:30:00 | FALSE |⏎| sum |
heading!: Second
table: |  |  | far \| away |⏎| --- | --- | --- |
`)
}

func TestPptx(t *testing.T) {
	d := read(t, "", string(file(t, "slides.pptx")))
	want(t, d, "pptx", `
heading!!@1: Plan
list@1: - first⏎- second
paragraph@1: Notes: Speak slowly.
heading!!@2: Figures
table@2: | year | tons |⏎| --- | --- |⏎| 2023 | 9 |
`)
	if d.Pages != 2 {
		t.Errorf("%d slides", d.Pages)
	}
}

func TestEpub(t *testing.T) {
	d := read(t, "b.zip", string(file(t, "book.epub")))
	want(t, d, "epub", "heading!: One\nparagraph: It begins.\nheading!: Two\nparagraph: It ends.\n")
	if d.Title != "A small book" {
		t.Errorf("title %q", d.Title)
	}
}

func TestEmail(t *testing.T) {
	d := read(t, "mail.txt", string(file(t, "mail.eml")))
	want(t, d, "email", `
heading!: 회의 notes
paragraph: From: Käthe <k@example.com>⏎To: b@example.com⏎Date: Mon, 06 Nov 2023 10:00:00 +0000
paragraph: Dear all,
paragraph: see the table – it is attached.
heading!!!: Attachment: table.csv
table: | a | b |⏎| --- | --- |⏎| 1 | 2 |
`)
	if len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "a program") {
		t.Errorf("notes %q", d.Notes)
	}
	var deep strings.Builder
	for range 50 {
		deep.WriteString("From: a@example.com\nSubject: s\nContent-Type: message/rfc822\n\n")
	}
	if d := read(t, "deep.eml", deep.String()); len(d.Notes) != 1 {
		t.Errorf("notes of fifty mails in one another: %q", d.Notes)
	}
}

// zipped makes an archive.
func zipped(parts map[string]string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range parts {
		p, err := w.Create(name)
		if err == nil {
			_, err = p.Write([]byte(content))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func refused(t *testing.T, name string, content []byte, code, says string) {
	t.Helper()
	d, err := documents.Read(context.Background(), name, bytes.NewReader(content))
	f := fault.As(err)
	if f == nil || f.Code != code || !strings.Contains(f.Message, says) {
		t.Errorf("%s: %v (%d blocks), want %s with %q", name, err, len(d.Blocks), code, says)
	}
}

func TestArchivesThatAreRefused(t *testing.T) {
	bomb := strings.Repeat("\x00", 200<<20)
	many := map[string]string{}
	for i := range 21_000 {
		many["p"+itoa(i)] = ""
	}
	docx := file(t, "report.docx")
	for _, c := range []struct {
		name    string
		content []byte
		code    string
		says    string
	}{
		{"a bomb", zipped(map[string]string{"word/document.xml": bomb}), documents.CodeInvalid, "larger than"},
		{"many parts", zipped(many), documents.CodeInvalid, "parts"},
		{"torn.docx", docx[:len(docx)/2], documents.CodeInvalid, "not whole"},
		{"torn in the middle", append(bytes.Clone(docx[:2000]), docx[2600:]...), documents.CodeInvalid, "not"},
		{"any.zip", zipped(map[string]string{"a.txt": "x"}), documents.CodeUnsupported, "unpack it"},
		{"a.odt", zipped(map[string]string{"content.xml": "<x/>"}), documents.CodeUnsupported, "OpenDocument"},
		{"empty.docx", zipped(map[string]string{"word/document.xml": "<w:document/>"}), documents.CodeInvalid, "no text"},
		{"half.docx", zipped(map[string]string{"word/document.xml": "<w:document><w:p>"}), documents.CodeInvalid, "not a whole"},
		{"deep.docx", zipped(map[string]string{"word/document.xml": strings.Repeat("<w:tbl>", 100000)}), documents.CodeInvalid, "deep"},
		{"entities.docx", zipped(map[string]string{"word/document.xml": `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><w:document><w:p><w:r><w:t></w:t></w:r></w:p></w:document>`}), documents.CodeInvalid, "no text"},
		{"protected.epub", zipped(map[string]string{"META-INF/container.xml": "<a/>", "META-INF/rights.xml": "x"}), documents.CodeInvalid, "protected"},
		{"locked.docx", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1....E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"), documents.CodeInvalid, "encrypted"},
		{"old.doc", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1............"), documents.CodeUnsupported, "before 2007"},
		{"a.rtf", []byte(`{\rtf1 x}`), documents.CodeUnsupported, "RTF"},
	} {
		refused(t, c.name, c.content, c.code, c.says)
	}
}

func itoa(i int) string {
	s := ""
	for ; i > 0; i /= 10 {
		s = string(rune('0'+i%10)) + s
	}
	return s
}

func TestSheetsWithHugeReferences(t *testing.T) {
	d := read(t, "x", string(zipped(map[string]string{
		"xl/workbook.xml":            `<workbook><sheets><sheet name="s" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/s.xml"/></Relationships>`,
		"xl/worksheets/s.xml":        `<worksheet><row><c r="A1" t="inlineStr"><is><t>first</t></is></c><c r="ZZZZZZZZZZZZ1"><v>5</v></c><c r="XFD1"><v>6</v></c></row></worksheet>`,
	})))
	want(t, d, "xlsx", "heading!: s\ntable: | first |⏎| --- |\n")
	if len(d.Notes) != 1 {
		t.Errorf("notes %q", d.Notes)
	}
}

// TestReferencesToManyRelations: an id stands for one part, however often it is given; else a file of some kilobytes would take gigabytes.
func TestReferencesToManyRelations(t *testing.T) {
	const many = 2000
	d := read(t, "x", string(zipped(map[string]string{
		"ppt/presentation.xml":            "<p>" + strings.Repeat(`<p:sldId r:id="r1"/>`, many) + "</p>",
		"ppt/_rels/presentation.xml.rels": "<r>" + strings.Repeat(`<Relationship Id="r1" Type="x/slide" Target="slides/s.xml"/>`, many) + "</r>",
		"ppt/slides/s.xml":                `<p:sld><p:sp><a:p><a:t>x</a:t></a:p></p:sp></p:sld>`,
	})))
	if d.Pages != many {
		t.Errorf("%d slides", d.Pages)
	}
	d = read(t, "x", string(zipped(map[string]string{
		"xl/workbook.xml":            "<w>" + strings.Repeat(`<sheet name="s" r:id="r1"/>`, many) + "</w>",
		"xl/_rels/workbook.xml.rels": "<r>" + strings.Repeat(`<Relationship Id="r1" Type="x/worksheet" Target="s.xml"/>`, many) + "</r>",
		"xl/s.xml":                   `<worksheet><row><c r="A1"><v>5</v></c></row></worksheet>`,
	})))
	if n := len(d.Blocks); n != 2*many {
		t.Errorf("%d blocks", n)
	}
}

// TestSheetsEndWithTheirReader: who asked has gone, or the text is too long: the other thousand sheets are not read.
func TestSheetsEndWithTheirReader(t *testing.T) {
	book := zipped(map[string]string{
		"xl/workbook.xml":            "<w>" + strings.Repeat(`<sheet name="s" r:id="r1"/>`, 1000) + "</w>",
		"xl/_rels/workbook.xml.rels": `<r><Relationship Id="r1" Type="x/worksheet" Target="s.xml"/></r>`,
		"xl/s.xml":                   `<worksheet><row><c r="A1"><v>5</v></c></row></worksheet>`,
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := documents.Read(ctx, "x", bytes.NewReader(book)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func FuzzOffice(f *testing.F) {
	for _, name := range []string{"report.docx", "book.xlsx", "slides.pptx", "book.epub", "mail.eml"} {
		f.Add(file(f, name))
	}
	f.Fuzz(func(t *testing.T, content []byte) { check(t, "x", content) })
}

// FuzzParts puts bytes where a reader of XML reads them: inside of an archive that is whole.
func FuzzParts(f *testing.F) {
	f.Add([]byte(`<w:document><w:p><w:pPr><w:pStyle w:val="1"/><w:numPr/></w:pPr><w:r><w:t>x</w:t><w:br w:type="page"/></w:r></w:p><w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl></w:document>`))
	f.Add([]byte(`<sst><si><t>x</t><rPh><t>y</t></rPh></si></sst><row><c r="B2" t="s" s="1"><v>0</v></c></row>`))
	f.Add([]byte(`<p:sp><p:nvPr><p:ph type="title"/></p:nvPr><a:p><a:t>x</a:t></a:p></p:sp><a:tbl><a:tr><a:tc><a:p><a:t>x</a:t></a:p></a:tc></a:tr></a:tbl>`))
	f.Add([]byte(`<package><title>t</title><item id="a" href="c%20.html"/><itemref idref="a"/></package>`))
	f.Fuzz(func(t *testing.T, part []byte) {
		p := string(part)
		rels := func(target string) string {
			return `<Relationships><Relationship Id="r1" Type="x/` + target + `" Target="s.xml"/><Relationship Id="r2" Type="x/sharedStrings" Target="s.xml"/><Relationship Id="r3" Type="x/styles" Target="s.xml"/></Relationships>`
		}
		for _, parts := range []map[string]string{
			{"word/document.xml": p, "word/styles.xml": p, "docProps/core.xml": p},
			{"xl/workbook.xml": `<sheets><sheet name="s" r:id="r1"/></sheets>`, "xl/_rels/workbook.xml.rels": rels("worksheet"), "xl/s.xml": p},
			{"xl/workbook.xml": p, "xl/_rels/workbook.xml.rels": p},
			{"ppt/presentation.xml": `<x><sldId r:id="r1"/></x>`, "ppt/_rels/presentation.xml.rels": rels("slide"), "ppt/s.xml": p},
			{"META-INF/container.xml": `<rootfile full-path="o/c.opf"/>`, "o/c.opf": p, "o/c .html": p},
		} {
			check(t, "x", zipped(parts))
		}
	})
}

func FuzzEmail(f *testing.F) {
	f.Add(file(f, "mail.eml"))
	f.Add([]byte("From: =?euc-kr?B?sKE=?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\nYQ==\n--b--"))
	f.Fuzz(func(t *testing.T, content []byte) { check(t, "x.eml", content) })
}
