package wire

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// AssistantBody is the body of requests that make or modify an assistant. Each generation refuses what only the other one has.
type AssistantBody struct {
	Model           string          `json:"model,omitzero" doc:"Needed to make one." example:"gpt-4"`
	Name            Text            `json:"name,omitzero" doc:"At most 256 characters."`
	Description     Text            `json:"description,omitzero" doc:"At most 512 characters."`
	Instructions    Text            `json:"instructions,omitzero" doc:"What the model is told first, at most 256,000 characters."`
	Tools           []Tool          `json:"tools,omitzero" doc:"At most 128." max:"128"`
	ToolResources   *Resources      `json:"tool_resources,omitzero" doc:"Only v2."`
	FileIDs         []string        `json:"file_ids,omitzero" doc:"Only v1: files for the assistant's tools, at most 20." max:"20"`
	Metadata        Metadata        `json:"metadata,omitzero" doc:"Up to 16 texts by name: 64 and 512 characters."`
	Temperature     *float64        `json:"temperature,omitzero" doc:"Only v2." min:"0" max:"2"`
	TopP            *float64        `json:"top_p,omitzero" doc:"Only v2." min:"0" max:"1"`
	ResponseFormat  *ResponseFormat `json:"response_format,omitzero" doc:"Only v2."`
	ReasoningEffort string          `json:"reasoning_effort,omitzero" doc:"Only v2: kept and shown."`
}

// Resources are what tools may reach.
type Resources struct {
	CodeInterpreter *CodeResources   `json:"code_interpreter,omitzero"`
	FileSearch      *SearchResources `json:"file_search,omitzero"`
}

// CodeResources are files of Code Interpreter.
type CodeResources struct {
	FileIDs []string `json:"file_ids,omitzero" doc:"At most 20." max:"20"`
}

// SearchResources are what file search looks in.
type SearchResources struct {
	VectorStoreIDs []string   `json:"vector_store_ids,omitzero" doc:"At most 1." max:"1"`
	VectorStores   []NewStore `json:"vector_stores,omitzero" doc:"Instead: a vector store to make." max:"1"`
}

// NewStore is a vector store to be made.
type NewStore struct {
	FileIDs          []string  `json:"file_ids,omitzero"`
	ChunkingStrategy *Chunking `json:"chunking_strategy,omitzero"`
	Metadata         Metadata  `json:"metadata,omitzero"`
}

// Chunking says how files are cut.
type Chunking struct {
	Type   string          `json:"type" enum:"auto,static"`
	Static *StaticChunking `json:"static,omitzero"`
}

// StaticChunking are the sizes of chunks.
type StaticChunking struct {
	MaxChunkSizeTokens int `json:"max_chunk_size_tokens" min:"100" max:"4096"`
	ChunkOverlapTokens int `json:"chunk_overlap_tokens" doc:"At most half of a chunk."`
}

// OpenAPIName implements openapi's hook.
func (AssistantBody) OpenAPIName() string { return "AssistantRequest" }

// OpenAPIName implements openapi's hook.
func (Resources) OpenAPIName() string { return "AssistantResourcesRequest" }

// OpenAPIName implements openapi's hook.
func (CodeResources) OpenAPIName() string { return "AssistantCodeResources" }

// OpenAPIName implements openapi's hook.
func (SearchResources) OpenAPIName() string { return "AssistantSearchResourcesRequest" }

// OpenAPIName implements openapi's hook.
func (NewStore) OpenAPIName() string { return "AssistantNewVectorStore" }

// OpenAPIName implements openapi's hook.
func (Chunking) OpenAPIName() string { return "AssistantChunking" }

// OpenAPIName implements openapi's hook.
func (StaticChunking) OpenAPIName() string { return "AssistantStaticChunking" }

// only refuses what a body has of the other generation.
func (v Version) only(of Version, given ...any) error {
	if v == of {
		return nil
	}
	for i := 0; i < len(given); i += 2 {
		if given[i+1].(bool) {
			return unknown(given[i].(string))
		}
	}
	return nil
}

