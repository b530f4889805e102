package toolcall

import (
	"testing"
)

// A model that was not trained on calls may write one again and again: the answer may end at the first that is not new.
func TestRepeatedCalls(t *testing.T) {
	call := func(city string) string {
		return "<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"" + city + "\"}}\n</tool_call>\n"
	}
	for _, tt := range []struct {
		name    string
		in      string
		calls   []string // arguments
		repeats bool
	}{
		{"others", call("Paris") + call("Rome"), []string{`{"city": "Paris"}`, `{"city": "Rome"}`}, false},
		{"at once", call("Paris") + call("Paris") + call("Rome"), []string{`{"city": "Paris"}`}, true},
		{"in turn", call("Paris") + call("Rome") + call("Paris") + "words", []string{`{"city": "Paris"}`, `{"city": "Rome"}`}, true},
		{"cut while it could be one", call("Paris") + call("Paris")[:50], []string{`{"city": "Paris"}`, `{"city": `}, false},
		{"a longer name", call("Par") + call("Paris"), []string{`{"city": "Par"}`, `{"city": "Paris"}`}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.in); size += 6 {
				p := Generic().Parser(request)
				var got []string
				take := func(events []Event) {
					for _, e := range events {
						switch {
						case e.Call == nil && e.Text != "" && e.Text != "\n":
							t.Errorf("words %q", e.Text)
						case e.Call == nil:
						case e.Call.Name != "":
							got = append(got, "")
						default:
							got[e.Call.Index] += e.Call.Arguments
						}
					}
				}
				for at := 0; at < len(tt.in); at += size {
					take(p.Write(tt.in[at:min(at+size, len(tt.in))]))
				}
				take(p.Close())
				if len(got) != len(tt.calls) || p.Repeats() != tt.repeats {
					t.Fatalf("in pieces of %d: %q, repeats %v", size, got, p.Repeats())
				}
				for i := range got {
					if got[i] != tt.calls[i] {
						t.Fatalf("in pieces of %d: %q", size, got)
					}
				}
			}
		})
	}
	// Models with a form of their own mean it: two dice are rolled by two calls.
	p := detected(t, "Qwen-Qwen2.5-7B-Instruct.jinja").Parser(request)
	n := 0
	for _, e := range p.Write(call("Paris") + call("Paris")) {
		if e.Call != nil && e.Call.Name != "" {
			n++
		}
	}
	if n != 2 || p.Repeats() {
		t.Errorf("a trained model made %d calls, repeats %v", n, p.Repeats())
	}
}
