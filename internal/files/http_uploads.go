package files

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

func (s *Service) uploadRoutes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodPost, Path: "/v1/uploads", Op: "createUpload", Tag: "Uploads",
			Summary: "Begins a resumable upload, of at most 8 GB within an hour.",
			In:      CreateUpload{}, Out: UploadObject{}, Scope: actor.FilesWrite, Handle: s.postUpload,
		},
		{
			Method: http.MethodPost, Path: "/v1/uploads/{upload_id}/parts", Op: "addUploadPart", Tag: "Uploads",
			Summary: "Adds a part, of at most 64 MB. Parts may come at once and in any order.",
			In:      AddPart{}, Form: true, Out: PartObject{}, Scope: actor.FilesWrite, MaxBody: MaxPart + formRoom, Patient: true, Handle: s.postPart,
		},
		{
			Method: http.MethodPost, Path: "/v1/uploads/{upload_id}/complete", Op: "completeUpload", Tag: "Uploads",
			Summary: "Makes a file of the parts, in the order given.",
			In:      CompleteUpload{}, Out: UploadObject{}, Scope: actor.FilesWrite, Patient: true, Handle: s.postComplete,
		},
		{
			Method: http.MethodPost, Path: "/v1/uploads/{upload_id}/cancel", Op: "cancelUpload", Tag: "Uploads",
			Summary: "Cancels an upload and removes its parts.",
			Out:     UploadObject{}, Scope: actor.FilesWrite, Handle: s.postCancel,
		},
	}
}

// CreateUpload is the body of POST /v1/uploads.
type CreateUpload struct {
	Filename     *string       `json:"filename" example:"examples.jsonl"`
	Purpose      *string       `json:"purpose" doc:"What the file is for." enum:"fine-tune,assistants,batch,user_data,vision,evals"`
	Bytes        *int64        `json:"bytes" doc:"The file's size." min:"1" max:"8589934592"`
	MimeType     *string       `json:"mime_type" doc:"The file's media type." example:"text/jsonl"`
	ExpiresAfter *ExpiresAfter `json:"expires_after,omitzero" doc:"When the file is deleted; left out, it is kept."`
}

// ExpiresAfter says when a file is deleted.
type ExpiresAfter struct {
	Anchor  *string `json:"anchor" doc:"From when it counts." enum:"created_at"`
	Seconds *int    `json:"seconds" min:"3600" max:"2592000"`
}

// AddPart is the form of POST /v1/uploads/{upload_id}/parts.
type AddPart struct {
	Data FileContent `json:"data" doc:"The part's bytes."`
}

// CompleteUpload is the body of POST /v1/uploads/{upload_id}/complete.
type CompleteUpload struct {
	PartIDs []string `json:"part_ids" doc:"All parts, in the file's order."`
	MD5     string   `json:"md5,omitzero" doc:"Of the whole file, in hex, to compare with."`
}

// UploadObject is an upload as the API shows it.
type UploadObject struct {
	ID        string  `json:"id" example:"upload_8Abc"`
	Object    string  `json:"object" doc:"Always upload." enum:"upload"`
	Bytes     int64   `json:"bytes" doc:"The file's size, as announced."`
	CreatedAt int64   `json:"created_at" doc:"Seconds since 1970."`
	ExpiresAt int64   `json:"expires_at" doc:"Until when parts can be added, in seconds since 1970."`
	Filename  string  `json:"filename"`
	Purpose   string  `json:"purpose"`
	Status    string  `json:"status" enum:"pending,completed,cancelled,expired"`
	File      *Object `json:"file" doc:"The file that a completed upload has become."`
}

// PartObject is a part as the API shows it.
type PartObject struct {
	ID        string `json:"id" example:"part_8Abc"`
	Object    string `json:"object" doc:"Always upload.part." enum:"upload.part"`
	CreatedAt int64  `json:"created_at" doc:"Seconds since 1970."`
	UploadID  string `json:"upload_id"`
}

// OpenAPIName implements openapi's hook.
func (CreateUpload) OpenAPIName() string { return "CreateUploadRequest" }

// OpenAPIName implements openapi's hook.
func (ExpiresAfter) OpenAPIName() string { return "FileExpirationAfter" }

// OpenAPIName implements openapi's hook.
func (AddPart) OpenAPIName() string { return "AddUploadPartRequest" }

// OpenAPIName implements openapi's hook.
func (CompleteUpload) OpenAPIName() string { return "CompleteUploadRequest" }

// OpenAPIName implements openapi's hook.
func (UploadObject) OpenAPIName() string { return "Upload" }

// OpenAPIName implements openapi's hook.
func (PartObject) OpenAPIName() string { return "UploadPart" }

func uploadObject(u Upload) UploadObject {
	out := UploadObject{
		ID: u.ID, Object: "upload", Bytes: u.Bytes, CreatedAt: u.Created.Unix(), ExpiresAt: u.Expires.Unix(), Filename: u.Name, Purpose: u.Purpose, Status: u.Status,
	}
	if u.File != nil {
		f := ObjectOf(*u.File)
		out.File = &f
	}
	return out
}

func (s *Service) postUpload(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[CreateUpload](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.First(
		httpapi.Required("filename", in.Filename != nil), httpapi.Required("purpose", in.Purpose != nil),
		httpapi.Required("bytes", in.Bytes != nil), httpapi.Required("mime_type", in.MimeType != nil),
	); err != nil {
		return err
	}
	n := NewUpload{Name: *in.Filename, Purpose: *in.Purpose, Bytes: *in.Bytes, MediaType: *in.MimeType}
	if x := in.ExpiresAfter; x != nil {
		if n.Keep, err = keepFor(x.Anchor, x.Seconds, x.Anchor != nil, x.Seconds != nil); err != nil {
			return err
		}
	}
	u, err := s.Begin(r.Context(), httpapi.ActorOf(r.Context()), n)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, uploadObject(u))
}

func (s *Service) postPart(w http.ResponseWriter, r *http.Request) error {
	ctx, who, id := r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("upload_id")
	var p *pendingPart
	defer func() {
		if p != nil {
			p.drop(ctx)
		}
	}()
	_, err := httpapi.Multipart(w, r, httpapi.FormLimits{Files: []string{"data"}}, func(part httpapi.FilePart) (err error) {
		switch {
		case part.Field != "data":
			return fault.Param(part.Field, "The form has a file in the field '%.80s'. Send the part as 'data'.", part.Field).WithCode("unknown_parameter")
		case p != nil:
			return fault.Param("data", "The form has more than one part. Send them one by one.")
		}
		p, err = s.receive(ctx, who, id, part)
		return err
	})
	if err != nil {
		return err
	}
	if p == nil {
		return httpapi.Required("data", false)
	}
	added, err := p.add(ctx)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, PartObject{ID: added.ID, Object: "upload.part", CreatedAt: added.Created.Unix(), UploadID: added.Upload})
}

func (s *Service) postComplete(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[CompleteUpload](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("part_ids", in.PartIDs != nil); err != nil {
		return err
	}
	u, err := s.Complete(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("upload_id"), in.PartIDs, in.MD5)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, uploadObject(u))
}

func (s *Service) postCancel(w http.ResponseWriter, r *http.Request) error {
	u, err := s.Cancel(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("upload_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, uploadObject(u))
}
