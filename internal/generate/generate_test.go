package generate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

var who = actor.Actor{Org: "org-1", Project: "proj_1"}

func hello() Prompt { return FromMessages([]engine.Message{{Role: "user", Content: "hi"}}) }

func ptr[T any](v T) *T { return &v }

func run(ctx context.Context, s *Service, req Request, p Prompt) (events []Event, text string, err error) {
	for ev, e := range s.Run(ctx, who, req, p) {
		if e != nil {
			return events, text, e
		}
		events = append(events, ev)
		if d, ok := ev.(Delta); ok {
			text += d.Text
		}
	}
	return events, text, nil
}

func TestRunGivesTheEventsInOrderAndRecordsOnce(t *testing.T) {
	w, s := newWorld()
	events, text, err := run(t.Context(), s, Request{Op: "chat", Class: "chat", Model: "gpt-4", Param: "messages", MaxTokens: ptr(9)}, hello())
	if err != nil || text != "Hello" {
		t.Fatalf("text %q, error %v", text, err)
	}
	prompt := len("<s>user:hi;")
	if a, ok := events[0].(Admitted); ok {
		a.Grant.Correct = nil // functions do not compare
		events[0] = a
	}
	want := []Event{
		Admitted{Model: "gpt-4-0613", Served: "tiny", Fingerprint: "fp_1", Window: 100, PromptTokens: prompt},
		Started{PromptTokens: prompt, CachedTokens: 1},
		Delta{Text: "Hel", Tokens: []engine.TokenLogprob{{Token: 1, Bytes: []byte("Hel")}}},
		Delta{Text: "lo", Tokens: []engine.TokenLogprob{{Token: 1, Bytes: []byte("lo")}}},
		Done{Reason: engine.FinishStop, Usage: Usage{PromptTokens: prompt, CachedTokens: 1, CompletionTokens: 3}},
	}
	if !reflect.DeepEqual(events, want) {
		t.Errorf("events\n%+v\nwant\n%+v", events, want)
	}
	if len(w.records) != 1 || w.records[0] != (Record{Op: "chat", Model: "gpt-4", Served: "tiny", Usage: Usage{prompt, 1, 3}, Requests: 1, Outcome: Completed}) {
		t.Errorf("records %+v", w.records)
	}
	if !slices.Equal(w.corrected, []int{prompt + 3}) || w.firsts[0] <= 0 {
		t.Errorf("the limits were told %v, the first token took %v", w.corrected, w.firsts)
	}
	if !slices.Equal(w.admitted, []Demand{{Class: "chat", Model: "gpt-4", Tokens: prompt + 9}}) {
		t.Errorf("demands %+v", w.admitted)
	}
	if w.leases != 0 {
		t.Errorf("%d leases were kept", w.leases)
	}
	if tr := w.backend.tokenize[0]; tr.AddSpecial || !tr.ParseSpecial {
		t.Errorf("the template wrote BOS itself, but the tokenizer was asked %+v", tr)
	}
}

func TestOutcomesAreRecordedExactlyOnce(t *testing.T) {
	broken := fault.New(fault.Unavailable, "The engine died.")
	tests := []struct {
		name    string
		change  func(*fakeWorld)
		stopAt  int // break out after so many events; 0 never
		outcome Outcome
		tokens  int
		kind    fault.Kind
	}{
		{"failed", func(w *fakeWorld) { w.backend.err = broken }, 0, Failed, 2, fault.Unavailable},
		{"internal error", func(w *fakeWorld) { w.backend.err = errors.New("boom") }, 0, Failed, 2, fault.Internal},
		{"ended with nothing", func(w *fakeWorld) { w.backend.cut = true }, 0, Failed, 2, fault.Unavailable},
		{"consumer left after Admitted", func(*fakeWorld) {}, 1, Canceled, 0, 0},
		{"consumer left after a delta", func(*fakeWorld) {}, 3, Canceled, 1, 0},
		{"consumer left at Done", func(*fakeWorld) {}, 5, Completed, 3, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, s := newWorld(tt.change)
			seen := 0
			for _, err := range s.Run(t.Context(), who, Request{Model: "gpt-4"}, hello()) {
				if err != nil && fault.KindOf(err) != tt.kind {
					t.Errorf("error %v", err)
				}
				if seen++; seen == tt.stopAt {
					break
				}
			}
			if len(w.records) != 1 || w.records[0].Outcome != tt.outcome || w.records[0].Usage.CompletionTokens != tt.tokens {
				t.Errorf("records %+v, want one %s with %d tokens", w.records, tt.outcome, tt.tokens)
			}
			if w.leases != 0 {
				t.Errorf("%d leases were kept", w.leases)
			}
		})
	}
}

