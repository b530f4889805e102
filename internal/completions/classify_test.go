package completions

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// library is llama.cpp without the engine: it computes a text in one batch and gives its raw logits.
type library struct {
	model   *capi.Model
	context *capi.Context
}

func openLibrary(t *testing.T, spec engine.Spec) library {
	t.Helper()
	lib, err := capi.Open(spec.Library)
	if err != nil {
		t.Fatal(err)
	}
	model, err := lib.LoadModel(spec.Path, capi.ModelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(model.Free)
	context, err := model.NewContext(capi.ContextOptions{Cells: 256, Batch: 128, MicroBatch: 128, Outputs: 128, Sequences: 1, Threads: 1, Flash: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(context.Free)
	return library{model, context}
}

// tokens are those of a text, as the library reads it.
func (l library) tokens(t *testing.T, text string) []int32 {
	t.Helper()
	tokens, err := l.model.Tokenize(text, true, true)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// after returns the natural log probabilities of all tokens after the first n of these.
func (l library) after(t *testing.T, tokens []int32, n int) []float64 {
	t.Helper()
	l.context.Clear()
	l.context.Remove(0, 0)
	for i, token := range tokens {
		if _, err := l.context.Add(token, int32(i), 0, i == n-1); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.context.Decode(); err != nil {
		t.Fatal(err)
	}
	logits, err := l.context.Logits(n - 1)
	if err != nil {
		t.Fatal(err)
	}
	out, sum := make([]float64, len(logits)), 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x))
	}
	for i, x := range logits {
		out[i] = float64(x) - math.Log(sum)
	}
	return out
}

func likeliest(logprobs []float64, tokens ...int32) int32 {
	return slices.MaxFunc(tokens, func(a, b int32) int { return cmp.Compare(logprobs[a], logprobs[b]) })
}

// TestClassificationIsTheLibrarysOwn classifies as the guide to fine-tuning did: one token, logprobs 5, biases on
// the labels; and by scoring text and label with echo. All numbers are those that llama.cpp gives.
func TestClassificationIsTheLibrarysOwn(t *testing.T) {
	m := openReal(t)
	lib := openLibrary(t, m.spec)
	srv := serveReal(t, m)
	labels := []string{" positive", " negative"}
	var own []int32
	for _, label := range labels {
		tokens := lib.tokens(t, label)
		if len(tokens) != 1 {
			t.Fatalf("%q is %d tokens: choose a label that is one", label, len(tokens))
		}
		own = append(own, tokens[0])
	}
	names := map[string]map[string]int{} // each name's own ids of the labels, as keys of logit_bias
	for name, encoding := range map[string]string{"text-davinci-003": "p50k_base", "gpt-3.5-turbo-instruct": "cl100k_base", "smollm2-135m-instruct": ""} {
		names[name] = map[string]int{}
		for i, label := range labels {
			id := own[i]
			if encoding != "" {
				id = idOf(t, encoding, label)
			}
			names[name][strconv.Itoa(int(id))] = 100
		}
	}

	seen := map[int32]bool{}
	for _, review := range []string{
		"A film full of joy, with wonderful actors. I loved it.\n\n###\n\n",
		"The worst two hours of my life. Boring, ugly and far too long.\n\n###\n\n",
		"I would see it again tomorrow: funny, clever, moving.\n\nSentiment:",
		"Terrible service and cold food, we will never come back.\n\nSentiment:",
	} {
		prompt := lib.tokens(t, review)
		want := lib.after(t, prompt, len(prompt))

		free := choiceOf(t, srv, map[string]any{"model": "text-davinci-003", "prompt": review, "max_tokens": 1, "temperature": 0, "logprobs": 5})
		all := make([]int32, len(want))
		for i := range all {
			all[i] = int32(i)
		}
		sameOne(t, lib, free, want, likeliest(want, all...))

		label := likeliest(want, own...)
		seen[label] = true
		for name, bias := range names {
			led := choiceOf(t, srv, map[string]any{"model": name, "prompt": review, "max_tokens": 1, "temperature": 0, "logprobs": 5, "logit_bias": bias})
			sameOne(t, lib, led, want, label)
		}
		for i, text := range labels {
			scored := choiceOf(t, srv, map[string]any{"model": "davinci", "prompt": review + text, "max_tokens": 0, "echo": true, "logprobs": 5})
			last := len(scored.Logprobs.Tokens) - 1
			tokens := lib.tokens(t, review+text)
			if tokens[len(tokens)-1] != own[i] || scored.Logprobs.Tokens[last] != text {
				t.Fatalf("%q does not end with the label's token: %q", review+text, scored.Logprobs.Tokens)
			}
			near(t, text, *scored.Logprobs.TokenLogprobs[last], lib.after(t, tokens, len(tokens)-1)[own[i]])
		}
	}
	if len(seen) != len(labels) {
		t.Errorf("all reviews have the same label: these do not show that biases leave the choice to the model")
	}
}

func idOf(t *testing.T, encoding, text string) int32 {
	t.Helper()
	e, err := bpe.Get(encoding)
	if err != nil {
		t.Fatal(err)
	}
	id, ok := e.Token(text)
	if !ok {
		t.Fatalf("%q is not a token of %s", text, encoding)
	}
	return id
}

func choiceOf(t *testing.T, srv *httptest.Server, body map[string]any) Choice {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, got := post(t, srv, string(data))
	var answer Whole
	if err := json.Unmarshal([]byte(got), &answer); err != nil || resp.StatusCode != 200 || len(answer.Choices) != 1 {
		t.Fatalf("%s: %d: %s, %v", data, resp.StatusCode, got, err)
	}
	return answer.Choices[0]
}

// sameOne compares an answer of one token, and its five alternatives, with the library's numbers.
func sameOne(t *testing.T, lib library, c Choice, want []float64, chosen int32) {
	t.Helper()
	text, err := lib.model.Piece(nil, chosen, true)
	if err != nil {
		t.Fatal(err)
	}
	if c.Text != string(text) || len(c.Logprobs.Tokens) != 1 || c.Logprobs.Tokens[0] != string(text) {
		t.Errorf("the answer is %q, the library's %q", c.Text, text)
		return
	}
	near(t, c.Text, *c.Logprobs.TokenLogprobs[0], want[chosen])
	top := (*c.Logprobs.TopLogprobs)[0]
	order := slices.Clone(want)
	slices.SortFunc(order, func(a, b float64) int { return cmp.Compare(b, a) })
	var got []float64
	for _, x := range *top {
		got = append(got, float64(x))
	}
	slices.SortFunc(got, func(a, b float64) int { return cmp.Compare(b, a) })
	for i, x := range got[:5] {
		near(t, "alternative "+strconv.Itoa(i), float32(x), order[i])
	}
}

func near(t *testing.T, what string, got float32, want float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 1e-3 {
		t.Errorf("%q: %v, the library says %v", what, got, want)
	}
}
