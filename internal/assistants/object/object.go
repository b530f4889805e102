package object

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Prefixes of ids.
const (
	AssistantID = "asst_"
	ThreadID    = "thread_"
	MessageID   = "msg_"
	RunID       = "run_"
	StepID      = "step_"
	CallID      = "call_"
)

// Metadata are up to 16 texts by name.
type Metadata map[string]string

// Assistant is a model with instructions and tools.
type Assistant struct {
	ID              string
	Name            *string // nil was never given
	Description     *string
	Model           string // as asked for
	Instructions    *string
	Tools           []Tool
	Files           []File // in the order in which they were attached
	VectorStore     string // that file search looks in; empty is none
	OwnStore        bool   // VectorStore was made for the files of v1
	Metadata        Metadata
	Temperature     *float64
	TopP            *float64
	ResponseFormat  *ResponseFormat // nil is auto
	ReasoningEffort string          // empty is the model's own
	Created         time.Time
	Updated         time.Time
}

// File is a file of an assistant.
type File struct {
	ID       string
	Code     bool // Code Interpreter has it
	Search   bool // it is in the store that was made for v1
	Position int64
	Created  time.Time // when it was attached
}

// CodeFiles are the ids of the files that Code Interpreter has.
func (a *Assistant) CodeFiles() []string {
	out := []string{}
	for _, f := range a.Files {
		if f.Code {
			out = append(out, f.ID)
		}
	}
	return out
}

// FileIDs are the ids of all files, as v1 names them.
func (a *Assistant) FileIDs() []string {
	out := []string{}
	for _, f := range a.Files {
		out = append(out, f.ID)
	}
	return out
}

// Has reports whether a tool of the type is among tools.
func Has(tools []Tool, kind string) bool {
	return slices.ContainsFunc(tools, func(t Tool) bool { return t.Type == kind })
}

// Types of tools.
const (
	CodeInterpreter = "code_interpreter"
	FileSearch      = "file_search" // retrieval in v1
	FunctionTool    = "function"
)

// Tool is something that the model may use.
type Tool struct {
	Type     string         `json:"type"`
	Search   *SearchOptions `json:"file_search,omitempty"`
	Function *Function      `json:"function,omitempty"`
}

// SearchOptions change how file search works.
type SearchOptions struct {
	MaxResults *int     `json:"max_num_results,omitempty"` // 1–50
	Ranker     string   `json:"ranker,omitempty"`          // empty is auto
	Threshold  *float64 `json:"score_threshold,omitempty"` // 0–1
}

// Function is a function of the caller.
type Function struct {
	Name        string         `json:"name"`
	Description *string        `json:"description,omitempty"`
	Parameters  jsontext.Value `json:"parameters,omitempty"` // a JSON Schema; none is no arguments
	Strict      *bool          `json:"strict,omitempty"`
}

// ResponseFormat is the form that answers must have.
type ResponseFormat struct {
	Type       string         `json:"type"`                  // text, json_object, json_schema
	JSONSchema jsontext.Value `json:"json_schema,omitempty"` // an object with name, schema, strict
}

// Resources are what tools may reach.
type Resources struct {
	CodeFiles    []string `json:"code_files"`    // ids of files; nil was never given
	VectorStores []string `json:"vector_stores"` // ids
}

// Thread is a conversation.
type Thread struct {
	ID          string
	CodeFiles   []string // ids of files for Code Interpreter; nil was never given
	VectorStore string   // that file search looks in; empty is none
	OwnStore    bool     // VectorStore was made for files attached to messages
	Pending     []string // ids of files of v1 messages that are not in VectorStore yet
	Metadata    Metadata
	Messages    int64 // how many there are
	Created     time.Time
	Updated     time.Time
}

// Roles of messages.
const (
	User          = "user"
	AssistantRole = "assistant"
)

// Statuses of messages, runs and steps. A message is InProgress, Incomplete or Completed; a step InProgress, Cancelled, Failed,
// Completed or Expired; a run any of them.
const (
	Queued         = "queued"
	InProgress     = "in_progress"
	RequiresAction = "requires_action"
	Cancelling     = "cancelling"
	Cancelled      = "cancelled"
	Failed         = "failed"
	Completed      = "completed"
	Incomplete     = "incomplete"
	Expired        = "expired"
)

// Active reports whether a run with the status holds its thread.
func Active(status string) bool {
	switch status {
	case Queued, InProgress, RequiresAction, Cancelling:
		return true
	}
	return false
}

// Message is one message of a thread.
type Message struct {
	ID           string
	ThreadID     string
	Position     int64  // in the thread, growing; given when it is stored
	Role         string // user, assistant
	Status       string
	Content      []Part
	Attachments  []Attachment
	Why          string // incomplete messages: content_filter, max_tokens, run_cancelled, run_expired, run_failed
	AssistantID  string // empty for what no assistant wrote
	RunID        string // that wrote it; empty for what a request wrote
	Metadata     Metadata
	Created      time.Time
	CompletedAt  time.Time // zero until then
	IncompleteAt time.Time // when it was left incomplete; zero unless it was
}

// Types of parts.
const (
	TextPart      = "text"
	ImageFilePart = "image_file"
	ImageURLPart  = "image_url"
	RefusalPart   = "refusal"
)

// Part is a piece of a message. Of the fields behind Type the one of its type is set.
type Part struct {
	Type    string `json:"type"`
	Text    *Text  `json:"text,omitempty"`
	Image   *Image `json:"image,omitempty"` // of image_file and image_url
	Refusal string `json:"refusal,omitempty"`
}

// Text is text with what stands for something in it.
type Text struct {
	Value       string       `json:"value"`
	Annotations []Annotation `json:"annotations,omitempty"`
}

// Image is a picture, of a file or at an address.
type Image struct {
	FileID string `json:"file_id,omitempty"`
	URL    string `json:"url,omitempty"`
	Detail string `json:"detail,omitempty"` // auto, low, high; empty is auto
}

// Types of annotations.
const (
	FileCitation = "file_citation"
	FilePath     = "file_path"
)

// Annotation says what a piece of text stands for.
type Annotation struct {
	Type   string `json:"type"`
	Text   string `json:"text"` // the piece, such as "【4:0†report.pdf】"
	FileID string `json:"file_id"`
	Quote  string `json:"quote,omitempty"` // of file_citation: what the file says
	Start  int    `json:"start_index"`     // where the piece begins in the text, in characters
	End    int    `json:"end_index"`       // where it ends, exclusive
}

// Attachment is a file of a message.
type Attachment struct {
	FileID string   `json:"file_id"`
	Tools  []string `json:"tools"` // code_interpreter, file_search
}
