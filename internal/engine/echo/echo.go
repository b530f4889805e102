// Package echo is an engine for tests. It is a fake and says so: its name is "echo", and it answers
// "Echo: " and what the user said last. It is exported because testkit.Server runs on it, and because
// whoever writes a capability can see in it what a backend does.
//
// It behaves like a model where that can be observed: one token is one byte (so every letter beyond
// ASCII is several tokens, as with real models), special tokens mark turns, the next token is drawn
// from a distribution over the whole vocabulary that depends on nothing but what came before, so
// temperature, seed, logit_bias, penalties, logprobs and prompt logprobs all do what they say; there
// are slots, a queue that overflows, and a window. It does not know adapters or images.
//
// Under a grammar it says its reply when the grammar allows that, else a text that it draws from the
// grammar by the seed, and nothing else: biases and penalties do not count then.
//
// The model: behind the last <|assistant|> token of the prompt it wants to say Options.Reply of the
// last user turn; without such a token, Options.Reply of the whole prompt. Tokens that it was forced
// to say instead count as said. After the reply it wants to end the turn, or, where that is banned,
// to say the reply again.
package echo

import (
	"context"
	"iter"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo/gbnf"
	"github.com/parley-ai/parley/internal/engine/textbias"
	"github.com/parley-ai/parley/internal/engine/textstream"
	"github.com/parley-ai/parley/internal/fault"
)

// Options change how the fake behaves. The zero value is useful.
type Options struct {
	Name          string // served model; "echo" when empty
	ContextWindow int    // tokens, which are bytes; 0 is 8192
	EmbeddingSize int    // 0 is 32
	Slots         int    // sequences at once; 0 is 16
	Queue         int    // sequences that may wait for a slot before Overloaded; 0 is 64
	MemoryBytes   int64  // what Info says

	// Reply says what the model answers to the last user turn; nil is "Echo: " and that turn.
	Reply func(prompt string) string
	// TokenDelay is slept before each token.
	TokenDelay time.Duration
	// BeforeToken is called before token n (from 0) of a sequence. It may block until ctx ends; an
	// error ends the sequence with it.
	BeforeToken func(ctx context.Context, req engine.GenerateRequest, n int) error
}

// Backend is the fake. Safe for concurrent use.
type Backend struct {
	o     Options
	slots chan struct{}

	mu      sync.Mutex
	running map[*sequence]struct{}
	queued  int
	closed  bool
}

type sequence struct{ cancel context.CancelCauseFunc }

// New returns an echo backend.
func New(o Options) *Backend {
	if o.Name == "" {
		o.Name = "echo"
	}
	if o.ContextWindow == 0 {
		o.ContextWindow = 8192
	}
	if o.EmbeddingSize == 0 {
		o.EmbeddingSize = 32
	}
	if o.Slots == 0 {
		o.Slots = 16
	}
	if o.Queue == 0 {
		o.Queue = 64
	}
	if o.Reply == nil {
		o.Reply = func(prompt string) string { return "Echo: " + prompt }
	}
	return &Backend{o: o, slots: make(chan struct{}, o.Slots), running: map[*sequence]struct{}{}}
}

// Open is the engine.Opener of the driver "echo".
func Open(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
	return Opener(Options{})(ctx, spec, progress)
}

// Opener returns an opener whose backends have these options; what the spec says goes first.
func Opener(o Options) engine.Opener {
	return func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		o := o
		if spec.Name != "" {
			o.Name = spec.Name
		}
		if spec.ContextWindow > 0 {
			o.ContextWindow = spec.ContextWindow
		}
		if spec.Slots > 0 {
			o.Slots = spec.Slots
		}
		if spec.MemoryBytes > 0 {
			o.MemoryBytes = spec.MemoryBytes
		}
		if progress != nil {
			progress(1)
		}
		return New(o), nil
	}
}

// Template is the chat template that Info gives: each turn is its role's token, the text, <|end|>.
const Template = `{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`

