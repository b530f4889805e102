// Package engine is the border to the models: a Backend is one served model that turns tokens (or,
// for remote ones, messages) into events, and texts into vectors.
//
// Implementations: engine/llama (llama.cpp through purego, runs inside a child process),
// engine/child (the parent's side of that process), engine/remote (any OpenAI-compatible URL) and
// engine/echo (a fake for tests that says so). All of them pass enginetest.Conform. engine/pool
// loads them on first use and unloads them when idle.
//
// Invariants:
//   - A Backend is safe for concurrent use. Generate's iterator must be drained or broken out of;
//     breaking, or ending ctx, cancels the sequence within one decode step.
//   - Text in a Delta is whole UTF-8 and never holds a part of a stop sequence.
//   - Errors are *fault.Error where the caller can act: Overloaded (queue full), Invalid with code
//     context_length_exceeded, Unavailable (the process died; the next call works again).
package engine

import (
	"context"
	"errors"
	"iter"
)

// ErrDied is in the chain of errors whose cause is that an engine's process ended or hung.
var ErrDied = errors.New("the engine process died")

// Token is an id in the served model's own vocabulary.
type Token = int32

// InputKind says what a backend takes as a prompt.
type InputKind int

const (
	// InputTokens backends take token ids; templates are rendered and text tokenized before.
	InputTokens InputKind = iota
	// InputMessages backends take messages or text as they are and do the rest themselves (remote).
	InputMessages
)

// Info describes a served model.
type Info struct {
	Name          string // the served model, e.g. "smollm2-135m-instruct"
	Backend       string // "llama", "remote", "echo"
	Fingerprint   string // system_fingerprint, "fp_" + 10 hex: weights + library + settings
	ContextWindow int    // tokens of one sequence, prompt and answer together
	VocabSize     int    // 0 when unknown (remote)
	EmbeddingSize int    // dimensions; 0 when the model gives none
	CanGenerate   bool
	CanEmbed      bool
	Input         InputKind
	ChatTemplate  string   // Jinja source from the model file; empty when it has none
	BOS, EOS      string   // text of the special tokens
	AddBOS        bool     // the tokenizer puts BOS first by itself
	Special       []string // texts of the control tokens that ParseSpecial reads, such as "<|im_end|>"
	Layout        string   // how the weights lie: "as-is", "lossless", "fast"
	MemoryBytes   int64    // what it takes when loaded, as far as known
}

// Message is one turn of a conversation as remote backends and chat templates get it.
type Message struct {
	Role    string // system, user, assistant, tool, function
	Content string
	Name    string // optional; of role function the function that answers

	ToolCalls  []ToolCall // of role assistant: the calls that this turn made
	ToolCallID string     // of role tool: the call that this message answers
}

// ToolCall is a call of a function, as a model wrote it.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // the JSON text of the arguments, as the model wrote it; not always valid
}

// TokenizeRequest turns text into tokens.
type TokenizeRequest struct {
	Text         string
	AddSpecial   bool // add BOS/EOS as the model's tokenizer does
	ParseSpecial bool // read "<|im_start|>" and the like as special tokens
}

// TokenBias adds Bias to the logit of Token; -100 bans it and +100 forces it (OpenAI's logit_bias).
type TokenBias struct {
	Token Token
	Bias  float32
}

// BiasText biases a text, which is any bytes: a logit_bias id of another vocabulary by what it writes.
// Package textbias says what that means where the text is several tokens.
type BiasText struct {
	Text string
	Bias float32
}

// Grammar constrains the output to a GBNF grammar. With Triggers it sleeps until one of these texts
// was produced.
type Grammar struct {
	GBNF     string
	Root     string
	Triggers []string
}

// Sampling holds the parameters of the sampler chain, in OpenAI's terms and ranges.
type Sampling struct {
	Temperature      float32 // 0–2; 0 is greedy
	TopP             float32 // 0–1; 1 is off
	TopK             int     // 0 is off
	MinP             float32 // 0 is off
	Seed             uint32
	PresencePenalty  float32 // -2…2, over the generated tokens as OpenAI documents it
	FrequencyPenalty float32 // -2…2
	Bias             []TokenBias
	BiasTexts        []BiasText
	EndBias          float32 // on every token that ends the answer
	Grammar          *Grammar
}

// GenerateRequest asks for one sequence. Exactly one of Tokens, Text and Messages is set; Text and
// Messages only for InputMessages backends.
type GenerateRequest struct {
	ID       string // request id, for logs
	Tokens   []Token
	Text     string
	Messages []Message

	MaxTokens      int      // most tokens to produce; 0 produces none (scoring), negative leaves it to the backend (remote)
	Stop           []string // at most 4 texts; the answer ends before the first of them
	Sampling       Sampling
	Logprobs       bool // report the logprob of each produced token
	TopLogprobs    int  // and of the best N alternatives, as if temperature were 1
	PromptLogprobs bool // report logprobs of the prompt's tokens; bypasses the prefix cache
	IgnoreEOS      bool // benchmarks: produce MaxTokens whatever comes

	// Whole says that the caller shows nothing before the answer is whole. A remote backend then asks
	// without streaming, which is cheaper, and reports all in one Delta; others may ignore it.
	Whole bool

	Adapter string   // LoRA adapter id; empty is the base model
	Images  [][]byte // image files for models with vision
	User    string   // end user, passed on to remote backends

	// ResponseFormat is OpenAI's response_format as JSON, for backends that take messages; others are
	// held to Sampling.Grammar.
	ResponseFormat string

	// Tools and ToolChoice are OpenAI's tools and tool_choice as JSON, for backends that take messages;
	// for others they are in the prompt and in Sampling.Grammar. SingleCall is
	// parallel_tool_calls: false.
	Tools      string
	ToolChoice string
	SingleCall bool

	// ShowSpecial names control tokens by their texts that are shown in the output, where others are
	// hidden, because calls are written with them ("[TOOL_CALLS]", "<|python_tag|>"). One that ends the
	// generation still does. Backends that take messages ignore it.
	ShowSpecial []string
}

