package limits

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// owners is a fake: what belongs to an organization ends as its id does ("org-a" has "key_a").
type owners struct{}

func (owners) Owns(_ context.Context, org, kind, id string) (bool, error) {
	short := map[string]string{"project": "proj", "user": "user", "key": "key"}[kind]
	return strings.HasPrefix(id, short) && strings.HasSuffix(id, org[len(org)-1:]), nil
}

// Founded: org-a is ten days old, org-b was made just now.
func (owners) Founded(context.Context) (map[string]time.Time, error) {
	return map[string]time.Time{"org-a": begin.Add(-10 * 24 * time.Hour), "org-b": begin}, nil
}

// spending is a fake: what organizations have spent, in billionths of a dollar.
type spending map[string]int64

func (s spending) Spend(_ context.Context, org string, _ time.Time) (int64, error) {
	return s[org], nil
}

// open makes a server's part on a shared database and bus.
func open(t testing.TB, db *store.DB, hints bus.Bus) *Service {
	t.Helper()
	clk := clock.NewFake(begin)
	s, err := NewService(t.Context(), Options{
		DB: db, Bus: hints, Clock: clk, Logger: slog.New(slog.DiscardHandler), Limiter: New(clk, Settings{TokensPerMinute: 1000}), Owners: owners{}, Spending: spending{"org-a": 60e9, "org-b": 2000e9},
		Models: func(context.Context, actor.Actor) ([]string, error) {
			return []string{"gpt-4", "ada", "our/model"}, nil
		},
		Operator: func(context.Context) (string, error) { return "org-a", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// limit is what the limiter knows of requests per minute.
func limit(s *Service, org string, subject Subject, id, model string) float64 {
	return s.o.Limiter.table.Load().resolve(org, subject, id, model).limits[requestsMinute]
}

func TestRulesAreKeptAndSeen(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		hints := bus.NewLocal()
		s := open(t, db, hints)
		weight := 0.25
		first, err := s.Set(t.Context(), who, Rule{Org: "org-a", Subject: Organization, Model: "gpt-4", Values: Values{RequestsPerMinute: number(5)}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Set(t.Context(), who, Rule{Org: "org-a", Subject: Organization, Model: "gpt-4", Values: Values{RequestsPerMinute: number(6), TokenWeight: &weight}})
		if err != nil || again.ID != first.ID {
			t.Fatalf("%+v, %v: it is not the same limit any more", again, err)
		}
		for _, r := range []Rule{
			{Subject: Organization, Values: Values{RequestsPerMinute: number(7)}},
			{Org: "org-a", Subject: Key, SubjectID: "key_a", Values: Values{RequestsPerMinute: number(8)}},
			{Org: "org-a", Subject: EndUser, SubjectID: strings.Repeat("mary", 40), Values: Values{RequestsPerMinute: number(9)}},
		} {
			if _, err := s.Set(t.Context(), who, r); err != nil {
				t.Fatal(err)
			}
		}
		for i, s := range []*Service{s, open(t, db, hints)} { // a server that starts later sees the same
			for j, pair := range [][2]float64{
				{limit(s, "org-a", Organization, "", "gpt-4"), 6}, {limit(s, "org-b", Organization, "", "gpt-4"), 7},
				{limit(s, "org-a", Key, "key_a", "gpt-4"), 8}, {limit(s, "org-b", Key, "key_a", "gpt-4"), 0},
				{limit(s, "org-a", EndUser, shorten(strings.Repeat("mary", 40)), "gpt-4"), 9},
			} {
				if pair[0] != pair[1] {
					t.Errorf("server %d, %d: %v, want %v", i, j, pair[0], pair[1])
				}
			}
			if rows := s.List("org-a"); len(rows) != 3 || *rows[2].Values.TokenWeight != 0.25 || !rows[2].Updated.Equal(begin) {
				t.Errorf("server %d: %+v", i, rows)
			}
			if rows := s.List("org-b"); len(rows) != 0 {
				t.Errorf("server %d: another's limits: %+v", i, rows)
			}
		}
		if err := s.Delete(t.Context(), who, "org-b", first.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another organization deleted it: %v", err)
		}
		if err := s.Delete(t.Context(), who, "org-a", first.ID); err != nil {
			t.Fatal(err)
		}
		if got := limit(s, "org-a", Organization, "", "gpt-4"); got != 7 {
			t.Errorf("after it was taken back: %v", got)
		}
	})
}

// TestAnotherServerIsToldAtOnce: by the bus, not by its look every ten seconds.
func TestAnotherServerIsToldAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		hints := bus.NewLocal()
		one, two := open(t, db, hints), open(t, db, hints)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { two.Run(ctx); close(done) }()
		deadline := time.Now().Add(lookAgain / 2)
		// The hint may come before the other one listens: then it is given again.
		for n := int64(1); limit(two, "org-a", Organization, "", "m") == 0; n++ {
			if time.Now().After(deadline) {
				t.Fatal("the other server was not told")
			}
			if _, err := one.Set(ctx, who, Rule{Org: "org-a", Subject: Organization, Values: Values{RequestsPerMinute: &n}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
		stop()
		<-done
	})
}

func TestBadRulesAreRefused(t *testing.T) {
	s := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), bus.NewLocal())
	some := Values{RequestsPerMinute: number(1)}
	none, infinite := 0.0, math.Inf(1)
	for _, tt := range []struct {
		name  string
		rule  Rule
		kind  fault.Kind
		param string
	}{
		{"subject", Rule{Org: "org-a", Subject: "planet", Values: some}, fault.Invalid, "subject"},
		{"model", Rule{Org: "org-a", Subject: Organization, Model: " m", Values: some}, fault.Invalid, "model"},
		{"long model", Rule{Org: "org-a", Subject: Organization, Model: strings.Repeat("m", 201), Values: some}, fault.Invalid, "model"},
		{"control", Rule{Org: "org-a", Subject: EndUser, SubjectID: "a\nb", Values: some}, fault.Invalid, "subject_id"},
		{"nothing", Rule{Org: "org-a", Subject: Organization}, fault.Invalid, ""},
		{"negative", Rule{Org: "org-a", Subject: Organization, Values: Values{TokensPerDay: number(-1)}}, fault.Invalid, "max_tokens_per_1_day"},
		{"huge", Rule{Org: "org-a", Subject: Organization, Values: Values{RequestsPerDay: number(maxFigure + 1)}}, fault.Invalid, "max_requests_per_1_day"},
		{"weight", Rule{Org: "org-a", Subject: Organization, Values: Values{TokenWeight: &none}}, fault.Invalid, "token_weight"},
		{"endless weight", Rule{Org: "org-a", Subject: Organization, Values: Values{TokenWeight: &infinite}}, fault.Invalid, "token_weight"},
		{"organization by id", Rule{Org: "org-a", Subject: Organization, SubjectID: "org-b", Values: some}, fault.Invalid, "subject_id"},
		{"key of none", Rule{Subject: Key, SubjectID: "key_a", Values: some}, fault.Invalid, "subject_id"},
		{"another's key", Rule{Org: "org-a", Subject: Key, SubjectID: "key_b", Values: some}, fault.NotFound, "subject_id"},
		{"another's project", Rule{Org: "org-a", Subject: Project, SubjectID: "proj_b", Values: some}, fault.NotFound, "subject_id"},
		{"another's user", Rule{Org: "org-a", Subject: User, SubjectID: "user-b", Values: some}, fault.NotFound, "subject_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Set(t.Context(), who, tt.rule)
			if f := fault.As(err); f == nil || f.Kind != tt.kind || f.Param != tt.param {
				t.Errorf("%+v", f)
			}
		})
	}
	if len(s.in) > 0 {
		t.Errorf("they are set: %+v", s.in)
	}
}

// organizationOf is a fake of identity's: there are two.
func organizationOf(r *http.Request) (string, error) {
	org := r.URL.Query().Get("organization")
	if org == "" || org == "org-a" || org == "org-b" {
		return org, nil
	}
	return "", fault.New(fault.NotFound, "No such organization.")
}

// TestTheOperatorNamesOrganizationsThatExist: a limit for an id that was mistyped would be in force for nobody.
func TestTheOperatorNamesOrganizationsThatExist(t *testing.T) {
	s := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), bus.NewLocal())
	for _, r := range [][3]string{{"GET", "", ""}, {"PUT", "", `{"subject":"organization","requests_per_minute":5}`}, {"DELETE", "/rl_1", ""}} {
		if status, body := call(t, s, r[0], "/admin/limits"+r[1]+"?organization=org-nope", r[2]); status != 404 || !strings.Contains(body, "No such organization") {
			t.Errorf("%s: %d %s", r[0], status, body)
		}
	}
}

