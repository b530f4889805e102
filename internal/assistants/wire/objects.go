package wire

import (
	"time"

	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/httpapi"
)

// AssistantV2 is an assistant.
type AssistantV2 struct {
	ID              string            `json:"id" example:"asst_8Abc"`
	Object          string            `json:"object" doc:"Always assistant." enum:"assistant"`
	CreatedAt       int64             `json:"created_at" doc:"Seconds since 1970."`
	Name            *string           `json:"name"`
	Description     *string           `json:"description"`
	Model           string            `json:"model"`
	Instructions    *string           `json:"instructions"`
	Tools           []Tool            `json:"tools"`
	TopP            float64           `json:"top_p"`
	Temperature     float64           `json:"temperature"`
	ReasoningEffort string            `json:"reasoning_effort,omitzero"`
	ToolResources   ToolResources     `json:"tool_resources"`
	Metadata        map[string]string `json:"metadata"`
	ResponseFormat  ResponseFormat    `json:"response_format"`
}

// AssistantV1 is an assistant in the shape of November 2023.
type AssistantV1 struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	CreatedAt    int64             `json:"created_at"`
	Name         *string           `json:"name"`
	Description  *string           `json:"description"`
	Model        string            `json:"model"`
	Instructions *string           `json:"instructions"`
	Tools        []Tool            `json:"tools"`
	FileIDs      []string          `json:"file_ids"`
	Metadata     map[string]string `json:"metadata"`
}

// ToolResources are what tools may reach; of a tool that was given nothing they say nothing.
type ToolResources struct {
	CodeInterpreter *CodeFiles    `json:"code_interpreter,omitzero"`
	FileSearch      *VectorStores `json:"file_search,omitzero"`
}

// CodeFiles are files of Code Interpreter.
type CodeFiles struct {
	FileIDs []string `json:"file_ids"`
}

// VectorStores are what file search looks in.
type VectorStores struct {
	VectorStoreIDs []string `json:"vector_store_ids"`
}

// OpenAPIName implements openapi's hook.
func (AssistantV2) OpenAPIName() string { return "Assistant" }

// OpenAPIName implements openapi's hook.
func (ToolResources) OpenAPIName() string { return "AssistantToolResources" }

// OpenAPIName implements openapi's hook.
func (CodeFiles) OpenAPIName() string { return "AssistantCodeFiles" }

// OpenAPIName implements openapi's hook.
func (VectorStores) OpenAPIName() string { return "AssistantVectorStores" }

// Assistant writes an assistant.
func (v Version) Assistant(a object.Assistant) any {
	if v == V1 {
		return AssistantV1{
			ID: a.ID, Object: "assistant", CreatedAt: a.Created.Unix(), Name: a.Name, Description: a.Description, Model: a.Model,
			Instructions: a.Instructions, Tools: v.tools(a.Tools), FileIDs: a.FileIDs(), Metadata: a.Metadata,
		}
	}
	out := AssistantV2{
		ID: a.ID, Object: "assistant", CreatedAt: a.Created.Unix(), Name: a.Name, Description: a.Description, Model: a.Model,
		Instructions: a.Instructions, Tools: v.tools(a.Tools), TopP: orOne(a.TopP), Temperature: orOne(a.Temperature),
		ReasoningEffort: a.ReasoningEffort, Metadata: a.Metadata, ResponseFormat: responseFormat(a.ResponseFormat),
	}
	code := a.CodeFiles()
	for _, t := range a.Tools {
		switch t.Type {
		case object.CodeInterpreter:
			out.ToolResources.CodeInterpreter = &CodeFiles{code}
		case object.FileSearch:
			out.ToolResources.FileSearch = &VectorStores{stores(a.VectorStore)}
		}
	}
	if len(code) > 0 {
		out.ToolResources.CodeInterpreter = &CodeFiles{code}
	}
	if a.VectorStore != "" {
		out.ToolResources.FileSearch = &VectorStores{stores(a.VectorStore)}
	}
	return out
}

func orOne(v *float64) float64 {
	if v == nil {
		return 1
	}
	return *v
}

func stores(id string) []string {
	if id == "" {
		return []string{}
	}
	return []string{id}
}

// AssistantFile is a file of an assistant: only v1 has it.
type AssistantFile struct {
	ID          string `json:"id" doc:"Of the file."`
	Object      string `json:"object" doc:"Always assistant.file." enum:"assistant.file"`
	CreatedAt   int64  `json:"created_at" doc:"When it was attached, seconds since 1970."`
	AssistantID string `json:"assistant_id"`
}

