package toolcall

import (
	"fmt"
	"testing"
)

// A forced call that is cut anywhere has its function's name, once, and the beginning of its arguments.
func TestForcedCallsThatAreCut(t *testing.T) {
	named, required := request, request
	named.Choice = Choice{Mode: Named, Name: "get"}
	required.Choice.Mode, required.Tools = Required, []Tool{{Name: "get"}}
	const whole, arguments = "<tool_call>\n{\"name\": \"get\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>", `{"city": "Paris"}`
	for _, r := range []Request{named, required} {
		for cut := range len(whole) {
			p := Generic().Parser(r)
			name, got := "", ""
			for _, e := range append(p.Write(whole[:cut]), p.Close()...) {
				if e.Call == nil {
					t.Fatalf("cut at %d gives the words %q", cut, e.Text)
				}
				name, got = name+e.Call.Name, got+e.Call.Arguments
			}
			if name != "get" || got != arguments[:len(got)] {
				t.Fatalf("cut at %d gives %s", cut, fmt.Sprintf("%q with %q", name, got))
			}
		}
	}
	several := request
	several.Choice.Mode = Required
	if events := Generic().Parser(several).Close(); len(several.Tools) < 2 || len(events) != 0 {
		t.Errorf("of %d functions none is certain: %v", len(several.Tools), events)
	}
}
