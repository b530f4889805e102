package retention

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// RetentionObject says how long bodies of an organization's requests are kept, and what is.
type RetentionObject struct {
	Object       string          `json:"object" enum:"retention" doc:"Always retention."`
	Organization string          `json:"organization_id" example:"org-abc"`
	Days         int             `json:"days" doc:"How long bodies are kept; 0: not at all."`
	Own          *int            `json:"organization_days" doc:"What the organization itself says; null: as long as the installation keeps them."`
	Default      int             `json:"default_days" doc:"How long the installation keeps them where an organization says nothing."`
	Share        bool            `json:"share_for_training" doc:"Whether kept bodies are shared with the operator for training."`
	SharedSince  *int64          `json:"shared_since" doc:"Requests since then are shared, in seconds since 1970; null: none."`
	MaxBody      int             `json:"max_body_bytes" doc:"How much of a body is kept: its beginning."`
	Stored       StoredObject    `json:"stored"`
	Warnings     []WarningObject `json:"warnings" doc:"What reviewers told the organization, the newest first, at most 20."`
}

// OpenAPIName is the schema's name.
func (RetentionObject) OpenAPIName() string { return "Retention" }

// StoredObject is what is kept.
type StoredObject struct {
	Requests int64  `json:"requests"`
	Bytes    int64  `json:"bytes" doc:"As stored: compressed and encrypted."`
	Oldest   *int64 `json:"oldest_at" doc:"When the oldest request came, in seconds since 1970; null: there is none."`
}

// OpenAPIName is the schema's name.
func (StoredObject) OpenAPIName() string { return "RetentionStored" }

// WarningObject is what reviewers told an organization.
type WarningObject struct {
	At        int64  `json:"at" doc:"Seconds since 1970."`
	RequestID string `json:"request_id"`
	Message   string `json:"message"`
}

// OpenAPIName is the schema's name.
func (WarningObject) OpenAPIName() string { return "RetentionWarning" }

// RetentionRequest says how long bodies are kept, and whether they are shared.
type RetentionRequest struct {
	Days  *int `json:"days" min:"0" max:"365" doc:"How long bodies are kept, 0: not at all; null: as long as the installation keeps them. What is older is deleted at once."`
	Share bool `json:"share_for_training" doc:"Share what is sent from now on with the operator for training."`
}

// OpenAPIName is the schema's name.
func (RetentionRequest) OpenAPIName() string { return "RetentionRequest" }

// InstallationObject is what the operator sets for all organizations that say nothing, and how this server does.
type InstallationObject struct {
	Object        string       `json:"object" enum:"installation_retention" doc:"Always installation_retention."`
	Days          int          `json:"default_days" doc:"How long bodies are kept where an organization says nothing; 0: not at all."`
	Configuration bool         `json:"from_configuration" doc:"Whether that is the setting retention_days, because the operator set nothing while running."`
	Sample        float64      `json:"sample_rate" doc:"The part of requests that is put into the reviewers' queue, 0 to 1."`
	Stored        StoredObject `json:"stored"`
	Server        KeeperObject `json:"server"`
}

// OpenAPIName is the schema's name.
func (InstallationObject) OpenAPIName() string { return "InstallationRetention" }

// KeeperObject is how a server does with what it keeps.
type KeeperObject struct {
	Waiting int64 `json:"waiting_bytes" doc:"In memory, not written yet."`
	Kept    int64 `json:"kept_requests" doc:"Since the start of the server."`
	Dropped int64 `json:"dropped_requests" doc:"Since the start of the server: there was no room for them, or they could not be written."`
}

// OpenAPIName is the schema's name.
func (KeeperObject) OpenAPIName() string { return "RetentionServer" }

// InstallationRequest sets it.
type InstallationRequest struct {
	Days   *int    `json:"default_days" min:"0" max:"365" doc:"How long bodies are kept where an organization says nothing; null: as the setting retention_days says."`
	Sample float64 `json:"sample_rate" doc:"The part of requests that is put into the reviewers' queue, 0 to 1."`
}

// OpenAPIName is the schema's name.
func (InstallationRequest) OpenAPIName() string { return "InstallationRetentionRequest" }

const tag = "Data"

// Routes are those of an organization and of reviewers.
func (s *Service) Routes() []httpapi.Route {
	return append([]httpapi.Route{
		{Method: http.MethodGet, Path: "/api/retention", Op: "getRetention", Tag: tag, Summary: "How long bodies of the organization's requests are kept, and what is.",
			Out: RetentionObject{}, Scope: actor.RetentionRead, Handle: func(w http.ResponseWriter, r *http.Request) error {
				return s.answer(w, r, httpapi.ActorOf(r.Context()).Org)
			}},
		{Method: http.MethodPut, Path: "/api/retention", Op: "setRetention", Tag: tag, Summary: "Sets how long they are kept, and whether they are shared for training.",
			In: RetentionRequest{}, Out: RetentionObject{}, Scope: actor.RetentionWrite, MaxBody: 4096, Handle: func(w http.ResponseWriter, r *http.Request) error {
				return s.put(w, r, httpapi.ActorOf(r.Context()).Org)
			}},
	}, s.reviewRoutes()...)
}

