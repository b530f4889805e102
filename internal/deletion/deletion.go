package deletion

import (
	"context"
	"log/slog"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
)

// batch is how many rows one transaction deletes.
const batch = 500

// sweeps are when it is looked for what came late, after the deletion was done.
var sweeps = []time.Duration{15 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// Types of lines in the audit log.
const (
	OrganizationDeleted = "organization.deleted"
	AccountDeleted      = "account.deleted"
	Proof               = "deletion.completed"
)

// Kinds of deletions.
const (
	ofOrganization = "organization"
	ofAccount      = "account"
)

// Forgetter keeps something of organizations that is more than rows. Forget is called in the transaction that ends
// the organization, and tells what it deleted by table.
type Forgetter interface {
	Forget(ctx context.Context, tx *store.Tx, org string) (map[string]int64, error)
}

// Options of New; all but Others and Settle are required.
type Options struct {
	DB       *store.DB
	Clock    clock.Clock
	Logger   *slog.Logger
	Jobs     *jobs.Jobs
	Identity *identity.Service
	Others   []Forgetter
	// Settle returns when rows of requests that are over are in their tables; nil: they always are.
	Settle func(ctx context.Context) error
	// Confirm refuses who cannot show, by password or by a session that just began, that the account is theirs.
	Confirm func(ctx context.Context, who actor.Actor, password string) error
}

// Service deletes. Make it with New before the jobs start.
type Service struct {
	db      *store.DB
	clock   clock.Clock
	log     *slog.Logger
	jobs    *jobs.Jobs
	ids     *identity.Service
	others  []Forgetter
	settle  func(ctx context.Context) error
	audit   *audit.Log
	confirm func(ctx context.Context, who actor.Actor, password string) error
}

// New returns the service and registers its job.
func New(o Options) *Service {
	s := &Service{db: o.DB, clock: o.Clock, log: o.Logger, jobs: o.Jobs, ids: o.Identity, others: o.Others, settle: o.Settle, audit: audit.New(o.DB, o.Clock), confirm: o.Confirm}
	s.register()
	return s
}

// Deletion is one that was asked for, and how far it is.
type Deletion struct {
	ID       string
	Kind     string // organization, account
	Subject  string // id
	Name     string // of the organization
	By       string // user id; empty: the server's machine
	State    string // running, done
	Now      string // the table that is being emptied
	Counts   map[string]int64
	Users    []string // accounts that go with the organization
	Sweeps   int
	Created  time.Time
	Finished time.Time // zero: not yet
	Checked  time.Time // the last look for what came late
}

func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// Organization deletes the actor's organization, whose name they typed.
func (s *Service) Organization(ctx context.Context, who actor.Actor, name, password string) (_ Deletion, err error) {
	defer fault.Wrap(&err, "deletion.Organization")
	if who.User == "" || who.Session == "" {
		return Deletion{}, fault.New(fault.Forbidden, "An organization is deleted by one of its owners in a browser session, not with an API key.").WithCode("session_required")
	}
	if err := s.confirm(ctx, who, password); err != nil {
		return Deletion{}, err
	}
	return s.start(ctx, who, who.Org, name)
}

// OrganizationOf deletes an organization of the installation, for its operator.
func (s *Service) OrganizationOf(ctx context.Context, who actor.Actor, id, name string) (_ Deletion, err error) {
	defer fault.Wrap(&err, "deletion.OrganizationOf(%s)", id)
	return s.start(ctx, who, id, name)
}

// Account deletes the actor's own account, whose e-mail address (or name, where there is none) they typed.
func (s *Service) Account(ctx context.Context, who actor.Actor, typed, password string) (_ Deletion, err error) {
	defer fault.Wrap(&err, "deletion.Account")
	if who.User == "" || who.Session == "" {
		return Deletion{}, fault.New(fault.Forbidden, "An account is deleted by its user, in a browser session, and not with an API key.").WithCode("session_required")
	}
	if err := s.confirm(ctx, who, password); err != nil {
		return Deletion{}, err
	}
	return s.startAccount(ctx, who, who.User, &typed)
}

// AccountOf deletes an account of the installation, for its operator.
func (s *Service) AccountOf(ctx context.Context, who actor.Actor, id string) (_ Deletion, err error) {
	defer fault.Wrap(&err, "deletion.AccountOf(%s)", id)
	return s.startAccount(ctx, who, id, nil)
}

// Get returns a deletion by its id, which nobody can guess: who deleted an organization has no session left to ask with.
func (s *Service) Get(ctx context.Context, id string) (_ Deletion, err error) {
	defer fault.Wrap(&err, "deletion.Get")
	return s.get(ctx, s.db.Read(), id)
}

// List returns a page of all deletions, for the operator.
func (s *Service) List(ctx context.Context, p store.Paging) (_ []Deletion, more bool, err error) {
	defer fault.Wrap(&err, "deletion.List")
	return s.list(ctx, p)
}

// newDeletion is one that begins now.
func (s *Service) newDeletion(kind, subject string, who actor.Actor) Deletion {
	return Deletion{ID: ids.New("del_"), Kind: kind, Subject: subject, By: who.User, State: "running", Counts: map[string]int64{}, Users: []string{}, Created: s.now()}
}
