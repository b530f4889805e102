package documents

import (
	"bytes"
	"context"
	"strings"
)

// readDocx reads a document of Word: headings by their styles, lists, tables, notes, and pages where Word left
// their breaks in the file when it was last shown.
func readDocx(_ context.Context, f file, b *builder) error {
	a, err := openArchive(f)
	if err != nil {
		return err
	}
	looks, err := styles(a)
	if err != nil {
		return err
	}
	if b.doc.Title, err = coreTitle(a); err != nil {
		return err
	}
	for _, part := range []string{"word/document.xml", "word/footnotes.xml", "word/endnotes.xml"} {
		raw, err := a.part(part)
		if err != nil {
			return err
		}
		b.page = 0
		if part == "word/document.xml" && (bytes.Contains(raw, []byte("lastRenderedPageBreak")) || bytes.Contains(raw, []byte(`w:type="page"`))) {
			b.page, b.doc.Pages = 1, 1
		}
		d := &docx{b: b, styles: looks, page: b.page}
		if err := walk(raw, walker{start: d.start, end: d.end, text: d.chars}); err != nil {
			return err
		}
		d.endList()
		b.page = 0
	}
	return b.err
}

// coreTitle is the title that an office program keeps.
func coreTitle(a *archive) (string, error) {
	raw, err := a.part("docProps/core.xml")
	if err != nil {
		return "", err
	}
	var title strings.Builder
	in := false
	err = walk(raw, walker{
		start: func(name string, _ attrs) { in = name == "title" },
		end:   func(string) { in = false },
		text: func(s string) {
			if in {
				title.WriteString(s)
			}
		},
	})
	return strings.Join(strings.Fields(clean(title.String())), " "), err
}

// style is what a paragraph's style says of it.
type style struct {
	level  int // of a heading; 0: it is none
	listed bool
}

// styles reads them, by id. Ids are in the language of the program; names ("heading 1") are not.
func styles(a *archive) (map[string]style, error) {
	raw, err := a.part("word/styles.xml")
	if err != nil {
		return nil, err
	}
	out := map[string]style{}
	id := ""
	err = walk(raw, walker{start: func(name string, at attrs) {
		switch name {
		case "style":
			id = at.get("styleId")
		case "name":
			n := strings.ToLower(at.get("val"))
			if rest, ok := strings.CutPrefix(n, "heading "); ok && len(rest) == 1 && rest[0] >= '1' && rest[0] <= '9' {
				out[id] = style{level: min(6, int(rest[0]-'0'))}
			} else if n == "title" {
				out[id] = style{level: 1}
			}
		case "numPr":
			out[id] = style{level: out[id].level, listed: true}
		case "outlineLvl":
			if v := at.get("val"); out[id].level == 0 && len(v) == 1 && v[0] >= '0' && v[0] < '9' {
				out[id] = style{level: min(6, int(v[0]-'0')+1)}
			}
		}
	}})
	return out, err
}

// docx is the state of walking through a part.
type docx struct {
	b      *builder
	styles map[string]style
	page   int             // the open paragraph begins on
	text   strings.Builder // of the open paragraph
	inText bool
	skip   int // depth inside of an element that is left out
	level  int // of the open paragraph, when it is a heading
	listed bool
	items  []string
	tables int
	table  *tableWriter
	cells  []string
	cell   strings.Builder
}

// leftOut are elements that hold no text of the document: what was deleted, codes of fields, and the second
// form of what newer programs understand.
var leftOut = map[string]bool{"Fallback": true, "del": true, "instrText": true, "delText": true, "moveFrom": true}

func (d *docx) start(name string, at attrs) {
	if d.skip > 0 || leftOut[name] {
		d.skip++
		return
	}
	switch name {
	case "p":
		if d.tables == 0 {
			d.text.Reset()
			d.level, d.listed, d.page = 0, false, d.b.page
		}
	case "pStyle":
		look := d.styles[at.get("val")]
		d.level, d.listed = look.level, look.listed
	case "outlineLvl":
		if v := at.get("val"); d.level == 0 && len(v) == 1 && v[0] >= '0' && v[0] < '9' {
			d.level = min(6, int(v[0]-'0')+1)
		}
	case "numPr":
		d.listed = true
	case "t":
		d.inText = true
	case "tab":
		d.text.WriteByte('\t')
	case "br", "cr":
		if at.get("type") == "page" {
			d.pageBreak()
		} else {
			d.text.WriteByte('\n')
		}
	case "lastRenderedPageBreak":
		d.pageBreak()
	case "tbl":
		if d.tables++; d.tables == 1 {
			d.endList()
			d.table = &tableWriter{b: d.b}
		}
	}
}

// pageBreak counts. Word marks a break that it wrote itself once more where it showed it: those at one place are one.
func (d *docx) pageBreak() {
	if d.b.page == 0 {
		return
	}
	if d.text.Len() > 0 || len(d.b.doc.Blocks) > 0 && d.b.doc.Blocks[len(d.b.doc.Blocks)-1].Page == d.b.page {
		d.b.page++
		d.b.doc.Pages = d.b.page
	}
	if strings.TrimSpace(d.text.String()) == "" {
		d.page = d.b.page
	}
}

func (d *docx) end(name string) {
	if d.skip > 0 {
		d.skip--
		return
	}
	switch name {
	case "t":
		d.inText = false
	case "p":
		d.endParagraph()
	case "tc":
		if d.tables == 1 {
			d.cells = append(d.cells, d.cell.String())
			d.cell.Reset()
		}
	case "tr":
		if d.tables == 1 {
			d.table.row(d.cells)
			d.cells = nil
		}
	case "tbl":
		if d.tables--; d.tables == 0 {
			d.table.end()
			d.table = nil
		}
		d.tables = max(0, d.tables)
	}
}

func (d *docx) endParagraph() {
	text := d.text.String()
	d.text.Reset()
	switch {
	case d.tables > 0:
		d.cell.WriteString(text + " ")
	case d.level > 0:
		d.endList()
		d.b.headingOn(d.page, d.level, text)
	case d.listed:
		if s := strings.TrimSpace(text); s != "" {
			d.items = append(d.items, "- "+s)
		}
	default:
		d.endList()
		d.b.add(Block{Kind: Paragraph, Page: d.page, Text: text})
	}
}

func (d *docx) endList() {
	if len(d.items) > 0 {
		d.b.add(Block{Kind: List, Text: strings.Join(d.items, "\n")})
		d.items = nil
	}
}

func (d *docx) chars(s string) {
	if d.inText && d.skip == 0 {
		d.text.WriteString(s)
	}
}
