package retrieval

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

const (
	base  = "/v1/vector_stores"
	one   = base + "/{vector_store_id}"
	tag   = "Vector stores"
	text  = "text"
	maxIn = 8 << 20 // bytes of a body: 2,000 files with their attributes
)

// Routes returns the package's operations.
func (s *Service) Routes() []httpapi.Route {
	read := func(path, op, summary string, query, out any, handle httpapi.Handler) httpapi.Route {
		return httpapi.Route{Method: http.MethodGet, Path: path, Op: op, Tag: tag, Summary: summary, Query: query, Out: out, Scope: actor.AssistantsRead, Handle: handle}
	}
	write := func(method, path, op, summary string, in, out any, handle httpapi.Handler) httpapi.Route {
		return httpapi.Route{Method: method, Path: path, Op: op, Tag: tag, Summary: summary, In: in, Out: out, Scope: actor.AssistantsWrite, MaxBody: maxIn, Handle: handle}
	}
	search := write(http.MethodPost, one+"/search", "searchVectorStore", "Finds the chunks of a vector store that answer a question, by their words and by their meaning.",
		SearchBody{}, SearchPage{}, s.postSearch)
	// It changes nothing but when the store was last used, and takes an embedding of the limits.
	search.Scope, search.LimitClass, search.Keep = actor.AssistantsRead, "embeddings", httpapi.KeepRequest
	return []httpapi.Route{
		read(base, "listVectorStores", "Lists the project's vector stores.", httpapi.PageQuery{}, httpapi.List[StoreObject]{}, s.getStores),
		write(http.MethodPost, base, "createVectorStore", "Makes a vector store.", StoreBody{}, StoreObject{}, s.postStore),
		read(one, "getVectorStore", "Returns a vector store.", nil, StoreObject{}, s.getStore),
		write(http.MethodPost, one, "modifyVectorStore", "Changes a vector store's name, metadata and expiry.", StoreChange{}, StoreObject{}, s.postStoreChange),
		write(http.MethodDelete, one, "deleteVectorStore", "Deletes a vector store; its files stay.", nil, StoreDeleted{}, s.deleteStore),
		search,
		read(one+"/files", "listVectorStoreFiles", "Lists a vector store's files.", FilesQuery{}, httpapi.List[FileObject]{}, s.getFiles),
		write(http.MethodPost, one+"/files", "createVectorStoreFile", "Attaches a file to a vector store and begins to read it.", FileBody{}, FileObject{}, s.postFile),
		read(one+"/files/{file_id}", "getVectorStoreFile", "Returns a file of a vector store.", nil, FileObject{}, s.getFile),
		write(http.MethodPost, one+"/files/{file_id}", "updateVectorStoreFileAttributes", "Replaces the attributes of a file in a vector store.", AttributesBody{}, FileObject{}, s.postAttributes),
		write(http.MethodDelete, one+"/files/{file_id}", "deleteVectorStoreFile", "Removes a file from a vector store; the file itself stays.", nil, FileDeleted{}, s.deleteFile),
		read(one+"/files/{file_id}/content", "retrieveVectorStoreFileContent", "Returns the text that was read from a file, chunk by chunk.", nil, ContentPage{}, s.getContent),
		write(http.MethodPost, one+"/file_batches", "createVectorStoreFileBatch", "Attaches several files to a vector store.", BatchBody{}, BatchObject{}, s.postBatch),
		read(one+"/file_batches/{batch_id}", "getVectorStoreFileBatch", "Returns how far the files of a batch are.", nil, BatchObject{}, s.getBatch),
		write(http.MethodPost, one+"/file_batches/{batch_id}/cancel", "cancelVectorStoreFileBatch", "Ends the files of a batch that are still being read.", nil, BatchObject{}, s.postCancel),
		read(one+"/file_batches/{batch_id}/files", "listFilesInVectorStoreBatch", "Lists the files of a batch.", FilesQuery{}, httpapi.List[FileObject]{}, s.getBatchFiles),
	}
}

func (s *Service) getStores(w http.ResponseWriter, r *http.Request) error {
	p, err := httpapi.PageOf(r)
	if err != nil {
		return err
	}
	all, more, err := s.List(r.Context(), httpapi.ActorOf(r.Context()), store.Paging(p))
	if err != nil {
		return err
	}
	out := make([]StoreObject, len(all))
	for i, v := range all {
		out[i] = storeObject(v)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(v StoreObject) string { return v.ID }))
}

