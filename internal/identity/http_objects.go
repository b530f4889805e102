package identity

import (
	"cmp"
	"time"
)

// ProjectObject is a project.
type ProjectObject struct {
	Object     string `json:"object" enum:"organization.project"`
	ID         string `json:"id" example:"proj_abc"`
	Name       string `json:"name"`
	CreatedAt  int64  `json:"created_at" doc:"Seconds since 1970."`
	ArchivedAt *int64 `json:"archived_at" doc:"Seconds since 1970; null while it is active."`
	Status     string `json:"status" enum:"active,archived"`
}

// OpenAPIName is the schema's name.
func (ProjectObject) OpenAPIName() string { return "Project" }

// ProjectRequest makes or renames a project.
type ProjectRequest struct {
	Name string `json:"name" doc:"Its name, for people." max:"100"`
}

// UserObject is a member of an organization.
type UserObject struct {
	Object  string  `json:"object" enum:"organization.user"`
	ID      string  `json:"id" example:"user-abc"`
	Name    string  `json:"name"`
	Email   *string `json:"email" doc:"Null when none is known."`
	Role    string  `json:"role" enum:"owner,admin,member,reader"`
	AddedAt int64   `json:"added_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (UserObject) OpenAPIName() string { return "OrganizationUser" }

// ProjectUserObject is a member of a project.
type ProjectUserObject struct {
	Object  string  `json:"object" enum:"organization.project.user"`
	ID      string  `json:"id" example:"user-abc"`
	Name    string  `json:"name"`
	Email   *string `json:"email" doc:"Null when none is known."`
	Role    string  `json:"role" enum:"owner,member"`
	AddedAt int64   `json:"added_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (ProjectUserObject) OpenAPIName() string { return "ProjectUser" }

// RoleRequest gives a member another role.
type RoleRequest struct {
	Role string `json:"role" doc:"In an organization owner, admin, member or reader; in a project owner or member."`
}

// AddUserRequest adds a member of the organization to a project.
type AddUserRequest struct {
	UserID string `json:"user_id,omitempty" doc:"Who; or give the e-mail address."`
	Email  string `json:"email,omitempty" doc:"Who; or give the id."`
	Role   string `json:"role" enum:"owner,member"`
}

// AccountObject is a service account.
type AccountObject struct {
	Object    string `json:"object" enum:"organization.project.service_account"`
	ID        string `json:"id" example:"svc_acct_abc"`
	Name      string `json:"name"`
	Role      string `json:"role" enum:"owner,member"`
	CreatedAt int64  `json:"created_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (AccountObject) OpenAPIName() string { return "ServiceAccount" }

// NewAccountObject is a service account that was just made.
type NewAccountObject struct {
	AccountObject
	APIKey *AccountKeyObject `json:"api_key" doc:"Its key, shown only in this answer; null when none was asked for."`
}

// OpenAPIName is the schema's name.
func (NewAccountObject) OpenAPIName() string { return "NewServiceAccount" }

// AccountKeyObject is a service account's key that was just made.
type AccountKeyObject struct {
	Object    string `json:"object" enum:"organization.project.service_account.api_key"`
	ID        string `json:"id" example:"key_abc"`
	Name      string `json:"name"`
	Value     string `json:"value" doc:"The key itself. It is shown only in this answer."`
	CreatedAt int64  `json:"created_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (AccountKeyObject) OpenAPIName() string { return "ServiceAccountKey" }

// AccountRequest makes a service account.
type AccountRequest struct {
	Name string `json:"name" max:"100"`
	Bare *bool  `json:"create_service_account_only,omitempty" doc:"Without a key."`
}

// AccountUpdateRequest changes a service account; what is left out stays.
type AccountUpdateRequest struct {
	Name *string `json:"name,omitempty" max:"100"`
	Role *string `json:"role,omitempty" enum:"owner,member"`
}

// AccountKeyRequest makes a further key of a service account.
type AccountKeyRequest struct {
	Name   string   `json:"name,omitempty" max:"100"`
	Scopes []string `json:"scopes,omitempty" doc:"What the key may do, such as chat.write; left out, all that you may."`
}

// OwnerObject is whose a key is.
type OwnerObject struct {
	Type           string        `json:"type" enum:"user,service_account"`
	User           *OwnerDetails `json:"user,omitempty"`
	ServiceAccount *OwnerDetails `json:"service_account,omitempty"`
}

// OwnerDetails are those of a user or a service account.
type OwnerDetails struct {
	ID        string  `json:"id"`
	Email     *string `json:"email,omitzero" doc:"Empty when none is known; users only."`
	Name      string  `json:"name"`
	CreatedAt int64   `json:"created_at" doc:"Seconds since 1970."`
	Role      string  `json:"role"`
}

// ProjectKeyObject is a key of a project.
type ProjectKeyObject struct {
	Object     string      `json:"object" enum:"organization.project.api_key"`
	ID         string      `json:"id" example:"key_abc"`
	Name       string      `json:"name"`
	Redacted   string      `json:"redacted_value" example:"sk-ab…wxyz"`
	CreatedAt  int64       `json:"created_at" doc:"Seconds since 1970."`
	LastUsedAt *int64      `json:"last_used_at" doc:"Seconds since 1970; null: never."`
	Access     string      `json:"owner_project_access" enum:"active,inactive" doc:"Whether its owner is in the project; else the key is refused."`
	Owner      OwnerObject `json:"owner"`
}

// OpenAPIName is the schema's name.
func (ProjectKeyObject) OpenAPIName() string { return "ProjectAPIKey" }

// AdminKeyObject is a key of the organization.
type AdminKeyObject struct {
	Object     string `json:"object" enum:"organization.admin_api_key"`
	ID         string `json:"id" example:"key_abc"`
	Name       string `json:"name"`
	Redacted   string `json:"redacted_value" example:"sk-admin-ab…wxyz"`
	Value      string `json:"value,omitempty" doc:"The key itself. It is shown only in the answer that made it."`
	CreatedAt  int64  `json:"created_at" doc:"Seconds since 1970."`
	ExpiresAt  *int64 `json:"expires_at" doc:"Seconds since 1970; null: never."`
	LastUsedAt *int64 `json:"last_used_at" doc:"Seconds since 1970; null: never."`
	Owner      struct {
		Type      string `json:"type" enum:"user"`
		Object    string `json:"object" enum:"organization.user"`
		ID        string `json:"id"`
		Name      string `json:"name"`
		CreatedAt int64  `json:"created_at"`
		Role      string `json:"role"`
	} `json:"owner"`
}

// OpenAPIName is the schema's name.
func (AdminKeyObject) OpenAPIName() string { return "AdminAPIKey" }

// AdminKeyRequest makes a key of the organization.
type AdminKeyRequest struct {
	Name     string `json:"name" max:"100"`
	Lifetime *int64 `json:"expires_in_seconds,omitempty" doc:"After how many seconds it expires; left out, never." min:"1" max:"31536000"`
}

// InviteObject is an invitation.
type InviteObject struct {
	Object     string        `json:"object" enum:"organization.invite"`
	ID         string        `json:"id" example:"invite-abc"`
	Email      string        `json:"email"`
	Role       string        `json:"role" enum:"owner,admin,member,reader"`
	Status     string        `json:"status" enum:"accepted,expired,pending"`
	CreatedAt  int64         `json:"created_at" doc:"Seconds since 1970."`
	ExpiresAt  *int64        `json:"expires_at" doc:"Seconds since 1970."`
	AcceptedAt *int64        `json:"accepted_at" doc:"Seconds since 1970; null: not yet."`
	Projects   []ProjectRole `json:"projects"`
	Link       string        `json:"link,omitempty" doc:"What to send to them: it works once. It is shown only in the answer that made the invitation."`
	Mailed     bool          `json:"mailed,omitempty" doc:"The link is on its way to them by mail."`
}

// OpenAPIName is the schema's name.
func (InviteObject) OpenAPIName() string { return "Invite" }

// InviteRequest asks somebody to join.
type InviteRequest struct {
	Email    string        `json:"email"`
	Role     string        `json:"role" enum:"owner,admin,member,reader"`
	Projects []ProjectRole `json:"projects,omitempty" doc:"What they are to be members of; left out, the default project."`
}

// orNil returns seconds since 1970, or nil for the zero time.
func orNil(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	seconds := t.Unix()
	return &seconds
}

func projectObject(p Project) ProjectObject {
	status := "active"
	if !p.Archived.IsZero() {
		status = "archived"
	}
	return ProjectObject{Object: "organization.project", ID: p.ID, Name: p.Name, CreatedAt: p.Created.Unix(), ArchivedAt: orNil(p.Archived), Status: status}
}

func emailOrNil(m User) *string {
	if m.Email == "" {
		return nil
	}
	return &m.Email
}

func userObject(m User) UserObject {
	return UserObject{Object: "organization.user", ID: m.ID, Name: m.Name, Email: emailOrNil(m), Role: m.Role, AddedAt: m.Added.Unix()}
}

func projectUserObject(m User) ProjectUserObject {
	return ProjectUserObject{Object: "organization.project.user", ID: m.ID, Name: m.Name, Email: emailOrNil(m), Role: m.Role, AddedAt: m.Added.Unix()}
}

func accountObject(a ServiceAccount) AccountObject {
	return AccountObject{Object: "organization.project.service_account", ID: a.ID, Name: a.Name, Role: a.Role, CreatedAt: a.Created.Unix()}
}

func accountKeyObject(k Key, value string) *AccountKeyObject {
	return &AccountKeyObject{Object: "organization.project.service_account.api_key", ID: k.ID, Name: k.Name, Value: value, CreatedAt: k.Created.Unix()}
}

func projectKeyObject(k Key) ProjectKeyObject {
	o := ProjectKeyObject{Object: "organization.project.api_key", ID: k.ID, Name: k.Name, Redacted: k.Redacted, CreatedAt: k.Created.Unix(), LastUsedAt: orNil(k.LastUsed), Access: "inactive", Owner: ownerObject(k)}
	if k.Access {
		o.Access = "active"
	}
	return o
}

// ownerObject says whose a key is.
func ownerObject(k Key) (o OwnerObject) {
	details := &OwnerDetails{ID: cmp.Or(k.User, k.Service), Name: k.Owner.Name, CreatedAt: k.Owner.Created.Unix(), Role: k.Owner.Role}
	if k.Service != "" {
		o = OwnerObject{Type: "service_account", ServiceAccount: details}
	} else {
		details.Email = &k.Owner.Email
		o = OwnerObject{Type: "user", User: details}
	}
	return o
}

func adminKeyObject(k Key, value string) AdminKeyObject {
	o := AdminKeyObject{Object: "organization.admin_api_key", ID: k.ID, Name: k.Name, Redacted: k.Redacted, Value: value, CreatedAt: k.Created.Unix(), ExpiresAt: orNil(k.Expires), LastUsedAt: orNil(k.LastUsed)}
	o.Owner.Type, o.Owner.Object, o.Owner.ID, o.Owner.Name, o.Owner.Role, o.Owner.CreatedAt = "user", "organization.user", k.User, k.Owner.Name, k.Owner.Role, k.Owner.Created.Unix()
	return o
}

func (s *Service) inviteObject(i Invite) InviteObject {
	status := "pending"
	if !i.Accepted.IsZero() {
		status = "accepted"
	} else if !i.Expires.After(s.now()) {
		status = "expired"
	}
	return InviteObject{Object: "organization.invite", ID: i.ID, Email: i.Email, Role: i.Role, Status: status, CreatedAt: i.Created.Unix(),
		ExpiresAt: orNil(i.Expires), AcceptedAt: orNil(i.Accepted), Projects: i.Projects, Mailed: i.Mailed}
}
