package files

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// formRoom is what a form may have besides the file, in bytes.
const formRoom = 1 << 20

// Bounds of expires_after, in seconds, as the original's.
const (
	minKeep = 3600
	maxKeep = 2_592_000
)

// Routes returns the package's operations.
func (s *Service) Routes() []httpapi.Route {
	return append([]httpapi.Route{
		{
			Method: http.MethodPost, Path: "/v1/files", Op: "createFile", Tag: "Files",
			Summary: "Uploads a file, of at most 512 MB.",
			Doc: "The form's fields may come in any order. A file for fine-tuning has to be JSON Lines of examples; an error names the line. " +
				"A file that arrived in part leaves nothing behind.",
			In: CreateFile{}, Form: true, Out: Object{}, Scope: actor.FilesWrite, MaxBody: MaxFile + formRoom, Patient: true, Handle: s.postFile,
		},
		{
			Method: http.MethodGet, Path: "/v1/files", Op: "listFiles", Tag: "Files",
			Summary: "Lists the files of your project, the newest first.",
			Query:   FileQuery{}, Out: httpapi.List[Object]{}, Scope: actor.FilesRead, Handle: s.listFiles,
		},
		{
			Method: http.MethodGet, Path: "/v1/files/{file_id}", Op: "retrieveFile", Tag: "Files",
			Summary: "Returns what is known of a file.",
			Out:     Object{}, Scope: actor.FilesRead, Handle: s.getFile,
		},
		{
			Method: http.MethodDelete, Path: "/v1/files/{file_id}", Op: "deleteFile", Tag: "Files",
			Summary: "Deletes a file for good.",
			Out:     httpapi.Deleted{}, Scope: actor.FilesWrite, Handle: s.deleteFile,
		},
		{
			Method: http.MethodGet, Path: "/v1/files/{file_id}/content", Op: "downloadFile", Tag: "Files",
			Summary:  "Returns a file's content, or the part that a Range header asks for.",
			Doc:      "Files of all purposes can be downloaded. OpenAI refused those for assistants, vision and user_data.",
			Produces: "application/octet-stream", Scope: actor.FilesRead, Patient: true, Handle: s.getContent,
		},
		{
			Method: http.MethodGet, Path: "/api/files/storage", Op: "getFileStorage", Tag: "Files",
			Summary: "Tells how much your organization stores in files, and may store.",
			Out:     Storage{}, Scope: actor.FilesRead, Handle: s.getStorage,
		},
		{
			Method: http.MethodGet, Path: "/admin/organizations/{organization_id}/files", Op: "adminGetFileStorage", Tag: "Admin",
			Summary: "Tells how much an organization stores in files, and may store.",
			Out:     Storage{}, Scope: actor.Operate, Handle: s.getStorageOf,
		},
		{
			Method: http.MethodPost, Path: "/admin/organizations/{organization_id}/files", Op: "adminSetFileStorage", Tag: "Admin",
			Summary: "Sets how much an organization may store in files.",
			In:      StorageLimit{}, Out: Storage{}, Scope: actor.Operate, MaxBody: 4096, Handle: s.postStorageOf,
		},
	}, s.uploadRoutes()...)
}

// CreateFile is the form of POST /v1/files.
type CreateFile struct {
	File    FileContent `json:"file" doc:"The file."`
	Purpose string      `json:"purpose" doc:"What the file is for." enum:"fine-tune,assistants,batch,user_data,vision,evals" example:"assistants"`
	Anchor  *string     `json:"expires_after[anchor],omitzero" doc:"From when expires_after[seconds] counts: always created_at." enum:"created_at"`
	Seconds *int        `json:"expires_after[seconds],omitzero" doc:"After how many seconds the file is deleted; left out, it is kept." min:"3600" max:"2592000"`
}

// FileContent is a field of a form that has a file.
type FileContent struct{}

// OpenAPISchema implements openapi's hook.
func (FileContent) OpenAPISchema() map[string]any {
	return map[string]any{"type": "string", "format": "binary"}
}

// FileQuery are the parameters of GET /v1/files.
type FileQuery struct {
	Purpose string `query:"purpose" doc:"Only files with this purpose."`
	Limit   *int   `query:"limit" doc:"How many files to return." min:"1" max:"10000" default:"10000"`
	Order   string `query:"order" doc:"Sort order by the time of creation." enum:"asc,desc" default:"desc"`
	After   string `query:"after" doc:"Id of the last file of the page before."`
	Search  string `query:"search" doc:"Only files with this text in their names, in any case (an addition of Parley's)."`
}