// Change is what a body asks for.
func (b *AssistantBody) Change(v Version) (c object.AssistantChange, err error) {
	err = httpapi.First(
		v.only(V1, "file_ids", b.FileIDs != nil),
		v.only(V2, "tool_resources", b.ToolResources != nil, "temperature", b.Temperature != nil, "top_p", b.TopP != nil,
			"response_format", b.ResponseFormat != nil, "reasoning_effort", b.ReasoningEffort != ""),
	)
	if err != nil {
		return c, err
	}
	c = object.AssistantChange{
		Model: b.Model, Name: maybe(b.Name), Description: maybe(b.Description), Instructions: maybe(b.Instructions), Files: b.FileIDs,
		Metadata: object.Metadata(b.Metadata), Temperature: b.Temperature, TopP: b.TopP,
		FormatGiven: b.ResponseFormat != nil, ResponseFormat: b.ResponseFormat.Format(), ReasoningEffort: b.ReasoningEffort,
	}
	if c.Tools, err = v.Tools(b.Tools); err != nil {
		return c, err
	}
	c.Resources, err = b.ToolResources.change()
	return c, err
}

func maybe(t Text) object.Maybe { return object.Maybe{Given: t.Given, Text: t.Value} }

// change is what tool_resources ask for.
// Change is what the body of a run asks for; the other bodies have it within theirs.
func (r *Resources) Change(v Version) (object.ResourcesChange, error) {
	if err := v.only(V2, "tool_resources", r != nil); err != nil {
		return object.ResourcesChange{}, err
	}
	return r.change()
}

func (r *Resources) change() (c object.ResourcesChange, err error) {
	if r == nil {
		return c, nil
	}
	if r.CodeInterpreter != nil {
		c.CodeFiles = r.CodeInterpreter.FileIDs
	}
	if r.FileSearch == nil {
		return c, nil
	}
	c.VectorStores = r.FileSearch.VectorStoreIDs
	for i, n := range r.FileSearch.VectorStores {
		s := object.NewStore{Files: n.FileIDs, Metadata: object.Metadata(n.Metadata)}
		if k := n.ChunkingStrategy; k != nil {
			param := at("tool_resources.file_search.vector_stores[%d].chunking_strategy", i)
			switch {
			case k.Type == "auto":
			case k.Type != "static":
				return c, choice(param+".type", k.Type, "auto", "static")
			case k.Static == nil:
				return c, required(param + ".static")
			default:
				size, overlap := k.Static.MaxChunkSizeTokens, k.Static.ChunkOverlapTokens
				if err := httpapi.First(httpapi.Range(param+".static.max_chunk_size_tokens", &size, 100, 4096), httpapi.Range(param+".static.chunk_overlap_tokens", &overlap, 0, size/2)); err != nil {
					return c, err
				}
				s.Tokens, s.Overlap = size, overlap
			}
		}
		c.NewStores = append(c.NewStores, s)
	}
	return c, nil
}

// ThreadBody is the body of requests that make a thread.
type ThreadBody struct {
	Messages      []MessageBody `json:"messages,omitzero" doc:"Messages to begin with."`
	ToolResources *Resources    `json:"tool_resources,omitzero" doc:"Only v2."`
	Metadata      Metadata      `json:"metadata,omitzero" doc:"Up to 16 texts by name: 64 and 512 characters."`
}

// ThreadChange is the body of requests that modify a thread.
type ThreadChange struct {
	ToolResources *Resources `json:"tool_resources,omitzero" doc:"Only v2."`
	Metadata      Metadata   `json:"metadata,omitzero" doc:"Up to 16 texts by name: 64 and 512 characters."`
}

// MetadataChange is the body of requests that modify a message or a run.
type MetadataChange struct {
	Metadata Metadata `json:"metadata,omitzero" doc:"Up to 16 texts by name: 64 and 512 characters."`
}

