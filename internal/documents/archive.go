package documents

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// archive is a zip file whose parts are read within the limits.
type archive struct {
	parts map[string]*zip.File
	left  int64 // bytes that may still be unpacked
}

// maxDirectory is how many bytes the list of an archive's parts may have: archive/zip reads it whole.
const maxDirectory = 4 << 20

func openArchive(f file) (*archive, error) {
	tail := make([]byte, min(f.size, 66_000))
	if _, err := f.content.ReadAt(tail, f.size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	end := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if end < 0 || len(tail)-end < 22 {
		return nil, invalid("The file is not whole: its end is missing.")
	}
	if size := binary.LittleEndian.Uint32(tail[end+12:]); size > maxDirectory || f.size-int64(binary.LittleEndian.Uint32(tail[end+16:])) > maxDirectory+66_000 {
		return nil, invalid("The file has more parts than are read.")
	}
	z, err := zip.NewReader(f.content, f.size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > maxParts {
		return nil, invalid("The file has %d parts; at most %d are read.", len(z.File), maxParts)
	}
	a := &archive{parts: make(map[string]*zip.File, len(z.File)), left: maxUnpacked}
	for _, p := range z.File {
		a.parts[strings.TrimPrefix(path.Clean("/"+p.Name), "/")] = p
	}
	return a, nil
}

func (a *archive) has(name string) bool { return a.parts[name] != nil }

// part unpacks one. A part that is not there is empty.
func (a *archive) part(name string) ([]byte, error) {
	p := a.parts[name]
	if p == nil {
		return nil, nil
	}
	if p.Flags&1 != 0 {
		return nil, encrypted()
	}
	r, err := p.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	most := min(a.left, maxPart)
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > most {
		return nil, invalid("The file is larger than %d MB when it is unpacked.", most>>20)
	}
	a.left -= int64(len(raw))
	return raw, nil
}

func encrypted() error {
	return invalid("The file is encrypted: save it without a password.")
}

// walker is called with what is in an XML document, in its order. Functions that are nil are not called.
type walker struct {
	start func(name string, attr attrs)
	end   func(name string)
	text  func(s string)
}

type attrs []xml.Attr

// get returns the value of the attribute of that local name, or "".
func (a attrs) get(name string) string {
	for _, x := range a {
		if x.Name.Local == name {
			return x.Value
		}
	}
	return ""
}

// walk reads XML by tokens: entities are not expanded beyond the five of XML, and depth is bounded.
func walk(raw []byte, w walker) error {
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.Strict = false
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(label)
		if err != nil {
			return nil, err
		}
		return e.NewDecoder().Reader(in), nil
	}
	depth := 0
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if depth > 0 {
				return fmt.Errorf("XML ends inside of an element: %w", io.ErrUnexpectedEOF)
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return invalid("The file has elements more than %d deep inside one another.", maxDepth)
			}
			if w.start != nil {
				w.start(t.Name.Local, t.Attr)
			}
		case xml.EndElement:
			depth--
			if w.end != nil {
				w.end(t.Name.Local)
			}
		case xml.CharData:
			if w.text != nil {
				w.text(string(t))
			}
		}
	}
}

// relation is one of a part: its id, type and target.
type relation struct{ id, kind, target string }

func (a *archive) relations(part string) ([]relation, error) {
	dir, base := path.Split(part)
	raw, err := a.part(dir + "_rels/" + base + ".rels")
	if err != nil {
		return nil, err
	}
	var out []relation
	err = walk(raw, walker{start: func(name string, at attrs) {
		if name == "Relationship" && at.get("TargetMode") != "External" {
			target := at.get("Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join("/", dir, target)
			}
			out = append(out, relation{at.get("Id"), path.Base(at.get("Type")), strings.TrimPrefix(path.Clean(target), "/")})
		}
	}})
	return out, err
}

// targets are the targets of relations by their ids, of which a part has each once: looking through all of them for each reference would
// let a small file take hours, and gigabytes where they are all the same.
func targets(all []relation) map[string]string {
	out := make(map[string]string, len(all))
	for _, r := range all {
		if _, ok := out[r.id]; !ok {
			out[r.id] = r.target
		}
	}
	return out
}

// referred is the target that an element refers to. Its other attribute named id is a number: the relation's is in a namespace.
func referred(by map[string]string, at attrs) (target string, ok bool) {
	for _, x := range at {
		if x.Name.Space == "r" && !ok {
			target, ok = by[x.Value]
		}
	}
	return target, ok
}
