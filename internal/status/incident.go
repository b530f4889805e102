package status

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Where an incident stands, as Statuspage names it.
const (
	Investigating = "investigating"
	Identified    = "identified"
	Monitoring    = "monitoring"
	Resolved      = "resolved"
)

// How bad it is, as Statuspage names it.
const (
	ImpactNone     = "none"
	ImpactMinor    = "minor"
	ImpactMajor    = "major"
	ImpactCritical = "critical"
)

var (
	statuses = []string{Investigating, Identified, Monitoring, Resolved}
	impacts  = []string{ImpactNone, ImpactMinor, ImpactMajor, ImpactCritical}
)

// Incident is something that went wrong.
type Incident struct {
	ID         string
	Name       string
	Status     string // of the last update
	Impact     string
	Components []string
	Automatic  bool // the server opened it itself
	Started    time.Time
	Resolved   *time.Time // nil: it goes on
	Created    time.Time
	Updated    time.Time
	Updates    []Update // the newest first
}

// Update is what was written about an incident at a time.
type Update struct {
	ID      string
	Status  string
	Body    string
	Created time.Time
	Updated time.Time
}

// NewIncident is what an operator writes.
type NewIncident struct {
	Name       string   `json:"name" doc:"One line, as the page shows it."`
	Body       string   `json:"body" doc:"What is known: plain text."`
	Status     string   `json:"status,omitempty" enum:"investigating,identified,monitoring,resolved" default:"investigating"`
	Impact     string   `json:"impact,omitempty" enum:"none,minor,major,critical" default:"minor"`
	Components []string `json:"components,omitempty" doc:"Which components it is about: api, chat, models, database, jobs."`
}

// Edit changes an incident; what is left out stays.
type Edit struct {
	Name       *string   `json:"name,omitempty"`
	Impact     *string   `json:"impact,omitempty" enum:"none,minor,major,critical"`
	Components *[]string `json:"components,omitempty"`
}

// NewUpdate is a further text.
type NewUpdate struct {
	Body   string `json:"body" doc:"What is known now: plain text."`
	Status string `json:"status,omitempty" enum:"investigating,identified,monitoring,resolved" doc:"Left out: as it was. resolved closes the incident; another opens it again."`
}

const (
	maxTitle = 200  // characters
	maxBody  = 5000 // characters
)

func checkText(param, text string, most int) error {
	switch n := utf8.RuneCountInString(text); {
	case strings.TrimSpace(text) == "":
		return fault.Param(param, "Write something for '%s'.", param)
	case n > most:
		return fault.Param(param, "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", param, most, n).WithCode("string_above_max_length")
	case strings.ContainsRune(text, 0) || !utf8.ValidString(text):
		return fault.Param(param, "Invalid '%s': it has a NUL character or is not UTF-8.", param)
	}
	return nil
}

// checkName checks a text of one line.
func checkName(text string) error {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return fault.Param("name", "Invalid 'name': expected one line, without control characters.").WithCode("invalid_value")
	}
	return checkText("name", text, maxTitle)
}

func checkOne(param, value string, of []string) error {
	if slices.Contains(of, value) {
		return nil
	}
	return fault.Param(param, "Invalid value: '%s'. Supported values are: '%s'.", value[:min(len(value), 100)], strings.Join(of, "', '")).WithCode("invalid_value")
}

func checkComponents(list []string) error {
	for _, c := range list {
		if err := checkOne("components", c, Components); err != nil {
			return err
		}
	}
	return nil
}

func noIncident(id string) error {
	return fault.New(fault.NotFound, "No incident `%s`.", id[:min(len(id), 100)]).WithCode("incident_not_found")
}

// line is an incident as the audit log keeps it.
type line struct {
	Name       string   `json:"name"`
	Status     string   `json:"status"`
	Impact     string   `json:"impact"`
	Components []string `json:"components"`
	Body       string   `json:"body,omitempty"`
}

func (in *Incident) line(body string) line {
	return line{in.Name, in.Status, in.Impact, in.Components, body}
}

// Create opens an incident by hand.
func (s *Service) Create(ctx context.Context, who actor.Actor, n NewIncident) (_ Incident, err error) {
	defer fault.Wrap(&err, "status.Create")
	if n.Status == "" {
		n.Status = Investigating
	}
	if n.Impact == "" {
		n.Impact = ImpactMinor
	}
	for _, err := range []error{checkName(n.Name), checkText("body", n.Body, maxBody), checkOne("status", n.Status, statuses), checkOne("impact", n.Impact, impacts), checkComponents(n.Components)} {
		if err != nil {
			return Incident{}, err
		}
	}
	now := s.o.Clock.Now()
	in := Incident{
		ID: ids.New("incident_"), Name: strings.TrimSpace(n.Name), Status: n.Status, Impact: n.Impact, Components: append([]string{}, n.Components...),
		Started: now, Created: now, Updated: now,
		Updates: []Update{{ID: ids.New("update_"), Status: n.Status, Body: strings.TrimSpace(n.Body), Created: now, Updated: now}},
	}
	if n.Status == Resolved {
		in.Resolved = &now
	}
	err = s.change(ctx, func(tx *store.Tx) error {
		if err := insertIncident(ctx, tx, in); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: "incident.created", Object: in.ID, After: in.line(in.Updates[0].Body)})
	})
	return in, err
}

