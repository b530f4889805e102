package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
)

// FormLimits bound a multipart form. Zero values are the defaults named here.
type FormLimits struct {
	MaxFile  int64 // bytes of one file; 0: what the route's body limit leaves
	MaxField int64 // bytes of one text field; 0: 1 MiB
	MaxParts int   // fields and files together; 0: 100

	// Files are names of fields that are files also when the client gives no file name.
	Files []string
}

// FilePart is a file of a form while it arrives.
type FilePart struct {
	Field     string // name of the form field: "file", "image", "files[]"
	Name      string // the file's name without any directory; "file" when the client gave none
	MediaType string // as the client claims, which means little: look at the content
	io.Reader        // the content; an error of Read is ready to be returned by the handler
}

// Multipart reads a multipart/form-data body part by part, in whatever order they come, and calls
// file for each file. What file does not read is skipped. It returns the text fields; they may come
// after the file, so keep the file aside until Multipart returns. Clients send whole local paths as
// names and octet-stream as type: Name is only for show.
func Multipart(w http.ResponseWriter, r *http.Request, limits FormLimits, file func(FilePart) error) (url.Values, error) {
	mt, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mt != "multipart/form-data" || params["boundary"] == "" {
		return nil, unsupportedType(r.Header.Get("Content-Type"), "multipart/form-data")
	}
	body, limit := newPatientReader(w, r)
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	if limits.MaxField == 0 {
		limits.MaxField = 1 << 20
	}
	if limits.MaxParts == 0 {
		limits.MaxParts = 100
	}
	end := &tailReader{r: body}
	parts := multipart.NewReader(&limitedReader{r: end, left: limit, over: tooLarge(limit)}, params["boundary"])
	fields := url.Values{}
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if err == io.EOF && end.has("--"+params["boundary"]+"--") {
			// What may follow the last boundary has no meaning; reading it keeps the connection usable.
			_, err := io.Copy(io.Discard, io.LimitReader(body, 4096))
			if err != nil {
				return nil, bodyError(err)
			}
			return fields, nil
		}
		if err != nil {
			return nil, formError(err)
		}
		if n == limits.MaxParts {
			return nil, fault.New(fault.Invalid, "The form has more than %d parts.", limits.MaxParts).WithCode("too_many_parts")
		}
		if err := readPart(part, limits, fields, file); err != nil {
			return nil, formError(err)
		}
	}
}

func readPart(part *multipart.Part, limits FormLimits, fields url.Values, file func(FilePart) error) error {
	name := part.FormName()
	if name == "" {
		return fault.New(fault.Invalid, "A part of the form has no name.")
	}
	// Part.FileName keeps backslashes; the raw parameter says whether there was a name at all.
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	fileName, isFile := params["filename"]
	if err == nil && (isFile || slices.Contains(limits.Files, name)) {
		var content io.Reader = part
		if limits.MaxFile > 0 {
			content = &limitedReader{r: part, left: limits.MaxFile, over: fault.Param(name,
				"The file '%s' is larger than the limit of %s.", baseName(fileName), bytesText(limits.MaxFile)).WithCode("file_too_large")}
		}
		return file(FilePart{Field: name, Name: baseName(fileName), MediaType: part.Header.Get("Content-Type"), Reader: faultReader{content}})
	}
	b, err := io.ReadAll(io.LimitReader(part, limits.MaxField+1))
	if err != nil {
		return err
	}
	if int64(len(b)) > limits.MaxField {
		return fault.Param(name, "The form's field '%s' is larger than the limit of %s.", name, bytesText(limits.MaxField)).WithCode("field_too_large")
	}
	fields.Add(name, string(b))
	return nil
}

// baseName cuts the directories of either kind of path off.
func baseName(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if s == "" || s == "." || s == ".." {
		return "file"
	}
	if len(s) > 255 {
		s = strings.ToValidUTF8(s[len(s)-255:], "") // the end says the type
	}
	return s
}

// limitedReader fails with over instead of ending when more than left bytes come.
type limitedReader struct {
	r    io.Reader
	left int64
	over error
}

func (l *limitedReader) Read(b []byte) (int, error) {
	if l.left < 0 {
		return 0, l.over
	}
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}
	n, err := l.r.Read(b)
	l.left -= int64(n)
	if l.left < 0 {
		return n - 1, l.over
	}
	return n, err
}

// tailReader remembers the end of what was read: multipart.Reader gives the same io.EOF for a form that
// is complete and for one that was cut in a part's header.
type tailReader struct {
	r    io.Reader
	tail []byte
}

func (t *tailReader) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.tail = append(t.tail, b[max(0, n-4096):n]...)
	if len(t.tail) > 8192 {
		t.tail = append(t.tail[:0], t.tail[len(t.tail)-4096:]...)
	}
	return n, err
}

func (t *tailReader) has(s string) bool { return bytes.Contains(t.tail, []byte(s)) }

// faultReader gives errors of the connection the form that the adapter knows.
type faultReader struct{ r io.Reader }

func (f faultReader) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF {
		err = formError(err)
	}
	return n, err
}

// formError says why a form could not be read.
func formError(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case fault.As(err) != nil:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.As(err, &timeout):
		return bodyError(err)
	default:
		return fault.New(fault.Invalid, "We could not read the form of your request. (HINT: This likely means you aren't using your HTTP library correctly.)").
			WithCause(fmt.Errorf("multipart: %w", err))
	}
}