// Info says what the model is.
func (b *Backend) Info(context.Context) (engine.Info, error) {
	return engine.Info{
		Name: b.o.Name, Backend: "echo", Fingerprint: "fp_echo000000", ContextWindow: b.o.ContextWindow,
		VocabSize: vocabSize, EmbeddingSize: b.o.EmbeddingSize, CanGenerate: true, CanEmbed: true,
		Input: engine.InputTokens, ChatTemplate: Template, EOS: specials[end-256], Special: specials[:], Layout: "as-is", MemoryBytes: b.o.MemoryBytes,
	}, nil
}

// Stats says how many sequences run and wait.
func (b *Backend) Stats(context.Context) (engine.Stats, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return engine.Stats{Active: len(b.running) - b.queued, Queued: b.queued}, nil
}

// Tokenize splits a text into its bytes.
func (b *Backend) Tokenize(_ context.Context, req engine.TokenizeRequest) ([]engine.Token, error) {
	return tokenize(req.Text, req.ParseSpecial), nil
}

// Detokenize is the inverse; special tokens give their text.
func (b *Backend) Detokenize(_ context.Context, tokens []engine.Token) ([]byte, error) {
	var out []byte
	for _, t := range tokens {
		if t < 0 || t >= vocabSize {
			return nil, outside(t)
		}
		out = appendToken(out, t)
	}
	return out, nil
}

func outside(t engine.Token) error {
	return fault.New(fault.Invalid, "Token %d is outside the vocabulary of %d tokens.", t, vocabSize)
}

// Close ends running sequences with Unavailable.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.running {
		s.cancel(b.gone())
	}
	return nil
}

func (b *Backend) gone() error {
	return fault.New(fault.Unavailable, "The model %s was unloaded.", b.o.Name)
}

// Embed hashes the words' byte trigrams into a vector, so that like texts are near each other.
func (b *Backend) Embed(ctx context.Context, req engine.EmbedRequest) (engine.EmbedResponse, error) {
	var out engine.EmbedResponse
	if err := ctx.Err(); err != nil {
		return out, err
	}
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return out, b.gone()
	}
	if len(req.Texts) > 0 {
		return out, fault.New(fault.Invalid, "The echo engine takes tokens, not texts.")
	}
	for _, tokens := range req.Tokens {
		if len(tokens) > b.o.ContextWindow {
			return engine.EmbedResponse{}, b.tooLong(len(tokens))
		}
		v := make([]float32, b.o.EmbeddingSize)
		v[0] = 0.1 // an empty input has a direction too
		h := uint64(0)
		for i, t := range tokens {
			if t < 0 || t >= vocabSize {
				return engine.EmbedResponse{}, outside(t)
			}
			h = (h<<16 | uint64(t)) & 0xffffffffffff
			if i >= 2 {
				v[mix(h)%uint64(len(v))]++
			}
		}
		var sum float64
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		for i := range v {
			v[i] /= float32(math.Sqrt(sum))
		}
		out.Vectors = append(out.Vectors, v)
		out.PromptTokens += len(tokens)
	}
	return out, nil
}

// join enters a sequence, waiting for a slot.
func (b *Backend) join(ctx context.Context, s *sequence) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return b.gone()
	}
	select {
	case b.slots <- struct{}{}:
		b.running[s] = struct{}{}
		b.mu.Unlock()
		return nil
	default:
	}
	if b.queued >= b.o.Queue {
		b.mu.Unlock()
		return fault.New(fault.Overloaded, "The engine is currently overloaded, please try again later")
	}
	b.queued++
	b.running[s] = struct{}{}
	b.mu.Unlock()

	var err error
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queued--
	if err != nil {
		delete(b.running, s)
	}
	return err
}

func (b *Backend) leave(s *sequence) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, s)
	<-b.slots
}