// Object is a file as the API shows it.
type Object struct {
	ID            string `json:"id" example:"file-8Abc"`
	Object        string `json:"object" doc:"Always file." enum:"file"`
	Bytes         int64  `json:"bytes" doc:"The file's size."`
	CreatedAt     int64  `json:"created_at" doc:"Seconds since 1970."`
	ExpiresAt     int64  `json:"expires_at,omitzero" doc:"When the file is deleted, in seconds since 1970; left out: it is kept."`
	Filename      string `json:"filename" example:"examples.jsonl"`
	Purpose       string `json:"purpose" enum:"assistants,assistants_output,batch,batch_output,fine-tune,fine-tune-results,vision,user_data,evals"`
	Status        string `json:"status" doc:"processed, or error: then status_details says why." enum:"uploaded,processed,error"`
	StatusDetails string `json:"status_details,omitzero" doc:"What is wrong with the file; left out: nothing."`
}

// OpenAPIName implements openapi's hook.
func (Object) OpenAPIName() string { return "OpenAIFile" }

// OpenAPIName implements openapi's hook.
func (CreateFile) OpenAPIName() string { return "CreateFileRequest" }

// Storage is how much an organization stores.
type Storage struct {
	Object   string `json:"object" doc:"Always files.storage." enum:"files.storage"`
	Bytes    int64  `json:"bytes" doc:"Of its files, and those that its open uploads announced."`
	Files    int64  `json:"files"`
	MaxBytes *int64 `json:"max_bytes" doc:"What it may store; null: no limit."`
	Own      bool   `json:"own" doc:"Whether the limit was set for this organization; else it is the installation's."`
}

// StorageLimit is the body of POST /admin/organizations/{organization_id}/files.
type StorageLimit struct {
	MaxBytes *int64 `json:"max_bytes" doc:"What the organization may store, in bytes; 0: no limit; null: as the setting files.organization_limit says."`
}

// OpenAPIName implements openapi's hook.
func (Storage) OpenAPIName() string { return "FileStorage" }

// OpenAPIName implements openapi's hook.
func (StorageLimit) OpenAPIName() string { return "FileStorageLimit" }

// ObjectOf is a file as the API shows it.
func ObjectOf(f File) Object {
	o := Object{
		ID: f.ID, Object: "file", Bytes: f.Bytes, CreatedAt: f.Created.Unix(), Filename: f.Name, Purpose: f.Purpose, Status: f.Status, StatusDetails: f.Details,
	}
	if !f.Expires.IsZero() {
		o.ExpiresAt = f.Expires.Unix()
	}
	return o
}

func (s *Service) postFile(w http.ResponseWriter, r *http.Request) (err error) {
	ctx, who := r.Context(), httpapi.ActorOf(r.Context())
	if err := s.room(ctx, who.Org, r.ContentLength-formRoom); err != nil {
		return err // before the content is sent, where the client waits for a word
	}
	var c content
	var name, mediaType string
	kept := false
	defer func() {
		if c.key != "" && !kept {
			s.drop(ctx, c.key)
		}
	}()
	fields, err := httpapi.Multipart(w, r, httpapi.FormLimits{Files: []string{"file"}}, func(part httpapi.FilePart) error {
		switch {
		case part.Field != "file":
			return fault.Param(part.Field, "The form has a file in the field '%.80s'. Send it as 'file'.", part.Field).WithCode("unknown_parameter")
		case c.key != "":
			return fault.Param("file", "The form has more than one file. Send them one by one.")
		}
		name, mediaType = part.Name, part.MediaType
		c, err = s.writeNew(ctx, who, part, MaxFile)
		return err
	})
	if err != nil {
		return err
	}
	keep, err := expiry(fields)
	switch {
	case err != nil:
		return err
	case c.key == "":
		return httpapi.Required("file", false)
	case fields.Get("purpose") == "":
		return httpapi.Required("purpose", false)
	case !uploadable(fields.Get("purpose")):
		return wrongPurpose(fields.Get("purpose"))
	}
	kept = true // or removed, by finish
	f, err := s.finish(ctx, who, New{Name: name, Purpose: fields.Get("purpose"), MediaType: mediaType, Keep: keep}, c)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, ObjectOf(f))
}