// MessageBody is a message to add.
type MessageBody struct {
	Role        string       `json:"role" doc:"assistant only in v2." enum:"user,assistant"`
	Content     Content      `json:"content"`
	Attachments []Attachment `json:"attachments,omitzero" doc:"Only v2: files, and the tools that they are for."`
	FileIDs     []string     `json:"file_ids,omitzero" doc:"Only v1: files for the assistant's tools, at most 10." max:"10"`
	Metadata    Metadata     `json:"metadata,omitzero" doc:"Up to 16 texts by name: 64 and 512 characters."`
}

// Attachment is a file of a message.
type Attachment struct {
	FileID string     `json:"file_id,omitzero"`
	Tools  []TypeOnly `json:"tools,omitzero"`
}

// TypeOnly names a tool.
type TypeOnly struct {
	Type string `json:"type" enum:"code_interpreter,file_search"`
}

// OpenAPIName implements openapi's hook.
func (ThreadBody) OpenAPIName() string { return "ThreadRequest" }

// OpenAPIName implements openapi's hook.
func (ThreadChange) OpenAPIName() string { return "ThreadChangeRequest" }

// OpenAPIName implements openapi's hook.
func (MetadataChange) OpenAPIName() string { return "MetadataRequest" }

// OpenAPIName implements openapi's hook.
func (MessageBody) OpenAPIName() string { return "ThreadMessageRequest" }

// OpenAPIName implements openapi's hook.
func (Attachment) OpenAPIName() string { return "ThreadMessageAttachment" }

// OpenAPIName implements openapi's hook.
func (TypeOnly) OpenAPIName() string { return "ThreadMessageTool" }

// Content is what a message says: a text, or in v2 a list of parts.
type Content struct {
	Given bool
	Text  string
	Parts []PartBody // nil: Text is all
}

// PartBody is a part of a message to add.
type PartBody struct {
	Type      string     `json:"type" enum:"text,image_file,image_url"`
	Text      *string    `json:"text,omitzero"`
	ImageFile *ImageFile `json:"image_file,omitzero"`
	ImageURL  *ImageURL  `json:"image_url,omitzero"`
}

// ImageFile is an image that was uploaded.
type ImageFile struct {
	FileID string `json:"file_id"`
	Detail string `json:"detail,omitzero" enum:"auto,low,high"`
}

// ImageURL is an image at an address.
type ImageURL struct {
	URL    string `json:"url"`
	Detail string `json:"detail,omitzero" enum:"auto,low,high"`
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (c *Content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*c = Content{}
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '"':
		c.Given = true
		return json.UnmarshalDecode(dec, &c.Text)
	case '[':
		c.Given, c.Parts = true, []PartBody{}
		return json.UnmarshalDecode(dec, &c.Parts)
	default:
		return httpapi.WrongType("one of a string or array of objects", k)
	}
}

// OpenAPISchema implements openapi's hook.
func (Content) OpenAPISchema() map[string]any {
	detail := map[string]any{"type": "string", "enum": []string{"auto", "low", "high"}}
	image := func(name string) map[string]any {
		return map[string]any{"type": "object", "required": []string{name}, "properties": map[string]any{name: map[string]any{"type": "string"}, "detail": detail}}
	}
	return map[string]any{"oneOf": []any{
		map[string]any{"type": "string"},
		map[string]any{"type": "array", "items": map[string]any{"type": "object", "required": []string{"type"}, "properties": map[string]any{
			"type": map[string]any{"type": "string", "enum": []string{"text", "image_file", "image_url"}},
			"text": map[string]any{"type": "string"}, "image_file": image("file_id"), "image_url": image("url"),
		}}},
	}}
}

// New is the thread that a body asks for.
func (b *ThreadBody) New(v Version) (n object.NewThread, err error) {
	if err := v.only(V2, "tool_resources", b.ToolResources != nil); err != nil {
		return n, err
	}
	n.Metadata = object.Metadata(b.Metadata)
	if n.Resources, err = b.ToolResources.change(); err != nil {
		return n, err
	}
	n.Messages, err = v.Messages("messages", b.Messages)
	return n, err
}

