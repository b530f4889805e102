package generate

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
	"github.com/parley-ai/parley/internal/toolcall"
)

func encodingOf(t testing.TB, name string) *bpe.Encoding {
	t.Helper()
	e, err := bpe.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// said is what a cutter made of an answer.
type said struct {
	text   string
	shown  []string // what came one by one
	tokens []engine.TokenLogprob
	done   engine.Done
}

// produce makes the events of an engine that writes these pieces, a token each, held together until they are
// whole letters.
func produce(pieces []string) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		if !yield(engine.Started{PromptTokens: 40, CachedTokens: 10}, nil) {
			return
		}
		var d engine.Delta
		for _, p := range pieces {
			d.Text += p
			d.Tokens = append(d.Tokens, engine.TokenLogprob{Token: 7, Bytes: []byte(p), Logprob: -1})
			if !utf8.ValidString(d.Text) {
				continue
			}
			if !yield(d, nil) {
				return
			}
			d = engine.Delta{}
		}
		yield(engine.Done{Reason: engine.FinishStop, PromptTokens: 40, CompletionTokens: len(pieces) + 1, End: &engine.TokenLogprob{Token: 0}}, nil)
	}
}

func cutAt(t testing.TB, encoding *bpe.Encoding, most int, pieces []string) (out said) {
	t.Helper()
	c := &cutter{encoding: encoding, prompt: 20, most: most}
	for ev, err := range c.over(produce(pieces)) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev := ev.(type) {
		case engine.Started:
			if ev.PromptTokens != 20 || ev.CachedTokens != 5 {
				t.Fatalf("%+v", ev)
			}
		case engine.Delta:
			out.text += ev.Text
			out.shown = append(out.shown, ev.Text)
			out.tokens = append(out.tokens, ev.Tokens...)
		case engine.Done:
			out.done = ev
		}
	}
	return out
}

// TestAnswersAreCutAtTheirFirstTokens: whatever the model's own tokens are, max_tokens: n gives the first n
// tokens of the text in the encoding, but for a letter that would be cut, and all that was shown is of it.
func TestAnswersAreCutAtTheirFirstTokens(t *testing.T) {
	texts := []string{
		"The quick brown fox doesn't jump over the lazy dog; it's unbelievable, we'll see.\n\n  Indeed   so!!\n 12345 times...",
		"안녕하세요, 세상! 🦜🦜 서울은 대한민국의 수도이다.",
		"def add(a, b):\n        return a + b\n\n\n    # done\n",
		strings.Repeat("a", 300) + " " + strings.Repeat("=", 200) + strings.Repeat(" ", 90) + "end",
		strings.Repeat("Wordy sentences follow one another, as they do. ", 40),
	}
	rng := rand.New(rand.NewPCG(3, 1))
	for _, name := range []string{"cl100k_base", "o200k_base", "r50k_base"} {
		e := encodingOf(t, name)
		for _, text := range texts {
			all := e.EncodeOrdinary(nil, text)
			var pieces []string
			for rest := text; rest != ""; {
				n := 1 + rng.IntN(min(7, len(rest)))
				pieces, rest = append(pieces, rest[:n]), rest[n:]
			}
			for n := 0; n <= len(all)+1; n++ {
				got := cutAt(t, e, n, pieces)
				first, _ := e.Decode(nil, all[:min(n, len(all))])
				for len(first) > 0 && !utf8.Valid(first) {
					first = first[:len(first)-1]
				}
				if got.text != string(first) {
					t.Fatalf("%s: %d tokens are %q, want %q", name, n, got.text, first)
				}
				want := engine.Done{Reason: engine.FinishLength, PromptTokens: 20, CachedTokens: 5, CompletionTokens: e.Count(got.text)}
				if n > len(all) {
					want.Reason, want.End = engine.FinishStop, &engine.TokenLogprob{Token: 0}
				}
				if got.done.Reason != want.Reason || got.done.CompletionTokens != want.CompletionTokens || got.done.CachedTokens != 5 || (got.done.End == nil) != (want.End == nil) {
					t.Fatalf("%s: %d of %d tokens: %+v, want %+v", name, n, len(all), got.done, want)
				}
				var written []byte
				for _, tok := range got.tokens {
					written = append(written, tok.Bytes...)
				}
				if string(written) != got.text {
					t.Fatalf("%s: %d tokens: the text is %q, the model's tokens write %q", name, n, got.text, written)
				}
			}
		}
	}
}

