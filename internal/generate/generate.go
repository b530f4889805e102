package generate

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
	"github.com/parley-ai/parley/internal/toolcall"
)

// Target is what a model's name stands for.
type Target struct {
	Name   string      // as asked for
	Model  string      // the snapshot to show in answers; Name when the name is not an alias
	Served string      // the served model
	Native bool        // token ids that programs send with Name are the served model's own
	Window int         // the alias's own window in tokens; 0 is no limit of its own
	Spec   engine.Spec // how to serve it
	// Encoding is tiktoken's name of the vocabulary that programs use with the name; empty is the served
	// model's own with Native, else not known.
	Encoding string
	// Counts says that usage, limits, windows and max_tokens are counted in tokens of Encoding instead of
	// the served model's.
	Counts bool
	// Limit is how many tokens an input for embedding may have, also where the served model's window is
	// shorter; 0 is that window.
	Limit int
	// Dimensions is how long programs expect the vectors of the name to be; 0 is as the model makes them.
	Dimensions int
	Ending     Ending
}

// Models turns names into targets. An unknown name is fault.NotFound with code model_not_found.
type Models interface {
	Resolve(ctx context.Context, who actor.Actor, name string) (Target, error)
}

// Pool leases served models and loads them on first use. The release function must be called once.
type Pool interface {
	Use(ctx context.Context, spec engine.Spec) (backend engine.Backend, release func(), err error)
}

// Demand is what a request asks of the limits.
type Demand struct {
	Class  string // the route's limit class
	Model  string // as asked for: limits belong to the alias
	Tokens int    // prompt and the most that may be produced
	User   string // the caller's end user; may be empty
}

// Grant is what the limits answer.
type Grant struct {
	Headers [][2]string // response headers: limit, remaining, reset
	// Correct is told how many tokens were really used; nil when nobody wants to know.
	Correct func(tokens int)
}

func (g Grant) correct(u Usage) {
	if g.Correct != nil {
		g.Correct(u.Total())
	}
}

// Limits admits requests or refuses them with fault.RateLimited or fault.Quota.
type Limits interface {
	Admit(ctx context.Context, who actor.Actor, demand Demand) (Grant, error)
}

// Outcome says how an admitted request ended.
type Outcome string

// The outcomes.
const (
	Completed Outcome = "completed"
	Failed    Outcome = "failed"
	Canceled  Outcome = "canceled"
)

// Record is one line of usage.
type Record struct {
	Op     string // "chat", "completions", "embeddings", "chats"
	Model  string // as asked for
	Served string
	Usage  Usage
	// Requests is how many sequences, or lists of inputs, the model was given.
	Requests int
	Outcome  Outcome
	// FirstToken is how long the first output took, from the beginning of the operation, loading the
	// model included; 0 when there was none.
	FirstToken time.Duration
	User       string // the request's `user`; may be empty
}

// UsageLog takes one record per admitted request. It must not block on the database.
type UsageLog interface {
	Record(ctx context.Context, who actor.Actor, r Record)
}

// Template is a compiled chat template.
type Template interface {
	// Render returns the prompt's text, ending where the assistant's answer begins.
	// tools are definitions of functions as OpenAI writes them, for templates that show them.
	Render(messages []engine.Message, tools []json.RawMessage, bos, eos string) (string, error)
	// Syntax is how the template's model writes calls of functions.
	Syntax() *toolcall.Syntax
}

// Service runs model operations. Its fields are set once before use.
type Service struct {
	Models  Models
	Pool    Pool
	Limits  Limits
	Usage   UsageLog
	Compile func(source string) (Template, error) // chat templates
	// CountChat counts the tokens of a chat with a model as the original did; tools may be nil.
	CountChat func(encoding *bpe.Encoding, model string, messages []engine.Message, tools *toolcall.Request) (int, error)

	templates sync.Map // template source → compiled
	cutters   sync.Map // cutterKey → *strings.Replacer
}

// Prompt is what a sequence starts from: exactly one of the three.
type Prompt struct {
	Messages []engine.Message
	Text     string
	Tokens   []engine.Token // in the served model's own vocabulary
	kind     promptKind
	suffix   string // see Before
}

type promptKind int

const (
	promptMessages promptKind = iota
	promptText
	promptTokens
)

// FromMessages is a conversation that the assistant continues.
func FromMessages(m []engine.Message) Prompt { return Prompt{Messages: m, kind: promptMessages} }

// FromText is a plain text that the model continues.
func FromText(text string) Prompt { return Prompt{Text: text, kind: promptText} }

// FromTokens is a list of token ids of the served model's own vocabulary.
func FromTokens(tokens []engine.Token) Prompt { return Prompt{Tokens: tokens, kind: promptTokens} }