func TestACanceledContextIsCanceledAndRecorded(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.backend.block = make(chan struct{}) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for ev, err := range s.Run(ctx, who, Request{Model: "gpt-4"}, hello()) {
		if _, ok := ev.(Delta); ok {
			cancel()
		}
		last = err
	}
	if fault.KindOf(last) != fault.Canceled {
		t.Errorf("error %v", last)
	}
	if len(w.records) != 1 || w.records[0].Outcome != Canceled || w.records[0].Usage.CompletionTokens != 1 {
		t.Errorf("records %+v", w.records)
	}
}

func TestRefusalsBeforeAdmissionAreNotUsage(t *testing.T) {
	long := FromText(strings.Repeat("x", 101))
	tests := []struct {
		name   string
		change func(*fakeWorld)
		req    Request
		prompt Prompt
		kind   fault.Kind
		code   string
		text   string
	}{
		{"unknown model", nil, Request{Model: "nope"}, hello(), fault.NotFound, "model_not_found", ""},
		{"embedding model", func(w *fakeWorld) { w.backend.info.CanGenerate = false }, Request{Model: "gpt-4"}, hello(), fault.Forbidden, "", "You are not allowed to sample from this model"},
		{"limits", func(w *fakeWorld) { w.refuse = fault.New(fault.RateLimited, "Rate limit reached") }, Request{Model: "gpt-4"}, hello(), fault.RateLimited, "", ""},
		{"prompt too long", nil, Request{Model: "gpt-4", DefaultMaxTokens: 16}, long, fault.Invalid, "context_length_exceeded",
			"This model's maximum context length is 100 tokens, however you requested 117 tokens (101 in your prompt; 16 for the completion). Please reduce your prompt; or completion length."},
		{"messages too long", nil, Request{Model: "gpt-4"}, FromMessages([]engine.Message{{Role: "user", Content: strings.Repeat("x", 100)}}), fault.Invalid, "context_length_exceeded",
			"This model's maximum context length is 100 tokens. However, your messages resulted in 109 tokens. Please reduce the length of the messages."},
		{"messages and completion too long", nil, Request{Model: "gpt-4", MaxTokens: ptr(95)}, hello(), fault.Invalid, "context_length_exceeded",
			"This model's maximum context length is 100 tokens. However, you requested 106 tokens (11 in the messages, 95 in the completion). Please reduce the length of the messages or completion."},
		{"the alias's window is smaller", func(w *fakeWorld) { w.target.Window = 20 }, Request{Model: "gpt-4", MaxTokens: ptr(10)}, hello(), fault.Invalid, "context_length_exceeded",
			"This model's maximum context length is 20 tokens. However, you requested 21 tokens (11 in the messages, 10 in the completion). Please reduce the length of the messages or completion."},
		{"the prompt fills the window", func(w *fakeWorld) { w.target.Window = 11 }, Request{Model: "gpt-4"}, hello(), fault.Invalid, "context_length_exceeded",
			"This model's maximum context length is 11 tokens. However, you requested 12 tokens (11 in the messages, 1 in the completion). Please reduce the length of the messages or completion."},
		{"the template refuses", nil, Request{Model: "gpt-4", Param: "messages"}, FromMessages([]engine.Message{{Role: "nobody"}}), fault.Invalid, "", "does not take these messages: unknown role"},
		{"the template breaks", nil, Request{Model: "gpt-4", Param: "messages"}, FromMessages([]engine.Message{{Role: "user", Content: "break"}}), fault.Internal, "", ""},
		{"ids of another vocabulary", nil, Request{Model: "gpt-4", Param: "prompt"}, FromTokens([]engine.Token{1, 2}), fault.Invalid, "", "token ids are different"},
		{"ids outside the vocabulary", func(w *fakeWorld) { w.target.Native = true }, Request{Model: "gpt-4", Param: "prompt"}, FromTokens([]engine.Token{1, 256}), fault.Invalid, "", "Token id 256 is not in the vocabulary"},
		{"ids for a remote model", func(w *fakeWorld) { w.backend.info.Input = engine.InputMessages }, Request{Model: "gpt-4", Param: "prompt"}, FromTokens([]engine.Token{1}), fault.Invalid, "", "takes text, not token ids"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var change []func(*fakeWorld)
			if tt.change != nil {
				change = append(change, tt.change)
			}
			w, s := newWorld(change...)
			events, _, err := run(t.Context(), s, tt.req, tt.prompt)
			fe := fault.As(err)
			if fe == nil {
				fe = &fault.Error{}
			}
			if err == nil || fe.Kind != tt.kind || fe.Code != tt.code || !strings.Contains(fe.Message, tt.text) {
				t.Fatalf("error %#v", err)
			}
			if len(events) != 0 || len(w.records) != 0 || w.leases != 0 || len(w.backend.requests) != 0 {
				t.Errorf("events %v, records %v, leases %d, requests %d", events, w.records, w.leases, len(w.backend.requests))
			}
		})
	}
}

