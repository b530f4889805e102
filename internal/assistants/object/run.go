package object

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Run is an assistant at work on a thread.
type Run struct {
	ID                  string
	Org                 string // whose it is, for those who go on with it
	Project             string
	ThreadID            string
	AssistantID         string
	Status              string
	Model               string
	Instructions        string
	Tools               []Tool
	Files               []string // ids of the assistant's files, as v1 names them
	Resources           Resources
	Metadata            Metadata
	Temperature         *float64
	TopP                *float64
	MaxPromptTokens     *int64
	MaxCompletionTokens *int64
	Truncation          Truncation
	ToolChoice          ToolChoice
	Parallel            bool            // several calls in one turn are allowed
	ResponseFormat      *ResponseFormat // nil is auto
	ReasoningEffort     string
	Required            []FunctionCall // calls that wait for the caller's answers; only in requires_action
	LastError           *RunError
	Why                 string // incomplete runs: max_completion_tokens, max_prompt_tokens
	Usage               *Usage // nil until the end
	Created             time.Time
	Expires             time.Time
	Started             time.Time // zero until then, as of those below
	CancelledAt         time.Time
	FailedAt            time.Time
	CompletedAt         time.Time
	Updated             time.Time

	Server string         // which process holds it (package presence); empty is none
	Actor  jsontext.Value // on whose behalf it runs, as package runs writes it
	Cursor jsontext.Value // how far it got, as package runs writes it
}

// Truncation says what of a thread the model sees.
type Truncation struct {
	Type string `json:"type"`                    // auto, last_messages
	Last *int   `json:"last_messages,omitempty"` // how many, of last_messages
}

// ToolChoice says which tool must be used: none, auto, required, or a tool's type, with a name for a function.
type ToolChoice struct {
	Type string `json:"type"`
	Name string `json:"name,omitempty"`
}

// RunError says why a run or a step failed.
type RunError struct {
	Code    string `json:"code"` // server_error, rate_limit_exceeded, invalid_prompt
	Message string `json:"message"`
}

// Codes of RunError.
const (
	ServerError       = "server_error"
	RateLimitExceeded = "rate_limit_exceeded"
	InvalidPrompt     = "invalid_prompt"
)

// Usage counts tokens.
type Usage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
}

// Types of steps.
const (
	MessageCreation = "message_creation"
	ToolCalls       = "tool_calls"
)

// Step is a part of a run: a message that was written, or tools that were called.
type Step struct {
	ID          string
	Org         string
	Project     string
	RunID       string
	ThreadID    string
	AssistantID string
	Position    int64 // 0, 1, … in the run
	Type        string
	Status      string
	Details     Details
	LastError   *RunError
	Usage       *Usage // nil while it is in progress
	Metadata    Metadata
	Context     jsontext.Value // what of the thread the model saw, as package runs writes it; nil is not noted
	Created     time.Time
	ExpiredAt   time.Time // zero unless it did, as of those below
	CancelledAt time.Time
	FailedAt    time.Time
	CompletedAt time.Time
}

// Details are what a step did: a message by its id, or calls.
type Details struct {
	MessageID string `json:"message_id,omitempty"`
	Calls     []Call `json:"calls,omitempty"`
}

// Call is a call of a tool. Of the fields behind Type the one of its type is set.
type Call struct {
	ID       string        `json:"id"`
	Type     string        `json:"type"` // code_interpreter, file_search, function
	Code     *CodeCall     `json:"code,omitempty"`
	Search   *SearchCall   `json:"search,omitempty"`
	Function *FunctionCall `json:"function,omitempty"`
}

// CodeCall is a program and what came of it.
type CodeCall struct {
	Input   string       `json:"input"`
	Outputs []CodeOutput `json:"outputs,omitempty"`
}

// CodeOutput is a log or an image: one of the fields is set.
type CodeOutput struct {
	Logs   *string `json:"logs,omitempty"`
	FileID string  `json:"file_id,omitempty"`
}

// SearchCall is a search and what it found.
type SearchCall struct {
	Ranker    string      `json:"ranker,omitempty"`
	Threshold float64     `json:"score_threshold"`
	Results   []SearchHit `json:"results,omitempty"`
}

// SearchHit is a passage that was found.
type SearchHit struct {
	FileID   string  `json:"file_id"`
	FileName string  `json:"file_name"`
	Score    float64 `json:"score"` // 0–1
	Text     string  `json:"text"`
}

// FunctionCall is a call of a function of the caller.
type FunctionCall struct {
	ID        string  `json:"id,omitempty"` // only in Run.Required: a Call has its own
	Name      string  `json:"name"`
	Arguments string  `json:"arguments"`
	Output    *string `json:"output,omitempty"` // nil until the caller answered
}
