package enginetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

func (x *exam) info(t *testing.T, b engine.Backend) {
	info := infoOf(t, b)
	if info.Name == "" || info.Backend == "" {
		t.Errorf("Info names neither model nor backend: %+v", info)
	}
	if x.can(Generate) && !info.CanGenerate || x.can(Embed) && !info.CanEmbed {
		t.Errorf("Info says generate %v, embed %v; the exam was told of nothing that it cannot but %v", info.CanGenerate, info.CanEmbed, x.caps.Cannot)
	}
	if info.Input == engine.InputTokens {
		if info.ContextWindow <= 0 || info.VocabSize <= 0 {
			t.Errorf("window %d, vocabulary %d", info.ContextWindow, info.VocabSize)
		}
		if len(info.Fingerprint) != 13 || !strings.HasPrefix(info.Fingerprint, "fp_") {
			t.Errorf("fingerprint %q is not fp_ and ten characters", info.Fingerprint)
		}
	}
}

func (x *exam) roundTrip(t *testing.T, b engine.Backend) {
	for _, text := range []string{"Hello, world!", "  two  spaces ", "line\nbreak\ttab", "대한민국 12345", "naïve 🦜 𓀀", "{\"a\": [1, 2]}"} {
		out, err := b.Tokenize(ctxOf(t), engine.TokenizeRequest{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		back, err := b.Detokenize(ctxOf(t), out)
		if err != nil {
			t.Fatal(err)
		}
		if string(back) != text {
			t.Errorf("%q came back as %q (tokens %v)", text, back, out)
		}
	}
	if out, err := b.Tokenize(ctxOf(t), engine.TokenizeRequest{}); err != nil || len(out) != 0 {
		t.Errorf("the empty text: %v, %v", out, err)
	}
}

func (x *exam) specialTokens(t *testing.T, b engine.Backend) {
	eos := infoOf(t, b).EOS
	if eos == "" {
		t.Fatal("Info does not say the text of the end-of-turn token")
	}
	plain, err := b.Tokenize(ctxOf(t), engine.TokenizeRequest{Text: eos})
	if err != nil {
		t.Fatal(err)
	}
	if special := tokens(t, b, eos); len(special) != 1 {
		t.Errorf("%q with ParseSpecial is %v, want one token", eos, special)
	} else if slices.Equal(plain, special) {
		t.Errorf("%q is the special token %v also without ParseSpecial: users could end turns", eos, special)
	}
}

func (x *exam) eventOrder(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 8)
	a := run(t, b, req)
	if a.text == "" || a.done.CompletionTokens == 0 {
		t.Errorf("no answer: %+v", a)
	}
	if len(req.Tokens) > 0 && a.started.PromptTokens != len(req.Tokens) {
		t.Errorf("Started counts %d prompt tokens of %d", a.started.PromptTokens, len(req.Tokens))
	}
	if x.can(Tokens) {
		if n := len(a.tokens); n != a.done.CompletionTokens && n != a.done.CompletionTokens-1 {
			t.Errorf("the deltas have %d tokens, Done counts %d", n, a.done.CompletionTokens)
		}
		wantTokensSpell(t, a)
		if a.done.End != nil {
			t.Errorf("the token %q that ended the answer was told without being asked for", a.done.End.Bytes)
		}
		req.Logprobs = true
		a = run(t, b, req)
		if missing := a.done.CompletionTokens - len(a.tokens); (missing == 1) != (a.done.End != nil) {
			t.Errorf("%d counted tokens are not in the deltas, and the one that ended the answer is %+v", missing, a.done.End)
		}
		if end := a.done.End; end != nil && (end.Logprob > 0 || len(end.Bytes) == 0) {
			t.Errorf("the token that ended the answer: %+v", end)
		}
	}
}

// wantTokensSpell checks that the deltas' tokens are what their text is made of.
func wantTokensSpell(t *testing.T, a answer) {
	t.Helper()
	var spelled []byte
	for _, token := range a.tokens {
		spelled = append(spelled, token.Bytes...)
	}
	if got := strings.ToValidUTF8(string(spelled), "\uFFFD"); got != a.text {
		t.Errorf("the tokens spell %q, the text is %q", got, a.text)
	}
}

func (x *exam) maxTokens(t *testing.T, b engine.Backend) {
	for _, n := range []int{1, 5} {
		a := run(t, b, x.request(t, b, x.caps.Prompt, n))
		if a.done.Reason != engine.FinishLength || a.done.CompletionTokens != n {
			t.Errorf("MaxTokens %d: %+v", n, a.done)
		}
	}
}

func (x *exam) maxTokensZero(t *testing.T, b engine.Backend) {
	a := run(t, b, x.request(t, b, x.caps.Prompt, 0))
	if len(a.deltas) != 0 || a.done.CompletionTokens != 0 || a.done.Reason != engine.FinishLength {
		t.Errorf("MaxTokens 0: %+v", a)
	}
}

func (x *exam) ignoreEOS(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 300)
	req.IgnoreEOS = true
	if a := run(t, b, req); a.done.CompletionTokens != 300 || a.done.Reason != engine.FinishLength {
		t.Errorf("with IgnoreEOS: %+v", a.done)
	}
}

