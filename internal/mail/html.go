package mail

import (
	"html"
	"regexp"
	"strings"
)

// link finds addresses of pages in a text that was escaped for HTML.
var link = regexp.MustCompile(`https?://[^\s<>"']*[^\s<>"'.,;:!?)]`)

// page is the text as simple HTML: paragraphs, line breaks, links. Everything of the text is escaped.
func page(m Message) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html lang="` + html.EscapeString(m.Lang) + `"><head><meta charset="utf-8"><title>` + html.EscapeString(m.Subject) +
		`</title></head><body style="font-family:sans-serif;font-size:15px;line-height:1.5;max-width:40em;margin:1.5em auto;padding:0 1em">`)
	for _, paragraph := range strings.Split(strings.ReplaceAll(m.Text, "\r\n", "\n"), "\n\n") {
		text := html.EscapeString(strings.TrimSpace(paragraph))
		text = link.ReplaceAllString(text, `<a href="$0">$0</a>`)
		b.WriteString("<p>" + strings.ReplaceAll(text, "\n", "<br>") + "</p>")
	}
	b.WriteString("</body></html>")
	return b.String()
}
