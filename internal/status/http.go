package status

import (
	"errors"
	"net/http"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// ComponentObject is a component as the operator sees it.
type ComponentObject struct {
	Object    string      `json:"object" enum:"status_component"`
	ID        string      `json:"id" enum:"api,chat,models,database,jobs"`
	State     State       `json:"state" enum:"operational,degraded,down"`
	Reason    string      `json:"reason,omitempty" doc:"Why it is not operational; the public page does not say it."`
	Uptime    *float64    `json:"uptime" doc:"Share of the minutes of the last 90 days in which it was operational or degraded; null: nothing was counted yet."`
	Days      []DayObject `json:"days" doc:"At most 90 days, the oldest first; days on which nothing was counted are left out."`
	CheckedAt int64       `json:"checked_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (ComponentObject) OpenAPIName() string { return "StatusComponent" }

// DayObject is a day of a component, in minutes.
type DayObject struct {
	Date        string `json:"date" example:"2024-01-25" doc:"UTC."`
	Operational int64  `json:"operational"`
	Degraded    int64  `json:"degraded"`
	Down        int64  `json:"down"`
	Absent      int64  `json:"absent" doc:"Minutes in which no server ran."`
}

// OpenAPIName is the schema's name.
func (DayObject) OpenAPIName() string { return "StatusDay" }

// IncidentObject is an incident as the operator sees it.
type IncidentObject struct {
	Object     string         `json:"object" enum:"incident"`
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Status     string         `json:"status" enum:"investigating,identified,monitoring,resolved"`
	Impact     string         `json:"impact" enum:"none,minor,major,critical"`
	Components []string       `json:"components"`
	Automatic  bool           `json:"automatic" doc:"The server opened it itself."`
	StartedAt  int64          `json:"started_at" doc:"Seconds since 1970."`
	ResolvedAt *int64         `json:"resolved_at" doc:"Seconds since 1970; null while it goes on."`
	UpdatedAt  int64          `json:"updated_at" doc:"Seconds since 1970."`
	Updates    []UpdateObject `json:"updates" doc:"The newest first."`
}

// OpenAPIName is the schema's name.
func (IncidentObject) OpenAPIName() string { return "Incident" }

// UpdateObject is a text about an incident.
type UpdateObject struct {
	ID        string `json:"id"`
	Status    string `json:"status" enum:"investigating,identified,monitoring,resolved"`
	Body      string `json:"body"`
	CreatedAt int64  `json:"created_at" doc:"Seconds since 1970."`
	UpdatedAt int64  `json:"updated_at" doc:"Seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (UpdateObject) OpenAPIName() string { return "IncidentUpdate" }

// OpenAPIName is the schema's name.
func (NewIncident) OpenAPIName() string { return "NewIncident" }

// OpenAPIName is the schema's name.
func (Edit) OpenAPIName() string { return "IncidentEdit" }

// OpenAPIName is the schema's name.
func (NewUpdate) OpenAPIName() string { return "NewIncidentUpdate" }

// NewText is another text for an update.
type NewText struct {
	Body string `json:"body" doc:"The text instead of the one that was there."`
}

// OpenAPIName is the schema's name.
func (NewText) OpenAPIName() string { return "IncidentUpdateEdit" }

func incidentObject(in Incident) IncidentObject {
	o := IncidentObject{
		Object: "incident", ID: in.ID, Name: in.Name, Status: in.Status, Impact: in.Impact, Components: append([]string{}, in.Components...), Automatic: in.Automatic,
		StartedAt: in.Started.Unix(), UpdatedAt: in.Updated.Unix(), Updates: make([]UpdateObject, len(in.Updates)),
	}
	if in.Resolved != nil {
		at := in.Resolved.Unix()
		o.ResolvedAt = &at
	}
	for i, u := range in.Updates {
		o.Updates[i] = UpdateObject{u.ID, u.Status, u.Body, u.Created.Unix(), u.Updated.Unix()}
	}
	return o
}

// AdminRoutes are the operator's.
func (s *Service) AdminRoutes() []httpapi.Route {
	routes := []httpapi.Route{
		{Method: http.MethodGet, Path: "/admin/components", Op: "adminListComponents", Out: httpapi.List[ComponentObject]{}, Handle: s.listComponents,
			Summary: "The components of the status page: their state, why, and their uptime by day."},
		{Method: http.MethodGet, Path: "/admin/incidents", Op: "adminListIncidents", Query: httpapi.PageQuery{}, Out: httpapi.List[IncidentObject]{}, Handle: s.listIncidents,
			Summary: "Incidents, the newest first."},
		{Method: http.MethodPost, Path: "/admin/incidents", Op: "adminCreateIncident", In: NewIncident{}, Out: IncidentObject{}, Handle: s.createIncident,
			Summary: "Opens an incident; the status page shows it at once."},
		{Method: http.MethodGet, Path: "/admin/incidents/{incident}", Op: "adminGetIncident", Out: IncidentObject{}, Handle: s.getIncident,
			Summary: "An incident with its updates."},
		{Method: http.MethodPost, Path: "/admin/incidents/{incident}", Op: "adminEditIncident", In: Edit{}, Out: IncidentObject{}, Handle: s.editIncident,
			Summary: "Changes the name, the impact or the components of an incident."},
		{Method: http.MethodDelete, Path: "/admin/incidents/{incident}", Op: "adminDeleteIncident", Out: httpapi.Deleted{}, Handle: s.deleteIncident,
			Summary: "Removes an incident from the page and its history."},
		{Method: http.MethodPost, Path: "/admin/incidents/{incident}/updates", Op: "adminWriteIncidentUpdate", In: NewUpdate{}, Out: IncidentObject{}, Handle: s.writeUpdate,
			Summary: "Writes an update; the status resolved closes the incident."},
		{Method: http.MethodPost, Path: "/admin/incidents/{incident}/updates/{update}", Op: "adminEditIncidentUpdate", In: NewText{}, Out: IncidentObject{}, Handle: s.rewriteUpdate,
			Summary: "Changes the text of an update."},
	}
	for i := range routes {
		routes[i].Tag, routes[i].Scope = "Admin", actor.Operate
	}
	return routes
}

func (s *Service) listComponents(w http.ResponseWriter, r *http.Request) error {
	live, checked := s.Now(r.Context())
	out := make([]ComponentObject, len(live))
	for i, c := range live {
		o := ComponentObject{Object: "status_component", ID: c.ID, State: c.State, Reason: c.Text, Uptime: c.Up, Days: make([]DayObject, len(c.Days)), CheckedAt: checked.Unix()}
		for j, d := range c.Days {
			o.Days[j] = DayObject(d)
		}
		out[i] = o
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, false, func(o ComponentObject) string { return o.ID }))
}

func (s *Service) listIncidents(w http.ResponseWriter, r *http.Request) error {
	p, err := httpapi.PageOf(r)
	if err != nil {
		return err
	}
	list, more, err := s.List(r.Context(), store.Paging(p))
	var bad *store.CursorError
	if errors.As(err, &bad) {
		return fault.Param(bad.Param, "No incident `%s` to page from.", bad.ID[:min(len(bad.ID), 100)])
	}
	if err != nil {
		return err
	}
	out := make([]IncidentObject, len(list))
	for i, in := range list {
		out[i] = incidentObject(in)
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o IncidentObject) string { return o.ID }))
}

func answer(w http.ResponseWriter, in Incident, err error) error {
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, incidentObject(in))
}

func (s *Service) createIncident(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NewIncident](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, err := s.Create(r.Context(), httpapi.ActorOf(r.Context()), in)
	return answer(w, out, err)
}

func (s *Service) getIncident(w http.ResponseWriter, r *http.Request) error {
	out, err := s.Get(r.Context(), r.PathValue("incident"))
	return answer(w, out, err)
}

func (s *Service) editIncident(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[Edit](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, err := s.Edit(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("incident"), in)
	return answer(w, out, err)
}

func (s *Service) deleteIncident(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("incident")
	if err := s.Delete(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "incident.deleted", Deleted: true})
}

func (s *Service) writeUpdate(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NewUpdate](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, err := s.Write(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("incident"), in)
	return answer(w, out, err)
}

func (s *Service) rewriteUpdate(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NewText](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	out, err := s.Rewrite(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("incident"), r.PathValue("update"), in.Body)
	return answer(w, out, err)
}

// stamp writes a time as Statuspage does; null for none.
func stamp(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &text
}
