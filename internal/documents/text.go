package documents

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// isDisk says whether err is the machine's and not the file's.
func isDisk(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p)
}

// text is the whole content as UTF-8.
func (f file) text(label string) (string, error) {
	raw, err := f.all()
	if err != nil {
		return "", err
	}
	text, ok := decode(raw, label)
	if !ok {
		return "", invalid("The file is text only in part: the rest is in no encoding known here. Save it as UTF-8.")
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), nil
}

// readText reads plain text: paragraphs between empty lines, pages between form feeds.
func readText(_ context.Context, f file, b *builder) error {
	text, err := f.text("")
	if err != nil {
		return err
	}
	plain(text, b)
	return nil
}

// plain adds the paragraphs of a text; form feeds count its pages.
func plain(text string, b *builder) {
	pages := strings.Split(text, "\f")
	for i, page := range pages {
		if len(pages) > 1 {
			b.page = i + 1
			b.doc.Pages = i + 1
		}
		for line := range strings.SplitSeq(page, "\n") {
			b.line(strings.TrimRight(line, " \t"))
		}
		b.flush()
	}
}

// languages are the endings of source code, with the name that Markdown's fences have for them.
var languages = map[string]string{
	"c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hpp": "cpp", "cs": "csharp", "css": "css", "scss": "scss", "less": "less",
	"clj": "clojure", "dart": "dart", "ex": "elixir", "exs": "elixir", "erl": "erlang", "go": "go", "gradle": "groovy", "groovy": "groovy",
	"hs": "haskell", "ini": "ini", "java": "java", "jl": "julia", "js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "jsx",
	"kt": "kotlin", "lua": "lua", "m": "matlab", "ml": "ocaml", "php": "php", "pl": "perl", "pm": "perl", "proto": "protobuf", "ps1": "powershell",
	"py": "python", "r": "r", "rb": "ruby", "rs": "rust", "scala": "scala", "sh": "bash", "bash": "bash", "zsh": "bash", "bat": "batch", "sql": "sql",
	"svelte": "svelte", "swift": "swift", "tex": "latex", "toml": "toml", "ts": "typescript", "tsx": "tsx", "vb": "vb", "vue": "vue",
	"xml": "xml", "yaml": "yaml", "yml": "yaml", "zig": "zig", "asm": "asm", "s": "asm", "cmake": "cmake", "tf": "hcl", "v": "verilog", "vhd": "vhdl",
}

// codeBlock is about how long a block of code gets, in bytes, before an empty line ends it.
const codeBlock = 2000

// readCode reads source code: blocks end at an empty line before a line that is not indented.
func readCode(_ context.Context, f file, b *builder) error {
	text, err := f.text("")
	if err != nil {
		return err
	}
	lang := languages[strings.ToLower(strings.TrimPrefix(path.Ext(f.name), "."))]
	var block strings.Builder
	end := func() {
		b.add(Block{Kind: Code, Lang: lang, Text: strings.Trim(block.String(), "\n")})
		block.Reset()
	}
	empty := false
	for line := range strings.SplitSeq(text, "\n") {
		top := line != "" && line[0] != ' ' && line[0] != '\t' && line[0] != '}' && line[0] != ')'
		if empty && top && block.Len() > codeBlock/4 || block.Len() > 4*codeBlock {
			end()
		}
		block.WriteString(line + "\n")
		empty = strings.TrimSpace(line) == ""
	}
	end()
	return nil
}
