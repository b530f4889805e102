// Package actor says on whose behalf an operation runs. Every core operation takes an Actor, and
// every row carries its organization and project: ownership is checked in the core, not at the door.
package actor

import (
	"slices"
	"strings"
)

// Actor is the one who acts: a key of a project, or a person in a browser.
type Actor struct {
	Org     string   // organization id, "org-…"
	OrgName string   // the organization's title, for the openai-organization header
	Project string   // project id, "proj_…"
	User    string   // user id, "user-…"; empty for a service account's key
	Key     string   // API key id, "key_…"; empty for a browser session
	Session string   // browser session id; empty for a key
	Scopes  []string // what it may do: "chat.write", "models.read", … ; "*" is everything
	Email   string   // the user's e-mail address; empty when none is known
	Service string   // service account id, "svc_acct_…"; empty for a user
}

// Scopes of the first release. A Route names the one it needs.
const (
	All              = "*"
	ModelsRead       = "models.read"
	ModelsWrite      = "models.write"
	ChatWrite        = "chat.write"
	CompletionsWrite = "completions.write"
	EmbeddingsWrite  = "embeddings.write"
	ChatsRead        = "chats.read"
	ChatsWrite       = "chats.write"
	SessionRead      = "session.read"
	LimitsRead       = "limits.read"
	LimitsWrite      = "limits.write"
	KeysRead         = "keys.read"
	KeysWrite        = "keys.write"
	UsageRead        = "usage.read"        // of one's project
	OrganizationRead = "organization.read" // also of the organization's other projects
	AuditRead        = "audit.read"
)

// May reports whether the actor holds the scope: itself, "*", or the group's wildcard ("chat.*").
func (a Actor) May(scope string) bool {
	if scope == "" || slices.Contains(a.Scopes, All) || slices.Contains(a.Scopes, scope) {
		return true
	}
	group, _, ok := strings.Cut(scope, ".")
	return ok && slices.Contains(a.Scopes, group+".*")
}
