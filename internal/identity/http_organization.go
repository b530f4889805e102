package identity

import (
	"net/http"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// pageQuery are the parameters of OpenAI's lists of an organization.
type pageQuery struct {
	Limit *int   `query:"limit" doc:"How many objects to return." min:"1" max:"100" default:"20"`
	After string `query:"after" doc:"Id of the last object of the page before."`
}

type projectsQuery struct {
	pageQuery
	IncludeArchived bool `query:"include_archived" doc:"Also archived projects." default:"false"`
}

type projectKeysQuery struct {
	pageQuery
	Access string `query:"owner_project_access" doc:"Only keys whose owner is in the project, or is not." enum:"active,inactive,any"`
}

type usersQuery struct {
	pageQuery
	Emails []string `query:"emails" doc:"Only users with these e-mail addresses."`
}

// organizationRoutes are OpenAI's operations on an organization, and leaving one.
func (s *Service) organizationRoutes() []httpapi.Route {
	const (
		base     = "/v1/organization"
		projects = base + "/projects"
		one      = projects + "/{project_id}"
		accounts = one + "/service_accounts"
		account  = accounts + "/{service_account_id}"
	)
	return []httpapi.Route{
		read(base+"/projects", "listProjects", "Lists the organization's projects.", projectsQuery{}, httpapi.List[ProjectObject]{}, s.getProjects),
		write(projects, "createProject", "Makes a project.", ProjectRequest{}, ProjectObject{}, s.postProject),
		ofProject(read(one, "getProject", "One project.", nil, ProjectObject{}, s.getProject)),
		ofProject(write(one, "updateProject", "Renames a project.", ProjectRequest{}, ProjectObject{}, s.postProjectName)),
		write(one+"/archive", "archiveProject", "Archives a project: its keys stop, its data stays.", nil, ProjectObject{}, s.postArchive),

		read(base+"/users", "listUsers", "Lists the organization's members.", usersQuery{}, httpapi.List[UserObject]{}, s.getUsers),
		read(base+"/users/{user_id}", "getUser", "One member.", nil, UserObject{}, s.getUser),
		write(base+"/users/{user_id}", "updateUser", "Gives a member another role.", RoleRequest{}, UserObject{}, s.postUser),
		remove(base+"/users/{user_id}", "deleteUser", "Removes a member: keys and sessions stop at once.", s.deleteUser),
		{Method: http.MethodDelete, Path: "/api/membership", Op: "leaveOrganization", Tag: "Organization", Summary: "Leaves the organization.", Out: Removed{}, Scope: actor.SessionRead, Handle: s.leave},

		ofProject(read(one+"/users", "listProjectUsers", "Lists a project's members.", pageQuery{}, httpapi.List[ProjectUserObject]{}, s.getProjectUsers)),
		ofProject(write(one+"/users", "createProjectUser", "Adds a member of the organization to a project.", AddUserRequest{}, ProjectUserObject{}, s.postProjectUser)),
		ofProject(read(one+"/users/{user_id}", "getProjectUser", "One member of a project.", nil, ProjectUserObject{}, s.getProjectUser)),
		ofProject(write(one+"/users/{user_id}", "updateProjectUser", "Gives a project's member another role in it.", RoleRequest{}, ProjectUserObject{}, s.postProjectUserRole)),
		ofProject(remove(one+"/users/{user_id}", "deleteProjectUser", "Takes a user out of a project.", s.deleteProjectUser)),

		ofProject(read(accounts, "listServiceAccounts", "Lists a project's service accounts.", pageQuery{}, httpapi.List[AccountObject]{}, s.getAccounts)),
		ofProject(write(accounts, "createServiceAccount", "Makes a service account; its key is shown once.", AccountRequest{}, NewAccountObject{}, s.postAccount)),
		ofProject(read(account, "getServiceAccount", "One service account.", nil, AccountObject{}, s.getAccount)),
		ofProject(write(account, "updateServiceAccount", "Changes a service account.", AccountUpdateRequest{}, AccountObject{}, s.postAccountUpdate)),
		ofProject(remove(account, "deleteServiceAccount", "Ends a service account and its keys.", s.deleteServiceAccount)),
		ofProject(write(account+"/api_keys", "createServiceAccountKey", "Makes a further key of a service account; it is shown once.", AccountKeyRequest{}, AccountKeyObject{}, s.postAccountKey)),

		ofProject(read(one+"/api_keys", "listProjectKeys", "Lists a project's API keys, of all its users.", projectKeysQuery{}, httpapi.List[ProjectKeyObject]{}, s.getProjectKeys)),
		ofProject(read(one+"/api_keys/{api_key_id}", "getProjectKey", "One API key of a project.", nil, ProjectKeyObject{}, s.getProjectKey)),
		ofProject(remove(one+"/api_keys/{api_key_id}", "deleteProjectKey", "Revokes a user's API key.", s.deleteProjectKey)),

		read(base+"/admin_api_keys", "listAdminKeys", "Lists the organization's own API keys.", httpapi.PageQuery{}, httpapi.List[AdminKeyObject]{}, s.getAdminKeys),
		write(base+"/admin_api_keys", "createAdminKey", "Makes an API key for the administration; it is shown once.", AdminKeyRequest{}, AdminKeyObject{}, s.postAdminKey),
		read(base+"/admin_api_keys/{key_id}", "getAdminKey", "One of the organization's own API keys.", nil, AdminKeyObject{}, s.getAdminKey),
		remove(base+"/admin_api_keys/{key_id}", "deleteAdminKey", "Revokes one of the organization's own API keys.", s.deleteAdminKey),

		read(base+"/invites", "listInvites", "Lists invitations.", pageQuery{}, httpapi.List[InviteObject]{}, s.getInvites),
		write(base+"/invites", "createInvite", "Invites somebody by a link, which is shown once.", InviteRequest{}, InviteObject{}, s.postInvite),
		read(base+"/invites/{invite_id}", "getInvite", "One invitation.", nil, InviteObject{}, s.getInvite),
		write("/api/organization/invites/{invite_id}/resend", "resendInvite", "Makes a new link of an invitation, and sends it by mail where there is a mail server.", nil, InviteObject{}, s.postResend),
		remove(base+"/invites/{invite_id}", "deleteInvite", "Takes back an invitation that was not accepted.", s.deleteInviteRoute),
	}
}

func read(path, op, summary string, query, out any, handle httpapi.Handler) httpapi.Route {
	return httpapi.Route{Method: http.MethodGet, Path: path, Op: op, Tag: "Organization", Summary: summary, Query: query, Out: out, Scope: actor.OrganizationRead, Handle: handle}
}

func write(path, op, summary string, in, out any, handle httpapi.Handler) httpapi.Route {
	return httpapi.Route{Method: http.MethodPost, Path: path, Op: op, Tag: "Organization", Summary: summary, In: in, Out: out, Scope: actor.OrganizationWrite, MaxBody: 64 << 10, Handle: handle}
}

func remove(path, op, summary string, handle httpapi.Handler) httpapi.Route {
	return httpapi.Route{Method: http.MethodDelete, Path: path, Op: op, Tag: "Organization", Summary: summary, Out: Removed{}, Scope: actor.OrganizationWrite, Handle: handle}
}

// ofProject is the route for those, too, who look after the one project that it names.
func ofProject(rt httpapi.Route) httpapi.Route {
	rt.Scope = strings.Replace(rt.Scope, "organization.", "project.", 1)
	return rt
}

// pageOf reads the limit and the cursor.
func pageOf(r *http.Request) (store.Paging, error) {
	p, err := httpapi.PageOf(r)
	return store.Paging(p), err
}

// answerPage writes a page of a list in the API's objects.
func answerPage[T, O any](w http.ResponseWriter, items []T, more bool, err error, object func(T) O, id func(O) string) error {
	if err != nil {
		return err
	}
	out := make([]O, len(items))
	for i, item := range items {
		out[i] = object(item)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, id))
}

