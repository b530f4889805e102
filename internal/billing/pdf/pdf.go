// Package pdf writes invoices as PDF. What stands on them comes from package billing; here is how it looks.
//
// The text is set in Noto Sans KR (SIL Open Font License, OFL.txt), of which font.ttf.gz has Latin, Greek, Cyrillic, Hangul, Kana, punctuation and signs
// of currencies. A PDF carries those of its letters that it uses. What the font lacks is shown without its accents, or as □ (Chinese characters, Arabic, emoji).
//
// The same invoice always gives the same bytes.
package pdf

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

// Invoice is what stands on one, as it is to be read.
type Invoice struct {
	Number, Date, Month string
	Issued              time.Time
	Seller, Buyer       Party
	BuyerID             string
	Lines               []Line
	Subtotal            string
	Credit              string
	Total               string
	Note                string // of several lines
}

// Party is who sells or buys; its address has several lines.
type Party struct{ Name, Address string }

// Line is a row of the table.
type Line struct{ Model, Unit, Quantity, Price, Amount string }

//go:embed font.ttf.gz
var packed []byte

// typeface is the font, and which letters it has.
type typeface struct {
	data   []byte
	glyphs *sfnt.Font
	err    error
}

var face = sync.OnceValue(func() typeface {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return typeface{err: err}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return typeface{err: err}
	}
	glyphs, err := sfnt.Parse(data)
	return typeface{data, glyphs, err}
})

// shown replaces what the font lacks: a letter by the one without its accents, if the font has that, else by a box.
func (t typeface) shown(text string) string {
	var buf sfnt.Buffer
	has := func(r rune) bool {
		i, err := t.glyphs.GlyphIndex(&buf, r)
		return err == nil && i != 0 && r <= 0xFFFF
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		if has(r) {
			return r
		}
		if base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r))); base != r && has(base) {
			return base
		}
		return '□'
	}, strings.ToValidUTF8(text, "□"))
}

// Measures, in millimeters and points.
const (
	margin = 20.0
	width  = 210 - 2*margin
	bottom = 277.0
	family = "sans"
	small  = 8.0
	body   = 9.5
	large  = 12.0
	title  = 22.0
	row    = 5.2
)

// columns of the table, of which the first two are set to the left.
var columns = []struct {
	head string
	wide float64
}{{"Model", 58}, {"Unit", 30}, {"Quantity", 26}, {"Price per 1,000", 26}, {"Amount", 30}}

// writer is a document being written.
type writer struct {
	*fpdf.Fpdf
	face typeface
}

// Write returns the document.
func (in Invoice) Write() ([]byte, error) {
	t := face()
	if t.err != nil {
		return nil, fmt.Errorf("pdf: the font: %w", t.err)
	}
	w := writer{fpdf.New("P", "mm", "A4", ""), t}
	w.SetCatalogSort(true)
	w.SetCreationDate(in.Issued.UTC())
	w.SetModificationDate(in.Issued.UTC())
	w.SetTitle(t.shown("Invoice "+in.Number), true)
	w.SetAuthor(t.shown(in.Seller.Name), true)
	w.SetMargins(margin, margin, margin)
	w.SetAutoPageBreak(false, 0)
	w.AddUTF8FontFromBytes(family, "", t.data)
	w.SetFooterFunc(func() {
		w.SetY(285)
		w.gray(small)
		w.CellFormat(width, 4, fmt.Sprintf("%s · page %d", in.Number, w.PageNo()), "", 0, "R", false, 0, "")
	})
	w.AddPage()
	w.head(in)
	w.table(in.Lines)
	w.sums(in)
	var out bytes.Buffer
	if err := w.Output(&out); err != nil {
		return nil, fmt.Errorf("pdf: %w", err)
	}
	return out.Bytes(), nil
}

func (w writer) black(size float64) {
	w.SetFont(family, "", size)
	w.SetTextColor(20, 20, 20)
}

