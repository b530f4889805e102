package toolcall

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo/gbnf"
)

// anything is a schema that leaves the arguments' form to the call.
const anything = `{"type":"object","properties":{"city":{"type":"string"},"n":{"type":"integer"},"deep":{"type":"object","additionalProperties":true},"list":{"type":"array"},"on":{"type":"boolean"}}}`

var request = Request{Tools: []Tool{
	{Name: "get_weather", Description: "Tells the weather.", Parameters: []byte(anything)},
	{Name: "get", Description: "Gets.", Parameters: []byte(anything)},
}, Parallel: true}

// answers are what an assistant says and calls.
var answers = []struct {
	name, content string
	calls         []engine.ToolCall
}{
	{"one", "", calls("get_weather", `{"city": "Paris"}`)},
	{"one with words", "Let me see.", calls("get", `{"city": "Paris", "n": 3}`)},
	{"two", "", calls("get_weather", `{"city": "Paris"}`, "get", `{"city": "Rome", "n": -1}`)},
	{"two with words", "I ask twice.", calls("get", `{"city": "Paris"}`, "get_weather", `{"city": "Rome"}`)},
	{"none", "Only words, and a {\"brace\": 1} < here [too].", nil},
	{"nested", "", calls("get", `{"deep": {"a": {"b": [1, {"c": null}]}, "d": "}"}, "list": [true, "]"], "on": false}`)},
	{"Korean", "잠시만요.", calls("get_weather", `{"city": "서울특별시"}`)},
	{"quotes and lines", "", calls("get_weather", `{"city": "say \"hi\" \\ and\nso on\t."}`)},
	{"frames inside", "", calls("get", `{"city": "</tool_call> <tool_call> [TOOL_CALLS] {\"name\": \"get\"}]<|END_ACTION|>"}`)},
	{"empty", "", calls("get", `{}`)},
}

func calls(pairs ...string) []engine.ToolCall {
	var out []engine.ToolCall
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, engine.ToolCall{ID: fmt.Sprintf("call0000%d", i/2), Name: pairs[i], Arguments: pairs[i+1]})
	}
	return out
}

// collected is what a parser's events make.
type collected struct {
	text  string
	calls []engine.ToolCall
}

func (c *collected) add(t testing.TB, events []Event) {
	t.Helper()
	for _, e := range events {
		c.text += e.Text
		if e.Call == nil {
			continue
		}
		switch i := e.Call.Index; {
		case i == len(c.calls):
			if e.Call.Name == "" || !strings.HasPrefix(e.Call.ID, "call_") || len(e.Call.ID) != len("call_")+24 {
				t.Fatalf("a call begins with %+v", *e.Call)
			}
			c.calls = append(c.calls, engine.ToolCall{Name: e.Call.Name, Arguments: e.Call.Arguments})
		case i == len(c.calls)-1:
			if e.Call.Name != "" || e.Call.ID != "" {
				t.Fatalf("a call goes on with %+v", *e.Call)
			}
			c.calls[i].Arguments += e.Call.Arguments
		default:
			t.Fatalf("index %d after %d calls", i, len(c.calls))
		}
	}
}

func parse(t testing.TB, s *Syntax, r Request, pieces ...string) collected {
	t.Helper()
	var c collected
	p := s.Parser(r)
	answer := strings.Join(pieces, "")
	add := func(events []Event) {
		for _, e := range events {
			if e.Call == nil && e.At >= 0 && (e.At+len(e.Text) > len(answer) || answer[e.At:e.At+len(e.Text)] != e.Text) {
				t.Errorf("%q is not at %d of %q", e.Text, e.At, answer)
			}
		}
		c.add(t, events)
	}
	for _, piece := range pieces {
		add(p.Write(piece))
	}
	add(p.Close())
	return c
}

