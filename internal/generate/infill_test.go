package generate

import (
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

func TestInfillUsesTheMarksOfTheVocabulary(t *testing.T) {
	p := infill(engine.Info{Special: []string{"<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"}}, "def f(", "return x")
	if p.kind != promptText || p.Text != "<|fim_prefix|>def f(<|fim_suffix|>return x<|fim_middle|>" {
		t.Errorf("%+v", p)
	}
	// Two of three are no such training.
	p = infill(engine.Info{Special: []string{"<|fim_prefix|>", "<|fim_suffix|>"}}, "def f(", "return x")
	if p.kind != promptMessages || len(p.Messages) != 4 || p.Messages[3].Content != gap("def f(", "return x") {
		t.Errorf("%+v", p)
	}
}

func TestAPromptBeforeASuffix(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.target.Native = true })
	w.backend.info.Special = []string{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"}
	for _, p := range []Prompt{FromText("a"), FromTokens([]engine.Token{'a'})} {
		for _, err := range s.Run(t.Context(), who, Request{Model: "gpt-4", Param: "prompt"}, p.Before("z")) {
			if err != nil {
				t.Fatal(err)
			}
		}
		var got strings.Builder
		for _, token := range w.backend.requests[len(w.backend.requests)-1].Tokens {
			got.WriteByte(byte(token))
		}
		if got.String() != "<fim_prefix>a<fim_suffix>z<fim_middle>" {
			t.Errorf("the model read %q", got.String())
		}
	}
}