func TestTheAnswerGetsWhatIsLeftOfTheWindow(t *testing.T) {
	prompt := len("<s>user:hi;")
	tests := []struct {
		name   string
		window int
		req    Request
		want   int
	}{
		{"six left", prompt + 6, Request{}, 6},
		{"a default below what is left", 100, Request{DefaultMaxTokens: 16}, 16},
		{"a default above what is left", prompt + 6, Request{DefaultMaxTokens: 16}, 6},
		{"all that is left, asked for", 100, Request{MaxTokens: ptr(100 - prompt)}, 100 - prompt},
		{"nothing, for scoring", 100, Request{MaxTokens: ptr(0)}, 0},
		{"just more than the reserve", prompt + 6, Request{Reserve: 5}, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, s := newWorld(func(w *fakeWorld) { w.target.Window = tt.window })
			tt.req.Model = "gpt-4"
			if _, _, err := run(t.Context(), s, tt.req, hello()); err != nil {
				t.Fatal(err)
			}
			if got := w.backend.requests[0].MaxTokens; got != tt.want {
				t.Errorf("MaxTokens %d, want %d", got, tt.want)
			}
		})
	}
	_, s := newWorld(func(w *fakeWorld) { w.target.Window = prompt + 5 })
	if _, _, err := run(t.Context(), s, Request{Model: "gpt-4", Reserve: 5}, hello()); fault.As(err) == nil || fault.As(err).Code != "context_length_exceeded" {
		t.Errorf("a prompt that leaves no more than the reserve: %v", err)
	}
}

func TestRemoteBackendsGetMessagesAndTextUntouched(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.backend.info.Input = engine.InputMessages })
	if _, _, err := run(t.Context(), s, Request{Model: "gpt-4"}, hello()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t.Context(), s, Request{Model: "gpt-4", DefaultMaxTokens: 16}, FromText("once")); err != nil {
		t.Fatal(err)
	}
	if len(w.backend.tokenize) != 0 {
		t.Errorf("a remote backend was asked to tokenize: %+v", w.backend.tokenize)
	}
	if r := w.backend.requests[0]; len(r.Messages) != 1 || r.MaxTokens != LeftOfWindow || r.Tokens != nil {
		t.Errorf("messages: %+v", r)
	}
	if r := w.backend.requests[1]; r.Text != "once" || r.MaxTokens != 16 {
		t.Errorf("text: %+v", r)
	}
}

func TestTemplatesAreCompiledOnceAndHaveAFallback(t *testing.T) {
	w, s := newWorld()
	for range 3 {
		if _, _, err := run(t.Context(), s, Request{Model: "gpt-4"}, hello()); err != nil {
			t.Fatal(err)
		}
	}
	if w.compiled != 1 {
		t.Errorf("compiled %d times", w.compiled)
	}
	w, s = newWorld(func(w *fakeWorld) { w.backend.info.ChatTemplate = "" })
	events, _, err := run(t.Context(), s, Request{Model: "gpt-4"}, FromMessages([]engine.Message{{Role: "system", Content: "Be kind."}, {Role: "user", Name: "ann", Content: "hi"}}))
	if err != nil {
		t.Fatal(err)
	}
	if a := events[0].(Admitted); !a.Fallback {
		t.Errorf("Admitted %+v does not tell of the fallback", a)
	}
	want := "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user name=ann\nhi<|im_end|>\n<|im_start|>assistant\n"
	if got := w.backend.tokenize[0].Text; got != want || !w.backend.tokenize[0].AddSpecial {
		t.Errorf("rendered %q", got)
	}
}