// Request asks for one sequence. Zero values are not defaults here: a shape fills in the defaults of
// its own API (temperature 1, top_p 1).
type Request struct {
	ID    string // request id, for logs
	Op    string // for usage: "chat", "completions", …
	Class string // for limits: the route's class
	Model string // as the caller named it
	Param string // the field that errors about the prompt name: "messages", "prompt"

	MaxTokens        *int // most tokens to produce; nil is what is left of the window
	DefaultMaxTokens int  // used instead when MaxTokens is nil, as far as the window allows; 0 is none
	Reserve          int  // without MaxTokens, a prompt that leaves only this many tokens or fewer counts as too long
	Stop             []string
	Sampling         engine.Sampling // Seed is taken from the field below
	Seed             *int64          // nil is a random one
	Logprobs         bool
	TopLogprobs      int
	PromptLogprobs   bool
	PromptText       bool    // Started carries the text of prompts that are token ids
	Whole            bool    // the caller shows nothing before the answer is whole, which is cheaper with remote backends
	User             string  // the caller's end user, passed on to remote backends
	Format           *Format // of the answer; nil is free text
	// Tools are functions that the model may call; nil is none. With them stop texts end words, never calls.
	Tools     *toolcall.Request
	ToolParam string // the field that errors about a function's schema name, with %d for its index
}

// asked is how many tokens the caller asked for; whoever leaves it open is not charged a whole window.
func (r *Request) asked() int {
	if r.MaxTokens != nil {
		return *r.MaxTokens
	}
	return r.DefaultMaxTokens
}

// Run makes one sequence. The iterator must be drained or broken out of; errors are faults.
func (s *Service) Run(ctx context.Context, who actor.Actor, req Request, prompt Prompt) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		j, err := s.open(ctx, who, req, []Prompt{prompt}, 1)
		if err != nil {
			yield(nil, err)
			return
		}
		defer j.close(ctx)
		if !yield(j.admitted, nil) {
			return
		}
		j.sequence(ctx, 0, yield)
	}
}

// job is one admitted request with its lease.
type job struct {
	service  *Service
	who      actor.Actor
	req      Request
	backend  engine.Backend
	release  func()
	info     engine.Info
	count    *bpe.Encoding // in whose tokens the name counts; nil is the served model's
	admitted Admitted
	calls    calling
	prompts  []measured
	n        int // choices per prompt
	seed     uint32
	begun    time.Time

	mu      sync.Mutex // Fan ends several sequences at once
	usage   Usage
	counted []bool // per prompt: its tokens are in usage
	done    int
	failed  bool
	first   time.Duration // to the first output
}

// open does everything up to the admission.
func (s *Service) open(ctx context.Context, who actor.Actor, req Request, prompts []Prompt, n int) (_ *job, err error) {
	begun := time.Now()
	target, err := s.Models.Resolve(ctx, who, req.Model)
	if err != nil {
		return nil, err
	}
	backend, release, err := s.Pool.Use(ctx, target.Spec)
	if err != nil {
		return nil, canceled(ctx, err)
	}
	defer func() {
		if err != nil {
			release()
			err = s.Refuse(ctx, who, req.Class, req.Model, canceled(ctx, err))
		}
	}()
	info, err := backend.Info(ctx)
	if err != nil {
		return nil, err
	}
	if !info.CanGenerate {
		return nil, notAllowed("sample from", "`%s` gives embeddings. Use a chat model; GET /v1/models lists them.", req.Model)
	}
	j := &job{service: s, who: who, req: req, backend: backend, release: release, info: info, n: n, begun: begun}
	j.admitted = admittedOf(target, info)
	if err := j.readBias(target, len(prompts) > 0 && prompts[0].kind == promptMessages); err != nil {
		return nil, err
	}
	if j.count, err = countedIn(target); err != nil {
		return nil, err
	}
	if err := j.prepareCalls(); err != nil {
		return nil, err
	}
	demand := 0
	j.prompts = make([]measured, len(prompts))
	for i, p := range prompts {
		m, err := j.measure(ctx, target, p)
		if err != nil {
			return nil, err
		}
		j.prompts[i] = m
		j.admitted.PromptTokens += m.size
		demand += m.size + n*req.asked()
	}
	j.admitted.Grant, err = s.Limits.Admit(ctx, who, Demand{Class: req.Class, Model: req.Model, Tokens: demand, User: req.User})
	if err != nil {
		return nil, err
	}
	j.counted = make([]bool, len(prompts))
	j.seed = baseSeed(req.Seed)
	return j, nil
}

// close records what was used and gives the model back. The record outlives a caller that went away.
func (j *job) close(ctx context.Context) {
	j.release()
	j.mu.Lock()
	outcome := Canceled
	switch {
	case j.failed:
		outcome = Failed
	case j.done == len(j.prompts)*j.n:
		outcome = Completed
	}
	r := Record{Op: j.req.Op, Model: j.req.Model, Served: j.admitted.Served, Usage: j.usage, Requests: len(j.prompts) * j.n, Outcome: outcome, FirstToken: j.first, User: j.req.User}
	j.mu.Unlock()
	j.admitted.Grant.correct(r.Usage)
	j.service.Usage.Record(context.WithoutCancel(ctx), j.who, r)
}

