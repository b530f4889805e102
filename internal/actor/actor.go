// Package actor says on whose behalf an operation runs. Every core operation takes an Actor, and
// every row carries its organization and project: ownership is checked in the core, not at the door.
package actor

import (
	"slices"
	"strings"
)

// Actor is the one who acts: a key of a project, or a person in a browser.
type Actor struct {
	Org         string   // organization id, "org-…"
	OrgName     string   // the organization's title, for the openai-organization header
	Project     string   // project id, "proj_…"
	User        string   // user id, "user-…"; empty for a service account's key
	Key         string   // API key id, "key_…"; empty for a browser session
	Session     string   // browser session id; empty for a key
	Scopes      []string // what it may do: "chat.write", "models.read", … ; "*" is everything
	Email       string   // the user's e-mail address; empty when none is known
	Service     string   // service account id, "svc_acct_…"; empty for a user
	Role        string   // the user's in the organization; empty for a service account
	ProjectRole string   // "owner" or "member" of the project; empty: by the role in the organization only
	Models      []string // names of models that it may ask for; nil: all
	Track       bool     // its usage is counted apart
	Strong      bool     // a browser session in which a second factor was shown
	Method      string   // how the browser session began: "link", "reset", "invite", "password", "sso"; empty for a key
	Held        bool     // it may only look after its own account: the organization requires a second factor, and none was shown
	Reviewer    bool     // a browser session of somebody who may read kept bodies through the queue (package retention)
	Operator    bool     // looks after the installation: an owner of its first organization in a browser, or the server's own machine
}

// Roles in an organization.
const (
	Owner  = "owner"  // everything
	Admin  = "admin"  // everything but to delete the organization and to make or remove owners
	Member = "member" // the API, own chats and own keys in one's projects
	Reader = "reader" // sees what a member sees
)

// Scopes. A Route names the one it needs.
const (
	All               = "*"
	AllRead           = "*.read"
	ModelsRead        = "models.read"
	ModelsWrite       = "models.write"
	ChatWrite         = "chat.write"
	CompletionsWrite  = "completions.write"
	EmbeddingsWrite   = "embeddings.write"
	AssistantsRead    = "assistants.read" // assistants, threads, runs and vector stores
	AssistantsWrite   = "assistants.write"
	FilesRead         = "files.read"
	FilesWrite        = "files.write"
	ChatsRead         = "chats.read"
	ChatsWrite        = "chats.write"
	SessionRead       = "session.read"
	SessionWrite      = "session.write" // one's own account
	KeysRead          = "keys.read"
	KeysWrite         = "keys.write"
	AuditRead         = "audit.read"
	LimitsRead        = "limits.read"
	LimitsWrite       = "limits.write"
	LimitsAsk         = "limits.ask"         // for an increase
	UsageRead         = "usage.read"         // of one's project
	BillingRead       = "billing.read"       // of the organization: what it has spent, its budgets, credit and invoices
	BillingWrite      = "billing.write"      // its budgets, who is told, and what stands on its invoices
	OrganizationRead  = "organization.read"  // also of the organization's other projects
	OrganizationWrite = "organization.write" // projects, members, invitations, everybody's keys
	OrganizationOwn   = "organization.own"   // who its owners are
	ProjectRead       = "project.read"       // members, keys and service accounts of one's project; organization.read has it for all projects
	ProjectWrite      = "project.write"      // the same; organization.write has it for all projects
	RetentionRead     = "retention.read"     // how long bodies are kept, and how many
	RetentionWrite    = "retention.write"    // how long they are kept, and whether they are shared for training
	Review            = "reviewer"           // the reviewers' queue: no role and no key holds it, see Actor.Reviewer
	Operate           = "operator"           // what concerns all organizations: no role and no key holds it, see Actor.Operator
)

// Groups are those of the API, which keys can be restricted to: each may be read or written, or not.
var Groups = []string{"models", "chat", "completions", "embeddings", "files", "fine_tuning", "assistants", "images", "audio", "moderations"}

// roles say what each role may do.
var roles = map[string][]string{Owner: {All}, Member: {"models.read", "session.*", "chats.*", "keys.*", UsageRead, LimitsRead, LimitsAsk}, Reader: {"session.*", "chats.read", KeysRead, UsageRead, LimitsRead}}

func init() {
	for _, group := range Groups {
		roles[Reader] = append(roles[Reader], group+".read")
		if group != "models" { // whose writing changes what names stand for, for everybody
			roles[Member] = append(roles[Member], group+".*")
		}
	}
	roles[Admin] = append(slices.Clone(roles[Member]), "models.*", "usage.*", "limits.*", "audit.*", "billing.*", RetentionRead, OrganizationRead, OrganizationWrite, "project.*")
}

// ScopesOf returns what a role may do; nothing for what is no role.
func ScopesOf(role string) []string { return slices.Clone(roles[role]) }

// ScopesIn returns what a role may do in a project: its owner looks after it, unless they are to see only.
func ScopesIn(role, projectRole string) []string {
	scopes := ScopesOf(role)
	if projectRole == Owner && scopes != nil && role != Reader {
		scopes = append(scopes, "project.*")
	}
	return scopes
}

// May reports whether the actor holds the scope: by its name, by a pattern ("*", "chat.*", "*.read"), or, for a project, by
// the organization's.
func (a Actor) May(scope string) bool {
	switch scope {
	case Operate:
		return a.Operator
	case Review:
		return a.Reviewer
	}
	if scope == "" || slices.Contains(a.Scopes, All) || Covers(a.Scopes, scope) {
		return true
	}
	verb, ofProject := strings.CutPrefix(scope, "project.")
	return ofProject && Covers(a.Scopes, "organization."+verb)
}

// MayUse reports whether the actor may ask for a model by one of the names that it has.
func (a Actor) MayUse(names ...string) bool {
	return a.Models == nil || slices.ContainsFunc(names, func(name string) bool { return slices.Contains(a.Models, name) })
}

// Manages reports whether the actor sees what others have in its project: their keys.
func (a Actor) Manages() bool {
	return a.Role == Owner || a.Role == Admin || a.ProjectRole == Owner
}

// Covers reports whether one of the patterns holds all that a pattern holds.
func Covers(patterns []string, pattern string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		both, ok := meet(p, pattern)
		return ok && both == pattern
	})
}

// Both returns the patterns of what both lists hold.
func Both(a, b []string) []string {
	out := []string{}
	for _, p := range a {
		for _, q := range b {
			if both, ok := meet(p, q); ok && !slices.Contains(out, both) {
				out = append(out, both)
			}
		}
	}
	return out
}

// meet returns the pattern of what two patterns hold together.
func meet(p, q string) (string, bool) {
	if p == All {
		return q, true
	}
	if q == All {
		return p, true
	}
	pGroup, pVerb, _ := strings.Cut(p, ".")
	qGroup, qVerb, _ := strings.Cut(q, ".")
	group, ok := part(pGroup, qGroup)
	verb, alsoOK := part(pVerb, qVerb)
	return group + "." + verb, ok && alsoOK
}

func part(p, q string) (string, bool) {
	switch {
	case p == "*" || p == q:
		return q, true
	case q == "*":
		return p, true
	}
	return "", false
}
