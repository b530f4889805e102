package documents

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
)

// readEmail reads a mail: who wrote what to whom, its text, and what is attached to it, each as its own format.
func readEmail(ctx context.Context, f file, b *builder) error {
	raw, err := f.all()
	if err != nil {
		return err
	}
	m := &mailReader{ctx: ctx, b: b}
	if err := m.message(raw, 0); err != nil {
		return err
	}
	return b.err
}

// maxMailParts bounds parts of a mail, those of mails in it too.
const maxMailParts = 1000

type mailReader struct {
	ctx   context.Context
	b     *builder
	parts int
}

var words = &mime.WordDecoder{CharsetReader: func(label string, in io.Reader) (io.Reader, error) {
	raw, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	text, ok := decode(raw, label)
	if !ok {
		return nil, errors.New("unknown encoding")
	}
	return strings.NewReader(text), nil
}}

// message reads a mail that lies deep inside of others.
func (m *mailReader) message(raw []byte, deep int) error {
	if deep > maxMimeDeep {
		m.b.note("Mails more than %d deep inside one another were left out.", maxMimeDeep)
		return nil
	}
	msg, err := mail.ReadMessage(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return err
	}
	header := func(name string) string {
		v := msg.Header.Get(name)
		if d, err := words.DecodeHeader(v); err == nil {
			v = d
		}
		if text, ok := decode([]byte(v), ""); ok {
			v = text
		}
		return strings.Join(strings.Fields(v), " ")
	}
	subject := header("Subject")
	if deep == 0 {
		m.b.doc.Title = clean(subject)
	}
	m.b.add(Block{Kind: Heading, Level: min(6, deep+1), Text: subject})
	var lines []string
	for _, name := range []string{"From", "To", "Cc", "Date"} {
		if v := header(name); v != "" {
			lines = append(lines, name+": "+v)
		}
	}
	m.b.add(Block{Kind: Paragraph, Text: strings.Join(lines, "\n")})
	body, err := io.ReadAll(msg.Body)
	if err != nil {
		return err
	}
	return m.part(textproto.MIMEHeader(msg.Header), body, deep)
}

// part reads a part of a mail.
func (m *mailReader) part(h textproto.MIMEHeader, body []byte, deep int) error {
	if m.parts++; m.parts > maxMailParts || deep > maxMimeDeep {
		return invalid("The mail has more parts, or parts deeper inside one another, than are read.")
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && kind == "" {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		return m.multipart(kind, params["boundary"], body, deep)
	}
	body = transfer(h.Get("Content-Transfer-Encoding"), body)
	disposition, dparams, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	name := dparams["filename"]
	if name == "" {
		name = params["name"]
	}
	if d, err := words.DecodeHeader(name); err == nil {
		name = d
	}
	switch {
	case kind == "message/rfc822":
		return m.message(body, deep+1)
	case disposition == "attachment" || name != "" && !strings.HasPrefix(kind, "text/"):
		return m.attachment(name, body, deep)
	case kind == "text/html":
		text, ok := decode(body, params["charset"])
		if !ok {
			m.b.note("A part of the mail is in no encoding known here.")
			return nil
		}
		title := m.b.doc.Title
		err := hypertext(text, m.b)
		m.b.doc.Title = title
		return err
	case strings.HasPrefix(kind, "text/"):
		text, ok := decode(body, params["charset"])
		if !ok {
			m.b.note("A part of the mail is in no encoding known here.")
			return nil
		}
		plain(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\f", "\n"), m.b)
		return nil
	}
	return m.attachment(name, body, deep)
}

// multipart reads parts: of alternatives the plain one, or the last that is text.
func (m *mailReader) multipart(kind, boundary string, body []byte, deep int) error {
	type part struct {
		header textproto.MIMEHeader
		body   []byte
	}
	var parts []part
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for len(parts) <= maxMailParts {
		p, err := r.NextRawPart()
		if err != nil {
			break // a mail that is cut off is read as far as it goes
		}
		raw, err := io.ReadAll(p)
		parts = append(parts, part{p.Header, raw})
		if err != nil {
			m.b.note("The mail is cut off.")
			break
		}
	}
	if kind == "multipart/alternative" {
		chosen := -1
		for i, p := range parts {
			t, _, _ := mime.ParseMediaType(p.header.Get("Content-Type"))
			if t == "text/plain" && len(bytes.TrimSpace(p.body)) > 0 {
				chosen = i
				break
			}
			if t == "text/html" || strings.HasPrefix(t, "multipart/") || chosen < 0 {
				chosen = i
			}
		}
		if chosen >= 0 {
			parts = parts[chosen : chosen+1]
		}
	}
	for _, p := range parts {
		if err := m.part(p.header, p.body, deep+1); err != nil {
			return err
		}
	}
	return nil
}

// attachment reads a file in a mail. One that cannot be read is a note: the mail still says what it says.
func (m *mailReader) attachment(name string, body []byte, deep int) error {
	if len(body) == 0 {
		return nil
	}
	f := sub(name, body)
	format, err := sniff(f)
	if err == nil && format.name == "email" {
		return m.message(body, deep+1)
	}
	inner := &builder{bytes: m.b.bytes}
	if err == nil {
		if err = format.read(m.ctx, f, inner); err == nil {
			inner.flush()
			err = inner.err
		}
	}
	if err != nil {
		if m.ctx.Err() != nil {
			return m.ctx.Err()
		}
		why := "it is not whole."
		if e := fault.As(err); e != nil {
			why = e.Message
		}
		m.b.note("Attachment %q was not read: %s", clean(name), why)
		return nil
	}
	if len(inner.doc.Blocks) > 0 {
		m.b.add(Block{Kind: Heading, Level: min(6, deep+2), Text: "Attachment: " + name})
	}
	for _, block := range inner.doc.Blocks {
		block.Page = 0 // pages are the attachment's, not the mail's
		m.b.add(block)
	}
	m.b.doc.Notes = append(m.b.doc.Notes, inner.doc.Notes...)
	return nil
}

// transfer undoes the encoding of a part; what is broken in it ends it.
func transfer(encoding string, body []byte) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		compact := bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == ' ' || r == '\t' || r == '=' {
				return -1
			}
			return r
		}, body)
		out, _ := base64.RawStdEncoding.DecodeString(string(compact))
		return out
	case "quoted-printable":
		out, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		return out
	}
	return body
}
