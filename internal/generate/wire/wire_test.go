package wire

import (
	"fmt"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
)

func TestStop(t *testing.T) {
	for in, want := range map[string]string{
		`null`: `[]`, `"a"`: `["a"]`, `["a","b"]`: `["a" "b"]`, `""`: `[]`, `["","a"]`: `["a"]`, `[]`: `[]`,
	} {
		var s Stop
		if err := json.Unmarshal([]byte(in), &s); err != nil || fmt.Sprintf("%q", []string(s)) != want {
			t.Errorf("%s: %q, %v", in, []string(s), err)
		}
	}
}

func TestLogitBiasIsInTheOrderOfIDs(t *testing.T) {
	var l LogitBias
	if err := json.Unmarshal([]byte(`{"300":-100,"7":1.5,"20":100}`), &l); err != nil || fmt.Sprint(l) != "[{7 1.5} {20 100} {300 -100}]" {
		t.Errorf("%v, %v", l, err)
	}
	for _, in := range []string{`{"-1":1}`, `{"1.5":1}`, `{"99999999999":1}`, `{"x":1}`, `{"1":"y"}`} {
		if err := json.Unmarshal([]byte(in), &l); err == nil {
			t.Errorf("%s was taken: %v", in, l)
		}
	}
	for _, bias := range []float32{-100.5, 101} {
		if err := (LogitBias{{Token: 1, Bias: bias}}).check(); fault.As(err) == nil || fault.As(err).Param != "logit_bias.1" {
			t.Errorf("bias %v: %v", bias, err)
		}
	}
	if err := make(LogitBias, maxBias+1).check(); err == nil {
		t.Error("too many entries were taken")
	}
}

func TestRefused(t *testing.T) {
	for _, fine := range []string{"", "null", "false", "[]", "[ ]", `"none"`, `{"type": "text"}`} {
		if err := Refused("tools", jsontext.Value(fine), `"none"`, `{"type":"text"}`); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
	for _, asks := range []string{"[{}]", "{}", "true", `""`} { // "web_search_options": {} asks for a search
		err := Refused("tools", jsontext.Value(asks))
		if fe := fault.As(err); fe == nil || fe.Param != "tools" || fe.Code != "unsupported_parameter" || fe.Kind != fault.Invalid {
			t.Errorf("%s: %v", asks, err)
		}
	}
}

func TestATallyCountsEachPromptOnce(t *testing.T) {
	sum := newTally(2)
	for _, prompt := range []int{0, 1, 0} {
		sum.Add(prompt, generate.Usage{PromptTokens: 10, CachedTokens: 4, CompletionTokens: 3})
	}
	if u := sum.Usage(); u.PromptTokens != 20 || u.CompletionTokens != 9 || u.TotalTokens != 29 || u.PromptTokensDetails.CachedTokens != 8 {
		t.Errorf("%+v", u)
	}
}
