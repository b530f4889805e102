package runs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzCodeSoFar: what is shown of a call that a model is writing only grows, and ends as what the call says.
func FuzzCodeSoFar(f *testing.F) {
	for _, s := range []string{"print(1)", "a\n\tb\"c\\", "é 한 🙂", "</script>\u2028", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, code string) {
		if !utf8.ValidString(code) {
			t.Skip()
		}
		plain, err := json.Marshal(map[string]string{"code": code})
		if err != nil {
			t.Fatal(err)
		}
		var escaped strings.Builder
		escaped.WriteString(`{"code" : "`)
		for _, r := range code {
			if r > 0xffff {
				r -= 0x10000
				fmt.Fprintf(&escaped, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else {
				fmt.Fprintf(&escaped, `\u%04x`, r)
			}
		}
		escaped.WriteString(`"}`)
		for _, arguments := range []string{string(plain), escaped.String()} {
			before := ""
			for i := range len(arguments) + 1 {
				now := codeSoFar(arguments[:i])
				if !strings.HasPrefix(now, before) {
					t.Fatalf("%q, and before that %q", now, before)
				}
				before = now
			}
			if before != code {
				t.Errorf("%q ends as %q", code, before)
			}
		}
	})
}