func (w writer) gray(size float64) {
	w.SetFont(family, "", size)
	w.SetTextColor(105, 105, 105)
}

// head writes who, to whom, and which one.
func (w writer) head(in Invoice) {
	w.black(title)
	w.CellFormat(width/2, 10, "Invoice", "", 1, "L", false, 0, "")
	w.Ln(2)
	for _, f := range [][2]string{{"Number", in.Number}, {"Date", in.Date}, {"Month", in.Month + " (UTC)"}} {
		w.gray(body)
		w.CellFormat(22, row, f[0], "", 0, "L", false, 0, "")
		w.black(body)
		w.CellFormat(width-22, row, w.face.shown(f[1]), "", 1, "L", false, 0, "")
	}
	w.Ln(6)
	top, end := w.GetY(), 0.0
	for i, p := range []struct {
		label string
		Party
		id string
	}{{"From", in.Seller, ""}, {"To", in.Buyer, in.BuyerID}} {
		left := margin + float64(i)*width/2
		w.SetXY(left, top)
		w.gray(small)
		w.CellFormat(width/2-4, row, p.label, "", 1, "L", false, 0, "")
		w.black(body)
		for _, text := range []string{p.Name, p.Address, p.id} {
			if text != "" {
				w.SetX(left)
				w.MultiCell(width/2-4, row, w.face.shown(strings.ReplaceAll(text, "\r", "")), "", "L", false)
			}
		}
		end = max(end, w.GetY())
	}
	w.SetXY(margin, end+8)
}

// table writes the lines, on as many pages as they take.
func (w writer) table(lines []Line) {
	w.tableHead()
	for _, l := range lines {
		w.black(body)
		model := w.SplitText(w.face.shown(l.Model), columns[0].wide-2)
		if len(model) == 0 {
			model = []string{""}
		}
		if w.GetY()+float64(len(model))*row > bottom {
			w.AddPage()
			w.tableHead()
			w.black(body)
		}
		for i, cell := range []string{model[0], l.Unit, l.Quantity, l.Price, l.Amount} {
			w.CellFormat(columns[i].wide, row, w.face.shown(cell), "", 0, align(i), false, 0, "")
		}
		w.Ln(row)
		for _, more := range model[1:] {
			w.CellFormat(columns[0].wide, row, more, "", 1, "L", false, 0, "")
		}
	}
	w.rule()
}

func (w writer) tableHead() {
	w.gray(small)
	for i, c := range columns {
		w.CellFormat(c.wide, row, c.head, "", 0, align(i), false, 0, "")
	}
	w.Ln(row)
	w.rule()
}

func (w writer) rule() {
	w.SetDrawColor(190, 190, 190)
	y := w.GetY() + 0.8
	w.Line(margin, y, margin+width, y)
	w.SetY(y + 1.2)
}

func align(column int) string {
	if column < 2 {
		return "L"
	}
	return "R"
}

// sums writes what it comes to, and the seller's note.
func (w writer) sums(in Invoice) {
	note := strings.Split(strings.ReplaceAll(in.Note, "\r", ""), "\n")
	if w.GetY()+3*row+float64(len(note)+2)*row > bottom {
		w.AddPage()
	}
	w.Ln(1.5)
	for i, f := range [][2]string{{"Subtotal", in.Subtotal}, {"Paid by credit", in.Credit}, {"Total (US dollars)", in.Total}} {
		size := body
		if i == 2 {
			size = large
		}
		w.gray(body)
		w.CellFormat(width-45, row+0.8, f[0], "", 0, "R", false, 0, "")
		w.black(size)
		w.CellFormat(45, row+0.8, f[1], "", 1, "R", false, 0, "")
	}
	if in.Note != "" {
		w.Ln(8)
		w.black(body)
		w.MultiCell(width, row, w.face.shown(strings.Join(note, "\n")), "", "L", false)
	}
}
