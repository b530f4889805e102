package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// InviteLifetime is how long an invitation can be accepted.
const InviteLifetime = 7 * 24 * time.Hour

// Organization is one of an installation's.
type Organization struct {
	ID      string
	Name    string
	Created time.Time
	Members int
}

// Project is a part of an organization, with its own keys, chats and limits.
type Project struct {
	ID       string
	Name     string
	Created  time.Time
	Archived time.Time // zero: active
}

// ProjectRole is a place in a project: "owner" or "member".
type ProjectRole struct {
	ID   string `json:"id" doc:"The project's id."`
	Role string `json:"role" doc:"The role in it." enum:"member,owner"`
}

// User is a member of an organization or of a project.
type User struct {
	ID    string
	Name  string
	Email string // empty: none is known
	Role  string
	Added time.Time
}

// ServiceAccount acts for a program, in one project.
type ServiceAccount struct {
	ID      string
	Name    string
	Role    string // "owner" or "member" of the project
	Created time.Time
}

func (a ServiceAccount) audited() map[string]any {
	return map[string]any{"name": a.Name, "role": a.Role}
}

// Invite asks somebody to join an organization.
type Invite struct {
	ID       string
	Email    string
	Role     string
	Projects []ProjectRole
	Created  time.Time
	Expires  time.Time
	Accepted time.Time // zero: not yet
	Mailed   bool      // its link was just sent by mail
}

// notFound says that there is no such thing, or that it is another organization's.
func notFound(param, what, id string) error {
	e := fault.New(fault.NotFound, "No such %s: %s", what, printable(id[:min(len(id), 64)]))
	e.Param = param
	return e
}

// inReach refuses a project other than their own to those who look after that one alone: for them it does not exist. wide is the
// scope of those who look after all.
func inReach(who actor.Actor, id, wide string) error {
	if id == who.Project || who.May(wide) {
		return nil
	}
	return notFound("project_id", "project", id)
}

// clean makes an id of a request something that every database takes: PostgreSQL refuses NUL and broken UTF-8.
func clean(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "?"), "?") }

// mayOwn refuses those who do not decide who the owners are.
func mayOwn(who actor.Actor) error {
	if who.May(actor.OrganizationOwn) {
		return nil
	}
	return fault.New(fault.Forbidden, "Only an owner of the organization decides who its owners are.").WithCode("missing_scope")
}

// roleOf checks a role in an organization, which who is to give.
func roleOf(who actor.Actor, role string) error {
	if actor.ScopesOf(role) == nil {
		return fault.Param("role", "Invalid value: '%s'. Supported values are: 'owner', 'admin', 'member', and 'reader'.", printable(role[:min(len(role), 64)])).WithCode("invalid_value")
	}
	if role == actor.Owner {
		return mayOwn(who)
	}
	return nil
}

func projectRoleOf(param, role string) error {
	if role != actor.Owner && role != actor.Member {
		return fault.Param(param, "Invalid value: '%s'. Supported values are: 'owner' and 'member'.", printable(role[:min(len(role), 64)])).WithCode("invalid_value")
	}
	return nil
}

// AllOrganizations lists those of the installation, for its operator.
func (s *Service) AllOrganizations(ctx context.Context) (_ []Organization, err error) {
	defer fault.Wrap(&err, "identity.AllOrganizations")
	return s.listOrganizations(ctx)
}

// CreateOrganization makes an organization with a project and an invitation for its first owner, for the
// installation's operator. Until it is accepted the operator alone can act in it.
func (s *Service) CreateOrganization(ctx context.Context, name, email string) (token string, o Organization, err error) {
	defer fault.Wrap(&err, "identity.CreateOrganization")
	if name, err = organizationName(name); err != nil {
		return "", o, err
	}
	if email, err = emailOf(email); err != nil {
		return "", o, err
	}
	o = Organization{ID: ids.New("org-"), Name: name, Created: s.now()}
	if o, err = s.insertEmpty(ctx, o); err != nil {
		return "", o, err
	}
	who, err := s.Operator(ctx, o.ID, "")
	if err != nil {
		return "", o, err
	}
	token, _, err = s.Invite(ctx, who, email, actor.Owner, nil)
	return token, o, err
}