func split(rnd *rand.Rand, text string) []string {
	var out []string
	for text != "" {
		n := 1 + rnd.IntN(min(len(text), 1+rnd.IntN(12)))
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

func sameCalls(t testing.TB, got, want []engine.ToolCall) bool {
	t.Helper()
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		var g, w any
		if got[i].Name != want[i].Name || json.Unmarshal([]byte(got[i].Arguments), &g) != nil || json.Unmarshal([]byte(want[i].Arguments), &w) != nil || !reflect.DeepEqual(g, w) {
			return false
		}
	}
	return true
}

// endOfTurn is a token that ends some templates' turns with calls and not those with words.
var endOfTurn = regexp.MustCompile(`<[|｜][^<>]+>$`)

// TestTemplatesAndParserAgree writes calls with every template and reads them back, whole and in pieces; the grammar lets the same text
// through.
func TestTemplatesAndParserAgree(t *testing.T) {
	for name, tmpl := range allTemplates(t) {
		s := Detect(tmpl)
		if !s.Native() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := &prober{t: tmpl, describe: true}
			plain := p.render(assistant(content))
			lead, end, _ := strings.Cut(plain, content)
			for i, a := range answers {
				if s.single && len(a.calls) > 1 {
					continue
				}
				var written []probeCall
				for _, c := range a.calls {
					written = append(written, newProbeCall(c.ID, c.Name, c.Arguments))
				}
				turn := p.render(assistant(a.content, written...))
				if s.channels {
					turn = strings.TrimSuffix(strings.TrimPrefix(turn, "<|start|>assistant"), "<|call|>")
				} else {
					turn = turn[len(commonPrefix(turn, lead)):]
				}
				turn = withoutEnd(turn, end)
				if at := endOfTurn.FindStringIndex(turn); at != nil && !slices.Contains(s.ShowSpecial(), turn[at[0]:]) {
					turn = turn[:at[0]]
				}
				wantText := a.content
				if len(a.calls) > 0 && !strings.Contains(turn, a.content) {
					wantText = "" // the template drops words beside calls
				}
				if stop := strings.TrimSpace(end); stop != "" && strings.Contains(turn, stop) && len(a.calls) > 0 {
					wantText = "" // it writes them as a turn of their own
				}
				if at := strings.Index(turn, s.open+s.head[:strings.IndexAny(s.head+slots, slots)]); at >= 0 && len(a.calls) > 0 && wantText == "" {
					turn = turn[at:]
				}
				got := parse(t, s, request, turn)
				if s.channels && len(a.calls) > 0 {
					wantText = "" // words beside calls are reasoning there
				}
				if strings.TrimSpace(got.text) != wantText || !sameCalls(t, got.calls, a.calls) {
					t.Errorf("%s: %q\n got %+v\nwant %q and %+v", a.name, turn, got, wantText, a.calls)
					continue
				}
				rnd := rand.New(rand.NewPCG(uint64(i), 7))
				for range 20 {
					pieces := split(rnd, turn)
					if again := parse(t, s, request, pieces...); !reflect.DeepEqual(again, got) {
						t.Fatalf("%s: in pieces %q:\n got %+v\nwant %+v", a.name, pieces, again, got)
					}
				}
				if len(a.calls) == 0 {
					continue
				}
				g, err := s.Grammar(request)
				if err != nil {
					t.Fatal(err)
				}
				m, err := gbnf.Parse(g.GBNF, g.Root)
				if err != nil {
					t.Fatalf("%v\n%s", err, g.GBNF)
				}
				at := -1
				for _, trigger := range g.Triggers {
					if i := strings.Index(turn, trigger); i >= 0 && (at < 0 || i < at) {
						at = i
					}
				}
				if at < 0 {
					t.Fatalf("%s: none of %q is in %q", a.name, g.Triggers, turn)
				}
				turn = strings.TrimSpace(turn[at:])
				if s.notation.Quote != "" {
					turn = strings.ReplaceAll(strings.TrimSuffix(turn, a.content), "None", "null") // what the template writes is no value of the notation
				}
				ok, n := m.Match(turn)
				if a.name == "empty" && !ok {
					// Some templates have a line more or less where there are no arguments.
					for _, other := range []string{strings.ReplaceAll(turn, "\n\n", "\n"), strings.ReplaceAll(turn, "\n<", "\n\n<")} {
						if other, _ := m.Match(other); other {
							ok = true
						}
					}
				}
				if !ok {
					t.Errorf("%s: the grammar refuses %q after %q\n%.2000s", a.name, turn, string([]rune(turn)[:n]), g.GBNF)
				}
			}
		})
	}
}
