package interpreter

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzWords feeds what models and users choose: arguments of calls, names of files, output that is cut.
func FuzzWords(f *testing.F) {
	f.Add(`{"code":"print(1)"}`)
	f.Add("```python\nprint(1)\n```")
	f.Add("../../etc/passwd")
	f.Add("名前.csv")
	f.Add(strings.Repeat("é", 300) + ".txt")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := codeOf(s); err != nil && !strings.Contains(err.Error(), "code") {
			t.Errorf("%q: an error that does not say what to send: %v", s, err)
		}
		name := free(s, []place{{path: safeName(s)}, {path: "a/b"}})
		if name == safeName(s) || name == "" || name == "." || name == ".." || len(name) > 300 || strings.ContainsAny(name, "/\x00\n") || path.Clean(name) != name || !utf8.ValidString(name) {
			t.Errorf("%q becomes %q", s, name)
		}
		got := cut(s, 30)
		if utf8.ValidString(s) && !utf8.ValidString(got) || len(got) > 100 && len(s) > 100 || len(s) <= 30 && got != s {
			t.Errorf("%q is cut to %q", s, got)
		}
	})
}
