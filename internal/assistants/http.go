package assistants

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/wire"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// shapes tells, in the documents, what the other generation has.
const shapes = "With the header OpenAI-Beta: assistants=v1, the answer has the shape of November 2023."

// Routes returns the package's operations.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/v1/assistants", Op: "listAssistants", Tag: "Assistants",
			Summary: "Lists the assistants of your project, the newest first.", Doc: shapes,
			Query: httpapi.PageQuery{}, Out: httpapi.List[wire.AssistantV2]{}, Scope: actor.AssistantsRead, Handle: s.list,
		},
		{
			Method: http.MethodPost, Path: "/v1/assistants", Op: "createAssistant", Tag: "Assistants",
			Summary: "Makes an assistant.", Doc: shapes,
			In: wire.AssistantBody{}, Out: wire.AssistantV2{}, Scope: actor.AssistantsWrite, Handle: s.create,
		},
		{
			Method: http.MethodGet, Path: "/v1/assistants/{assistant_id}", Op: "getAssistant", Tag: "Assistants",
			Summary: "Returns an assistant.", Doc: shapes,
			Out: wire.AssistantV2{}, Scope: actor.AssistantsRead, Handle: s.get,
		},
		{
			Method: http.MethodPost, Path: "/v1/assistants/{assistant_id}", Op: "modifyAssistant", Tag: "Assistants",
			Summary: "Changes an assistant; what is left out stays.", Doc: shapes,
			In: wire.AssistantBody{}, Out: wire.AssistantV2{}, Scope: actor.AssistantsWrite, Handle: s.modify,
		},
		{
			Method: http.MethodDelete, Path: "/v1/assistants/{assistant_id}", Op: "deleteAssistant", Tag: "Assistants",
			Summary: "Deletes an assistant. Its threads and files stay.",
			Out:     httpapi.Deleted{}, Scope: actor.AssistantsWrite, Handle: s.delete,
		},
		{
			Method: http.MethodGet, Path: "/v1/assistants/{assistant_id}/files", Op: "listAssistantFiles", Tag: "Assistants",
			Summary: "Lists the files of an assistant.", Doc: "Only v1.",
			Query: httpapi.PageQuery{}, Out: httpapi.List[wire.AssistantFile]{}, Scope: actor.AssistantsRead, Handle: s.listFiles,
		},
		{
			Method: http.MethodPost, Path: "/v1/assistants/{assistant_id}/files", Op: "createAssistantFile", Tag: "Assistants",
			Summary: "Attaches a file to an assistant.", Doc: "Only v1.",
			In: FileBody{}, Out: wire.AssistantFile{}, Scope: actor.AssistantsWrite, Handle: s.attachFile,
		},
		{
			Method: http.MethodGet, Path: "/v1/assistants/{assistant_id}/files/{file_id}", Op: "getAssistantFile", Tag: "Assistants",
			Summary: "Returns a file of an assistant.", Doc: "Only v1.",
			Out: wire.AssistantFile{}, Scope: actor.AssistantsRead, Handle: s.getFile,
		},
		{
			Method: http.MethodDelete, Path: "/v1/assistants/{assistant_id}/files/{file_id}", Op: "deleteAssistantFile", Tag: "Assistants",
			Summary: "Takes a file from an assistant; the file itself stays.", Doc: "Only v1.",
			Out: httpapi.Deleted{}, Scope: actor.AssistantsWrite, Handle: s.detachFile,
		},
	}
}

// FileBody is the body of POST /v1/assistants/{assistant_id}/files.
type FileBody struct {
	FileID string `json:"file_id" doc:"A file with the purpose assistants."`
}

// OpenAPIName implements openapi's hook.
func (FileBody) OpenAPIName() string { return "AssistantFileRequest" }

func idOf(r *http.Request) string { return r.PathValue("assistant_id") }