// Generate runs one sequence.
func (b *Backend) Generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		if err := b.check(req); err != nil {
			yield(nil, err)
			return
		}
		grammar, err := parseGrammar(req)
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		s := &sequence{cancel: cancel}
		if err := b.join(ctx, s); err != nil {
			yield(nil, err)
			return
		}
		defer b.leave(s)
		if err := b.run(ctx, req, grammar, func(e engine.Event) bool { return yield(e, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

func (b *Backend) check(req engine.GenerateRequest) error {
	switch {
	case req.Text != "" || len(req.Messages) > 0:
		return fault.New(fault.Invalid, "The echo engine takes tokens, not texts or messages.")
	case req.Adapter != "":
		return fault.New(fault.Invalid, "The echo engine knows no adapters.")
	case len(req.Images) > 0:
		return fault.New(fault.Invalid, "The echo engine sees no images.")
	case len(req.Tokens) == 0:
		return fault.New(fault.Invalid, "The prompt is empty: it needs one token at least.")
	case len(req.Tokens) >= b.o.ContextWindow:
		return b.tooLong(len(req.Tokens))
	}
	for _, t := range req.Tokens {
		if t < 0 || t >= vocabSize {
			return outside(t)
		}
	}
	return nil
}

func (b *Backend) tooLong(n int) error {
	return fault.New(fault.Invalid, "This model's maximum context length is %d tokens. However, your prompt has %d tokens. Please reduce the length of the prompt.", b.o.ContextWindow, n).WithCode("context_length_exceeded")
}

// errBroken ends run when the caller broke out of the loop.
var errBroken = fault.New(fault.Canceled, "the caller stopped listening")

// run produces the events of a sequence; nil also when the caller stopped listening.
func (b *Backend) run(ctx context.Context, req engine.GenerateRequest, grammar *gbnf.Grammar, yield func(engine.Event) bool) error {
	m := model{reply: b.reply(req.Tokens), sampling: req.Sampling, prompt: req.Tokens, ignoreEOS: req.IgnoreEOS,
		bias: textbias.New(bytewise{}, &req.Sampling, []engine.Token{end})}
	if grammar != nil {
		m.reply, m.held = held(grammar, req, m.reply)
	}
	if !yield(engine.Started{PromptTokens: len(req.Tokens)}) {
		return nil
	}
	if req.PromptLogprobs && !yield(engine.PromptScored{Tokens: m.score(req.TopLogprobs, b.reply)}) {
		return nil
	}
	limit := min(req.MaxTokens, b.o.ContextWindow-len(req.Tokens))
	w := writer{stream: textstream.New(req.Stop), logprobs: req.Logprobs, shown: req.ShowSpecial, yield: yield}
	done := engine.Done{Reason: engine.FinishLength, PromptTokens: len(req.Tokens)}
	for n := 0; n < limit; n++ {
		if err := b.pause(ctx, req, n); err != nil {
			return err
		}
		t := m.next(req.TopLogprobs)
		done.CompletionTokens++
		if t.Token == end && (m.held || !req.IgnoreEOS) {
			done.Reason = engine.FinishStop
			if req.Logprobs {
				done.End = &t
			}
			break
		}
		stopped, err := w.add(t)
		if err == errBroken {
			return nil
		}
		if stopped {
			done.Reason = engine.FinishStop
			break
		}
	}
	if w.flush() != nil {
		return nil
	}
	yield(done)
	return nil
}

func (b *Backend) pause(ctx context.Context, req engine.GenerateRequest, n int) error {
	if b.o.TokenDelay > 0 {
		timer := time.NewTimer(b.o.TokenDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if b.o.BeforeToken != nil {
		if err := b.o.BeforeToken(ctx, req, n); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// reply finds what the model wants to say after a prompt.
func (b *Backend) reply(prompt []engine.Token) []engine.Token {
	last := -1 // begin of the last user turn
	for i, t := range prompt {
		if t == user {
			last = i + 1
		}
	}
	question := prompt
	if last >= 0 {
		question = prompt[last:]
		for i, t := range question {
			if t >= 256 {
				question = question[:i]
				break
			}
		}
	}
	var text []byte
	for _, t := range question {
		text = appendToken(text, t)
	}
	return tokenize(b.o.Reply(strings.ToValidUTF8(string(text), "\uFFFD")), false)
}
