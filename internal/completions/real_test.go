package completions

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/llama"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/models"
)

// realModel is the pulled small model, opened in this process, with everybody let in.
type realModel struct {
	engine.Backend
	spec engine.Spec
}

func (m realModel) Resolve(_ context.Context, _ actor.Actor, name string) (generate.Target, error) {
	t := generate.Target{Name: name, Model: name, Served: m.spec.Name, Spec: m.spec}
	switch name {
	case "text-davinci-003":
		t.Encoding = "p50k_base"
	case "gpt-3.5-turbo-instruct":
		t.Encoding = "cl100k_base"
	case "counted":
		t.Encoding, t.Counts = "cl100k_base", true
	default:
		t.Native = true
	}
	return t, nil
}

func (m realModel) Use(context.Context, engine.Spec) (engine.Backend, func(), error) {
	return m.Backend, func() {}, nil
}

func (realModel) Admit(context.Context, actor.Actor, generate.Demand) (generate.Grant, error) {
	return generate.Grant{}, nil
}

func (realModel) Record(context.Context, actor.Actor, generate.Record) {}

func openReal(t *testing.T) realModel {
	t.Helper()
	home := os.Getenv("PARLEY_TEST_HOME")
	if home == "" {
		t.Skip("PARLEY_TEST_HOME names no home with the default models: `make test` pulls them and names it")
	}
	reg, err := models.Open(models.Options{Home: home, Cache: os.Getenv("PARLEY_TEST_CACHE")})
	if err != nil {
		t.Fatal(err)
	}
	found, err := reg.Resolve(t.Context(), generatetest.Who, "smollm2-135m-instruct")
	if err != nil {
		t.Fatal(err)
	}
	found.Spec.Threads = 1 // other tests run beside this one
	backend, err := llama.Open(t.Context(), found.Spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
	})
	return realModel{backend, found.Spec}
}

func serveReal(t *testing.T, m realModel) *httptest.Server {
	t.Helper()
	service := &generate.Service{Models: m, Pool: m, Limits: m, Usage: m, Compile: func(string) (generate.Template, error) {
		return nil, errors.New("texts need no template")
	}}
	return generatetest.Serve(t, (&API{Generate: service, Clock: clock.System}).Routes())
}

// TestScoresAreTheEnginesOwn: what echo, logprobs and max_tokens 0 say of a text is what the model's
// engine says when it is asked directly.
func TestScoresAreTheEnginesOwn(t *testing.T) {
	m := openReal(t)
	srv := serveReal(t, m)
	for _, text := range []string{
		"The capital of France is Paris, and the capital of Italy is Rome.",
		"서울은 대한민국의 수도이다. 😀",
		"def add(a, b):\n    return a + b\n",
	} {
		direct := engineScore(t, m, text)
		body, err := json.Marshal(map[string]any{"model": "m", "prompt": text, "max_tokens": 0, "echo": true, "logprobs": 5})
		if err != nil {
			t.Fatal(err)
		}
		resp, got := post(t, srv, string(body))
		var answer Whole
		if err := json.Unmarshal([]byte(got), &answer); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%d: %s, %v", resp.StatusCode, got, err)
		}
		c := answer.Choices[0]
		if c.Text != text || len(c.Logprobs.Tokens) != len(direct) || c.Logprobs.TokenLogprobs[0] != nil || (*c.Logprobs.TopLogprobs)[0] != nil {
			t.Fatalf("%d tokens of %q: %s", len(direct), text, got)
		}
		runes := []rune(text)
		for i, want := range direct {
			if c.Logprobs.Tokens[i] != tokenText(want.Bytes) {
				t.Errorf("token %d is %q, not %q", i, c.Logprobs.Tokens[i], want.Bytes)
			}
			if at := c.Logprobs.TextOffset[i]; !strings.HasPrefix(c.Logprobs.Tokens[i], "bytes:") && !strings.HasPrefix(string(runes[at:]), c.Logprobs.Tokens[i]) {
				t.Errorf("token %d, %q, does not stand at %d", i, want.Bytes, at)
			}
			if i == 0 {
				continue
			}
			if got := *c.Logprobs.TokenLogprobs[i]; math.Abs(float64(got-want.Logprob)) > 1e-3 {
				t.Errorf("token %d, %q: %v, the engine says %v", i, want.Bytes, got, want.Logprob)
			}
			alternatives := *(*c.Logprobs.TopLogprobs)[i]
			for _, top := range want.Top {
				if got, ok := alternatives[tokenText(top.Bytes)]; !ok || math.Abs(float64(got-top.Logprob)) > 1e-3 {
					t.Errorf("token %d, alternative %q: %v, the engine says %v", i, top.Bytes, got, top.Logprob)
				}
			}
		}
	}
}

// engineScore asks the engine itself.
func engineScore(t *testing.T, m realModel, text string) []engine.TokenLogprob {
	t.Helper()
	tokens, err := m.Tokenize(t.Context(), engine.TokenizeRequest{Text: text, AddSpecial: true, ParseSpecial: true})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range m.Generate(t.Context(), engine.GenerateRequest{Tokens: tokens, PromptLogprobs: true, TopLogprobs: 5}) {
		if err != nil {
			t.Fatal(err)
		}
		if scored, ok := e.(engine.PromptScored); ok {
			return scored.Tokens
		}
	}
	t.Fatal("the engine gave no logprobs of the prompt")
	return nil
}
