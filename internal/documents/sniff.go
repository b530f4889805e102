package documents

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"
)

// format is one kind of file and how it is read.
type format struct {
	name  string // as Document.Format has it
	title string // as a sentence has it
	read  func(ctx context.Context, f file, b *builder) error
}

// broken says whether an error without a message of ours comes from the file. Reading the content itself may
// fail too, but then the error of the disk is worth more than a guess; all readers read from memory or
// through io.ReaderAt, whose errors are *PathError.
func (f format) broken(err error) bool { return !isDisk(err) }

// Formats are the names that Document.Format can have, in the order in which a page would list them.
func Formats() []string {
	return []string{"text", "markdown", "html", "csv", "json", "jsonl", "code"}
}

// signatures are beginnings of files that hold no text for us, by what they are.
var signatures = []struct{ magic, what string }{
	{"\x7fELF", "a program"}, {"MZ", "a program"}, {"\xcf\xfa\xed\xfe", "a program"}, {"\xca\xfe\xba\xbe", "a program"}, {"\x00asm", "a program"},
	{"ID3", "sound"}, {"RIFF", "sound or film"}, {"OggS", "sound"}, {"fLaC", "sound"}, {"\xff\xfb", "sound"}, {"\x1aE\xdf\xa3", "a film"},
	{"\x1f\x8b", "a compressed file: unpack it"}, {"BZh", "a compressed file: unpack it"}, {"\xfd7zXZ", "a compressed file: unpack it"},
	{"(\xb5/\xfd", "a compressed file: unpack it"}, {"7z\xbc\xaf", "an archive: unpack it"}, {"Rar!", "an archive: unpack it"},
	{"SQLite format 3\x00", "a database"}, {"PAR1", "a Parquet file: save it as CSV"}, {"GGUF", "a model"}, {"\x80\x02", "a pickle"}, {"\x80\x04", "a pickle"},
}

// sniff finds the format by the content, and by the name where contents look alike.
func sniff(f file) (format, error) {
	if f.size == 0 {
		return format{}, invalid("The file is empty.")
	}
	head := make([]byte, min(f.size, 8192))
	if _, err := f.content.ReadAt(head, 0); err != nil && err != io.EOF {
		return format{}, err
	}
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) && (len(s.magic) > 3 || !textual(head)) {
			return format{}, unsupported("The file is %s: there is no text to be read in it.", s.what)
		}
	}
	return sniffText(f, head)
}

// textual says whether the beginning of a file can be text.
func textual(head []byte) bool {
	_, ok := decode(trimRune(head), "")
	return ok
}

// trimRune cuts the last bytes that may be half a character.
func trimRune(head []byte) []byte {
	if len(head) < 8192 {
		return head
	}
	return head[:len(head)-4]
}

// sniffText tells texts apart.
func sniffText(f file, head []byte) (format, error) {
	text, ok := decode(trimRune(head), "")
	if !ok {
		return format{}, unsupported("The file is in a format that is not known here: save it as PDF, as a document of an office program or as plain text.")
	}
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(f.name), "."))
	start := strings.ToLower(strings.TrimSpace(text[:min(len(text), 1024)]))
	switch {
	case strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") || ext == "html" || ext == "htm" || ext == "xhtml":
		return format{"html", "HTML", readHTML}, nil
	case ext == "md" || ext == "markdown" || ext == "mdx":
		return format{"markdown", "Markdown", readMarkdown}, nil
	case ext == "csv" || ext == "tsv":
		return format{"csv", "CSV", readCSV}, nil
	case ext == "jsonl" || ext == "ndjson":
		return format{"jsonl", "JSON lines", readJSONL}, nil
	case ext == "json" || ext == "ipynb":
		return format{"json", "JSON", readJSON}, nil
	case languages[ext] != "":
		return format{"code", "source code", readCode}, nil
	}
	return format{"text", "text", readText}, nil
}
