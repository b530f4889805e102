package documents

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/fault"
)

// Kind says what a block is.
type Kind string

// The kinds of blocks.
const (
	Heading   Kind = "heading"
	Paragraph Kind = "paragraph"
	Table     Kind = "table" // rows in lines, cells between vertical bars, as Markdown writes them
	Code      Kind = "code"
	List      Kind = "list" // one item in each line
)

// Block is a piece of a document that belongs together.
type Block struct {
	Kind  Kind
	Level int    // of a heading: 1 (highest) to 6; else 0
	Page  int    // page or slide, from 1; 0 where the format has none
	Text  string // never empty
	Lang  string // of code, where it is told: "go", "python"
}

// Document is what a file says.
type Document struct {
	Format string // "pdf", "docx", "markdown", …: see Formats
	Title  string // where the format keeps one
	Pages  int    // pages or slides; 0 where the format has none
	Blocks []Block
	// Notes say what could not be read although the rest was, one sentence each: "Page 3 has no text."
	Notes []string
}

// Text is the whole document as text: blocks with an empty line between them, headings as in Markdown.
func (d Document) Text() string {
	var b strings.Builder
	for i, block := range d.Blocks {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(block.Markdown())
	}
	return b.String()
}

// Markdown is the block's text with its marks.
func (b Block) Markdown() string {
	switch b.Kind {
	case Heading:
		return strings.Repeat("#", max(1, min(6, b.Level))) + " " + b.Text
	case Code:
		return "```" + b.Lang + "\n" + b.Text + "\n```"
	default:
		return b.Text
	}
}

// Read reads a file. The name is what its owner calls it: its ending tells apart formats whose contents
// look alike, nothing else is done with it. Errors that the file is to blame for are *fault.Error with
// CodeUnsupported or CodeInvalid and a message for its owner; others are of the machine.
func Read(ctx context.Context, name string, content io.ReadSeeker) (doc Document, err error) {
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		return Document{}, err
	}
	if size > maxFile {
		return Document{}, invalid("The file is larger than %d MB.", maxFile>>20)
	}
	at, ok := content.(io.ReaderAt)
	if !ok {
		at = &seekingReaderAt{r: content}
	}
	f := file{name: name, content: at, size: size}
	format, err := sniff(f)
	if err != nil {
		return Document{}, err
	}
	// A reader that fails on a file nobody thought of fails that file, not the server.
	defer func() {
		if p := recover(); p != nil {
			doc, err = Document{}, invalid("The file could not be read as %s.", format.name).WithCause(fmt.Errorf("panic: %v", p))
		}
	}()
	b := &builder{}
	if err := format.read(ctx, f, b); err != nil {
		if fault.As(err) == nil && ctx.Err() == nil && format.broken(err) {
			err = invalid("The file is not a whole %s file: it could not be read to its end.", format.title).WithCause(err)
		}
		return Document{}, err
	}
	b.flush()
	if b.err != nil {
		return Document{}, b.err
	}
	if len(b.doc.Blocks) == 0 {
		return Document{}, invalid("The file has no text.")
	}
	b.doc.Format = format.name
	return b.doc, nil
}

// file is what a reader gets.
type file struct {
	name    string
	content io.ReaderAt
	size    int64
}

func (f file) reader() io.Reader { return io.NewSectionReader(f.content, 0, f.size) }

// all is the whole content.
func (f file) all() ([]byte, error) {
	if f.size > maxPart {
		return nil, invalid("The file is larger than %d MB, which is the most that is read of this format.", maxPart>>20)
	}
	return io.ReadAll(f.reader())
}

// sub is a file inside of a file.
func sub(name string, content []byte) file {
	return file{name: name, content: bytes.NewReader(content), size: int64(len(content))}
}

// builder collects blocks and holds them to the limits.
type builder struct {
	doc   Document
	bytes int
	page  int // of the blocks that are added
	lines []string
	err   error
}

// add appends a block, if it says anything.
func (b *builder) add(block Block) {
	if b.err != nil {
		return
	}
	block.Text = clean(block.Text)
	if block.Kind != Code {
		block.Text = strings.TrimSpace(block.Text)
	}
	if strings.TrimSpace(block.Text) == "" {
		return
	}
	if block.Kind == Heading {
		block.Text = strings.Join(strings.Fields(block.Text), " ")
	}
	if block.Page == 0 {
		block.Page = b.page
	}
	b.bytes += len(block.Text)
	switch {
	case b.bytes > maxText:
		b.err = invalid("The file has more than %d MB of text: split it.", maxText>>20)
	case len(b.doc.Blocks) >= maxBlocks:
		b.err = invalid("The file has more than %d paragraphs: split it.", maxBlocks)
	default:
		b.doc.Blocks = append(b.doc.Blocks, block)
	}
}

// line adds a line to the paragraph that is being collected; an empty one ends it.
func (b *builder) line(s string) {
	if strings.TrimSpace(s) == "" {
		b.flush()
		return
	}
	b.lines = append(b.lines, s)
}

// flush ends the paragraph that line collects.
func (b *builder) flush() {
	if len(b.lines) > 0 {
		lines := b.lines
		b.lines = nil
		b.add(Block{Kind: Paragraph, Text: strings.Join(lines, "\n")})
	}
}

func (b *builder) note(format string, args ...any) {
	b.doc.Notes = append(b.doc.Notes, fmt.Sprintf(format, args...))
}

// clean makes text that databases, models and terminals take: valid UTF-8, one kind of line end, no other
// control characters.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\f' || r == '\v' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\uFEFF' || r == '\u00AD':
			return -1
		case r == '\u00A0':
			return ' '
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// seekingReaderAt reads at positions from what can only seek. One reader uses it, one call at a time.
type seekingReaderAt struct{ r io.ReadSeeker }

func (s *seekingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if _, err := s.r.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}
