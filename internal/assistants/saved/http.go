package saved

import (
	"bytes"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// Routes returns the package's operations.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{{
		Method: http.MethodPost, Path: "/api/assistants/import", Op: "importAssistants", Tag: "Assistants",
		Summary: "Takes in assistants, threads, messages, runs and steps that were saved as the API's objects.",
		Doc: "Objects of v1 and v2 may be mixed, in any order, also as list objects. Ids and times are kept; what is there already is skipped, so that a request can be sent again. " +
			"What is too much for one request comes in several: threads before their messages, runs before their steps.",
		In: Body{}, Out: Report{}, Scope: actor.AssistantsWrite, Handle: s.post,
	}}
}

// Body is the body of POST /api/assistants/import.
type Body struct {
	Objects jsontext.Value `json:"objects" doc:"A list of objects, or a list object of the API."`
	DryRun  bool           `json:"dry_run,omitzero" doc:"Only tell what would become of them."`
	Planned []string       `json:"planned,omitzero" doc:"With dry_run: ids of threads and runs that requests before would have added."`
}

// OpenAPIName implements openapi's hook.
func (Body) OpenAPIName() string { return "AssistantImportRequest" }

// OpenAPIName implements openapi's hook.
func (Report) OpenAPIName() string { return "AssistantImport" }

// OpenAPIName implements openapi's hook.
func (Outcome) OpenAPIName() string { return "AssistantImportOutcome" }

func (s *Service) post(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[Body](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("objects", len(in.Objects) > 0 && in.Objects.Kind() != 'n'); err != nil {
		return err
	}
	items, err := Read(bytes.NewReader(in.Objects))
	if err != nil {
		return fault.Param("objects", "Invalid 'objects': %s.", err).WithCode("invalid_value")
	}
	report, err := s.Import(r.Context(), httpapi.ActorOf(r.Context()), items, in.DryRun, in.Planned...)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, report)
}
