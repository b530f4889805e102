package thread

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/wire"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// maxMessage is how large a request with one message may be: a text of 256,000 characters, escaped.
const maxMessage = 4 << 20

// shapes tells, in the documents, what the other generation has.
const shapes = "With the header OpenAI-Beta: assistants=v1, the answer has the shape of November 2023."

// Routes returns the package's operations.
func (s *Service) Routes() []httpapi.Route {
	return append([]httpapi.Route{
		{
			Method: http.MethodPost, Path: "/v1/threads", Op: "createThread", Tag: "Assistants",
			Summary: "Begins a thread, with messages if there are some.", Doc: shapes,
			In: wire.ThreadBody{}, Out: wire.ThreadV2{}, Scope: actor.AssistantsWrite, Handle: s.postThread,
		},
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}", Op: "getThread", Tag: "Assistants",
			Summary: "Returns a thread.", Doc: shapes,
			Out: wire.ThreadV2{}, Scope: actor.AssistantsRead, Handle: s.getThread,
		},
		{
			Method: http.MethodPost, Path: "/v1/threads/{thread_id}", Op: "modifyThread", Tag: "Assistants",
			Summary: "Changes what a thread's tools reach, and its metadata.", Doc: shapes,
			In: wire.ThreadChange{}, Out: wire.ThreadV2{}, Scope: actor.AssistantsWrite, Handle: s.patchThread,
		},
		{
			Method: http.MethodDelete, Path: "/v1/threads/{thread_id}", Op: "deleteThread", Tag: "Assistants",
			Summary: "Deletes a thread with its messages, runs and steps.",
			Doc:     "A run that is active is cancelled. Files stay.",
			Out:     httpapi.Deleted{}, Scope: actor.AssistantsWrite, Handle: s.deleteThread,
		},
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}/messages", Op: "listMessages", Tag: "Assistants",
			Summary: "Lists the messages of a thread, the newest first.", Doc: shapes,
			Query: MessageQuery{}, Out: httpapi.List[wire.MessageV2]{}, Scope: actor.AssistantsRead, Handle: s.listMessages,
		},
		{
			Method: http.MethodPost, Path: "/v1/threads/{thread_id}/messages", Op: "createThreadMessage", Tag: "Assistants",
			Summary: "Adds a message to a thread on which no run is active.", Doc: shapes,
			In: wire.MessageBody{}, Out: wire.MessageV2{}, Scope: actor.AssistantsWrite, MaxBody: maxMessage, Handle: s.postMessage,
		},
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}/messages/{message_id}", Op: "getMessage", Tag: "Assistants",
			Summary: "Returns a message.", Doc: shapes,
			Out: wire.MessageV2{}, Scope: actor.AssistantsRead, Handle: s.getMessage,
		},
		{
			Method: http.MethodPost, Path: "/v1/threads/{thread_id}/messages/{message_id}", Op: "modifyMessage", Tag: "Assistants",
			Summary: "Changes a message's metadata.", Doc: shapes,
			In: wire.MetadataChange{}, Out: wire.MessageV2{}, Scope: actor.AssistantsWrite, Handle: s.patchMessage,
		},
		{
			Method: http.MethodDelete, Path: "/v1/threads/{thread_id}/messages/{message_id}", Op: "deleteMessage", Tag: "Assistants",
			Summary: "Deletes a message.", Doc: "Only v2.",
			Out: httpapi.Deleted{}, Scope: actor.AssistantsWrite, Handle: s.deleteMessageHTTP,
		},
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}/messages/{message_id}/files", Op: "listMessageFiles", Tag: "Assistants",
			Summary: "Lists the files of a message.", Doc: "Only v1.",
			Query: httpapi.PageQuery{}, Out: httpapi.List[wire.MessageFile]{}, Scope: actor.AssistantsRead, Handle: s.listMessageFiles,
		},
		{
			Method: http.MethodGet, Path: "/v1/threads/{thread_id}/messages/{message_id}/files/{file_id}", Op: "getMessageFile", Tag: "Assistants",
			Summary: "Returns a file of a message.", Doc: "Only v1.",
			Out: wire.MessageFile{}, Scope: actor.AssistantsRead, Handle: s.getMessageFile,
		},
	}, s.runRoutes()...)
}