// call asks the routes as a key of org-a and returns status and body.
func call(t testing.TB, s *Service, method, path, body string) (int, string) {
	t.Helper()
	return callAs(t, s, actor.Actor{Org: "org-a", Key: "key_a", Scopes: []string{actor.All}, Operator: true}, method, path, body)
}

func callAs(t testing.TB, s *Service, who actor.Actor, method, path, body string) (int, string) {
	t.Helper()
	api, err := httpapi.New(httpapi.Options{Auth: as(who), Logger: slog.New(slog.DiscardHandler), Routes: append(s.Routes(), s.AdminRoutes(organizationOf)...)})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
	return rec.Code, strings.Join(strings.Fields(rec.Body.String()), " ")
}

// as is a fake: everybody is one.
type as actor.Actor

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return actor.Actor(a), nil }

func TestProjectRateLimits(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, bus.NewLocal())
		path := "/v1/organization/projects/proj_a/rate_limits"
		gpt4 := `{"object":"project.rate_limit","id":"rl-gpt-4","model":"gpt-4","max_requests_per_1_minute":500,"max_tokens_per_1_minute":1000,"max_requests_per_1_day":9}`
		rest := `{"object":"project.rate_limit","id":"rl-our/model","model":"our/model","max_requests_per_1_minute":0,"max_tokens_per_1_minute":1000}`
		for _, tt := range []struct {
			method, path, body string
			status             int
			want               string
		}{
			{"POST", path + "/rl-gpt-4", `{"max_requests_per_1_minute": 500}`, 200, `{"object":"project.rate_limit","id":"rl-gpt-4","model":"gpt-4","max_requests_per_1_minute":500,"max_tokens_per_1_minute":1000}`},
			{"POST", path + "/rl-gpt-4", `{"max_requests_per_1_day": 9, "max_tokens_per_1_minute": 2000}`, 200, gpt4}, // the organization's is stricter
			{"POST", path + "/rl-our%2Fmodel", `{}`, 200, rest},
			{"GET", path + "?after=rl-ada", "", 200, `{"object":"list","data":[` + gpt4 + "," + rest + `],"first_id":"rl-gpt-4","last_id":"rl-our/model","has_more":false}`},
			{"GET", path + "?limit=1&after=rl-ada", "", 200, `{"object":"list","data":[` + gpt4 + `],"first_id":"rl-gpt-4","last_id":"rl-gpt-4","has_more":true}`},
			{"GET", path + "?limit=1&before=rl-our/model", "", 200, `{"object":"list","data":[` + gpt4 + `],"first_id":"rl-gpt-4","last_id":"rl-gpt-4","has_more":true}`},
			{"GET", path + "?after=rl-our/model&before=rl-gpt-4", "", 200, `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}`},
			{"GET", path + "?after=rl-x", "", 400, "No such rate limit: rl-x"},
			{"GET", path + "?limit=0", "", 400, "less than the minimum of 1"},
			{"GET", "/v1/organization/projects/proj_b/rate_limits", "", 404, "The project proj_b was not found"},
			{"POST", "/v1/organization/projects/proj_b/rate_limits/rl-gpt-4", `{"max_requests_per_1_minute": 500}`, 404, "The project proj_b was not found"},
			{"POST", path + "/rl-gpt-5", `{"max_requests_per_1_minute": 5}`, 404, "The rate limit rl-gpt-5 was not found"},
			{"POST", path + "/gpt-4", `{"max_requests_per_1_minute": 5}`, 404, "The rate limit gpt-4 was not found"},
			{"POST", path + "/rl-gpt-4", `{"max_requests_per_1_minute": -5}`, 400, "expected 0, which is no limit"},
			{"POST", path + "/rl-gpt-4", `{"max_images_per_1_minute": 5}`, 400, "'max_images_per_1_minute' cannot be set"},
		} {
			status, body := call(t, s, tt.method, tt.path, tt.body)
			if status != tt.status || !strings.Contains(body, tt.want) || status == 200 && body != tt.want {
				t.Errorf("%s %s %s: %d %s\nwant %d %s", tt.method, tt.path, tt.body, status, body, tt.status, tt.want)
			}
		}
		d, err := s.o.Limiter.Admit(t.Context(), actor.Actor{Org: "org-a", Project: "proj_a"}, Request{Model: "gpt-4"})
		if err != nil || fmt.Sprint(d.Headers[0]) != "[x-ratelimit-limit-requests 9]" {
			t.Errorf("%v %v", d.Headers, err)
		}
	})
}

