package chats

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// API serves the routes of this package. All fields are required.
type API struct {
	Chats  *Service
	Models Models
	Pool   Pool
}

// Routes returns the package's operations.
func (a *API) Routes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/api/chats", Op: "listChats", Tag: "Chats",
			Summary: "Lists your chats, the last used first; query searches titles and texts.",
			Query:   ListQuery{}, Out: httpapi.List[ChatObject]{}, Scope: actor.ChatsRead, Handle: a.list,
		},
		{
			Method: http.MethodPost, Path: "/api/chats", Op: "createChat", Tag: "Chats",
			Summary: "Begins a chat.",
			In:      CreateChat{}, Out: ChatObject{}, Scope: actor.ChatsWrite, Handle: a.create,
		},
		{
			Method: http.MethodGet, Path: "/api/chats/{id}", Op: "getChat", Tag: "Chats",
			Summary: "Returns a chat with all its messages, which are a tree by parent_id.",
			Out:     ChatDetail{}, Scope: actor.ChatsRead, Handle: a.get,
		},
		{
			Method: http.MethodPatch, Path: "/api/chats/{id}", Op: "updateChat", Tag: "Chats",
			Summary: "Renames a chat, or shows another path through it.",
			In:      UpdateChat{}, Out: ChatObject{}, Scope: actor.ChatsWrite, Handle: a.update,
		},
		{
			Method: http.MethodDelete, Path: "/api/chats/{id}", Op: "deleteChat", Tag: "Chats",
			Summary: "Deletes a chat with its messages.",
			Out:     ChatDeleted{}, Scope: actor.ChatsWrite, Handle: a.delete,
		},
		{
			Method: http.MethodPost, Path: "/api/chats/{id}/messages", Op: "createMessage", Tag: "Chats",
			Summary: "Adds a message and streams its answer, or answers a message again.",
			In:      CreateMessage{}, Stream: ChatEvent{}, Scope: actor.ChatsWrite, LimitClass: "chat",
			MaxBody: 2*maxText + 64<<10, Handle: a.send,
		},
		{
			Method: http.MethodPost, Path: "/api/chats/{id}/messages/{message_id}/stop", Op: "stopMessage", Tag: "Chats",
			Summary: "Stops an answer and keeps what was produced.",
			Out:     MessageObject{}, Scope: actor.ChatsWrite, Handle: a.stop,
		},
		{
			Method: http.MethodGet, Path: "/api/models", Op: "listServedModels", Tag: "Models",
			Summary: "Lists the names that answer, with what serves them and whether it is loaded.",
			Out:     ModelList{}, Scope: actor.ModelsRead, Handle: a.models,
		},
	}
}

// ListQuery are the parameters of GET /api/chats.
type ListQuery struct {
	Limit *int   `query:"limit" doc:"How many chats to return." min:"1" max:"100" default:"20"`
	After string `query:"after" doc:"Id of the last chat of the page before."`
	Query string `query:"query" doc:"Only chats with this text in title or messages, in any case."`
}

// ChatObject is a chat without its messages.
type ChatObject struct {
	ID               string  `json:"id" example:"chat_8Abc"`
	Object           string  `json:"object" doc:"Always chat." enum:"chat"`
	Title            string  `json:"title" doc:"Empty until the first message."`
	Model            string  `json:"model" doc:"The model that was asked last; empty is the default."`
	CurrentMessageID *string `json:"current_message_id" doc:"The end of the path on show."`
	CreatedAt        int64   `json:"created_at" doc:"Seconds since 1970."`
	UpdatedAt        int64   `json:"updated_at" doc:"Seconds since 1970."`
	MessageCount     int     `json:"message_count"`
}

// ChatDetail is a chat with its messages.
type ChatDetail struct {
	ChatObject
	Messages []MessageObject `json:"messages" doc:"All messages in the order of their creation."`
}

// MessageObject is one message of a chat.
type MessageObject struct {
	ID          string        `json:"id" example:"msg_8Abc"`
	Object      string        `json:"object" doc:"Always chat.message." enum:"chat.message"`
	ChatID      string        `json:"chat_id"`
	ParentID    *string       `json:"parent_id" doc:"The message before it; null for the first. Messages of one parent are versions of each other."`
	Role        string        `json:"role" enum:"user,assistant"`
	Content     []ContentPart `json:"content"`
	State       string        `json:"state" enum:"in_progress,completed,stopped,failed"`
	Model       *string       `json:"model" doc:"Answers: the model that was asked."`
	ServedModel *string       `json:"served_model" doc:"Answers: the model that answered."`
	Error       *MessageError `json:"error" doc:"Why the answer failed."`
	Usage       *MessageUsage `json:"usage" doc:"The answer's tokens."`
	CreatedAt   int64         `json:"created_at" doc:"Seconds since 1970."`
}

// ContentPart is a piece of a message.
type ContentPart struct {
	Type string `json:"type" enum:"text"`
	Text string `json:"text"`
}

// MessageError says why an answer failed.
type MessageError struct {
	Message string  `json:"message" doc:"For the user."`
	Code    *string `json:"code"`
}

// MessageUsage counts an answer's tokens.
type MessageUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

// CreateChat is the body of POST /api/chats.
type CreateChat struct {
	Title string `json:"title,omitzero" doc:"Left out, it is made from the first message."`
	Model string `json:"model,omitzero" doc:"Left out, it is the default."`
}