func TestModelsWithoutASystemRoleReadItBeforeTheQuestion(t *testing.T) {
	system := engine.Message{Role: "system", Content: "Be kind."}
	for _, tt := range []struct {
		messages []engine.Message
		want     string
	}{
		{[]engine.Message{system, {Role: "user", Content: "hi"}}, "<s>user:Be kind.\n\nhi;"},
		{[]engine.Message{system, {Role: "assistant", Content: "hi"}}, "<s>user:Be kind.;assistant:hi;"},
	} {
		w, s := newWorld(func(w *fakeWorld) { w.noSystem = true })
		if _, _, err := run(t.Context(), s, Request{Model: "gpt-4"}, FromMessages(tt.messages)); err != nil {
			t.Fatal(err)
		}
		if got := w.backend.tokenize[0].Text; got != tt.want {
			t.Errorf("rendered %q, want %q", got, tt.want)
		}
	}
	_, s := newWorld(func(w *fakeWorld) { w.noSystem = true })
	if _, _, err := run(t.Context(), s, Request{Model: "gpt-4"}, FromMessages([]engine.Message{system})); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a system message alone: %v", err)
	}
}

func TestFanSharesThePromptAndTheRecord(t *testing.T) {
	w, s := newWorld()
	texts := map[int]string{}
	admitted := 0
	for e, err := range s.Fan(t.Context(), who, Request{Model: "gpt-4", Seed: ptr(int64(7))}, []Prompt{FromText("abc"), FromText("defgh")}, 20) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev := e.Event.(type) {
		case Admitted:
			admitted++
			if e.Index != -1 || ev.PromptTokens != 8 {
				t.Errorf("admitted %+v", e)
			}
		case Delta:
			texts[e.Index] += ev.Text
		}
	}
	if admitted != 1 || len(texts) != 40 {
		t.Fatalf("%d admissions, %d sequences", admitted, len(texts))
	}
	for i, text := range texts {
		if text != "Hello" {
			t.Errorf("sequence %d: %q", i, text)
		}
	}
	if len(w.backend.tokenize) != 2 {
		t.Errorf("%d prompts were tokenized", len(w.backend.tokenize))
	}
	if w.backend.most > fanWidth {
		t.Errorf("%d sequences ran at once", w.backend.most)
	}
	if len(w.records) != 1 || w.records[0].Usage != (Usage{PromptTokens: 8, CachedTokens: 2, CompletionTokens: 120}) || w.records[0].Outcome != Completed {
		t.Errorf("records %+v", w.records)
	}
	seeds := map[string]map[uint32]bool{}
	for _, r := range w.backend.requests {
		key := fmt.Sprint(r.Tokens)
		if seeds[key] == nil {
			seeds[key] = map[uint32]bool{}
		}
		seeds[key][r.Sampling.Seed] = true
	}
	for key, got := range seeds {
		if len(got) != 20 || !got[7] {
			t.Errorf("prompt %s got %d different seeds, the request's own among them: %v", key, len(got), got[7])
		}
	}
}

func TestFanEndsAtTheFirstErrorAndWhenTheConsumerLeaves(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.backend.err = fault.New(fault.Unavailable, "gone") })
	errs := 0
	for _, err := range s.Fan(t.Context(), who, Request{Model: "gpt-4"}, []Prompt{hello()}, 50) {
		if err != nil {
			errs++
		}
	}
	if errs != 1 || len(w.records) != 1 || w.records[0].Outcome != Failed || w.leases != 0 {
		t.Errorf("%d errors, records %+v, %d leases", errs, w.records, w.leases)
	}

	w, s = newWorld(func(w *fakeWorld) { w.backend.block = make(chan struct{}) })
	for e := range s.Fan(t.Context(), who, Request{Model: "gpt-4"}, []Prompt{hello()}, 50) {
		if _, ok := e.Event.(Delta); ok {
			break
		}
	}
	if len(w.records) != 1 || w.records[0].Outcome != Canceled || w.leases != 0 || w.backend.running != 0 {
		t.Errorf("records %+v, %d leases, %d running", w.records, w.leases, w.backend.running)
	}
}