// Organization returns the actor's.
func (s *Service) Organization(ctx context.Context, who actor.Actor) (_ Organization, err error) {
	defer fault.Wrap(&err, "identity.Organization")
	return organizationOf(ctx, s.db.Read(), who.Org)
}

// RenameOrganization gives the actor's organization another name, which no other one has.
func (s *Service) RenameOrganization(ctx context.Context, who actor.Actor, name string) (o Organization, err error) {
	defer fault.Wrap(&err, "identity.RenameOrganization")
	if name, err = organizationName(name); err != nil {
		return o, err
	}
	if o, err = s.renameOrganization(ctx, who, name); err == nil {
		s.drop(func(a actor.Actor) bool { return a.Org == who.Org })
	}
	return o, err
}

// organizationName checks what an organization is to be called.
func organizationName(name string) (string, error) {
	name, err := nameOf("name", name)
	if err == nil && (strings.HasPrefix(name, "org-") || strings.HasPrefix(name, "sk-")) {
		return "", fault.Param("name", "Invalid 'name': '%s' looks like an id or a key.", printable(name)).WithCode("invalid_value")
	}
	return name, err
}

// Operator returns the installation's operator as one who acts for an organization, by its id or name, in
// one of its projects: the oldest when none is named.
func (s *Service) Operator(ctx context.Context, org, project string) (_ actor.Actor, err error) {
	defer fault.Wrap(&err, "identity.Operator")
	who, err := operator(ctx, s.db.Read(), org, project)
	if errors.Is(err, store.ErrNoRows) {
		return who, noOrganization(org, project)
	}
	return who, err
}

// Projects lists the organization's projects, the newest first.
func (s *Service) Projects(ctx context.Context, who actor.Actor, archived bool, p store.Paging) (_ []Project, more bool, err error) {
	defer fault.Wrap(&err, "identity.Projects")
	return s.listProjects(ctx, who, archived, p)
}

// Project returns one project of the organization.
func (s *Service) Project(ctx context.Context, who actor.Actor, id string) (_ Project, err error) {
	defer fault.Wrap(&err, "identity.Project(%s)", id)
	if err := inReach(who, id, actor.OrganizationRead); err != nil {
		return Project{}, err
	}
	return project(ctx, s.db.Read(), who, id)
}

// CreateProject makes a project, whose owner is the actor.
func (s *Service) CreateProject(ctx context.Context, who actor.Actor, name string) (_ Project, err error) {
	defer fault.Wrap(&err, "identity.CreateProject")
	if name, err = nameOf("name", name); err != nil {
		return Project{}, err
	}
	return s.insertProject(ctx, who, name)
}

// RenameProject gives a project another name.
func (s *Service) RenameProject(ctx context.Context, who actor.Actor, id, name string) (_ Project, err error) {
	defer fault.Wrap(&err, "identity.RenameProject(%s)", id)
	if err := inReach(who, id, actor.OrganizationWrite); err != nil {
		return Project{}, err
	}
	if name, err = nameOf("name", name); err != nil {
		return Project{}, err
	}
	return s.renameProject(ctx, who, id, name)
}

// ArchiveProject ends a project for good: its keys stop, its data stays. The default project cannot be.
func (s *Service) ArchiveProject(ctx context.Context, who actor.Actor, id string) (p Project, err error) {
	defer fault.Wrap(&err, "identity.ArchiveProject(%s)", id)
	p, err = s.archiveProject(ctx, who, id)
	if err == nil {
		s.drop(func(a actor.Actor) bool { return a.Project == id })
	}
	return p, err
}

