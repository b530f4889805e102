package status

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// get asks a public route.
func (w *world) get(path string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	mux := http.NewServeMux()
	for _, rt := range w.PublicRoutes() {
		mux.HandleFunc(rt.Path, func(rw http.ResponseWriter, r *http.Request) {
			if err := rt.Handle(rw, r); err != nil {
				w.t.Errorf("%s: %v", path, err)
			}
		})
	}
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rw := httptest.NewRecorder()
	mux.ServeHTTP(rw, r)
	return rw
}

// shown is a world with something to tell.
func shown(t *testing.T) *world {
	w := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.NewFake(noon))
	w.minutes(5)
	w.found[Models] = Finding{Down, "secret words of an engine"}
	w.minutes(20)
	if _, err := w.Create(t.Context(), operator, NewIncident{Name: `<script>alert("x")</script> & more`, Body: "Line one\nline <b>two</b> \x01 ☃", Impact: ImpactMinor}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPage(t *testing.T) {
	w := shown(t)
	got := w.get("/status")
	page := got.Body.String()
	for _, want := range []string{
		`<html lang="en">`, "<h1>Parley status</h1>", "Some systems are down", "&lt;script&gt;alert", "line &lt;b&gt;two&lt;/b&gt;", "Models not available", "100 % uptime", "20.00 % uptime",
		`<time datetime="2024-01-25T12:24:00Z">`, "25 January 2024: Down 20 minutes", "90 days ago",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "secret") || strings.Contains(page, "<script>") || strings.Contains(page, "ZgotmplZ") || strings.Contains(page, " style=") {
		t.Error("the page says what is not public, or has what its policy forbids")
	}
	if n := strings.Count(page, "<rect "); n != 3*shownDays {
		t.Errorf("%d bars", n)
	}
	csp := got.Header().Get("Content-Security-Policy")
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	if len(style) != 2 || style[1] != pageStyle || !strings.Contains(csp, "style-src 'sha256-") || strings.Contains(csp, "script-src") {
		t.Errorf("policy %q must be of the style as it is in the page", csp)
	}
	if len(page) > 64<<10 {
		t.Errorf("%d bytes, which must load fast", len(page))
	}
	korean := w.get("/status", "Accept-Language", "ko-KR,ko;q=0.9,en;q=0.8").Body.String()
	if !strings.Contains(korean, `<html lang="ko">`) || !strings.Contains(korean, "일부 시스템 중단") || !strings.Contains(korean, "2024년 1월 25일") {
		t.Error("the page in Korean")
	}
	if strings.Contains(w.get("/status?lang=en", "Accept-Language", "ko").Body.String(), `lang="ko">`+"\n<head>") {
		t.Error("the parameter chooses")
	}
}

func TestLanguages(t *testing.T) {
	for _, tt := range [][3]string{{"", "", "en"}, {"", "de, fr;q=0.9", "en"}, {"", "de, ko;q=0.5, en;q=0.4", "ko"}, {"", "en;q=0.2,ko;q=0.1", "en"}, {"ko", "en", "ko"}, {"xx", "ko", "ko"}, {"", "ko;q=x,en", "en"}} {
		if got := language(tt[0], tt[1]); got != tt[2] {
			t.Errorf("language(%q, %q) = %s", tt[0], tt[1], got)
		}
	}
	for lang, w := range languages {
		for _, c := range Components {
			if w.names[c] == "" || w.about[c] == "" {
				t.Errorf("%s has no words for %s", lang, c)
			}
		}
		for _, list := range [][]string{statuses, impacts} {
			for _, v := range list {
				if w.statuses[v] == "" && w.impacts[v] == "" {
					t.Errorf("%s has no word for %s", lang, v)
				}
			}
		}
	}
}

// feedOf reads the feed as a reader does, with another structure than the one that wrote it.
func feedOf(t *testing.T, data string) (ids []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(data))
	d.Strict = true
	var feed struct {
		XMLName xml.Name
		ID      string `xml:"http://www.w3.org/2005/Atom id"`
		Title   string `xml:"http://www.w3.org/2005/Atom title"`
		Updated string `xml:"http://www.w3.org/2005/Atom updated"`
		Author  struct {
			Name string `xml:"http://www.w3.org/2005/Atom name"`
		} `xml:"http://www.w3.org/2005/Atom author"`
		Entries []struct {
			ID        string `xml:"http://www.w3.org/2005/Atom id"`
			Title     string `xml:"http://www.w3.org/2005/Atom title"`
			Updated   string `xml:"http://www.w3.org/2005/Atom updated"`
			Published string `xml:"http://www.w3.org/2005/Atom published"`
		} `xml:"http://www.w3.org/2005/Atom entry"`
	}
	if err := d.Decode(&feed); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	when := func(s string) {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			t.Error(err)
		}
	}
	when(feed.Updated)
	if feed.XMLName.Local != "feed" || !strings.HasPrefix(feed.ID, "urn:uuid:") || feed.Title == "" || feed.Author.Name == "" {
		t.Errorf("%+v", feed)
	}
	for _, e := range feed.Entries {
		when(e.Updated)
		when(e.Published)
		if !strings.HasPrefix(e.ID, "urn:uuid:") || e.Title == "" {
			t.Errorf("%+v", e)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

func TestFeed(t *testing.T) {
	w := shown(t)
	got := w.get("/status.atom")
	if ct := got.Header().Get("Content-Type"); ct != "application/atom+xml; charset=utf-8" {
		t.Error(ct)
	}
	ids := feedOf(t, got.Body.String())
	if len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("%v", ids)
	}
	if again := feedOf(t, w.get("/status.atom").Body.String()); again[0] != ids[0] {
		t.Error("an entry's id changed")
	}
	if strings.Contains(got.Body.String(), "secret") {
		t.Error("the feed says what is not public")
	}
	if empty := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.NewFake(noon)); true {
		empty.minutes(1)
		if ids := feedOf(t, empty.get("/status.atom").Body.String()); len(ids) != 0 {
			t.Errorf("%v", ids)
		}
	}
}

