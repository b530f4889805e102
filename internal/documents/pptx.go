package documents

import (
	"context"
	"strings"
)

// readPptx reads slides in the order in which they are shown, each with its notes. A slide is a page.
func readPptx(_ context.Context, f file, b *builder) error {
	a, err := openArchive(f)
	if err != nil {
		return err
	}
	if b.doc.Title, err = coreTitle(a); err != nil {
		return err
	}
	const main = "ppt/presentation.xml"
	raw, err := a.part(main)
	if err != nil {
		return err
	}
	relations, err := a.relations(main)
	if err != nil {
		return err
	}
	var slides []string
	by := targets(relations)
	if err := walk(raw, walker{start: func(name string, at attrs) {
		if target, ok := referred(by, at); ok && name == "sldId" && len(slides) < maxParts {
			slides = append(slides, target)
		}
	}}); err != nil {
		return err
	}
	b.doc.Pages = len(slides)
	for i, slide := range slides {
		b.page = i + 1
		if err := slideText(a, slide, b, false); err != nil {
			return err
		}
		relations, err := a.relations(slide)
		if err != nil {
			return err
		}
		for _, r := range relations {
			if r.kind == "notesSlide" {
				if err := slideText(a, r.target, b, true); err != nil {
					return err
				}
			}
		}
		if b.err != nil {
			return b.err
		}
	}
	return nil
}

// slideText adds the text of one part. Of notes, the picture of the slide, its number and date are left out.
func slideText(a *archive, part string, b *builder, notes bool) error {
	raw, err := a.part(part)
	if err != nil {
		return err
	}
	var (
		paragraph, cell strings.Builder
		shape           []string
		inText, title   bool
		skip, inTable   bool
		cells           []string
		table           tableWriter
	)
	return walk(raw, walker{
		start: func(name string, at attrs) {
			switch name {
			case "sp":
				title, skip, shape = false, false, nil
			case "ph":
				kind := at.get("type")
				title = kind == "title" || kind == "ctrTitle"
				skip = kind == "sldNum" || kind == "dt" || kind == "ftr" || kind == "hdr" || notes && kind != "body"
			case "tbl":
				inTable, table = true, tableWriter{b: b}
			case "p":
				paragraph.Reset()
			case "br":
				paragraph.WriteByte('\n')
			case "t":
				inText = true
			}
		},
		text: func(s string) {
			if inText {
				paragraph.WriteString(s)
			}
		},
		end: func(name string) {
			switch name {
			case "t":
				inText = false
			case "p":
				if s := strings.TrimSpace(paragraph.String()); inTable {
					cell.WriteString(s + " ")
				} else if s != "" {
					shape = append(shape, s)
				}
			case "tc":
				cells = append(cells, cell.String())
				cell.Reset()
			case "tr":
				table.row(cells)
				cells = nil
			case "tbl":
				inTable = false
				table.end()
			case "sp":
				switch {
				case skip || len(shape) == 0:
				case title:
					b.add(Block{Kind: Heading, Level: 2, Text: strings.Join(shape, " ")})
				case notes:
					b.add(Block{Kind: Paragraph, Text: "Notes: " + strings.Join(shape, "\n")})
				case len(shape) > 1:
					b.add(Block{Kind: List, Text: "- " + strings.Join(shape, "\n- ")})
				default:
					b.add(Block{Kind: Paragraph, Text: shape[0]})
				}
				shape = nil
			}
		},
	})
}