// change runs a transaction after which the page is read anew.
func (s *Service) change(ctx context.Context, f func(tx *store.Tx) error) error {
	err := s.o.DB.Tx(ctx, f)
	s.mu.Lock()
	s.readAt = time.Time{}
	s.mu.Unlock()
	return err
}

// alter changes an incident in a transaction, with a line in the audit log.
func (s *Service) alter(ctx context.Context, who actor.Actor, id, what, body string, f func(tx *store.Tx, in *Incident, now time.Time) error) (Incident, error) {
	err := s.change(ctx, func(tx *store.Tx) error {
		in, err := lockIncident(ctx, tx, id)
		if err != nil {
			return err
		}
		if in == nil {
			return noIncident(id)
		}
		before, now := in.line(""), s.o.Clock.Now()
		if err := f(tx, in, now); err != nil {
			return err
		}
		if err := saveIncident(ctx, tx, *in, now); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: what, Object: id, Before: before, After: in.line(body)})
	})
	if err != nil {
		return Incident{}, err
	}
	return s.Get(ctx, id)
}

// Edit changes the name, impact or components of an incident.
func (s *Service) Edit(ctx context.Context, who actor.Actor, id string, e Edit) (_ Incident, err error) {
	defer fault.Wrap(&err, "status.Edit(%s)", id)
	return s.alter(ctx, who, id, "incident.updated", "", func(_ *store.Tx, in *Incident, _ time.Time) error {
		if e.Name != nil {
			if err := checkName(*e.Name); err != nil {
				return err
			}
			in.Name = strings.TrimSpace(*e.Name)
		}
		if e.Impact != nil {
			if err := checkOne("impact", *e.Impact, impacts); err != nil {
				return err
			}
			in.Impact = *e.Impact
		}
		if e.Components != nil {
			if err := checkComponents(*e.Components); err != nil {
				return err
			}
			in.Components = append([]string{}, *e.Components...)
		}
		return nil
	})
}

// Write adds a text to an incident; its status becomes the incident's.
func (s *Service) Write(ctx context.Context, who actor.Actor, id string, n NewUpdate) (_ Incident, err error) {
	defer fault.Wrap(&err, "status.Write(%s)", id)
	if err := checkText("body", n.Body, maxBody); err != nil {
		return Incident{}, err
	}
	if n.Status != "" {
		if err := checkOne("status", n.Status, statuses); err != nil {
			return Incident{}, err
		}
	}
	body := strings.TrimSpace(n.Body)
	return s.alter(ctx, who, id, "incident.updated", body, func(tx *store.Tx, in *Incident, now time.Time) error {
		if n.Status != "" {
			in.Status = n.Status
		}
		switch {
		case in.Status != Resolved:
			in.Resolved = nil
		case in.Resolved == nil:
			in.Resolved = &now
		}
		return insertUpdate(ctx, tx, id, Update{ID: ids.New("update_"), Status: in.Status, Body: body, Created: now})
	})
}

// Rewrite changes the text of an update.
func (s *Service) Rewrite(ctx context.Context, who actor.Actor, id, update, body string) (_ Incident, err error) {
	defer fault.Wrap(&err, "status.Rewrite(%s)", update)
	if err := checkText("body", body, maxBody); err != nil {
		return Incident{}, err
	}
	body = strings.TrimSpace(body)
	return s.alter(ctx, who, id, "incident.updated", body, func(tx *store.Tx, _ *Incident, now time.Time) error {
		n, err := rewriteUpdate(ctx, tx, id, update, body, now)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "No update `%s` of this incident.", update[:min(len(update), 100)]).WithCode("incident_update_not_found")
		}
		return err
	})
}

// Delete removes an incident, as if it had never been; the audit log keeps what it was.
func (s *Service) Delete(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "status.Delete(%s)", id)
	return s.change(ctx, func(tx *store.Tx) error {
		in, err := lockIncident(ctx, tx, id)
		if err != nil {
			return err
		}
		if in == nil {
			return noIncident(id)
		}
		if err := deleteIncident(ctx, tx, id); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: "incident.deleted", Object: id, Before: in.line("")})
	})
}

// Get returns an incident with its updates.
func (s *Service) Get(ctx context.Context, id string) (_ Incident, err error) {
	defer fault.Wrap(&err, "status.Get(%s)", id)
	in, err := getIncident(ctx, s.o.DB.Read(), id)
	if err != nil {
		return Incident{}, err
	}
	if in == nil {
		return Incident{}, noIncident(id)
	}
	list := []Incident{*in}
	err = withUpdates(ctx, s.o.DB.Read(), list)
	return list[0], err
}

// List returns a page of incidents, the newest first unless asked otherwise, with their updates.
func (s *Service) List(ctx context.Context, p store.Paging) (_ []Incident, more bool, err error) {
	defer fault.Wrap(&err, "status.List")
	list, more, err := listIncidents(ctx, s.o.DB.Read(), p)
	if err != nil {
		return nil, false, err
	}
	return list, more, withUpdates(ctx, s.o.DB.Read(), list)
}
