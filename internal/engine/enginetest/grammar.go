package enginetest

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

func (x *exam) grammar(t *testing.T, b engine.Backend) {
	ask := func(gbnf string, n int, change func(*engine.GenerateRequest)) answer {
		t.Helper()
		req := x.request(t, b, x.caps.Prompt, n)
		req.Sampling.Grammar = &engine.Grammar{GBNF: gbnf, Root: "root"}
		if change != nil {
			change(&req)
		}
		return collect(ctxOf(t), t, b, req)
	}
	for _, temperature := range []float32{0, 1.5} {
		a := ask(`root ::= "maybe" | "perhaps"`, 8, func(r *engine.GenerateRequest) { r.Sampling.Temperature, r.Sampling.Seed = temperature, 7 })
		if a.err != nil || a.text != "maybe" && a.text != "perhaps" || a.done.Reason != engine.FinishStop {
			t.Errorf("the grammar allows two words, it said %q: %+v, %v", a.text, a.done, a.err)
		}
	}
	// Letters of several tokens, repetitions and rules that use themselves.
	a := ask("root ::= \"한\" [가-깋]{2,3} list\nlist ::= \"[\" (list (\", \" list)?)? \"]\"", 200, nil)
	if form := regexp.MustCompile(`^한[가-깋]{2,3}\[[\[\], ]*\]$`); a.err != nil || a.done.Reason == engine.FinishStop && (!form.MatchString(a.text) || strings.Count(a.text, "[") != strings.Count(a.text, "]")) {
		t.Errorf("the grammar does not allow %q (%v)", a.text, a.err)
	}
	// Cut by the limit, and ended by a stop text.
	if a := ask(`root ::= "abcdefghijklmnopqrstuvwxyz0123456789"`, 3, nil); a.err != nil || a.done.Reason != engine.FinishLength || a.text == "" || !strings.HasPrefix("abcdefghijklmnopqrstuvwxyz0123456789", a.text) {
		t.Errorf("cut after 3 tokens: %q, %+v, %v", a.text, a.done, a.err)
	}
	if a := ask(`root ::= "one, two, three"`, 20, func(r *engine.GenerateRequest) { r.Stop = []string{", t"} }); a.err != nil || a.done.Reason != engine.FinishStop || a.text != "one" {
		t.Errorf("with a stop text: %q, %+v, %v", a.text, a.done, a.err)
	}
	if x.can(Logprobs) && x.can(Tokens) {
		a := ask(`root ::= "maybe"`, 8, func(r *engine.GenerateRequest) { r.Logprobs, r.TopLogprobs = true, 2 })
		if a.err != nil || len(a.tokens) == 0 {
			t.Fatalf("logprobs under a grammar: %+v", a)
		}
		for i, token := range a.tokens {
			wantSane(t, i, token, 2)
		}
	}
	for _, bad := range []string{`root ::= (((`, `root ::= nothing`, "", "root ::= root \"a\" | \"b\"", "other ::= \"a\""} {
		if a := ask(bad, 8, nil); fault.KindOf(a.err) != fault.Invalid {
			t.Errorf("the broken grammar %q: %v", bad, a.err)
		}
	}
	run(t, b, x.request(t, b, x.caps.Prompt, 4))
}

// grammarTriggers wakes a grammar by a text out of the middle of an answer.
func (x *exam) grammarTriggers(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 20)
	full := run(t, b, req).text
	letters := []rune(full)
	if len(letters) < 12 {
		t.Fatalf("the answer %q is too short to be cut", full)
	}
	trigger := string(letters[len(letters)/2 : len(letters)/2+3])
	before, _, _ := strings.Cut(full, trigger)
	req.MaxTokens = 60
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(trigger)
	req.Sampling.Grammar = &engine.Grammar{GBNF: fmt.Sprintf("root ::= \"%s\" [a-zA-Z ,.!?']{0,8} \" 1789\"", quoted), Root: "root", Triggers: []string{"\x00never said", trigger}}
	a := run(t, b, req)
	if !strings.HasPrefix(a.text, before+trigger) || !strings.HasSuffix(a.text, " 1789") || a.done.Reason != engine.FinishStop {
		t.Errorf("woken by %q in %q it said %q (%s)", trigger, full, a.text, a.done.Reason)
	}
	req.Sampling.Grammar.Triggers = []string{"\x00never said"}
	req.MaxTokens = 20
	if a := run(t, b, req); a.text != full {
		t.Errorf("asleep it said %q instead of %q", a.text, full)
	}
}

// grammarsDoNotMix runs sequences with different grammars, and without one, together.
func (x *exam) grammarsDoNotMix(t *testing.T, b engine.Backend) {
	var wg sync.WaitGroup
	for i := range 6 {
		req := x.request(t, b, x.caps.Prompt, 12)
		want := strings.Repeat(string(rune('a'+i)), 10)
		if i > 0 {
			req.Sampling.Grammar = &engine.Grammar{GBNF: fmt.Sprintf("root ::= %q{10}", want[:1]), Root: "root"}
		}
		wg.Go(func() {
			a := collect(ctxOf(t), t, b, req)
			if a.err != nil || i > 0 && a.text != want || !utf8.ValidString(a.text) {
				t.Errorf("sequence %d said %q, %v", i, a.text, a.err)
			}
		})
	}
	wg.Wait()
}
