package generate

import (
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// TestLogitBiasIsRead: what a backend gets for the ids of each kind of name.
func TestLogitBiasIsRead(t *testing.T) {
	type biases = []engine.TokenBias
	type texts = []engine.BiasText
	chat := FromMessages([]engine.Message{{Role: "user", Content: "hi"}})
	for _, tt := range []struct {
		name     string
		encoding string
		native   bool
		prompt   Prompt
		bias     biases
		want     engine.Sampling
		err      string
	}{
		{"texts", "cl100k_base", false, FromText("x"), biases{{Token: 9891, Bias: -100}, {Token: 52947, Bias: 3}}, engine.Sampling{BiasTexts: texts{{Text: "yes", Bias: -100}, {Text: " Worlds", Bias: 3}}}, ""},
		{"of another encoding", "p50k_base", false, FromText("x"), biases{{Token: 3763, Bias: 5}}, engine.Sampling{BiasTexts: texts{{Text: " yes", Bias: 5}}}, ""},
		{"a part of a letter", "cl100k_base", false, FromText("x"), biases{{Token: 171, Bias: 5}}, engine.Sampling{BiasTexts: texts{{Text: "\xef", Bias: 5}}}, ""},
		{"the end, of 2022", "p50k_base", false, FromText("x"), biases{{Token: 50256, Bias: -100}}, engine.Sampling{BiasTexts: texts{}, EndBias: -100}, ""},
		{"the end, of 2023", "cl100k_base", false, FromText("x"), biases{{Token: 100257, Bias: -100}}, engine.Sampling{BiasTexts: texts{}, EndBias: -100}, ""},
		{"50256 is a word in 2023", "cl100k_base", false, FromText("x"), biases{{Token: 50256, Bias: -100}}, engine.Sampling{BiasTexts: texts{{Text: "parable", Bias: -100}}}, ""},
		{"the end banned from a chat", "cl100k_base", false, chat, biases{{Token: 100257, Bias: -100}}, engine.Sampling{BiasTexts: texts{}}, ""},
		{"a chat led to its end", "cl100k_base", false, chat, biases{{Token: 100257, Bias: 100}}, engine.Sampling{BiasTexts: texts{}, EndBias: 100}, ""},
		{"an id of nothing", "cl100k_base", false, FromText("x"), biases{{Token: 100256, Bias: 100}}, engine.Sampling{BiasTexts: texts{}}, ""},
		{"beyond the end", "cl100k_base", false, FromText("x"), biases{{Token: 100258, Bias: 1}}, engine.Sampling{}, "Invalid key in 'logit_bias': 100258. Maximum value is 100257."},
		{"blanks beyond the end", "p50k_base", false, FromText("x"), biases{{Token: 50280, Bias: 1}}, engine.Sampling{BiasTexts: texts{{Text: strings.Repeat(" ", 25), Bias: 1}}}, ""},
		{"beyond these", "p50k_edit", false, FromText("x"), biases{{Token: 50281, Bias: 1}}, engine.Sampling{}, "Invalid key in 'logit_bias': 50281. Maximum value is 50280."},
		{"beyond 2022", "r50k_base", false, FromText("x"), biases{{Token: 50257, Bias: 1}}, engine.Sampling{}, "Maximum value is 50256."},
		{"the model's own", "", true, FromText("x"), biases{{Token: 255, Bias: 1}}, engine.Sampling{Bias: biases{{Token: 255, Bias: 1}}}, ""},
		{"not the model's own", "", true, FromText("x"), biases{{Token: 256, Bias: 1}}, engine.Sampling{}, "Token id 256 is not in the vocabulary of `tiny`"},
		{"of nobody knows whom", "", false, FromText("x"), biases{{Token: 1, Bias: 1}}, engine.Sampling{}, "words. Name `tiny` as the model to send its own token ids"},
		{"none", "", false, FromText("x"), nil, engine.Sampling{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, s := newWorld(func(w *fakeWorld) { w.target.Encoding, w.target.Native = tt.encoding, tt.native })
			var got error
			for _, err := range s.Run(t.Context(), who, Request{Model: "gpt-4", Param: "prompt", Sampling: engine.Sampling{Bias: tt.bias}}, tt.prompt) {
				got = err
			}
			if tt.err != "" {
				if f := fault.As(got); f == nil || f.Kind != fault.Invalid || f.Param != "logit_bias" || !strings.Contains(f.Message, tt.err) {
					t.Errorf("%v, want %q", got, tt.err)
				}
				return
			}
			if got != nil {
				t.Fatal(got)
			}
			sent := w.backend.requests[0].Sampling
			if !equalBias(sent, tt.want) {
				t.Errorf("%+v, want %+v", sent, tt.want)
			}
		})
	}
}

func equalBias(a, b engine.Sampling) bool {
	if len(a.Bias) != len(b.Bias) || len(a.BiasTexts) != len(b.BiasTexts) || a.EndBias != b.EndBias {
		return false
	}
	for i := range a.Bias {
		if a.Bias[i] != b.Bias[i] {
			return false
		}
	}
	for i := range a.BiasTexts {
		if a.BiasTexts[i] != b.BiasTexts[i] {
			return false
		}
	}
	return true
}

// TestAnotherServerGetsIdsAsTheyAre: it reads them by its own vocabulary.
func TestAnotherServerGetsIdsAsTheyAre(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) {
		w.target.Encoding = "cl100k_base"
		w.backend.info = engine.Info{Name: "up", Input: engine.InputMessages, CanGenerate: true}
	})
	bias := []engine.TokenBias{{Token: 9891, Bias: 4}, {Token: 200000, Bias: -100}}
	for _, err := range s.Run(t.Context(), who, Request{Model: "gpt-4", Sampling: engine.Sampling{Bias: bias}}, FromText("x")) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if sent := w.backend.requests[0].Sampling; !equalBias(sent, engine.Sampling{Bias: bias}) {
		t.Errorf("%+v", sent)
	}
}