// MessageFile is a file of a message: only v1 has it.
type MessageFile struct {
	ID        string `json:"id" doc:"Of the file."`
	Object    string `json:"object" doc:"Always thread.message.file." enum:"thread.message.file"`
	CreatedAt int64  `json:"created_at" doc:"When it was attached, seconds since 1970."`
	MessageID string `json:"message_id"`
}

// OpenAPIName implements openapi's hook.
func (AssistantFile) OpenAPIName() string { return "AssistantFile" }

// OpenAPIName implements openapi's hook.
func (MessageFile) OpenAPIName() string { return "ThreadMessageFile" }

// ThreadV2 is a thread.
type ThreadV2 struct {
	ID            string            `json:"id" example:"thread_8Abc"`
	Object        string            `json:"object" doc:"Always thread." enum:"thread"`
	CreatedAt     int64             `json:"created_at" doc:"Seconds since 1970."`
	Metadata      map[string]string `json:"metadata"`
	ToolResources ToolResources     `json:"tool_resources"`
}

// ThreadV1 is a thread in the shape of November 2023.
type ThreadV1 struct {
	ID        string            `json:"id"`
	Object    string            `json:"object"`
	CreatedAt int64             `json:"created_at"`
	Metadata  map[string]string `json:"metadata"`
}

// OpenAPIName implements openapi's hook.
func (ThreadV2) OpenAPIName() string { return "Thread" }

// Thread writes a thread.
func (v Version) Thread(t object.Thread) any {
	if v == V1 {
		return ThreadV1{ID: t.ID, Object: "thread", CreatedAt: t.Created.Unix(), Metadata: t.Metadata}
	}
	out := ThreadV2{ID: t.ID, Object: "thread", CreatedAt: t.Created.Unix(), Metadata: t.Metadata}
	if t.CodeFiles != nil {
		out.ToolResources.CodeInterpreter = &CodeFiles{t.CodeFiles}
	}
	if t.VectorStore != "" {
		out.ToolResources.FileSearch = &VectorStores{stores(t.VectorStore)}
	}
	return out
}

// MessageV2 is a message.
type MessageV2 struct {
	ID                string             `json:"id" example:"msg_8Abc"`
	Object            string             `json:"object" doc:"Always thread.message." enum:"thread.message"`
	CreatedAt         int64              `json:"created_at" doc:"Seconds since 1970."`
	AssistantID       *string            `json:"assistant_id" doc:"Who wrote it."`
	ThreadID          string             `json:"thread_id"`
	RunID             *string            `json:"run_id" doc:"That wrote it."`
	Status            string             `json:"status" enum:"in_progress,incomplete,completed"`
	IncompleteDetails *IncompleteDetails `json:"incomplete_details"`
	CompletedAt       *int64             `json:"completed_at" doc:"Seconds since 1970."`
	IncompleteAt      *int64             `json:"incomplete_at" doc:"Seconds since 1970."`
	Role              string             `json:"role" enum:"user,assistant"`
	Content           []Part             `json:"content"`
	Attachments       []Attachment       `json:"attachments"`
	Metadata          map[string]string  `json:"metadata"`
}

// MessageV1 is a message in the shape of November 2023.
type MessageV1 struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	CreatedAt   int64             `json:"created_at"`
	ThreadID    string            `json:"thread_id"`
	Role        string            `json:"role"`
	Content     []Part            `json:"content"`
	FileIDs     []string          `json:"file_ids"`
	AssistantID *string           `json:"assistant_id"`
	RunID       *string           `json:"run_id"`
	Metadata    map[string]string `json:"metadata"`
}

// IncompleteDetails say why something is incomplete.
type IncompleteDetails struct {
	Reason string `json:"reason"`
}

// Part is a piece of a message.
type Part struct {
	Type      string     `json:"type" enum:"text,image_file,image_url,refusal"`
	Text      *TextValue `json:"text,omitzero"`
	ImageFile *ImageFile `json:"image_file,omitzero"`
	ImageURL  *ImageURL  `json:"image_url,omitzero"`
	Refusal   *string    `json:"refusal,omitzero"`
}

// TextValue is text with what stands for something in it.
type TextValue struct {
	Value       string       `json:"value"`
	Annotations []Annotation `json:"annotations"`
}

// Annotation says what a piece of text stands for.
type Annotation struct {
	Type         string    `json:"type" enum:"file_citation,file_path"`
	Text         string    `json:"text" doc:"The piece."`
	FileCitation *Citation `json:"file_citation,omitzero"`
	FilePath     *Citation `json:"file_path,omitzero"`
	StartIndex   int       `json:"start_index" doc:"Where the piece begins, in characters."`
	EndIndex     int       `json:"end_index"`
}

// Citation names a file and, of a citation, what it says.
type Citation struct {
	FileID string  `json:"file_id"`
	Quote  *string `json:"quote,omitzero"`
}