// answer writes one object.
func answer[T, O any](w http.ResponseWriter, item T, err error, object func(T) O) error {
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, object(item))
}

func answerRemoved(w http.ResponseWriter, err error, object, id string) error {
	return answer(w, id, err, func(id string) Removed { return Removed{ID: id, Object: object + ".deleted", Deleted: true} })
}

// secret writes an object that shows a secret, which no cache keeps.
func secret[O any](w http.ResponseWriter, object O) error {
	w.Header().Set("Cache-Control", "no-store")
	return httpapi.JSON(w, http.StatusOK, object)
}

func (s *Service) getProjects(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[projectsQuery](r)
	if err != nil {
		return err
	}
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	items, more, err := s.Projects(r.Context(), httpapi.ActorOf(r.Context()), q.IncludeArchived, p)
	return answerPage(w, items, more, err, projectObject, func(o ProjectObject) string { return o.ID })
}

func (s *Service) postProject(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[ProjectRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	p, err := s.CreateProject(r.Context(), httpapi.ActorOf(r.Context()), in.Name)
	return answer(w, p, err, projectObject)
}

func (s *Service) getProject(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Project(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"))
	return answer(w, p, err, projectObject)
}

func (s *Service) postProjectName(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[ProjectRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	p, err := s.RenameProject(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), in.Name)
	return answer(w, p, err, projectObject)
}

func (s *Service) postArchive(w http.ResponseWriter, r *http.Request) error {
	p, err := s.ArchiveProject(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"))
	return answer(w, p, err, projectObject)
}

func (s *Service) getUsers(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[usersQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.MaxItems("emails", len(q.Emails), maxName); err != nil {
		return err
	}
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	items, more, err := s.Users(r.Context(), httpapi.ActorOf(r.Context()), q.Emails, p)
	return answerPage(w, items, more, err, userObject, func(o UserObject) string { return o.ID })
}

func (s *Service) getUser(w http.ResponseWriter, r *http.Request) error {
	m, err := s.User(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("user_id"))
	return answer(w, m, err, userObject)
}

func (s *Service) postUser(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[RoleRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	m, err := s.SetRole(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("user_id"), in.Role)
	return answer(w, m, err, userObject)
}

func (s *Service) deleteUser(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("user_id")
	return answerRemoved(w, s.RemoveUser(r.Context(), httpapi.ActorOf(r.Context()), id), "organization.user", id)
}

func (s *Service) leave(w http.ResponseWriter, r *http.Request) error {
	who := httpapi.ActorOf(r.Context())
	if who.User == "" || who.Session == "" {
		return fault.New(fault.Forbidden, "Only a person who is signed in can leave an organization.")
	}
	return answerRemoved(w, s.RemoveUser(r.Context(), who, who.User), "organization.user", who.User)
}

func (s *Service) getProjectUsers(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	items, more, err := s.ProjectUsers(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), p)
	return answerPage(w, items, more, err, projectUserObject, func(o ProjectUserObject) string { return o.ID })
}

func (s *Service) postProjectUser(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[AddUserRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	m, err := s.AddProjectUser(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), in.UserID, in.Email, in.Role)
	return answer(w, m, err, projectUserObject)
}

func (s *Service) getProjectUser(w http.ResponseWriter, r *http.Request) error {
	m, err := s.ProjectUser(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), r.PathValue("user_id"))
	return answer(w, m, err, projectUserObject)
}

func (s *Service) postProjectUserRole(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[RoleRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	m, err := s.SetProjectRole(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), r.PathValue("user_id"), in.Role)
	return answer(w, m, err, projectUserObject)
}

func (s *Service) deleteProjectUser(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("user_id")
	return answerRemoved(w, s.RemoveProjectUser(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), id), "organization.project.user", id)
}

func (s *Service) getAccounts(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	items, more, err := s.ServiceAccounts(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), p)
	return answerPage(w, items, more, err, accountObject, func(o AccountObject) string { return o.ID })
}

func (s *Service) postAccount(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[AccountRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	bare := in.Bare != nil && *in.Bare
	value, a, k, err := s.CreateServiceAccount(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), in.Name, bare)
	if err != nil {
		return err
	}
	out := NewAccountObject{AccountObject: accountObject(a)}
	if !bare {
		out.APIKey = accountKeyObject(k, value)
	}
	return secret(w, out)
}

func (s *Service) getAccount(w http.ResponseWriter, r *http.Request) error {
	a, err := s.ServiceAccount(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), r.PathValue("service_account_id"))
	return answer(w, a, err, accountObject)
}

