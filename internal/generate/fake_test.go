package generate

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/chattemplate"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/toolcall"
)

// fakeBackend is a backend for these tests: a token is a byte, and it answers with its script.
type fakeBackend struct {
	info   engine.Info
	script []string // texts of the deltas
	err    error    // ends the script instead of Done
	full   error    // refuses the sequence before it starts
	cut    bool     // ends the script with nothing
	block  chan struct{}
	around bool // the tokenizer puts 1 before and 2 after a text when special tokens are asked for

	mu       sync.Mutex
	requests []engine.GenerateRequest
	tokenize []engine.TokenizeRequest
	embeds   []engine.EmbedRequest
	running  int
	most     int
}

func (f *fakeBackend) Info(context.Context) (engine.Info, error) { return f.info, nil }

func (f *fakeBackend) Tokenize(_ context.Context, req engine.TokenizeRequest) ([]engine.Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokenize = append(f.tokenize, req)
	out := make([]engine.Token, len(req.Text))
	for i := range req.Text {
		out[i] = engine.Token(req.Text[i])
	}
	if f.around && req.AddSpecial {
		out = append(append([]engine.Token{1}, out...), 2)
	}
	return out, nil
}

func (f *fakeBackend) Detokenize(_ context.Context, tokens []engine.Token) ([]byte, error) {
	out := make([]byte, len(tokens))
	for i, t := range tokens {
		out[i] = byte(t)
	}
	return out, nil
}

func (f *fakeBackend) Generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		f.mu.Lock()
		f.requests = append(f.requests, req)
		f.running++
		f.most = max(f.most, f.running)
		f.mu.Unlock()
		defer func() { f.mu.Lock(); f.running--; f.mu.Unlock() }()
		if f.full != nil {
			yield(nil, f.full)
			return
		}
		if !yield(engine.Started{PromptTokens: len(req.Tokens), CachedTokens: 1}, nil) {
			return
		}
		made := 0
		for i, text := range f.script {
			if f.block != nil && i == 1 {
				select {
				case <-f.block:
				case <-ctx.Done():
					yield(nil, ctx.Err())
					return
				}
			}
			made++
			if !yield(engine.Delta{Text: text, Tokens: []engine.TokenLogprob{{Token: 1, Bytes: []byte(text)}}}, nil) {
				return
			}
		}
		switch {
		case f.err != nil:
			yield(nil, f.err)
		case !f.cut:
			yield(engine.Done{Reason: engine.FinishStop, PromptTokens: len(req.Tokens), CachedTokens: 1, CompletionTokens: made + 1}, nil)
		}
	}
}

func (f *fakeBackend) Embed(_ context.Context, req engine.EmbedRequest) (engine.EmbedResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.embeds = append(f.embeds, req)
	if f.err != nil {
		return engine.EmbedResponse{}, f.err
	}
	out := engine.EmbedResponse{}
	for _, t := range req.Tokens {
		out.Vectors = append(out.Vectors, []float32{float32(len(t)), 0})
		out.PromptTokens += len(t)
	}
	for range req.Texts {
		out.Vectors = append(out.Vectors, []float32{1, 0})
		out.PromptTokens += 7
	}
	return out, nil
}

func (f *fakeBackend) Close() error { return nil }

// fakeWorld is everything around the backend, with what it was told.
type fakeWorld struct {
	backend *fakeBackend
	target  Target
	refuse  error // of Admit
	left    [][2]string

	mu        sync.Mutex
	leases    int
	admitted  []Demand
	records   []Record
	corrected []int
	firsts    []time.Duration
	compiled  int
	noSystem  bool // the model's template
}

func (w *fakeWorld) Resolve(_ context.Context, _ actor.Actor, name string) (Target, error) {
	if name != w.target.Name {
		return Target{}, fault.New(fault.NotFound, "The model `%s` does not exist", name).WithCode("model_not_found")
	}
	return w.target, nil
}

func (w *fakeWorld) Use(context.Context, engine.Spec) (engine.Backend, func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leases++
	return w.backend, func() { w.mu.Lock(); w.leases--; w.mu.Unlock() }, nil
}

func (w *fakeWorld) Admit(_ context.Context, _ actor.Actor, d Demand) (Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.admitted = append(w.admitted, d)
	return Grant{Headers: w.left, Correct: func(n int) { w.corrected = append(w.corrected, n) }}, w.refuse
}

func (w *fakeWorld) Record(_ context.Context, _ actor.Actor, r Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.firsts = append(w.firsts, r.FirstToken)
	r.FirstToken = 0 // a duration differs each time
	w.records = append(w.records, r)
}

// fakeTemplate writes "role:content;", refuses the role "nobody", and the role "system" when told so.
type fakeTemplate struct{ noSystem bool }

func (f fakeTemplate) Syntax() *toolcall.Syntax { return toolcall.Generic() }

func (f fakeTemplate) Render(messages []engine.Message, _ []json.RawMessage, bos, _ string) (string, error) {
	var b strings.Builder
	b.WriteString(bos)
	for _, m := range messages {
		if m.Role == "nobody" {
			return "", &chattemplate.Refusal{Reason: "unknown role"}
		}
		if m.Role == "system" && f.noSystem {
			return "", fmt.Errorf("as the adapter wraps it: %w", &chattemplate.Refusal{Reason: "no system role"})
		}
		if m.Content == "break" {
			return "", fmt.Errorf("undefined filter")
		}
		b.WriteString(m.Role + ":" + m.Content + ";")
	}
	return b.String(), nil
}

func newWorld(change ...func(*fakeWorld)) (*fakeWorld, *Service) {
	w := &fakeWorld{
		backend: &fakeBackend{
			info:   engine.Info{Name: "tiny", Fingerprint: "fp_1", ContextWindow: 100, VocabSize: 256, CanGenerate: true, CanEmbed: true, ChatTemplate: "T", BOS: "<s>"},
			script: []string{"Hel", "lo"},
		},
		target: Target{Name: "gpt-4", Model: "gpt-4-0613", Served: "tiny"},
	}
	for _, f := range change {
		f(w)
	}
	s := &Service{Models: w, Pool: w, Limits: w, Usage: w, Compile: func(string) (Template, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.compiled++
		return fakeTemplate{w.noSystem}, nil
	}}
	return w, s
}