// OpenAPIName implements openapi's hook.
func (MessageV2) OpenAPIName() string { return "ThreadMessage" }

// OpenAPIName implements openapi's hook.
func (IncompleteDetails) OpenAPIName() string { return "ThreadIncompleteDetails" }

// OpenAPIName implements openapi's hook.
func (Part) OpenAPIName() string { return "ThreadMessagePart" }

// OpenAPIName implements openapi's hook.
func (TextValue) OpenAPIName() string { return "ThreadMessageText" }

// OpenAPIName implements openapi's hook.
func (Annotation) OpenAPIName() string { return "ThreadMessageAnnotation" }

// OpenAPIName implements openapi's hook.
func (Citation) OpenAPIName() string { return "ThreadMessageCitation" }

// OpenAPIName implements openapi's hook.
func (ImageFile) OpenAPIName() string { return "ThreadMessageImageFile" }

// OpenAPIName implements openapi's hook.
func (ImageURL) OpenAPIName() string { return "ThreadMessageImageURL" }

// Message writes a message.
func (v Version) Message(m object.Message) any {
	if v == V1 {
		out := MessageV1{
			ID: m.ID, Object: "thread.message", CreatedAt: m.Created.Unix(), ThreadID: m.ThreadID, Role: m.Role, Content: v.Parts(m.Content),
			FileIDs: []string{}, AssistantID: optional(m.AssistantID), RunID: optional(m.RunID), Metadata: m.Metadata,
		}
		for _, a := range m.Attachments {
			out.FileIDs = append(out.FileIDs, a.FileID)
		}
		return out
	}
	out := MessageV2{
		ID: m.ID, Object: "thread.message", CreatedAt: m.Created.Unix(), AssistantID: optional(m.AssistantID), ThreadID: m.ThreadID,
		RunID: optional(m.RunID), Status: m.Status, CompletedAt: seconds(m.CompletedAt), IncompleteAt: seconds(m.IncompleteAt), Role: m.Role,
		Content: v.Parts(m.Content), Attachments: []Attachment{}, Metadata: m.Metadata,
	}
	if m.Status == object.Incomplete {
		out.IncompleteDetails = &IncompleteDetails{m.Why}
	}
	for _, a := range m.Attachments {
		w := Attachment{FileID: a.FileID}
		for _, t := range a.Tools {
			w.Tools = append(w.Tools, TypeOnly{t})
		}
		out.Attachments = append(out.Attachments, w)
	}
	return out
}

// Parts write the parts of a message.
func (v Version) Parts(parts []object.Part) []Part {
	out := make([]Part, len(parts))
	for i, p := range parts {
		w := Part{Type: p.Type}
		switch p.Type {
		case object.TextPart:
			w.Text = &TextValue{p.Text.Value, v.Annotations(p.Text.Annotations)}
		case object.ImageFilePart:
			w.ImageFile = &ImageFile{FileID: p.Image.FileID}
			if v == V2 {
				w.ImageFile.Detail = p.Image.Detail
			}
		case object.ImageURLPart:
			w.ImageURL = &ImageURL{URL: p.Image.URL, Detail: p.Image.Detail}
		case object.RefusalPart:
			w.Refusal = &p.Refusal
		}
		if v == V1 && w.ImageURL != nil {
			w = Part{Type: object.TextPart, Text: &TextValue{w.ImageURL.URL, []Annotation{}}}
		}
		if v == V1 && w.Refusal != nil {
			w = Part{Type: object.TextPart, Text: &TextValue{*w.Refusal, []Annotation{}}}
		}
		out[i] = w
	}
	return out
}

// Annotations write the annotations of a text.
func (v Version) Annotations(annotations []object.Annotation) []Annotation {
	out := make([]Annotation, len(annotations))
	for i, a := range annotations {
		w := Annotation{Type: a.Type, Text: a.Text, StartIndex: a.Start, EndIndex: a.End}
		c := &Citation{FileID: a.FileID}
		if a.Type == object.FilePath {
			w.FilePath = c
		} else {
			if w.FileCitation = c; a.Quote != "" || v == V1 {
				c.Quote = &a.Quote
			}
		}
		out[i] = w
	}
	return out
}

// optional writes an empty text as null.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// seconds writes a time that may never have been.
func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

// List writes a page of objects.
func List[T any](items []T, more bool, id func(T) string, write func(T) any) httpapi.List[any] {
	named := httpapi.NewList(items, more, id)
	out := httpapi.List[any]{Object: named.Object, Data: make([]any, len(items)), FirstID: named.FirstID, LastID: named.LastID, HasMore: more}
	for i, item := range items {
		out.Data[i] = write(item)
	}
	return out
}
