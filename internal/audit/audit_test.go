package audit

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// as lets every request act as one.
type as struct{ who actor.Actor }

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return a.who, nil }

var (
	owner   = actor.Actor{Org: "org-1", Project: "proj_1", User: "user-1", Email: "one@example.com", Session: "sess_1", Scopes: []string{actor.All}}
	machine = actor.Actor{Org: "org-1", Project: "proj_2", Service: "svc_acct_1", Key: "key_1", Scopes: []string{actor.All}}
	other   = actor.Actor{Org: "org-2", Project: "proj_3", User: "user-2", Key: "key_2", Scopes: []string{actor.All}}
)

// start makes a log in which owner, machine and other did things, a minute apart, from midnight on.
func start(t *testing.T, db *store.DB) *Log {
	t.Helper()
	clk := clock.NewFake(time.Date(2024, 1, 4, 0, 0, 0, 0, time.UTC))
	l := New(db, clk)
	for i, did := range []struct {
		who actor.Actor
		e   Event
	}{
		{owner, Event{Type: SignedIn, Object: "user-1"}},
		{owner, Event{Type: ProjectCreated, Object: "proj_2", Project: "proj_2", After: map[string]any{"name": "two", "archived_at": nil}}},
		{other, Event{Type: KeyCreated, Object: "key_9", Project: "proj_3"}},
		{machine, Event{Type: KeyUpdated, Object: "key_3", Project: "proj_2", Before: map[string]any{"scopes": []string{"*"}}, After: map[string]any{"scopes": []string{"chat.write"}, "name": "x"}}},
		{owner, Event{Type: "calendar_entry.updated", Object: "gpt-4", After: map[string]any{"served": "qwen"}}},
	} {
		if i > 0 {
			clk.Advance(time.Minute)
		}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return l.Record(t.Context(), tx, did.who, did.e) }); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func ask(t *testing.T, l *Log, who actor.Actor, path string, want int) string {
	t.Helper()
	api, err := httpapi.New(httpapi.Options{Routes: l.Routes(), Auth: as{who}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	if rec.Code != want {
		t.Fatalf("%s: %d, want %d: %s", path, rec.Code, want, rec.Body)
	}
	return rec.Body.String()
}

func TestList(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := start(t, db)
		const midnight = 1704326400
		for query, want := range map[string]string{
			"":                     "calendar_entry.updated api_key.updated project.created login.succeeded",
			"limit=2":              "calendar_entry.updated api_key.updated more",
			"project_ids[]=proj_2": "api_key.updated project.created",
			"event_types[]=login.succeeded&event_types[]=project.created": "project.created login.succeeded",
			"actor_ids[]=user-1":                            "calendar_entry.updated project.created login.succeeded",
			"actor_ids[]=svc_acct_1":                        "api_key.updated",
			"actor_ids[]=key_1":                             "api_key.updated",
			"actor_emails[]=one@example.com":                "calendar_entry.updated project.created login.succeeded",
			"resource_ids[]=gpt-4":                          "calendar_entry.updated",
			"resource_ids[]=key_9":                          "", // another organization's
			fmt.Sprint("effective_at[gt]=", midnight):       "calendar_entry.updated api_key.updated project.created",
			fmt.Sprint("effective_at[gte]=", midnight+60):   "calendar_entry.updated api_key.updated project.created",
			fmt.Sprint("effective_at[lt]=", midnight+60):    "login.succeeded",
			fmt.Sprint("effective_at[lte]=", midnight+60):   "project.created login.succeeded",
			"effective_at[lte]=9223372036854775807":         "calendar_entry.updated api_key.updated project.created login.succeeded",
			"effective_at[gt]=-9223372036854775808&limit=1": "calendar_entry.updated more",
		} {
			var got struct {
				Data []struct{ Type string }
				More bool `json:"has_more"`
			}
			if err := json.Unmarshal([]byte(ask(t, l, owner, "/v1/organization/audit_logs?"+query, 200)), &got); err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, line := range got.Data {
				types = append(types, line.Type)
			}
			if got.More {
				types = append(types, "more")
			}
			if s := strings.Join(types, " "); s != want {
				t.Errorf("%q: %s, want %s", query, s, want)
			}
		}
		for _, query := range []string{"limit=0", "limit=101", "limit=x", "after=audit_log-none", "before=%00", "effective_at[gt]=x", "project_ids[]=%00",
			"actor_ids[]=" + strings.Repeat("a,", 100) + "a"} {
			ask(t, l, owner, "/v1/organization/audit_logs?"+query, 400)
		}
		ask(t, l, actor.Actor{Org: "org-1", Key: "k", Scopes: []string{"keys.*"}}, "/v1/organization/audit_logs", 403)
		ask(t, l, actor.Actor{Org: "org-1", Key: "k", Scopes: []string{"keys.*"}}, "/api/audit/export", 403)
	})
}

