package generate

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

func TestInputsLongerThanTheWindow(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.target.Limit, w.target.Dimensions, w.backend.around = 250, 8, true })
	texts := []string{"short", strings.Repeat("x", 248), strings.Repeat("y", 98), strings.Repeat("z", 99)}
	got, err := s.Embed(t.Context(), who, EmbedRequest{Op: "embeddings", Model: "gpt-4", Param: "input", Texts: texts})
	if err != nil {
		t.Fatal(err)
	}
	// Of 250 tokens 248 are the text's; 98 of a window are.
	var sizes []int
	for _, tokens := range w.backend.embeds[0].Tokens {
		sizes = append(sizes, len(tokens))
		if tokens[0] != 1 || tokens[len(tokens)-1] != 2 {
			t.Errorf("a window without the model's control tokens: %v", tokens)
		}
	}
	if !slices.Equal(sizes, []int{7, 84, 85, 85, 100, 51, 52}) {
		t.Errorf("windows of %v tokens", sizes)
	}
	if got.Split != 2 || got.Windows != 5 || got.Dimensions != 8 || len(got.Vectors) != 4 {
		t.Errorf("%d inputs in %d windows, %d dimensions, %d vectors", got.Split, got.Windows, got.Dimensions, len(got.Vectors))
	}
	if got.Admitted.PromptTokens != 7+250+100+101 || w.records[0].Usage.PromptTokens != 458 {
		t.Errorf("%d tokens, recorded %+v", got.Admitted.PromptTokens, w.records[0])
	}
	if v := got.Vectors[1]; math.Abs(float64(v[0])-1) > 1e-6 || v[1] != 0 {
		t.Errorf("the mean has not length 1: %v", v)
	}
	_, err = s.Embed(t.Context(), who, EmbedRequest{Model: "gpt-4", Param: "input", Texts: []string{strings.Repeat("x", 249)}})
	want := "This model's maximum context length is 250 tokens, however you requested 251 tokens (251 in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
	if f := fault.As(err); f == nil || f.Message != want || f.Param != "input" || f.Code != "context_length_exceeded" {
		t.Errorf("beyond the limit: %v", err)
	}
}

func TestWindowsAreAveragedByLength(t *testing.T) {
	call := embedCall{parts: []int{1, 2, 2}, request: engine.EmbedRequest{Tokens: [][]engine.Token{{9}, {1, 2, 3}, {4}, {1}, {2}}}}
	got := call.join([][]float32{{0, 1}, {1, 0}, {0, 1}, {1, 0}, {-1, 0}})
	norm := float32(math.Sqrt(10))
	for i, want := range [][]float32{{0, 1}, {3 / norm, 1 / norm}, {0, 0}} {
		for k := range want {
			if math.Abs(float64(got[i][k]-want[k])) > 1e-6 {
				t.Errorf("vector %d: %v, not %v", i, got[i], want)
			}
		}
	}
}

func TestCutWindows(t *testing.T) {
	ids := func(n int) []engine.Token {
		out := make([]engine.Token, n)
		for i := range out {
			out[i] = engine.Token(100 + i)
		}
		return out
	}
	one, two := []engine.Token{1}, []engine.Token{2}
	for _, tt := range []struct {
		name          string
		tokens        []engine.Token
		before, after []engine.Token
		size          int
		want          []int
	}{
		{"plain", ids(10), nil, nil, 4, []int{3, 3, 4}},
		{"ids without control tokens", ids(10), one, two, 5, []int{5, 5}},
		{"with control tokens", slices.Concat(one, ids(10), two), one, two, 6, []int{5, 5, 6}},
		{"no room for control tokens", slices.Concat(one, ids(2), two), one, two, 2, []int{2, 2}},
		{"one token each", ids(3), nil, nil, 1, []int{1, 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sizes []int
			var all []engine.Token
			for _, w := range cutWindows(tt.tokens, tt.before, tt.after, tt.size) {
				sizes = append(sizes, len(w))
				for _, id := range w {
					if id >= 100 {
						all = append(all, id)
					}
				}
			}
			if !slices.Equal(sizes, tt.want) {
				t.Errorf("windows of %v tokens, not %v", sizes, tt.want)
			}
			if body := slices.DeleteFunc(slices.Clone(tt.tokens), func(id engine.Token) bool { return id < 100 }); !slices.Equal(all, body) {
				t.Errorf("the windows hold %v of %v", all, body)
			}
		})
	}
}

func TestEmbedCountsWhatTheOtherServerCounted(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.backend.info.Input = engine.InputMessages; w.backend.info.ContextWindow = 3 })
	got, err := s.Embed(t.Context(), who, EmbedRequest{Model: "gpt-4", Param: "input", Texts: []string{"longer than three", "b"}})
	if err != nil || got.Admitted.PromptTokens != 14 || len(got.Vectors) != 2 || got.Split != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	w.backend.err = errors.New("boom")
	if _, err := s.Embed(t.Context(), who, EmbedRequest{Model: "gpt-4", Param: "input", Texts: []string{"a"}}); err == nil {
		t.Error("no error")
	}
}