// TestStatuspageShape: members that programs for Statuspage read are there, with the values that it has.
func TestStatuspageShape(t *testing.T) {
	w := shown(t)
	read := func(path string) map[string]any {
		t.Helper()
		got := w.get(path)
		if o := got.Header().Get("Access-Control-Allow-Origin"); o != "*" {
			t.Errorf("%s: origin %q", path, o)
		}
		var out map[string]any
		if err := json.Unmarshal(got.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		if out["page"].(map[string]any)["time_zone"] != "Etc/UTC" {
			t.Errorf("%s: %v", path, out["page"])
		}
		return out
	}
	summary := read("/api/v2/summary.json")
	if s := summary["status"].(map[string]any); s["indicator"] != "major" || s["description"] != "Partial System Outage" {
		t.Errorf("%v", s)
	}
	components := summary["components"].([]any)
	if c := components[1].(map[string]any); len(components) != 3 || c["id"] != "models" || c["status"] != "major_outage" || c["start_date"] != "2024-01-25" || c["position"] != 2.0 {
		t.Errorf("%v", components)
	}
	if n := len(summary["incidents"].([]any)); n != 2 {
		t.Errorf("%d incidents go on", n)
	}
	if m, ok := summary["scheduled_maintenances"].([]any); !ok || len(m) != 0 {
		t.Errorf("%v", summary["scheduled_maintenances"])
	}
	incident := read("/api/v2/incidents.json")["incidents"].([]any)[1].(map[string]any)
	if incident["status"] != "investigating" || incident["impact"] != "major" || incident["started_at"] != "2024-01-25T12:05:00.000Z" || incident["resolved_at"] != nil ||
		len(incident["incident_updates"].([]any)) != 1 || len(incident["components"].([]any)) != 1 {
		t.Errorf("%v", incident)
	}
	if n := len(read("/api/v2/incidents/unresolved.json")["incidents"].([]any)); n != 2 {
		t.Errorf("%d", n)
	}
	for _, path := range []string{"/status.json", "/api/v2/status.json", "/api/v2/components.json"} {
		read(path)
	}
}

// FuzzTexts: whatever an operator writes, the page has no tag of theirs and the feed can be read.
func FuzzTexts(f *testing.F) {
	f.Add("Slow answers", "We look.", "ko;q=0.1,en")
	f.Add("]]>", "</style><script>alert(1)</script>", "*")
	f.Add("\u2028\ufffe", "\x0b&#0; \u2028", ";;;,q=")
	f.Fuzz(func(t *testing.T, name, body, accept string) {
		if checkName(name) != nil || checkText("body", body, maxBody) != nil {
			return
		}
		w := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.NewFake(noon))
		w.minutes(1)
		if _, err := w.Create(t.Context(), operator, NewIncident{Name: name, Body: body}); err != nil {
			t.Fatal(err)
		}
		page := w.get("/status", "Accept-Language", accept).Body.String()
		if strings.Count(page, "<script") != 0 || strings.Count(page, "</style>") != 1 || strings.Count(page, "<article") != 1 {
			t.Error("the text became a part of the page")
		}
		feedOf(t, w.get("/status.atom").Body.String())
	})
}