// AdminRoutes are the operator's. What is shared for training leaves the server on its own machine alone.
func (s *Service) AdminRoutes() []httpapi.Route {
	about := func(handle func(http.ResponseWriter, *http.Request, string) error) httpapi.Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			org := r.PathValue("organization_id")
			names, err := s.o.Names(r.Context())
			if err != nil {
				return err
			}
			if _, known := names[org]; !known {
				return fault.New(fault.NotFound, "No such organization: %s.", clip(org)).WithCode("invalid_organization")
			}
			return handle(w, r, org)
		}
	}
	return append([]httpapi.Route{
		{Method: http.MethodGet, Path: "/admin/retention", Op: "adminGetRetention", Tag: "Admin", Scope: actor.Operate, Summary: "How long bodies of requests are kept where an organization says nothing.",
			Out: InstallationObject{}, Handle: s.getInstallation},
		{Method: http.MethodPut, Path: "/admin/retention", Op: "adminSetRetention", Tag: "Admin", Scope: actor.Operate, Summary: "Sets that, and how many requests are put into the reviewers' queue.",
			In: InstallationRequest{}, Out: InstallationObject{}, MaxBody: 4096, Handle: s.putInstallation},
		{Method: http.MethodGet, Path: "/admin/retention/{organization_id}", Op: "adminGetOrganizationRetention", Tag: "Admin", Scope: actor.Operate, Summary: "How long bodies of an organization's requests are kept, and what is.",
			Out: RetentionObject{}, Handle: about(s.answer)},
		{Method: http.MethodPut, Path: "/admin/retention/{organization_id}", Op: "adminSetOrganizationRetention", Tag: "Admin", Scope: actor.Operate, Summary: "Sets how long they are kept, and whether they are shared for training.",
			In: RetentionRequest{}, Out: RetentionObject{}, MaxBody: 4096, Handle: about(s.put)},
		{Method: http.MethodGet, Path: "/admin/shared-data", Op: "adminSharedData", Tag: "Admin", Summary: "Requests that organizations share for training, as JSON lines.",
			Produces: "application/x-ndjson", Query: sharedQuery{}, Handle: s.getShared},
	}, s.queueRoutes()...)
}

func storedObject(in Stored) StoredObject {
	out := StoredObject{Requests: in.Requests, Bytes: in.Bytes}
	if !in.Oldest.IsZero() {
		at := in.Oldest.Unix()
		out.Oldest = &at
	}
	return out
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request, org string) error {
	set := s.Settings(org)
	kept, err := s.Stored(r.Context(), org)
	if err != nil {
		return err
	}
	told, err := s.Warnings(r.Context(), org)
	if err != nil {
		return err
	}
	out := RetentionObject{Object: "retention", Organization: org, Days: set.Days, Own: set.Own, Default: set.Default, Share: !set.SharedSince.IsZero(), MaxBody: MaxBody,
		Stored: storedObject(kept), Warnings: []WarningObject{}}
	if out.Share {
		at := set.SharedSince.Unix()
		out.SharedSince = &at
	}
	for _, t := range told {
		out.Warnings = append(out.Warnings, WarningObject{t.At.Unix(), t.RequestID, t.Message})
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func (s *Service) put(w http.ResponseWriter, r *http.Request, org string) error {
	in, err := httpapi.Decode[RetentionRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := s.Set(r.Context(), httpapi.ActorOf(r.Context()), org, in.Days, in.Share); err != nil {
		return err
	}
	return s.answer(w, r, org)
}

func (s *Service) getInstallation(w http.ResponseWriter, r *http.Request) error {
	kept, err := s.Stored(r.Context(), "")
	if err != nil {
		return err
	}
	in := s.Installation()
	return httpapi.JSON(w, http.StatusOK, InstallationObject{Object: "installation_retention", Days: in.Days, Configuration: !in.Set, Sample: in.Sample, Stored: storedObject(kept),
		Server: KeeperObject{Waiting: in.Waiting, Kept: in.Kept, Dropped: in.Dropped}})
}

func (s *Service) putInstallation(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[InstallationRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := s.SetInstallation(r.Context(), httpapi.ActorOf(r.Context()), in.Days, in.Sample); err != nil {
		return err
	}
	return s.getInstallation(w, r)
}

// sharedQuery bounds what is exported.
type sharedQuery struct {
	Since *int64 `query:"since" doc:"Only requests since this second since 1970."`
	Until *int64 `query:"until" doc:"Only requests before this second since 1970."`
}

// SharedObject is a request that its organization shares for training.
type SharedObject struct {
	Object       string `json:"object" enum:"shared_request" doc:"Always shared_request."`
	Organization string `json:"organization_id"`
	ID           string `json:"id" doc:"The request's x-request-id."`
	CreatedAt    int64  `json:"created_at" doc:"When it came, in seconds since 1970."`
	Operation    string `json:"operation" doc:"The operation's name in the OpenAPI document."`
	Request      any    `json:"request" doc:"What was asked: JSON as it was sent, a text where it was cut."`
	Response     any    `json:"response" doc:"What was answered: JSON, or a text: the events of a stream, or where it was cut; null for vectors, which are not kept."`
}

// body is a body as JSON where it is whole JSON, else as a text.
func body(data []byte, size int64) any {
	switch {
	case len(data) == 0:
		return nil
	case int64(len(data)) == size && json.Valid(data):
		return json.RawMessage(data)
	}
	return strings.ToValidUTF8(string(data), "\uFFFD")
}

func (s *Service) getShared(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[sharedQuery](r)
	if err != nil {
		return err
	}
	bound := func(seconds *int64) time.Time {
		if seconds == nil {
			return time.Time{}
		}
		return time.Unix(*seconds, 0)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", `attachment; filename="shared-data.jsonl"`)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return s.Shared(r.Context(), httpapi.ActorOf(r.Context()), bound(q.Since), bound(q.Until), func(org string, k Record) error {
		return out.Encode(SharedObject{Object: "shared_request", Organization: org, ID: k.RequestID, CreatedAt: k.At.Unix(), Operation: k.Op,
			Request: body(k.Request, k.RequestSize), Response: body(k.Response, k.ResponseSize)})
	})
}
