package completions

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

const (
	story = "Once upon a time, in a village by the sea, there lived"
	brief = "<|im_start|>user\nAnswer with one word: what is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
)

// complete posts a completion of the real model.
func complete(t *testing.T, srv *httptest.Server, body map[string]any) Whole {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, got := post(t, srv, string(data))
	var answer Whole
	if err := json.Unmarshal([]byte(got), &answer); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d: %s, %v", resp.StatusCode, got, err)
	}
	return answer
}

func encoding(t *testing.T, name string) *bpe.Encoding {
	t.Helper()
	e, err := bpe.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ids are the keys of logit_bias for texts that are one token of the encoding each.
func ids(t *testing.T, e *bpe.Encoding, bias float64, texts ...string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for _, text := range texts {
		id, ok := e.Token(text)
		if !ok {
			t.Fatalf("%q is no token of %s", text, e.Name())
		}
		out[fmt.Sprint(id)] = bias
	}
	return out
}

// nativeTokens are the tokens of a text in the real model's vocabulary.
func nativeTokens(t *testing.T, m realModel, text string) []engine.Token {
	t.Helper()
	tokens, err := m.Tokenize(t.Context(), engine.TokenizeRequest{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// TestBiasByForeignIds: ids of OpenAI's encodings do to the real model what they did to the original, one
// token there or several.
func TestBiasByForeignIds(t *testing.T) {
	m := openReal(t)
	srv := serveReal(t, m)
	cl100k, p50k := encoding(t, "cl100k_base"), encoding(t, "p50k_base")
	const several = " unbelievable" // one token of cl100k_base
	if n := len(nativeTokens(t, m, several)); n < 2 {
		t.Fatalf("%q is %d token of the model: the test needs a text of several", several, n)
	}
	for _, word := range []string{" yes", several} {
		got := complete(t, srv, map[string]any{"model": "gpt-3.5-turbo-instruct", "prompt": story, "max_tokens": 12, "temperature": 0, "logit_bias": ids(t, cl100k, 100, word)})
		if text := got.Choices[0].Text; !strings.HasPrefix(strings.Repeat(word, 12), text) || len(text) < 2*len(word) {
			t.Errorf("led to %q it said %q", word, text)
		}
	}

	// The same text as an answer that is banned word by word.
	free := complete(t, srv, map[string]any{"model": "text-davinci-003", "prompt": story, "max_tokens": 24, "temperature": 0}).Choices[0].Text
	banned := map[string]float64{}
	for _, id := range p50k.EncodeOrdinary(nil, free) {
		banned[fmt.Sprint(id)] = -100
	}
	other := complete(t, srv, map[string]any{"model": "text-davinci-003", "prompt": story, "max_tokens": 24, "temperature": 0, "logit_bias": banned}).Choices[0].Text
	said := map[string]bool{}
	for _, tok := range nativeTokens(t, m, other) {
		b, err := m.Detokenize(t.Context(), []engine.Token{tok})
		if err != nil {
			t.Fatal(err)
		}
		said[string(b)] = true
	}
	for id := range banned {
		var n bpe.Token
		if _, err := fmt.Sscan(id, &n); err != nil {
			t.Fatal(err)
		}
		if text, _ := p50k.Bytes(n); said[text] {
			t.Errorf("the banned token %q is in %q", text, other)
		}
	}

	// Programs of 2022 ban the end like this.
	short := complete(t, srv, map[string]any{"model": "text-davinci-003", "prompt": brief, "max_tokens": 60, "temperature": 0})
	long := complete(t, srv, map[string]any{"model": "text-davinci-003", "prompt": brief, "max_tokens": 60, "temperature": 0, "logit_bias": map[string]int{"50256": -100}})
	if *short.Choices[0].FinishReason != "stop" || *long.Choices[0].FinishReason != "length" || long.Usage.CompletionTokens != 60 {
		t.Errorf("with its end banned the answer %q ended for %s after %d tokens", long.Choices[0].Text, *long.Choices[0].FinishReason, long.Usage.CompletionTokens)
	}
}

// TestClassification: as the fine-tuning guide did it, max_tokens 1, logprobs, and labels by logit_bias. The
// numbers are those of the engine asked directly; where the name counts in its encoding, a label of several
// tokens comes whole.
func TestClassification(t *testing.T) {
	m := openReal(t)
	srv := serveReal(t, m)
	cl100k := encoding(t, "cl100k_base")
	const prompt = "Review: The film was a waste of two hours.\nSentiment:"
	labels := []string{" positive", " negative"}
	got := complete(t, srv, map[string]any{"model": "gpt-3.5-turbo-instruct", "prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": 5, "logit_bias": ids(t, cl100k, 100, labels...)})
	req := engine.GenerateRequest{Tokens: nativeTokens(t, m, prompt), MaxTokens: 1, Logprobs: true, TopLogprobs: 5}
	for _, label := range labels {
		native := nativeTokens(t, m, label)
		if len(native) != 1 {
			t.Fatalf("%q is %d tokens of the model", label, len(native))
		}
		req.Sampling.Bias = append(req.Sampling.Bias, engine.TokenBias{Token: native[0], Bias: 100})
	}
	var direct engine.TokenLogprob
	for e, err := range m.Generate(t.Context(), req) {
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := e.(engine.Delta); ok {
			direct = d.Tokens[0]
		}
	}
	c := got.Choices[0]
	if c.Text != string(direct.Bytes) || math.Abs(float64(*c.Logprobs.TokenLogprobs[0]-direct.Logprob)) > 1e-3 {
		t.Errorf("%q at %v, the engine says %q at %v", c.Text, *c.Logprobs.TokenLogprobs[0], direct.Bytes, direct.Logprob)
	}
	for _, top := range direct.Top {
		if p, ok := (*(*c.Logprobs.TopLogprobs)[0])[tokenText(top.Bytes)]; !ok || math.Abs(float64(p-top.Logprob)) > 1e-3 {
			t.Errorf("alternative %q: %v, the engine says %v", top.Bytes, p, top.Logprob)
		}
	}

	labels = nil
	for _, label := range []string{" unbelievable", " astonishing", " breathtaking", " heartbreaking", " outrageous", " unforgettable", " disgusting"} {
		if _, one := cl100k.Token(label); one && len(nativeTokens(t, m, label)) > 1 && len(labels) < 2 {
			labels = append(labels, label)
		}
	}
	if len(labels) < 2 {
		t.Fatalf("of all labels only %q are one token in cl100k_base and several of the model", labels)
	}
	answer := complete(t, srv, map[string]any{"model": "counted", "prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": 5, "logit_bias": ids(t, cl100k, 100, labels...)})
	if c := answer.Choices[0]; c.Text != labels[0] && c.Text != labels[1] || *c.FinishReason != "length" || answer.Usage.CompletionTokens != 1 || strings.Join(c.Logprobs.Tokens, "") != c.Text {
		t.Errorf("%+v, %+v", c, answer.Usage)
	}
}

// TestCountedInTheEncoding: max_tokens n gives n tokens of the encoding, and usage counts them and the
// prompt's as tiktoken does.
func TestCountedInTheEncoding(t *testing.T) {
	m := openReal(t)
	srv := serveReal(t, m)
	e := encoding(t, "cl100k_base")
	for prompt, step := range map[string]int{story: 1, "안녕하세요. 오늘은": 9, "def fibonacci(n):\n": 9} {
		for n := 1; n <= 40; n += step {
			for _, stream := range []bool{false, true} {
				if stream && n%8 != 2 {
					continue
				}
				text, reason, usage := ask(t, srv, map[string]any{"model": "counted", "prompt": prompt, "max_tokens": n, "temperature": 0}, stream)
				if usage.CompletionTokens != e.Count(text) || usage.PromptTokens != e.Count(prompt) {
					t.Errorf("%d tokens of %q: %q, %+v; tiktoken counts %d of %d", n, prompt, text, usage, e.Count(text), e.Count(prompt))
				}
				// A letter that would be cut is left off, with at most three tokens.
				if short := n - e.Count(text); short < 0 || short > 3 || short > 0 && prompt == story || reason != "length" {
					t.Errorf("%d tokens of %q: %q are %d, for %s", n, prompt, text, n-short, reason)
				}
			}
		}
	}
}

// ask returns a completion's text, however it comes.
func ask(t *testing.T, srv *httptest.Server, body map[string]any, stream bool) (text, reason string, usage wire.Usage) {
	t.Helper()
	if !stream {
		got := complete(t, srv, body)
		return got.Choices[0].Text, *got.Choices[0].FinishReason, *got.Usage
	}
	body["stream"], body["stream_options"] = true, map[string]bool{"include_usage": true}
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	_, got := post(t, srv, string(data))
	for lines := bufio.NewScanner(strings.NewReader(got)); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk Whole
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatal(err)
		}
		for _, c := range chunk.Choices {
			text += c.Text
			if c.FinishReason != nil {
				reason = *c.FinishReason
			}
		}
		if chunk.Usage != nil {
			usage = *chunk.Usage
		}
	}
	return text, reason, usage
}