func (s *Service) postStore(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[StoreBody](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	n, err := in.check()
	if err != nil {
		return err
	}
	return s.answer(w)(s.Create(r.Context(), httpapi.ActorOf(r.Context()), n))
}

// answer writes what an operation on a store returned.
func (s *Service) answer(w http.ResponseWriter) func(Store, error) error {
	return func(v Store, err error) error {
		if err != nil {
			return err
		}
		return httpapi.JSON(w, http.StatusOK, storeObject(v))
	}
}

func (s *Service) getStore(w http.ResponseWriter, r *http.Request) error {
	return s.answer(w)(s.Get(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id")))
}

func (s *Service) postStoreChange(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[StoreChange](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	c, err := in.check()
	if err != nil {
		return err
	}
	return s.answer(w)(s.Update(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), c))
}

func (s *Service) deleteStore(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("vector_store_id")
	if err := s.Delete(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, StoreDeleted{ID: id, Object: "vector_store.deleted", Deleted: true})
}

func (s *Service) postSearch(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[SearchBody](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	q, err := in.check()
	if err != nil {
		return err
	}
	hits, err := s.Search(r.Context(), httpapi.ActorOf(r.Context()), []string{r.PathValue("vector_store_id")}, q)
	if err != nil {
		return err
	}
	out := SearchPage{Object: "vector_store.search_results.page", SearchQuery: q.Texts, Data: make([]SearchItem, len(hits))}
	for i, h := range hits {
		out.Data[i] = SearchItem{FileID: h.FileID, Filename: h.Filename, Score: h.Score, Attributes: attributes(h.Attributes), Content: []TextPart{{text, h.Text}}}
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

// filesPage reads the parameters of a list of files.
func filesPage(r *http.Request) (Status, store.Paging, error) {
	q, err := httpapi.Query[FilesQuery](r)
	if err != nil {
		return "", store.Paging{}, err
	}
	if err := httpapi.OneOf("filter", q.Filter, string(InProgress), string(Completed), string(Failed), string(Cancelled)); err != nil {
		return "", store.Paging{}, err
	}
	p, err := httpapi.PageOf(r)
	return Status(q.Filter), store.Paging(p), err
}

func filesList(w http.ResponseWriter, files []File, more bool, err error) error {
	if err != nil {
		return err
	}
	out := make([]FileObject, len(files))
	for i, f := range files {
		out[i] = fileObject(f)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(f FileObject) string { return f.ID }))
}

func (s *Service) getFiles(w http.ResponseWriter, r *http.Request) error {
	only, p, err := filesPage(r)
	if err != nil {
		return err
	}
	files, more, err := s.ListFiles(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), only, p)
	return filesList(w, files, more, err)
}

func (s *Service) getBatchFiles(w http.ResponseWriter, r *http.Request) error {
	only, p, err := filesPage(r)
	if err != nil {
		return err
	}
	files, more, err := s.BatchFiles(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), r.PathValue("batch_id"), only, p)
	return filesList(w, files, more, err)
}

// again tells clients that wait how long to wait before they ask the next time, in milliseconds; without it they wait a second or five.
func again(w http.ResponseWriter, waiting bool) {
	if waiting {
		w.Header().Set("Openai-Poll-After-Ms", "250")
	}
}

func fileAnswer(w http.ResponseWriter) func(File, error) error {
	return func(f File, err error) error {
		if err != nil {
			return err
		}
		again(w, f.Status == InProgress)
		return httpapi.JSON(w, http.StatusOK, fileObject(f))
	}
}

func (s *Service) postFile(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[FileBody](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	n, err := in.check()
	if err != nil {
		return err
	}
	return fileAnswer(w)(s.Attach(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), n))
}

func (s *Service) getFile(w http.ResponseWriter, r *http.Request) error {
	return fileAnswer(w)(s.File(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), r.PathValue("file_id")))
}

func (s *Service) postAttributes(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[AttributesBody](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("attributes", in.Attributes.Given); err != nil {
		return err
	}
	return fileAnswer(w)(s.SetAttributes(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), r.PathValue("file_id"), in.Attributes.Values))
}

func (s *Service) deleteFile(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("file_id")
	if err := s.Detach(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, FileDeleted{ID: id, Object: "vector_store.file.deleted", Deleted: true})
}

func (s *Service) getContent(w http.ResponseWriter, r *http.Request) error {
	_, texts, err := s.Content(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), r.PathValue("file_id"))
	if err != nil {
		return err
	}
	out := ContentPage{Object: "vector_store.file_content.page", Data: make([]TextPart, len(texts))}
	for i, t := range texts {
		out.Data[i] = TextPart{text, t}
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func batchAnswer(w http.ResponseWriter) func(Batch, error) error {
	return func(b Batch, err error) error {
		if err != nil {
			return err
		}
		again(w, b.Status() == string(InProgress))
		return httpapi.JSON(w, http.StatusOK, batchObject(b))
	}
}

func (s *Service) postBatch(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[BatchBody](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	all, err := in.check()
	if err != nil {
		return err
	}
	return batchAnswer(w)(s.CreateBatch(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), all))
}

func (s *Service) getBatch(w http.ResponseWriter, r *http.Request) error {
	return batchAnswer(w)(s.Batch(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), r.PathValue("batch_id")))
}

func (s *Service) postCancel(w http.ResponseWriter, r *http.Request) error {
	return batchAnswer(w)(s.CancelBatch(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("vector_store_id"), r.PathValue("batch_id")))
}
