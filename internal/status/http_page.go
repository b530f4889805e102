package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("status").Parse(pageSource))

// policy lets the page have its own style, and nothing else: no script, no picture, no frame.
var policy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// sheet is what the template shows.
type sheet struct {
	Lang, Title, Class, Mark, Checked, CheckedISO string
	Words                                         words
	Style                                         template.CSS
	Components                                    []row
	Open                                          []card
	Past                                          []dated
}

type row struct {
	Name, About, State, Class, Mark, Label, Uptime, BadCount string
	Bars                                                     []bar
	Bad                                                      []string
}

type bar struct {
	X            int
	Class, Title string
}

type card struct {
	ID, Name, Class, Impact, Since, Components string
	Updates                                    []note
}

type note struct{ Status, Body, At, ISO string }

type dated struct {
	Date      string
	Incidents []card
}

var classes = map[State]string{Operational: "ok", Degraded: "degraded", Down: "down"}

// marks say it without colors.
var marks = map[string]string{"ok": "✓", "degraded": "!", "down": "✕"}

func (s *Service) servePage(w http.ResponseWriter, r *http.Request) error {
	lang := language(r.URL.Query().Get("lang"), r.Header.Get("Accept-Language"))
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, s.sheet(s.view(r.Context()), lang)); err != nil {
		return err
	}
	public(w)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept-Language")
	_, err := w.Write(out.Bytes())
	return err
}

const clockForm = "15:04 UTC"

func (s *Service) sheet(v view, lang string) sheet {
	t := languages[lang]
	o := v.overall()
	t.Overall = t.overall[o]
	class := map[Overall]string{None: "ok", Minor: "degraded", Major: "down", Critical: "down"}[o]
	checked := v.checked.UTC()
	out := sheet{
		Lang: lang, Title: s.o.Title, Class: class, Mark: marks[class], Checked: t.date(checked) + ", " + checked.Format("15:04:05 UTC"), CheckedISO: checked.Format(time.RFC3339),
		Words: t, Style: template.CSS(pageStyle), //nolint:gosec // a file of this program
	}
	today := s.o.Clock.Now().UTC()
	for _, c := range v.components {
		out.Components = append(out.Components, t.row(c, today, lang))
	}
	for _, in := range v.incidents {
		if in.Status != Resolved {
			out.Open = append(out.Open, t.card(in, lang))
			continue
		}
		date := t.date(in.Started.UTC())
		if n := len(out.Past); n == 0 || out.Past[n-1].Date != date {
			out.Past = append(out.Past, dated{Date: date})
		}
		last := &out.Past[len(out.Past)-1]
		last.Incidents = append(last.Incidents, t.card(in, lang))
	}
	return out
}

// row is a component with a bar for each day.
func (t words) row(c Live, today time.Time, lang string) row {
	class := classes[c.State]
	r := row{Name: t.names[c.ID], About: t.about[c.ID], State: t.states[c.State], Class: class, Mark: marks[class], Uptime: t.noUptime}
	if c.Up != nil {
		r.Uptime = fmt.Sprintf(t.uptime, percent(*c.Up))
	}
	r.Label = fmt.Sprintf(t.label, r.Name, r.Uptime, len(c.Days))
	days := map[string]Day{}
	for _, d := range c.Days {
		days[d.Date] = d
	}
	for i := range shownDays {
		date := today.AddDate(0, 0, i+1-shownDays)
		b := bar{X: i * 4}
		if d, ok := days[date.Format(time.DateOnly)]; ok {
			b.Class, b.Title = t.day(d, date, lang)
		} else {
			b.Class, b.Title = "none", fmt.Sprintf(t.dayNone, t.date(date))
		}
		if b.Class != "ok" && b.Class != "none" {
			r.Bad = append([]string{b.Title}, r.Bad...)
		}
		r.Bars = append(r.Bars, b)
	}
	if len(r.Bad) > 0 {
		r.BadCount = fmt.Sprintf(t.badDays, len(r.Bad))
	}
	return r
}

// longDown is how many minutes of a day make it a bad one.
const longDown = 15

// day says how a day was: its color and its words.
func (t words) day(d Day, date time.Time, lang string) (class, title string) {
	var parts []string
	for _, p := range []struct {
		n    int64
		name string
	}{{d.Down, t.Down}, {d.Degraded, t.Degraded}, {d.Absent, t.Absent}} {
		if p.n > 0 {
			parts = append(parts, p.name+" "+t.duration(lang, p.n))
		}
	}
	switch {
	case len(parts) == 0:
		return "ok", fmt.Sprintf(t.dayFine, t.date(date))
	case d.Down >= longDown:
		class = "down"
	case d.Absent >= longDown:
		class = "absent"
	default:
		class = "degraded"
	}
	return class, fmt.Sprintf(t.minutesOf, t.date(date), strings.Join(parts, ", "))
}

func (t words) card(in Incident, lang string) card {
	c := card{ID: in.ID, Name: in.Name, Class: "degraded", Impact: t.impacts[in.Impact]}
	if in.Impact == ImpactMajor || in.Impact == ImpactCritical {
		c.Class = "down"
	}
	began := t.date(in.Started.UTC()) + ", " + in.Started.UTC().Format(clockForm)
	c.Since = fmt.Sprintf(t.since, began)
	if in.Resolved != nil {
		c.Since = fmt.Sprintf(t.ended, began, t.duration(lang, int64(in.Resolved.Sub(in.Started).Round(time.Minute)/time.Minute)))
	}
	var names []string
	for _, id := range in.Components {
		names = append(names, t.names[id])
	}
	c.Components = strings.Join(names, ", ")
	for _, u := range in.Updates {
		c.Updates = append(c.Updates, note{t.statuses[u.Status], u.Body, t.date(u.Created.UTC()) + ", " + u.Created.UTC().Format(clockForm), u.Created.UTC().Format(time.RFC3339)})
	}
	return c
}