func (s *Service) postAccountUpdate(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[AccountUpdateRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	a, err := s.UpdateServiceAccount(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), r.PathValue("service_account_id"), in.Name, in.Role)
	return answer(w, a, err, accountObject)
}

func (s *Service) deleteServiceAccount(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("service_account_id")
	return answerRemoved(w, s.DeleteServiceAccount(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), id), "organization.project.service_account", id)
}

func (s *Service) postAccountKey(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[AccountKeyRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	value, k, err := s.CreateServiceAccountKey(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), r.PathValue("service_account_id"), in.Name, in.Scopes)
	if err != nil {
		return err
	}
	return secret(w, accountKeyObject(k, value))
}

func (s *Service) getProjectKeys(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[projectKeysQuery](r)
	if err != nil {
		return err
	}
	if err := httpapi.OneOf("owner_project_access", q.Access, "active", "inactive", "any"); err != nil {
		return err
	}
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	items, more, err := s.ProjectKeys(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), q.Access, p)
	return answerPage(w, items, more, err, projectKeyObject, func(o ProjectKeyObject) string { return o.ID })
}

func (s *Service) getProjectKey(w http.ResponseWriter, r *http.Request) error {
	k, err := s.ProjectKey(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), r.PathValue("api_key_id"))
	return answer(w, k, err, projectKeyObject)
}

