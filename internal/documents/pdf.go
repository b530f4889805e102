package documents

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxScanned = 100 // pages of one file that are read as images
	scanDPI    = "200"
)

// readPDF reads a PDF with poppler's pdftotext: page by page, with tables where lines stand in columns. Pages
// without text are read as images where tesseract is there.
func readPDF(ctx context.Context, f file, b *builder) error {
	program, err := need("pdftotext", "A PDF file")
	if err != nil {
		return err
	}
	dir, done, err := f.spool("in.pdf")
	if err != nil {
		return err
	}
	defer done()
	laidOut, err := pdfText(ctx, dir, program, "-layout")
	if err != nil {
		return err
	}
	inOrder, err := pdfText(ctx, dir, program)
	if err != nil {
		return err
	}
	b.doc.Pages = len(laidOut)
	var empty []int
	for i, page := range laidOut {
		b.page = i + 1
		switch {
		case strings.TrimSpace(page) == "":
			if text, err := scanned(ctx, dir, i+1, len(empty)); err != nil {
				return err
			} else if strings.TrimSpace(text) == "" {
				empty = append(empty, i+1)
			} else {
				plainPage(text, b)
			}
		case i < len(inOrder) && newspaper(page):
			plainPage(inOrder[i], b)
		default:
			layout(page, b)
		}
		if b.err != nil {
			return b.err
		}
	}
	if len(empty) == len(laidOut) {
		return noText()
	}
	for _, p := range empty[:min(len(empty), 20)] {
		b.note("Page %d has no text.", p)
	}
	return nil
}

// noText is the error of a PDF that is only pictures.
func noText() error {
	for _, name := range []string{"tesseract", "pdftoppm"} {
		if _, err := lookPath(name); err != nil {
			return unsupported("The PDF has no text, only pictures of pages, and the program %s that would read them is missing on this server. Ask its operator to install tesseract-ocr and poppler-utils, or run text recognition over the file.", name)
		}
	}
	return invalid("The PDF has no text, and none was recognized in the pictures of its pages.")
}

// pdfText runs pdftotext and returns its pages.
func pdfText(ctx context.Context, dir, program string, more ...string) ([]string, error) {
	out, err := runIn(ctx, dir, program, append(more, "-enc", "UTF-8", "-eol", "unix", "in.pdf", "-")...)
	var exit *failed
	switch {
	case errors.As(err, &exit) && strings.Contains(exit.stderr, "password"):
		return nil, encrypted()
	case errors.As(err, &exit) && exit.code == 3:
		return nil, invalid("The PDF does not permit that its text is taken out.")
	case errors.As(err, &exit):
		return nil, invalid("The PDF is broken: it could not be opened.").WithCause(err)
	case errors.Is(err, errLimit):
		return nil, invalid("The PDF needed more time or memory than a file may take. Save it anew, or split it.")
	case err != nil:
		return nil, err
	}
	text := strings.TrimSuffix(string(out), "\f") // one behind each page
	return strings.Split(text, "\f"), nil
}

// scanned reads a page as an image; "" where that cannot be done. before is how many pages were empty already.
func scanned(ctx context.Context, dir string, page, before int) (string, error) {
	toImage, err := lookPath("pdftoppm")
	if err != nil || before >= maxScanned {
		return "", nil //nolint:nilerr // reading pages as images is more than a PDF's text: noText tells what is missing
	}
	if _, err := lookPath("tesseract"); err != nil {
		return "", nil //nolint:nilerr // likewise
	}
	n := fmt.Sprint(page)
	_, err = runIn(ctx, dir, toImage, "-f", n, "-l", n, "-r", scanDPI, "-scale-to", "4000", "-gray", "-singlefile", "in.pdf", "page")
	if err != nil {
		return "", ctx.Err() // a page that cannot be drawn has no text
	}
	text, err := recognize(ctx, dir, "page.pgm")
	if err != nil {
		return "", ctx.Err()
	}
	return text, nil
}

// plainPage adds the paragraphs of a page.
func plainPage(text string, b *builder) {
	for line := range strings.SplitSeq(text, "\n") {
		b.line(strings.TrimSpace(line))
	}
	b.flush()
}

