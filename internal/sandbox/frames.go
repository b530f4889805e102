package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"
)

// maxHeader and maxBody bound what a sandbox may make this process hold, in bytes.
const (
	maxHeader = 128 << 10
	maxBody   = maxImage
)

// frame is one message of the driver: a line of JSON, and Body after it. Nothing of it is believed but its form.
type frame struct {
	T         string  `json:"t"` // ready, text, image, done, died, put, piece, files, end
	ID        int64   `json:"id"`
	Bytes     int     `json:"bytes"`
	OK        bool    `json:"ok"`
	Why       string  `json:"why"`
	Status    int     `json:"status"`
	Truncated bool    `json:"truncated"`
	Error     string  `json:"error"`
	File      Entry   `json:"file"`
	Files     []Entry `json:"files"`
	Left      int     `json:"left"`

	Body []byte `json:"-"`
}

// Entry is a file in /mnt/data.
type Entry struct {
	Path  string `json:"path"`  // below /mnt/data, with slashes, such as "out/chart.png"
	Size  int64  `json:"size"`  // bytes
	MTime int64  `json:"mtime"` // nanoseconds, of the sandbox's clock
	Inode uint64 `json:"inode"`
}

// Same reports whether a file is what it was, as far as its entry tells.
func (e Entry) Same(o Entry) bool { return e == o }

var errFrame = errors.New("the sandbox spoke nonsense")

// readFrame reads the next frame. r must have a buffer of maxHeader at least.
func readFrame(r *bufio.Reader) (frame, error) {
	var f frame
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return f, fmt.Errorf("%w: a header without an end", errFrame)
	}
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(line, &f); err != nil {
		return f, fmt.Errorf("%w: %.100q", errFrame, line)
	}
	if f.Bytes < 0 || f.Bytes > maxBody {
		return f, fmt.Errorf("%w: a body of %d bytes", errFrame, f.Bytes)
	}
	if f.Bytes > 0 {
		f.Body = make([]byte, f.Bytes)
		if _, err := io.ReadFull(r, f.Body); err != nil {
			return f, err
		}
	}
	return f, nil
}

// maxPath is the longest path of a file, in bytes.
const maxPath = 512

// validPath reports whether a path names a file below /mnt/data in the form that Entry has.
func validPath(p string) bool {
	return p != "" && len(p) <= maxPath && utf8.ValidString(p) && path.Clean(p) == p && p[0] != '/' && p != "." && p != ".." &&
		!strings.HasPrefix(p, "../") && !strings.ContainsRune(p, 0)
}

// texts joins pieces of output into valid UTF-8: a character that was cut in two is held back.
type texts struct{ rest []byte }

func (t *texts) add(p []byte) string {
	b := append(t.rest, p...)
	// At most three bytes of a character can be waiting for its last.
	cut := len(b)
	for i := 1; i <= 3 && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				cut = len(b) - i
			}
			break
		}
	}
	t.rest = append([]byte(nil), b[cut:]...)
	return clean(b[:cut])
}

func (t *texts) end() string {
	b := t.rest
	t.rest = nil
	return clean(b)
}

// clean makes text that a database and a browser take: valid, without NUL.
func clean(b []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(b), "\uFFFD"), "\x00", "\uFFFD")
}