func (s *Service) deleteProjectKey(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("api_key_id")
	return answerRemoved(w, s.DeleteProjectKey(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("project_id"), id), "organization.project.api_key", id)
}

func (s *Service) getAdminKeys(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("order") == "" {
		p.Order = "asc" // the one list that begins with the oldest
	}
	items, more, err := s.AdminKeys(r.Context(), httpapi.ActorOf(r.Context()), p)
	return answerPage(w, items, more, err, func(k Key) AdminKeyObject { return adminKeyObject(k, "") }, func(o AdminKeyObject) string { return o.ID })
}

func (s *Service) postAdminKey(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[AdminKeyRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	if err := httpapi.Range("expires_in_seconds", in.Lifetime, 1, 31536000); err != nil {
		return err
	}
	var lifetime time.Duration
	if in.Lifetime != nil {
		lifetime = time.Duration(*in.Lifetime) * time.Second
	}
	value, k, err := s.CreateAdminKey(r.Context(), httpapi.ActorOf(r.Context()), in.Name, lifetime)
	if err != nil {
		return err
	}
	return secret(w, adminKeyObject(k, value))
}

func (s *Service) getAdminKey(w http.ResponseWriter, r *http.Request) error {
	k, err := s.AdminKey(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("key_id"))
	return answer(w, k, err, func(k Key) AdminKeyObject { return adminKeyObject(k, "") })
}

func (s *Service) deleteAdminKey(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("key_id")
	return answerRemoved(w, s.DeleteAdminKey(r.Context(), httpapi.ActorOf(r.Context()), id), "organization.admin_api_key", id)
}

func (s *Service) getInvites(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	items, more, err := s.Invites(r.Context(), httpapi.ActorOf(r.Context()), p)
	return answerPage(w, items, more, err, s.inviteObject, func(o InviteObject) string { return o.ID })
}

func (s *Service) postInvite(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[InviteRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	token, i, err := s.Invite(r.Context(), httpapi.ActorOf(r.Context()), in.Email, in.Role, in.Projects)
	if err != nil {
		return err
	}
	o := s.inviteObject(i)
	o.Link = s.link(token)
	return secret(w, o)
}

func (s *Service) postResend(w http.ResponseWriter, r *http.Request) error {
	token, i, err := s.ResendInvite(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("invite_id"))
	if err != nil {
		return err
	}
	o := s.inviteObject(i)
	o.Link = s.link(token)
	return secret(w, o)
}

// link is the page that takes a token.
func (s *Service) link(token string) string { return s.Page() + "/signin?token=" + token }

func (s *Service) getInvite(w http.ResponseWriter, r *http.Request) error {
	i, err := s.GetInvite(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("invite_id"))
	return answer(w, i, err, s.inviteObject)
}

func (s *Service) deleteInviteRoute(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("invite_id")
	return answerRemoved(w, s.DeleteInvite(r.Context(), httpapi.ActorOf(r.Context()), id), "organization.invite", id)
}
