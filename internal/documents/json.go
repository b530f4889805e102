package documents

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
)

// readJSON writes the value with one member in each line, so that chunks end between members. Jupyter's
// notebooks are read as what they show.
func readJSON(ctx context.Context, f file, b *builder) error {
	text, err := f.text("")
	if err != nil {
		return err
	}
	if strings.HasSuffix(strings.ToLower(f.name), ".ipynb") && notebook(text, b) {
		return nil
	}
	deepest, size := indented(text)
	if deepest > maxDepth {
		return invalid("The file has values more than %d deep inside one another.", maxDepth)
	}
	var pretty bytes.Buffer
	if size > maxText || json.Indent(&pretty, []byte(text), "", "  ") != nil {
		plain(text, b) // not JSON, though it is called so, or one that indenting would blow up: it is still text
		return nil
	}
	var block strings.Builder
	end := func() {
		b.add(Block{Kind: Code, Lang: "json", Text: strings.Trim(block.String(), "\n")})
		block.Reset()
	}
	for line := range strings.SplitSeq(pretty.String(), "\n") {
		if block.Len()+len(line) > codeBlock {
			end()
		}
		block.WriteString(line + "\n")
	}
	end()
	return nil
}

// readJSONL takes each line for a block.
func readJSONL(_ context.Context, f file, b *builder) error {
	text, err := f.text("")
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(text, "\n") {
		b.add(Block{Kind: Code, Lang: "json", Text: strings.TrimSpace(line)})
	}
	return nil
}

// indented says how deep brackets outside of strings go, and about how many bytes the text has when it is indented by two blanks: many
// small values far inside take hundreds of times as much.
func indented(text string) (deepest, size int) {
	depth, quoted := 0, false
	size = len(text)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
			size += 1 + 2*depth
		case c == '}' || c == ']':
			depth = max(depth-1, 0)
			size += 1 + 2*depth
		case c == ',':
			size += 1 + 2*depth
		}
	}
	return deepest, size
}

// lines is a text of a notebook: a string or a list of strings.
type lines string

func (l *lines) UnmarshalJSON(raw []byte) error {
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		*l = lines(strings.Join(many, ""))
		return nil
	}
	return json.Unmarshal(raw, (*string)(l))
}

// notebook reads cells and their text output; false when the text is no notebook.
func notebook(text string, b *builder) bool {
	var n struct {
		Cells []struct {
			Kind    string `json:"cell_type"`
			Source  lines
			Outputs []struct {
				Text lines
				Data struct {
					Plain lines `json:"text/plain"`
				}
			}
		}
		Metadata struct {
			Language struct{ Name string } `json:"language_info"`
		}
	}
	if deepest, _ := indented(text); deepest > maxDepth || json.Unmarshal([]byte(text), &n) != nil || len(n.Cells) == 0 {
		return false
	}
	for _, c := range n.Cells {
		switch c.Kind {
		case "markdown":
			markdown(string(c.Source), b)
		case "code":
			b.add(Block{Kind: Code, Lang: n.Metadata.Language.Name, Text: string(c.Source)})
		default:
			plain(string(c.Source), b)
		}
		for _, o := range c.Outputs {
			b.add(Block{Kind: Code, Text: string(o.Text) + string(o.Data.Plain)})
		}
	}
	return true
}
