// Package enginetest is the exam that every engine.Backend passes: the fake, llama.cpp in this process
// and in a child, and remote servers as far as they can.
//
// An implementation's test calls Conform with a function that opens a fresh backend. What a backend
// cannot do it declares in Caps.Cannot with the reason; the exam skips the parts that need it and the
// test's output lists them. Nothing is skipped because it failed.
//
// The exam knows no model: it takes the backend's own answers as material (a stop text is cut out of
// what it just said) and forces what it needs by logit_bias. It compares texts exactly only where
// engines promise it: same seed, alone, cold cache.
package enginetest

import (
	"context"
	"errors"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// Ability is something that not every backend has.
type Ability string

// The abilities. A backend has all that it does not list in Caps.Cannot.
const (
	Generate       Ability = "generate text"
	Embed          Ability = "embed"
	Tokens         Ability = "tokenize, detokenize and report token ids"
	RoundTrip      Ability = "give back by Detokenize what Tokenize got" // uncased tokenizers lose it
	Logprobs       Ability = "logprobs"
	PromptLogprobs Ability = "logprobs of the prompt"
	LogitBias      Ability = "logit_bias"
	BiasTexts      Ability = "bias of texts"
	Grammars       Ability = "grammars"
	Seeds          Ability = "repeat an answer by its seed"
	NoTokens       Ability = "max_tokens 0"
	IgnoreEOS      Ability = "go on after the end of a turn"
	ContextError   Ability = "refuse a prompt beyond the window"
	EndOnClose     Ability = "end running sequences when closed"
)

// Caps describes a backend to the exam.
type Caps struct {
	// Prompt is a text, with the model's special tokens where it needs some, that the model answers
	// with twenty tokens or more at temperature 0. Backends that take messages get it as one from the
	// user, without special tokens.
	Prompt string
	// Cannot says what the backend cannot do and why.
	Cannot map[Ability]string
}

// patience bounds every wait. It is generous: the exam finds hangs, it does not measure.
const patience = 60 * time.Second

// exam is one backend under examination.
type exam struct {
	caps Caps
	open func(t *testing.T) engine.Backend
}

// Conform examines the backends that open opens; the exam closes them.
func Conform(t *testing.T, open func(t *testing.T) engine.Backend, caps Caps) {
	t.Helper()
	x := &exam{caps: caps, open: open}
	var skipped []string
	for _, part := range []struct {
		name  string
		needs []Ability
		run   func(t *testing.T, b engine.Backend)
	}{
		{"Info", nil, x.info},
		{"TokensRoundTrip", []Ability{Tokens, RoundTrip}, x.roundTrip},
		{"SpecialTokens", []Ability{Generate, Tokens}, x.specialTokens},
		{"EventOrder", []Ability{Generate}, x.eventOrder},
		{"MaxTokens", []Ability{Generate}, x.maxTokens},
		{"MaxTokensZero", []Ability{Generate, NoTokens}, x.maxTokensZero},
		{"IgnoreEOS", []Ability{Generate, IgnoreEOS}, x.ignoreEOS},
		{"StopInsideText", []Ability{Generate}, x.stopInsideText},
		{"StopAcrossTokens", []Ability{Generate, Tokens}, x.stopAcrossTokens},
		{"WholeLetters", []Ability{Generate, Tokens, BiasTexts}, x.wholeLetters},
		{"BiasTextsLead", []Ability{Generate, Tokens, BiasTexts}, x.biasTextsLead},
		{"BiasTextsBan", []Ability{Generate, Tokens, BiasTexts}, x.biasTextsBan},
		{"BiasOfTheEnd", []Ability{Generate, BiasTexts}, x.biasOfTheEnd},
		{"BreakCancels", []Ability{Generate}, x.breakCancels},
		{"ContextCancels", []Ability{Generate}, x.contextCancels},
		{"EndedContext", []Ability{Generate}, x.endedContext},
		{"SequencesDoNotMix", []Ability{Generate, Tokens, LogitBias}, x.sequencesDoNotMix},
		{"IdenticalPrompts", []Ability{Generate}, x.identicalPrompts},
		{"SeedsRepeat", []Ability{Generate, Seeds}, x.seedsRepeat},
		{"BiasBans", []Ability{Generate, Tokens, LogitBias}, x.biasBans},
		{"BiasForces", []Ability{Generate, Tokens, LogitBias}, x.biasForces},
		{"ShowSpecial", []Ability{Generate, Tokens, LogitBias}, x.showSpecial},
		{"Logprobs", []Ability{Generate, Tokens, Logprobs}, x.logprobs},
		{"PromptLogprobs", []Ability{Generate, Tokens, PromptLogprobs}, x.promptLogprobs},
		{"Grammar", []Ability{Generate, Grammars}, x.grammar},
		{"GrammarTriggers", []Ability{Generate, Grammars}, x.grammarTriggers},
		{"GrammarsDoNotMix", []Ability{Generate, Grammars}, x.grammarsDoNotMix},
		{"ContextLengthExceeded", []Ability{Generate, ContextError}, x.contextLengthExceeded},
		{"BadTokens", []Ability{Generate, Tokens}, x.badTokens},
		{"Embeddings", []Ability{Embed}, x.embeddings},
		{"CloseEndsSequences", []Ability{Generate, EndOnClose}, x.closeEndsSequences},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, need := range part.needs {
				if why, lacks := caps.Cannot[need]; lacks {
					skipped = append(skipped, part.name+": cannot "+string(need)+": "+why)
					t.Skipf("cannot %s: %s", need, why)
				}
			}
			b := open(t)
			t.Cleanup(func() { b.Close() })
			part.run(t, b)
		})
	}
	sort.Strings(skipped)
	if len(skipped) > 0 {
		t.Logf("parts of the exam that this backend cannot take:\n  %s", strings.Join(skipped, "\n  "))
	}
}