// TestMostIsShownAtOnce: only the last words of an answer are held back.
func TestMostIsShownAtOnce(t *testing.T) {
	e := encodingOf(t, "cl100k_base")
	var pieces []string
	for range 200 {
		pieces = append(pieces, " wor", "ds,")
	}
	const most = 300
	c := &cutter{encoding: e, most: most}
	produced, shown := 0, 0
	for _, p := range pieces {
		d, full := c.add(engine.Delta{Text: p})
		produced, shown = produced+len(p), shown+len(d.Text)
		if full {
			break
		}
		if late := produced - shown; late > 40 || late > 0 && e.Count(strings.Join(pieces, "")[:produced]) < most-20 {
			t.Fatalf("of %d bytes %d are held back", produced, late)
		}
	}
	if got := c.tokens(); got != most {
		t.Errorf("%d tokens, want %d", got, most)
	}
}

// counted is a world whose name counts in cl100k_base.
func counted(change ...func(*fakeWorld)) (*fakeWorld, *Service) {
	w, s := newWorld(append([]func(*fakeWorld){func(w *fakeWorld) {
		w.target.Encoding, w.target.Counts, w.target.Window = "cl100k_base", true, 60
	}}, change...)...)
	s.CountChat = func(e *bpe.Encoding, model string, messages []engine.Message, tools *toolcall.Request) (int, error) {
		n := 0
		for _, m := range messages {
			n += 10 + e.Count(m.Content)
		}
		return n, nil
	}
	return w, s
}

func TestNamesCountInTheirEncoding(t *testing.T) {
	const prompt = " unbelievable stories" // three tokens, of which the fake has a byte each
	e := encodingOf(t, "cl100k_base")
	ids := e.EncodeOrdinary(nil, prompt)
	five := 5
	for _, tt := range []struct {
		name    string
		prompt  Prompt
		remote  bool
		n       int
		max     *int
		want    Usage // of all
		demand  int
		asked   int // of the engine
		answers string
	}{
		{"text", FromText(prompt), false, 1, nil, Usage{len(ids), 0, 4}, len(ids), 100 - len(prompt), "One two three four"},
		{"ids", FromTokens(ids), false, 1, nil, Usage{len(ids), 0, 4}, len(ids), 100 - len(prompt), "One two three four"},
		{"special tokens in a text", FromText("<|endoftext|>"), false, 1, nil, Usage{1, 0, 4}, 1, 100 - 13, "One two three four"},
		{"messages", FromMessages([]engine.Message{{Role: "user", Content: prompt}}), false, 1, nil, Usage{10 + len(ids), 0, 4}, 10 + len(ids), 100 - len("<s>user:"+prompt+";"), "One two three four"},
		{"two answers of five", FromText(prompt), false, 2, &five, Usage{len(ids), 0, 8}, len(ids) + 10, 100 - len(prompt), "One two three four"},
		{"with a suffix", FromText(prompt).Before(prompt), false, 1, &five, Usage{2 * len(ids), 0, 4}, 2*len(ids) + 5, 32, "One two three four"},
		{"of another server", FromText(prompt), true, 1, &five, Usage{len(ids), 0, 4}, len(ids) + 5, 84, "One two three four"},
		{"of another server, at will", FromMessages([]engine.Message{{Role: "user", Content: prompt}}), true, 1, nil, Usage{10 + len(ids), 0, 4}, 10 + len(ids), LeftOfWindow, "One two three four"},
		{"cut", FromText(prompt), false, 1, &five, Usage{len(ids), 0, 5}, len(ids) + 5, 100 - len(prompt), "One two three four five"},
		{"cut, of another server", FromText(prompt), true, 1, &five, Usage{len(ids), 0, 5}, len(ids) + 5, 84, "One two three four five"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, s := counted(func(w *fakeWorld) {
				w.backend.script = []string{"One", " tw", "o thr", "ee f", "our"}
				if strings.HasPrefix(tt.name, "cut") {
					w.backend.script = append(w.backend.script, " five", " six", " seven", " eight")
				}
				if tt.remote {
					w.backend.info = engine.Info{Name: "up", Input: engine.InputMessages, CanGenerate: true}
				}
				if tt.name == "with a suffix" {
					w.backend.info.Special, w.backend.info.ContextWindow = []string{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"}, 110
					w.target.Window = 0
				}
			})
			texts := make([]string, tt.n)
			var admitted Admitted
			for e, err := range s.Fan(t.Context(), who, Request{Model: "gpt-4", Param: "prompt", MaxTokens: tt.max, Whole: true}, []Prompt{tt.prompt}, tt.n) {
				if err != nil {
					t.Fatal(err)
				}
				switch ev := e.Event.(type) {
				case Admitted:
					admitted = ev
				case Started:
					if ev.PromptTokens != tt.want.PromptTokens {
						t.Errorf("started with %d tokens", ev.PromptTokens)
					}
				case Delta:
					texts[e.Index] += ev.Text
				case Done:
					if reason := ev.Reason; (reason == engine.FinishLength) != strings.HasPrefix(tt.name, "cut") {
						t.Errorf("ended for %s", reason)
					}
				}
			}
			for _, text := range texts {
				if text != tt.answers {
					t.Errorf("answered %q", text)
				}
			}
			got := w.records[0].Usage
			if got.CachedTokens > got.PromptTokens {
				t.Errorf("%+v", got)
			}
			got.CachedTokens = 0
			if got != tt.want || admitted.PromptTokens != tt.want.PromptTokens || w.admitted[0].Tokens != tt.demand || w.corrected[0] != tt.want.Total() {
				t.Errorf("used %+v, want %+v; admitted %d; demand %d, want %d; corrected to %d", got, tt.want, admitted.PromptTokens, w.admitted[0].Tokens, tt.demand, w.corrected[0])
			}
			for _, r := range w.backend.requests {
				if r.MaxTokens != tt.asked || r.Whole {
					t.Errorf("the engine was asked for %d tokens, want %d; as a whole: %v", r.MaxTokens, tt.asked, r.Whole)
				}
			}
		})
	}
}