// sequence runs sequence index and passes its events on.
func (j *job) sequence(ctx context.Context, index int, yield func(Event, error) bool) {
	p := j.prompts[index/j.n]
	u := Usage{} // a prompt that was never computed, as when the queue is full, is no usage
	finished, failed := false, false
	count := j.cutter(p)
	defer func() { j.account(index/j.n, count.usage(u), finished, failed) }()
	if ctx.Err() != nil {
		yield(nil, canceled(ctx, ctx.Err()))
		return
	}
	calls := j.reader()
	for ev, err := range count.over(j.backend.Generate(ctx, j.request(p, index%j.n))) {
		if err != nil {
			err = canceled(ctx, err)
			failed = fault.KindOf(err) != fault.Canceled
			yield(nil, err)
			return
		}
		var out Event
		switch ev := ev.(type) {
		case engine.Started:
			u.PromptTokens, u.CachedTokens = ev.PromptTokens, ev.CachedTokens
			out = Started{PromptTokens: ev.PromptTokens, CachedTokens: ev.CachedTokens, Prompt: p.decoded}
		case engine.PromptScored:
			out = PromptScored(ev)
		case engine.Delta:
			if u.CompletionTokens == 0 {
				j.firstOutput()
			}
			u.CompletionTokens += produced(ev)
			if calls == nil {
				out = Delta{Text: ev.Text, Tokens: ev.Tokens}
				break
			}
			if !each(calls.read(ev), yield) {
				return
			}
			if !calls.stopped {
				continue
			}
			finished = true
			yield(Done{Reason: calls.reason(engine.FinishStop), Usage: count.usage(u)}, nil)
			return
		case engine.Done:
			u = Usage{PromptTokens: ev.PromptTokens, CachedTokens: ev.CachedTokens, CompletionTokens: ev.CompletionTokens}
			if !each(calls.end(), yield) {
				return
			}
			finished = true
			yield(Done{Reason: calls.reason(ev.Reason), Usage: u, End: ev.End}, nil)
			return
		default:
			continue // an event that a newer engine knows and we do not
		}
		if !yield(out, nil) {
			return
		}
	}
	failed = true
	yield(nil, fault.New(fault.Unavailable, "The model stopped before its answer was whole. Please try again."))
}

// each passes events on, until the listener has enough.
func each(events []Event, yield func(Event, error) bool) bool {
	for _, e := range events {
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// firstOutput notes when the first of the sequences brings something.
func (j *job) firstOutput() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.first == 0 {
		j.first = time.Since(j.begun)
	}
}

// produced counts the tokens of a delta. Remote backends may give text without tokens: a delta of
// theirs is one token, which only matters for answers that were broken off before their usage came.
func produced(d engine.Delta) int {
	if len(d.Tokens) == 0 && (d.Text != "" || len(d.Calls) > 0) {
		return 1
	}
	return len(d.Tokens)
}

// account adds a sequence's tokens. A prompt counts once however many choices continue it.
func (j *job) account(prompt int, u Usage, finished, failed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.counted[prompt] && u.PromptTokens > 0 {
		j.counted[prompt] = true
		j.usage.PromptTokens += u.PromptTokens
		j.usage.CachedTokens += u.CachedTokens
	}
	j.usage.CompletionTokens += u.CompletionTokens
	j.failed = j.failed || failed
	if finished {
		j.done++
	}
}

// request is what the engine gets for a choice of a prompt.
func (j *job) request(p measured, choice int) engine.GenerateRequest {
	r := engine.GenerateRequest{
		ID: j.req.ID, Tokens: p.tokens, Text: p.text, Messages: p.messages,
		MaxTokens: p.maxTokens, Stop: j.req.Stop, Sampling: j.req.Sampling,
		Logprobs: j.req.Logprobs, TopLogprobs: j.req.TopLogprobs, PromptLogprobs: j.req.PromptLogprobs,
		Whole: j.req.Whole && j.count == nil, User: j.req.User, // an answer that is cut here is stopped when it is
	}
	r.Sampling.Seed = choiceSeed(j.seed, choice)
	j.req.Format.apply(&r, j.info)
	j.calls.apply(&r)
	return r
}

// canceled gives the ends of a context their meaning; other errors stay as they are.
func canceled(ctx context.Context, err error) error {
	if fault.As(err) != nil && ctx.Err() == nil {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(ctx.Err(), context.Canceled):
		return fault.New(fault.Canceled, "The request was canceled.").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.New(fault.Timeout, "The request took longer than this server allows. Ask for fewer tokens, or try again.").WithCause(err)
	}
	return err
}
