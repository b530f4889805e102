package identity

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// OrganizationObject is an organization of the installation.
type OrganizationObject struct {
	Object    string `json:"object" enum:"organization"`
	ID        string `json:"id" example:"org-abc"`
	Name      string `json:"name"`
	Members   int    `json:"members" doc:"How many users belong to it."`
	CreatedAt int64  `json:"created_at" doc:"Seconds since 1970."`
	Link      string `json:"link,omitempty" doc:"The invitation of its first owner, shown only in the answer that made it."`
}

// OpenAPIName is the schema's name.
func (OrganizationObject) OpenAPIName() string { return "Organization" }

// OrganizationRequest makes an organization.
type OrganizationRequest struct {
	Name  string `json:"name" max:"100"`
	Owner string `json:"owner" doc:"The e-mail address of its first owner."`
}

// LinkObject is a link that signs in once.
type LinkObject struct {
	URL string `json:"url"`
}

// ReviewerObject is an account that may read kept bodies of requests.
type ReviewerObject struct {
	Object  string `json:"object" enum:"reviewer"`
	ID      string `json:"id" doc:"The user's." example:"user-abc"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	AddedAt int64  `json:"added_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (ReviewerObject) OpenAPIName() string { return "Reviewer" }

// ReviewerRequest names a reviewer.
type ReviewerRequest struct {
	User string `json:"user" doc:"The e-mail address or the id of somebody with an account." example:"ann@example.com"`
}

// OpenAPIName is the schema's name.
func (ReviewerRequest) OpenAPIName() string { return "ReviewerRequest" }

// AdminRoutes are the operator's, for all organizations. A link that signs in as somebody else is made on the admin socket alone.
func (s *Service) AdminRoutes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/admin/organizations", Op: "adminListOrganizations", Tag: "Admin", Scope: actor.Operate, Summary: "All organizations of the installation.",
			Out: httpapi.List[OrganizationObject]{}, Handle: s.getOrganizations},
		{Method: http.MethodPost, Path: "/admin/organizations", Op: "adminCreateOrganization", Tag: "Admin", Scope: actor.Operate, Summary: "Makes an organization and invites its first owner.",
			In: OrganizationRequest{}, Out: OrganizationObject{}, Handle: s.postOrganization},
		{Method: http.MethodPost, Path: "/admin/users/{user_id}/signin-links", Op: "adminUserSigninLink", Tag: "Admin", Summary: "Makes a link that signs a browser in as a member of the organization, once.",
			Out: LinkObject{}, Handle: s.postUserLink},
		{Method: http.MethodGet, Path: "/admin/reviewers", Op: "adminListReviewers", Tag: "Admin", Scope: actor.Operate, Summary: "Who may read kept bodies of requests.",
			Out: httpapi.List[ReviewerObject]{}, Handle: s.getReviewers},
		{Method: http.MethodPost, Path: "/admin/reviewers", Op: "adminAddReviewer", Tag: "Admin", Scope: actor.Operate, Summary: "Lets an account read kept bodies of requests, by the queue.",
			In: ReviewerRequest{}, Out: ReviewerObject{}, MaxBody: 4096, Handle: s.postReviewer},
		{Method: http.MethodDelete, Path: "/admin/reviewers/{user_id}", Op: "adminRemoveReviewer", Tag: "Admin", Scope: actor.Operate, Summary: "Takes that back.",
			Out: httpapi.Deleted{}, Handle: s.deleteReviewer},
	}
}

func reviewerObject(r Reviewer) ReviewerObject {
	return ReviewerObject{Object: "reviewer", ID: r.User, Name: r.Name, Email: r.Email, AddedAt: r.Added.Unix()}
}

func (s *Service) getReviewers(w http.ResponseWriter, r *http.Request) error {
	all, err := s.Reviewers(r.Context())
	return answerPage(w, all, false, err, reviewerObject, func(o ReviewerObject) string { return o.ID })
}

func (s *Service) postReviewer(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[ReviewerRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Required("user", in.User != ""); err != nil {
		return err
	}
	added, err := s.AddReviewer(r.Context(), httpapi.ActorOf(r.Context()), in.User)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, reviewerObject(added))
}

func (s *Service) deleteReviewer(w http.ResponseWriter, r *http.Request) error {
	gone, err := s.RemoveReviewer(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("user_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: gone.User, Object: "reviewer.deleted", Deleted: true})
}

func organizationObject(o Organization) OrganizationObject {
	return OrganizationObject{Object: "organization", ID: o.ID, Name: o.Name, Members: o.Members, CreatedAt: o.Created.Unix()}
}

func (s *Service) getOrganizations(w http.ResponseWriter, r *http.Request) error {
	all, err := s.AllOrganizations(r.Context())
	return answerPage(w, all, false, err, organizationObject, func(o OrganizationObject) string { return o.ID })
}

func (s *Service) postOrganization(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[OrganizationRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	token, o, err := s.CreateOrganization(r.Context(), in.Name, in.Owner)
	if err != nil {
		return err
	}
	out := organizationObject(o)
	out.Link = s.link(token)
	return secret(w, out)
}

func (s *Service) postUserLink(w http.ResponseWriter, r *http.Request) error {
	token, err := s.LinkFor(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("user_id"))
	if err != nil {
		return err
	}
	return secret(w, LinkObject{URL: s.link(token)})
}

// OrganizationOf returns the organization that a request of the operator names by the query parameter organization; empty when it names
// none and is about all of them. It has to exist: a change for an id that was mistyped would be in force for nobody.
func (s *Service) OrganizationOf(r *http.Request) (string, error) {
	q, err := httpapi.Query[struct {
		Organization string `query:"organization"`
	}](r)
	if err != nil || q.Organization == "" {
		return "", err
	}
	known, err := s.Owns(r.Context(), q.Organization, "organization", q.Organization)
	if err == nil && !known {
		err = fault.New(fault.NotFound, "No such organization: %s.", shown(q.Organization)).WithCode("invalid_organization")
	}
	return q.Organization, err
}