// paging is the part of a list that a request asks for.
func paging(r *http.Request) (store.Paging, error) {
	p, err := httpapi.PageOf(r)
	return store.Paging{Limit: p.Limit, Order: p.Order, After: p.After, Before: p.Before}, err
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	p, err := paging(r)
	if err != nil {
		return err
	}
	all, more, err := s.List(r.Context(), httpapi.ActorOf(r.Context()), p)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, wire.List(all, more, func(a object.Assistant) string { return a.ID }, v.Assistant))
}

// change reads a body that makes or changes an assistant.
func change(w http.ResponseWriter, r *http.Request) (v wire.Version, c object.AssistantChange, err error) {
	if v, err = wire.VersionOf(r); err != nil {
		return v, c, err
	}
	in, err := wire.Decode[wire.AssistantBody](w, r)
	if err != nil {
		return v, c, err
	}
	c, err = in.Change(v)
	return v, c, err
}

func (s *Service) create(w http.ResponseWriter, r *http.Request) error {
	v, c, err := change(w, r)
	if err != nil {
		return err
	}
	a, err := s.Create(r.Context(), httpapi.ActorOf(r.Context()), c, v == wire.V1)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Assistant(a))
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	a, err := s.Get(r.Context(), httpapi.ActorOf(r.Context()), idOf(r))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Assistant(a))
}

func (s *Service) modify(w http.ResponseWriter, r *http.Request) error {
	v, c, err := change(w, r)
	if err != nil {
		return err
	}
	a, err := s.Update(r.Context(), httpapi.ActorOf(r.Context()), idOf(r), c, v == wire.V1)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Assistant(a))
}

func (s *Service) delete(w http.ResponseWriter, r *http.Request) error {
	if _, err := wire.VersionOf(r); err != nil {
		return err
	}
	id := idOf(r)
	if err := s.Delete(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "assistant.deleted", Deleted: true})
}

func (s *Service) listFiles(w http.ResponseWriter, r *http.Request) error {
	if err := wire.Need(r, wire.V1); err != nil {
		return err
	}
	p, err := paging(r)
	if err != nil {
		return err
	}
	a, err := s.Get(r.Context(), httpapi.ActorOf(r.Context()), idOf(r))
	if err != nil {
		return err
	}
	all := make([]wire.AssistantFile, len(a.Files))
	for i, f := range a.Files {
		all[i] = assistantFile(a.ID, f)
	}
	id := func(f wire.AssistantFile) string { return f.ID }
	files, more, err := wire.PageOf(all, p, id)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(files, more, id))
}

func (s *Service) attachFile(w http.ResponseWriter, r *http.Request) error {
	if err := wire.Need(r, wire.V1); err != nil {
		return err
	}
	in, err := wire.Decode[FileBody](w, r)
	if err != nil {
		return err
	}
	if err := httpapi.Required("file_id", in.FileID != ""); err != nil {
		return err
	}
	f, err := s.AttachFile(r.Context(), httpapi.ActorOf(r.Context()), idOf(r), in.FileID)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, assistantFile(idOf(r), f))
}

func (s *Service) getFile(w http.ResponseWriter, r *http.Request) error {
	if err := wire.Need(r, wire.V1); err != nil {
		return err
	}
	f, err := s.File(r.Context(), httpapi.ActorOf(r.Context()), idOf(r), r.PathValue("file_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, assistantFile(idOf(r), f))
}

func (s *Service) detachFile(w http.ResponseWriter, r *http.Request) error {
	if err := wire.Need(r, wire.V1); err != nil {
		return err
	}
	id := r.PathValue("file_id")
	if err := s.DetachFile(r.Context(), httpapi.ActorOf(r.Context()), idOf(r), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "assistant.file.deleted", Deleted: true})
}

func assistantFile(assistant string, f object.File) wire.AssistantFile {
	return wire.AssistantFile{ID: f.ID, Object: "assistant.file", CreatedAt: f.Created.Unix(), AssistantID: assistant}
}