// MessageQuery are the parameters of the list of messages.
type MessageQuery struct {
	httpapi.PageQuery
	RunID string `query:"run_id" doc:"Only messages that this run wrote."`
}

// paging is the part of a list that a request asks for.
func paging(r *http.Request) (store.Paging, error) {
	p, err := httpapi.PageOf(r)
	return store.Paging{Limit: p.Limit, Order: p.Order, After: p.After, Before: p.Before}, err
}

func threadOf(r *http.Request) string { return r.PathValue("thread_id") }

func (s *Service) postThread(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	in, err := wire.Decode[wire.ThreadBody](w, r)
	if err != nil {
		return err
	}
	n, err := in.New(v)
	if err != nil {
		return err
	}
	t, err := s.Create(r.Context(), httpapi.ActorOf(r.Context()), n)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Thread(t))
}

func (s *Service) getThread(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	t, err := s.Get(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Thread(t))
}

func (s *Service) patchThread(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	in, err := wire.Decode[wire.ThreadChange](w, r)
	if err != nil {
		return err
	}
	c, err := in.Change(v)
	if err != nil {
		return err
	}
	t, err := s.Update(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), c)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Thread(t))
}

func (s *Service) deleteThread(w http.ResponseWriter, r *http.Request) error {
	if _, err := wire.VersionOf(r); err != nil {
		return err
	}
	id := threadOf(r)
	if err := s.Delete(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "thread.deleted", Deleted: true})
}

func (s *Service) listMessages(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	p, err := paging(r)
	if err != nil {
		return err
	}
	q, err := httpapi.Query[MessageQuery](r)
	if err != nil {
		return err
	}
	messages, more, err := s.Messages(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), q.RunID, p)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, wire.List(messages, more, func(m object.Message) string { return m.ID }, v.Message))
}

func (s *Service) postMessage(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	in, err := wire.Decode[wire.MessageBody](w, r)
	if err != nil {
		return err
	}
	m, err := in.New(v)
	if err != nil {
		return err
	}
	if err := s.Add(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), m); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Message(*m))
}

func (s *Service) getMessage(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	m, err := s.GetMessage(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), r.PathValue("message_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Message(m))
}

func (s *Service) patchMessage(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	in, err := wire.Decode[wire.MetadataChange](w, r)
	if err != nil {
		return err
	}
	m, err := s.SetMessageMetadata(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), r.PathValue("message_id"), object.Metadata(in.Metadata))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Message(m))
}

func (s *Service) deleteMessageHTTP(w http.ResponseWriter, r *http.Request) error {
	if err := wire.Need(r, wire.V2); err != nil {
		return err
	}
	id := r.PathValue("message_id")
	if err := s.DeleteMessage(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "thread.message.deleted", Deleted: true})
}

func (s *Service) listMessageFiles(w http.ResponseWriter, r *http.Request) error {
	if err := wire.Need(r, wire.V1); err != nil {
		return err
	}
	p, err := paging(r)
	if err != nil {
		return err
	}
	m, err := s.GetMessage(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), r.PathValue("message_id"))
	if err != nil {
		return err
	}
	all := make([]wire.MessageFile, len(m.Attachments))
	for i, a := range m.Attachments {
		all[i] = messageFile(&m, a.FileID)
	}
	id := func(f wire.MessageFile) string { return f.ID }
	files, more, err := wire.PageOf(all, p, id)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(files, more, id))
}

func (s *Service) getMessageFile(w http.ResponseWriter, r *http.Request) error {
	if err := wire.Need(r, wire.V1); err != nil {
		return err
	}
	m, err := s.GetMessage(r.Context(), httpapi.ActorOf(r.Context()), threadOf(r), r.PathValue("message_id"))
	if err != nil {
		return err
	}
	id := r.PathValue("file_id")
	for _, a := range m.Attachments {
		if a.FileID == id {
			return httpapi.JSON(w, http.StatusOK, messageFile(&m, id))
		}
	}
	return notFound("file", id)
}

func messageFile(m *object.Message, id string) wire.MessageFile {
	return wire.MessageFile{ID: id, Object: "thread.message.file", CreatedAt: m.Created.Unix(), MessageID: m.ID}
}
