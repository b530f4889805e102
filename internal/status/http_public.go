package status

import (
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/parley-ai/parley/internal/httpapi"
)

// The public shapes are those of Atlassian's Statuspage, API v2, as https://status.openai.com/api had them.

// PagePart says whose status it is.
type PagePart struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	URL       string  `json:"url"`
	TimeZone  string  `json:"time_zone" doc:"Always Etc/UTC."`
	UpdatedAt *string `json:"updated_at"`
}

// OpenAPIName is the schema's name.
func (PagePart) OpenAPIName() string { return "StatusPageInfo" }

// IndicatorPart says how the whole is.
type IndicatorPart struct {
	Indicator   Overall `json:"indicator" enum:"none,minor,major,critical"`
	Description string  `json:"description" example:"All Systems Operational"`
}

// OpenAPIName is the schema's name.
func (IndicatorPart) OpenAPIName() string { return "StatusPageIndicator" }

// ComponentPart is a component.
type ComponentPart struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Status      string  `json:"status" enum:"operational,degraded_performance,partial_outage,major_outage,under_maintenance"`
	CreatedAt   *string `json:"created_at"`
	UpdatedAt   *string `json:"updated_at"`
	Position    int     `json:"position"`
	Description *string `json:"description"`
	Showcase    bool    `json:"showcase"`
	StartDate   *string `json:"start_date"`
	GroupID     *string `json:"group_id"`
	PageID      string  `json:"page_id"`
	Group       bool    `json:"group"`
	OnlyShowBad bool    `json:"only_show_if_degraded"`
}

// OpenAPIName is the schema's name.
func (ComponentPart) OpenAPIName() string { return "StatusPageComponent" }

// IncidentPart is an incident.
type IncidentPart struct {
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Status       string          `json:"status" enum:"investigating,identified,monitoring,resolved"`
	CreatedAt    *string         `json:"created_at"`
	UpdatedAt    *string         `json:"updated_at"`
	MonitoringAt *string         `json:"monitoring_at"`
	ResolvedAt   *string         `json:"resolved_at"`
	Impact       string          `json:"impact" enum:"none,minor,major,critical"`
	Shortlink    string          `json:"shortlink"`
	StartedAt    *string         `json:"started_at"`
	PageID       string          `json:"page_id"`
	Updates      []UpdatePart    `json:"incident_updates"`
	Components   []ComponentPart `json:"components"`
}

// OpenAPIName is the schema's name.
func (IncidentPart) OpenAPIName() string { return "StatusPageIncident" }

// UpdatePart is a text about an incident.
type UpdatePart struct {
	ID         string  `json:"id"`
	Status     string  `json:"status"`
	Body       string  `json:"body"`
	IncidentID string  `json:"incident_id"`
	CreatedAt  *string `json:"created_at"`
	UpdatedAt  *string `json:"updated_at"`
	DisplayAt  *string `json:"display_at"`
}

// OpenAPIName is the schema's name.
func (UpdatePart) OpenAPIName() string { return "StatusPageIncidentUpdate" }

// Maintenance is never there: Parley announces no maintenance.
type Maintenance struct{}

// OpenAPIName is the schema's name.
func (Maintenance) OpenAPIName() string { return "StatusPageMaintenance" }

// Summary is the answer of /api/v2/summary.json.
type Summary struct {
	Page         PagePart        `json:"page"`
	Components   []ComponentPart `json:"components"`
	Incidents    []IncidentPart  `json:"incidents" doc:"Those that go on."`
	Maintenances []Maintenance   `json:"scheduled_maintenances" doc:"Always empty."`
	Status       IndicatorPart   `json:"status"`
}

// OpenAPIName is the schema's name.
func (Summary) OpenAPIName() string { return "StatusPageSummary" }

// StatusAnswer is the answer of /api/v2/status.json.
type StatusAnswer struct {
	Page   PagePart      `json:"page"`
	Status IndicatorPart `json:"status"`
}