// Users lists the organization's members, those with one of the addresses when any are given.
func (s *Service) Users(ctx context.Context, who actor.Actor, emails []string, p store.Paging) (_ []User, more bool, err error) {
	defer fault.Wrap(&err, "identity.Users")
	return s.listUsers(ctx, who, emails, p)
}

// User returns one member of the organization.
func (s *Service) User(ctx context.Context, who actor.Actor, id string) (_ User, err error) {
	defer fault.Wrap(&err, "identity.User(%s)", id)
	return user(ctx, s.db.Read(), who, id)
}

// SetRole gives a member another role. Only owners make and unmake owners, and one always remains.
func (s *Service) SetRole(ctx context.Context, who actor.Actor, id, role string) (m User, err error) {
	defer fault.Wrap(&err, "identity.SetRole(%s)", id)
	if err := roleOf(who, role); err != nil {
		return User{}, err
	}
	m, err = s.setRole(ctx, who, id, role)
	if err == nil {
		s.drop(func(a actor.Actor) bool { return a.User == id })
	}
	return m, err
}

// RemoveUser ends a membership, another's or the actor's own: keys and sessions stop at once here, within
// a second on other servers. The last owner cannot go.
func (s *Service) RemoveUser(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "identity.RemoveUser(%s)", id)
	if err := s.removeUser(ctx, who, id); err != nil {
		return err
	}
	s.drop(func(a actor.Actor) bool { return a.User == id })
	return nil
}

// ProjectUsers lists a project's members.
func (s *Service) ProjectUsers(ctx context.Context, who actor.Actor, in string, p store.Paging) (_ []User, more bool, err error) {
	defer fault.Wrap(&err, "identity.ProjectUsers(%s)", in)
	if err := inReach(who, in, actor.OrganizationRead); err != nil {
		return nil, false, err
	}
	if _, err := project(ctx, s.db.Read(), who, in); err != nil {
		return nil, false, err
	}
	return s.listProjectUsers(ctx, who, in, p)
}

// ProjectUser returns one member of a project.
func (s *Service) ProjectUser(ctx context.Context, who actor.Actor, in, id string) (_ User, err error) {
	defer fault.Wrap(&err, "identity.ProjectUser(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationRead); err != nil {
		return User{}, err
	}
	return projectUser(ctx, s.db.Read(), who, in, id)
}

// AddProjectUser adds a member of the organization, by id or by e-mail address, to a project.
func (s *Service) AddProjectUser(ctx context.Context, who actor.Actor, in, id, email, role string) (_ User, err error) {
	defer fault.Wrap(&err, "identity.AddProjectUser(%s)", in)
	if err := inReach(who, in, actor.OrganizationWrite); err != nil {
		return User{}, err
	}
	if err := projectRoleOf("role", role); err != nil {
		return User{}, err
	}
	if (id == "") == (email == "") {
		return User{}, fault.Param("user_id", "Give either 'user_id' or 'email'.")
	}
	return s.insertProjectUser(ctx, who, in, id, strings.ToLower(email), role)
}

// SetProjectRole gives a project's member another role in it.
func (s *Service) SetProjectRole(ctx context.Context, who actor.Actor, in, id, role string) (m User, err error) {
	defer fault.Wrap(&err, "identity.SetProjectRole(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationWrite); err != nil {
		return m, err
	}
	if err := projectRoleOf("role", role); err != nil {
		return User{}, err
	}
	m, err = s.setProjectRole(ctx, who, in, id, role)
	if err == nil {
		s.drop(func(a actor.Actor) bool { return a.User == id })
	}
	return m, err
}

// RemoveProjectUser takes a user out of a project; their keys of it stop while they are out.
func (s *Service) RemoveProjectUser(ctx context.Context, who actor.Actor, in, id string) (err error) {
	defer fault.Wrap(&err, "identity.RemoveProjectUser(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationWrite); err != nil {
		return err
	}
	if err := s.removeProjectUser(ctx, who, in, id); err != nil {
		return err
	}
	s.drop(func(a actor.Actor) bool { return a.User == id })
	return nil
}

