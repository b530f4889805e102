package documents

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// tableBytes is about how long a table's block gets: a longer table is told in several, each beginning
// with the header row, so that a cell can be understood wherever the table is cut.
const tableBytes = 2400

// readCSV reads separated values: the separator is the one that the first lines have most of.
func readCSV(_ context.Context, f file, b *builder) error {
	text, err := f.text("")
	if err != nil {
		return err
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separator(text)
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	r.ReuseRecord = true
	t := tableWriter{b: b}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if t.row(row); b.err != nil {
			return b.err
		}
	}
	t.end()
	return nil
}

// separator guesses between comma, semicolon, tab and bar.
func separator(text string) rune {
	head := text[:min(len(text), 4096)]
	best, most := ',', 0
	for _, c := range []rune{',', '\t', ';', '|'} {
		if n := strings.Count(head, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// tableWriter makes blocks of rows.
type tableWriter struct {
	b      *builder
	header string
	block  strings.Builder
	rows   int
}

// row adds one; the first is the header. A row without any text is left out.
func (t *tableWriter) row(cells []string) {
	line, any := rowLine(cells)
	if !any {
		return
	}
	if t.header == "" {
		t.header = line + "\n|" + strings.Repeat(" --- |", max(1, len(cells)))
		return
	}
	if t.rows > 0 && t.block.Len()+len(line) > tableBytes {
		t.flush()
	}
	if t.rows == 0 {
		t.block.WriteString(t.header)
	}
	t.block.WriteString("\n" + line)
	t.rows++
}

func (t *tableWriter) flush() {
	if t.rows > 0 {
		t.b.add(Block{Kind: Table, Text: t.block.String()})
	}
	t.block.Reset()
	t.rows = 0
}

// end adds what is left; a table of a header alone is a row too.
func (t *tableWriter) end() {
	if t.rows == 0 && t.header != "" && t.block.Len() == 0 {
		t.b.add(Block{Kind: Table, Text: t.header})
	}
	t.flush()
	t.header = ""
}

// rowLine is a row as Markdown writes it; any is whether a cell has text.
func rowLine(cells []string) (line string, any bool) {
	var s strings.Builder
	s.WriteByte('|')
	for _, c := range cells {
		c = strings.Join(strings.Fields(c), " ")
		any = any || c != ""
		s.WriteString(" " + strings.ReplaceAll(c, "|", `\|`) + " |")
	}
	return s.String(), any
}
