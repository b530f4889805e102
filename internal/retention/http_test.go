package retention

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// as lets everybody in as one actor.
type as struct{ who *actor.Actor }

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return *a.who, nil }

// shown finds the kept body, whose text alone ("Hi") an id may hold by chance.
var shown = regexp.MustCompile(`Hi(<|\\u003c)`)

// desk is the routes with whoever acts.
type desk struct {
	*bench
	who actor.Actor
	api *httpapi.API
}

func newDesk(t *testing.T, db *store.DB) *desk {
	d := &desk{bench: newBench(t, db, nil)}
	var err error
	d.api, err = httpapi.New(httpapi.Options{Auth: as{&d.who}, Logger: slog.New(slog.DiscardHandler), Routes: slices.Concat(d.Routes(), d.AdminRoutes())})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) call(who actor.Actor, method, path, body string, status int) string {
	d.t.Helper()
	d.who = who
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	d.api.ServeHTTP(rec, r)
	if rec.Code != status {
		d.t.Fatalf("%s %s: %d, want %d: %s", method, path, rec.Code, status, rec.Body)
	}
	return rec.Body.String()
}

func has(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// TestRoutes: settings as the organization and the operator see them, the queue with its bodies in one place only, and the export.
func TestRoutes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		operator := ann
		operator.Operator = true
		has(t, d.call(ann, "GET", "/api/retention", "", 200), `"days":30`, `"organization_days":null`, `"share_for_training":false`, `"stored":{"requests":0,"bytes":0,"oldest_at":null}`, `"warnings":[]`)
		has(t, d.call(ann, "PUT", "/api/retention", `{"days":7,"share_for_training":true}`, 200), `"days":7`, `"organization_days":7`, `"default_days":30`, `"shared_since":1699293600`)
		for body, want := range map[string]string{`{"days":400}`: `"param":"days"`, `{"days":0,"share_for_training":true}`: "nothing_to_share", `{"dayz":1}`: "dayz", `{"days":"7"}`: `"param":"days"`} {
			has(t, d.call(ann, "PUT", "/api/retention", body, 400), want)
		}
		id := d.ask(ann, `{"messages":[{"role":"user","content":"<b>Hi</b>"}]}`, "data: {}\n\ndata: [DONE]\n\n")
		d.ask(bob, `{"input":"never shared"}`, "")
		d.flush()
		has(t, d.call(ann, "GET", "/api/retention", "", 200), `"requests":1`, `"oldest_at":1699293600`)
		has(t, d.call(operator, "GET", "/admin/retention", "", 200), `"default_days":30`, `"from_configuration":true`, `"requests":2`, `"dropped_requests":0`, `"kept_requests":2`)
		has(t, d.call(operator, "PUT", "/admin/retention", `{"default_days":10,"sample_rate":0.25}`, 200), `"default_days":10`, `"from_configuration":false`, `"sample_rate":0.25`)
		has(t, d.call(operator, "PUT", "/admin/retention", `{"default_days":10,"sample_rate":2}`, 400), `"param":"sample_rate"`)
		has(t, d.call(operator, "PUT", "/admin/retention/org-a", `{"days":8,"share_for_training":true}`, 200), `"days":8`, `"organization_id":"org-a"`)
		has(t, d.call(operator, "GET", "/admin/retention/org-a", "", 200), `"days":8`)
		d.call(operator, "PUT", "/admin/retention/org-x", `{"days":8}`, 404)

		has(t, d.call(operator, "POST", "/admin/review/items", `{"request_id":"req_x","reason":"?"}`, 400), "request_not_found")
		has(t, d.call(operator, "POST", "/admin/review/items", `{"request_id":"`+id+`"}`, 400), `"param":"reason"`)
		var item struct{ ID string }
		text := d.call(operator, "POST", "/admin/review/items", `{"request_id":"`+id+`","reason":"reported"}`, 200)
		if err := json.Unmarshal([]byte(text), &item); err != nil || item.ID == "" {
			t.Fatalf("%v %s", err, text)
		}
		has(t, text, `"organization_name":"acme"`, `"source":"operator"`, `"state":"open"`, `"claimed_by":null`)
		d.call(operator, "GET", "/api/review/items", "", 403)
		d.call(ann, "POST", "/api/review/items/"+item.ID+"/look", "", 403)
		d.call(rita, "POST", "/api/review/items/"+item.ID+"/look", "", 409)
		has(t, d.call(rita, "POST", "/api/review/next", "", 200), item.ID, `"mine":true`, `"claimed_by":"rita@example.com"`)
		d.call(rolf, "POST", "/api/review/next", "", 404)
		d.call(rolf, "POST", "/api/review/items/"+item.ID+"/claim", "", 409)
		for who, mine := range map[*actor.Actor]string{&rita: `"mine":true`, &rolf: `"mine":false`} {
			text := d.call(*who, "GET", "/api/review/items?state=claimed", "", 200)
			has(t, text, item.ID, mine)
			if shown.MatchString(text) {
				t.Errorf("a body in the list: %s", text)
			}
		}
		text = d.call(rolf, "GET", "/api/review/items/"+item.ID, "", 200)
		has(t, text, `"state":"claimed"`)
		if shown.MatchString(text) {
			t.Errorf("a body in %s", text)
		}
		d.call(rolf, "GET", "/api/review/items/review_none", "", 404)
		d.call(operator, "GET", "/api/review/items/"+item.ID, "", 403)
		has(t, d.call(rolf, "GET", "/api/review/items?mine=true", "", 200), `"data":[]`)
		d.call(rita, "GET", "/api/review/items?state=new", "", 400)
		d.call(rita, "GET", "/api/review/items?after=review_x", "", 400)
		has(t, d.call(rita, "POST", "/api/review/items/"+item.ID+"/look", "", 200), `"request":"{\"messages\":[{\"role\":\"user\",\"content\":\"<b>Hi</b>\"}]}"`,
			`"response":"data: {}\n\ndata: [DONE]\n\n"`, `"request_cut":false`, `"user_id":"user-ann"`, `"service_account_id":null`, `"looks":1`)
		d.call(rita, "POST", "/api/review/items/"+item.ID+"/release", "", 200)
		d.call(rita, "POST", "/api/review/items/"+item.ID+"/claim", "", 200)
		has(t, d.call(rita, "POST", "/api/review/items/"+item.ID+"/decision", `{"decision":"warn"}`, 400), `"param":"message"`)
		has(t, d.call(rita, "POST", "/api/review/items/"+item.ID+"/decision", `{"decision":"warn","message":"Please stop.","note":"n"}`, 200), `"state":"decided"`, `"decision":"warn"`)
		has(t, d.call(operator, "GET", "/admin/review/items?state=decided", "", 200), item.ID)
		has(t, d.call(ann, "GET", "/api/retention", "", 200), `"message":"Please stop."`)

		lines := strings.Split(strings.TrimSpace(d.call(operator, "GET", "/admin/shared-data", "", 200)), "\n")
		if len(lines) != 1 {
			t.Fatalf("%q", lines)
		}
		has(t, lines[0], `"organization_id":"org-a"`, id, `"request":{"messages":[{"role":"user","content":"<b>Hi</b>"}]}`, `"response":"data: {}\n\ndata: [DONE]\n\n"`)
		if text := d.call(operator, "GET", "/admin/shared-data?until=1699293600", "", 200); text != "" {
			t.Errorf("%s", text)
		}
	})
}