// stopInsideText cuts three letters out of the middle of an answer and asks again with them as stop.
func (x *exam) stopInsideText(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 20)
	full := run(t, b, req).text
	letters := []rune(full)
	if len(letters) < 12 {
		t.Fatalf("the answer %q is too short to be cut", full)
	}
	from := len(letters) / 2
	stop := string(letters[from : from+3])
	x.wantStopped(t, b, req, full, stop)
	x.wantStopped(t, b, req, full, "\x00never said", stop)
}

// stopAcrossTokens does it with the end of one token and the beginning of the next.
func (x *exam) stopAcrossTokens(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 20)
	a := run(t, b, req)
	for i := len(a.tokens) / 3; i+1 < len(a.tokens); i++ {
		left, right := a.tokens[i].Bytes, a.tokens[i+1].Bytes
		if !utf8.Valid(left) || !utf8.Valid(right) || len(left) == 0 || len(right) == 0 {
			continue
		}
		_, l := utf8.DecodeLastRune(left)
		_, r := utf8.DecodeRune(right)
		x.wantStopped(t, b, req, a.text, string(left[len(left)-l:])+string(right[:r]))
		return
	}
	t.Fatalf("no border between two tokens of %q can be cut", a.text)
}

func (x *exam) wantStopped(t *testing.T, b engine.Backend, req engine.GenerateRequest, full string, stops ...string) {
	t.Helper()
	req.Stop = stops
	want := full
	for _, s := range stops {
		want, _, _ = strings.Cut(want, s)
	}
	a := run(t, b, req)
	if a.text != want || a.done.Reason != engine.FinishStop {
		t.Errorf("of %q with the stops %q came %q (%s), want %q", full, stops, a.text, a.done.Reason, want)
	}
}

// wholeLetters makes the model say a letter that is several tokens again and again.
func (x *exam) wholeLetters(t *testing.T, b engine.Backend) {
	for _, letter := range []string{"뷁", "🦜", "𓀀", "한"} {
		parts, err := b.Tokenize(ctxOf(t), engine.TokenizeRequest{Text: letter})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := b.Detokenize(ctxOf(t), parts); err != nil || string(back) != letter || len(parts) < 2 {
			continue
		}
		req := x.request(t, b, x.caps.Prompt, 3*len(parts))
		req.Sampling.BiasTexts = []engine.BiasText{{Text: letter, Bias: 100}}
		a := run(t, b, req)
		if want := strings.Repeat(letter, 3); a.text != want {
			t.Errorf("forced to say %q it said %q", want, a.text)
		}
		for _, d := range a.deltas {
			if d != "" && strings.Trim(d, letter) != "" {
				t.Errorf("a delta of %q with %d bytes", d, len(d))
			}
		}
		return
	}
	t.Fatal("every letter tried is one token here: add rarer ones to the exam")
}

// settled waits until a backend that reports its load has nothing running.
func settled(t *testing.T, b engine.Backend) {
	t.Helper()
	r, ok := b.(engine.StatsReporter)
	if !ok {
		return
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		s, err := r.Stats(ctxOf(t))
		if err != nil {
			t.Fatal("Stats:", err)
		}
		if s.Active == 0 && s.Queued == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the cancel: %+v", s)
		}
	}
}

func (x *exam) breakCancels(t *testing.T, b engine.Backend) {
	for range 3 {
		req := x.request(t, b, x.caps.Prompt, 400)
		req.IgnoreEOS = x.can(IgnoreEOS)
		for e, err := range b.Generate(ctxOf(t), req) {
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := e.(engine.Delta); ok {
				break
			}
		}
	}
	settled(t, b)
	run(t, b, x.request(t, b, x.caps.Prompt, 4))
}

func (x *exam) contextCancels(t *testing.T, b engine.Backend) {
	ctx, cancel := context.WithCancel(ctxOf(t))
	defer cancel()
	req := x.request(t, b, x.caps.Prompt, 400)
	req.IgnoreEOS = x.can(IgnoreEOS)
	var got error
	whole := false
	for e, err := range b.Generate(ctx, req) {
		if err != nil {
			got = err
			continue
		}
		switch e := e.(type) {
		case engine.Delta:
			cancel()
		case engine.Done:
			whole = e.CompletionTokens == req.MaxTokens
		}
	}
	// A short answer, and one of a quick fake, may have been there as a whole before the cancel.
	if got != nil || x.can(IgnoreEOS) && !whole {
		wantCanceled(t, got)
	}
	settled(t, b)
	run(t, b, x.request(t, b, x.caps.Prompt, 4))
}

func (x *exam) endedContext(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 8)
	ctx, cancel := context.WithCancel(ctxOf(t))
	cancel()
	wantCanceled(t, collect(ctx, t, b, req).err)
}