// TestInputsOfANameWithAnEncoding: LangChain sends ids of tiktoken, and counts in them.
func TestInputsOfANameWithAnEncoding(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.target.Encoding, w.target.Limit = "cl100k_base", 20 })
	embed := func(r EmbedRequest) error {
		r.Model, r.Param = "gpt-4", "input"
		_, err := s.Embed(t.Context(), who, r)
		return err
	}
	// "ChatGPT is great!" in cl100k_base, and half of an emoji.
	if err := embed(EmbedRequest{Tokens: [][]engine.Token{{16047, 38, 2898, 374, 2294, 0}, {9468}}}); err != nil {
		t.Fatal(err)
	}
	if got := w.backend.tokenize[0].Text; got != "ChatGPT is great!" {
		t.Errorf("the ids became %q", got)
	}
	if got := w.backend.tokenize[1].Text; got != "\uFFFD" {
		t.Errorf("half a character became %q", got)
	}
	// 120 bytes are 120 of the served model's tokens, but 20 of the encoding's.
	text := strings.Repeat(" great", 20)
	if err := embed(EmbedRequest{Texts: []string{text}}); err != nil {
		t.Errorf("within the limit: %v", err)
	}
	if err := embed(EmbedRequest{Texts: []string{text + "!"}}); err == nil || !strings.Contains(err.Error(), "maximum context length is 20 tokens, however you requested 21 tokens") {
		t.Errorf("beyond the limit: %v", err)
	}
	if err := embed(EmbedRequest{Tokens: [][]engine.Token{make([]engine.Token, 21)}}); err == nil || !strings.Contains(err.Error(), "requested 21 tokens") {
		t.Errorf("ids beyond the limit: %v", err)
	}
	for _, id := range []engine.Token{-1, 100256, 1 << 30} {
		if f := fault.As(embed(EmbedRequest{Tokens: [][]engine.Token{{id}}})); f == nil || f.Kind != fault.Invalid || !strings.Contains(f.Message, "cl100k_base") {
			t.Errorf("id %d: %v", id, f)
		}
	}
	w.backend.info.Input = engine.InputMessages
	if err := embed(EmbedRequest{Tokens: [][]engine.Token{{374}}}); err != nil || w.backend.embeds[len(w.backend.embeds)-1].Texts[0] != " is" {
		t.Errorf("ids for another server: %v, %+v", err, w.backend.embeds)
	}
}

// TestTokensOfAllInputs: a request has at most 300,000 tokens, counted as the caller counts.
func TestTokensOfAllInputs(t *testing.T) {
	lists := func(n, each int) [][]engine.Token {
		out := make([][]engine.Token, n)
		for i := range out {
			out[i] = make([]engine.Token, each) // id 0 is "!" in cl100k_base
		}
		return out
	}
	texts := func(n, words int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = strings.Repeat(" great", words) // one token of cl100k_base a word, and six of the fake's
		}
		return out
	}
	for _, tt := range []struct {
		name     string
		encoding string
		remote   bool
		req      EmbedRequest
		want     string
	}{
		{"the served model's tokens", "", false, EmbedRequest{Tokens: lists(300, 1000)}, ""},
		{"one more", "", false, EmbedRequest{Tokens: append(lists(300, 1000), []engine.Token{1})}, "Requested 300001 tokens, max 300000 tokens per request"},
		{"texts", "", false, EmbedRequest{Texts: append(texts(50, 1000), "x")}, "Requested 300001 tokens, max 300000 tokens per request"},
		{"texts counted in an encoding", "cl100k_base", false, EmbedRequest{Texts: texts(300, 1000)}, ""},
		{"one word more", "cl100k_base", false, EmbedRequest{Texts: append(texts(300, 1000), " great")}, "Requested 300001 tokens, max 300000 tokens per request"},
		{"ids of an encoding", "cl100k_base", false, EmbedRequest{Tokens: append(lists(300, 1000), []engine.Token{0, 0})}, "Requested 300002 tokens, max 300000 tokens per request"},
		{"texts for another server", "cl100k_base", true, EmbedRequest{Texts: append(texts(300, 1000), " great")}, "Requested 300001 tokens, max 300000 tokens per request"},
		{"texts for another server, uncounted", "", true, EmbedRequest{Texts: texts(301, 1000)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, s := newWorld(func(w *fakeWorld) {
				w.target.Encoding, w.target.Limit, w.backend.info.ContextWindow = tt.encoding, 6000, 6000
				w.target.Native = tt.encoding == "" // ids of the served model are sent by its own name
				if tt.remote {
					w.backend.info.Input = engine.InputMessages
				}
			})
			tt.req.Model, tt.req.Param = "gpt-4", "input"
			_, err := s.Embed(t.Context(), who, tt.req)
			if tt.want == "" {
				if err != nil || len(w.backend.embeds) != 1 {
					t.Errorf("%v, asked %d times", err, len(w.backend.embeds))
				}
				return
			}
			f := fault.As(err)
			if f == nil || f.Kind != fault.Invalid || f.Message != tt.want || f.Code != "max_tokens_per_request" || f.Param != "" {
				t.Errorf("%+v", f)
			}
			if len(w.backend.embeds) != 0 || len(w.admitted) != 1 || w.admitted[0].Tokens != 0 {
				t.Errorf("it was embedded, or more than the request was counted against the limits: %+v", w.admitted)
			}
		})
	}
}

func TestAModelThatGivesNoEmbeddings(t *testing.T) {
	_, s := newWorld(func(w *fakeWorld) { w.backend.info.CanEmbed = false })
	_, err := s.Embed(t.Context(), who, EmbedRequest{Model: "gpt-4", Param: "input", Texts: []string{"x"}})
	if f := fault.As(err); f == nil || f.Kind != fault.Forbidden || f.Param != "model" || !strings.HasPrefix(f.Message, "You are not allowed to generate embeddings from this model") {
		t.Errorf("%v", err)
	}
}
