package increase

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	begin    = time.Date(2024, 1, 4, 12, 0, 0, 0, time.UTC)
	owner    = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-o", Email: "o@example.com", Session: "s1", Role: actor.Owner, Scopes: []string{actor.All}}
	member   = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-m", Email: "m@example.com", Session: "s2", Role: actor.Member, Scopes: []string{actor.LimitsRead, actor.LimitsAsk}}
	service  = actor.Actor{Org: "org-a", Project: "proj_a", Service: "svc_1", Key: "key_1", Scopes: []string{actor.LimitsRead, actor.LimitsAsk}}
	other    = actor.Actor{Org: "org-b", Project: "proj_b", User: "user-b", Email: "b@example.com", Session: "s3", Role: actor.Owner, Scopes: []string{actor.All}}
	operator = actor.Actor{Org: "org-0", User: "user-0", Email: "zero@example.com", Session: "s0", Role: actor.Owner, Scopes: []string{actor.All}, Operator: true}
)

// owners is a fake: org-a has proj_a, proj_c and user-m.
type owners struct{}

func (owners) Owns(_ context.Context, org, kind, id string) (bool, error) {
	return org == "org-a" && (id == "proj_a" || id == "proj_c" || id == "user-m"), nil
}
func (owners) Founded(context.Context) (map[string]time.Time, error) { return nil, nil }
func (owners) Spend(context.Context, string, time.Time) (int64, error) {
	return 0, nil
}

// used is a fake: it tells what it was asked for.
type used struct{}

func (used) Days(_ context.Context, org string, subject limits.Subject, id, model string, from, to time.Time) ([]Day, error) {
	return []Day{{Start: from.Unix(), Requests: int64(len(org + string(subject) + id + model)), PeakRequests: int64(to.Sub(from) / (24 * time.Hour))}}, nil
}

// box is a fake of a mail server's outgoing mail.
type box struct {
	off  bool
	sent []mail.Message
}

func (b *box) Configured() bool { return !b.off }
func (b *box) Send(_ context.Context, tx *store.Tx, m mail.Message) error {
	if tx == nil {
		return fmt.Errorf("no transaction")
	}
	b.sent = append(b.sent, m)
	return nil
}

type world struct {
	*Service
	db     *store.DB
	limits *limits.Service
	mail   *box
	clock  *clock.Fake
}

