// Package chunk cuts documents into chunks for search: by their structure, measured in tokens of cl100k_base.
//
// A document is blocks: headings, paragraphs, lists, tables, code. They are first cut into passages, which are what one vector stands for: whole
// blocks, or sentences, lines and rows of a long one, at most PassageTokens together. A chunk is some passages in a row; where it can it
// ends at a heading or a paragraph, and it begins with passages of the one before, as many as the overlap has room for. So the passages of
// two chunks that overlap are the same ones, and need one vector each.
//
// A table that is cut repeats its first row. A chunk knows the headings above it and the page it begins on.
package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// PassageTokens is the longest passage, unless chunks are shorter.
const PassageTokens = 200

// Options say how to cut.
type Options struct {
	Tokens  int // most tokens of a chunk
	Overlap int // most tokens that a chunk begins with of the one before
}

// Passage is what one vector stands for.
type Passage struct {
	Text    string
	Heading string // the headings above it, " › " between them
	Page    int
	Tokens  int

	kind  documents.Kind
	table string // first row of the table that it goes on with
	start bool   // it begins a block; else it goes on with the one before
	head  bool   // it begins with a heading
	join  string // what is between it and the passage before, where both are in one chunk
}

// Chunk is some passages in a row.
type Chunk struct {
	First   int // number of its first passage
	Last    int // number of its last passage
	Text    string
	Heading string // of its first passage
	Page    int    // of its first passage
	Tokens  int    // about: its passages' together
}

// Cut cuts a document. Blocks of white space are left out; a document of nothing else has no chunks.
func Cut(blocks []documents.Block, o Options) ([]Chunk, []Passage, error) {
	enc, err := bpe.Get("cl100k_base")
	if err != nil {
		return nil, nil, err
	}
	limit := min(PassageTokens, o.Tokens)
	if o.Overlap > 0 {
		// So that an overlap has room for one, and cutting at passages leaves little of a chunk empty.
		limit = min(limit, max(o.Overlap, o.Tokens/4))
	}
	c := cutter{enc: enc, limit: limit}
	for _, b := range blocks {
		c.block(b)
	}
	c.flush()
	return assemble(c.out, o), c.out, nil
}

// cutter makes passages.
type cutter struct {
	enc   *bpe.Encoding
	limit int
	out   []Passage

	path   []heading
	open   Passage // being filled
	filled bool
	bare   bool // open is headings only: what follows belongs to it
}

type heading struct {
	level int
	text  string
}

func (c *cutter) block(b documents.Block) {
	text := strings.ToValidUTF8(strings.ReplaceAll(b.Text, "\x00", ""), "\uFFFD")
	text = strings.Trim(text, "\r\n")
	if strings.TrimSpace(text) == "" {
		return
	}
	if b.Kind == documents.Heading {
		c.flushUnlessBare()
		for len(c.path) > 0 && c.path[len(c.path)-1].level >= b.Level {
			c.path = c.path[:len(c.path)-1]
		}
		text = strings.Join(strings.Fields(text), " ")
		c.add(text, b, true, "\n\n")
		c.bare = true
		c.path = append(c.path, heading{b.Level, clip(text, 120)})
		return
	}
	if b.Kind != c.open.kind && c.filled && !c.bare {
		c.flush()
	}
	if n := c.enc.Count(text); n <= c.limit {
		c.add(text, b, true, "\n\n")
		return
	}
	header := ""
	if b.Kind == documents.Table {
		header = headerOf(text)
		if c.enc.Count(header) > c.limit/2 {
			header = ""
		}
	}
	for i, a := range c.atoms(text, b.Kind) {
		if i > 0 && !c.fits(a.text) && header != "" {
			c.flush()
			c.open.table = header
		}
		c.add(a.text, b, i == 0, a.before)
	}
	c.flush()
}

// headerOf is the first row of a table, with the line below it that Markdown writes.
func headerOf(table string) string {
	header, rest, _ := strings.Cut(table, "\n")
	if line, _, _ := strings.Cut(rest, "\n"); strings.Contains(line, "-") && strings.Trim(line, "|:- ") == "" {
		return header + "\n" + line
	}
	return header
}

func (c *cutter) fits(text string) bool {
	return c.filled && c.open.Tokens+c.enc.Count("\n"+text) <= c.limit
}

// add puts a text of at most limit tokens into the open passage, or into a new one.
func (c *cutter) add(text string, b documents.Block, start bool, before string) {
	// A text has other tokens behind a blank than at the beginning.
	n := max(c.enc.Count(text), c.enc.Count(before+text))
	table := c.open.table
	if c.filled && c.open.Tokens+n > c.limit {
		c.flush()
	}
	if !c.filled {
		c.open = Passage{Text: text, Heading: c.above(), Page: b.Page, Tokens: n, kind: b.Kind, start: start, head: b.Kind == documents.Heading, join: before}
		if table != "" && !start && b.Kind == documents.Table {
			c.open.Text, c.open.Tokens = table+"\n"+text, n+c.enc.Count(table)+1
			c.open.table = table
		}
		c.filled = true
	} else {
		c.open.Text += before + text
		c.open.Tokens += n
		if c.open.Page == 0 {
			c.open.Page = b.Page
		}
		if c.bare {
			c.open.kind = b.Kind
		}
	}
	c.bare = c.bare && b.Kind == documents.Heading
}

