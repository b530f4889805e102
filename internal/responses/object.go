package responses

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
)

// Statuses of responses and of their items.
const (
	Queued     = "queued"
	InProgress = "in_progress"
	Completed  = "completed"
	Incomplete = "incomplete"
	Failed     = "failed"
	Cancelled  = "cancelled"
)

// Types of items.
const (
	MessageItem  = "message"
	FunctionCall = "function_call"
	CallOutput   = "function_call_output"
	SearchCall   = "file_search_call"
	CodeCall     = "code_interpreter_call"
	ReasonItem   = "reasoning"
	Reference    = "item_reference"
)

// Types of tools.
const (
	FunctionTool    = "function"
	FileSearch      = "file_search"
	CodeInterpreter = "code_interpreter"
)

// Metadata are texts by name.
type Metadata map[string]string

// Item is a piece of an input, an output or a conversation. Which members it has depends on its type.
type Item struct {
	Type    string  `json:"type" doc:"What it is." enum:"message,function_call,function_call_output,file_search_call,code_interpreter_call,reasoning"`
	ID      string  `json:"id" example:"msg_8Abc"`
	Status  string  `json:"status,omitempty" enum:"in_progress,searching,interpreting,completed,incomplete,failed"`
	Role    string  `json:"role,omitempty" doc:"Of a message: user, system, developer or assistant."`
	Content Content `json:"content,omitzero" doc:"Of a message: its parts."`

	CallID    string  `json:"call_id,omitempty" doc:"Of a function's call and of its output."`
	Name      string  `json:"name,omitempty" doc:"Of a call: the function's."`
	Arguments *string `json:"arguments,omitzero" doc:"Of a call: JSON text, as the model wrote it."`
	Output    *Output `json:"output,omitzero" doc:"Of a function: its result."`

	Queries []string       `json:"queries,omitzero" doc:"Of a search: what was looked for."`
	Results jsontext.Value `json:"results,omitzero" doc:"Of a search: what was found, with include file_search_call.results."`

	ContainerID string         `json:"container_id,omitempty" doc:"Of Code Interpreter: its session."`
	Code        *string        `json:"code,omitzero" doc:"Of Code Interpreter: the program."`
	Outputs     jsontext.Value `json:"outputs,omitzero" doc:"Of Code Interpreter: what the program gave, with include code_interpreter_call.outputs."`

	Summary jsontext.Value `json:"summary,omitzero" doc:"Of reasoning: taken and not used."`
}

// OpenAPIName implements openapi's hook.
func (Item) OpenAPIName() string { return "ResponseItem" }

// Part is a piece of a message.
type Part struct {
	Type        string         `json:"type" enum:"input_text,output_text,refusal,input_file"`
	Text        *string        `json:"text,omitzero"`
	Annotations *[]Annotation  `json:"annotations,omitzero" doc:"Of output_text: what its words point to."`
	Logprobs    *[]struct{}    `json:"logprobs,omitzero" doc:"Of output_text: always empty."`
	Refusal     *string        `json:"refusal,omitzero"`
	FileID      string         `json:"file_id,omitempty" doc:"Of input_file: an uploaded file."`
	Filename    string         `json:"filename,omitempty" doc:"Of input_file with file_data: the file's name."`
	FileData    string         `json:"file_data,omitempty" doc:"Of input_file: the content, as a data URI or as base64."`
	ImageURL    jsontext.Value `json:"image_url,omitzero" doc:"Not supported by this release."`
	Detail      jsontext.Value `json:"detail,omitzero" doc:"Taken and not used."`
}

// OpenAPIName implements openapi's hook.
func (Part) OpenAPIName() string { return "ResponseContentPart" }

// Annotation says what words point to.
type Annotation struct {
	Type        string `json:"type" enum:"file_citation,container_file_citation"`
	FileID      string `json:"file_id"`
	Filename    string `json:"filename"`
	Index       *int   `json:"index,omitzero" doc:"Of file_citation: the character of the text where the passage is cited."`
	ContainerID string `json:"container_id,omitempty"`
	StartIndex  *int   `json:"start_index,omitzero" doc:"Of container_file_citation: the first character of the file's path."`
	EndIndex    *int   `json:"end_index,omitzero" doc:"The character behind it."`
}

// OpenAPIName implements openapi's hook.
func (Annotation) OpenAPIName() string { return "ResponseAnnotation" }

// SearchResult is a passage that a search found.
type SearchResult struct {
	FileID     string            `json:"file_id"`
	Filename   string            `json:"filename"`
	Score      float64           `json:"score"`
	Text       string            `json:"text"`
	Attributes map[string]string `json:"attributes"`
}

