package identity

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// NameRequest renames an organization.
type NameRequest struct {
	Name string `json:"name" doc:"What the organization is called from now on." max:"100"`
}

// OpenAPIName is the schema's name.
func (NameRequest) OpenAPIName() string { return "UpdateOrganizationRequest" }

// settingsRoutes are those of an organization as a whole.
func (s *Service) settingsRoutes() []httpapi.Route {
	const path = "/api/organization"
	return []httpapi.Route{
		{Method: http.MethodGet, Path: path, Op: "getOrganization", Tag: "Organization", Summary: "The organization.", Out: OrganizationObject{}, Scope: actor.OrganizationRead, Handle: s.getOrganization},
		{Method: http.MethodPost, Path: path, Op: "updateOrganization", Tag: "Organization", Summary: "Renames the organization.", In: NameRequest{}, Out: OrganizationObject{}, Scope: actor.OrganizationWrite, MaxBody: 4096, Handle: s.postOrganizationName},
	}
}

func (s *Service) getOrganization(w http.ResponseWriter, r *http.Request) error {
	o, err := s.Organization(r.Context(), httpapi.ActorOf(r.Context()))
	return answer(w, o, err, organizationObject)
}

func (s *Service) postOrganizationName(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NameRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	o, err := s.RenameOrganization(r.Context(), httpapi.ActorOf(r.Context()), in.Name)
	return answer(w, o, err, organizationObject)
}