// UpdateChat is the body of PATCH /api/chats/{id}.
type UpdateChat struct {
	Title            *string `json:"title,omitzero" doc:"The new title."`
	CurrentMessageID *string `json:"current_message_id,omitzero" doc:"The message that ends the path to show."`
}

// CreateMessage is the body of POST /api/chats/{id}/messages.
type CreateMessage struct {
	ParentID *string       `json:"parent_id" doc:"With content: the answer that it follows, or null to begin. Without: the message to answer again."`
	Content  []ContentPart `json:"content,omitzero" doc:"What to say; left out, the message parent_id is answered again."`
	Model    string        `json:"model,omitzero" doc:"Left out, it is the chat's."`
	Stream   *bool         `json:"stream,omitzero" doc:"The answer is always streamed."`
}

// ChatDeleted says that a chat is gone.
type ChatDeleted struct {
	ID      string `json:"id"`
	Object  string `json:"object" doc:"Always chat.deleted." enum:"chat.deleted"`
	Deleted bool   `json:"deleted"`
}

// ChatEvent is the data of one event of an answer. message.created, message.completed,
// message.stopped and message.failed carry message; message.delta carries message_id and text;
// chat.updated carries chat.
type ChatEvent struct {
	Message   *MessageObject `json:"message,omitzero"`
	MessageID string         `json:"message_id,omitzero"`
	Text      string         `json:"text,omitzero"`
	Chat      *ChatObject    `json:"chat,omitzero"`
}

func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[ListQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.Range("limit", q.Limit, 1, httpapi.MaxPageSize); err != nil {
		return err
	}
	p := Page{Limit: httpapi.DefaultPageSize, After: q.After, Query: q.Query}
	if q.Limit != nil {
		p.Limit = *q.Limit
	}
	chats, more, err := a.Chats.List(r.Context(), httpapi.ActorOf(r.Context()), p)
	if err != nil {
		return err
	}
	out := make([]ChatObject, len(chats))
	for i, c := range chats {
		out[i] = chatObject(c)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(c ChatObject) string { return c.ID }))
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[CreateChat](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	c, err := a.Chats.Create(r.Context(), httpapi.ActorOf(r.Context()), in.Title, in.Model)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, chatObject(c))
}

func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	c, messages, err := a.Chats.Get(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("id"))
	if err != nil {
		return err
	}
	out := ChatDetail{ChatObject: chatObject(c), Messages: make([]MessageObject, len(messages))}
	for i := range messages {
		out.Messages[i] = *messageObject(&messages[i])
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func (a *API) update(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[UpdateChat](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	c, err := a.Chats.Update(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("id"), Change{Title: in.Title, Current: in.CurrentMessageID})
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, chatObject(c))
}

func (a *API) delete(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := a.Chats.Delete(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, ChatDeleted{ID: id, Object: "chat.deleted", Deleted: true})
}

func (a *API) send(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[CreateMessage](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	m := NewMessage{Model: in.Model}
	if in.ParentID != nil {
		m.Parent = *in.ParentID
	}
	for _, p := range in.Content {
		m.Content = append(m.Content, Part(p))
	}
	if in.Content != nil && m.Content == nil {
		m.Content = []Part{} // an empty list is an empty message, not one that is asked again
	}
	s := httpapi.NewStream(w, r)
	for ev, err := range a.Chats.Send(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("id"), m) {
		if err != nil {
			return err
		}
		if err := s.Event(wireEvent(ev)); err != nil {
			return err
		}
	}
	return s.Done()
}

func (a *API) stop(w http.ResponseWriter, r *http.Request) error {
	m, err := a.Chats.Stop(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("id"), r.PathValue("message_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, messageObject(&m))
}

// wireEvent gives an event its name and its data.
func wireEvent(ev Event) (string, ChatEvent) {
	switch ev := ev.(type) {
	case Created:
		return "message.created", ChatEvent{Message: messageObject(&ev.Message)}
	case Delta:
		return "message.delta", ChatEvent{MessageID: ev.MessageID, Text: ev.Text}
	case Ended:
		return "message." + string(ev.Message.State), ChatEvent{Message: messageObject(&ev.Message)}
	case Updated:
		c := chatObject(ev.Chat)
		return "chat.updated", ChatEvent{Chat: &c}
	default:
		panic("chats: an event without a name")
	}
}

func chatObject(c Chat) ChatObject {
	return ChatObject{
		ID: c.ID, Object: "chat", Title: c.Title, Model: c.Model, CurrentMessageID: optional(c.Current),
		CreatedAt: c.Created.Unix(), UpdatedAt: c.Updated.Unix(), MessageCount: c.MessageCount,
	}
}

func messageObject(m *Message) *MessageObject {
	out := &MessageObject{
		ID: m.ID, Object: "chat.message", ChatID: m.ChatID, ParentID: optional(m.Parent), Role: m.Role,
		Content: make([]ContentPart, len(m.Content)), State: string(m.State),
		Model: optional(m.Model), ServedModel: optional(m.Served), CreatedAt: m.Created.Unix(),
	}
	for i, p := range m.Content {
		out.Content[i] = ContentPart(p)
	}
	if m.Error != nil {
		out.Error = &MessageError{Message: m.Error.Message, Code: optional(m.Error.Code)}
	}
	if u := m.Usage; u != nil {
		out.Usage = &MessageUsage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.PromptTokens + u.CompletionTokens}
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