// layout adds a page that pdftotext laid out: lines with common gaps are a table.
func layout(page string, b *builder) {
	lines := strings.Split(page, "\n")
	for start := 0; start < len(lines); {
		end := start
		for end < len(lines) && strings.TrimSpace(lines[end]) != "" {
			end++
		}
		group := lines[start:end]
		for len(group) > 0 {
			n := tableLength(group)
			if n == 0 {
				b.line(strings.TrimSpace(group[0]))
				group = group[1:]
				continue
			}
			b.flush()
			t := tableWriter{b: b}
			for _, cells := range columns(group[:n]) {
				t.row(cells)
			}
			t.end()
			group = group[n:]
		}
		b.flush()
		start = end + 1
	}
}

// tableLength is how many of the first lines are a table: at least two with gaps at a common place.
func tableLength(lines []string) int {
	n := 0
	for n < len(lines) && strings.Contains(strings.TrimSpace(lines[n]), "  ") {
		n++
	}
	for ; n >= 2; n-- {
		if len(gaps(lines[:n])) > 0 {
			return n
		}
	}
	return 0
}

// gaps are the places, as [from, to) in characters, that are blank in all lines with text on both sides of them, two
// characters or more wide.
func gaps(lines []string) [][2]int {
	width, least := 0, 1<<30
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(l))
		least = min(least, len(l)-len(strings.TrimLeft(l, " ")))
	}
	if width > 2000 {
		return nil
	}
	ink := make([]bool, width)
	for _, l := range lines {
		at := 0
		for _, r := range l {
			ink[at] = ink[at] || r != ' '
			at++
		}
	}
	var out [][2]int
	for i := least; i < width; i++ {
		if ink[i] {
			continue
		}
		j := i
		for j < width && !ink[j] {
			j++
		}
		if j-i >= 2 && j < width {
			out = append(out, [2]int{i, j})
		}
		i = j
	}
	return out
}

// columns cuts lines at their common gaps.
func columns(lines []string) [][]string {
	cuts := gaps(lines)
	rows := make([][]string, len(lines))
	for i, l := range lines {
		runes := []rune(l)
		from := 0
		for _, c := range cuts {
			rows[i] = append(rows[i], cutRunes(runes, from, c[0]))
			from = c[1]
		}
		rows[i] = append(rows[i], cutRunes(runes, from, len(runes)))
	}
	return rows
}

func cutRunes(r []rune, from, to int) string {
	from, to = min(from, len(r)), min(to, len(r))
	if from >= to {
		return ""
	}
	return strings.TrimSpace(string(r[from:to]))
}

// newspaper says whether a page is prose in columns: then the order of reading is worth more than the layout.
func newspaper(page string) bool {
	lines := slices.DeleteFunc(strings.Split(page, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	prose := 0
	for i := 0; i+6 <= len(lines); i += 6 {
		group := lines[i : i+6]
		cuts := gaps(group)
		if len(cuts) == 0 || len(cuts) > 2 {
			continue
		}
		// Cells of a table are short or of figures; lines of columns are long and of words.
		long := 0
		for _, row := range columns(group) {
			for _, cell := range row {
				if len(cell) >= 28 && strings.Count(cell, " ") >= 3 {
					long++
				}
			}
		}
		if long >= 9 {
			prose += 6
		}
	}
	return prose >= 12 && prose*2 >= len(lines)
}

// recognize reads an image in the folder with tesseract, in all languages that are installed.
func recognize(ctx context.Context, dir, image string) (string, error) {
	program, err := need("tesseract", "An image with text")
	if err != nil {
		return "", err
	}
	list, err := runIn(ctx, dir, program, "--list-langs")
	if err != nil {
		return "", err
	}
	var languages []string
	for i, l := range strings.Split(strings.TrimSpace(string(list)), "\n") {
		if l = strings.TrimSpace(l); i > 0 && l != "osd" && l != "" && filepath.Base(l) == l && len(languages) < 6 {
			languages = append(languages, l)
		}
	}
	if len(languages) == 0 {
		return "", unsupported("Images cannot be read on this server: tesseract has no language installed. Ask its operator for tesseract-ocr-eng.")
	}
	out, err := runIn(ctx, dir, program, image, "stdout", "-l", strings.Join(languages, "+"), "--dpi", scanDPI)
	return strings.ReplaceAll(string(out), "\f", "\n"), err
}
