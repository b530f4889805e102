package increase

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/store"
)

// State of a request.
type State string

// The states.
const (
	Open      State = "open"
	Approved  State = "approved"
	Denied    State = "denied"
	Withdrawn State = "withdrawn"
)

var states = []State{Open, Approved, Denied, Withdrawn}

// Bounds.
const (
	maxReason    = 4000 // characters
	maxNote      = 2000 // characters
	evidenceDays = 30
)

// subjects are those that can be asked for. Keys and end users are the organization's own to limit.
var subjects = []limits.Subject{limits.Organization, limits.Project, limits.User}

// Day is what was used on a day, UTC.
type Day struct {
	Start        int64 `json:"start_time" doc:"The day's first second, since 1970."`
	Requests     int64 `json:"requests" doc:"How many requests there were."`
	Limited      int64 `json:"limited" doc:"Those of them that a limit refused."`
	Tokens       int64 `json:"tokens" doc:"Tokens of prompts and answers."`
	PeakRequests int64 `json:"peak_requests_1_minute" doc:"Requests in the minute that had most."`
	PeakTokens   int64 `json:"peak_tokens_1_minute" doc:"Tokens in the minute that had most."`
}

// OpenAPIName is the schema's name.
func (Day) OpenAPIName() string { return "LimitRequestDay" }

// Request is a request for an increase.
type Request struct {
	ID        string // "lr_…"
	Org       string
	Subject   limits.Subject
	SubjectID string // a project or user; empty: the organization
	Model     string // empty: each model
	Reason    string
	Wanted    limits.Values // only what is asked for
	InForce   limits.Values // then
	Evidence  []Day         // of the days before that had requests
	State     State
	Created   time.Time
	User      string // who asked; empty for a service account
	Email     string
	Decided   time.Time // zero: not yet
	DecidedBy string    // e-mail address; empty on the server's machine
	Note      string    // of who decided
	Granted   *limits.Values
}

// Limits are the limits that requests are about.
type Limits interface {
	InForce(org string, subject limits.Subject, id, model string) limits.Values
	SetIn(ctx context.Context, tx *store.Tx, who actor.Actor, r limits.Rule) (limits.Rule, error)
	Changed(ctx context.Context, r limits.Rule) error
}

// Owners know what belongs to an organization.
type Owners interface {
	Owns(ctx context.Context, org, kind, id string) (bool, error)
}

// Usage knows what was used.
type Usage interface {
	// Days returns what a subject of an organization used of a model (empty: of all) on the days from … to, days without requests left out.
	Days(ctx context.Context, org string, subject limits.Subject, id, model string, from, to time.Time) ([]Day, error)
}

// Mail brings decisions to who asked.
type Mail interface {
	Configured() bool
	Send(ctx context.Context, tx *store.Tx, m mail.Message) error
}

// Options of New. All are required.
type Options struct {
	DB     *store.DB
	Clock  clock.Clock
	Limits Limits
	Owners Owners
	Usage  Usage
	Mail   Mail
	Page   func() string // the web app's address
}

// Service takes requests and decides them.
type Service struct {
	o     Options
	audit *audit.Log
}

// New returns the service.
func New(o Options) *Service { return &Service{o, audit.New(o.DB, o.Clock)} }

// Ask makes a request: Subject, SubjectID, Model, Reason and Wanted of r count. At least one wanted figure has to be more
// than what is in force.
func (s *Service) Ask(ctx context.Context, who actor.Actor, r Request) (_ Request, err error) {
	defer fault.Wrap(&err, "increase.Ask")
	r.Org, r.User, r.Email = who.Org, who.User, who.Email
	if r.Reason, err = text("reason", r.Reason, maxReason); err != nil {
		return Request{}, err
	}
	if r.Reason == "" {
		return Request{}, fault.Param("reason", "Say in 'reason' what the increase is for.").WithCode("missing_required_parameter")
	}
	if err := s.about(ctx, who, r); err != nil {
		return Request{}, err
	}
	r.InForce = s.o.Limits.InForce(r.Org, r.Subject, r.SubjectID, r.Model)
	if err := raises(r.Wanted, r.InForce); err != nil {
		return Request{}, err
	}
	now := s.o.Clock.Now()
	from := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-evidenceDays)
	if r.Evidence, err = s.o.Usage.Days(ctx, r.Org, r.Subject, r.SubjectID, r.Model, from, now); err != nil {
		return Request{}, err
	}
	r.ID, r.State, r.Created = ids.New("lr_"), Open, now
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := insert(ctx, tx, r); err != nil {
			return err
		}
		return s.record(ctx, tx, who, "limit_request.created", r, nil)
	})
	if store.IsUnique(err) {
		return Request{}, fault.New(fault.Conflict, "A request for this is open already. Withdraw it to ask anew.").WithCode("request_open")
	}
	return r, err
}