// TestChangesAreAudited: who, what there was and what there is, in the log of the organization that it is about.
func TestChangesAreAudited(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, bus.NewLocal())
		limit, err := s.SetProjectLimit(t.Context(), who, "proj_a", "gpt-4", Values{RequestsPerMinute: number(5)})
		if err != nil || limit.RequestsPerMinute != 5 {
			t.Fatalf("%+v %v", limit, err)
		}
		r, err := s.Set(t.Context(), who, Rule{Org: "org-a", Subject: Project, SubjectID: "proj_a", Model: "gpt-4", Values: Values{TokensPerDay: number(6)}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), who, "org-a", r.ID); err != nil {
			t.Fatal(err)
		}
		operator := actor.Actor{Org: "org-a", User: "user-a"}
		for _, org := range []string{"", "org-b"} {
			if _, err := s.Set(t.Context(), operator, Rule{Org: org, Subject: Organization, Values: Values{RequestsPerDay: number(7)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Delete(t.Context(), who, "org-a", r.ID); err == nil {
			t.Error("it was deleted before")
		}
		var got []string
		for _, org := range []string{"org-a", "org-b"} {
			lines, _, err := audit.New(db, s.o.Clock).List(t.Context(), actor.Actor{Org: org}, audit.Filter{}, store.Paging{Limit: 10, Order: "asc"})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				got = append(got, fmt.Sprint(org, " ", l.Type, " ", l.Object == r.ID, " ", l.Project, " ", l.Key, " ", string(l.Before), " ", string(l.After)))
			}
		}
		first := `{"subject":"project","subject_id":"proj_a","model":"gpt-4","max_requests_per_1_minute":5}`
		second := `{"subject":"project","subject_id":"proj_a","model":"gpt-4","max_tokens_per_1_day":6}`
		all := `{"subject":"organization","subject_id":"","model":"","max_requests_per_1_day":7}`
		want := []string{
			"org-a rate_limit.updated true proj_a key_a  " + first,
			"org-a rate_limit.updated true proj_a key_a " + first + " " + second,
			"org-a rate_limit.deleted true proj_a key_a " + second + " ",
			"org-a rate_limit.updated false    " + all,
			"org-b rate_limit.updated false    " + all,
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestLimitRoutes(t *testing.T) {
	s := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), bus.NewLocal())
	status, body := call(t, s, "PUT", "/api/limits", `{"subject": "end_user", "model": "gpt-4", "max_requests_per_1_minute": 3, "max_tokens_per_1_minute": 0}`)
	var l struct{ ID string }
	if err := json.Unmarshal([]byte(body), &l); err != nil || status != 200 || body != fmt.Sprintf(`{"object":"limit","id":"%s","subject":"end_user","subject_id":"",`+
		`"model":"gpt-4","max_requests_per_1_minute":3,"max_tokens_per_1_minute":0,"updated_at":1700000000}`, l.ID) {
		t.Fatalf("%d %s %v", status, body, err)
	}
	if status, body := call(t, s, "PUT", "/api/limits", `{"max_requests_per_1_hour": 3}`); status != 400 || !strings.Contains(body, "max_requests_per_1_hour") {
		t.Errorf("an unknown member: %d %s", status, body)
	}
	if status, body := call(t, s, "PUT", "/admin/limits", `{"max_requests_per_1_day": 3}`); status != 200 || !strings.Contains(body, `"subject":"organization"`) {
		t.Errorf("everybody's: %d %s", status, body)
	}
	for path, n := range map[string]int{"/api/limits": 1, "/admin/limits": 1, "/admin/limits?organization=org-a": 1, "/admin/limits?organization=org-b": 0} {
		if status, body := call(t, s, "GET", path, ""); status != 200 || strings.Count(body, `"object":"limit"`) != n {
			t.Errorf("%s: %d %s, want %d", path, status, body, n)
		}
	}
	if status, body := call(t, s, "DELETE", "/admin/limits/"+l.ID+"?organization=org-b", ""); status != 404 || !strings.Contains(body, "limit_not_found") {
		t.Errorf("another's: %d %s", status, body)
	}
	if status, body := call(t, s, "DELETE", "/api/limits/"+l.ID, ""); status != 200 || body != `{"id":"`+l.ID+`","object":"limit.deleted","deleted":true}` {
		t.Errorf("%d %s", status, body)
	}
	for _, r := range append(s.Routes(), s.AdminRoutes(organizationOf)...) {
		want := map[string]string{"GET": actor.LimitsRead}[r.Method]
		if want == "" {
			want = actor.LimitsWrite
		}
		if strings.HasPrefix(r.Path, "/admin/") {
			want = actor.Operate
		}
		if r.Scope != want {
			t.Errorf("%s %s: scope %q, want %q", r.Method, r.Path, r.Scope, want)
		}
	}
}