// expiry reads expires_after of a form.
func expiry(fields url.Values) (time.Duration, error) {
	anchor, seconds := fields.Get("expires_after[anchor]"), fields.Get("expires_after[seconds]")
	if anchor == "" && seconds == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(seconds)
	if err != nil && seconds != "" {
		return 0, fault.Param("expires_after[seconds]", "'%.40s' is not of type 'integer' - 'expires_after.seconds'", seconds).WithCode("invalid_type")
	}
	return keepFor(&anchor, &n, anchor != "", seconds != "")
}

// keepFor checks an expiry policy.
func keepFor(anchor *string, seconds *int, hasAnchor, hasSeconds bool) (time.Duration, error) {
	if err := httpapi.First(httpapi.Required("expires_after.anchor", hasAnchor), httpapi.Required("expires_after.seconds", hasSeconds)); err != nil {
		return 0, err
	}
	if err := httpapi.First(httpapi.OneOf("expires_after.anchor", *anchor, "created_at"), httpapi.Range("expires_after.seconds", seconds, minKeep, maxKeep)); err != nil {
		return 0, err
	}
	return time.Duration(*seconds) * time.Second, nil
}

func (s *Service) listFiles(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[FileQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.First(httpapi.Range("limit", q.Limit, 1, MaxList), httpapi.OneOf("order", q.Order, "asc", "desc")); err != nil {
		return err
	}
	l := ListQuery{Paging: store.Paging{Limit: MaxList, Order: q.Order, After: q.After}, Purpose: q.Purpose, Search: q.Search}
	if q.Limit != nil {
		l.Limit = *q.Limit
	}
	files, more, err := s.List(r.Context(), httpapi.ActorOf(r.Context()), l)
	if err != nil {
		return err
	}
	out := make([]Object, len(files))
	for i, f := range files {
		out[i] = ObjectOf(f)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o Object) string { return o.ID }))
}

func (s *Service) getFile(w http.ResponseWriter, r *http.Request) error {
	f, err := s.Get(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("file_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, ObjectOf(f))
}

func (s *Service) deleteFile(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("file_id")
	if err := s.Delete(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "file", Deleted: true})
}

func (s *Service) getContent(w http.ResponseWriter, r *http.Request) error {
	body, f, err := s.Open(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("file_id"))
	if err != nil {
		return err
	}
	defer body.Close()
	h := w.Header()
	// Whatever a user stored is a file to save and no page of this server.
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", disposition(f.Name))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("ETag", `"`+f.SHA256+`"`)
	http.ServeContent(w, r, "", f.Created, body)
	return nil
}

// disposition gives a download its name, also to clients that know ASCII only.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	if ascii == name {
		return `attachment; filename="` + name + `"`
	}
	return `attachment; filename="` + ascii + `"; filename*=` + strings.TrimPrefix(mime.FormatMediaType("x", map[string]string{"f": name}), "x; f*=")
}

func (s *Service) getStorage(w http.ResponseWriter, r *http.Request) error {
	return s.storage(w, r, httpapi.ActorOf(r.Context()).Org)
}

func (s *Service) getStorageOf(w http.ResponseWriter, r *http.Request) error {
	org, err := s.organization(r.Context(), r.PathValue("organization_id"))
	if err != nil {
		return err
	}
	return s.storage(w, r, org)
}

func (s *Service) postStorageOf(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[StorageLimit](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	var least int64
	if err := httpapi.Min("max_bytes", in.MaxBytes, least); err != nil {
		return err
	}
	org, err := s.organization(r.Context(), r.PathValue("organization_id"))
	if err != nil {
		return err
	}
	if err := s.SetLimit(r.Context(), httpapi.ActorOf(r.Context()), org, in.MaxBytes); err != nil {
		return err
	}
	return s.storage(w, r, org)
}

func (s *Service) storage(w http.ResponseWriter, r *http.Request, org string) error {
	t, err := s.Stored(r.Context(), org)
	if err != nil {
		return err
	}
	out := Storage{Object: "files.storage", Bytes: t.Bytes, Files: t.Files, Own: t.Own}
	if t.Max > 0 {
		out.MaxBytes = &t.Max
	}
	return httpapi.JSON(w, http.StatusOK, out)
}
