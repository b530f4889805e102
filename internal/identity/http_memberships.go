package identity

import (
	"context"
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// Membership is an organization that one may act in, with those of its projects.
type Membership struct {
	Object   string         `json:"object" enum:"membership"`
	ID       string         `json:"id" doc:"The organization's id, for the OpenAI-Organization header." example:"org-abc"`
	Name     string         `json:"name" doc:"The organization's name."`
	Role     string         `json:"role" enum:"owner,admin,member,reader"`
	Projects []ProjectPlace `json:"projects" doc:"The projects that one may act in, those of the organization's beginning first."`
}

// OpenAPIName is the schema's name.
func (Membership) OpenAPIName() string { return "Membership" }

// ProjectPlace is a project that one may act in.
type ProjectPlace struct {
	ID   string `json:"id" doc:"For the OpenAI-Project header." example:"proj_abc"`
	Name string `json:"name"`
	Role string `json:"role,omitempty" enum:"owner,member" doc:"The role in the project; left out for those who may act in it by their role in the organization."`
}

// Memberships lists where the actor may act: a user who is signed in, in all their organizations; a key in its project alone.
func (s *Service) Memberships(ctx context.Context, who actor.Actor) (_ []Membership, err error) {
	defer fault.Wrap(&err, "identity.Memberships")
	return s.listMemberships(ctx, who)
}

// membershipRoutes are the lines for the switch between organizations.
func (s *Service) membershipRoutes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/api/memberships", Op: "listMemberships", Tag: "Session", Summary: "Lists the organizations and projects that you may act in.",
			Doc: "To act in one of them, name it in the OpenAI-Organization and OpenAI-Project headers. A key acts in its own project alone.",
			Out: httpapi.List[Membership]{}, Scope: actor.SessionRead, Handle: s.getMemberships},
	}
}

func (s *Service) getMemberships(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Memberships(r.Context(), httpapi.ActorOf(r.Context()))
	return answerPage(w, list, false, err, func(m Membership) Membership { return m }, func(m Membership) string { return m.ID })
}
