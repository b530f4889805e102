package main

import (
	"encoding/json"
	"testing"
)

// answerOf makes an answer with calls of functions, each with its arguments as JSON.
func answerOf(t *testing.T, calls ...[2]string) answer {
	t.Helper()
	var a answer
	for _, c := range calls {
		var one call
		one.Function.Name, one.Function.Arguments = c[0], c[1]
		a.Message.ToolCalls = append(a.Message.ToolCalls, one)
	}
	return a
}

func TestThereAreSixtyCases(t *testing.T) {
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Cases) != 60 {
		t.Errorf("there are %d cases", len(s.Cases))
	}
}

// Each case can be answered rightly: what is wanted, written out, is judged as right when it satisfies the schema.
func TestWhatIsWantedIsRight(t *testing.T) {
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Cases {
		var calls [][2]string
		for _, wanted := range c.Calls {
			for name, arguments := range wanted {
				flat := map[string]any{}
				for path, want := range arguments {
					if list, ok := want.([]any); ok {
						want = list[0]
					}
					flat[path] = want
				}
				data, _ := json.Marshal(nest(flat))
				calls = append(calls, [2]string{name, string(data)})
			}
		}
		got := s.judge(&c, answerOf(t, calls...))
		if got.decided != 1 || got.functions != 1 || got.arguments != 1 {
			t.Errorf("%s, %s: %+v", c.Group, c.Name, got)
		}
	}
}

// nest turns {"a.b": 1, "c.0": 2} into {"a": {"b": 1}, "c": [2]}.
func nest(flat map[string]any) any {
	type node = map[string]any
	root := node{}
	for path, v := range flat {
		n := root
		steps := split(path)
		for _, step := range steps[:len(steps)-1] {
			if n[step] == nil {
				n[step] = node{}
			}
			n = n[step].(node)
		}
		n[steps[len(steps)-1]] = v
	}
	return lists(root)
}

func split(path string) []string {
	var out []string
	start := 0
	for i := range path {
		if path[i] == '.' {
			out, start = append(out, path[start:i]), i+1
		}
	}
	return append(out, path[start:])
}

func lists(v any) any {
	n, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for k := range n {
		n[k] = lists(n[k])
	}
	if _, ok := n["0"]; !ok {
		return n
	}
	out := make([]any, len(n))
	for i := range out {
		out[i] = n[string(rune('0'+i))]
	}
	return out
}

func TestWrongAnswersAreSeen(t *testing.T) {
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	c := testCase{Tools: []string{"get_weather", "get_time"}, Calls: []map[string]map[string]any{{"get_weather": {"city": "paris"}}}}
	for name, test := range map[string]struct {
		got  answer
		want score
	}{
		"nothing called":   {answerOf(t), score{cases: 1}},
		"broken JSON":      {answerOf(t, [2]string{"get_weather", `{"city": "Paris"`}), score{cases: 1, decided: 1, calls: 1, functions: 1}},
		"against schema":   {answerOf(t, [2]string{"get_weather", `{"city": 7}`}), score{cases: 1, decided: 1, calls: 1, parsed: 1, functions: 1}},
		"another city":     {answerOf(t, [2]string{"get_weather", `{"city": "Rome"}`}), score{cases: 1, decided: 1, calls: 1, parsed: 1, valid: 1, functions: 1}},
		"another function": {answerOf(t, [2]string{"get_time", `{"city": "Paris"}`}), score{cases: 1, decided: 1, calls: 1, parsed: 1, valid: 1}},
		"not offered":      {answerOf(t, [2]string{"list_files", `{}`}), score{cases: 1, decided: 1, calls: 1, parsed: 1}},
		"once too often":   {answerOf(t, [2]string{"get_weather", `{"city": "Paris"}`}, [2]string{"get_weather", `{"city": "Paris"}`}), score{cases: 1, decided: 1, calls: 2, parsed: 2, valid: 2}},
	} {
		got := s.judge(&c, test.got)
		if got.cases != test.want.cases || got.decided != test.want.decided || got.calls != test.want.calls || got.parsed != test.want.parsed ||
			got.valid != test.want.valid || got.functions != test.want.functions || got.arguments != test.want.arguments {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	none := testCase{Tools: []string{"get_time"}, None: true}
	if got := s.judge(&none, answerOf(t, [2]string{"get_time", `{"city": "Paris"}`})); got.decided != 0 || got.arguments != 0 {
		t.Errorf("a call that nobody wanted: %+v", got)
	}
}

func TestParametersKeepTheirOrder(t *testing.T) {
	s, err := load()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"p": s.Tools["calculate"].Parameters})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"p":{"type":"object","properties":{"operation":{"type":"string","enum":["add","subtract","multiply","divide"]},"a":{"type":"number"},"b":{"type":"number"}},"required":["operation","a","b"],"additionalProperties":false}}`; string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
}