// Messages are the messages that a list of bodies at param asks for.
func (v Version) Messages(param string, bodies []MessageBody) ([]*object.Message, error) {
	var out []*object.Message
	for i := range bodies {
		m, err := bodies[i].New(v)
		if err != nil {
			return nil, object.Within(at(param+"[%d]", i), err)
		}
		out = append(out, m)
	}
	return out, nil
}

// Change is what a body asks for.
func (b *ThreadChange) Change(v Version) (c object.ThreadChange, err error) {
	if err := v.only(V2, "tool_resources", b.ToolResources != nil); err != nil {
		return c, err
	}
	c.Metadata = object.Metadata(b.Metadata)
	c.Resources, err = b.ToolResources.change()
	return c, err
}

// New is the message that a body asks for. The core checks lengths and files.
func (b *MessageBody) New(v Version) (*object.Message, error) {
	m := &object.Message{Role: b.Role, Status: object.Completed, Metadata: object.Metadata(b.Metadata)}
	if err := httpapi.First(v.only(V1, "file_ids", b.FileIDs != nil), v.only(V2, "attachments", b.Attachments != nil)); err != nil {
		return nil, err
	}
	switch {
	case b.Role == "":
		return nil, required("role")
	case v == V1 && b.Role != object.User:
		return nil, choice("role", b.Role, object.User)
	case b.Role != object.User && b.Role != object.AssistantRole:
		return nil, choice("role", b.Role, object.User, object.AssistantRole)
	case !b.Content.Given:
		return nil, required("content")
	case v == V1 && b.Content.Parts != nil:
		return nil, fault.Param("content", "Invalid type for 'content': expected a string, but got an array instead.").WithCode("invalid_type")
	}
	if b.Content.Parts == nil {
		m.Content = []object.Part{{Type: object.TextPart, Text: &object.Text{Value: b.Content.Text}}}
	} else if err := b.Content.parts(m); err != nil {
		return nil, err
	}
	if err := object.TooMany("file_ids", len(b.FileIDs), object.MaxMessageFiles); err != nil {
		return nil, err
	}
	for _, id := range b.FileIDs {
		m.Attachments = append(m.Attachments, object.Attachment{FileID: id, Tools: []string{object.CodeInterpreter, object.FileSearch}})
	}
	for i, a := range b.Attachments {
		if a.FileID == "" {
			return nil, required(at("attachments[%d].file_id", i))
		}
		out := object.Attachment{FileID: a.FileID}
		for j, t := range a.Tools {
			if t.Type != object.CodeInterpreter && t.Type != object.FileSearch {
				return nil, choice(at(at("attachments[%d]", i)+".tools[%d].type", j), t.Type, object.CodeInterpreter, object.FileSearch)
			}
			out.Tools = append(out.Tools, t.Type)
		}
		m.Attachments = append(m.Attachments, out)
	}
	return m, nil
}

// parts reads a list of parts into a message.
func (c *Content) parts(m *object.Message) error {
	for i, p := range c.Parts {
		param := at("content[%d]", i)
		out := object.Part{Type: p.Type}
		switch p.Type {
		case object.TextPart:
			if p.Text == nil {
				return required(param + ".text")
			}
			out.Text = &object.Text{Value: *p.Text}
		case object.ImageFilePart:
			if p.ImageFile == nil || p.ImageFile.FileID == "" {
				return required(param + ".image_file.file_id")
			}
			out.Image = &object.Image{FileID: p.ImageFile.FileID, Detail: p.ImageFile.Detail}
		case object.ImageURLPart:
			if p.ImageURL == nil || p.ImageURL.URL == "" {
				return required(param + ".image_url.url")
			}
			out.Image = &object.Image{URL: p.ImageURL.URL, Detail: p.ImageURL.Detail}
		default:
			return choice(param+".type", p.Type, object.TextPart, object.ImageFilePart, object.ImageURLPart)
		}
		m.Content = append(m.Content, out)
	}
	return nil
}
