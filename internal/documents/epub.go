package documents

import (
	"context"
	"net/url"
	"path"
	"strings"
)

// readEpub reads the chapters of a book in its order.
func readEpub(_ context.Context, f file, b *builder) error {
	a, err := openArchive(f)
	if err != nil {
		return err
	}
	raw, err := a.part("META-INF/container.xml")
	if err != nil {
		return err
	}
	opf := ""
	if err := walk(raw, walker{start: func(name string, at attrs) {
		if name == "rootfile" && opf == "" {
			opf = strings.TrimPrefix(path.Clean("/"+at.get("full-path")), "/")
		}
	}}); err != nil {
		return err
	}
	if raw, err = a.part(opf); err != nil {
		return err
	}
	items := map[string]string{} // parts by id
	var chapters []string
	var title strings.Builder
	inTitle := false
	err = walk(raw, walker{
		start: func(name string, at attrs) {
			switch name {
			case "title":
				inTitle = title.Len() == 0
			case "item":
				href := at.get("href")
				if u, err := url.PathUnescape(href); err == nil {
					href = u
				}
				items[at.get("id")] = strings.TrimPrefix(path.Join("/", path.Dir(opf), href), "/")
			case "itemref":
				if part := items[at.get("idref")]; part != "" && len(chapters) < maxParts {
					chapters = append(chapters, part)
				}
			}
		},
		end: func(string) { inTitle = false },
		text: func(s string) {
			if inTitle {
				title.WriteString(s)
			}
		},
	})
	if err != nil {
		return err
	}
	if a.has("META-INF/rights.xml") {
		return invalid("The book is protected against copying: it cannot be read.")
	}
	for _, c := range chapters {
		raw, err := a.part(c)
		if err != nil {
			return err
		}
		text, ok := decode(raw, "")
		if !ok && len(raw) > 0 {
			return invalid("The book has a chapter that is no text: it may be protected against copying.")
		}
		if err := hypertext(text, b); err != nil {
			return err
		}
	}
	b.doc.Title = strings.Join(strings.Fields(clean(title.String())), " ")
	return b.err
}