func TestWindowsAreCountedInTheEncoding(t *testing.T) {
	words := func(n int) string { return strings.Repeat(" a", n) } // two bytes, which are the fake's tokens, and one of the encoding's
	eight := 8
	for _, tt := range []struct {
		name   string
		window int // of the name
		prompt Prompt
		max    *int
		want   string // part of the error
	}{
		{"fits", 30, FromText(words(22)), &eight, ""},
		{"does not", 30, FromText(words(23)), &eight, "maximum context length is 30 tokens, however you requested 31 tokens (23 in your prompt; 8 for the completion)"},
		{"messages do not", 30, FromMessages([]engine.Message{{Role: "user", Content: words(25)}}), nil, "maximum context length is 30 tokens. However, your messages resulted in 35 tokens."},
		{"not to the served model", 90, FromText(words(60)), nil, "maximum context length is 100 tokens, however you requested 120 tokens (120 in your prompt; 0 for the completion)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, s := counted(func(w *fakeWorld) { w.target.Window = tt.window })
			var got error
			for _, err := range s.Run(t.Context(), who, Request{Model: "gpt-4", Param: "prompt", MaxTokens: tt.max}, tt.prompt) {
				got = err
			}
			if tt.want == "" && got == nil {
				return
			}
			if f := fault.As(got); f == nil || f.Code != "context_length_exceeded" || tt.want == "" || !strings.Contains(f.Message, tt.want) {
				t.Errorf("%v, want %q", got, tt.want)
			}
		})
	}
}

// TestBrokenOffAnswersAreCounted: also what was given out before the caller went away counts in the encoding.
func TestBrokenOffAnswersAreCounted(t *testing.T) {
	w, s := counted(func(w *fakeWorld) { w.backend.script = []string{" unbelievable", " stories", " never", " end"} })
	for ev, err := range s.Run(t.Context(), who, Request{Model: "gpt-4"}, FromText("x")) {
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := ev.(Delta); ok && d.Text == " stories" {
			break
		}
	}
	want := Record{Model: "gpt-4", Served: "tiny", Usage: Usage{PromptTokens: 1, CachedTokens: 1, CompletionTokens: encodingOf(t, "cl100k_base").Count(" unbelievable stories")}, Requests: 1, Outcome: Canceled}
	if !slices.Equal(w.records, []Record{want}) {
		t.Errorf("%+v, want %+v", w.records, want)
	}
}

func TestEmbeddingsAreCountedInTheEncoding(t *testing.T) {
	e := encodingOf(t, "cl100k_base")
	text := " unbelievable stories"
	ids := e.EncodeOrdinary(nil, text)
	for name, req := range map[string]EmbedRequest{
		"texts": {Texts: []string{text, "a"}}, "ids": {Tokens: [][]engine.Token{ids, {64}}},
	} {
		for _, remote := range []bool{false, true} {
			w, s := counted(func(w *fakeWorld) {
				if remote {
					w.backend.info.Input = engine.InputMessages
				}
			})
			req.Model, req.Param = "gpt-4", "input"
			got, err := s.Embed(t.Context(), who, req)
			if err != nil {
				t.Fatal(err)
			}
			if want := len(ids) + 1; got.Admitted.PromptTokens != want || w.admitted[0].Tokens != want || w.records[0].Usage.PromptTokens != want {
				t.Errorf("%s, remote %v: %d, %+v, %+v, want %d", name, remote, got.Admitted.PromptTokens, w.admitted, w.records, want)
			}
		}
	}
}