// about checks whom and what a request is about.
func (s *Service) about(ctx context.Context, who actor.Actor, r Request) error {
	if len(r.Model) > 200 || strings.TrimSpace(r.Model) != r.Model || strings.ContainsFunc(r.Model, func(c rune) bool { return c < ' ' }) || !utf8.ValidString(r.Model) {
		return fault.Param("model", "Invalid 'model': a name has at most 200 bytes, no control characters and no spaces around it.").WithCode("invalid_value")
	}
	if !slices.Contains(subjects, r.Subject) {
		return fault.Param("subject", "Invalid value: '%s'. Supported values are: 'organization', 'project', and 'user'.", clip(string(r.Subject))).WithCode("invalid_value")
	}
	if r.Subject == limits.Organization {
		if r.SubjectID != "" {
			return fault.Param("subject_id", "Leave subject_id out: it is your own organization.").WithCode("invalid_value")
		}
		return nil
	}
	if r.SubjectID == "" {
		return fault.Param("subject_id", "Missing required parameter: 'subject_id': which %s the request is about.", r.Subject).WithCode("missing_required_parameter")
	}
	own := map[limits.Subject]string{limits.Project: who.Project, limits.User: who.User}[r.Subject]
	ok := r.SubjectID == own
	if !ok && seesAll(who) && utf8.ValidString(r.SubjectID) && !strings.ContainsRune(r.SubjectID, 0) {
		var err error
		if ok, err = s.o.Owners.Owns(ctx, who.Org, string(r.Subject), r.SubjectID); err != nil {
			return err
		}
	}
	if !ok {
		return &fault.Error{Kind: fault.NotFound, Param: "subject_id", Code: string(r.Subject) + "_not_found", Message: fmt.Sprintf("The %s %s was not found", r.Subject, clip(r.SubjectID))}
	}
	return nil
}

// seesAll reports whether who sees what others of the organization asked.
func seesAll(who actor.Actor) bool {
	return who.May(actor.LimitsWrite) || who.May(actor.OrganizationRead)
}

// figure is one of a limit's figures.
type figure struct {
	param  string
	words  string
	value  *int64
	former *int64
}

func figures(v, before limits.Values) []figure {
	return []figure{
		{"max_requests_per_1_minute", "requests per minute", v.RequestsPerMinute, before.RequestsPerMinute},
		{"max_tokens_per_1_minute", "tokens per minute", v.TokensPerMinute, before.TokensPerMinute},
		{"max_requests_per_1_day", "requests per day", v.RequestsPerDay, before.RequestsPerDay},
		{"max_tokens_per_1_day", "tokens per day", v.TokensPerDay, before.TokensPerDay},
	}
}

// raises checks that every wanted figure is more than what is in force, and that there is one.
func raises(wanted, inForce limits.Values) error {
	if wanted.TokenWeight != nil {
		return fault.Param("wanted.token_weight", "What a token counts cannot be asked for.").WithCode("invalid_value")
	}
	any := false
	for _, f := range figures(wanted, inForce) {
		if f.value == nil {
			continue
		}
		any = true
		switch now := *f.former; {
		case now == 0:
			return fault.Param("wanted."+f.param, "There is no limit of %s here: there is nothing to ask for.", f.words).WithCode("invalid_value")
		case *f.value <= now:
			return fault.Param("wanted."+f.param, "%d is not more than the %d %s that are in force.", *f.value, now, f.words).WithCode("invalid_value")
		case *f.value > 1_000_000_000_000 || strings.Contains(f.param, "requests") && *f.value > 1_000_000_000:
			return fault.Param("wanted."+f.param, "Invalid 'wanted.%s': that is more than a limit can be.", f.param).WithCode("invalid_value")
		}
	}
	if !any {
		return fault.Param("wanted", "Name in 'wanted' at least one figure, such as max_requests_per_1_minute.").WithCode("missing_required_parameter")
	}
	return nil
}

