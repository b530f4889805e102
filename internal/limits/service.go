package limits

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// topic is that of the hints; tierKey is the key of those about tiers.
const (
	topic   = "limits"
	tierKey = "tiers"
)

// lookAgain is after how long a lost hint does no more harm.
const lookAgain = 10 * time.Second

// Bounds of a rule.
const (
	maxName   = 200           // bytes of a model's name, an id or an end user's name
	maxFigure = 1_000_000_000 // requests; tokens may be a thousand times as many
	maxWeight = 1000
	maxRules  = 10_000 // of an organization
)

// Owners know what belongs to an organization.
type Owners interface {
	// Owns reports whether a project, user or key (kind) exists in the organization.
	Owns(ctx context.Context, org, kind, id string) (bool, error)
	// Founded returns when each organization was made, by id.
	Founded(ctx context.Context) (map[string]time.Time, error)
}

// Options are what NewService needs.
type Options struct {
	DB       *store.DB
	Bus      bus.Bus
	Clock    clock.Clock
	Logger   *slog.Logger
	Limiter  *Limiter
	Owners   Owners
	Spending Spending
	Models   func(ctx context.Context, who actor.Actor) ([]string, error) // names that an organization can ask for
	// Operator returns the organization that looks after the installation. Others do not set what they as a whole may ask for.
	Operator func(ctx context.Context) (org string, err error)
}

// Service keeps the rules and gives them to the limiter.
type Service struct {
	o     Options
	audit *audit.Log
	mu    sync.Mutex // one load at a time, and the next one
	in    []Rule
	// Of the last review:
	tiers    []UsageTier
	standing map[string]Standing
}

// NewService returns the service and gives the limiter what the database holds.
func NewService(ctx context.Context, o Options) (*Service, error) {
	s := &Service{o: o, audit: audit.New(o.DB, o.Clock)}
	return s, s.Load(ctx)
}

// Load gives the limiter what the database holds.
func (s *Service) Load(ctx context.Context) error {
	if err := s.loadRules(ctx); err != nil {
		return err
	}
	return s.Review(ctx)
}

func (s *Service) loadRules(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "limits.Load")
	s.mu.Lock()
	defer s.mu.Unlock()
	rules, err := read(ctx, s.o.DB.Read())
	if err != nil || reflect.DeepEqual(rules, s.in) {
		return err
	}
	s.in = rules
	s.o.Limiter.set(rules, s.standing)
	return nil
}

// Run takes over what other servers change and looks after tiers, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	reviewed := time.Now()
	bus.Follow(ctx, s.o.Bus, topic, lookAgain, func(keys []string) {
		load := s.loadRules
		if slices.Contains(keys, tierKey) || slices.Contains(keys, "") || time.Since(reviewed) >= reviewEvery {
			load, reviewed = s.Load, time.Now()
		}
		if err := load(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Error("the limits cannot be read; they stay as they were", "error", err)
		}
	})
}

// List returns an organization's own rules; for an empty one those of the installation.
func (s *Service) List(org string) []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Rule
	for _, r := range s.in {
		if r.Org == org {
			out = append(out, r)
		}
	}
	return out
}

// Set puts a rule into its place, instead of the one that is there. ID and Updated are set here. A project,
// user or key of another organization is not found.
func (s *Service) Set(ctx context.Context, who actor.Actor, r Rule) (_ Rule, err error) {
	defer fault.Wrap(&err, "limits.Set(%s)", r.Subject)
	if err := s.check(ctx, r); err != nil {
		return Rule{}, err
	}
	return s.change(ctx, who, r.place(), func(Values) Values { return r.Values })
}

// SetIn is Set in the caller's transaction. Changed has to be called after it.
func (s *Service) SetIn(ctx context.Context, tx *store.Tx, who actor.Actor, r Rule) (_ Rule, err error) {
	defer fault.Wrap(&err, "limits.SetIn(%s)", r.Subject)
	if err := s.check(ctx, r); err != nil {
		return Rule{}, err
	}
	return s.changeIn(ctx, tx, who, r.place(), r.Values.over)
}

// Changed puts a rule that SetIn wrote in force, here and on the other servers.
func (s *Service) Changed(ctx context.Context, r Rule) error { return s.changed(ctx, r.ID) }

// InForce returns what is in force for a subject and a model; an empty model is one that no rule names. 0 is no limit.
func (s *Service) InForce(org string, subject Subject, id, model string) Values {
	return s.o.Limiter.table.Load().resolve(org, subject, id, model).values()
}

// change writes what f makes of a place's figures, and the line of the audit log.
func (s *Service) change(ctx context.Context, who actor.Actor, p place, f func(Values) Values) (r Rule, err error) {
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		r, err = s.changeIn(ctx, tx, who, p, f)
		return err
	})
	if err != nil {
		return Rule{}, err
	}
	return r, s.changed(ctx, r.ID)
}

