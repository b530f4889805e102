package documents

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

var metaCharset = regexp.MustCompile(`(?i)<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-z0-9_:-]{2,40})`)

// readHTML reads the text of a page, without what a browser does not show.
func readHTML(_ context.Context, f file, b *builder) error {
	raw, err := f.all()
	if err != nil {
		return err
	}
	label := ""
	if m := metaCharset.FindSubmatch(raw[:min(len(raw), 4096)]); m != nil {
		label = string(m[1])
	}
	text, ok := decode(raw, label)
	if !ok {
		return invalid("The page is in no encoding known here. Save it as UTF-8.")
	}
	return hypertext(text, b)
}

// hidden are elements whose text is not of the page.
var hidden = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Svg: true, atom.Iframe: true, atom.Object: true, atom.Select: true, atom.Nav: true,
}

// breaking are elements that begin and end a paragraph.
var breaking = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Main: true, atom.Header: true, atom.Footer: true, atom.Aside: true, atom.Body: true,
	atom.Blockquote: true, atom.Figure: true, atom.Figcaption: true, atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Address: true, atom.Form: true,
	atom.Fieldset: true, atom.Hr: true, atom.Details: true, atom.Summary: true, atom.Caption: true, atom.Center: true, atom.Html: true, atom.Head: true,
}

// page reads tokens, not a tree: it takes the same little memory and time however elements are nested.
type page struct {
	b       *builder
	text    strings.Builder // of the paragraph, heading, item, cell or code that is open
	skip    atom.Atom       // the hidden element we are in
	skipped int             // how many of the same name are open inside of it
	heading int
	pre     bool
	title   bool
	lists   []string // the mark of each open list's items: "- ", "1. "
	items   []string
	table   *tableWriter // of the outermost open table
	tables  int          // how many are open
	cells   []string
	inCell  bool
}

func hypertext(text string, b *builder) error {
	p := &page{b: b}
	z := html.NewTokenizer(strings.NewReader(text))
	z.SetMaxBuf(maxPart)
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) {
				return err
			}
			p.endRow()
			if p.table != nil {
				p.table.end()
			}
			p.end()
			p.endList()
			return b.err
		case html.TextToken:
			if p.skip == 0 {
				p.write(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			p.start(atom.Lookup(name))
		case html.EndTagToken:
			name, _ := z.TagName()
			p.stop(atom.Lookup(name))
		}
		if b.err != nil {
			return b.err
		}
	}
}

func (p *page) write(s string) {
	if p.pre {
		p.text.WriteString(s)
		return
	}
	if p.text.Len() > 0 && s != "" && strings.TrimLeft(s, " \t\r\n\f") != s {
		p.text.WriteByte(' ')
	}
	p.text.WriteString(strings.Join(strings.Fields(s), " "))
	if strings.TrimRight(s, " \t\r\n\f") != s {
		p.text.WriteByte(' ')
	}
}

// take returns the open text and begins anew.
func (p *page) take() string {
	s := p.text.String()
	p.text.Reset()
	if p.pre {
		return s
	}
	return strings.ReplaceAll(strings.TrimSpace(s), "  ", " ")
}

// end adds what is open as what it is.
func (p *page) end() {
	switch {
	case p.title:
		return // until </title>
	case p.inCell || len(p.lists) > 0 && p.tables == 0:
		p.write(" ")
	case p.heading > 0:
		p.b.heading(p.heading, p.take())
	case p.pre:
		p.b.add(Block{Kind: Code, Text: strings.Trim(p.take(), "\n")})
	default:
		p.b.add(Block{Kind: Paragraph, Text: p.take()})
	}
}

func (p *page) start(a atom.Atom) {
	if p.skip != 0 {
		if a == p.skip {
			p.skipped++
		}
		return
	}
	switch {
	case hidden[a]:
		p.skip, p.skipped = a, 1
	case breaking[a]:
		p.end()
	case a == atom.Br:
		p.text.WriteByte('\n')
	default:
		p.startStructure(a)
	}
}

func (p *page) startStructure(a atom.Atom) {
	switch a {
	case atom.Title:
		p.title = true
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		p.end()
		if !p.inCell && len(p.lists) == 0 {
			p.heading = int(a.String()[1] - '0')
		}
	case atom.Pre:
		p.end()
		p.pre = !p.inCell && len(p.lists) == 0
	case atom.Ul, atom.Ol:
		if p.tables > 0 {
			return
		}
		p.endItem()
		mark := "- "
		if a == atom.Ol {
			mark = "1. "
		}
		if len(p.lists) < maxDepth {
			p.lists = append(p.lists, mark)
		}
	case atom.Li:
		if p.tables == 0 {
			p.endItem()
		}
	case atom.Table:
		if p.tables++; p.tables == 1 {
			p.endItem()
			p.end()
			p.table = &tableWriter{b: p.b}
		}
	case atom.Tr:
		if p.tables == 1 {
			p.endRow()
		}
	case atom.Td, atom.Th:
		if p.tables == 1 {
			p.endCell()
			p.inCell = true
		} else {
			p.write(" ")
		}
	}
}

func (p *page) stop(a atom.Atom) {
	if p.skip != 0 {
		if a == p.skip {
			if p.skipped--; p.skipped == 0 {
				p.skip = 0
			}
		}
		return
	}
	if breaking[a] {
		p.end()
		return
	}
	switch a {
	case atom.Title:
		if p.title {
			p.title = false
			p.b.doc.Title = strings.Join(strings.Fields(clean(p.take())), " ")
		}
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		p.end()
		p.heading = 0
	case atom.Pre:
		p.end()
		p.pre = false
	case atom.Li:
		p.endItem()
	case atom.Ul, atom.Ol:
		if p.tables > 0 || len(p.lists) == 0 {
			return
		}
		p.endItem()
		if p.lists = p.lists[:len(p.lists)-1]; len(p.lists) == 0 {
			p.endList()
		}
	case atom.Td, atom.Th:
		if p.tables == 1 {
			p.endCell()
		}
	case atom.Tr:
		if p.tables == 1 {
			p.endRow()
		}
	case atom.Table:
		if p.tables == 0 {
			return
		}
		if p.tables--; p.tables == 0 {
			p.endRow()
			p.table.end()
			p.table = nil
		}
	}
}

// endItem ends the list item that is open.
func (p *page) endItem() {
	if len(p.lists) == 0 || p.tables > 0 {
		return
	}
	if s := strings.Join(strings.Fields(p.take()), " "); s != "" {
		p.items = append(p.items, strings.Repeat("  ", min(len(p.lists)-1, 8))+p.lists[len(p.lists)-1]+s)
	}
}

func (p *page) endList() {
	if len(p.items) > 0 {
		p.b.add(Block{Kind: List, Text: strings.Join(p.items, "\n")})
		p.items = nil
	}
}

func (p *page) endCell() {
	if p.inCell {
		p.cells = append(p.cells, p.take())
		p.inCell = false
	}
}

func (p *page) endRow() {
	p.endCell()
	if p.table != nil && len(p.cells) > 0 {
		p.table.row(p.cells)
	}
	p.cells = nil
}