// ServiceAccounts lists a project's service accounts.
func (s *Service) ServiceAccounts(ctx context.Context, who actor.Actor, in string, p store.Paging) (_ []ServiceAccount, more bool, err error) {
	defer fault.Wrap(&err, "identity.ServiceAccounts(%s)", in)
	if err := inReach(who, in, actor.OrganizationRead); err != nil {
		return nil, false, err
	}
	if _, err := project(ctx, s.db.Read(), who, in); err != nil {
		return nil, false, err
	}
	return s.listAccounts(ctx, who, in, p)
}

// ServiceAccount returns one service account of a project.
func (s *Service) ServiceAccount(ctx context.Context, who actor.Actor, in, id string) (_ ServiceAccount, err error) {
	defer fault.Wrap(&err, "identity.ServiceAccount(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationRead); err != nil {
		return ServiceAccount{}, err
	}
	return account(ctx, s.db.Read(), who, in, id)
}

// CreateServiceAccount makes a service account and, unless bare, a key of it, whose secret is shown only here.
func (s *Service) CreateServiceAccount(ctx context.Context, who actor.Actor, in, name string, bare bool) (secret string, a ServiceAccount, k Key, err error) {
	defer fault.Wrap(&err, "identity.CreateServiceAccount(%s)", in)
	if err := inReach(who, in, actor.OrganizationWrite); err != nil {
		return "", a, k, err
	}
	if name, err = nameOf("name", name); err != nil {
		return "", a, k, err
	}
	a = ServiceAccount{ID: ids.New("svc_acct_"), Name: name, Role: actor.Member, Created: s.now()}
	if bare {
		return "", a, k, s.insertAccount(ctx, who, in, a, k, nil)
	}
	scopes, err := grant(who, nil)
	if err != nil {
		return "", a, k, err
	}
	secret, k, d := s.newKey("sk-svcacct-", "Secret Key", scopes)
	k.Project, k.Service = in, a.ID
	return secret, a, k, s.insertAccount(ctx, who, in, a, k, &d)
}

// CreateServiceAccountKey makes a further key of a service account.
func (s *Service) CreateServiceAccountKey(ctx context.Context, who actor.Actor, in, id, name string, scopes []string) (secret string, k Key, err error) {
	defer fault.Wrap(&err, "identity.CreateServiceAccountKey(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationWrite); err != nil {
		return "", k, err
	}
	if name == "" {
		name = "Secret Key"
	}
	if name, err = nameOf("name", name); err != nil {
		return "", k, err
	}
	if scopes, err = grant(who, scopes); err != nil {
		return "", k, err
	}
	secret, k, d := s.newKey("sk-svcacct-", name, scopes)
	k.Project, k.Service = in, id
	return secret, k, s.insertAccountKey(ctx, who, in, id, k, d)
}

// UpdateServiceAccount changes what is not nil.
func (s *Service) UpdateServiceAccount(ctx context.Context, who actor.Actor, in, id string, name, role *string) (a ServiceAccount, err error) {
	defer fault.Wrap(&err, "identity.UpdateServiceAccount(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationWrite); err != nil {
		return a, err
	}
	if name != nil {
		n, err := nameOf("name", *name)
		if err != nil {
			return a, err
		}
		name = &n
	}
	if role != nil {
		if err := projectRoleOf("role", *role); err != nil {
			return a, err
		}
	}
	a, err = s.updateAccount(ctx, who, in, id, name, role)
	if err == nil {
		s.drop(func(a actor.Actor) bool { return a.Service == id })
	}
	return a, err
}