func start(t testing.TB, db *store.DB) *world {
	t.Helper()
	clk := clock.NewFake(begin)
	l, err := limits.NewService(t.Context(), limits.Options{
		DB: db, Bus: bus.NewLocal(), Clock: clk, Logger: slog.New(slog.DiscardHandler), Limiter: limits.New(clk, limits.Settings{RequestsPerMinute: 20, TokensPerMinute: 1000}),
		Owners: owners{}, Spending: owners{}, Models: func(context.Context, actor.Actor) ([]string, error) { return []string{"gpt-4"}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{db: db, limits: l, mail: &box{}, clock: clk}
	w.Service = New(Options{DB: db, Clock: clk, Limits: l, Owners: owners{}, Usage: used{}, Mail: w.mail, Page: func() string { return "https://parley.example" }})
	return w
}

func n(v int64) *int64 { return &v }

func want(perMinute int64) limits.Values { return limits.Values{RequestsPerMinute: &perMinute} }

func (w *world) ask(t testing.TB, who actor.Actor, r Request) Request {
	t.Helper()
	if r.Reason == "" {
		r.Reason = "more people"
	}
	if r.Subject == "" {
		r.Subject = limits.Organization
	}
	got, err := w.Ask(t.Context(), who, r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// log returns the types of an organization's lines, sorted: those of one moment have no order.
func (w *world) log(t testing.TB, org string) string {
	t.Helper()
	lines, _, err := audit.New(w.db, w.clock).List(t.Context(), actor.Actor{Org: org}, audit.Filter{}, store.Paging{Order: "asc"})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range lines {
		out = append(out, l.Type+" "+l.Email)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestApproved(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		r := w.ask(t, member, Request{Model: "gpt-4", Wanted: limits.Values{RequestsPerMinute: n(60), TokensPerMinute: n(9000)}, Evidence: []Day{{Requests: 1e9}}})
		// The server's own figures, of 30 days, whatever the client says.
		from := time.Date(2023, 12, 6, 0, 0, 0, 0, time.UTC)
		if len(r.Evidence) != 1 || r.Evidence[0].Start != from.Unix() || r.Evidence[0].PeakRequests != 29 || r.Evidence[0].Requests != int64(len("org-aorganizationgpt-4")) {
			t.Errorf("evidence %+v", r.Evidence)
		}
		if r.State != Open || *r.InForce.RequestsPerMinute != 20 || *r.InForce.TokensPerDay != 0 {
			t.Errorf("%+v", r)
		}
		got, err := w.Approve(t.Context(), operator, r.ID, &limits.Values{RequestsPerMinute: n(40), TokensPerDay: n(0)}, "as a start")
		if err != nil || got.State != Approved || *got.Granted.RequestsPerMinute != 40 {
			t.Fatalf("%+v, %v", got, err)
		}
		if v := w.limits.InForce("org-a", limits.Organization, "", "gpt-4"); *v.RequestsPerMinute != 40 || *v.TokensPerMinute != 1000 {
			t.Errorf("in force are %v and %v", *v.RequestsPerMinute, *v.TokensPerMinute)
		}
		for org, v := range map[string]int64{"org-b": 20, "org-0": 20} {
			if got := w.limits.InForce(org, limits.Organization, "", "gpt-4"); *got.RequestsPerMinute != v {
				t.Errorf("%s has %d", org, *got.RequestsPerMinute)
			}
		}
		if got := w.log(t, "org-a"); got != "limit_request.approved zero@example.com, limit_request.created m@example.com, rate_limit.updated zero@example.com" {
			t.Error(got)
		}
		if len(w.mail.sent) != 1 || w.mail.sent[0].To != "m@example.com" || !strings.Contains(w.mail.sent[0].Text, "  40 requests per minute (before: 20)\n  no limit of tokens per day (before: 0)\n\nas a start\n\nhttps://parley.example/console/limits") {
			t.Errorf("%+v", w.mail.sent)
		}
		// It is decided once.
		for name, err := range map[string]error{
			"approve":  second(w.Approve(t.Context(), operator, r.ID, nil, "")),
			"deny":     second(w.Deny(t.Context(), operator, r.ID, "no")),
			"withdraw": w.Withdraw(t.Context(), member, r.ID),
		} {
			if fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s again: %v", name, err)
			}
		}
		// What was granted lies over what was set before: figures that were not asked for stay.
		next := w.ask(t, owner, Request{Model: "gpt-4", Wanted: limits.Values{TokensPerMinute: n(5000)}})
		if _, err := w.Approve(t.Context(), operator, next.ID, nil, ""); err != nil {
			t.Fatal(err)
		}
		if v := w.limits.InForce("org-a", limits.Organization, "", "gpt-4"); *v.RequestsPerMinute != 40 || *v.TokensPerMinute != 5000 {
			t.Errorf("in force are %v and %v", *v.RequestsPerMinute, *v.TokensPerMinute)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestDeniedAndWithdrawn(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		first := w.ask(t, member, Request{Wanted: want(30)})
		if _, err := w.Ask(t.Context(), owner, Request{Subject: limits.Organization, Reason: "x", Wanted: want(31)}); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a second one for the same: %v", err)
		}
		w.ask(t, owner, Request{Model: "gpt-4", Wanted: want(31)}) // of another model
		w.ask(t, other, Request{Wanted: want(31)})                 // of another organization
		if _, err := w.Deny(t.Context(), operator, first.ID, " "); fault.KindOf(err) != fault.Invalid {
			t.Errorf("without a note: %v", err)
		}
		w.mail.off = true
		if r, err := w.Deny(t.Context(), operator, first.ID, "use the batch tier"); err != nil || r.State != Denied || len(w.mail.sent) != 0 {
			t.Errorf("%+v, %v; mails %v", r, err, w.mail.sent)
		}
		again := w.ask(t, member, Request{Wanted: want(30)})
		for who, kind := range map[*actor.Actor]fault.Kind{&other: fault.NotFound, &service: fault.NotFound} {
			if err := w.Withdraw(t.Context(), *who, again.ID); fault.KindOf(err) != kind {
				t.Errorf("%s withdraws another's: %v", who.User, err)
			}
		}
		if err := w.Withdraw(t.Context(), member, again.ID); err != nil {
			t.Error(err)
		}
		if v := w.limits.InForce("org-a", limits.Organization, "", "m"); *v.RequestsPerMinute != 20 {
			t.Errorf("in force are %v", *v.RequestsPerMinute)
		}
		for _, id := range []string{"lr_none", "lr_\x00"} {
			if _, err := w.Approve(t.Context(), operator, id, nil, ""); fault.KindOf(err) != fault.NotFound {
				t.Errorf("approve %q: %v", id, err)
			}
		}
	})
}

// TestTwoDecideAtOnce: of several who decide at the same time one does.
func TestTwoDecideAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.mail.off = true
		r := w.ask(t, member, Request{Wanted: want(30)})
		var mu sync.Mutex
		var wg sync.WaitGroup
		won := 0
		for i := range 8 {
			wg.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = w.Approve(t.Context(), operator, r.ID, nil, "")
				} else {
					_, err = w.Deny(t.Context(), operator, r.ID, "no")
				}
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if fault.KindOf(err) != fault.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, _, err := w.ListAll(t.Context(), "", "", store.Paging{})
		if won != 1 || err != nil || len(got) != 1 {
			t.Fatalf("%d decided, %v, %v", won, got, err)
		}
		wanted := map[State]int64{Approved: 30, Denied: 20}[got[0].State]
		if v := w.limits.InForce("org-a", limits.Organization, "", "m"); *v.RequestsPerMinute != wanted {
			t.Errorf("%s, and in force are %d", got[0].State, *v.RequestsPerMinute)
		}
	})
}

func TestWhoSeesWhat(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.ask(t, member, Request{Model: "1", Wanted: want(30)})
		w.clock.Advance(time.Second)
		w.ask(t, owner, Request{Model: "2", Wanted: want(30)})
		w.clock.Advance(time.Second)
		w.ask(t, other, Request{Model: "3", Wanted: want(30)})
		for _, tt := range []struct {
			who  actor.Actor
			want string
		}{{owner, "2 1"}, {member, "1"}, {service, ""}, {other, "3"}} {
			got, _, err := w.List(t.Context(), tt.who, "", store.Paging{})
			var models []string
			for _, r := range got {
				models = append(models, r.Model)
			}
			if err != nil || strings.Join(models, " ") != tt.want {
				t.Errorf("%s sees %v, %v", tt.who.Email, models, err)
			}
		}
		for _, tt := range []struct{ org, want string }{{"", "3 2 1"}, {"org-a", "2 1"}, {"org-c", ""}} {
			got, _, err := w.ListAll(t.Context(), tt.org, Open, store.Paging{})
			var models []string
			for _, r := range got {
				models = append(models, r.Model)
			}
			if err != nil || strings.Join(models, " ") != tt.want {
				t.Errorf("the operator sees of %q %v, %v", tt.org, models, err)
			}
		}
	})
}

