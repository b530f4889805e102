package documents

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"path"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
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
	return []string{"pdf", "docx", "pptx", "xlsx", "epub", "email", "html", "markdown", "text", "csv", "json", "jsonl", "code", "image"}
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
	switch {
	case bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-")):
		return format{"pdf", "PDF", readPDF}, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return sniffArchive(f)
	case bytes.HasPrefix(head, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")):
		return format{}, oldOffice(f)
	case bytes.HasPrefix(head, []byte("{\\rtf")):
		return format{}, unsupported("The file is RTF: save it as docx or PDF.")
	case isImage(head):
		return format{"image", "image", readImage}, nil
	}
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) && (len(s.magic) > 3 || !textual(head)) {
			return format{}, unsupported("The file is %s: there is no text to be read in it.", s.what)
		}
	}
	return sniffText(f, head)
}

// isImage says whether the file is an image that tesseract reads.
func isImage(head []byte) bool {
	for _, magic := range []string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF87a", "GIF89a", "II*\x00", "MM\x00*"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return bytes.HasPrefix(head, []byte("RIFF")) && len(head) > 12 && string(head[8:12]) == "WEBP" ||
		bytes.HasPrefix(head, []byte("BM")) && len(head) > 26 && int64(binary.LittleEndian.Uint32(head[2:])) <= 1<<30 && bytes.Equal(head[6:10], make([]byte, 4))
}

// sniffArchive tells formats that are zip files apart by their parts.
func sniffArchive(f file) (format, error) {
	a, err := openArchive(f)
	if err != nil {
		if fault.As(err) == nil && !isDisk(err) {
			err = invalid("The file is not whole: it could not be unpacked.").WithCause(err)
		}
		return format{}, err
	}
	switch {
	case a.has("word/document.xml"):
		return format{"docx", "docx", readDocx}, nil
	case a.has("ppt/presentation.xml"):
		return format{"pptx", "pptx", readPptx}, nil
	case a.has("xl/workbook.xml"):
		return format{"xlsx", "xlsx", readXlsx}, nil
	case a.has("META-INF/container.xml"):
		return format{"epub", "EPUB", readEpub}, nil
	case a.has("xl/workbook.bin"):
		return format{}, unsupported("The file is a binary workbook (xlsb): save it as xlsx.")
	case a.has("content.xml"):
		return format{}, unsupported("The file is of OpenDocument: save it as docx, xlsx, pptx or PDF.")
	}
	return format{}, unsupported("The file is a zip archive: unpack it and upload what is in it.")
}

// oldOffice is the error for files of Office before 2007, and for newer ones that are encrypted, which look like them.
func oldOffice(f file) error {
	raw := make([]byte, min(f.size, 1<<20))
	if _, err := f.content.ReadAt(raw, 0); err != nil && err != io.EOF {
		return err
	}
	if bytes.Contains(raw, []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")) {
		return encrypted()
	}
	return unsupported("The file is in a format of Office before 2007 (doc, xls, ppt, msg): save it as docx, xlsx, pptx or PDF.")
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
	case ext == "eml" || languages[ext] == "" && ext != "md" && mailStart(text):
		return format{"email", "e-mail", readEmail}, nil
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

// mailStart says whether a text begins as a mail does: with header lines, of which some are of mails alone.
func mailStart(text string) bool {
	known := 0
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, _, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t") {
			return false
		}
		switch strings.ToLower(name) {
		case "received", "message-id", "mime-version", "return-path", "delivered-to", "from", "date":
			known++
		}
	}
	return known >= 3
}