// List returns a page of the organization's requests that who may see, the newest first unless asked otherwise. An empty
// state is all.
func (s *Service) List(ctx context.Context, who actor.Actor, state State, p store.Paging) (_ []Request, more bool, err error) {
	defer fault.Wrap(&err, "increase.List")
	if err := known(state); err != nil {
		return nil, false, err
	}
	by := who.User
	if seesAll(who) {
		by = ""
	} else if by == "" {
		return []Request{}, false, nil // a service account's key asks for nothing of its own
	}
	return list(ctx, s.o.DB.Read(), who.Org, by, state, p)
}

// ListAll is the operator's list, of one organization or (org is empty) of all.
func (s *Service) ListAll(ctx context.Context, org string, state State, p store.Paging) (_ []Request, more bool, err error) {
	defer fault.Wrap(&err, "increase.ListAll")
	if err := known(state); err != nil {
		return nil, false, err
	}
	return list(ctx, s.o.DB.Read(), org, "", state, p)
}

func known(state State) error {
	if state != "" && !slices.Contains(states, state) {
		return fault.Param("state", "Invalid value: '%s'. Supported values are: 'open', 'approved', 'denied', and 'withdrawn'.", clip(string(state))).WithCode("invalid_value")
	}
	return nil
}

// Withdraw takes an open request back.
func (s *Service) Withdraw(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "increase.Withdraw")
	return s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		r, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		if r.Org != who.Org || !seesAll(who) && (who.User == "" || r.User != who.User) {
			return notFound(id)
		}
		before := r
		r.State, r.Decided, r.DecidedBy = Withdrawn, s.o.Clock.Now(), who.Email
		return s.settle(ctx, tx, who, "limit_request.withdrawn", before, r)
	})
}

// Approve sets the limit that was asked for, or what grant says instead of it, and tells who asked.
func (s *Service) Approve(ctx context.Context, who actor.Actor, id string, grant *limits.Values, note string) (r Request, err error) {
	defer fault.Wrap(&err, "increase.Approve")
	var rule limits.Rule
	r, err = s.decide(ctx, who, id, note, func(tx *store.Tx, r *Request) error {
		r.State, r.Granted = Approved, &r.Wanted
		if grant != nil {
			r.Granted = grant
		}
		if *r.Granted == (limits.Values{}) {
			return fault.Param("granted", "Name in 'granted' at least one figure, or leave it out to set what was asked for.").WithCode("missing_required_parameter")
		}
		rule, err = s.o.Limits.SetIn(ctx, tx, who, limits.Rule{Org: r.Org, Subject: r.Subject, SubjectID: r.SubjectID, Model: r.Model, Values: *r.Granted})
		return err
	})
	if err != nil {
		return Request{}, err
	}
	return r, s.o.Limits.Changed(ctx, rule)
}

// Deny refuses a request. The note, which tells why, is required.
func (s *Service) Deny(ctx context.Context, who actor.Actor, id, note string) (_ Request, err error) {
	defer fault.Wrap(&err, "increase.Deny")
	if strings.TrimSpace(note) == "" {
		return Request{}, fault.Param("note", "Say in 'note' why: who asked reads it.").WithCode("missing_required_parameter")
	}
	return s.decide(ctx, who, id, note, func(_ *store.Tx, r *Request) error {
		r.State = Denied
		return nil
	})
}