// TopLogprob is one alternative at a position.
type TopLogprob struct {
	Token   Token
	Bytes   []byte
	Logprob float32 // natural log
}

// TokenLogprob is a token with its probability.
type TokenLogprob struct {
	Token   Token
	Bytes   []byte
	Logprob float32
	Top     []TopLogprob
}

// Event is one of Started, PromptScored, Delta, Done, in this order: Started once, PromptScored at
// most once, Delta any number of times, Done once as the last (when no error ends the sequence).
type Event interface{ event() }

// Started says that the prompt was taken and computed; the next event brings output.
type Started struct {
	PromptTokens int
	CachedTokens int // of PromptTokens, how many came from the prefix cache
}

// PromptScored carries the prompt's logprobs; the first token has none and Logprob 0.
type PromptScored struct{ Tokens []TokenLogprob }

// Delta is new output: whole UTF-8 text, and the tokens it is made of. Text may be empty while bytes
// are held back; tokens are then reported with a later Delta.
type Delta struct {
	Text   string
	Tokens []TokenLogprob  // ids and bytes always; Logprob and Top only on request
	Calls  []ToolCallDelta // of backends that take messages: pieces of calls, after Text
}

// ToolCallDelta is a piece of a call. The first piece of an Index has the Name and, where the backend
// gives one, the ID; Arguments of all its pieces together are the call's.
type ToolCallDelta struct {
	Index     int // of the call among those of this answer, from 0
	ID        string
	Name      string
	Arguments string
}

// FinishReason says why a sequence ended.
type FinishReason string

// The finish reasons that the engine itself knows.
const (
	FinishStop   FinishReason = "stop"   // end of turn, or a stop sequence
	FinishLength FinishReason = "length" // MaxTokens or the window
	// FinishToolCalls: the model wrote calls and waits for their results. Of backends only those that
	// take messages say so; for others whoever reads the calls from the text does.
	FinishToolCalls FinishReason = "tool_calls"
)

// Done is the last event.
type Done struct {
	Reason           FinishReason
	PromptTokens     int
	CachedTokens     int
	CompletionTokens int // produced tokens; an end-of-turn token that ended the answer counts, as in the original
	// End is the control token that ended the answer, with GenerateRequest.Logprobs; nil when something
	// else ended it, and where the backend does not tell (remote).
	End *TokenLogprob
}

func (Started) event()      {}
func (PromptScored) event() {}
func (Delta) event()        {}
func (Done) event()         {}

// EmbedRequest asks for vectors of token sequences (InputTokens) or texts (InputMessages).
type EmbedRequest struct {
	Tokens [][]Token
	Texts  []string
}

// EmbedResponse has one vector per input, of unit length.
type EmbedResponse struct {
	Vectors      [][]float32
	PromptTokens int
}

// Backend is one served model.
type Backend interface {
	Info(ctx context.Context) (Info, error)
	Tokenize(ctx context.Context, req TokenizeRequest) ([]Token, error)
	Detokenize(ctx context.Context, tokens []Token) ([]byte, error)
	Generate(ctx context.Context, req GenerateRequest) iter.Seq2[Event, error]
	Embed(ctx context.Context, req EmbedRequest) (EmbedResponse, error)
	// Close ends the backend and frees what it holds; running sequences end with Unavailable.
	Close() error
}

// Progress reports loading, 0–1.
type Progress func(fraction float64)

// Spec says how to serve a model: what pool opens.
type Spec struct {
	Name   string // served model
	Driver string // "llama", "remote", "echo"

	// llama
	Path          string // model file
	SHA256        string // of the file, as pinned at the pull
	Library       string // directory with the native libraries
	Layout        string // see Info.Layout
	ContextWindow int    // of one sequence; 0 is the model's own
	Cells         int    // KV cells shared by all sequences; 0 is chosen from the window
	PrefixMemory  int64  // bytes for idle prefixes outside of the KV cells; 0 is a third of the cells' memory, below 0 none
	Slots         int    // most sequences at once; 0 is 16
	Queue         int    // most sequences that wait for a slot; 0 is 256
	Threads       int    // 0 is the number of physical cores
	Embedding     bool   // an embedding model: no decode loop
	MemoryBytes   int64  // estimate before loading, for the pool's budget

	// remote
	URL          string // base URL ending in /v1
	APIKey       string
	UpstreamName string // model name to send

	// Replicas are further backends that serve the same model: the pool sends a request to the one
	// with the fewest running. Their Name is this spec's, and they have no replicas of their own.
	Replicas []Spec
}

// Opener opens a backend for a spec; the pool has one per driver.
type Opener func(ctx context.Context, spec Spec, progress Progress) (Backend, error)

// State of a model in the pool.
type State string

// The states, as `parley models`, the console and /metrics show them.
const (
	StateCold    State = "cold"
	StateLoading State = "loading"
	StateReady   State = "ready"
	StateFailed  State = "failed"
)

// Status is what the pool knows of a model.
type Status struct {
	Name     string
	State    State
	Progress float64 // 0–1 while loading
	Active   int     // running requests
	Queued   int
	Memory   int64  // bytes counted against the pool's budget: of all replicas, also while loading
	Error    string // last failure, for the operator
	Info     Info   // zero until ready
}