// CodeOutput is something that a program gave.
type CodeOutput struct {
	Type string `json:"type"` // logs, image
	Logs string `json:"logs,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Object is a response as the API shows it.
type Object struct {
	ID                 string         `json:"id" example:"resp_8Abc"`
	Object             string         `json:"object" enum:"response"`
	CreatedAt          int64          `json:"created_at" doc:"Seconds since 1970."`
	Status             string         `json:"status" enum:"queued,in_progress,completed,incomplete,failed,cancelled"`
	Background         bool           `json:"background" doc:"It is executed whether or not its client stays."`
	CompletedAt        *int64         `json:"completed_at" doc:"Seconds since 1970; null unless it is completed."`
	Error              *Error         `json:"error" doc:"Why it failed."`
	IncompleteDetails  *Details       `json:"incomplete_details" doc:"Why it is incomplete."`
	Instructions       *string        `json:"instructions"`
	MaxOutputTokens    *int           `json:"max_output_tokens"`
	MaxToolCalls       *int           `json:"max_tool_calls"`
	Model              string         `json:"model"`
	Output             []Item         `json:"output" doc:"What the model wrote, and which tools it called."`
	ParallelToolCalls  bool           `json:"parallel_tool_calls"`
	PreviousResponseID *string        `json:"previous_response_id"`
	Conversation       *ConversationR `json:"conversation,omitzero"`
	Reasoning          Reasoning      `json:"reasoning" doc:"Always empty."`
	Store              bool           `json:"store"`
	Temperature        float64        `json:"temperature"`
	Text               TextOptions    `json:"text"`
	ToolChoice         ToolChoice     `json:"tool_choice"`
	Tools              []Tool         `json:"tools"`
	TopLogprobs        int            `json:"top_logprobs" doc:"Always 0."`
	TopP               float64        `json:"top_p"`
	Truncation         string         `json:"truncation" enum:"auto,disabled"`
	ServiceTier        string         `json:"service_tier" doc:"Always default."`
	Usage              *Usage         `json:"usage,omitzero" doc:"Tokens of all turns of the model, when it has ended."`
	User               *string        `json:"user,omitzero"`
	Metadata           Metadata       `json:"metadata"`
}

// OpenAPIName implements openapi's hook.
func (Object) OpenAPIName() string { return "Response" }

// Error is why a response failed.
type Error struct {
	Code    string `json:"code" example:"server_error"`
	Message string `json:"message"`
}

// OpenAPIName implements openapi's hook.
func (Error) OpenAPIName() string { return "ResponseError" }

// Details are why a response is incomplete.
type Details struct {
	Reason string `json:"reason" enum:"max_output_tokens"`
}

// OpenAPIName implements openapi's hook.
func (Details) OpenAPIName() string { return "ResponseIncompleteDetails" }

// Reasoning has no effect here.
type Reasoning struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"`
}

// OpenAPIName implements openapi's hook.
func (Reasoning) OpenAPIName() string { return "ResponseReasoning" }

// Usage counts tokens.
type Usage struct {
	InputTokens        int           `json:"input_tokens"`
	InputTokensDetails InputDetails  `json:"input_tokens_details"`
	OutputTokens       int           `json:"output_tokens"`
	OutputDetails      OutputDetails `json:"output_tokens_details"`
	TotalTokens        int           `json:"total_tokens"`
}

// OpenAPIName implements openapi's hook.
func (Usage) OpenAPIName() string { return "ResponseUsage" }

// InputDetails are of Usage.InputTokens.
type InputDetails struct {
	CachedTokens     int `json:"cached_tokens"`
	CacheWriteTokens int `json:"cache_write_tokens" doc:"Always 0: nobody pays for it here."`
}

// OpenAPIName implements openapi's hook.
func (InputDetails) OpenAPIName() string { return "ResponseInputTokensDetails" }

// OutputDetails are of Usage.OutputTokens.
type OutputDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

// OpenAPIName implements openapi's hook.
func (OutputDetails) OpenAPIName() string { return "ResponseOutputTokensDetails" }

// ConversationR names a conversation.
type ConversationR struct {
	ID string `json:"id"`
}

// OpenAPIName implements openapi's hook.
func (ConversationR) OpenAPIName() string { return "ResponseConversation" }

// Conversation is a list of items that responses continue.
type Conversation struct {
	ID        string   `json:"id" example:"conv_8Abc"`
	Object    string   `json:"object" enum:"conversation"`
	CreatedAt int64    `json:"created_at" doc:"Seconds since 1970."`
	Metadata  Metadata `json:"metadata"`
}

// OpenAPIName implements openapi's hook.
func (Conversation) OpenAPIName() string { return "ConversationObject" }

// stored is a response in the database.
type stored struct {
	Object
	org, project string
	created      time.Time
	stream       bool         // its events were asked for
	server       string       // which executes it; empty is none
	who          *actor.Actor // on whose behalf; background only
	cursor       cursor
	input        []Item
	container    string // session of Code Interpreter
}
