package documents

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	maxColumns = 1024    // of a sheet; more are left out, with a note
	maxCell    = 32_768  // bytes of a cell, Excel's own limit in characters
	maxRows    = 500_000 // of a sheet
)

// readXlsx reads the sheets of a workbook: a heading for each, then its rows as tables. Formulas give the value
// that was there when the file was saved.
func readXlsx(ctx context.Context, f file, b *builder) error {
	a, err := openArchive(f)
	if err != nil {
		return err
	}
	if b.doc.Title, err = coreTitle(a); err != nil {
		return err
	}
	const main = "xl/workbook.xml"
	raw, err := a.part(main)
	if err != nil {
		return err
	}
	relations, err := a.relations(main)
	if err != nil {
		return err
	}
	book := &workbook{}
	type sheet struct{ name, part string }
	var sheets []sheet
	by := targets(relations)
	if err := walk(raw, walker{start: func(name string, at attrs) {
		switch name {
		case "workbookPr":
			book.from1904 = at.get("date1904") == "1" || at.get("date1904") == "true"
		case "sheet":
			if target, ok := referred(by, at); ok && len(sheets) < maxParts {
				sheets = append(sheets, sheet{at.get("name"), target})
			}
		}
	}}); err != nil {
		return err
	}
	for _, r := range relations {
		if r.kind == "sharedStrings" {
			err = book.readStrings(a, r.target)
		} else if r.kind == "styles" {
			err = book.readStyles(a, r.target)
		}
		if err != nil {
			return err
		}
	}
	for _, s := range sheets {
		before := len(b.doc.Blocks)
		b.add(Block{Kind: Heading, Level: 1, Text: s.name})
		if err := book.readSheet(a, s.part, s.name, b); err != nil {
			return err
		}
		if err := cmp.Or(b.err, ctx.Err()); err != nil {
			return err
		}
		if len(b.doc.Blocks) == before+1 {
			b.doc.Blocks = b.doc.Blocks[:before] // an empty sheet says nothing by its name
		}
	}
	return b.err
}

type workbook struct {
	strings  []string
	dates    []bool // of a cell's style: whether it shows a date
	from1904 bool
}

// readStrings reads the texts that cells share. Those of phonetic guides are left out.
func (k *workbook) readStrings(a *archive, part string) error {
	raw, err := a.part(part)
	if err != nil {
		return err
	}
	var s strings.Builder
	in, guide := false, false
	return walk(raw, walker{
		start: func(name string, _ attrs) {
			switch name {
			case "si":
				s.Reset()
			case "rPh":
				guide = true
			case "t":
				in = !guide
			}
		},
		text: func(t string) {
			if in && s.Len() < maxCell {
				s.WriteString(t)
			}
		},
		end: func(name string) {
			switch name {
			case "t":
				in = false
			case "rPh":
				guide = false
			case "si":
				k.strings = append(k.strings, s.String())
			}
		},
	})
}

// readStyles finds which styles show dates.
func (k *workbook) readStyles(a *archive, part string) error {
	raw, err := a.part(part)
	if err != nil {
		return err
	}
	custom := map[string]bool{}
	in := false
	return walk(raw, walker{
		start: func(name string, at attrs) {
			switch name {
			case "numFmt":
				custom[at.get("numFmtId")] = dateFormat(at.get("formatCode"))
			case "cellXfs":
				in = true
			case "xf":
				if in {
					id, _ := strconv.Atoi(at.get("numFmtId"))
					k.dates = append(k.dates, id >= 14 && id <= 17 || id == 22 || custom[at.get("numFmtId")])
				}
			}
		},
		end: func(name string) { in = in && name != "cellXfs" },
	})
}

// dateFormat says whether a format shows a day: y or d outside of quotes and brackets.
func dateFormat(code string) bool {
	quoted, bracket := false, false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			bracket = true
		case c == ']':
			bracket = false
		case bracket:
		case c == 'y' || c == 'Y' || c == 'd' || c == 'D':
			return true
		}
	}
	return false
}

func (k *workbook) readSheet(a *archive, part, name string, b *builder) error {
	raw, err := a.part(part)
	if err != nil {
		return err
	}
	var (
		row          []string
		value        strings.Builder
		kind         string
		column, date = 0, false
		in           bool
		rows         int
		left         bool // columns or rows were left out
	)
	t := tableWriter{b: b}
	err = walk(raw, walker{
		start: func(name string, at attrs) {
			switch name {
			case "row":
				row = row[:0]
				column = -1
			case "c":
				kind = at.get("t")
				column++
				if at := columnOf(at.get("r")); at >= 0 {
					column = at
				}
				style, err := strconv.Atoi(at.get("s"))
				date = err == nil && style >= 0 && style < len(k.dates) && k.dates[style]
				value.Reset()
			case "v", "t":
				in = true
			}
		},
		text: func(s string) {
			if in && value.Len() < maxCell {
				value.WriteString(s[:min(len(s), maxCell)])
			}
		},
		end: func(name string) {
			switch name {
			case "v", "t":
				in = false
			case "c":
				s := k.cell(kind, value.String(), date)
				if s == "" {
					return
				}
				if column < 0 || column >= maxColumns {
					left = true
					return
				}
				for len(row) <= column {
					row = append(row, "")
				}
				row[column] = s
			case "row":
				if rows++; rows > maxRows {
					left = true
				} else if b.err == nil {
					t.row(row)
				}
			}
		},
	})
	t.end()
	if left {
		b.note("Sheet %q was read up to %d columns and %d rows.", name, maxColumns, maxRows)
	}
	return err
}

// columnOf is the number of the column of "AB12", from 0; -1 for what is no reference.
func columnOf(ref string) int {
	n := 0
	for i := range len(ref) {
		c := ref[i]
		if c < 'A' || c > 'Z' {
			break
		}
		if n = n*26 + int(c-'A') + 1; n > 1<<20 {
			return 1 << 20
		}
	}
	return n - 1
}

// cell is what a cell shows.
func (k *workbook) cell(kind, v string, date bool) string {
	switch kind {
	case "s":
		if i, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && i >= 0 && i < len(k.strings) {
			return k.strings[i]
		}
		return ""
	case "b":
		if v == "1" {
			return "TRUE"
		}
		return "FALSE"
	case "", "n":
		n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil || !date || n < 0 || n > 2958466 {
			return v
		}
		return k.date(n)
	}
	return v
}

// date is the day that a number of days since the workbook's beginning is. Excel's 1900 has a 29 February.
func (k *workbook) date(days float64) string {
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if k.from1904 {
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	whole, part := math.Modf(days)
	t := start.AddDate(0, 0, int(whole)).Add(time.Duration(part*86400+0.5) * time.Second)
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format("2006-01-02")
	}
	return t.Format("2006-01-02 15:04:05")
}