func (s *Service) changeIn(ctx context.Context, tx *store.Tx, who actor.Actor, p place, f func(Values) Values) (Rule, error) {
	before, err := find(ctx, tx, p)
	if err != nil {
		return Rule{}, err
	}
	r := Rule{ID: ids.New("rl_"), Org: p.org, Subject: p.subject, SubjectID: p.id, Model: p.model, Updated: s.o.Clock.Now()}
	e := audit.Event{Type: audit.RateLimitUpdated}
	if before == nil {
		n, err := count(ctx, tx, p.org)
		if err != nil {
			return Rule{}, err
		}
		if n >= maxRules {
			return Rule{}, fault.New(fault.Conflict, "There are %d limits already, which is the most that one organization can have. Delete some first.", n).WithCode("too_many_limits")
		}
		r.Values = f(Values{})
	} else {
		e.Before = before.audited()
		r.ID, r.Values = before.ID, f(before.Values)
	}
	if r.ID, err = write(ctx, tx, r); err != nil {
		return Rule{}, err
	}
	e.After = r.audited()
	return r, s.record(ctx, tx, who, r, e)
}

// record writes the line of what was done to a rule: into the log of its organization, and of the owner's
// where it is about all of them.
func (s *Service) record(ctx context.Context, tx *store.Tx, who actor.Actor, r Rule, e audit.Event) error {
	who.Org = cmp.Or(r.Org, who.Org)
	e.Object = r.ID
	if r.Subject == Project {
		e.Project = r.SubjectID
	}
	return s.audit.Record(ctx, tx, who, e)
}

// audited is what the audit log keeps of a rule.
func (r Rule) audited() any {
	return struct {
		Subject   Subject `json:"subject"`
		SubjectID string  `json:"subject_id"`
		Model     string  `json:"model"`
		Values
	}{r.Subject, r.SubjectID, r.Model, r.Values}
}

// Delete takes a rule of an organization back.
func (s *Service) Delete(ctx context.Context, who actor.Actor, org, id string) error {
	return s.delete(ctx, who, org, id, func(Rule) error { return nil })
}

// deleteOwn is Delete by the organization itself, which takes back nothing that the operator decides.
func (s *Service) deleteOwn(ctx context.Context, who actor.Actor, org, id string) error {
	return s.delete(ctx, who, org, id, func(r Rule) error {
		if r.Subject != Organization {
			return nil
		}
		return s.decides(ctx, who)
	})
}

func (s *Service) delete(ctx context.Context, who actor.Actor, org, id string, may func(Rule) error) (err error) {
	defer fault.Wrap(&err, "limits.Delete")
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		r, err := remove(ctx, tx, org, id)
		if errors.Is(err, store.ErrNoRows) {
			return fault.New(fault.NotFound, "No such limit: %s", clip(id)).WithCode("limit_not_found")
		}
		if err == nil {
			err = may(r)
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, who, r, audit.Event{Type: audit.RateLimitDeleted, Before: r.audited()})
	})
	if err != nil {
		return err
	}
	return s.changed(ctx, id)
}

func (s *Service) changed(ctx context.Context, key string) error {
	load := s.loadRules
	if key == tierKey {
		load = s.Load
	}
	err := load(ctx)
	s.o.Bus.Publish(topic, key)
	return err
}

// check refuses what would do nothing or something else than it says.
func (s *Service) check(ctx context.Context, r Rule) error {
	if !slices.Contains(subjects, r.Subject) && (r.Subject != Tier || r.Org != "") {
		return fault.Param("subject", "Invalid value: '%s'. Supported values are: 'organization', 'project', 'user', 'key', and 'end_user'.", clip(string(r.Subject))).WithCode("invalid_value")
	}
	for _, f := range [][2]string{{"model", r.Model}, {"subject_id", r.SubjectID}} {
		if len(f[1]) > maxName || strings.TrimSpace(f[1]) != f[1] || strings.ContainsFunc(f[1], func(c rune) bool { return c < ' ' }) {
			return fault.Param(f[0], "Invalid '%s': a name has at most %d bytes, no control characters and no spaces around it.", f[0], maxName).WithCode("invalid_value")
		}
	}
	if r.Values == (Values{}) {
		return fault.New(fault.Invalid, "Name what to limit: max_requests_per_1_minute, max_tokens_per_1_minute, max_requests_per_1_day, max_tokens_per_1_day or token_weight.")
	}
	if err := r.Values.check(); err != nil {
		return err
	}
	switch {
	case r.Subject == Tier:
		if !slices.ContainsFunc(s.Tiers(), func(t UsageTier) bool { return t.Name == r.SubjectID }) {
			return noTier(r.SubjectID)
		}
		return nil
	case r.SubjectID == "" || r.Subject == EndUser:
		return nil
	case r.Subject == Organization:
		return fault.Param("subject_id", "Leave subject_id out: a limit of an organization is your own's, or on the admin socket the one's that ?organization= names.").WithCode("invalid_value")
	case r.Org == "":
		return fault.Param("subject_id", "Name the organization of the %s: ?organization=….", r.Subject).WithCode("invalid_value")
	}
	return s.owned(ctx, r.Org, r.Subject, r.SubjectID, "subject_id")
}