// DeleteServiceAccount ends a service account and its keys.
func (s *Service) DeleteServiceAccount(ctx context.Context, who actor.Actor, in, id string) (err error) {
	defer fault.Wrap(&err, "identity.DeleteServiceAccount(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationWrite); err != nil {
		return err
	}
	if err := s.deleteAccount(ctx, who, in, id); err != nil {
		return err
	}
	s.drop(func(a actor.Actor) bool { return a.Service == id })
	return nil
}

// Invites lists the organization's invitations, accepted ones too.
func (s *Service) Invites(ctx context.Context, who actor.Actor, p store.Paging) (_ []Invite, more bool, err error) {
	defer fault.Wrap(&err, "identity.Invites")
	return s.listInvites(ctx, who, p)
}

// GetInvite returns one invitation.
func (s *Service) GetInvite(ctx context.Context, who actor.Actor, id string) (_ Invite, err error) {
	defer fault.Wrap(&err, "identity.GetInvite(%s)", id)
	return invite(ctx, s.db.Read(), who, id)
}

// Invite asks somebody to join with a role, in projects: the default one when none is named. The token of
// the link, which works once within InviteLifetime, is shown only here.
func (s *Service) Invite(ctx context.Context, who actor.Actor, email, role string, projects []ProjectRole) (token string, i Invite, err error) {
	defer fault.Wrap(&err, "identity.Invite")
	if email, err = emailOf(email); err != nil {
		return "", i, err
	}
	if err := roleOf(who, role); err != nil {
		return "", i, err
	}
	if len(projects) > maxName {
		return "", i, fault.Param("projects", "Invalid 'projects': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxName, len(projects)).WithCode("array_above_max_length")
	}
	for _, p := range projects {
		if err := projectRoleOf("projects", p.Role); err != nil {
			return "", i, err
		}
	}
	token = invitePrefix + ids.Random(32)
	i = Invite{ID: ids.New("invite-"), Email: email, Role: role, Projects: projects, Created: s.now()}
	i.Expires = i.Created.Add(InviteLifetime)
	i, err = s.insertInvite(ctx, who, i, token)
	return token, i, err
}

// DeleteInvite takes back an invitation that was not accepted.
func (s *Service) DeleteInvite(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "identity.DeleteInvite(%s)", id)
	return s.deleteInvite(ctx, who, id)
}

// ResendInvite gives an invitation that was not accepted a new link, for another InviteLifetime; the link so far
// no longer works.
func (s *Service) ResendInvite(ctx context.Context, who actor.Actor, id string) (token string, i Invite, err error) {
	defer fault.Wrap(&err, "identity.ResendInvite(%s)", id)
	token = invitePrefix + ids.Random(32)
	i, err = s.renewInvite(ctx, who, id, token)
	return token, i, err
}

// invitePrefix tells tokens of invitations from those of sign-in links.
const invitePrefix = "join-"

// Accept exchanges an invitation's token for a membership and a session in it. me is who is signed in
// already, if anybody is: an account that exists is joined by its own user only.
func (s *Service) Accept(ctx context.Context, token string, me actor.Actor) (_ Session, err error) {
	defer fault.Wrap(&err, "identity.Accept")
	session, id := s.fresh(s.now())
	session.Actor, err = s.acceptInvite(ctx, sum(token), me, id, sum(session.Secret), session.Expires)
	if errors.Is(err, store.ErrNoRows) {
		return Session{}, badInvite()
	}
	return session, err
}

func badInvite() error {
	return fault.New(fault.Unauthorized, "This invitation was accepted, taken back, or has expired. Ask for a new one.").WithCode("invalid_invite")
}

// LinkFor makes a token that signs a member of the actor's organization in once, within LinkLifetime: for
// the installation's operator, when somebody has lost their session.
func (s *Service) LinkFor(ctx context.Context, who actor.Actor, id string) (token string, err error) {
	defer fault.Wrap(&err, "identity.LinkFor(%s)", id)
	m, err := s.User(ctx, who, id)
	if err != nil {
		return "", err
	}
	return s.SignInLink(ctx, actor.Actor{Org: who.Org, User: m.ID})
}