// OpenAPIName is the schema's name.
func (StatusAnswer) OpenAPIName() string { return "StatusPageStatus" }

// ComponentsAnswer is the answer of /api/v2/components.json.
type ComponentsAnswer struct {
	Page       PagePart        `json:"page"`
	Components []ComponentPart `json:"components"`
}

// OpenAPIName is the schema's name.
func (ComponentsAnswer) OpenAPIName() string { return "StatusPageComponents" }

// IncidentsAnswer is the answer of /api/v2/incidents.json.
type IncidentsAnswer struct {
	Page      PagePart       `json:"page"`
	Incidents []IncidentPart `json:"incidents"`
}

// OpenAPIName is the schema's name.
func (IncidentsAnswer) OpenAPIName() string { return "StatusPageIncidents" }

// PublicRoutes need nobody. They are served when the operator shows the page.
func (s *Service) PublicRoutes() []httpapi.Route {
	json := func(path, op, summary string, out any, handle func(view) any) httpapi.Route {
		return httpapi.Route{Method: http.MethodGet, Path: path, Op: op, Tag: "Status", Auth: httpapi.AuthNone, Out: out, Summary: summary,
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				public(w)
				return httpapi.JSON(w, http.StatusOK, handle(s.view(r.Context())))
			}}
	}
	unresolved := func(v view) []Incident {
		return slices.DeleteFunc(slices.Clone(v.incidents), func(in Incident) bool { return in.Status == Resolved })
	}
	summary := func(v view) any {
		return Summary{s.page(v), s.parts(v), s.incidentParts(v, unresolved(v)), []Maintenance{}, indicator(v)}
	}
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/status", Op: "statusPage", Tag: "Status", Auth: httpapi.AuthNone, Produces: "text/html", Handle: s.servePage,
			Summary: "The status page."},
		{Method: http.MethodGet, Path: "/status.atom", Op: "statusFeed", Tag: "Status", Auth: httpapi.AuthNone, Produces: "application/atom+xml", Handle: s.serveFeed,
			Summary: "The feed of incidents."},
		json("/status.json", "statusJSON", "The status page as data: the same as /api/v2/summary.json.", Summary{}, summary),
		json("/api/v2/summary.json", "statusSummary", "Components, incidents that go on, and how the whole is.", Summary{}, summary),
		json("/api/v2/status.json", "statusIndicator", "How the whole is.", StatusAnswer{}, func(v view) any { return StatusAnswer{s.page(v), indicator(v)} }),
		json("/api/v2/components.json", "statusComponents", "The components.", ComponentsAnswer{}, func(v view) any { return ComponentsAnswer{s.page(v), s.parts(v)} }),
		json("/api/v2/incidents.json", "statusIncidents", "Incidents of the last 90 days, at most 100.", IncidentsAnswer{}, func(v view) any {
			return IncidentsAnswer{s.page(v), s.incidentParts(v, v.incidents)}
		}),
		json("/api/v2/incidents/unresolved.json", "statusUnresolved", "Incidents that go on.", IncidentsAnswer{}, func(v view) any {
			return IncidentsAnswer{s.page(v), s.incidentParts(v, unresolved(v))}
		}),
	}
}

// public sets what all public answers have: pages of other sites may read them, they hold nothing of anybody.
func public(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "public, max-age=10")
	h.Set("X-Content-Type-Options", "nosniff")
}

const pageID = "parley"

func (s *Service) page(v view) PagePart {
	checked := v.checked
	return PagePart{ID: pageID, Name: s.o.Title, URL: s.o.URL() + "/status", TimeZone: "Etc/UTC", UpdatedAt: stamp(&checked)}
}

// indicator words are those that Statuspage has.
func indicator(v view) IndicatorPart {
	o := v.overall()
	return IndicatorPart{o, map[Overall]string{None: "All Systems Operational", Minor: "Partially Degraded Service", Major: "Partial System Outage", Critical: "Major Service Outage"}[o]}
}

