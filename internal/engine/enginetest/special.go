package enginetest

import (
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

// showSpecial forces a control token that does not end the answer: hidden, unless it is asked for by its text.
func (x *exam) showSpecial(t *testing.T, b engine.Backend) {
	info := infoOf(t, b)
	force := func(text string, shown ...string) answer {
		req := x.request(t, b, x.caps.Prompt, 2)
		req.Sampling.Bias = []engine.TokenBias{{Token: tokens(t, b, text)[0], Bias: 100}}
		req.ShowSpecial = shown
		return run(t, b, req)
	}
	for _, text := range info.Special {
		hidden := force(text)
		if hidden.done.Reason == engine.FinishStop {
			if text == info.EOS {
				if a := force(text, text); a.text != "" || a.done.Reason != engine.FinishStop {
					t.Errorf("%q ends the answer; shown it said %q (%s)", text, a.text, a.done.Reason)
				}
			}
			continue
		}
		if len(hidden.tokens) != 2 || hidden.tokens[0].Token != tokens(t, b, text)[0] {
			continue // not even the largest bias makes the model say it
		}
		if hidden.text != "" {
			t.Errorf("the control token %q was written: %q", text, hidden.text)
		}
		if other := force(text, "not a token of any model", info.EOS); other.text != "" {
			t.Errorf("the control token %q was written though others were asked for: %q", text, other.text)
		}
		shown := force(text, text)
		if shown.text != strings.Repeat(text, 2) {
			t.Errorf("%q is to be shown, the text is %q", text, shown.text)
		}
		wantTokensSpell(t, shown)
		return
	}
	t.Errorf("none of the %d control tokens could be forced", len(info.Special))
}