func TestBadRequests(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	long := strings.Repeat("가", maxReason+1)
	for _, tt := range []struct {
		who  actor.Actor
		body string
		code int
		part string
	}{
		{member, `{"wanted": {"max_requests_per_1_minute": 30}}`, 400, "reason"},
		{member, `{"reason": " ", "wanted": {"max_requests_per_1_minute": 30}}`, 400, "reason"},
		{member, `{"reason": "` + long + `", "wanted": {"max_requests_per_1_minute": 30}}`, 400, "too long"},
		{member, `{"reason": "x"}`, 400, "at least one figure"},
		{member, `{"reason": "x", "wanted": {"max_requests_per_1_minute": 20}}`, 400, "not more than the 20"},
		{member, `{"reason": "x", "wanted": {"max_requests_per_1_minute": 0}}`, 400, "not more than"},
		{member, `{"reason": "x", "wanted": {"max_requests_per_1_minute": 2000000000}}`, 400, "more than a limit can be"},
		{member, `{"reason": "x", "wanted": {"max_requests_per_1_day": 5}}`, 400, "There is no limit of requests per day"},
		{member, `{"reason": "x", "wanted": {"token_weight": 5}}`, 400, "cannot be asked for"},
		{member, `{"reason": "x", "model": " gpt-4", "wanted": {"max_requests_per_1_minute": 30}}`, 400, "model"},
		{member, `{"reason": "x", "subject": "end_user", "subject_id": "a", "wanted": {"max_requests_per_1_minute": 30}}`, 400, "Invalid value: 'end_user'"},
		{member, `{"reason": "x", "subject_id": "org-a", "wanted": {"max_requests_per_1_minute": 30}}`, 400, "Leave subject_id out"},
		{member, `{"reason": "x", "subject": "project", "subject_id": "proj_c", "wanted": {"max_requests_per_1_minute": 30}}`, 404, "proj_c was not found"},
		{owner, `{"reason": "x", "subject": "project", "subject_id": "proj_b", "wanted": {"max_requests_per_1_minute": 30}}`, 404, "proj_b was not found"},
		{owner, `{"reason": "x", "subject": "user", "wanted": {"max_requests_per_1_minute": 30}}`, 400, `"param":"subject_id"`},
		{owner, `{"reason": "x", "subject": "project", "subject_id": "proj_c", "wanted": {"max_requests_per_1_minute": 30}}`, 400, "There is no limit"},
		{member, `{"reason": "x", "evidence": [], "wanted": {"max_requests_per_1_minute": 30}}`, 400, "evidence"},
		{actor.Actor{Org: "org-a", Scopes: []string{actor.LimitsRead}}, `{"reason": "x", "wanted": {"max_requests_per_1_minute": 30}}`, 403, ""},
	} {
		if status, body := call(t, w.Service, tt.who, "POST", "/api/limits/requests", tt.body); status != tt.code || !strings.Contains(body, tt.part) {
			t.Errorf("%.90s: %d %s", tt.body, status, body)
		}
	}
	if got, _, err := w.ListAll(t.Context(), "", "", store.Paging{}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRoutes(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	status, body := call(t, w.Service, member, "POST", "/api/limits/requests", `{"model": "gpt-4", "reason": "a fair", "wanted": {"max_requests_per_1_minute": 30}}`)
	var r struct{ ID string }
	if err := json.Unmarshal([]byte(body), &r); err != nil || status != 200 || !strings.Contains(body, `"state":"open","granted":null`) || !strings.Contains(body, `"wanted":{"max_requests_per_1_minute":30}`) {
		t.Fatalf("%d %s", status, body)
	}
	for _, tt := range []struct {
		who                actor.Actor
		method, path, body string
		status             int
		want               string
	}{
		{member, "GET", "/api/limits/requests?state=open", "", 200, r.ID},
		{member, "GET", "/api/limits/requests?state=shut", "", 400, "state"},
		{member, "GET", "/api/limits/requests?after=lr_none", "", 400, "lr_none"},
		{other, "GET", "/api/limits/requests", "", 200, `"data":[]`},
		{other, "DELETE", "/api/limits/requests/" + r.ID, "", 404, "limit_request_not_found"},
		{owner, "POST", "/admin/limits/requests/" + r.ID + "/approve", `{}`, 403, ""},
		{operator, "POST", "/admin/limits/requests/" + r.ID + "/deny", `{}`, 400, "note"},
		{operator, "POST", "/admin/limits/requests/" + r.ID + "/approve", `{"granted": {}}`, 400, "granted"},
		{operator, "POST", "/admin/limits/requests/" + r.ID + "/approve", `{"granted": {"max_requests_per_1_minute": -1}}`, 400, "max_requests_per_1_minute"},
		{operator, "GET", "/admin/limits/requests?state=open", "", 200, r.ID},
		{operator, "POST", "/admin/limits/requests/" + r.ID + "/approve", `{"note": "fine"}`, 200, `"state":"approved","granted":{"max_requests_per_1_minute":30},"note":"fine"`},
		{member, "DELETE", "/api/limits/requests/" + r.ID, "", 409, "approved"},
	} {
		if status, body := call(t, w.Service, tt.who, tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, body)
		}
	}
	status, body = call(t, w.Service, member, "POST", "/api/limits/requests", `{"reason": "a fair", "wanted": {"max_requests_per_1_minute": 30}}`)
	if err := json.Unmarshal([]byte(body), &r); err != nil || status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := call(t, w.Service, member, "DELETE", "/api/limits/requests/"+r.ID, ""); status != 200 || !strings.Contains(body, `"deleted":true`) {
		t.Errorf("%d %s", status, body)
	}
}

// as is a fake: everybody is one.
type as actor.Actor

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return actor.Actor(a), nil }

func call(t testing.TB, s *Service, who actor.Actor, method, path, body string) (int, string) {
	t.Helper()
	of := func(r *http.Request) (string, error) { return r.URL.Query().Get("organization"), nil }
	api, err := httpapi.New(httpapi.Options{Auth: as(who), Logger: slog.New(slog.DiscardHandler), Routes: append(s.Routes(), s.AdminRoutes(of)...)})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
	return rec.Code, rec.Body.String()
}
