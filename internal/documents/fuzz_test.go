package documents_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/fault"
)

// check reads a file and fails the test on what no file may bring about.
func check(t *testing.T, name string, content []byte) {
	t.Helper()
	d, err := documents.Read(context.Background(), name, bytes.NewReader(content))
	if err != nil {
		f := fault.As(err)
		if f == nil || f.Code != documents.CodeInvalid && f.Code != documents.CodeUnsupported {
			t.Fatalf("%s: %v: not an error for the file's owner", name, err)
		}
		if f.Err != nil && strings.HasPrefix(f.Err.Error(), "panic") {
			t.Fatalf("%s: %v", name, err)
		}
		return
	}
	if len(d.Blocks) == 0 {
		t.Fatalf("%s: silently empty", name)
	}
	for _, b := range d.Blocks {
		if strings.TrimSpace(b.Text) == "" || !utf8.ValidString(b.Text) || strings.ContainsAny(b.Text, "\x00\r\x1b") {
			t.Fatalf("%s: bad text %q", name, b.Text)
		}
	}
}

// FuzzTexts reads bytes as each kind of text.
func FuzzTexts(f *testing.F) {
	f.Add([]byte("# a\n\n- b\n\n| c | d |\n|---|---|\n| e | f |\n```go\nx\n```\n"))
	f.Add([]byte("<html><meta charset=euc-kr><title>t</title><h1>x</h1><ul><li>y<table><tr><td>z</table><pre>p</pre>"))
	f.Add([]byte("a;b\n\"c\nd\";e\n"))
	f.Add([]byte(`{"cells":[{"cell_type":"code","source":["x"],"outputs":[{"text":"y"}]}]}`))
	f.Add([]byte("\xff\xfeh\x00i\x00"))
	f.Add([]byte("\xb0\xa1\xb3\xaa\x81\x41"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, name := range []string{"a.txt", "a.md", "a.html", "a.csv", "a.json", "a.jsonl", "a.ipynb", "a.py"} {
			check(t, name, content)
		}
	})
}
