package sandbox

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzFrames reads what a sandbox might say: no bytes may make this process panic, hold more than its bounds, or take a path for one of its own.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(`{"t":"text","id":1,"bytes":3}` + "\nabc" + `{"t":"done","ok":true}` + "\n"))
	f.Add([]byte(`{"t":"files","files":[{"path":"../x","size":1},{"path":"a/b","size":-1}]}` + "\n"))
	f.Add([]byte(`{"t":"image","bytes":99999999999}` + "\n"))
	f.Add([]byte(`{"bytes":-1}` + "\n" + strings.Repeat("x", 1000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(data), maxHeader)
		var text texts
		out := ""
		for {
			fr, err := readFrame(r)
			if err != nil {
				break
			}
			if len(fr.Body) > maxBody || len(fr.Body) > len(data) {
				t.Fatalf("a body of %d bytes", len(fr.Body))
			}
			out += text.add(fr.Body)
			for _, e := range fr.Files {
				if validPath(e.Path) && (strings.HasPrefix(e.Path, "/") || strings.Contains("/"+e.Path+"/", "/../") || !utf8.ValidString(e.Path)) {
					t.Fatalf("%q is taken for a path below /mnt/data", e.Path)
				}
			}
		}
		if out += text.end(); !utf8.ValidString(out) || strings.Contains(out, "\x00") {
			t.Fatalf("%q is no text", out)
		}
	})
}

func TestTexts(t *testing.T) {
	all := "a é 你 😀 \xff\xfe b\xf0\x9f"
	want := clean([]byte(all))
	for size := 1; size < 6; size++ {
		var text texts
		got := ""
		for rest := []byte(all); len(rest) > 0; {
			n := min(size, len(rest))
			got += text.add(rest[:n])
			rest = rest[n:]
		}
		if got += text.end(); strings.ReplaceAll(got, "\uFFFD", "") != strings.ReplaceAll(want, "\uFFFD", "") {
			t.Errorf("in pieces of %d: %q, want %q", size, got, want)
		}
	}
}