// sequencesDoNotMix runs sequences together, each forced to say one token of its own.
func (x *exam) sequencesDoNotMix(t *testing.T, b engine.Backend) {
	words := strings.Split("a b c d e f", " ")
	var wg sync.WaitGroup
	for i, word := range words {
		token := tokens(t, b, word)[0]
		req := x.request(t, b, x.caps.Prompt+strings.Repeat(" again", i), 10)
		req.Sampling.Bias = []engine.TokenBias{{Token: token, Bias: 100}}
		wg.Go(func() {
			a := collect(ctxOf(t), t, b, req)
			if a.err != nil || a.started.PromptTokens != len(req.Tokens) || len(a.tokens) != 10 {
				t.Errorf("sequence %d: %+v", i, a)
			}
			for _, got := range a.tokens {
				if got.Token != token {
					t.Errorf("sequence %d said %d (%q), it was forced to say %d", i, got.Token, got.Bytes, token)
				}
			}
		})
	}
	wg.Wait()
}

// identicalPrompts runs one prompt several times together, as n does. Batches change floats, so of the
// texts only the beginning must agree.
func (x *exam) identicalPrompts(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 6)
	answers := make([]answer, 4)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = collect(ctxOf(t), t, b, req) })
	}
	wg.Wait()
	for i, a := range answers {
		if a.err != nil || a.done.CompletionTokens != 6 || a.done.PromptTokens != answers[0].done.PromptTokens {
			t.Errorf("answer %d: %+v", i, a)
		} else if first, _ := utf8.DecodeRuneInString(a.text); !strings.HasPrefix(answers[0].text, string(first)) {
			t.Errorf("answer %d is %q, the first one %q", i, a.text, answers[0].text)
		}
	}
}

// seedsRepeat asks two fresh backends, as after a restart.
func (x *exam) seedsRepeat(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 24)
	req.Sampling.Temperature, req.Sampling.Seed = 1, 4711
	first := run(t, b, req).text
	b.Close()
	again := x.open(t)
	defer again.Close()
	if second := run(t, again, req).text; second != first {
		t.Errorf("the same seed gave %q and then %q", first, second)
	}
}

func (x *exam) biasBans(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 12)
	banned := run(t, b, req).tokens[0]
	req.Sampling.Bias = []engine.TokenBias{{Token: banned.Token, Bias: -100}}
	for _, got := range run(t, b, req).tokens {
		if got.Token == banned.Token {
			t.Errorf("the banned token %d (%q) was said", banned.Token, banned.Bytes)
		}
	}
}

func (x *exam) biasForces(t *testing.T, b engine.Backend) {
	forced := tokens(t, b, "z")[0]
	for _, temperature := range []float32{0, 1} {
		req := x.request(t, b, x.caps.Prompt, 7)
		req.Sampling.Temperature, req.Sampling.Seed = temperature, 3
		req.Sampling.Bias = []engine.TokenBias{{Token: forced, Bias: 100}}
		a := run(t, b, req)
		if len(a.tokens) != 7 || a.done.Reason != engine.FinishLength {
			t.Errorf("temperature %v: %+v", temperature, a.done)
		}
		for _, got := range a.tokens {
			if got.Token != forced {
				t.Errorf("temperature %v: %d (%q) was said, %d was forced", temperature, got.Token, got.Bytes, forced)
			}
		}
	}
}

func (x *exam) contextLengthExceeded(t *testing.T, b engine.Backend) {
	window := infoOf(t, b).ContextWindow
	if window == 0 {
		window = 1 << 17
	}
	a := collect(ctxOf(t), t, b, x.request(t, b, strings.Repeat(" many", window+1), 4))
	wantFault(t, a.err, fault.Invalid, "context_length_exceeded")
	run(t, b, x.request(t, b, x.caps.Prompt, 4))
}

func (x *exam) badTokens(t *testing.T, b engine.Backend) {
	for _, bad := range [][]engine.Token{{-1}, {engine.Token(infoOf(t, b).VocabSize)}, {1 << 30}, {}} {
		a := collect(ctxOf(t), t, b, engine.GenerateRequest{Tokens: bad, MaxTokens: 4, Sampling: engine.Sampling{TopP: 1}})
		if fault.KindOf(a.err) != fault.Invalid {
			t.Errorf("the prompt %v: %v", bad, a.err)
		}
	}
	run(t, b, x.request(t, b, x.caps.Prompt, 4))
}

func (x *exam) closeEndsSequences(t *testing.T, b engine.Backend) {
	req := x.request(t, b, x.caps.Prompt, 4000)
	if window := infoOf(t, b).ContextWindow; window > 0 {
		req.MaxTokens = window - len(req.Tokens) - 1
	}
	req.IgnoreEOS = x.can(IgnoreEOS)
	var got error
	closed := make(chan struct{})
	var once sync.Once
	for e, err := range b.Generate(ctxOf(t), req) {
		if err != nil {
			got = err
			break
		}
		if _, ok := e.(engine.Delta); ok {
			once.Do(func() { go func() { b.Close(); close(closed) }() })
		}
	}
	wantFault(t, got, fault.Unavailable, "")
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("Close does not return")
	}
	wantFault(t, collect(ctxOf(t), t, b, req).err, fault.Unavailable, "")
	b.Close() // a second time does nothing
}
