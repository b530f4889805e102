package documents

import (
	"context"
	"regexp"
	"strings"
)

var (
	atxHeading = regexp.MustCompile(`^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$`)
	fence      = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})[ \t]*([^ \t`]*)")
	listItem   = regexp.MustCompile(`^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+`)
	setext     = regexp.MustCompile(`^ {0,3}(=+|-+)[ \t]*$`)
	tableRule  = regexp.MustCompile(`^[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$`)
)

// readMarkdown keeps the text as its author wrote it, with its marks, in blocks by structure: line by line,
// so that no input makes it slow.
func readMarkdown(_ context.Context, f file, b *builder) error {
	text, err := f.text("")
	if err != nil {
		return err
	}
	markdown(text, b)
	return nil
}

func markdown(text string, b *builder) {
	lines := strings.Split(text, "\n")
	if len(lines) > 2 && strings.TrimSpace(lines[0]) == "---" {
		lines = frontMatter(lines, b)
	}
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if m := fence.FindStringSubmatch(line); m != nil {
			b.flush()
			start := i + 1
			for i++; i < len(lines) && !closes(lines[i], m[1]); i++ { //nolint:revive
			}
			b.add(Block{Kind: Code, Lang: m[2], Text: strings.Join(lines[start:min(i, len(lines))], "\n")})
			continue
		}
		if m := atxHeading.FindStringSubmatch(line); m != nil {
			b.flush()
			b.heading(len(m[1]), m[2])
			continue
		}
		if m := setext.FindStringSubmatch(line); m != nil && len(b.lines) == 1 {
			level := 1
			if m[1][0] == '-' {
				level = 2
			}
			title := b.lines[0]
			b.lines = nil
			b.heading(level, title)
			continue
		}
		if strings.Contains(line, "|") && i+1 < len(lines) && strings.Contains(lines[i+1], "|") && tableRule.MatchString(lines[i+1]) {
			b.flush()
			start := i
			for i < len(lines) && strings.Contains(lines[i], "|") {
				i++
			}
			b.add(Block{Kind: Table, Text: strings.Join(lines[start:i], "\n")})
			i--
			continue
		}
		if listItem.MatchString(line) && len(b.lines) == 0 {
			start := i
			for i < len(lines) && strings.TrimSpace(lines[i]) != "" {
				i++
			}
			b.add(Block{Kind: List, Text: strings.Join(lines[start:i], "\n")})
			continue
		}
		b.line(line)
	}
	b.flush()
}

// closes says whether a line ends the block that the fence began.
func closes(line, fence string) bool {
	s := strings.TrimSpace(line)
	return len(s) >= len(fence) && strings.Trim(s, fence[:1]) == ""
}

// frontMatter takes the lines between two --- at the beginning for a block of YAML; returns what follows.
func frontMatter(lines []string, b *builder) []string {
	for i := 1; i < min(len(lines), 100); i++ {
		if s := strings.TrimSpace(lines[i]); s == "---" || s == "..." {
			b.add(Block{Kind: Code, Lang: "yaml", Text: strings.Join(lines[1:i], "\n")})
			return lines[i+1:]
		}
	}
	return lines
}

// heading adds one, and takes the first of the first level for the title.
func (b *builder) heading(level int, text string) { b.headingOn(b.page, level, text) }

func (b *builder) headingOn(page, level int, text string) {
	if b.doc.Title == "" && level == 1 {
		b.doc.Title = strings.Join(strings.Fields(clean(text)), " ")
	}
	b.add(Block{Kind: Heading, Level: level, Page: page, Text: text})
}