func TestEmbed(t *testing.T) {
	w, s := newWorld()
	got, err := s.Embed(t.Context(), who, EmbedRequest{Op: "embeddings", Class: "embeddings", Model: "gpt-4", Param: "input", Texts: []string{"abc", "de"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Vectors) != 2 || got.Vectors[0][0] != 3 || got.Admitted.PromptTokens != 5 {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(w.corrected, []int{5}) {
		t.Errorf("the limits were told %v", w.corrected)
	}
	if len(w.records) != 1 || w.records[0] != (Record{Op: "embeddings", Model: "gpt-4", Served: "tiny", Usage: Usage{PromptTokens: 5}, Requests: 1, Outcome: Completed}) {
		t.Errorf("records %+v", w.records)
	}
	_, err = s.Embed(t.Context(), who, EmbedRequest{Model: "gpt-4", Param: "input", Texts: []string{strings.Repeat("x", 101)}})
	if fe := fault.As(err); fe == nil || fe.Code != "context_length_exceeded" || fe.Message != "This model's maximum context length is 100 tokens, however you requested 101 tokens (101 in your prompt; 0 for the completion). Please reduce your prompt; or completion length." {
		t.Errorf("error %v", err)
	}
	_, err = s.Embed(t.Context(), who, EmbedRequest{Model: "gpt-4", Param: "input", Tokens: [][]engine.Token{{1}}})
	if fe := fault.As(err); fe == nil || fe.Param != "input" {
		t.Errorf("ids of another vocabulary: %v", err)
	}
	w.backend.err = errors.New("boom")
	if _, err = s.Embed(t.Context(), who, EmbedRequest{Model: "gpt-4", Texts: []string{"a"}}); err == nil || len(w.records) != 2 || w.records[1].Outcome != Failed {
		t.Errorf("error %v, records %+v", err, w.records)
	}
	if w.leases != 0 {
		t.Errorf("%d leases were kept", w.leases)
	}
}

func TestSeeds(t *testing.T) {
	if baseSeed(ptr(int64(42))) != 42 {
		t.Error("a small seed is not itself")
	}
	if baseSeed(ptr(int64(1)<<40)) == baseSeed(ptr(int64(1)<<41)) {
		t.Error("the upper half of a seed is lost")
	}
	seen := map[uint32]bool{}
	for base := range uint32(50) {
		for i := range 128 {
			seen[choiceSeed(base, i)] = true
		}
	}
	if len(seen) < 50*128-2 {
		t.Errorf("only %d of %d seeds differ", len(seen), 50*128)
	}
}

func BenchmarkRun(b *testing.B) {
	_, s := newWorld()
	s.Usage = discard{}
	s.Limits = discard{}
	s.Pool = onePool{s.Pool.(*fakeWorld).backend}
	s.Pool.(onePool).info.Input = engine.InputMessages
	p := hello()
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range s.Run(context.Background(), who, Request{Model: "gpt-4"}, p) {
			if err != nil {
				b.Fatal(err)
			}
		}
		s.Pool.(onePool).requests = nil
	}
}

type discard struct{}

func (discard) Record(context.Context, actor.Actor, Record)               {}
func (discard) Admit(context.Context, actor.Actor, Demand) (Grant, error) { return Grant{}, nil }

type onePool struct{ *fakeBackend }

func (p onePool) Use(context.Context, engine.Spec) (engine.Backend, func(), error) {
	return p.fakeBackend, func() {}, nil
}

func TestAPromptThatWasNeverComputedIsNoUsage(t *testing.T) {
	w, s := newWorld(func(w *fakeWorld) { w.backend.full = fault.New(fault.Overloaded, "full") })
	for _, err := range s.Fan(t.Context(), who, Request{Model: "gpt-4"}, []Prompt{hello()}, 2) {
		if err != nil && fault.KindOf(err) != fault.Overloaded {
			t.Errorf("error %v", err)
		}
	}
	if len(w.records) != 1 || w.records[0].Outcome != Failed || w.records[0].Usage != (Usage{}) {
		t.Errorf("records %+v", w.records)
	}
	if !slices.Equal(w.corrected, []int{0}) {
		t.Errorf("the limits were told %v", w.corrected)
	}
}