func (s *Service) parts(v view) []ComponentPart {
	out := make([]ComponentPart, len(v.components))
	for i, c := range v.components {
		checked := v.checked
		out[i] = ComponentPart{
			ID: c.ID, Name: names[c.ID], Position: i + 1, PageID: pageID, UpdatedAt: stamp(&checked), Showcase: true,
			Status: map[State]string{Operational: "operational", Degraded: "degraded_performance", Down: "major_outage"}[c.State],
		}
		if len(c.Days) > 0 {
			out[i].StartDate = &c.Days[0].Date
		}
	}
	return out
}

func (s *Service) incidentParts(v view, list []Incident) []IncidentPart {
	components := s.parts(v)
	out := make([]IncidentPart, len(list))
	for i, in := range list {
		p := IncidentPart{
			ID: in.ID, Name: in.Name, Status: in.Status, CreatedAt: stamp(&in.Created), UpdatedAt: stamp(&in.Updated), ResolvedAt: stamp(in.Resolved), Impact: in.Impact,
			Shortlink: s.o.URL() + "/status#" + url.PathEscape(in.ID), StartedAt: stamp(&in.Started), PageID: pageID, Updates: make([]UpdatePart, len(in.Updates)), Components: []ComponentPart{},
		}
		for j, u := range in.Updates {
			p.Updates[j] = UpdatePart{u.ID, u.Status, u.Body, in.ID, stamp(&u.Created), stamp(&u.Updated), stamp(&u.Created)}
			if u.Status == Monitoring {
				p.MonitoringAt = stamp(&u.Created)
			}
		}
		for _, c := range components {
			if slices.Contains(in.Components, c.ID) {
				p.Components = append(p.Components, c)
			}
		}
		out[i] = p
	}
	return out
}

// atomFeed is the feed, RFC 4287.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Links   []atomLink  `xml:"link"`
	Author  string      `xml:"author>name"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string   `xml:"id"`
	Title     string   `xml:"title"`
	Published string   `xml:"published"`
	Updated   string   `xml:"updated"`
	Link      atomLink `xml:"link"`
	Content   atomText `xml:"content"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// urn names something for good: what feeds ask of an id, also when the server's address changes.
func urn(of ...string) string {
	h := sha256.New()
	for _, s := range of {
		fmt.Fprintf(h, "%d %s", len(s), s)
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: made in our own way
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (s *Service) serveFeed(w http.ResponseWriter, r *http.Request) error {
	v := s.view(r.Context())
	page := s.o.URL() + "/status"
	feed := atomFeed{ID: urn(s.o.DB.InstanceID(), "status"), Title: s.o.Title, Author: s.o.Title, Updated: v.checked.UTC().Format(time.RFC3339), Links: []atomLink{
		{"self", "application/atom+xml", page + ".atom"}, {"alternate", "text/html", page},
	}}
	for i, in := range v.incidents {
		if i == 0 || in.Updated.UTC().Format(time.RFC3339) > feed.Updated {
			feed.Updated = in.Updated.UTC().Format(time.RFC3339)
		}
		text := ""
		for _, u := range in.Updates {
			text += fmt.Sprintf("%s, %s: %s\n\n", u.Created.UTC().Format("2 January 2006 15:04 UTC"), u.Status, u.Body)
		}
		feed.Entries = append(feed.Entries, atomEntry{
			ID: urn(s.o.DB.InstanceID(), in.ID), Title: in.Name, Published: in.Started.UTC().Format(time.RFC3339), Updated: in.Updated.UTC().Format(time.RFC3339),
			Link: atomLink{"alternate", "text/html", page + "#" + url.PathEscape(in.ID)}, Content: atomText{"text", text},
		})
	}
	data, err := xml.MarshalIndent(feed, "", "  ")
	if err != nil {
		return err
	}
	public(w)
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	_, err = w.Write(append([]byte(xml.Header), append(data, '\n')...))
	return err
}
