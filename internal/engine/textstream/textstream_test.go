package textstream

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStream(t *testing.T) {
	for _, c := range []struct {
		name    string
		stops   []string
		pieces  []string
		want    []string // text after each piece, then what Flush gives
		tokens  []int
		stopped bool
	}{
		{"plain", nil, []string{"a", "b"}, []string{"a", "b", ""}, []int{1, 1, 0}, false},
		{"character over two tokens", nil, []string{"a\xed", "\x95", "\x9cb"}, []string{"a", "", "한b", ""}, []int{0, 0, 3, 0}, false},
		{"broken character inside", nil, []string{"\xed", "x"}, []string{"", "\ufffdx", ""}, []int{0, 2, 0}, false},
		{"broken character at the end", nil, []string{"a\xf0\x9f"}, []string{"a", "\ufffd\ufffd"}, []int{0, 1}, false},
		{"stop inside a token", []string{"END"}, []string{"ab END cd", "e"}, []string{"ab ", "", ""}, []int{1, 0, 0}, true},
		{"stop over tokens", []string{"\n\n"}, []string{"a\n", "\n", "b"}, []string{"a", "", "", ""}, []int{0, 1, 0, 0}, true},
		{"stop that does not come", []string{"###"}, []string{"a#", "#", "b"}, []string{"a", "", "##b", ""}, []int{0, 0, 3, 0}, false},
		{"beginning of a stop at the end", []string{"stop"}, []string{"now st"}, []string{"now ", "st"}, []int{0, 1}, false},
		{"stop that begins anew", []string{"aab"}, []string{"a", "a", "a", "b"}, []string{"", "", "a", "", ""}, []int{0, 0, 1, 0, 0}, true},
		{"the first of two", []string{"yz", "x"}, []string{"axyz"}, []string{"a", ""}, []int{1, 0}, true},
		{"the longer begins first but is not complete", []string{"abcd", "c"}, []string{"abc"}, []string{"ab", ""}, []int{1, 0}, true},
		{"stop at the very beginning", []string{"!"}, []string{"!"}, []string{"", ""}, []int{0, 0}, true},
		{"stop of several bytes per character", []string{"한"}, []string{"가\xed\x95", "\x9c"}, []string{"가", "", ""}, []int{0, 1, 0}, true},
		{"empty pieces", nil, []string{"", "a"}, []string{"", "a", ""}, []int{1, 1, 0}, false},
		{"empty stop is none", []string{""}, []string{"a"}, []string{"a", ""}, []int{1, 0}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(c.stops)
			var stopped bool
			for i, p := range c.pieces {
				var text string
				var n int
				text, n, stopped = s.Push([]byte(p))
				if text != c.want[i] || n != c.tokens[i] {
					t.Errorf("piece %d %q: text %q, %d tokens; want %q, %d", i, p, text, n, c.want[i], c.tokens[i])
				}
			}
			if stopped != c.stopped {
				t.Errorf("stopped %v, want %v", stopped, c.stopped)
			}
			text, n := s.Flush()
			last := len(c.pieces)
			if text != c.want[last] || n != c.tokens[last] {
				t.Errorf("flush: %q, %d tokens; want %q, %d", text, n, c.want[last], c.tokens[last])
			}
		})
	}
}

// FuzzStream compares the stream with what a look at the whole text gives, however it is cut.
func FuzzStream(f *testing.F) {
	f.Add("hello\n\nworld", "\n\n", "wor", uint8(3))
	f.Add("가나다\xed\x95", "나", "", uint8(1))
	f.Add("aaab", "aab", "b", uint8(1))
	f.Fuzz(func(t *testing.T, text, stop1, stop2 string, step uint8) {
		if !utf8.ValidString(stop1) || !utf8.ValidString(stop2) {
			t.Skip("stop texts come from JSON and are whole characters")
		}
		n := int(step%7) + 1
		s := New([]string{stop1, stop2})
		var out strings.Builder
		pushed, counted := 0, 0
		stopped := false
		for rest := text; rest != "" && !stopped; {
			k := min(n, len(rest))
			got, tokens, end := s.Push([]byte(rest[:k]))
			out.WriteString(got)
			rest, stopped, pushed, counted = rest[k:], end, pushed+1, counted+tokens
			if !utf8.ValidString(got) {
				t.Fatalf("text %q is not UTF-8", got)
			}
		}
		if !stopped {
			got, tokens := s.Flush()
			out.WriteString(got)
			if counted += tokens; counted != pushed {
				t.Fatalf("%d tokens counted of %d", counted, pushed)
			}
		}
		for _, stop := range []string{stop1, stop2} {
			if stop != "" && strings.Contains(out.String(), stop) && !strings.Contains(stop, "\ufffd") {
				t.Fatalf("stop %q leaked into %q", stop, out.String())
			}
		}
		if all, _ := decode([]byte(text), true); !strings.HasPrefix(all, out.String()) && !stopped {
			t.Fatalf("%q is not the beginning of %q", out.String(), all)
		}
	})
}