// TestSearch: whole lines, by a text that stands anywhere in them; and as a table.
func TestSearch(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := start(t, db)
		for query, want := range map[string]string{
			"":                             "calendar_entry.updated api_key.updated project.created login.succeeded",
			"q=QWEN":                       "calendar_entry.updated",
			"q=chat.write":                 "api_key.updated",
			"q=ONE@example.com":            "calendar_entry.updated project.created login.succeeded",
			"q=%25":                        "", // no pattern: a character like others
			"q=api_key":                    "api_key.updated",
			"q=apixkey":                    "",
			"q=key_9":                      "", // another organization's
			"q=project&actor_ids[]=user-1": "project.created",
			"q=svc_acct&event_types[]=x.y": "",
			"q=`%5C&project_ids[]=proj_2":  "",
			"q=two&resource_ids[]=proj_2":  "project.created",
			"limit=1&q=e":                  "calendar_entry.updated more",
			"q=updated&event_types[]=api_key.updated": "api_key.updated",
		} {
			var got struct {
				Data []Line
				More bool `json:"has_more"`
			}
			if err := json.Unmarshal([]byte(ask(t, l, owner, "/api/audit?"+query, 200)), &got); err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, line := range got.Data {
				types = append(types, line.Type)
			}
			if got.More {
				types = append(types, "more")
			}
			if s := strings.Join(types, " "); s != want {
				t.Errorf("%q: %s, want %s", query, s, want)
			}
		}
		for _, query := range []string{"limit=0", "q=%00", "after=audit_log-none"} {
			ask(t, l, owner, "/api/audit?"+query, 400)
		}
		ask(t, l, actor.Actor{Org: "org-1", Key: "k", Scopes: []string{"keys.*"}}, "/api/audit", 403)
		ask(t, l, owner, "/api/audit/export?format=xlsx", 400)

		formula := owner
		formula.Email = "=HYPERLINK(1)"
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return l.Record(t.Context(), tx, formula, Event{Type: SignedOut}) }); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(ask(t, l, owner, "/api/audit/export?format=csv", 200))).ReadAll()
		if err != nil || len(rows) != 6 || rows[0][1] != "type" || rows[1][1] != SignedIn || rows[1][2] != "2024-01-04T00:00:00Z" || rows[3][14] != `{"scopes":["*"]}` {
			t.Fatalf("%v %v", rows, err)
		}
		if rows[4][6] != "'=HYPERLINK(1)" && rows[5][6] != "'=HYPERLINK(1)" { // of one moment with the line before
			t.Errorf("a formula: %v", rows[4:])
		}
	})
}

func TestShape(t *testing.T) {
	l := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	body := ask(t, l, owner, "/v1/organization/audit_logs", 200)
	for _, want := range []string{
		`"api_key.updated":{"changes_requested":{"scopes":["chat.write"]},"id":"key_3"}`,
		`"actor":{"api_key":{"id":"key_1","service_account":{"id":"svc_acct_1"},"type":"service_account"},"type":"api_key"}`,
		`"project.created":{"data":{"name":"two"},"id":"proj_2"}`,
		`"login.succeeded":{}`,
		`"calendar_entry.updated":{"changes_requested":{"served":"qwen"},"id":"gpt-4"}`,
		`"actor":{"session":{"ip_address":"","user":{"email":"one@example.com","id":"user-1"}},"type":"session"}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

// TestExport: all lines of the organization, over several pages, each with its before and after.
func TestExport(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := start(t, db)
		for range store.MaxPage {
			if err := db.Tx(t.Context(), func(tx *store.Tx) error { return l.Record(t.Context(), tx, owner, Event{Type: SignedOut}) }); err != nil {
				t.Fatal(err)
			}
		}
		lines := bufio.NewScanner(strings.NewReader(ask(t, l, owner, "/api/audit/export", 200)))
		n, seen := 0, map[string]bool{}
		for ; lines.Scan(); n++ {
			var line Line
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
			seen[line.ID] = true
			if line.Organization != "org-1" || line.Type == KeyUpdated && string(line.Before) != `{"scopes":["*"]}` {
				t.Errorf("%s", lines.Text())
			}
		}
		if n != store.MaxPage+4 || len(seen) != n {
			t.Errorf("%d lines, %d different", n, len(seen))
		}
	})
}

// TestOrigin: a line made by a request says where it came from.
func TestOrigin(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	l := New(db, clock.System)
	api, err := httpapi.New(httpapi.Options{Auth: as{owner}, Logger: slog.New(slog.DiscardHandler), Routes: []httpapi.Route{{
		Method: http.MethodPost, Path: "/do", Op: "do", Handle: func(w http.ResponseWriter, r *http.Request) error {
			return db.Tx(r.Context(), func(tx *store.Tx) error { return l.Record(r.Context(), tx, owner, Event{Type: SignedOut}) })
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/do", nil)
	r.RemoteAddr = "[2001:db8::1]:4711"
	r.Header.Set("User-Agent", "x\xff"+strings.Repeat("é", 300))
	r.Header.Add("X-Forwarded-For", "192.0.2.1")
	r.Header.Add("X-Forwarded-For", "192.0.2.2")
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, r)
	lines, _, err := l.List(t.Context(), owner, Filter{}, store.Paging{})
	if err != nil || len(lines) != 1 {
		t.Fatalf("%v %v %s", lines, err, rec.Body)
	}
	line := lines[0]
	if line.IP != "2001:db8::1" || line.Forwarded != "192.0.2.1, 192.0.2.2" || !strings.HasPrefix(line.UserAgent, "x\uFFFDéé") || len(line.UserAgent) > 256 ||
		line.RequestID == "" || line.RequestID != rec.Header().Get("X-Request-Id") {
		t.Errorf("%+v", line)
	}
}

// TestAppendOnly: the database itself refuses to change or remove a line, and an act that is undone leaves none.
func TestAppendOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		l := start(t, db)
		for _, statement := range []string{`UPDATE audit_log SET type = 'x'`, `DELETE FROM audit_log`} {
			if _, err := db.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			if err := l.Record(t.Context(), tx, owner, Event{Type: SignedOut}); err != nil {
				return err
			}
			return http.ErrAbortHandler
		})
		lines, _, lerr := l.List(t.Context(), owner, Filter{}, store.Paging{})
		if err == nil || lerr != nil || len(lines) != 4 || lines[3].Type != SignedIn {
			t.Errorf("%v %v %v", err, lerr, lines)
		}
	})
}