// owned reports what is not the organization's as not found.
func (s *Service) owned(ctx context.Context, org string, subject Subject, id, param string) error {
	ok, err := s.o.Owners.Owns(ctx, org, string(subject), id)
	if err != nil || ok {
		return err
	}
	fe := fault.New(fault.NotFound, "The %s %s was not found", subject, clip(id)).WithCode(string(subject) + "_not_found")
	fe.Param = param
	return fe
}

func (v Values) check() error {
	for _, f := range []struct {
		param string
		n     *int64
		most  int64
	}{
		{"max_requests_per_1_minute", v.RequestsPerMinute, maxFigure}, {"max_requests_per_1_day", v.RequestsPerDay, maxFigure},
		{"max_tokens_per_1_minute", v.TokensPerMinute, 1000 * maxFigure}, {"max_tokens_per_1_day", v.TokensPerDay, 1000 * maxFigure},
	} {
		if f.n != nil && (*f.n < 0 || *f.n > f.most) {
			return fault.Param(f.param, "Invalid '%s': expected 0, which is no limit, to %d.", f.param, f.most).WithCode("invalid_value")
		}
	}
	if w := v.TokenWeight; w != nil && !(*w > 0 && *w <= maxWeight) || w != nil && math.IsNaN(*w) {
		return fault.Param("token_weight", "Invalid 'token_weight': expected a number above 0, at most %d.", maxWeight).WithCode("invalid_value")
	}
	return nil
}

// ProjectLimit is what is in force for a model in a project: the stricter of the project's own limit and its
// organization's. Zero is none.
type ProjectLimit struct {
	Model                                              string
	RequestsPerMinute, TokensPerMinute, RequestsPerDay int64
}

// ProjectLimits returns what is in force in a project for each model that the organization can ask for, and
// for those with rules, in the order of names.
func (s *Service) ProjectLimits(ctx context.Context, who actor.Actor, project string) (_ []ProjectLimit, err error) {
	defer fault.Wrap(&err, "limits.ProjectLimits")
	if err := s.owned(ctx, who.Org, Project, project, ""); err != nil {
		return nil, err
	}
	names, err := s.o.Models(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, r := range s.List(who.Org) {
		if r.Model != "" && r.Subject == Project && r.SubjectID == project {
			names = append(names, r.Model)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	out := make([]ProjectLimit, len(names))
	for i, name := range names {
		out[i] = s.projectLimit(who.Org, project, name)
	}
	return out, nil
}

func (s *Service) projectLimit(org, project, model string) ProjectLimit {
	t := s.o.Limiter.table.Load()
	mine, all := t.resolve(org, Project, project, model), t.resolve(org, Organization, "", model)
	stricter := func(k kind) int64 {
		a, b := mine.limits[k], all.limits[k]
		if a == 0 || b == 0 {
			return int64(cmp.Or(a, b))
		}
		return int64(min(a, b))
	}
	return ProjectLimit{model, stricter(requestsMinute), stricter(tokensMinute), stricter(requestsDay)}
}

// SetProjectLimit changes a project's limit for a model: what values leave out stays as it was. A model that
// the organization cannot ask for and that has no limit in the project is not found.
func (s *Service) SetProjectLimit(ctx context.Context, who actor.Actor, project, model string, values Values) (_ ProjectLimit, err error) {
	defer fault.Wrap(&err, "limits.SetProjectLimit")
	rows, err := s.ProjectLimits(ctx, who, project)
	if err != nil {
		return ProjectLimit{}, err
	}
	if !slices.ContainsFunc(rows, func(l ProjectLimit) bool { return l.Model == model }) {
		return ProjectLimit{}, fault.New(fault.NotFound, "The rate limit %s was not found", clip(limitID(model))).WithCode("rate_limit_not_found")
	}
	if values == (Values{}) {
		return s.projectLimit(who.Org, project, model), nil
	}
	if err := values.check(); err != nil {
		return ProjectLimit{}, err
	}
	if _, err := s.change(ctx, who, place{who.Org, Project, project, model}, values.over); err != nil {
		return ProjectLimit{}, err
	}
	return s.projectLimit(who.Org, project, model), nil
}

// limitID is the id of a model's limit in a project, as OpenAI's ("rl-ada").
func limitID(model string) string { return "rl-" + model }