func (x *exam) can(a Ability) bool {
	_, lacks := x.caps.Cannot[a]
	return !lacks
}

func ctxOf(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func infoOf(t *testing.T, b engine.Backend) engine.Info {
	t.Helper()
	info, err := b.Info(ctxOf(t))
	if err != nil {
		t.Fatal("Info:", err)
	}
	return info
}

// tokens tokenizes with special tokens read.
func tokens(t *testing.T, b engine.Backend, text string) []engine.Token {
	t.Helper()
	out, err := b.Tokenize(ctxOf(t), engine.TokenizeRequest{Text: text, ParseSpecial: true})
	if err != nil {
		t.Fatalf("Tokenize(%q): %v", text, err)
	}
	if len(out) == 0 {
		t.Fatalf("Tokenize(%q) gave no tokens", text)
	}
	return out
}

// request asks for n tokens at temperature 0 after a prompt, in the backend's own form.
func (x *exam) request(t *testing.T, b engine.Backend, prompt string, n int) engine.GenerateRequest {
	t.Helper()
	req := engine.GenerateRequest{ID: t.Name(), MaxTokens: n, Sampling: engine.Sampling{TopP: 1}}
	if infoOf(t, b).Input == engine.InputMessages {
		req.Messages = []engine.Message{{Role: "user", Content: prompt}}
	} else {
		req.Tokens = tokens(t, b, prompt)
	}
	return req
}

// answer is what a sequence brought.
type answer struct {
	started engine.Started
	scored  []engine.TokenLogprob
	text    string
	deltas  []string
	tokens  []engine.TokenLogprob
	done    engine.Done
	err     error
}

// collect runs a sequence to its end and checks what holds for every one: the order of events, whole
// letters, counts that fit together.
func collect(ctx context.Context, t *testing.T, b engine.Backend, req engine.GenerateRequest) answer {
	t.Helper()
	var a answer
	stage := 0 // 1 started, 2 scored, 3 delta, 4 done
	for e, err := range b.Generate(ctx, req) {
		if err != nil {
			a.err = err
			if stage == 4 {
				t.Errorf("an error after Done: %v", err)
			}
			stage = 5
			continue
		}
		if stage == 5 {
			t.Errorf("%T after the error %v", e, a.err)
		}
		switch e := e.(type) {
		case engine.Started:
			if stage != 0 {
				t.Errorf("Started came at stage %d", stage)
			}
			stage, a.started = 1, e
			if e.CachedTokens < 0 || e.CachedTokens > e.PromptTokens {
				t.Errorf("Started says %d of %d prompt tokens were cached", e.CachedTokens, e.PromptTokens)
			}
		case engine.PromptScored:
			if stage != 1 || !req.PromptLogprobs {
				t.Errorf("PromptScored came at stage %d, asked for: %v", stage, req.PromptLogprobs)
			}
			stage, a.scored = 2, e.Tokens
		case engine.Delta:
			if stage < 1 || stage > 3 {
				t.Errorf("Delta came at stage %d", stage)
			}
			stage = 3
			if strings.ToValidUTF8(e.Text, "") != e.Text {
				t.Errorf("a delta with broken letters: %q", e.Text)
			}
			a.text += e.Text
			a.deltas = append(a.deltas, e.Text)
			a.tokens = append(a.tokens, e.Tokens...)
		case engine.Done:
			if stage < 1 || stage > 3 {
				t.Errorf("Done came at stage %d", stage)
			}
			stage, a.done = 4, e
			if e.PromptTokens != a.started.PromptTokens && a.started.PromptTokens != 0 {
				t.Errorf("Done counts %d prompt tokens, Started %d", e.PromptTokens, a.started.PromptTokens)
			}
			if e.CompletionTokens > req.MaxTokens {
				t.Errorf("%d tokens were produced, at most %d were asked for", e.CompletionTokens, req.MaxTokens)
			}
			if e.Reason != engine.FinishStop && e.Reason != engine.FinishLength {
				t.Errorf("the finish reason is %q", e.Reason)
			}
		default:
			t.Errorf("an event of type %T", e)
		}
	}
	if stage < 4 {
		t.Errorf("the events ended at stage %d with neither Done nor an error", stage)
	}
	return a
}

// run is collect for sequences that must succeed.
func run(t *testing.T, b engine.Backend, req engine.GenerateRequest) answer {
	t.Helper()
	a := collect(ctxOf(t), t, b, req)
	if a.err != nil {
		t.Fatalf("Generate: %v", a.err)
	}
	return a
}

// wantFault checks an error's kind and code.
func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	f := fault.As(err)
	if f == nil || f.Kind != kind || f.Code != code {
		t.Errorf("the error is %#v (%v), want a fault of kind %d with code %q", err, err, kind, code)
	}
}

// wantCanceled checks the error of a sequence whose context ended.
func wantCanceled(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) && fault.KindOf(err) != fault.Canceled {
		t.Errorf("the error of a canceled sequence is %v", err)
	}
}