func (c *cutter) flush() {
	if c.filled {
		c.out = append(c.out, c.open)
	}
	c.open, c.filled, c.bare = Passage{table: c.open.table}, false, false
}

func (c *cutter) flushUnlessBare() {
	if !c.bare {
		c.flush()
		c.open.table = ""
	}
}

// above writes the headings that a block is under.
func (c *cutter) above() string {
	texts := make([]string, len(c.path))
	for i, h := range c.path {
		texts[i] = h.text
	}
	return strings.Join(texts, " › ")
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// atom is a part of a block that is not cut further.
type atom struct {
	text   string
	before string // what was between it and the atom before
}

// atoms cuts a long block: tables, lists and code into lines, text into sentences; what is still too long into words, and into characters.
func (c *cutter) atoms(text string, k documents.Kind) []atom {
	var out []atom
	if k != documents.Paragraph {
		for line := range strings.SplitSeq(text, "\n") {
			if strings.TrimSpace(line) != "" {
				out = c.short(out, strings.TrimRight(line, "\r"), "\n")
			}
		}
		return out
	}
	for i, line := range strings.Split(text, "\n") {
		before := " "
		if i > 0 {
			before = "\n"
		}
		for _, s := range sentences(line) {
			trimmed := strings.TrimLeft(s, " \t")
			if before == " " && len(trimmed) == len(s) {
				before = "" // there was no blank
			}
			if trimmed = strings.TrimSpace(trimmed); trimmed != "" {
				out = c.short(out, trimmed, before)
				before = " "
			}
		}
	}
	return out
}

// short adds a text, in pieces when it is longer than a passage may be.
func (c *cutter) short(out []atom, text, before string) []atom {
	for c.enc.Count(text) > c.limit {
		at := c.prefix(text)
		out = append(out, atom{strings.TrimSpace(text[:at]), before})
		text, before = strings.TrimLeft(text[at:], " \t"), " "
	}
	if text == "" {
		return out
	}
	return append(out, atom{text, before})
}

// prefix is how many bytes of a text, not more than a passage has room for, to cut off: at a blank if there is one.
func (c *cutter) prefix(text string) int {
	lo, hi := 1, min(len(text), c.limit*16) // of texts like blanks more than 16 bytes a token would fit: they are cut earlier than they need to be
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if c.enc.Count(text[:mid]) <= c.limit {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	at := lo
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	if i := strings.LastIndexAny(text[:at], " \t"); i > at/2 && at < len(text) {
		at = i
	}
	if at == 0 {
		_, at = utf8.DecodeRuneInString(text)
	}
	return at
}

// sentences cuts a line behind what ends a sentence and is followed by a blank, or by anything where the script has no blanks.
func sentences(line string) []string {
	var out []string
	from := 0
	for i, r := range line {
		end := i + utf8.RuneLen(r)
		switch r {
		case '。', '！', '？', '．':
		case '.', '!', '?', '…':
			next, _ := utf8.DecodeRuneInString(line[min(end, len(line)):])
			if end < len(line) && !unicode.IsSpace(next) || end-from < 20 { // "e.g. ", "Dr. "
				continue
			}
		default:
			continue
		}
		out = append(out, line[from:end])
		from = end
	}
	return append(out, line[from:])
}

// assemble makes chunks of passages.
func assemble(passages []Passage, o Options) []Chunk {
	var out []Chunk
	for from := 0; from < len(passages); {
		to, tokens := from, 0
		for to < len(passages) && (to == from || tokens+passages[to].Tokens <= o.Tokens) {
			tokens += passages[to].Tokens
			to++
		}
		if to < len(passages) {
			to = boundary(passages, from, to)
		}
		out = append(out, join(passages, from, to))
		if to == len(passages) {
			break
		}
		from = begin(passages, from, to, o.Overlap)
	}
	return out
}

// boundary looks for a better end of a chunk within its last third: before a heading, or where a block begins.
func boundary(passages []Passage, from, to int) int {
	least := from + (to-from)*2/3 + 1
	for i := to; i >= least; i-- {
		if passages[i].head {
			return i
		}
	}
	for i := to; i >= least; i-- {
		if passages[i].start {
			return i
		}
	}
	return to
}

// begin is where the chunk after from…to begins: as early as the overlap allows, and later than the one before.
func begin(passages []Passage, from, to, overlap int) int {
	at, tokens := to, 0
	for at-1 > from && tokens+passages[at-1].Tokens <= overlap {
		at--
		tokens += passages[at].Tokens
	}
	return at
}

func join(passages []Passage, from, to int) Chunk {
	first := passages[from]
	c := Chunk{First: from, Last: to - 1, Heading: first.Heading, Page: first.Page}
	var b strings.Builder
	for i := from; i < to; i++ {
		p := passages[i]
		text := p.Text
		if i > from {
			b.WriteString(p.join)
			if p.table != "" && passages[i-1].kind == documents.Table { // the table goes on in this chunk: its first row is there
				text = strings.TrimPrefix(text, p.table+"\n")
			}
		}
		b.WriteString(text)
		c.Tokens += p.Tokens
	}
	c.Text = b.String()
	return c
}
