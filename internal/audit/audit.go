package audit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Types of lines, as OpenAI's reference document names them.
const (
	KeyCreated            = "api_key.created"
	KeyUpdated            = "api_key.updated"
	KeyDeleted            = "api_key.deleted"
	SignedIn              = "login.succeeded"
	SignInFailed          = "login.failed"
	SignedOut             = "logout.succeeded"
	InviteSent            = "invite.sent"
	InviteAccepted        = "invite.accepted"
	InviteDeleted         = "invite.deleted"
	ProjectCreated        = "project.created"
	ProjectUpdated        = "project.updated"
	ProjectArchived       = "project.archived"
	ServiceAccountCreated = "service_account.created"
	ServiceAccountUpdated = "service_account.updated"
	ServiceAccountDeleted = "service_account.deleted"
	UserAdded             = "user.added"
	UserUpdated           = "user.updated"
	UserDeleted           = "user.deleted"
	RateLimitUpdated      = "rate_limit.updated"
	RateLimitDeleted      = "rate_limit.deleted"
)

// Event is what was done.
type Event struct {
	Type    string // one of the constants, or a capability's own
	Object  string // id of what it was done to
	Project string // id of the project that it was done in; empty: the organization's
	Before  any    // what there was, as JSON; nil: nothing
	After   any    // what there is now, or what was asked for
}

// Line is an event in the log.
type Line struct {
	ID             string          `json:"id"`
	Type           string          `json:"type"`
	At             time.Time       `json:"at"`
	Organization   string          `json:"organization"`
	Project        string          `json:"project,omitempty"`
	Object         string          `json:"object,omitempty"`
	User           string          `json:"user,omitempty"`
	Email          string          `json:"email,omitempty"`
	ServiceAccount string          `json:"service_account,omitempty"`
	Key            string          `json:"api_key,omitempty"`
	Session        string          `json:"session,omitempty"`
	IP             string          `json:"ip_address,omitempty"`
	Forwarded      string          `json:"forwarded_for,omitempty"`
	UserAgent      string          `json:"user_agent,omitempty"`
	RequestID      string          `json:"request_id,omitempty"`
	Before         json.RawMessage `json:"before,omitempty"`
	After          json.RawMessage `json:"after,omitempty"`
}

// OpenAPIName is the schema's name.
func (Line) OpenAPIName() string { return "AuditLine" }

// Filter chooses lines; the zero Filter all of them. Lists are alternatives.
type Filter struct {
	After, From   *int64 // later than, not before: seconds since 1970
	Before, Until *int64 // earlier than, not after
	Projects      []string
	Types         []string
	Actors        []string // ids of users, service accounts or keys
	Emails        []string
	Objects       []string
	Text          string // in the type, the object's id, who did it, from where, or in what was before and after; any case
}

// Log is the audit log. Make it with New.
type Log struct {
	db    *store.DB
	clock clock.Clock
}

// New returns the log.
func New(db *store.DB, clk clock.Clock) *Log { return &Log{db, clk} }

// Record writes a line of what who does in the transaction.
func (l *Log) Record(ctx context.Context, tx *store.Tx, who actor.Actor, e Event) (err error) {
	defer fault.Wrap(&err, "audit.Record(%s)", e.Type)
	from := httpapi.OriginOf(ctx)
	return insert(ctx, tx, Line{
		ID: ids.New("audit_log-"), Type: e.Type, At: l.clock.Now(), Organization: who.Org, Project: e.Project, Object: e.Object,
		User: who.User, Email: who.Email, ServiceAccount: who.Service, Key: who.Key, Session: who.Session,
		IP: from.IP, Forwarded: from.Forwarded, UserAgent: from.UserAgent, RequestID: from.RequestID,
	}, e.Before, e.After)
}

// List returns a page of the organization's lines, the newest first unless asked otherwise.
func (l *Log) List(ctx context.Context, who actor.Actor, f Filter, p store.Paging) (_ []Line, more bool, err error) {
	defer fault.Wrap(&err, "audit.List")
	return list(ctx, l.db.Read(), who.Org, f, p)
}

// Export calls write with each of the organization's lines, the oldest first, until it fails.
func (l *Log) Export(ctx context.Context, who actor.Actor, f Filter, write func(Line) error) (err error) {
	defer fault.Wrap(&err, "audit.Export")
	p := store.Paging{Limit: store.MaxPage, Order: "asc"}
	for {
		lines, more, err := list(ctx, l.db.Read(), who.Org, f, p)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if err := write(line); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		p.After = lines[len(lines)-1].ID
	}
}