func (s *Service) decide(ctx context.Context, who actor.Actor, id, note string, how func(*store.Tx, *Request) error) (r Request, err error) {
	if note, err = text("note", note, maxNote); err != nil {
		return r, err
	}
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		if r, err = find(ctx, tx, id); err != nil {
			return err
		}
		before := r
		r.Decided, r.DecidedBy, r.Note = s.o.Clock.Now(), who.Email, note
		if before.State != Open { // said before the limit is touched
			return decided(before)
		}
		if err := how(tx, &r); err != nil {
			return err
		}
		if err := s.settle(ctx, tx, who, "limit_request."+string(r.State), before, r); err != nil {
			return err
		}
		return s.tell(ctx, tx, r)
	})
	return r, err
}

// settle writes how a request ended, and its line in the organization's log.
func (s *Service) settle(ctx context.Context, tx *store.Tx, who actor.Actor, act string, before, r Request) error {
	if before.State != Open {
		return decided(before)
	}
	ok, err := update(ctx, tx, r)
	if err != nil {
		return err
	}
	if !ok { // somebody else was a moment earlier
		return decided(before)
	}
	return s.record(ctx, tx, who, act, r, &before)
}

func (s *Service) record(ctx context.Context, tx *store.Tx, who actor.Actor, act string, r Request, before *Request) error {
	who.Org = r.Org
	e := audit.Event{Type: act, Object: r.ID, After: r.audited()}
	if r.Subject == limits.Project {
		e.Project = r.SubjectID
	}
	if before != nil {
		e.Before = before.audited()
	}
	return s.audit.Record(ctx, tx, who, e)
}

// audited is what the audit log keeps of a request.
func (r Request) audited() any {
	return struct {
		State     State          `json:"state"`
		Subject   limits.Subject `json:"subject"`
		SubjectID string         `json:"subject_id"`
		Model     string         `json:"model"`
		Wanted    limits.Values  `json:"wanted"`
		Granted   *limits.Values `json:"granted,omitempty"`
		Note      string         `json:"note,omitempty"`
	}{r.State, r.Subject, r.SubjectID, r.Model, r.Wanted, r.Granted, r.Note}
}

// tell writes to who asked, where mails can be sent and there is an address.
func (s *Service) tell(ctx context.Context, tx *store.Tx, r Request) error {
	if !s.o.Mail.Configured() || r.Email == "" {
		return nil
	}
	model := cmp.Or(r.Model, "all models")
	m := mail.Message{Org: r.Org, To: r.Email, Subject: "Your request for higher limits was denied"}
	var b strings.Builder
	fmt.Fprintf(&b, "You asked for higher limits on %s on %s.\n\n", model, r.Created.UTC().Format("2 January 2006"))
	if r.State == Approved {
		m.Subject = "Your limits were raised"
		b.WriteString("The request was approved. In force are now:\n\n")
		for _, f := range figures(*r.Granted, r.InForce) {
			if f.value != nil && *f.value == 0 {
				fmt.Fprintf(&b, "  no limit of %s (before: %d)\n", f.words, *f.former)
			} else if f.value != nil {
				fmt.Fprintf(&b, "  %d %s (before: %d)\n", *f.value, f.words, *f.former)
			}
		}
	} else {
		b.WriteString("The request was denied.\n")
	}
	if r.Note != "" {
		b.WriteString("\n" + r.Note + "\n")
	}
	b.WriteString("\n" + s.o.Page() + "/console/limits\n")
	m.Text = b.String()
	return s.o.Mail.Send(ctx, tx, m)
}

// text checks what a person wrote.
func text(param, value string, most int) (string, error) {
	value = strings.TrimSpace(value)
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return "", fault.Param(param, "'%s' has a character that is none.", param).WithCode("invalid_value")
	}
	if n := utf8.RuneCountInString(value); n > most {
		return "", fault.Param(param, "'%s' is too long: %d characters, of at most %d.", param, n, most).WithCode("string_above_max_length")
	}
	return value, nil
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }

func notFound(id string) error {
	return fault.New(fault.NotFound, "No such request: %s", clip(id)).WithCode("limit_request_not_found")
}

func decided(r Request) error {
	return fault.New(fault.Conflict, "The request is not open any more: it was %s.", cmp.Or(string(r.State), "decided")).WithCode("request_not_open")
}
