// Package cite finds in a model's words what points to files: markers of passages that a search found, and paths of files that a
// program made.
//
// Positions are counted in characters (code points), as OpenAI's annotations count them.
package cite

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/agent"
)

// Source is a text that stands for a file.
type Source struct {
	Text  string `json:"text"` // the marker, or the path with "sandbox:" before it
	File  string `json:"file"` // id
	Name  string `json:"name,omitempty"`
	Quote string `json:"quote,omitempty"` // the passage
	Path  bool   `json:"path,omitempty"`  // Text is the path of a file that was made
}

// Learn adds to sources those of a tool's result, and returns them all. A path that was written again stands for its new file: it takes the
// place of the old one, which also keeps a session's files, told with every call, from being there as often.
func Learn(sources []Source, r agent.Result) []Source {
	at := make(map[string]int, len(sources))
	for i := range sources {
		at[sources[i].Text] = i
	}
	add := func(s Source) {
		if i, there := at[s.Text]; there {
			sources[i] = s
			return
		}
		at[s.Text] = len(sources)
		sources = append(sources, s)
	}
	for _, h := range r.Hits {
		if h.Marker != "" && h.FileID != "" {
			add(Source{Text: h.Marker, File: h.FileID, Name: h.Filename, Quote: h.Text})
		}
	}
	for _, f := range r.Files {
		add(Source{Text: "sandbox:" + f.Path, File: f.ID, Name: f.Path[strings.LastIndexByte(f.Path, '/')+1:], Path: true})
	}
	return sources
}

// Found is a source in words.
type Found struct {
	Source
	At         int // byte of the words where it begins
	Start, End int // characters; End is behind it
}

// Find looks through words for sources, from byte from on. It returns them in order, and up to where words can have no further ones
// even if they grow, so that a text that comes in pieces is looked through once. whole says that they do not grow.
func Find(words string, from int, sources []Source, whole bool) (found []Found, upto int) {
	if len(sources) == 0 {
		return nil, len(words)
	}
	chars, counted := utf8.RuneCountInString(words[:from]), from
	for at := from; at < len(words); {
		if !whole && begins(words[at:], sources) {
			return found, at
		}
		best := match(words[at:], sources)
		if best == nil {
			at++
			continue
		}
		chars += utf8.RuneCountInString(words[counted:at])
		counted = at
		found = append(found, Found{Source: *best, At: at, Start: chars, End: chars + utf8.RuneCountInString(best.Text)})
		at += len(best.Text)
	}
	return found, len(words)
}

// begins says that words may become a source, or a longer one than they are.
func begins(words string, sources []Source) bool {
	for i := range sources {
		if len(sources[i].Text) > len(words) && strings.HasPrefix(sources[i].Text, words) {
			return true
		}
	}
	return false
}

// match is the longest source that words begin with.
func match(words string, sources []Source) (best *Source) {
	for i := range sources {
		s := &sources[i]
		if s.Text != "" && strings.HasPrefix(words, s.Text) && (best == nil || len(s.Text) > len(best.Text)) {
			best = s
		}
	}
	return best
}

// FirstText is the first text among the members of a call's arguments, which may not be whole yet: the program that a model is writing.
func FirstText(arguments string) string {
	colon := strings.IndexByte(arguments, ':')
	if colon < 0 {
		return ""
	}
	rest := strings.TrimLeft(arguments[colon+1:], " \t\r\n")
	if !strings.HasPrefix(rest, `"`) {
		return ""
	}
	body, whole := textBody(rest[1:])
	if !whole {
		// Half of a pair of escapes, or of a letter, is shown when the other half is there.
		if i := strings.LastIndex(body, `\u`); i >= 0 && i+6 == len(body) && isHighSurrogate(body[i+2:]) {
			body = body[:i]
		}
		for len(body) > 0 && !utf8.ValidString(body) {
			body = body[:len(body)-1]
		}
	}
	var out string
	if json.Unmarshal([]byte(`"`+body+`"`), &out) != nil {
		return ""
	}
	return out
}

// textBody is what a JSON string has before its closing quote, up to the last whole escape; whole says that the quote was there.
func textBody(s string) (body string, whole bool) {
	for at := 0; at < len(s); {
		step := 1
		switch {
		case s[at] == '"':
			return s[:at], true
		case s[at] == '\\' && at+1 < len(s) && s[at+1] == 'u':
			step = 6
		case s[at] == '\\':
			step = 2
		}
		if at+step > len(s) {
			return s[:at], false
		}
		at += step
	}
	return s, false
}

func isHighSurrogate(hex string) bool {
	return len(hex) == 4 && (hex[0] == 'd' || hex[0] == 'D') && strings.ContainsRune("89abAB", rune(hex[1]))
}
